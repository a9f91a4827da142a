/* decisions.c - what people decide about differences and tasks. Each decision is in the audit log,
 * in the commit that carries it out.
 *
 * A decision about an operation, with the evidence in its note, counts as the gateway's word and
 * takes the same way. */
#include "core/audit.h"
#include "core/record.h"
#include "core/render.h"
#include "core/requests.h"
#include "core/schedule.h"

static enum err is_closed(struct turn *turn)
{
    return turn_fail(turn, ERR_CONFLICT, "It was resolved already.");
}

static enum err drift_resolve(struct turn *turn)
{
    const struct decision *ask = turn->input->ask;
    struct drift *drift = turn->drift;
    if (drift->closed_ms != 0)
        return is_closed(turn);
    drift->resolution = ask->resolution;
    drift->resolved_by = turn->input->actor;
    drift->note = ask->note;
    drift->closed_ms = turn->now_ms;
    row_touch(&drift->row);
    struct str text = render_drift_text(turn->arena, drift);
    AUDIT(turn, "drift.resolve", drift, drift->id, text);
    turn_answer_now(turn, 200, text);
    return OK;
}

static enum err check_may(struct turn *turn, const struct payment *payment,
                          enum payment_event event)
{
    enum err err = payment_must_be_idle(turn, payment);
    if (!err && machine_next(&machine_payment, payment->status, event) == PAYMENT_NOWHERE)
        err = turn_fail(turn, ERR_CONFLICT, "The payment is %s, which does not allow this.",
                        word_text(&words_payment_state, payment->status));
    return err;
}

static enum err do_capture(struct turn *turn, struct payment *payment)
{
    enum err err = check_may(turn, payment, PAYMENT_ON_CAPTURE);
    if (err)
        return err;
    if (payment->authorized_minor == 0)
        return turn_fail(turn, ERR_CONFLICT, "It is not known that the gateway holds money.");
    payment->cancel_reason = CANCEL_REASON_NONE;
    payment->cancel_tries = 0;
    payment_begin_capture(turn, payment, payment->authorized_minor);
    return OK;
}

static enum err do_cancel(struct turn *turn, struct payment *payment)
{
    enum err err = check_may(turn, payment, PAYMENT_ON_CANCEL);
    if (err)
        return err;
    if (payment->cancel_reason == CANCEL_REASON_NONE)
        payment->cancel_reason = CANCEL_REASON_MERCHANT;
    payment_begin_cancel(turn, payment);
    return payment_move(turn, payment, PAYMENT_ON_CANCEL);
}

static enum err do_refund(struct turn *turn, struct payment *payment)
{
    int64_t left_minor = payment->captured_minor - payment->reserved_minor;
    enum err err = payment_must_be_idle(turn, payment);
    if (!err && (payment->status != PAYMENT_CAPTURED || left_minor == 0))
        err = turn_fail(turn, ERR_CONFLICT, "There is nothing left to refund.");
    if (!err)
        payment_begin_refund(turn, payment, left_minor, STR(REFUND_REASON_LATE));
    return err;
}

/* The operation that the task is about, which waits for an answer, or to be sent. */
static enum err find_unknown(struct turn *turn, struct operation **out)
{
    struct operation *operation = books_operation(turn->books, turn->task->operation);
    if (!operation || operation->closed_ms != 0)
        return turn_fail(turn, ERR_CONFLICT, "The operation has ended meanwhile.");
    if (operation->state == OPERATION_SENDING)
        return turn_fail(turn, ERR_CONFLICT, "The gateway is being asked about the operation.");
    *out = operation;
    return OK;
}

static enum err do_ask(struct turn *turn, struct payment *payment)
{
    struct operation *operation = NULL;
    enum err err = find_unknown(turn, &operation);
    if (!err)
        operation_look(turn, payment, operation);
    return err;
}

/* Harmless where it was done: a card that the gateway does not know is forgotten. */
static enum err do_deactivate(struct turn *turn, struct payment *payment)
{
    struct operation *operation = NULL;
    enum err err = find_unknown(turn, &operation);
    if (err)
        return err;
    operation_send(turn, operation);
    operation_call(turn, payment, operation, OPERATION_KIND_DEACTIVATE, NULL);
    return OK;
}

static enum err do_decide(struct turn *turn, enum gateway_outcome outcome)
{
    const struct decision *ask = turn->input->ask;
    struct operation *operation = NULL;
    enum err err = find_unknown(turn, &operation);
    if (err)
        return err;
    /* It never left us, and was done by hand. */
    if (operation->state == OPERATION_NOT_SENT)
        operation_send(turn, operation);
    const struct operation_answer said = {
        .call = operation->kind,
        .answer = { .outcome = outcome, .gateway_code = STR("operator"),
                    .gateway_message = ask->note },
        .started_ms = turn->now_ms,
        .ended_ms = turn->now_ms,
    };
    return operation_hear(turn, operation, &said);
}

static enum err act(struct turn *turn, struct payment *payment, enum task_action action)
{
    switch (action) {
    case TASK_DO_ASK:
        return do_ask(turn, payment);
    case TASK_DO_CAPTURE:
        return do_capture(turn, payment);
    case TASK_DO_CANCEL:
        return do_cancel(turn, payment);
    case TASK_DO_REFUND:
        return do_refund(turn, payment);
    case TASK_DO_DID_IT:
        return do_decide(turn, GW_APPROVED);
    case TASK_DO_DID_NOT:
        return do_decide(turn, GW_REFUSED);
    case TASK_DO_DEACTIVATE:
        return do_deactivate(turn, payment);
    case TASK_DO_CLOSE:
    case TASK_DO_ANSWERED:
    case TASK_DO_NONE:
    case TASK_DO_COUNT:
        break;
    }
    return OK;
}

static enum err task_resolve(struct turn *turn)
{
    const struct decision *ask = turn->input->ask;
    struct task *task = turn->task;
    if (task->closed_ms != 0)
        return is_closed(turn);
    if (!task_allows(task->kind, ask->action))
        return turn_fail_param(turn, ERR_VALIDATION, "action",
                               "A task %s is not resolved so; its `actions` are what is possible.",
                               word_text(&words_task_kind, task->kind));
    enum err err = act(turn, books_payment(turn->books, task->payment), ask->action);
    if (err)
        return err;
    /* Having asked resolves nothing: the answer may. */
    if (ask->action != TASK_DO_ASK && ask->action != TASK_DO_DEACTIVATE) {
        task->action = ask->action;
        task->resolved_by = turn->input->actor;
        task->note = ask->note;
        task->closed_ms = turn->now_ms;
        row_touch(&task->row);
    }
    struct str text = render_task_text(turn->arena, task);
    struct str what = str_format(turn->arena, "task.%s",
                                 word_text(&words_task_action, ask->action));
    AUDIT(turn, str_c(turn->arena, what), task, task->id, text);
    turn_answer_now(turn, 200, text);
    return OK;
}

const struct turn_handler turn_drift_resolve = { "drift.resolve", TARGET_DRIFT, .scoped = true,
                                                 .handle = drift_resolve };
const struct turn_handler turn_task_resolve = { "task.resolve", TARGET_TASK, .scoped = true,
                                                .handle = task_resolve };
