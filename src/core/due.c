/* due.c - what the clock, and a payer who comes back, set in motion.
 *
 * The clock hands in everything that is due, after a crash as on any day. A handler
 * looks again at what it is given: work that another turn did meanwhile is no longer
 * due, and nothing happens. */
#include <assert.h>

#include "base/time.h"
#include "core/record.h"
#include "core/requests.h"
#include "core/schedule.h"

static const int64_t unknown_schedule_ms[SCHEDULE_UNKNOWN_TRIES] = {
    5 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS,
};

int64_t schedule_unknown_ms(int64_t tries)
{
    assert(tries >= 0);
    return unknown_schedule_ms[tries < SCHEDULE_UNKNOWN_TRIES ? tries
                                                              : SCHEDULE_UNKNOWN_TRIES - 1];
}

void payment_inherit_claim(struct turn *turn, const struct payment *payment, struct id claim)
{
    struct operation *operation = books_operation(turn->books, payment->active_operation);
    assert(operation);
    operation->claim = claim;
}

/* An authorize is never repeated: its card is gone. Others are, where the gateway
 * de-duplicates or has been proven not to have seen them. */
static bool may_send_again(const struct operation *operation, const struct gateway *gateway)
{
    if (operation->kind == OPERATION_KIND_ENQUIRE)
        return true;
    if (operation->kind == OPERATION_KIND_AUTHORIZE)
        return false;
    return operation->state == OPERATION_NOT_SENT
           || gateway->calls[operation->kind].lost == GW_REPEAT_SAME_KEY;
}

void operation_look(struct turn *turn, struct payment *payment, struct operation *operation)
{
    struct payment_place place = payment_place(turn, payment);
    /* Should this look be lost in a crash, it is made again then. */
    operation->due_ms = turn->now_ms + schedule_unknown_ms(operation->tries);
    row_touch(&operation->row);
    if (may_send_again(operation, place.gateway)) {
        operation_send(turn, operation);
        operation_call(turn, payment, operation, operation->kind, NULL);
    } else if (gateway_can(place.gateway, OPERATION_KIND_ENQUIRE)) {
        operation_call(turn, payment, operation, OPERATION_KIND_ENQUIRE, NULL);
    }
}

static enum err operation_due(struct turn *turn)
{
    struct operation *operation = books_operation(turn->books, turn->input->operation);
    struct payment *payment = books_payment(turn->books, operation->payment);
    const struct operation_due *ask = turn->input->ask;
    assert(payment);
    if (operation->closed_ms != 0)
        return OK;
    /* Its node is gone: it may have sent the call or not. The first look is now. */
    if (operation->state == OPERATION_SENDING && run_id_equal(operation->run, ask->lapsed_run)
        && !run_id_equal(operation->run, turn->input->run)
        && operation_move(turn, operation, OPERATION_ON_SILENCE)) {
        struct payment_place place = payment_place(turn, payment);
        /* What that node sent last may be on its way until its deadline. */
        if (operation->silent_ms < operation->sent_ms + place.gateway->deadline_ms)
            operation->silent_ms = operation->sent_ms + place.gateway->deadline_ms;
        operation->due_ms = turn->now_ms;
        operation->tries = 0;
    }
    if (operation->due_ms != 0 && operation->due_ms <= turn->now_ms)
        operation_look(turn, payment, operation);
    return OK;
}

void payment_enquire(struct turn *turn, struct payment *payment)
{
    payment->due_ms = 0;
    operation_begin(turn, payment, OPERATION_KIND_ENQUIRE, 0, NULL);
}

bool payment_is_enquired(const struct books *books, const struct payment *payment)
{
    for (size_t i = 0; i < books->operations.count; i++) {
        const struct operation *operation = books->operations.items[i];
        if (operation->kind == OPERATION_KIND_ENQUIRE && operation->closed_ms == 0
            && payment_id_equal(operation->payment, payment->id))
            return true;
    }
    return false;
}

static void cancel_by_time(struct turn *turn, struct payment *payment, bool gateway_holds)
{
    if (payment->cancel_reason == CANCEL_REASON_NONE)
        payment->cancel_reason = payment->status == PAYMENT_AUTHORIZED ? CANCEL_REASON_EXPIRED
                                                                       : CANCEL_REASON_ABANDONED;
    bool sent = payment->status != PAYMENT_CREATED;
    if (sent && gateway_holds)
        payment_begin_cancel(turn, payment);
    enum err err = payment_move(turn, payment, PAYMENT_ON_TIME_UP);
    assert(err == OK);
    if (sent && !gateway_holds)
        err = payment_move(turn, payment, PAYMENT_ON_CANCEL_YES);
    assert(err == OK);
    (void)err;
    payment_end_invoice(turn, payment);
}

/* A cancel was refused, and what it was for still holds. */
static bool waits_for_cancel(const struct payment *payment)
{
    return payment->status == PAYMENT_AUTHORIZED && payment->cancel_reason != CANCEL_REASON_NONE;
}

static bool waits_for_capture(const struct payment *payment)
{
    return payment->status == PAYMENT_AUTHORIZED && payment->authorized_minor > 0
           && payment->capture_method == CAPTURE_METHOD_AUTOMATIC && !waits_for_cancel(payment);
}

/* When the refused cancel is tried again; what other events there were puts it off. */
static int64_t next_cancel_ms(const struct turn *turn, const struct payment *payment)
{
    struct account_settings settings = payment_settings(turn, payment);
    return payment->updated_ms
           + (payment->cancel_tries < settings.capture_tries ? settings.capture_retry_ms : DAY_MS);
}

void payment_cancel_later(struct turn *turn, struct payment *payment)
{
    struct account_settings settings = payment_settings(turn, payment);
    assert(waits_for_cancel(payment));
    payment->due_ms = next_cancel_ms(turn, payment);
    row_touch(&payment->row);
    if (payment->cancel_tries == settings.capture_tries)
        task_record(turn, payment, NULL, TASK_CANCEL_EXHAUSTED,
                    str_format(turn->arena, "%lld cancels were refused; cancel or capture by hand.",
                               (long long)payment->cancel_tries));
}

/* The refused capture's or cancel's next try stays where it was, whatever was asked in between. */
int64_t payment_next_look_ms(const struct turn *turn, const struct payment *payment)
{
    struct account_settings settings = payment_settings(turn, payment);
    int64_t retry_ms = payment->updated_ms + settings.capture_retry_ms;
    if (waits_for_cancel(payment))
        return next_cancel_ms(turn, payment);
    if (!waits_for_capture(payment) || payment->capture_tries >= settings.capture_tries)
        return payment->expires_ms;
    if (retry_ms < turn->now_ms)
        retry_ms = turn->now_ms;
    return retry_ms < payment->expires_ms ? retry_ms : payment->expires_ms;
}

void payment_end_of_time(struct turn *turn, struct payment *payment,
                         const struct gateway_answer *answer)
{
    bool waits = payment->status == PAYMENT_REQUIRES_ACTION;
    bool held = payment->status == PAYMENT_AUTHORIZED;
    if (payment_compare(turn, payment, answer) || (!waits && !held))
        return;
    int64_t end_ms = waits_for_cancel(payment) ? next_cancel_ms(turn, payment)
                                               : payment->expires_ms;
    if (end_ms <= turn->now_ms) {
        struct payment_place place = payment_place(turn, payment);
        bool nothing_held = waits && place.gateway->cancels_holds_only;
        cancel_by_time(turn, payment, answer->outcome != GW_ABSENT && !nothing_held);
        return;
    }
    payment->due_ms = payment_next_look_ms(turn, payment);
    row_touch(&payment->row);
}

static void retry_capture(struct turn *turn, struct payment *payment,
                          const struct account_settings *settings)
{
    if (payment->capture_tries < settings->capture_tries) {
        payment_begin_capture(turn, payment, payment->authorized_minor);
        return;
    }
    payment->due_ms = payment->expires_ms;
    row_touch(&payment->row);
    task_record(turn, payment, NULL, TASK_CAPTURE_EXHAUSTED,
                str_format(turn->arena, "%lld captures were refused; capture or cancel by hand.",
                           (long long)payment->capture_tries));
}

static enum err payment_due(struct turn *turn)
{
    struct payment *payment = books_payment(turn->books, turn->input->payment);
    if (payment->due_ms == 0 || payment->due_ms > turn->now_ms)
        return OK;
    bool busy = !operation_id_is_zero(payment->active_operation)
                || payment_is_enquired(turn->books, payment);
    bool expired = payment->expires_ms != 0 && payment->expires_ms <= turn->now_ms;
    row_touch(&payment->row);
    if (busy || machine_is_final(&machine_payment, payment->status)) {
        payment->due_ms = 0;
    } else if (payment->status == PAYMENT_CREATED && expired) {
        cancel_by_time(turn, payment, false);
    } else if (expired || waits_for_cancel(payment)) {
        payment_enquire(turn, payment);
    } else if (waits_for_capture(payment)) {
        struct account_settings settings = payment_settings(turn, payment);
        retry_capture(turn, payment, &settings);
    } else {
        payment->due_ms = payment->expires_ms;
    }
    return OK;
}

/* The payer acted at the gateway, or says so: the gateway is asked. */
static enum err payer_done(struct turn *turn)
{
    const struct operation *operation = books_operation(turn->books, turn->input->operation);
    struct payment *payment = books_payment(turn->books, operation->payment);
    assert(payment);
    if (payment->status != PAYMENT_REQUIRES_ACTION
        || !operation_id_equal(payment->authorization, operation->id)
        || payment_is_enquired(turn->books, payment))
        return OK;
    payment_enquire(turn, payment);
    return payment_move(turn, payment, PAYMENT_ON_PAYER_DONE);
}

const struct turn_handler turn_operation_due = { "operation.due", TARGET_OPERATION,
                                                 .handle = operation_due };
const struct turn_handler turn_payment_due = { "payment.due", TARGET_PAYMENT,
                                               .handle = payment_due };
const struct turn_handler turn_payer_done = { "payer.done", TARGET_OPERATION,
                                              .handle = payer_done };
