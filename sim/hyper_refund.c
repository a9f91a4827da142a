#include "sim/hyper.h"
#include "sim/hyper_calls.h"

void hyper_refund_subject(struct exchange *exchange)
{
    const struct hyper_payment *payment = NULL;

    exchange->reference = json_text(json_get(exchange->doc, "payment_id"));
    exchange->second = json_text(json_get(exchange->doc, "refund_id"));
    payment = map_get(&exchange->sim->hyper->payments, exchange->reference);
    if (payment == NULL)
        return;
    exchange->amount = exchange->total = payment->amount;
    (void)json_int(json_get(exchange->doc, "amount"), &exchange->amount.minor);
}

void hyper_refund_get_subject(struct exchange *exchange)
{
    const struct hyper_refund *refund = map_get(&exchange->sim->hyper->refunds, exchange->ids[0]);

    exchange->second = exchange->ids[0];
    if (refund == NULL)
        return;
    exchange->reference = refund->payment->id;
    exchange->total = refund->payment->amount;
    exchange->amount = (struct money){ refund->minor, exchange->total.currency };
}

struct hyper_refund *hyper_refund_new(struct sim *sim, struct hyper_payment *payment,
                                      struct str id, int64_t minor)
{
    struct hyper_refund *refund = ARENA_NEW(&sim->arena, struct hyper_refund);

    refund->id = hyper_new_id(sim, "ref", id);
    refund->payment = payment;
    refund->minor = minor;
    refund->status = refund->status_before = STR("pending");
    refund->created_ms = refund->updated_ms = sim_now_ms(sim);
    refund->next = sim->hyper->newest_refund;
    sim->hyper->newest_refund = refund;
    *payment->refunds_end = refund;
    payment->refunds_end = &refund->next_of_its;
    payment->refund_count++;
    payment->funds.refunded += minor;
    map_put(&sim->hyper->refunds, refund->id, refund);
    return refund;
}

void hyper_refund_come_to(struct sim *sim, struct hyper_refund *refund, struct str status,
                          struct str code, const char *by, struct exchange *cause)
{
    struct hyper_payment *payment = refund->payment;
    bool counted = hyper_refund_counts(refund->status), counts = hyper_refund_counts(status);
    bool succeeds = str_equal(status, STR("succeeded"));

    if (counted != counts)
        payment->funds.refunded += counts ? refund->minor : -refund->minor;
    if (succeeds && !refund->settled) {
        payment->funds.refunded -= refund->minor;
        enum wrong wrong = funds_check_refund(&payment->funds, refund->minor);
        payment->funds.refunded += refund->minor;
        hyper_record(sim, payment, "refund", refund->minor, refund->id, by, wrong);
    }
    if (!succeeds && refund->settled)
        hyper_record(sim, payment, "refund_reversed", refund->minor, refund->id, by, WRONG_NONE);
    refund->settled = succeeds;
    refund->status_before = refund->status;
    refund->status = str_copy(&sim->arena, status);
    refund->error_code = str_copy(&sim->arena, code);
    refund->updated_ms = sim_now_ms(sim);
    hyper_tell_refund(sim, refund, cause);
}

static bool may_be_refunded(const struct hyper_payment *payment)
{
    return payment->funds.captured > 0;
}

/* False when a reply says what is wrong with the request. */
static bool check(struct exchange *exchange, const struct hyper_payment *payment)
{
    const struct json *doc = exchange->doc;
    int64_t minor = 1;

    if (doc == NULL || !hyper_knows_members(doc, true))
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_JSON, "unknown field");
    else if (json_get(doc, "payment_id") == NULL)
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_JSON, "missing field `payment_id`");
    else if (payment == NULL)
        hyper_reply_error(exchange, HYPER_ERROR_NO_PAYMENT, "");
    else if (json_get(doc, "amount") != NULL && !json_int(json_get(doc, "amount"), &minor))
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_JSON, "amount: expected i64");
    else if (minor <= 0)
        hyper_reply_error(exchange, HYPER_ERROR_WRONG_FORMAT, "amount");
    else if (map_get(&exchange->sim->hyper->refunds, exchange->second) != NULL)
        hyper_reply_error(exchange, HYPER_ERROR_DUPLICATE_REFUND, "");
    else if (payment->refund_count >= exchange->sim->settings.refund_attempts)
        hyper_reply_error(exchange, HYPER_ERROR_REFUND_COUNT, "");
    else
        return true;
    return false;
}

static void refuse(struct exchange *exchange, const struct hyper_payment *payment)
{
    if (may_be_refunded(payment)) {
        hyper_reply_error(exchange, HYPER_ERROR_REFUND_AMOUNT, "");
        return;
    }
    struct str detail = str_format(exchange->arena,
                                   "refund because it has a status of %.*s. The expected state is "
                                   "succeeded, partially_captured",
                                   STR_ARG(payment->now.status));
    hyper_reply_error(exchange, HYPER_ERROR_WRONG_STATE, detail.ptr);
}

void hyper_refund_perform(struct exchange *exchange)
{
    struct sim *sim = exchange->sim;
    struct hyper_payment *payment = map_get(&sim->hyper->payments, exchange->reference);
    struct str word = exchange_outcome(exchange);
    struct str code = { 0 };

    if (!hyper_is_allowed(exchange) || !check(exchange, payment))
        return;
    int64_t minor = exchange->amount.minor;
    struct effect effect = hyper_effect(payment, "refund", minor, exchange->second, BY_MERCHANT,
                                        funds_check_refund(&payment->funds, minor));
    if (!sim_lets_wrong_pass(sim, &effect)) {
        refuse(exchange, payment);
        return;
    }
    if (!str_is_empty(word))
        code = exchange_shows(exchange, FAULT_OUTCOME)->code;
    struct hyper_refund *refund = hyper_refund_new(sim, payment, exchange->second, minor);
    refund->request = hyper_keep(sim, server_request_body(exchange->request));
    refund->reason = json_text(json_get(refund->request, "reason"));
    hyper_refund_come_to(sim, refund, str_is_empty(word) ? STR("succeeded") : word, code,
                         BY_MERCHANT, exchange);
    hyper_reply_refund(exchange, refund);
}

void hyper_refund_get_perform(struct exchange *exchange)
{
    const struct hyper_refund *refund = map_get(&exchange->sim->hyper->refunds, exchange->ids[0]);

    if (!hyper_is_allowed(exchange))
        return;
    if (refund == NULL || exchange_shows(exchange, FAULT_NOT_FOUND) != NULL)
        hyper_reply_error(exchange, HYPER_ERROR_NO_REFUND, "");
    else
        hyper_reply_refund(exchange, refund);
}
