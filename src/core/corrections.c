/* corrections.c - the gateway's books contradict ours: theirs are right about the money.
 *
 * Evidence is only what an enquiry of our own brought. Each correction takes an edge of its
 * own, has its own event type and leaves drift behind; amounts that merely differ are reported
 * and never changed. */
#include <assert.h>

#include "core/record.h"
#include "core/schedule.h"

static struct drift *report(struct turn *turn, const struct payment *payment,
                            enum drift_kind kind, int64_t ours_minor, int64_t theirs_minor)
{
    struct drift *drift = drift_record(turn, payment, payment->authorization, kind,
                                       str_format(turn->arena,
                                                  "%lld in our books, %lld at the gateway",
                                                  (long long)ours_minor, (long long)theirs_minor));
    drift->our_minor = ours_minor;
    drift->gateway_minor = theirs_minor;
    return drift;
}

/* Where the status follows by itself, nothing is left to do about it. */
static void report_followed(struct turn *turn, const struct payment *payment, const char *theirs,
                            int64_t ours_minor, int64_t theirs_minor)
{
    struct drift *drift = report(turn, payment, DRIFT_STATUS_MISMATCH, ours_minor, theirs_minor);
    drift->gateway_status = str_of(theirs);
    drift_follow(turn, drift);
}

static void move(struct turn *turn, struct payment *payment, enum payment_event event)
{
    enum err err = payment_move(turn, payment, event);
    assert(err == OK);
    (void)err;
}

/* Returns false when another payment has paid it. */
static bool pay_invoice(struct turn *turn, const struct payment *payment)
{
    const struct invoice *invoice = turn->books->invoice;
    enum invoice_event event = invoice->status == INVOICE_UNPAID ? INVOICE_ON_PAY
                                                                 : INVOICE_ON_FOUND_PAID;
    if (machine_next(&machine_invoice, invoice->status, event) == INVOICE_NOWHERE) {
        drift_record(turn, payment, payment->authorization, DRIFT_DUPLICATE_PAYMENT,
                     word_str(&words_invoice_state, invoice->status));
        return false;
    }
    enum err err = invoice_move(turn, event);
    assert(err == OK);
    (void)err;
    return true;
}

/* Money taken always wins, also after we said cancelled or failed. */
static void found_captured(struct turn *turn, struct payment *payment, int64_t captured_minor)
{
    bool late = payment->status != PAYMENT_AUTHORIZED;
    if (late)
        report(turn, payment, DRIFT_LATE_SUCCESS, payment->captured_minor, captured_minor)
            ->gateway_status = STR("captured");
    else
        report_followed(turn, payment, "captured", payment->captured_minor, captured_minor);
    payment->captured_minor = captured_minor;
    if (payment->authorized_minor < captured_minor)
        payment->authorized_minor = captured_minor;
    payment->failure = (struct failure){ 0 };
    payment->cancel_reason = CANCEL_REASON_NONE;
    move(turn, payment, PAYMENT_ON_FOUND_CAPTURED);
    bool wanted = pay_invoice(turn, payment);
    if (late || !wanted)
        payment_return_late(turn, payment);
}

static void found_released(struct turn *turn, struct payment *payment)
{
    report_followed(turn, payment, "released", payment->authorized_minor, 0);
    payment->cancel_reason = CANCEL_REASON_EXPIRED;
    move(turn, payment, PAYMENT_ON_FOUND_CANCELLED);
    payment_end_invoice(turn, payment);
}

/* We said that it is over, and they hold the payer's money: it is given back. */
static void found_held(struct turn *turn, struct payment *payment, int64_t authorized_minor)
{
    report_followed(turn, payment, "authorized", 0, authorized_minor);
    payment->authorized_minor = authorized_minor;
    /* Should they refuse to release it, it is tried again, and never captured. */
    payment->expires_ms = turn->now_ms;
    if (payment->cancel_reason == CANCEL_REASON_NONE)
        payment->cancel_reason = CANCEL_REASON_ABANDONED;
    payment_begin_cancel(turn, payment);
    move(turn, payment, PAYMENT_ON_FOUND_AUTHORIZED);
}

/* The payer came back to a verification that we had given up. */
static bool found_verified(struct turn *turn, struct payment *payment,
                           const struct gateway_answer *answer)
{
    if (answer->outcome != GW_APPROVED
        || machine_next(&machine_payment, payment->status, PAYMENT_ON_FOUND_VERIFIED)
               == PAYMENT_NOWHERE)
        return false;
    report_followed(turn, payment, "verified", 0, 0);
    payment->failure = (struct failure){ 0 };
    payment->cancel_reason = CANCEL_REASON_NONE;
    move(turn, payment, PAYMENT_ON_FOUND_VERIFIED);
    return true;
}

/* Money fields are told of and never changed: which side is right, a person decides. */
static void compare_captured(struct turn *turn, const struct payment *payment,
                             const struct gateway_answer *answer)
{
    bool same = answer->captured_minor == payment->captured_minor;
    if (!same)
        report(turn, payment, DRIFT_AMOUNT_MISMATCH, payment->captured_minor,
               answer->captured_minor);
    /* A refund whose outcome we do not know yet may be in their sum or not. */
    bool settled = !answer->refunds_unsaid && payment->reserved_minor == payment->refunded_minor;
    bool over = answer->refunded_minor > answer->captured_minor;
    if (settled && answer->refunded_minor != payment->refunded_minor) {
        report(turn, payment, over ? DRIFT_OVER_REFUND : DRIFT_REFUND_MISMATCH,
               payment->refunded_minor, answer->refunded_minor);
        same = false;
    }
    if (same && (settled || answer->refunds_unsaid))
        turn->books->agreed = payment->id;
}

bool payment_compare(struct turn *turn, struct payment *payment,
                     const struct gateway_answer *answer)
{
    bool ended = payment->status == PAYMENT_CANCELLED || payment->status == PAYMENT_FAILED;
    if (payment->verification)
        return found_verified(turn, payment, answer);
    if (!answer->has_position)
        return false;
    if (payment->status == PAYMENT_CAPTURED) {
        compare_captured(turn, payment, answer);
        return false;
    }
    bool open = payment->status == PAYMENT_AUTHORIZED || payment->status == PAYMENT_CANCELLING;
    if ((ended || open) && answer->captured_minor > 0) {
        found_captured(turn, payment, answer->captured_minor);
        return true;
    }
    if (payment->status == PAYMENT_AUTHORIZED && answer->released) {
        found_released(turn, payment);
        return true;
    }
    if (ended && answer->authorized_minor > 0 && !answer->released) {
        found_held(turn, payment, answer->authorized_minor);
        return true;
    }
    return false;
}
