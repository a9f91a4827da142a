/* answers.c - a wire call has ended: what that means for the operation, its payment,
 * its refund and the invoice.
 *
 * The direct answer to an operation and an enquiry about it speak the same words.
 * Only the gateway's word, or proof that no byte left us, ends an operation. */
#include <assert.h>

#include "core/answered.h"
#include "core/routing.h"
#include "core/schedule.h"

static void attempt_record(const struct answered *a)
{
    struct attempt *attempt = ARENA_NEW(a->turn->arena, struct attempt);
    const struct gateway_answer *answer = &a->said->answer;
    /* The operation was recorded before it: a clock that says otherwise was set back meanwhile. */
    int64_t started_ms = a->said->started_ms > a->operation->created_ms ? a->said->started_ms
                                                                        : a->operation->created_ms;
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
        .started_ms = started_ms,
        .ended_ms = a->said->ended_ms > started_ms ? a->said->ended_ms : started_ms,
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

/* "Absent" proves nothing unless it was asked after the gateway had had time to see the call,
 * counted from the call's end, by a clock that nobody set meanwhile; to an enquiry of its own,
 * which is sent again and again, after it had that time since the first. */
static int64_t absence_proven_ms(const struct answered *a)
{
    bool own = a->operation->kind == OPERATION_KIND_ENQUIRE;
    int64_t since_ms = own ? a->operation->created_ms : a->operation->silent_ms;
    assert(since_ms != 0);
    if (since_ms < a->turn->even_since_ms)
        since_ms = a->turn->even_since_ms;
    return since_ms + a->place.gateway->visibility_ms;
}

/* Another question was answered before this one, and the operation was sent again. */
static bool was_sent_again(const struct answered *a)
{
    return a->said->call == OPERATION_KIND_ENQUIRE && a->operation->kind != OPERATION_KIND_ENQUIRE
           && a->operation->state == OPERATION_SENDING;
}

/* When the answer came, or could be recorded, does not count; nor a clock set back since. */
static bool absence_is_proven(const struct answered *a)
{
    int64_t asked_ms = a->said->started_ms < a->turn->now_ms ? a->said->started_ms
                                                             : a->turn->now_ms;
    return asked_ms >= absence_proven_ms(a) && !was_sent_again(a);
}

/* To the reconciler, which asks once: they had that time since the payment moved last. */
static bool is_missed(const struct answered *a)
{
    int64_t since_ms = a->payment->updated_ms;
    if (since_ms < a->turn->even_since_ms)
        since_ms = a->turn->even_since_ms;
    return a->said->mark.is_look
           && a->said->started_ms >= since_ms + a->place.gateway->visibility_ms;
}

/* They know nothing of the payment yet, because its payer has not acted, and still may. */
static bool waits_for_payer(const struct answered *a)
{
    const struct gateway_answer *answer = &a->said->answer;
    return answer->outcome == GW_NEEDS_PAYER
           || (answer->outcome == GW_ABSENT && answer->action != ACTION_NONE);
}

/* What they refuse now may be what an earlier call of the same, whose answer was lost, did. */
static bool is_moot(const struct answered *a)
{
    return a->operation->kind == OPERATION_KIND_DEACTIVATE && a->operation->silent_ms != 0
           && a->place.gateway->cards.forgets_once;
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
        return is_moot(a) ? OPERATION_ON_SILENCE : OPERATION_ON_NO;
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
        drift_record(a->turn, a->payment, a->operation->id, DRIFT_REFERENCE_CHANGED, theirs);
        return;
    }
    a->payment->gateway_reference = theirs;
    row_touch(&a->payment->row);
}

void answered_move_payment(const struct answered *a, enum payment_event event)
{
    enum err err = payment_move(a->turn, a->payment, event);
    if (err)
        drift_record(a->turn, a->payment, a->operation->id, DRIFT_UNEXPECTED_ANSWER,
                     str_of(machine_payment.events[event].name));
}

/* Returns false when another payment has paid it. */
bool answered_move_invoice(const struct answered *a, enum invoice_event event)
{
    const struct invoice *invoice = a->turn->books->invoice;
    if (machine_next(&machine_invoice, invoice->status, event) == INVOICE_NOWHERE) {
        if (event == INVOICE_ON_PAY)
            drift_record(a->turn, a->payment, a->operation->id, DRIFT_DUPLICATE_PAYMENT,
                         word_str(&words_invoice_state, invoice->status));
        return false;
    }
    enum err err = invoice_move(a->turn, event);
    assert(err == OK);
    (void)err;
    return true;
}

/* The money is ours: the invoice is paid, whatever part of it was captured. */
void answered_captured(const struct answered *a, enum payment_event event, int64_t amount_minor)
{
    a->payment->captured_minor = amount_minor;
    a->payment->failure = (struct failure){ 0 };
    answered_move_payment(a, event);
    /* Cancelled with a payment that had failed, of which they then held the money after all. */
    bool cancelled = a->turn->books->invoice->status == INVOICE_CANCELLED;
    if (!answered_move_invoice(a, cancelled ? INVOICE_ON_FOUND_PAID : INVOICE_ON_PAY))
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
        answered_move_payment(a, PAYMENT_ON_AUTH_VERIFIED);
        payment_end_invoice(a->turn, payment);
        return;
    }
    if (sale) {
        answered_captured(a, PAYMENT_ON_AUTH_SALE, answer->captured_minor);
        return;
    }
    payment->expires_ms = a->turn->now_ms
                          + payment_settings(a->turn, payment).authorization_ms;
    payment->due_ms = payment->expires_ms;
    answered_move_payment(a, PAYMENT_ON_AUTH_YES);
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
    answered_move_payment(a, PAYMENT_ON_AUTH_NO);
    payment_end_invoice(a->turn, a->payment);
}

static void needs_payer(const struct answered *a)
{
    a->payment->action = a->said->answer.action;
    a->payment->action_url = a->said->answer.action_url;
    a->payment->due_ms = a->payment->expires_ms;
    answered_move_payment(a, PAYMENT_ON_AUTH_PAYER);
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
    answered_move_payment(a, PAYMENT_ON_REROUTE);
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
    row_touch(&operation->row);
    /* "Absent" proves it soon: a look that came too early, as after a start, takes no place. */
    if (a->said->answer.outcome == GW_ABSENT && operation->state == OPERATION_UNKNOWN
        && absence_proven_ms(a) > a->turn->now_ms && absence_proven_ms(a) < operation->due_ms) {
        operation->due_ms = absence_proven_ms(a);
        return;
    }
    operation->tries++;
    row_touch(&operation->row);
    bool forgets = operation->kind == OPERATION_KIND_DEACTIVATE;
    if (operation->tries == SCHEDULE_UNKNOWN_TRIES + 1)
        task_record(a->turn, a->payment, operation,
                    forgets ? TASK_CARD_NOT_FORGOTTEN : TASK_OPERATION_UNRESOLVED,
                    str_format(a->turn->arena, "The %s is %s after %d looks; ask the gateway.",
                               word_text(&words_operation_kind, operation->kind),
                               word_text(&words_operation_state, operation->state),
                               SCHEDULE_UNKNOWN_TRIES));
}

/* No answer, or none that decides. */
static void stays_unknown(const struct answered *a)
{
    bool asked = a->said->call == OPERATION_KIND_ENQUIRE;
    /* The answer to that is on its way. */
    if (was_sent_again(a))
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
    operation_send(a->turn, a->operation);
    operation_call(a->turn, a->payment, a->operation, a->operation->kind, NULL);
}

/* They no longer stand by what they approved; where their money says how it ended, that counts. */
static void reservation_refused(const struct answered *a)
{
    const struct gateway_answer *answer = &a->said->answer;
    if (payment_compare(a->turn, a->payment, answer))
        return;
    failure_from_answer(&a->payment->failure, answer);
    struct drift *drift = drift_record(a->turn, a->payment, a->operation->id,
                                       DRIFT_STATUS_MISMATCH, answer->gateway_code);
    drift->gateway_status = STR("refused");
    drift_follow(a->turn, drift);
    answered_move_payment(a, PAYMENT_ON_FOUND_FAILED);
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
    if (answered_is_outdated(a)) {
        if (!a->said->mark.is_look)
            payment_enquire(a->turn, a->payment);
        return;
    }
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

/* The reconciler asks again when its time comes: until then the payment is left as it was. */
static void give_up(const struct answered *a)
{
    struct payment *payment = a->payment;
    enum payment_state status = payment->status;
    (void)operation_move(a->turn, a->operation, OPERATION_ON_SILENCE);
    operation_close(a->turn, payment, a->operation);
    /* The clock may have passed by while this was open. */
    if (payment->due_ms == 0
        && (status == PAYMENT_AUTHORIZED || status == PAYMENT_REQUIRES_ACTION)) {
        payment->due_ms = payment_next_look_ms(a->turn, payment);
        row_touch(&payment->row);
    }
}

/* They do not know, after all that time, what holds money in our books. */
static void report_missing(const struct answered *a)
{
    bool holds = a->payment->status == PAYMENT_AUTHORIZED || a->payment->status == PAYMENT_CAPTURED;
    if (a->said->answer.outcome != GW_ABSENT || !holds)
        return;
    struct drift *drift = drift_record(a->turn, a->payment, a->payment->authorization,
                                       DRIFT_MISSING_AT_GATEWAY,
                                       STR("The gateway does not know the payment."));
    drift->our_minor = a->payment->captured_minor;
    drift->gateway_status = STR("absent");
}

static void answer_enquiry(const struct answered *a)
{
    bool decides = enquiry_decides(a);
    if (decides || is_missed(a))
        report_missing(a);
    if (!decides && a->said->mark.is_look) {
        give_up(a);
        return;
    }
    if (!decides || !operation_move(a->turn, a->operation, OPERATION_ON_YES))
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
        answered_end_capture(a, verdict);
    else if (a->operation->kind == OPERATION_KIND_CANCEL)
        answered_end_cancel(a, verdict);
    else if (a->operation->kind == OPERATION_KIND_DEACTIVATE)
        deactivated(a, verdict);
    else
        answered_end_refund(a, verdict);
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

static void amount_differs(const struct answered *a)
{
    struct money theirs = a->said->answer.amount;
    bool other = theirs.currency != a->payment->currency;
    bool own = a->operation->kind == OPERATION_KIND_ENQUIRE;
    struct drift *drift = drift_record(
        a->turn, a->payment, a->operation->id,
        other ? DRIFT_CURRENCY_MISMATCH : DRIFT_AMOUNT_MISMATCH,
        str_format(a->turn->arena, "The gateway states %lld %s.", (long long)theirs.minor,
                   currency_code(theirs.currency)));
    drift->our_minor = own ? a->payment->amount_minor : a->operation->amount_minor;
    drift->gateway_minor = theirs.minor;
}

static enum look_result look_result(const struct answered *a, int64_t version)
{
    if (a->turn->books->drifts.count > 0)
        return LOOK_DRIFTED;
    if (a->operation->closed_ms == 0 || a->operation->state == OPERATION_UNKNOWN)
        return LOOK_FAILED;
    return a->payment->version != version ? LOOK_MOVED : LOOK_AGREED;
}

static void answer(const struct answered *a)
{
    if (a->operation->kind == OPERATION_KIND_ENQUIRE)
        answer_enquiry(a);
    else
        answer_operation(a);
}

/* What it would come to is counted; kept is only that the question was answered. */
static void answer_dry(const struct answered *a)
{
    struct turn *turn = a->turn;
    struct books *kept = books_copy(turn->arena, turn->books);
    struct operation *operation = books_operation(kept, a->operation->id);
    int64_t version = a->payment->version;
    answer(a);
    turn->look = look_result(a, version);
    operation->state = a->operation->state;
    operation->run = a->operation->run;
    operation_close(turn, books_payment(kept, operation->payment), operation);
    kept->drifts = (struct drift_list){ 0 };
    turn->books = kept;
    turn->calls = (struct turn_call_list){ 0 };
}

enum err operation_hear(struct turn *turn, struct operation *operation,
                        const struct operation_answer *heard)
{
    struct operation_answer said = *heard;
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
        amount_differs(&a);
    /* Ended meanwhile, by an enquiry or another node: the attempt is kept as evidence. */
    if (operation->closed_ms != 0) {
        doubt_the_end(&a);
        return OK;
    }
    int64_t version = a.payment->version;
    turn->look_since_ms = a.payment->updated_ms;
    if (said.mark.dry_run && operation->kind == OPERATION_KIND_ENQUIRE) {
        answer_dry(&a);
        return OK;
    }
    learn_reference(&a);
    instrument_learn(turn, a.payment, a.said);
    answer(&a);
    instrument_follow(turn, a.payment);
    if (said.mark.is_look)
        turn->look = look_result(&a, version);
    return OK;
}

static enum err operation_answered(struct turn *turn)
{
    return operation_hear(turn, books_operation(turn->books, turn->input->operation),
                          turn->input->ask);
}

const struct turn_handler turn_operation_answered = { "operation.answered", TARGET_OPERATION,
                                                      .handle = operation_answered };
