#include "sim/epay.h"
#include "sim/epay_calls.h"

void epay_approve(struct sim *sim, struct epay_tx *tx, const char *by)
{
    int64_t minor = tx->order->amount.minor;

    tx->now.reason_code = 0;
    tx->now.reason = STR("success");
    if (minor == 0) { /* a check of the card moves no money */
        epay_tx_show(tx, "VERIFIED");
        return;
    }
    tx->funds.authorized = minor;
    epay_record(sim, tx, "authorize", minor, (struct str){ 0 }, by, WRONG_NONE);
    if (epay_is_two_step(sim, tx->order->terminal)) {
        epay_tx_show(tx, "AUTH");
        return;
    }
    tx->funds.captured = minor;
    tx->funds.closed = true;
    epay_record(sim, tx, "capture", minor, (struct str){ 0 }, by, WRONG_NONE);
    epay_tx_show(tx, "CHARGE");
}

/* Words of the payer that only change what a query shows. */
static const char *waiting_state(struct str action)
{
    if (str_equal(action, STR("3d")))
        return "3D";
    if (str_equal(action, STR("fingerprint")))
        return "FINGERPRINT";
    return str_equal(action, STR("new")) ? "NEW" : NULL;
}

static const char *forbidden(const struct epay_order *order, const struct epay_act *act)
{
    const struct epay_tx *tx = order->tx;

    if (tx == NULL || !epay_is_over(tx->now.status))
        return NULL;
    if (act->late && tx->funds.authorized == 0)
        return NULL;
    return "the payment is over";
}

static const char *decide(struct sim *sim, struct epay_tx *tx, const struct epay_act *act,
                          struct exchange *cause)
{
    bool good = str_equal(act->action, STR("approve"));

    if (good) {
        if (act->save_card || tx->order->save_card || tx->order->amount.minor == 0)
            tx->card = epay_card_new(sim, tx->order);
        epay_approve(sim, tx, BY_PAYER);
    } else {
        epay_tx_fail(sim, tx, act->status, act->reason_code);
    }
    epay_callback(sim, tx, good, cause);
    return NULL;
}

const char *epay_pay(struct sim *sim, struct epay_order *order, const struct epay_act *act,
                     struct exchange *cause)
{
    const char *waiting = waiting_state(act->action);
    const char *why = forbidden(order, act);

    if (str_equal(act->action, STR("abandon"))) /* the bank hears nothing more */
        return NULL;
    if (why != NULL)
        return why;
    if (waiting == NULL && !str_equal(act->action, STR("approve")) &&
        !str_equal(act->action, STR("decline")))
        return "action is approve, decline, 3d, fingerprint, new or abandon";
    struct epay_tx *tx = order->tx != NULL ? order->tx : epay_tx_new(sim, order);
    if (waiting == NULL)
        return decide(sim, tx, act, cause);
    epay_tx_show(tx, waiting);
    return NULL;
}

void epay_pay_perform(struct exchange *exchange)
{
    const struct json *doc = exchange->doc;
    struct str invoice = json_text(json_get(doc, "invoice"));
    struct epay_order *order = map_get(&exchange->sim->epay->orders, invoice);
    struct epay_act act = { .action = json_text(json_get(doc, "action")),
                            .status = json_text(json_get(doc, "status")) };

    (void)json_int(json_get(doc, "code"), &act.reason_code);
    (void)json_bool(json_get(doc, "save_card"), &act.save_card);
    (void)json_bool(json_get(doc, "late"), &act.late);
    if (order == NULL) {
        reply_refusal(exchange, 404, "no payment token was made for the invoice \"%.*s\"",
                      STR_ARG(invoice));
        return;
    }
    const char *why = epay_pay(exchange->sim, order, &act, exchange);
    if (why != NULL)
        reply_refusal(exchange, 409, "%s", why);
    else
        epay_reply_result(exchange, order->tx == NULL ? EPAY_RESULT_NOT_FOUND : EPAY_RESULT_DONE,
                          order->tx);
}
