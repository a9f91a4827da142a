#include "sim/epay.h"
#include "sim/epay_calls.h"

#include <assert.h>
#include <string.h>

#include "base/time.h"

#define COUNTRY_OFFSET_MS (5 * HOUR_MS) /* UTC+05:00 since 2024 */

static const struct {
    const char *text;
    bool over;
} states[] = {
#define X(name, text, over) { text, over },
    EPAY_STATES(X)
#undef X
};
#define STATE_COUNT (sizeof states / sizeof states[0])

static const struct {
    int64_t code;
    const char *text;
} reasons[] = {
#define X(code, text) { code, text },
    EPAY_REASONS(X)
#undef X
};
#define REASON_COUNT (sizeof reasons / sizeof reasons[0])

struct epay *epay_new(struct sim *sim)
{
    struct epay *epay = ARENA_NEW(&sim->arena, struct epay);
    struct map empty = { .arena = &sim->arena };

    *epay = (struct epay){ empty, empty, empty, empty, empty, empty, NULL };
    return epay;
}

const char *epay_state_text(const char *name)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (strcmp(states[i].text, name) == 0)
            return states[i].text;
    }
    assert(false && "a state of the bank");
    return "";
}

bool epay_is_over(struct str status)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (str_equal_c(status, states[i].text))
            return states[i].over;
    }
    return true;
}

bool epay_is_two_step(const struct sim *sim, struct str terminal)
{
    return str_equal(terminal, sim->settings.terminal_two_step);
}

const char *epay_reason_text(int64_t code)
{
    for (size_t i = 0; i < REASON_COUNT; i++) {
        if (reasons[i].code == code)
            return reasons[i].text;
    }
    return "Refused";
}

/* Amounts and times. */

struct str epay_amount_text(struct arena *arena, struct money money)
{
    struct buf text;

    buf_init(&text, arena, 64);
    money_write_decimal(&text, money.minor, currency_exponent(money.currency));
    /* As a number of JSON is written by most programs: without what says nothing. */
    if (str_find_char(buf_str(&text), '.', 0) < text.len) {
        while (text.ptr[text.len - 1] == '0')
            text.len--;
        if (text.ptr[text.len - 1] == '.')
            text.len--;
    }
    return buf_str(&text);
}

bool epay_read_amount(struct str text, enum currency currency, int64_t *out_minor)
{
    int64_t minor = 0;

    if (currency == CURRENCY_NONE ||
        money_parse_decimal(text, currency_exponent(currency), &minor) != OK || minor < 0)
        return false;
    *out_minor = minor;
    return true;
}

struct str epay_time_text(struct arena *arena, int64_t time_ms)
{
    struct buf text;

    buf_init(&text, arena, 64);
    time_write(&text, time_ms + COUNTRY_OFFSET_MS);
    text.len--; /* the Z */
    buf_add_c(&text, "000000+05:00");
    return buf_str(&text);
}

/* Tokens of calls. */

struct epay_token *epay_token_of(const struct exchange *exchange)
{
    struct str header = server_request_header(exchange->request, "authorization");
    struct str scheme = STR("Bearer ");
    struct epay_token *token = NULL;

    if (!str_starts_with(header, scheme))
        return NULL;
    token = map_get(&exchange->sim->epay->tokens, str_slice(header, scheme.len, header.len));
    if (token == NULL || token->gone || token->expires_ms <= sim_now_ms(exchange->sim))
        return NULL;
    return token;
}

static void fail(struct exchange *exchange, int status)
{
    struct json_out *out = reply_json(exchange, status);

    if (status == 401 && exchange->call->secret) {
        json_put_text(out, "error", STR("invalid_client"));
        json_put_text(out, "error_description", STR("Client authentication failed"));
    } else {
        json_put_int(out, "code", status);
        json_put_text(out, "message",
                      status == 401   ? STR("Unauthorized")
                      : status == 429 ? STR("Too many requests")
                                      : STR("Internal server error"));
    }
    reply_done(exchange);
}

struct epay_token *epay_service_token(struct exchange *exchange)
{
    struct epay_token *token = epay_token_of(exchange);

    if (token != NULL && token->order == NULL)
        return token;
    fail(exchange, 401);
    return NULL;
}

static void forget_token(struct exchange *exchange)
{
    struct epay_token *token = epay_token_of(exchange);

    if (token != NULL)
        token->gone = true;
}

void epay_reply_no(struct exchange *exchange, int64_t code, const char *message)
{
    struct json_out *out = reply_json(exchange, 400);

    json_put_int(out, "code", code);
    json_put_text(out, "message", str_of(message));
    reply_done(exchange);
}

static void error(struct exchange *exchange, struct str code)
{
    int64_t number = 100;

    (void)str_to_i64(code, &number);
    if (str_starts_with(code, STR("locked")))
        fail(exchange, 429);
    else if (str_equal_c(STR("enquire"), exchange->role))
        epay_reply_result(exchange, number, NULL);
    else
        epay_reply_no(exchange, number, number == 100 ? "" : epay_reason_text(number));
}

/* Transactions. */

struct epay_tx *epay_tx_new(struct sim *sim, struct epay_order *order)
{
    struct epay_tx *tx = ARENA_NEW(&sim->arena, struct epay_tx);

    *tx = (struct epay_tx){
        .id = sim_random_uuid(sim, &sim->arena),
        .reference = str_format(&sim->arena, "%012lld",
                                (long long)(sim_now_ms(sim) % INT64_C(1000000000000))),
        .int_reference = sim_random_text(sim, &sim->arena, 16),
        .approval_code = str_format(&sim->arena, "%06zu", sim->epay->txs.count % 1000000),
        .order = order,
        .now = { STR("NEW"), order->amount.minor, 0, { 0 } },
        .before = { STR("NEW"), order->amount.minor, 0, { 0 } },
        .created_ms = sim_now_ms(sim),
    };
    order->tx = tx;
    map_put(&sim->epay->txs, tx->id, tx);
    return tx;
}

void epay_tx_show(struct epay_tx *tx, const char *status)
{
    tx->before = tx->now;
    tx->now.status = str_of(epay_state_text(status));
}

void epay_tx_fail(struct sim *sim, struct epay_tx *tx, struct str status, int64_t reason_code)
{
    tx->before = tx->now;
    tx->now.status = str_is_empty(status) ? STR("REJECT") : str_copy(&sim->arena, status);
    tx->now.reason_code = reason_code == 0 ? reasons[0].code : reason_code;
    tx->now.reason = str_of(epay_reason_text(tx->now.reason_code));
}

struct effect epay_effect(const struct epay_tx *tx, const char *kind, int64_t minor,
                          struct str second, const char *by, enum wrong wrong)
{
    return (struct effect){
        .gateway = EPAY,
        .kind = kind,
        .reference = tx->order->invoice,
        .id = tx->id,
        .second = second,
        .amount = { minor, tx->order->amount.currency },
        .by = by,
        .wrong = wrong,
    };
}

void epay_record(struct sim *sim, const struct epay_tx *tx, const char *kind, int64_t minor,
                 struct str second, const char *by, enum wrong wrong)
{
    struct effect effect = epay_effect(tx, kind, minor, second, by, wrong);

    sim_record(sim, &effect);
}

static const struct call calls[] = {
    { HTTP_POST, "/oauth2/token", "login", "login", epay_token_subject, epay_token_perform, true },
    { HTTP_GET, "/check-status/payment/transaction/{}", "status", "enquire", epay_status_subject,
      epay_status_perform, false },
    { HTTP_GET, "/check-status/payment/transactionId/{}", "status_by_id", "enquire",
      epay_status_by_id_subject, epay_status_perform, false },
    { HTTP_POST, "/operation/{}/charge", "charge", "capture", epay_operation_subject,
      epay_charge_perform, false },
    { HTTP_POST, "/operation/{}/cancel", "cancel", "cancel", epay_operation_subject,
      epay_cancel_perform, false },
    { HTTP_POST, "/operation/{}/refund", "refund", "refund", epay_operation_subject,
      epay_refund_perform, false },
    { HTTP_POST, "/payments/cards/auth", "card_pay", "authorize", epay_card_subject,
      epay_card_perform, false },
    { HTTP_POST, "/card/deactivate/{}", "card_deactivate", "forget", epay_deactivate_subject,
      epay_deactivate_perform, false },
};

const struct face epay_face = { EPAY, calls, sizeof calls / sizeof calls[0], fail, error,
                                forget_token };

static const struct call page_calls[] = {
    { HTTP_GET, "/payform/payment-api.js", "", "", NULL, epay_script_perform, false },
    { HTTP_POST, "/payform", "", "", NULL, epay_widget_perform, false },
    { HTTP_GET, "/payform/{}", "", "", NULL, epay_page_perform, false },
    { HTTP_POST, "/payform/{}", "", "", NULL, epay_page_act_perform, false },
};

const struct face epay_pages = { "", page_calls, sizeof page_calls / sizeof page_calls[0], NULL,
                                 NULL, NULL };
