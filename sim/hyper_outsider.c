/* hyper_outsider.c - what happens without purser: in Hyperswitch's dashboard, or at the processor
 * behind it, of which Hyperswitch hears when it asks ("at": "connector"). Nothing is refused; what
 * would have been wrong is recorded as such. */
#include "sim/hyper.h"
#include "sim/hyper_calls.h"

static void capture(struct sim *sim, struct hyper_payment *payment, int64_t minor)
{
    hyper_record(sim, payment, "capture", minor, (struct str){ 0 }, BY_OUTSIDER,
                 funds_check_capture(&payment->funds, minor));
    payment->funds.captured += minor;
    hyper_after_capture(sim, payment);
}

static void release(struct sim *sim, struct hyper_payment *payment)
{
    hyper_record(sim, payment, "void", payment->funds.authorized, (struct str){ 0 }, BY_OUTSIDER,
                 funds_check_void(&payment->funds));
    payment->funds.voided = true;
    payment->now.capturable = 0;
    hyper_set(sim, payment, "cancelled");
}

static void refund(struct sim *sim, struct hyper_payment *payment, int64_t minor)
{
    struct hyper_refund *made = hyper_refund_new(sim, payment, (struct str){ 0 }, minor);

    hyper_refund_come_to(sim, made, STR("succeeded"), (struct str){ 0 }, BY_OUTSIDER, NULL);
}

static void set_status(struct exchange *exchange, struct hyper_payment *payment)
{
    struct sim *sim = exchange->sim;
    struct str status = json_text(json_get(exchange->doc, "status"));
    bool money = true;

    /* With the money that such a state has, unless only the word is wanted. */
    (void)json_bool(json_get(exchange->doc, "money"), &money);
    if (money && payment->funds.captured == 0)
        hyper_come_to(sim, payment, status, json_text(json_get(exchange->doc, "code")),
                      BY_OUTSIDER, exchange);
    else
        hyper_set(sim, payment, str_c(&sim->arena, status));
}

static bool act(struct exchange *exchange, struct hyper_payment *payment, struct str action)
{
    struct sim *sim = exchange->sim;
    int64_t minor = -1;

    (void)json_int(json_get(exchange->doc, "amount"), &minor);
    if (str_equal(action, STR("capture"))) {
        capture(sim, payment, minor >= 0 ? minor : payment->funds.authorized);
    } else if (str_equal(action, STR("void"))) {
        release(sim, payment);
    } else if (str_equal(action, STR("refund"))) {
        if (minor < 0)
            minor = payment->funds.captured - payment->funds.refunded;
        refund(sim, payment, minor);
        return true;
    } else if (str_equal(action, STR("set_status"))) {
        set_status(exchange, payment);
        return true;
    } else {
        return false;
    }
    hyper_tell(sim, payment, exchange);
    return true;
}

static void settle_refund(struct exchange *exchange, struct hyper_refund *made)
{
    struct str status = json_text(json_get(exchange->doc, "status"));

    if (!hyper_is_refund_state(status)) {
        reply_refusal(exchange, 400, "a refund's status is pending, succeeded, failed or review");
        return;
    }
    /* It was purser that asked for it; only its end came later. */
    hyper_refund_come_to(exchange->sim, made, status, json_text(json_get(exchange->doc, "code")),
                         BY_MERCHANT, exchange);
    hyper_reply_refund(exchange, made);
}

void hyper_outsider_perform(struct exchange *exchange)
{
    const struct json *doc = exchange->doc;
    struct str id = json_text(json_get(doc, "payment_id"));
    struct hyper_refund *made = map_get(&exchange->sim->hyper->refunds,
                                        json_text(json_get(doc, "refund_id")));
    struct hyper_payment *payment = map_get(&exchange->sim->hyper->payments, id);

    if (made != NULL) {
        settle_refund(exchange, made);
        return;
    }
    if (payment == NULL) {
        reply_refusal(exchange, 404, "there is no payment \"%.*s\"", STR_ARG(id));
        return;
    }
    struct hyper_view seen = payment->seen, before = payment->before;
    if (!act(exchange, payment, json_text(json_get(doc, "action")))) {
        reply_refusal(exchange, 400, "action is capture, void, refund or set_status");
        return;
    }
    if (str_equal(json_text(json_get(doc, "at")), STR("connector"))) {
        payment->seen = seen;
        payment->before = before;
    }
    hyper_reply_payment(exchange, payment);
}
