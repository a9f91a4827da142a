#include "sim/hyper.h"
#include "sim/hyper_calls.h"

#include "base/time.h"

void hyper_create_subject(struct exchange *exchange)
{
    exchange->reference = json_text(json_get(exchange->doc, "payment_id"));
    exchange->amount.currency = currency_of(json_text(json_get(exchange->doc, "currency")));
    (void)json_int(json_get(exchange->doc, "amount"), &exchange->amount.minor);
    exchange->total = exchange->amount;
}

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return id.len <= 64;
}

static bool is_capture_method(const struct json *value)
{
    static const char *const methods[] = { "automatic", "manual", "manual_multiple", "scheduled",
                                           "sequential_automatic" };

    if (value == NULL || json_type(value) == JSON_NULL)
        return true;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (str_equal_c(json_text(value), methods[i]))
            return true;
    }
    return false;
}

/* False when a reply says what is wrong with the request. */
static bool check(struct exchange *exchange)
{
    const struct json *doc = exchange->doc;
    int64_t minor = 0;

    if (doc == NULL)
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_JSON, "not an object");
    else if (!hyper_knows_members(doc, false))
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_JSON, "unknown field");
    else if (json_get(doc, "amount") == NULL)
        hyper_reply_error(exchange, HYPER_ERROR_MISSING_FIELD, "amount");
    else if (!json_int(json_get(doc, "amount"), &minor) || minor < 0)
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_JSON, "amount: expected i64");
    else if (json_get(doc, "currency") == NULL)
        hyper_reply_error(exchange, HYPER_ERROR_MISSING_FIELD, "currency");
    else if (currency_of(json_text(json_get(doc, "currency"))) == CURRENCY_NONE)
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_JSON, "currency: unknown variant");
    else if (!is_capture_method(json_get(doc, "capture_method")))
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_JSON, "capture_method: unknown variant");
    else if (!is_id(exchange->reference))
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_FORMAT, "payment_id");
    else if (map_get(&exchange->sim->hyper->payments, exchange->reference) != NULL)
        hyper_reply_error(
            exchange, HYPER_ERROR_DUPLICATE_PAYMENT,
            str_format(exchange->arena, "%.*s already exists", STR_ARG(exchange->reference)).ptr);
    else
        return true;
    return false;
}

static bool is_given(const struct json *doc, const char *name)
{
    enum json_type type = json_type(json_get(doc, name));

    return type != JSON_MISSING && type != JSON_NULL;
}

bool hyper_has_method(const struct json *doc)
{
    return is_given(doc, "payment_method_data") || is_given(doc, "payment_token") ||
           is_given(doc, "recurring_details") || is_given(doc, "mandate_id");
}

static struct hyper_payment *make(struct exchange *exchange)
{
    struct sim *sim = exchange->sim;
    struct hyper_payment *payment = ARENA_NEW(&sim->arena, struct hyper_payment);
    const struct json *doc = exchange->doc;
    int64_t seconds = sim->settings.session_seconds;
    struct str method = json_text(json_get(doc, "capture_method"));

    (void)json_int(json_get(doc, "session_expiry"), &seconds);
    payment->id = hyper_new_id(sim, "pay", exchange->reference);
    payment->client_secret = str_format(&sim->arena, "%.*s_secret_%.*s", STR_ARG(payment->id),
                                        STR_ARG(sim_random_text(sim, exchange->arena, 20)));
    payment->amount = exchange->amount;
    payment->capture_method =
        str_is_empty(method) ? STR("automatic") : str_copy(&sim->arena, method);
    payment->request = hyper_keep(sim, server_request_body(exchange->request));
    payment->created_ms = payment->updated_ms = sim_now_ms(sim);
    payment->expires_ms = payment->created_ms + seconds * SECOND_MS;
    payment->now.status = hyper_has_method(doc) ? STR("requires_confirmation")
                                                : STR("requires_payment_method");
    payment->seen = payment->before = payment->now;
    payment->refunds_end = &payment->refunds;
    payment->attempts = 1;
    payment->next = sim->hyper->newest;
    sim->hyper->newest = payment;
    map_put(&sim->hyper->payments, payment->id, payment);
    return payment;
}

/* What the dummy connector does with that card. */
static struct str card_state(const struct json *doc, struct str *code)
{
    struct str number = json_text(
        json_get(json_get(json_get(doc, "payment_method_data"), "card"), "card_number"));

#define X(card, state, reason, message)                                                            \
    if (str_equal_c(number, card)) {                                                               \
        *code = STR(reason);                                                                       \
        return STR(state);                                                                         \
    }
    HYPER_CARDS(X)
#undef X
    return (struct str){ 0 };
}

void hyper_confirm(struct exchange *exchange, struct hyper_payment *payment)
{
    struct str code = { 0 };
    struct str status = exchange_outcome(exchange);

    if (!str_is_empty(status))
        code = exchange_shows(exchange, FAULT_OUTCOME)->code;
    else
        status = card_state(exchange->doc, &code);
    if (str_is_empty(status))
        status = hyper_approved_state(payment);
    payment->connector_id = sim_random_text(exchange->sim, &exchange->sim->arena, 20);
    hyper_come_to(exchange->sim, payment, status, code, BY_MERCHANT, exchange);
}

void hyper_create_perform(struct exchange *exchange)
{
    bool confirm = false;

    if (!hyper_is_allowed(exchange) || !check(exchange))
        return;
    (void)json_bool(json_get(exchange->doc, "confirm"), &confirm);
    if (confirm && !hyper_has_method(exchange->doc)) {
        hyper_reply_error(exchange, HYPER_ERROR_MISSING_FIELD, "payment_method_data");
        return;
    }
    struct hyper_payment *payment = make(exchange);
    exchange->reference = str_copy(exchange->arena, payment->id);
    if (confirm)
        hyper_confirm(exchange, payment);
    hyper_reply_payment(exchange, payment);
}
