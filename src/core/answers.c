/* answers.c - a wire call has ended: what that means for the operation, its payment,
 * its refund and the invoice.
 *
 * The direct answer to an operation and an enquiry about it speak the same words.
 * Only the gateway's word, or proof that no byte left us, ends an operation. */
#include <assert.h>

#include "core/record.h"
#include "core/requests.h"
#include "core/routing.h"
#include "core/schedule.h"

/* The case in hand, so that the steps below need not pass six arguments on. */
struct answered {
    struct turn *turn;
    const struct operation_answer *said;
    struct operation *operation;
    struct payment *payment;
    struct payment_place place;
};

static void attempt_record(const struct answered *a)
{
    struct attempt *attempt = ARENA_NEW(a->turn->arena, struct attempt);
    const struct gateway_answer *answer = &a->said->answer;
    *attempt = (struct attempt){
        .row = ROW_NEW,
        .invoice = a->operation->invoice,
        .operation = a->operation->id,
        .number = ++a->operation->attempts,
        .call = a->said->call,
        .outcome = str_of(gateway_outcome_text(answer->outcome)),
        .http_status = a->said->http_status,
        .gateway_code = answer->gateway_code,
        .gateway_message = answer->gateway_message,
        .started_ms = a->said->started_ms,
        .ended_ms = a->said->ended_ms,
    };
    row_touch(&a->operation->row);
    attempt_list_add(a->turn->arena, &a->turn->books->attempts, attempt);
}

void failure_from_answer(struct failure *failure, const struct gateway_answer *answer)
{
    bool declined = answer->outcome == GW_DECLINED;
    *failure = (struct failure){
        .type = declined ? FAILURE_DECLINED : FAILURE_GATEWAY_ERROR,
        .code = answer->failure_code,
        .message = declined ? STR("The payer's bank declined it.")
                            : STR("The gateway could not do it; no money moved."),
        .gateway_code = answer->gateway_code,
        .gateway_message = answer->gateway_message,
    };
    if (str_is_empty(failure->code))
        failure->code = declined ? STR("card_declined") : STR("gateway_error");
}

/* "Absent" proves nothing before the gateway had time to see the call, counted from the call's
 * end, by a clock that nobody set meanwhile; to an enquiry of its own, which is sent again and
 * again, before it had that time since the first. */
static bool absence_is_proven(const struct answered *a)
{
    bool own = a->operation->kind == OPERATION_KIND_ENQUIRE;
    int64_t since_ms = own ? a->operation->created_ms : a->operation->silent_ms;
    assert(since_ms != 0);
    if (since_ms < a->turn->even_since_ms)
        since_ms = a->turn->even_since_ms;
    return a->turn->now_ms - since_ms >= a->place.gateway->visibility_ms;
}

/* They know nothing of the payment yet, because its payer has not acted, and still may. */
static bool waits_for_payer(const struct answered *a)
{
    const struct gateway_answer *answer = &a->said->answer;
    return answer->outcome == GW_NEEDS_PAYER
           || (answer->outcome == GW_ABSENT && answer->action != ACTION_NONE);
}

static enum operation_event verdict_of(const struct answered *a)
{
    bool enquiry = a->said->call == OPERATION_KIND_ENQUIRE;
    switch (a->said->answer.outcome) {
    case GW_APPROVED:
        return OPERATION_ON_YES;
    case GW_NEEDS_PAYER:
        /* No payer is needed to capture, cancel or refund: that is about something else. */
        return a->operation->kind == OPERATION_KIND_AUTHORIZE ? OPERATION_ON_YES
                                                              : OPERATION_ON_SILENCE;
    case GW_DECLINED:
    case GW_REFUSED:
        return OPERATION_ON_NO;
    case GW_ABSENT:
        /* There is nothing left to forget. */
        if (!enquiry && a->operation->kind == OPERATION_KIND_DEACTIVATE)
            return OPERATION_ON_YES;
        /* What was lost only opened their page: its payer may act all the same. */
        if (enquiry && a->operation->kind == OPERATION_KIND_AUTHORIZE && waits_for_payer(a))
            return OPERATION_ON_YES;
        return enquiry && absence_is_proven(a) ? OPERATION_ON_NEVER_SENT : OPERATION_ON_SILENCE;
    case GW_NOT_SENT:
        return enquiry ? OPERATION_ON_SILENCE : OPERATION_ON_NEVER_SENT;
    case GW_UNKNOWN:
    case GW_PENDING:
    case GW_OUTCOME_COUNT:
        break;
    }
    return OPERATION_ON_SILENCE;
}

static void learn_reference(const struct answered *a)
{
    struct str theirs = a->said->answer.gateway_reference;
    if (str_is_empty(theirs) || str_equal(theirs, a->payment->gateway_reference))
        return;
    /* A payer may try more than once at the gateway; what holds no money is forgotten. */
    bool counts = a->payment->authorized_minor > 0;
    if (!str_is_empty(a->payment->gateway_reference) && counts) {
        drift_record(a->turn, a->payment, a->operation->id, "reference_changed", theirs);
        return;
    }
    a->payment->gateway_reference = theirs;
    row_touch(&a->payment->row);
}

static void move_payment(const struct answered *a, enum payment_event event)
{
    enum err err = payment_move(a->turn, a->payment, event);
    if (err)
        drift_record(a->turn, a->payment, a->operation->id, "unexpected_answer",
                     str_of(machine_payment.events[event].name));
}

/* Returns false when another payment has paid it. */
static bool move_invoice(const struct answered *a, enum invoice_event event)
{
    const struct invoice *invoice = a->turn->books->invoice;
    if (machine_next(&machine_invoice, invoice->status, event) == INVOICE_NOWHERE) {
        if (event == INVOICE_ON_PAY)
            drift_record(a->turn, a->payment, a->operation->id, "duplicate_payment",
                         word_str(&words_invoice_state, invoice->status));
        return false;
    }
    enum err err = invoice_move(a->turn, event);
    assert(err == OK);
    (void)err;
    return true;
}

/* The money is ours: the invoice is paid, whatever part of it was captured. */
static void captured(const struct answered *a, enum payment_event event, int64_t amount_minor)
{
    a->payment->captured_minor = amount_minor;
    a->payment->failure = (struct failure){ 0 };
    move_payment(a, event);
    /* Cancelled with a payment that had failed, of which they then held the money after all. */
    bool cancelled = a->turn->books->invoice->status == INVOICE_CANCELLED;
    if (!move_invoice(a, cancelled ? INVOICE_ON_FOUND_PAID : INVOICE_ON_PAY))
        payment_return_late(a->turn, a->payment);
}

static void authorized(const struct answered *a)
{
    const struct gateway_answer *answer = &a->said->answer;
    struct payment *payment = a->payment;
    bool sale = answer->has_position && answer->captured_minor > 0;
    payment->authorized_minor = payment->amount_minor;
    payment->failure = (struct failure){ 0 };
    if (payment->verification) {
        move_payment(a, PAYMENT_ON_AUTH_VERIFIED);
        payment_end_invoice(a->turn, payment);
        return;
    }
    if (sale) {
        captured(a, PAYMENT_ON_AUTH_SALE, answer->captured_minor);
        return;
    }
    payment->expires_ms = a->turn->now_ms + a->place.settings.authorization_ms;
    payment->due_ms = payment->expires_ms;
    move_payment(a, PAYMENT_ON_AUTH_YES);
    /* It may have been given back before we heard of it. */
    if (payment_compare(a->turn, payment, answer))
        return;
    if (payment->status == PAYMENT_AUTHORIZED
        && payment->capture_method == CAPTURE_METHOD_AUTOMATIC) {
        payment_begin_capture(a->turn, payment, payment->authorized_minor);
        payment_inherit_claim(a->turn, payment, a->operation->claim);
    }
}

static void refused(const struct answered *a, struct failure failure)
{
    a->payment->failure = failure;
    move_payment(a, PAYMENT_ON_AUTH_NO);
    payment_end_invoice(a->turn, a->payment);
}

static void needs_payer(const struct answered *a)
{
    a->payment->action = a->said->answer.action;
    a->payment->action_url = a->said->answer.action_url;
    a->payment->due_ms = a->payment->expires_ms;
    move_payment(a, PAYMENT_ON_AUTH_PAYER);
}

static struct failure failure_interrupted(void)
{
    return (struct failure){
        .type = FAILURE_GATEWAY_ERROR,
        .code = STR("interrupted"),
        .message = STR("The request did not reach the gateway; no money moved."),
    };
}

/* The account that the payment may go on to. Its own call must be proven not to have left us,
 * at once: what was unknown in between has no card any more, and was answered for too long. */
static const struct gateway_account *next_account(const struct answered *a)
{
    bool proven = a->said->call == OPERATION_KIND_AUTHORIZE
                  && a->said->answer.outcome == GW_NOT_SENT && a->operation->attempts == 1;
    bool has_card = a->payment->method != METHOD_CARD || a->said->card;
    return a->payment->routed && proven && has_card ? route_elsewhere(a->turn, a->payment) : NULL;
}

static void go_elsewhere(const struct answered *a, const struct gateway_account *account)
{
    a->payment->gateway_account = account->id;
    a->payment->gateway = account->gateway;
    struct instrument *saved = payment_saves(a->turn, a->payment);
    if (saved) {
        saved->gateway_account = account->id;
        saved->gateway = account->gateway;
        row_touch(&saved->row);
    }
    struct operation *operation = operation_begin(a->turn, a->payment, OPERATION_KIND_AUTHORIZE,
                                                  a->payment->amount_minor, a->said->card);
    operation->claim = a->operation->claim;
    move_payment(a, PAYMENT_ON_REROUTE);
}

static void end_authorize(const struct answered *a, enum operation_event verdict)
{
    operation_close(a->turn, a->payment, a->operation);
    const struct gateway_account *next = NULL;
    if (verdict == OPERATION_ON_NEVER_SENT)
        next = next_account(a);
    if (next) {
        go_elsewhere(a, next);
    } else if (verdict == OPERATION_ON_NEVER_SENT) {
        refused(a, failure_interrupted());
    } else if (verdict == OPERATION_ON_NO) {
        struct failure failure;
        failure_from_answer(&failure, &a->said->answer);
        refused(a, failure);
    } else if (waits_for_payer(a)) {
        needs_payer(a);
    } else {
        authorized(a);
    }
}

/* They refuse because it is done: by an earlier try, or by hand at the gateway. */
static bool is_taken(const struct answered *a)
{
    const struct gateway_answer *answer = &a->said->answer;
    return answer->has_position ? answer->captured_minor > 0
                                : str_equal_c(answer->failure_code, "already_captured");
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
        drift_record(a->turn, payment, a->operation->id, "captured_differs",
                     str_format(a->turn->arena, "%lld were to be captured, %lld were already",
                                (long long)a->operation->amount_minor, (long long)taken_minor));
    captured(a, PAYMENT_ON_CAPTURE_YES, taken_minor);
    if (!answer->has_position && gateway_can(a->place.gateway, OPERATION_KIND_ENQUIRE))
        payment_enquire(a->turn, payment);
}

static void end_capture(const struct answered *a, enum operation_event verdict)
{
    struct payment *payment = a->payment;
    operation_close(a->turn, payment, a->operation);
    if (verdict == OPERATION_ON_YES) {
        captured(a, PAYMENT_ON_CAPTURE_YES, a->operation->amount_minor);
        return;
    }
    if (is_taken(a)) {
        taken_already(a);
        return;
    }
    failure_from_answer(&payment->failure, &a->said->answer);
    payment->due_ms = payment->expires_ms;
    if (payment->capture_method == CAPTURE_METHOD_AUTOMATIC)
        payment->due_ms = a->turn->now_ms + a->place.settings.capture_retry_ms;
    move_payment(a, PAYMENT_ON_CAPTURE_NO);
}

/* They refuse because nothing is held any more. */
static bool is_released(const struct answered *a)
{
    const struct gateway_answer *answer = &a->said->answer;
    return answer->has_position ? answer->released && answer->captured_minor == 0
                                : str_equal_c(answer->failure_code, "already_cancelled");
}

static void end_cancel(const struct answered *a, enum operation_event verdict)
{
    struct payment *payment = a->payment;
    operation_close(a->turn, payment, a->operation);
    if (verdict == OPERATION_ON_YES || is_released(a)) {
        move_payment(a, PAYMENT_ON_CANCEL_YES);
        payment_end_invoice(a->turn, payment);
        return;
    }
    if (payment_compare(a->turn, payment, &a->said->answer))
        return;
    failure_from_answer(&payment->failure, &a->said->answer);
    move_payment(a, PAYMENT_ON_CANCEL_NO);
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

static void end_refund(const struct answered *a, enum operation_event verdict)
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
        drift_record(a->turn, payment, a->operation->id, "unexpected_answer", STR("refund"));
    if (done && all_is_returned(a->turn->books))
        (void)move_invoice(a, INVOICE_ON_REFUND_ALL);
    if (!done && str_equal_c(refund->reason, REFUND_REASON_LATE))
        task_record(a->turn, payment, a->operation, "late_refund_refused",
                    STR("The money came too late, and its refund was refused; return it by hand."));
}

static void deactivated(const struct answered *a, enum operation_event verdict)
{
    operation_close(a->turn, a->payment, a->operation);
    instrument_deactivated(a->turn, a->payment, verdict == OPERATION_ON_YES, &a->said->answer);
}

/* Not ended: the clock looks again, later each time, and then a person is told too. */
static void wait_for_next_look(const struct answered *a)
{
    struct operation *operation = a->operation;
    operation->due_ms = a->turn->now_ms + schedule_unknown_ms(operation->tries);
    operation->tries++;
    row_touch(&operation->row);
    if (operation->tries == SCHEDULE_UNKNOWN_TRIES + 1)
        task_record(a->turn, a->payment, operation, "operation_unresolved",
                    str_format(a->turn->arena, "The %s is %s after %d looks; ask the gateway.",
                               word_text(&words_operation_kind, operation->kind),
                               word_text(&words_operation_state, operation->state),
                               SCHEDULE_UNKNOWN_TRIES));
}

/* No answer, or none that decides. */
static void stays_unknown(const struct answered *a)
{
    bool asked = a->said->call == OPERATION_KIND_ENQUIRE;
    /* Sent again since this was asked: the answer to that is on its way. */
    if (asked && a->operation->kind != OPERATION_KIND_ENQUIRE
        && a->operation->state == OPERATION_SENDING)
        return;
    (void)operation_move(a->turn, a->operation, OPERATION_ON_SILENCE);
    if (a->operation->state != OPERATION_UNKNOWN)
        return;
    /* Also when its node had been given up before: until now it may have been on its way. */
    if (!asked)
        a->operation->silent_ms = a->turn->now_ms;
    wait_for_next_look(a);
}

/* Proven not sent, and no authorize: the same operation goes again. When the gateway itself
 * says that it never saw it, it can be reached, so at once. */
static void goes_again(const struct answered *a)
{
    if (a->said->call != OPERATION_KIND_ENQUIRE) {
        wait_for_next_look(a);
        return;
    }
    bool sending = operation_move(a->turn, a->operation, OPERATION_ON_SEND);
    assert(sending);
    (void)sending;
    operation_call(a->turn, a->payment, a->operation, a->operation->kind, NULL);
}

/* They no longer stand by what they approved; where their money says how it ended, that counts. */
static void reservation_refused(const struct answered *a)
{
    const struct gateway_answer *answer = &a->said->answer;
    if (payment_compare(a->turn, a->payment, answer))
        return;
    failure_from_answer(&a->payment->failure, answer);
    drift_record(a->turn, a->payment, a->operation->id, "reservation_refused",
                 answer->gateway_code);
    move_payment(a, PAYMENT_ON_FOUND_FAILED);
    payment_end_invoice(a->turn, a->payment);
}

/* A cancel that they refused came between the payer's yes and our hearing of it. */
static void learn_reservation(const struct answered *a)
{
    if (a->payment->status != PAYMENT_AUTHORIZED || a->payment->authorized_minor != 0)
        return;
    a->payment->authorized_minor = a->payment->amount_minor;
    row_touch(&a->payment->row);
}

/* A payment that is being looked at because its payer came back, its time is up, or the
 * gateway sent a notice about it. */
static void end_enquiry(const struct answered *a)
{
    const struct gateway_answer *answer = &a->said->answer;
    enum payment_state status = a->payment->status;
    operation_close(a->turn, a->payment, a->operation);
    if (!operation_id_is_zero(a->payment->active_operation))
        return;
    bool payer = status == PAYMENT_AUTHORIZING || status == PAYMENT_REQUIRES_ACTION;
    bool refusal = answer->outcome == GW_DECLINED || answer->outcome == GW_REFUSED;
    if (payer && refusal) {
        struct failure failure;
        failure_from_answer(&failure, answer);
        refused(a, failure);
    } else if (payer && answer->outcome == GW_APPROVED) {
        authorized(a);
    } else if (status == PAYMENT_AUTHORIZING && waits_for_payer(a)) {
        needs_payer(a);
    } else if (status == PAYMENT_AUTHORIZING) {
        refused(a, failure_interrupted());
    } else if (status == PAYMENT_AUTHORIZED && refusal) {
        reservation_refused(a);
    } else {
        if (answer->outcome == GW_APPROVED)
            learn_reservation(a);
        payment_end_of_time(a->turn, a->payment, answer);
    }
}

/* Whether an enquiry's answer says something; if not it is made again later. */
static bool enquiry_decides(const struct answered *a)
{
    switch (a->said->answer.outcome) {
    case GW_APPROVED:
    case GW_DECLINED:
    case GW_REFUSED:
    case GW_NEEDS_PAYER:
        return true;
    case GW_PENDING:
        /* Where it cannot be cancelled either, it is waited for. */
        return a->payment->status != PAYMENT_AUTHORIZING && !a->place.gateway->cancels_holds_only;
    case GW_ABSENT:
        return absence_is_proven(a)
               || (a->payment->status == PAYMENT_AUTHORIZING && waits_for_payer(a));
    case GW_UNKNOWN:
    case GW_NOT_SENT:
    case GW_OUTCOME_COUNT:
        break;
    }
    return false;
}

static void answer_enquiry(const struct answered *a)
{
    if (!enquiry_decides(a) || !operation_move(a->turn, a->operation, OPERATION_ON_YES))
        stays_unknown(a);
    else
        end_enquiry(a);
}

static void answer_operation(const struct answered *a)
{
    enum operation_event verdict = verdict_of(a);
    if (verdict == OPERATION_ON_SILENCE || !operation_move(a->turn, a->operation, verdict)) {
        stays_unknown(a);
        return;
    }
    a->operation->gateway_code = a->said->answer.gateway_code;
    a->operation->gateway_message = a->said->answer.gateway_message;
    if (a->operation->kind == OPERATION_KIND_AUTHORIZE)
        end_authorize(a, verdict);
    else if (verdict == OPERATION_ON_NEVER_SENT)
        goes_again(a);
    else if (a->operation->kind == OPERATION_KIND_CAPTURE)
        end_capture(a, verdict);
    else if (a->operation->kind == OPERATION_KIND_CANCEL)
        end_cancel(a, verdict);
    else if (a->operation->kind == OPERATION_KIND_DEACTIVATE)
        deactivated(a, verdict);
    else
        end_refund(a, verdict);
}

/* Late, they say that they did what we took for not done: they are asked where the money is. */
static void doubt_the_end(const struct answered *a)
{
    bool done = a->said->answer.outcome == GW_APPROVED;
    if (a->operation->kind == OPERATION_KIND_DEACTIVATE) {
        if (done && a->operation->state == OPERATION_REFUSED)
            instrument_found_removed(a->turn, a->payment, a->operation->id);
        return;
    }
    if (done && a->operation->kind != OPERATION_KIND_ENQUIRE
        && a->operation->state != OPERATION_SUCCEEDED
        && operation_id_is_zero(a->payment->active_operation)
        && !payment_is_enquired(a->turn->books, a->payment))
        payment_enquire(a->turn, a->payment);
}

static enum err operation_answered(struct turn *turn)
{
    struct operation_answer said = *(const struct operation_answer *)turn->input->ask;
    struct operation *operation = books_operation(turn->books, turn->input->operation);
    struct answered a = {
        .turn = turn,
        .said = &said,
        .operation = operation,
        .payment = books_payment(turn->books, operation->payment),
    };
    assert(a.payment);
    a.place = payment_place(turn, a.payment);
    gateway_answer_limit(&said.answer);
    attempt_record(&a);
    if (a.said->amount_differs)
        drift_record(turn, a.payment, operation->id, "amount_mismatch",
                     str_format(turn->arena, "The gateway states %lld %s.",
                                (long long)a.said->answer.amount.minor,
                                currency_code(a.said->answer.amount.currency)));
    /* Ended meanwhile, by an enquiry or another node: the attempt is kept as evidence. */
    if (operation->closed_ms != 0) {
        doubt_the_end(&a);
        return OK;
    }
    learn_reference(&a);
    instrument_learn(turn, a.payment, a.said);
    if (operation->kind == OPERATION_KIND_ENQUIRE)
        answer_enquiry(&a);
    else
        answer_operation(&a);
    instrument_follow(turn, a.payment);
    return OK;
}

const struct turn_handler turn_operation_answered = { "operation.answered", TARGET_OPERATION,
                                                      .handle = operation_answered };
