/* epay_outsider.c - what happens at the bank without purser: its cabinet, its operators, its
 * clock. Nothing is refused; what would have been wrong is recorded as such. */
#include "sim/epay.h"
#include "sim/epay_calls.h"
#include "sim/fields.h"

static void capture(struct sim *sim, struct epay_tx *tx, int64_t minor)
{
    epay_record(sim, tx, "capture", minor, (struct str){ 0 }, BY_OUTSIDER,
                funds_check_capture(&tx->funds, minor));
    tx->funds.captured += minor;
    tx->funds.closed = true;
    epay_tx_show(tx, "CHARGE");
    tx->now.amount_minor = tx->funds.captured;
}

static void release(struct sim *sim, struct epay_tx *tx, const char *status)
{
    epay_record(sim, tx, "void", tx->funds.authorized, (struct str){ 0 }, BY_OUTSIDER,
                funds_check_void(&tx->funds));
    tx->funds.voided = true;
    epay_tx_show(tx, status);
}

static void refund(struct sim *sim, struct epay_tx *tx, int64_t minor)
{
    epay_record(sim, tx, "refund", minor, (struct str){ 0 }, BY_OUTSIDER,
                funds_check_refund(&tx->funds, minor));
    tx->funds.refunded += minor;
    epay_show_refund(sim, tx);
}

static bool act(struct exchange *exchange, struct epay_tx *tx, struct str action, int64_t minor)
{
    struct sim *sim = exchange->sim;
    int64_t code = 0;

    (void)json_int(json_get(exchange->doc, "code"), &code);
    if (str_equal(action, STR("capture"))) {
        capture(sim, tx, minor >= 0 ? minor : tx->funds.authorized);
    } else if (str_equal(action, STR("void"))) {
        release(sim, tx, "CANCEL");
    } else if (str_equal(action, STR("expire"))) {
        release(sim, tx, "CANCEL_OLD");
    } else if (str_equal(action, STR("refund"))) {
        refund(sim, tx, minor >= 0 ? minor : tx->funds.captured - tx->funds.refunded);
    } else if (str_equal(action, STR("set_status"))) {
        tx->before = tx->now;
        tx->now.status = str_copy(&sim->arena, json_text(json_get(exchange->doc, "status")));
        tx->now.reason_code = code;
        tx->now.reason = str_of(code == 0 ? "success" : epay_reason_text(code));
    } else {
        return false;
    }
    return true;
}

void epay_outsider_perform(struct exchange *exchange)
{
    const struct json *doc = exchange->doc;
    struct str invoice = json_text(json_get(doc, "invoice"));
    struct epay_order *order = map_get(&exchange->sim->epay->orders, invoice);
    struct str amount = fields_json_text(json_get(doc, "amount"), exchange->arena);
    int64_t minor = -1;

    if (order == NULL || order->tx == NULL) {
        reply_refusal(exchange, 404, "nobody has paid the invoice \"%.*s\"", STR_ARG(invoice));
        return;
    }
    if (!str_is_empty(amount) && !epay_read_amount(amount, order->amount.currency, &minor)) {
        reply_refusal(exchange, 400, "amount is in major units, like 12.50");
        return;
    }
    if (!act(exchange, order->tx, json_text(json_get(doc, "action")), minor))
        reply_refusal(exchange, 400, "action is capture, void, expire, refund or set_status");
    else
        epay_reply_result(exchange, EPAY_RESULT_DONE, order->tx);
}
