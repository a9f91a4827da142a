/* refunds.c - sending money back, never more than was captured.
 *
 * A refund reserves its amount from the moment it is asked for until the gateway
 * certainly refused it. The sum is kept on the payment, under the invoice's lock,
 * and the books CHECK it once more. */
#include <assert.h>

#include "base/time.h"
#include "core/record.h"
#include "core/requests.h"
#include "core/schedule.h"

static enum err check_refundable(struct turn *turn, const struct refund_create *ask,
                                 const struct payment *payment, int64_t *amount_minor)
{
    int64_t refundable_minor = payment->captured_minor - payment->reserved_minor;
    if (ask->has_expected_refundable && ask->expected_refundable_minor != refundable_minor)
        return turn_fail_param(turn, ERR_PRECONDITION_FAILED, "expected_refundable",
                               "The refundable amount is %lld.", (long long)refundable_minor);
    int64_t wanted_minor = ask->amount_minor ? ask->amount_minor : refundable_minor;
    if (refundable_minor == 0 || wanted_minor > refundable_minor)
        return turn_fail_param(turn, ERR_REFUND_EXCEEDS_CAPTURED, "amount",
                               "The refundable amount is %lld.", (long long)refundable_minor);
    *amount_minor = wanted_minor;
    return OK;
}

static enum err check_least(struct turn *turn, const struct payment *payment,
                            int64_t amount_minor)
{
    struct payment_place place = payment_place(turn, payment);
    int64_t least_minor = gateway_refund_least(place.gateway, payment->currency);
    if (amount_minor >= least_minor)
        return OK;
    return turn_fail_param(turn, ERR_REFUND_TOO_SMALL, "amount",
                           "The gateway %s refunds at least %lld.", place.gateway->name,
                           (long long)least_minor);
}

static enum err check_age(struct turn *turn, const struct payment *payment)
{
    int64_t age_ms = payment_settings(turn, payment).refund_age_ms;
    if (age_ms == 0 || turn->now_ms - payment->created_ms <= age_ms)
        return OK;
    return turn_fail(turn, ERR_REFUND_TOO_OLD,
                     "This gateway account refunds payments of at most %lld days.",
                     (long long)(age_ms / DAY_MS));
}

/* The amount is reserved, and the call goes out after the commit. */
struct operation *payment_begin_refund(struct turn *turn, struct payment *payment,
                                       int64_t amount_minor, struct str reason)
{
    payment->reserved_minor += amount_minor;
    assert(payment->reserved_minor <= payment->captured_minor);
    struct operation *operation = operation_begin(turn, payment, OPERATION_KIND_REFUND,
                                                  amount_minor, NULL);
    struct refund *refund = refund_begin(turn, payment, (struct refund){
        .amount_minor = amount_minor,
        .reason = reason,
    });
    operation->refund = refund->id;
    payment_check_refund(turn, payment);
    return operation;
}

void payment_return_late(struct turn *turn, struct payment *payment)
{
    struct payment_place place = payment_place(turn, payment);
    int64_t amount_minor = payment->captured_minor - payment->reserved_minor;
    assert(operation_id_is_zero(payment->active_operation));
    if (!payment_settings(turn, payment).refund_late || amount_minor == 0)
        return;
    if (gateway_can(place.gateway, OPERATION_KIND_REFUND)
        && amount_minor >= gateway_refund_least(place.gateway, payment->currency))
        payment_begin_refund(turn, payment, amount_minor, STR(REFUND_REASON_LATE));
    else
        task_record(turn, payment, NULL, TASK_LATE_REFUND_IMPOSSIBLE,
                    STR("The money came too late, and this gateway does not refund it; return it by"
                        " hand."));
}

static enum err refund_create(struct turn *turn)
{
    const struct refund_create *ask = turn->input->ask;
    struct payment *payment = books_payment(turn->books, turn->input->payment);
    int64_t amount_minor = 0;
    enum err err = payment_must_be_idle(turn, payment);
    if (err)
        return err;
    if (payment->status != PAYMENT_CAPTURED)
        return turn_fail(turn, ERR_CONFLICT, "The payment is %s; only a captured one is refunded.",
                         word_text(&words_payment_state, payment->status));
    err = check_refundable(turn, ask, payment, &amount_minor);
    if (!err)
        err = check_least(turn, payment, amount_minor);
    if (!err)
        err = check_age(turn, payment);
    if (err)
        return err;

    struct operation *operation = payment_begin_refund(turn, payment, amount_minor,
                                                       ask->reason);
    if (turn->claim) {
        operation->claim = turn->claim->key;
        turn->claim->invoice = payment->invoice;
        turn->claim->payment = payment->id;
        turn->claim->refund = operation->refund;
        turn->claim->success_status = 201;
    }
    return OK;
}

const struct turn_handler turn_refund_create = { "refund.create", TARGET_PAYMENT, .scoped = true,
                                                 .handle = refund_create };
