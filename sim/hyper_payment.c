#include "sim/hyper.h"
#include "sim/hyper_calls.h"

static struct hyper_payment *payment_of(const struct exchange *exchange)
{
    return map_get(&exchange->sim->hyper->payments, exchange->ids[0]);
}

void hyper_payment_subject(struct exchange *exchange)
{
    const struct hyper_payment *payment = payment_of(exchange);

    exchange->reference = exchange->ids[0];
    if (payment == NULL)
        return;
    exchange->amount = exchange->total = payment->amount;
    (void)json_int(json_get(exchange->doc, "amount_to_capture"), &exchange->amount.minor);
}

/* The payment of the call, or NULL with a reply that says why not. */
static struct hyper_payment *begin(struct exchange *exchange)
{
    struct hyper_payment *payment = payment_of(exchange);

    if (!hyper_is_allowed(exchange))
        return NULL;
    if (payment == NULL)
        hyper_reply_error(exchange, HYPER_ERROR_NO_PAYMENT, "");
    return payment;
}

static bool is_one_of(const struct hyper_payment *payment, const char *const *states)
{
    for (; *states != NULL; states++) {
        if (hyper_is(payment, *states))
            return true;
    }
    return false;
}

/* For these the router asks the processor when it is told to; the others are finished. */
static bool is_worth_asking(const struct hyper_payment *payment)
{
    static const char *const open[] = { "processing",
                                        "requires_customer_action",
                                        "requires_merchant_action",
                                        "partially_captured_and_capturable",
                                        "partially_captured_and_processing",
                                        "partially_authorized_and_requires_capture",
                                        "requires_capture",
                                        NULL };

    for (const char *const *state = open; *state != NULL; state++) {
        if (str_equal_c(payment->seen.status, *state))
            return true;
    }
    return false;
}

void hyper_get_perform(struct exchange *exchange)
{
    struct hyper_payment *payment = begin(exchange);

    if (payment == NULL)
        return;
    if (exchange_shows(exchange, FAULT_NOT_FOUND) != NULL) {
        hyper_reply_error(exchange, HYPER_ERROR_NO_PAYMENT, "");
        return;
    }
    if (str_equal(exchange_query(exchange, "force_sync"), STR("true")) && is_worth_asking(payment))
        hyper_sync(payment);
    hyper_reply_payment(exchange, payment);
}

static void refuse_state(struct exchange *exchange, const struct hyper_payment *payment,
                         const char *flow, const char *states)
{
    struct str detail = str_format(exchange->arena,
                                   "%s because it has a status of %.*s. The expected state is %s",
                                   flow, STR_ARG(payment->now.status), states);

    hyper_reply_error(exchange, HYPER_ERROR_WRONG_STATE, detail.ptr);
}

/* The router's other way to refuse a state. */
static void refuse_action(struct exchange *exchange, const struct hyper_payment *payment,
                          const char *action)
{
    struct str detail = str_format(exchange->arena,
                                   "You cannot %s this payment because it has status %.*s", action,
                                   STR_ARG(payment->now.status));

    hyper_reply_error(exchange, HYPER_ERROR_PRECONDITION, detail.ptr);
}

static const char *const waits_for_payer[] = { "requires_payment_method", "requires_confirmation",
                                               "requires_customer_action", "failed", NULL };

void hyper_update_perform(struct exchange *exchange)
{
    struct hyper_payment *payment = begin(exchange);
    int64_t minor = 0;

    if (payment == NULL)
        return;
    if (exchange->doc == NULL || !hyper_knows_members(exchange->doc, false)) {
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_JSON, "unknown field");
        return;
    }
    if (!is_one_of(payment, waits_for_payer)) {
        refuse_action(exchange, payment, "update");
        return;
    }
    payment->update = hyper_keep(exchange->sim, server_request_body(exchange->request));
    if (json_int(json_get(payment->update, "amount"), &minor) && minor > 0)
        payment->amount.minor = minor;
    hyper_reply_payment(exchange, payment);
}

void hyper_confirm_perform(struct exchange *exchange)
{
    struct hyper_payment *payment = begin(exchange);

    if (payment == NULL)
        return;
    if (!is_one_of(payment, waits_for_payer)) {
        refuse_action(exchange, payment, "confirm");
        return;
    }
    if (payment->expires_ms <= sim_now_ms(exchange->sim)) {
        hyper_reply_error(exchange, HYPER_ERROR_SECRET_EXPIRED, "");
        return;
    }
    if (!hyper_has_method(exchange->doc) && !hyper_is(payment, "requires_confirmation")) {
        hyper_reply_error(exchange, HYPER_ERROR_MISSING_FIELD, "payment_method_data");
        return;
    }
    if (exchange->doc != NULL)
        payment->update = hyper_keep(exchange->sim, server_request_body(exchange->request));
    if (hyper_is(payment, "failed"))
        payment->attempts++;
    hyper_confirm(exchange, payment);
    hyper_reply_payment(exchange, payment);
}

void hyper_after_capture(struct sim *sim, struct hyper_payment *payment)
{
    bool several = str_equal(payment->capture_method, STR("manual_multiple"));
    bool whole = payment->funds.captured >= payment->funds.authorized;

    payment->captures++;
    payment->funds.closed = whole || !several;
    payment->now.received = payment->funds.captured;
    payment->now.capturable =
        payment->funds.closed ? 0 : payment->funds.authorized - payment->funds.captured;
    hyper_set(sim, payment,
              whole     ? "succeeded"
              : several ? "partially_captured_and_capturable"
                        : "partially_captured");
}

static void refuse_capture(struct exchange *exchange, const struct hyper_payment *payment,
                           enum wrong wrong)
{
    if (wrong == WRONG_OVER_CAPTURE)
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_DATA,
                          "amount_to_capture is greater than amount");
    else
        refuse_state(exchange, payment, "captured",
                     "requires_capture, partially_captured_and_capturable, processing");
}

void hyper_capture_perform(struct exchange *exchange)
{
    struct hyper_payment *payment = begin(exchange);
    struct str word = exchange_outcome(exchange);

    if (payment == NULL)
        return;
    int64_t minor = payment->funds.authorized - payment->funds.captured;
    (void)json_int(json_get(exchange->doc, "amount_to_capture"), &minor);
    struct effect effect =
        hyper_effect(payment, "capture", minor, (struct str){ 0 }, BY_MERCHANT,
                     funds_check_capture(&payment->funds, minor));
    if (!sim_lets_wrong_pass(exchange->sim, &effect)) {
        refuse_capture(exchange, payment, effect.wrong);
        return;
    }
    if (minor <= 0) {
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_VALUE, "amount_to_capture");
        return;
    }
    if (!str_is_empty(word)) {
        hyper_come_to(exchange->sim, payment, word, (struct str){ 0 }, BY_MERCHANT, exchange);
        hyper_reply_payment(exchange, payment);
        return;
    }
    sim_record(exchange->sim, &effect);
    payment->funds.captured += minor;
    hyper_after_capture(exchange->sim, payment);
    hyper_tell(exchange->sim, payment, exchange);
    hyper_reply_payment(exchange, payment);
}

void hyper_cancel_perform(struct exchange *exchange)
{
    struct hyper_payment *payment = begin(exchange);

    if (payment == NULL)
        return;
    if (!is_one_of(payment, waits_for_payer) || hyper_is(payment, "failed")) {
        struct effect effect =
            hyper_effect(payment, "void", payment->funds.authorized, (struct str){ 0 },
                         BY_MERCHANT, funds_check_void(&payment->funds));
        if (!sim_lets_wrong_pass(exchange->sim, &effect)) {
            refuse_action(exchange, payment, "cancel");
            return;
        }
        sim_record(exchange->sim, &effect);
        payment->funds.voided = true;
    }
    payment->cancel_reason = str_copy(&exchange->sim->arena,
                                      json_text(json_get(exchange->doc, "cancellation_reason")));
    payment->now.capturable = 0;
    hyper_set(exchange->sim, payment, "cancelled");
    hyper_tell(exchange->sim, payment, exchange);
    hyper_reply_payment(exchange, payment);
}
