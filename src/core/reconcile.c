/* reconcile.c - payments are held against the gateway's books when their time has come.
 *
 * What is stuck is asked about, and the answer takes the same way as an answer to a notification
 * or to a payer who comes back. What is final is compared, less often the older it is. A
 * question without an answer leaves the payment as it was. */
#include <assert.h>

#include "base/time.h"
#include "core/audit.h"
#include "core/record.h"
#include "core/render.h"
#include "core/requests.h"
#include "core/schedule.h"

#define INTERVAL_DEFAULT_MS HOUR_MS

/* Between the comparisons of what is final, the first of which is made when it could be stuck. A
 * gateway that lists what it has is compared at each pass (engine/discovery.h), and asked about
 * each payment only now and then. Of one that cannot, a difference is found before the payment is
 * three times as old: eleven questions in five weeks, the most that a payment is worth. */
static const int64_t listed_steps_ms[] = { DAY_MS, 7 * DAY_MS, 30 * DAY_MS };
static const int64_t asked_steps_ms[] = {
    HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS, 8 * HOUR_MS, 16 * HOUR_MS,
    DAY_MS,  2 * DAY_MS,  4 * DAY_MS,  8 * DAY_MS,  16 * DAY_MS,
};
#define COUNT_OF(array) ((int64_t)(sizeof(array) / sizeof((array)[0])))

/* 0 when it was the last one. */
static int64_t final_step_ms(const struct gateway *gateway, int64_t checks)
{
    if (gateway->listing.build)
        return checks < COUNT_OF(listed_steps_ms) ? listed_steps_ms[checks] : 0;
    return checks < COUNT_OF(asked_steps_ms) ? asked_steps_ms[checks] : 0;
}

static struct operation *open_operation(const struct books *books, const struct payment *payment)
{
    for (size_t i = 0; i < books->operations.count; i++)
        if (books->operations.items[i]->closed_ms == 0
            && payment_id_equal(books->operations.items[i]->payment, payment->id))
            return books->operations.items[i];
    return NULL;
}

void payment_check_from_now(struct turn *turn, struct payment *payment)
{
    struct payment_place place = payment_place(turn, payment);
    payment->check_ms = turn->now_ms
                        + account_stuck_ms(place.account, payment->method, turn->arena);
    payment->checks = 0;
    row_touch(&payment->row);
}

void payment_check_refund(struct turn *turn, struct payment *payment)
{
    int64_t check_ms = turn->now_ms + payment_settings(turn, payment).refund_orphan_ms;
    if (payment->check_ms == 0 || payment->check_ms > check_ms)
        payment->check_ms = check_ms;
    payment->checks = 0;
    row_touch(&payment->row);
}

/* From when on the payment, or what is open on it, counts as stuck. */
static int64_t stuck_since_ms(const struct turn *turn, const struct payment *payment,
                              const struct operation *open)
{
    if (!open || open->kind != OPERATION_KIND_REFUND)
        return (open ? open->created_ms : payment->updated_ms)
               + account_stuck_ms(payment_place(turn, payment).account, payment->method,
                                  turn->arena);
    struct account_settings settings = payment_settings(turn, payment);
    const struct refund *refund = books_refund(turn->books, open->refund);
    bool orphan = !refund || str_is_empty(refund->gateway_reference);
    return open->created_ms
           + (orphan ? settings.refund_orphan_ms : settings.refund_stuck_ms);
}

/* The next look, should this one change nothing. */
static void plan_next(struct turn *turn, struct payment *payment, const struct operation *open,
                      int64_t interval_ms)
{
    payment->check_ms = turn->now_ms + interval_ms;
    if (!open && machine_is_final(&machine_payment, payment->status)) {
        struct payment_place place = payment_place(turn, payment);
        int64_t step_ms = final_step_ms(place.gateway, payment->checks);
        payment->check_ms = step_ms ? turn->now_ms + step_ms : 0;
        payment->checks++;
    }
    row_touch(&payment->row);
}

static void ask(struct turn *turn, struct payment *payment, struct operation *open)
{
    if (open)
        operation_look(turn, payment, open);
    else
        operation_begin(turn, payment, OPERATION_KIND_ENQUIRE, 0, NULL);
    turn->look = turn->calls.count > 0 ? LOOK_ASKED : LOOK_SKIPPED;
}

static enum err payment_check(struct turn *turn)
{
    const struct payment_check *wish = turn->input->ask;
    struct payment *payment = books_payment(turn->books, turn->input->payment);
    struct operation *open = open_operation(turn->books, payment);
    struct payment_place place = payment_place(turn, payment);
    bool final = !open && machine_is_final(&machine_payment, payment->status);
    if (!wish->asked && (payment->check_ms == 0 || payment->check_ms > turn->now_ms))
        return OK;
    turn->look = LOOK_SKIPPED;
    turn->mark = (struct look_mark){ true, wish->reconciliation, wish->dry_run };
    /* Nothing was sent, or nobody can be asked. */
    if (operation_id_is_zero(payment->authorization)
        || !gateway_can(place.gateway, OPERATION_KIND_ENQUIRE)) {
        payment->check_ms = 0;
        row_touch(&payment->row);
        return OK;
    }
    int64_t stuck_ms = stuck_since_ms(turn, payment, open);
    if (!final && !wish->hinted && stuck_ms > turn->now_ms) {
        payment->check_ms = stuck_ms;
        row_touch(&payment->row);
        return OK;
    }
    bool under_way = open && (open->state != OPERATION_UNKNOWN || wish->dry_run);
    if (!wish->asked || !final)
        plan_next(turn, payment, open, wish->interval_ms ? wish->interval_ms : INTERVAL_DEFAULT_MS);
    if (!under_way)
        ask(turn, payment, open);
    return OK;
}

static enum err reconciliation_ask(struct turn *turn)
{
    const struct reconciliation *wish = turn->input->ask;
    struct reconciliation *row = arena_copy(turn->arena, wish, sizeof(*wish));
    row->row = ROW_NEW;
    row->id = reconciliation_id_make(turn->ids, turn->now_ms);
    row->merchant = turn->input->merchant;
    row->live = turn->input->live;
    row->actor = turn->input->actor;
    row->created_ms = turn->now_ms;
    reconciliation_list_add(turn->arena, &turn->reconciliations, row);
    struct str text = render_reconciliation_text(turn->arena, row);
    AUDIT(turn, "reconciliation.ask", reconciliation, row->id, text);
    turn_answer_now(turn, 201, text);
    return OK;
}

/* The engine keeps count: what it hands in is what the row will hold. */
static enum err reconciliation_note(struct turn *turn)
{
    const struct reconciliation *counted = turn->input->ask;
    struct reconciliation *row = arena_copy(turn->arena, counted, sizeof(*counted));
    row->row = ROW_CHANGED;
    if (row->created_ms == 0) {
        row->row = ROW_NEW;
        if (reconciliation_id_is_zero(row->id))
            row->id = reconciliation_id_make(turn->ids, turn->now_ms);
        row->created_ms = row->started_ms;
    }
    reconciliation_list_add(turn->arena, &turn->reconciliations, row);
    turn_answer_nothing(turn);
    return OK;
}

const struct turn_handler turn_payment_check = { "payment.check", TARGET_PAYMENT,
                                                 .handle = payment_check };
const struct turn_handler turn_reconciliation_ask = { "reconciliation.ask", TARGET_NOTHING,
                                                      .handle = reconciliation_ask };
const struct turn_handler turn_reconciliation_note = { "reconciliation.note", TARGET_NOTHING,
                                                       .handle = reconciliation_note };
