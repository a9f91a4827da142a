#include "sim/epay.h"
#include "sim/epay_calls.h"
#include "sim/fields.h"

#define REFUND_LEAST_MINOR 1000 /* 10 KZT */

static struct epay_tx *tx_of(const struct exchange *exchange)
{
    return map_get(&exchange->sim->epay->txs, exchange->ids[0]);
}

/* The amount asked for, in the query or the body; both must agree. All there is when none is
 * given. */
static bool read_amount(const struct exchange *exchange, const struct epay_tx *tx, int64_t all,
                        int64_t *out_minor)
{
    enum currency currency = tx->order->amount.currency;
    struct str in_query = exchange_query(exchange, "amount");
    struct str in_body = fields_json_text(json_get(exchange->doc, "amount"), exchange->arena);
    int64_t first = all, second = all;

    if (!str_is_empty(in_query) && !epay_read_amount(in_query, currency, &first))
        return false;
    second = first;
    if (!str_is_empty(in_body) && !epay_read_amount(in_body, currency, &second))
        return false;
    if (!str_is_empty(in_query) && first != second)
        return false;
    *out_minor = second;
    return true;
}

void epay_operation_subject(struct exchange *exchange)
{
    const struct epay_tx *tx = tx_of(exchange);

    exchange->second = exchange_query(exchange, "externalID");
    if (tx == NULL)
        return;
    exchange->reference = tx->order->invoice;
    exchange->amount = exchange->total = tx->order->amount;
    (void)read_amount(exchange, tx, tx->order->amount.minor, &exchange->amount.minor);
}

/* The transaction of an operation, or NULL with a reply that says why not. */
static struct epay_tx *begin(struct exchange *exchange)
{
    struct epay_tx *tx = tx_of(exchange);
    const struct epay_token *token = epay_service_token(exchange);

    if (token == NULL)
        return NULL;
    if (str_is_empty(token->terminal)) {
        epay_reply_no(exchange, 100, "terminal is missing in the token");
        return NULL;
    }
    if (tx == NULL)
        epay_reply_no(exchange, 100, "transaction not found");
    return tx;
}

/* Records an effect, or what was wrong about it; true when it is to be carried out. */
static bool allow(struct exchange *exchange, const struct epay_tx *tx, const char *kind,
                  int64_t minor, enum wrong wrong)
{
    struct effect effect = epay_effect(tx, kind, minor, exchange->second, BY_MERCHANT, wrong);

    if (!sim_lets_wrong_pass(exchange->sim, &effect)) {
        epay_reply_no(exchange, 100, "");
        return false;
    }
    sim_record(exchange->sim, &effect);
    return true;
}

static void reply_yes(struct exchange *exchange)
{
    struct json_out *out = reply_json(exchange, 200);

    json_put_int(out, "code", 0);
    json_put_text(out, "message", STR("success"));
    reply_done(exchange);
}

void epay_charge_perform(struct exchange *exchange)
{
    struct epay_tx *tx = begin(exchange);
    int64_t minor = 0;

    if (tx == NULL)
        return;
    if (!read_amount(exchange, tx, tx->funds.authorized, &minor) || minor == 0) {
        epay_reply_no(exchange, 100, "wrong amount");
        return;
    }
    if (!allow(exchange, tx, "capture", minor, funds_check_capture(&tx->funds, minor)))
        return;
    tx->funds.captured += minor;
    tx->funds.closed = true; /* what is not charged is released */
    epay_tx_show(tx, "CHARGE");
    tx->now.amount_minor = tx->funds.captured;
    reply_yes(exchange);
}

void epay_cancel_perform(struct exchange *exchange)
{
    struct epay_tx *tx = begin(exchange);

    if (tx == NULL ||
        !allow(exchange, tx, "void", tx->funds.authorized, funds_check_void(&tx->funds)))
        return;
    tx->funds.voided = true;
    epay_tx_show(tx, "CANCEL");
    reply_yes(exchange);
}

void epay_show_refund(struct sim *sim, struct epay_tx *tx)
{
    struct str shows = sim->settings.partial_refund;
    int64_t left = tx->funds.captured - tx->funds.refunded;

    epay_tx_show(tx, left > 0 && str_equal(shows, STR("charge")) ? "CHARGE" : "REFUND");
    if (left > 0 && str_equal(shows, STR("reduced")))
        tx->now.amount_minor = left;
}

/* Whether this externalID was refunded before; if it counts for anything. */
static bool is_repeated(struct exchange *exchange, const struct epay_tx *tx)
{
    struct sim *sim = exchange->sim;

    if (str_is_empty(exchange->second) || !sim->settings.external_id_dedup)
        return false;
    struct str key = str_format(&sim->arena, "%.*s %.*s", STR_ARG(tx->id),
                                STR_ARG(exchange->second));
    if (map_get(&sim->epay->externals, key) != NULL)
        return true;
    map_put(&sim->epay->externals, key, sim->epay);
    return false;
}

void epay_refund_perform(struct exchange *exchange)
{
    struct epay_tx *tx = begin(exchange);
    int64_t minor = 0;

    if (tx == NULL)
        return;
    if (!read_amount(exchange, tx, tx->funds.captured - tx->funds.refunded, &minor)) {
        epay_reply_no(exchange, 100, "wrong amount");
        return;
    }
    if (minor < REFUND_LEAST_MINOR && tx->order->amount.currency == CURRENCY_KZT &&
        tx->funds.captured > 0) {
        epay_reply_no(exchange, 100, "the least amount of a refund is 10 KZT");
        return;
    }
    if (is_repeated(exchange, tx)) {
        epay_reply_no(exchange, 100, "externalID was used");
        return;
    }
    if (!allow(exchange, tx, "refund", minor, funds_check_refund(&tx->funds, minor)))
        return;
    tx->funds.refunded += minor;
    epay_show_refund(exchange->sim, tx);
    reply_yes(exchange);
}
