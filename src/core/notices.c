/* notices.c - what gateways send by themselves: kept first, applied later, believed never.
 *
 * A notice tells which payment to ask the gateway about. Any order and any repetition of them
 * ends the same, because only the gateway's answer to our own enquiry moves anything. */
#include <assert.h>

#include "base/time.h"
#include "core/record.h"
#include "core/requests.h"
#include "core/schedule.h"

/* It may have come before our own answer was recorded: it is looked at again for a day. */
#define NOTICE_KEPT_MS DAY_MS
/* The answer to our own call is on its way: it says more. */
#define NOTICE_BUSY_MS (5 * SECOND_MS)

static enum err notices_keep(struct turn *turn)
{
    const struct notices_keep *ask = turn->input->ask;
    for (size_t i = 0; i < ask->count; i++) {
        struct notice *notice = arena_copy(turn->arena, ask->notices[i], sizeof(*notice));
        notice->row = ROW_NEW;
        notice->id = notice_id_make(turn->ids, turn->now_ms);
        notice->received_ms = turn->now_ms;
        /* What names nothing is evidence alone: there is nobody to ask about. */
        bool names = !str_is_empty(notice->reference)
                     || !str_is_empty(notice->gateway_reference);
        notice->due_ms = names ? turn->now_ms : 0;
        notice_list_add(turn->arena, &turn->notices, notice);
    }
    turn_answer_nothing(turn);
    return OK;
}

static void look_later(struct turn *turn, struct notice *notice)
{
    notice->due_ms = turn->now_ms + schedule_unknown_ms(notice->tries);
    notice->tries++;
    if (turn->now_ms - notice->received_ms >= NOTICE_KEPT_MS)
        notice->due_ms = 0;
    row_touch(&notice->row);
}

static void is_applied(struct turn *turn, struct notice *notice)
{
    notice->applied_ms = turn->now_ms;
    notice->due_ms = 0;
    row_touch(&notice->row);
}

/* The payment that the notice is about: by our reference, or by theirs. */
static struct payment *payment_of(const struct turn *turn, const struct notice *notice)
{
    const struct books *books = turn->books;
    struct operation_id id;
    for (size_t i = 0; i < books->operations.count; i++) {
        const struct operation *operation = books->operations.items[i];
        bool is_id = operation_id_parse(notice->reference, &id)
                     && operation_id_equal(operation->id, id);
        if (is_id || (!str_is_empty(notice->reference)
                      && str_equal(operation->reference, notice->reference)))
            return books_payment(books, operation->payment);
    }
    for (size_t i = 0; i < books->payments.count; i++)
        if (!str_is_empty(notice->gateway_reference)
            && str_equal(books->payments.items[i]->gateway_reference, notice->gateway_reference))
            return books->payments.items[i];
    return NULL;
}

/* What becomes of its card says nothing of the payment itself. */
static struct operation *open_operation(const struct books *books, const struct payment *payment)
{
    for (size_t i = 0; i < books->operations.count; i++)
        if (books->operations.items[i]->closed_ms == 0
            && books->operations.items[i]->kind != OPERATION_KIND_DEACTIVATE
            && payment_id_equal(books->operations.items[i]->payment, payment->id))
            return books->operations.items[i];
    return NULL;
}

/* Something of ours is open: what waits for an answer is asked about now; what is on its way
 * is let finish first. */
static void hasten(struct turn *turn, struct notice *notice, struct operation *operation)
{
    if (operation->state == OPERATION_UNKNOWN) {
        operation->due_ms = turn->now_ms;
        row_touch(&operation->row);
        is_applied(turn, notice);
        return;
    }
    notice->due_ms = turn->now_ms + NOTICE_BUSY_MS;
    row_touch(&notice->row);
}

static enum err notice_due(struct turn *turn)
{
    struct notice *notice = turn->notice;
    if (notice->due_ms == 0 || notice->due_ms > turn->now_ms)
        return OK;
    struct payment *payment = turn->books ? payment_of(turn, notice) : NULL;
    if (!payment || operation_id_is_zero(payment->authorization)) {
        look_later(turn, notice);
        return OK;
    }
    struct operation *open = open_operation(turn->books, payment);
    if (open) {
        hasten(turn, notice, open);
        return OK;
    }
    is_applied(turn, notice);
    payment_enquire(turn, payment);
    return payment->status == PAYMENT_REQUIRES_ACTION
               ? payment_move(turn, payment, PAYMENT_ON_PAYER_DONE) : OK;
}

/* Whether it waits for a look, and the last one is no longer on its way. The answer to a look
 * sets the next one by the step before it counts itself (answers.c). */
static bool may_look(const struct turn *turn, const struct operation *operation,
                     const struct gateway *gateway)
{
    int64_t step = operation->tries > 0 ? operation->tries - 1 : 0;
    int64_t looked_ms = operation->due_ms - schedule_unknown_ms(step);
    return operation->state == OPERATION_UNKNOWN && operation->due_ms > turn->now_ms
           && turn->now_ms - looked_ms >= gateway->deadline_ms;
}

/* Somebody reads a payment that is under way, and nobody has asked about it for a while. For an
 * hour such a look takes no place in the schedule of looks: else reading would thin them out. */
static enum err payment_look(struct turn *turn)
{
    struct payment *payment = books_payment(turn->books, turn->input->payment);
    struct operation *open = open_operation(turn->books, payment);
    struct payment_place place = payment_place(turn, payment);
    turn_answer_nothing(turn);
    if (open && may_look(turn, open, place.gateway)) {
        if (open->tries > 0 && turn->now_ms - open->created_ms < HOUR_MS)
            open->tries--;
        open->due_ms = turn->now_ms;
        row_touch(&open->row);
    } else if (!open && payment->status == PAYMENT_REQUIRES_ACTION
               && gateway_can(place.gateway, OPERATION_KIND_ENQUIRE)) {
        row_touch(&payment->row);
        payment_enquire(turn, payment);
    }
    return OK;
}

const struct turn_handler turn_notices_keep = { "notices.keep", TARGET_NOTHING,
                                                .handle = notices_keep };
const struct turn_handler turn_notice_due = { "notice.due", TARGET_NOTICE, .handle = notice_due };
const struct turn_handler turn_payment_look = { "payment.look", TARGET_PAYMENT, .scoped = true,
                                                .handle = payment_look };
