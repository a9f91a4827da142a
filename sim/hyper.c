#include "sim/hyper.h"
#include "sim/hyper_calls.h"

#include <assert.h>
#include <string.h>

enum state_funds { FUNDS_NOTHING, FUNDS_HELD, FUNDS_HALF_HELD, FUNDS_TAKEN };

static const struct {
    const char *text, *event;
    enum state_funds funds;
} states[] = {
#define X(name, text, funds, event) { text, event, FUNDS_##funds },
    HYPER_STATES(X)
#undef X
};
#define STATE_COUNT (sizeof states / sizeof states[0])

static const struct {
    const char *text, *event;
    bool counts;
} refund_states[] = {
#define X(name, text, counts, event) { text, event, counts },
    HYPER_REFUND_STATES(X)
#undef X
};
#define REFUND_STATE_COUNT (sizeof refund_states / sizeof refund_states[0])

static const struct {
    const char *code, *type, *message;
    int status;
} errors[] = {
#define X(name, code, status, type, message) { code, type, message, status },
    HYPER_ERRORS(X)
#undef X
};

#define X(name) name,
static const char *const payment_members[] = { HYPER_PAYMENT_MEMBERS(X) };
static const char *const refund_members[] = { HYPER_REFUND_MEMBERS(X) };
#undef X

struct hyper *hyper_new(struct sim *sim)
{
    struct hyper *hyper = ARENA_NEW(&sim->arena, struct hyper);

    hyper->payments = hyper->refunds = (struct map){ .arena = &sim->arena };
    return hyper;
}

/* Words. */

const char *hyper_event_of(struct str status)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (str_equal_c(status, states[i].text))
            return states[i].event;
    }
    return "";
}

const char *hyper_refund_event_of(struct str status)
{
    for (size_t i = 0; i < REFUND_STATE_COUNT; i++) {
        if (str_equal_c(status, refund_states[i].text))
            return refund_states[i].event;
    }
    return "";
}

bool hyper_is_refund_state(struct str status)
{
    for (size_t i = 0; i < REFUND_STATE_COUNT; i++) {
        if (str_equal_c(status, refund_states[i].text))
            return true;
    }
    return false;
}

bool hyper_refund_counts(struct str status)
{
    for (size_t i = 0; i < REFUND_STATE_COUNT; i++) {
        if (str_equal_c(status, refund_states[i].text))
            return refund_states[i].counts;
    }
    return true;
}

bool hyper_knows_members(const struct json *doc, bool refund)
{
    const char *const *names = refund ? refund_members : payment_members;
    size_t count = refund ? sizeof refund_members / sizeof refund_members[0]
                          : sizeof payment_members / sizeof payment_members[0];
    struct json_cursor cursor;
    struct str name;
    const struct json *value = NULL;

    json_each(&cursor, doc);
    while (json_next(&cursor, &name, &value)) {
        size_t at = 0;
        while (at < count && !str_equal_c(name, names[at]))
            at++;
        if (at == count)
            return false;
    }
    return true;
}

/* Errors. */

static void reply_error(struct exchange *exchange, size_t row, const char *detail)
{
    struct json_out *out = reply_json(exchange, errors[row].status);
    struct str code = str_of(errors[row].code);
    const char *gap = strstr(errors[row].message, "%s");
    struct str message = str_of(errors[row].message);

    if (gap != NULL)
        message = str_format(exchange->arena, "%.*s%s%s", (int)(gap - errors[row].message),
                             errors[row].message, detail, gap + 2);
    /* Rows that have no code of their own share that of "something went wrong". */
    if (code.len != 5)
        code = STR("HE_00");
    json_open_object(out, "error");
    json_put_text(out, "type", str_of(errors[row].type));
    json_put_text(out, "message", message);
    json_put_text(out, "code", code);
    if (gap == NULL && detail[0] != '\0')
        json_put_text(out, "reason", str_of(detail));
    json_close_object(out);
    reply_done(exchange);
    reply_header(exchange, "x-request-id", sim_random_uuid(exchange->sim, exchange->arena));
}

void hyper_reply_error(struct exchange *exchange, enum hyper_error error, const char *detail)
{
    reply_error(exchange, error, detail);
}

static void fail(struct exchange *exchange, int status)
{
    hyper_reply_error(exchange,
                      status == 401   ? HYPER_ERROR_UNAUTHORIZED
                      : status == 429 ? HYPER_ERROR_RATE
                                      : HYPER_ERROR_SERVER,
                      "");
}

static void error(struct exchange *exchange, struct str code)
{
    size_t row = 0;

    while (row < HYPER_ERROR_COUNT && !str_equal_c(code, errors[row].code))
        row++;
    reply_error(exchange, row == HYPER_ERROR_COUNT ? HYPER_ERROR_SERVER : row, "");
}

bool hyper_is_allowed(struct exchange *exchange)
{
    struct str key = server_request_header(exchange->request, "api-key");

    if (str_equal(key, exchange->sim->settings.api_key))
        return true;
    hyper_reply_error(exchange, HYPER_ERROR_UNAUTHORIZED, "");
    return false;
}

/* Payments. */

struct str hyper_new_id(struct sim *sim, const char *prefix, struct str given)
{
    struct str random = { 0 };

    if (!str_is_empty(given))
        return str_copy(&sim->arena, given);
    random = sim_random_text(sim, &sim->arena, 20);
    return str_format(&sim->arena, "%s_%.*s", prefix, STR_ARG(random));
}

const struct json *hyper_keep(struct sim *sim, struct str body)
{
    const struct json *doc = NULL;

    if (json_parse(str_copy(&sim->arena, body), &sim->arena, &doc, NULL) != OK)
        return NULL;
    return doc;
}

const struct json *hyper_member(const struct hyper_payment *payment, const char *name)
{
    const struct json *found = json_get(payment->update, name);

    return found != NULL ? found : json_get(payment->request, name);
}

bool hyper_is(const struct hyper_payment *payment, const char *status)
{
    return str_equal_c(payment->now.status, status);
}

void hyper_sync(struct hyper_payment *payment)
{
    if (str_equal(payment->seen.status, payment->now.status) &&
        payment->seen.received == payment->now.received &&
        payment->seen.capturable == payment->now.capturable)
        return;
    payment->before = payment->seen;
    payment->seen = payment->now;
}

void hyper_set(struct sim *sim, struct hyper_payment *payment, const char *status)
{
    payment->now.status = str_of(status);
    payment->updated_ms = sim_now_ms(sim);
    hyper_sync(payment);
}

struct effect hyper_effect(const struct hyper_payment *payment, const char *kind, int64_t minor,
                           struct str second, const char *by, enum wrong wrong)
{
    return (struct effect){
        .gateway = HYPER,
        .kind = kind,
        .reference = payment->id,
        .id = payment->connector_id,
        .second = second,
        .amount = { minor, payment->amount.currency },
        .by = by,
        .wrong = wrong,
    };
}

void hyper_record(struct sim *sim, const struct hyper_payment *payment, const char *kind,
                  int64_t minor, struct str second, const char *by, enum wrong wrong)
{
    struct effect effect = hyper_effect(payment, kind, minor, second, by, wrong);

    sim_record(sim, &effect);
}

struct str hyper_approved_state(const struct hyper_payment *payment)
{
    return str_equal(payment->capture_method, STR("automatic")) ? STR("succeeded")
                                                                : STR("requires_capture");
}

static void move_funds(struct sim *sim, struct hyper_payment *payment, enum state_funds funds,
                       const char *by)
{
    struct str none = { 0 };
    int64_t held = funds == FUNDS_HALF_HELD ? payment->amount.minor / 2 : payment->amount.minor;

    if (funds == FUNDS_NOTHING)
        return;
    if (payment->funds.authorized == 0) {
        payment->funds.authorized = held;
        hyper_record(sim, payment, "authorize", held, none, by, WRONG_NONE);
    }
    payment->now.capturable = payment->funds.authorized;
    if (funds != FUNDS_TAKEN)
        return;
    hyper_record(sim, payment, "capture", held, none, by, WRONG_NONE);
    payment->funds.captured = held;
    payment->funds.closed = true;
    payment->now.capturable = 0;
    payment->now.received = held;
}

void hyper_come_to(struct sim *sim, struct hyper_payment *payment, struct str status,
                   struct str code, const char *by, struct exchange *cause)
{
    bool failed = str_equal(status, STR("failed"));

    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (str_equal_c(status, states[i].text))
            move_funds(sim, payment, states[i].funds, by);
    }
    payment->now.error_code = failed && str_is_empty(code) ? STR("card_declined")
                                                           : str_copy(&sim->arena, code);
    payment->now.error_message = failed ? STR("The payment was declined") : (struct str){ 0 };
    hyper_set(sim, payment, str_c(&sim->arena, status));
    hyper_tell(sim, payment, cause);
}

static const struct call calls[] = {
    { HTTP_POST, "/payments", "payment_create", "authorize", hyper_create_subject,
      hyper_create_perform, false },
    { HTTP_GET, "/payments/list", "payment_list", "list", NULL, hyper_list_perform, false },
    { HTTP_POST, "/payments/list", "payment_list", "list", NULL, hyper_list_perform, false },
    { HTTP_GET, "/payments/{}", "payment_get", "enquire", hyper_payment_subject, hyper_get_perform,
      false },
    { HTTP_POST, "/payments/{}", "payment_update", "update", hyper_payment_subject,
      hyper_update_perform, false },
    { HTTP_POST, "/payments/{}/confirm", "payment_confirm", "authorize", hyper_payment_subject,
      hyper_confirm_perform, false },
    { HTTP_POST, "/payments/{}/capture", "payment_capture", "capture", hyper_payment_subject,
      hyper_capture_perform, false },
    { HTTP_POST, "/payments/{}/cancel", "payment_cancel", "cancel", hyper_payment_subject,
      hyper_cancel_perform, false },
    { HTTP_POST, "/refunds", "refund_create", "refund", hyper_refund_subject, hyper_refund_perform,
      false },
    { HTTP_POST, "/refunds/list", "refund_list", "list", NULL, hyper_refund_list_perform, false },
    { HTTP_GET, "/refunds/{}", "refund_get", "enquire", hyper_refund_get_subject,
      hyper_refund_get_perform, false },
};

const struct face hyper_face = { HYPER, calls, sizeof calls / sizeof calls[0], fail, error, NULL };

static const struct call page_calls[] = {
    { HTTP_GET, "/payment_link/" HYPER_MERCHANT "/{}", "", "", NULL, hyper_page_perform, false },
    { HTTP_POST, "/payment_link/" HYPER_MERCHANT "/{}", "", "", NULL, hyper_page_act_perform,
      false },
};

const struct face hyper_pages = { "", page_calls, sizeof page_calls / sizeof page_calls[0], NULL,
                                  NULL, NULL };
