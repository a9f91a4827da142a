/* answer_ends.c - a capture, a cancel or a refund has ended: what that means for the payment. */
#include <assert.h>

#include "core/answered.h"
#include "core/schedule.h"

/* They refuse because it is done: by an earlier try, or by hand at the gateway. */
static bool is_taken(const struct answered *a)
{
    const struct gateway_answer *answer = &a->said->answer;
    return answer->has_position ? answer->captured_minor > 0
                                : str_equal_c(answer->failure_code, "already_captured");
}

static void captured_differently(const struct answered *a, int64_t taken_minor)
{
    struct drift *drift = drift_record(a->turn, a->payment, a->operation->id,
                                       DRIFT_AMOUNT_MISMATCH,
                                       STR("Captured already, and not what was to be captured."));
    drift->our_minor = a->operation->amount_minor;
    drift->gateway_minor = taken_minor;
}

static void taken_already(const struct answered *a)
{
    const struct gateway_answer *answer = &a->said->answer;
    struct payment *payment = a->payment;
    int64_t taken_minor = answer->has_position ? answer->captured_minor
                                               : a->operation->amount_minor;
    if (payment->authorized_minor < taken_minor)
        payment->authorized_minor = taken_minor;
    if (taken_minor != a->operation->amount_minor)
        captured_differently(a, taken_minor);
    answered_captured(a, PAYMENT_ON_CAPTURE_YES, taken_minor);
    if (!answer->has_position && gateway_can(a->place.gateway, OPERATION_KIND_ENQUIRE))
        payment_enquire(a->turn, payment);
}

void answered_end_capture(const struct answered *a, enum operation_event verdict)
{
    struct payment *payment = a->payment;
    operation_close(a->turn, payment, a->operation);
    if (verdict == OPERATION_ON_YES) {
        answered_captured(a, PAYMENT_ON_CAPTURE_YES, a->operation->amount_minor);
        return;
    }
    if (is_taken(a)) {
        taken_already(a);
        return;
    }
    failure_from_answer(&payment->failure, &a->said->answer);
    payment->due_ms = payment->expires_ms;
    if (payment->capture_method == CAPTURE_METHOD_AUTOMATIC)
        payment->due_ms = a->turn->now_ms
                          + payment_settings(a->turn, payment).capture_retry_ms;
    answered_move_payment(a, PAYMENT_ON_CAPTURE_NO);
}

/* They refuse because nothing is held any more. */
static bool is_released(const struct answered *a)
{
    const struct gateway_answer *answer = &a->said->answer;
    return answer->has_position ? answer->released && answer->captured_minor == 0
                                : str_equal_c(answer->failure_code, "already_cancelled");
}

void answered_end_cancel(const struct answered *a, enum operation_event verdict)
{
    struct payment *payment = a->payment;
    operation_close(a->turn, payment, a->operation);
    if (verdict == OPERATION_ON_YES || is_released(a)) {
        answered_move_payment(a, PAYMENT_ON_CANCEL_YES);
        payment_end_invoice(a->turn, payment);
        return;
    }
    if (payment_compare(a->turn, payment, &a->said->answer))
        return;
    failure_from_answer(&payment->failure, &a->said->answer);
    answered_move_payment(a, PAYMENT_ON_CANCEL_NO);
    payment_cancel_later(a->turn, payment);
    /* It waited for its payer, who paid or gave up meanwhile: which of them, they know. */
    if (payment->authorized_minor == 0)
        payment_enquire(a->turn, payment);
}

/* An invoice may have been paid twice: one of the two returned leaves it paid. */
static bool all_is_returned(const struct books *books)
{
    for (size_t i = 0; i < books->payments.count; i++)
        if (books->payments.items[i]->refunded_minor != books->payments.items[i]->captured_minor)
            return false;
    return true;
}

void answered_end_refund(const struct answered *a, enum operation_event verdict)
{
    struct payment *payment = a->payment;
    struct refund *refund = books_refund(a->turn->books, a->operation->refund);
    assert(refund);
    operation_close(a->turn, payment, a->operation);
    refund->gateway_reference = a->said->answer.refund_reference;
    bool done = verdict == OPERATION_ON_YES;
    if (done) {
        payment->refunded_minor += refund->amount_minor;
    } else {
        payment->reserved_minor -= refund->amount_minor;
        failure_from_answer(&refund->failure, &a->said->answer);
    }
    assert(payment->reserved_minor >= payment->refunded_minor);
    enum err err = refund_move(a->turn, refund, done ? REFUND_ON_REFUND_YES
                                                     : REFUND_ON_REFUND_NO);
    if (err)
        drift_record(a->turn, payment, a->operation->id, DRIFT_UNEXPECTED_ANSWER, STR("refund"));
    if (done && all_is_returned(a->turn->books))
        (void)answered_move_invoice(a, INVOICE_ON_REFUND_ALL);
    if (!done && str_equal_c(refund->reason, REFUND_REASON_LATE))
        task_record(a->turn, payment, a->operation, TASK_LATE_REFUND_REFUSED,
                    STR("The money came too late, and its refund was refused; return it by hand."));
}

bool answered_is_outdated(const struct answered *a)
{
    const struct payment *payment = a->payment;
    const struct gateway_answer *answer = &a->said->answer;
    bool ended = payment->status == PAYMENT_CANCELLED || payment->status == PAYMENT_FAILED;
    bool holds = answer->authorized_minor > 0 && answer->captured_minor == 0 && !answer->released;
    bool lacks = payment->status == PAYMENT_CAPTURED
                 && answer->captured_minor < payment->captured_minor;
    /* In the future: the clock was set back since, and nobody knows what was first. */
    bool asked_before = a->said->started_ms < payment->updated_ms
                        || a->said->started_ms > a->turn->now_ms;
    return answer->has_position && asked_before
           && ((ended && holds) || lacks);
}
