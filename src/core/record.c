/* record.c - the only ways in which a state changes. */
#include "core/record.h"

#include <assert.h>

#include "core/render.h"

/* What an event is about; its data is the object's snapshot. */
struct subject {
    const struct payment *payment;
    const struct refund *refund;
    const struct checkout *checkout;
    const struct instrument *instrument;
    struct str data;
    int64_t version;
};

static void event_record(struct turn *turn, enum event_type type, const struct subject *subject)
{
    struct invoice *invoice = turn->books->invoice;
    struct event *event = ARENA_NEW(turn->arena, struct event);
    *event = (struct event){
        .row = ROW_NEW,
        .invoice = invoice->id,
        .sequence = ++invoice->sequence,
        .merchant = invoice->merchant,
        .live = invoice->live,
        .type = type,
        .version = subject->version,
        .occurred_ms = turn->now_ms,
        .origin = turn->input->origin,
        .actor = turn->input->actor,
        .data = subject->data,
    };
    if (subject->payment)
        event->payment = subject->payment->id;
    if (subject->refund)
        event->refund = subject->refund->id;
    if (subject->checkout)
        event->checkout = subject->checkout->id;
    if (subject->instrument)
        event->instrument = subject->instrument->id;
    assert(event->type != EVENT_NONE && event->version > 0);
    /* From here on the checkpoints do not tell all. */
    if (invoice->checkpointed)
        invoice->late = true;
    row_touch(&invoice->row);
    event_list_add(turn->arena, &turn->books->events, event);
}

static void payment_event_record(struct turn *turn, struct payment *payment, enum event_type type)
{
    payment->version++;
    payment->updated_ms = turn->now_ms;
    row_touch(&payment->row);
    event_record(turn, type,
                 &(struct subject){ .payment = payment,
                                    .data = render_payment_again(turn->arena, payment,
                                                                 &turn->rendered),
                                    .version = payment->version });
}

static void refund_event_record(struct turn *turn, struct refund *refund, enum event_type type)
{
    struct payment *payment = books_payment(turn->books, refund->payment);
    assert(payment);
    payment->version++;
    payment->updated_ms = turn->now_ms;
    row_touch(&payment->row);
    refund->updated_ms = turn->now_ms;
    row_touch(&refund->row);
    event_record(turn, type,
                 &(struct subject){ .payment = payment,
                                    .refund = refund,
                                    .data = render_refund_text(turn->arena, refund),
                                    .version = payment->version });
}

static void instrument_event_record(struct turn *turn, struct instrument *instrument,
                                    enum event_type type)
{
    struct payment *payment = books_payment(turn->books, instrument->payment);
    assert(payment);
    payment->version++;
    payment->updated_ms = turn->now_ms;
    row_touch(&payment->row);
    instrument->updated_ms = turn->now_ms;
    row_touch(&instrument->row);
    event_record(turn, type,
                 &(struct subject){ .payment = payment,
                                    .instrument = instrument,
                                    .data = render_instrument_text(turn->arena, instrument),
                                    .version = payment->version });
}

static void invoice_event_record(struct turn *turn, enum event_type type)
{
    struct invoice *invoice = turn->books->invoice;
    invoice->version++;
    invoice->updated_ms = turn->now_ms;
    row_touch(&invoice->row);
    struct str data = render_invoice_text(turn->arena, invoice, &turn->books->payments);
    event_record(turn, type, &(struct subject){ .data = data, .version = invoice->version });
}

static void checkout_event_record(struct turn *turn, struct checkout *checkout,
                                  enum event_type type)
{
    checkout->version++;
    checkout->updated_ms = turn->now_ms;
    row_touch(&checkout->row);
    struct str data = render_checkout_text(turn->arena, checkout, turn->books->invoice);
    event_record(turn, type, &(struct subject){ .checkout = checkout,
                                                .data = data,
                                                .version = checkout->version });
}

enum err checkout_move(struct turn *turn, struct checkout *checkout, enum checkout_event event)
{
    unsigned to = machine_next(&machine_checkout, checkout->status, event);
    if (to == CHECKOUT_NOWHERE)
        return turn_fail(turn, ERR_CONFLICT,
                         "The checkout session is %s, which does not allow this.",
                         word_text(&words_checkout_state, checkout->status));
    checkout->status = (enum checkout_state)to;
    checkout->due_ms = to == CHECKOUT_OPEN ? checkout->expires_ms : 0;
    checkout_event_record(turn, checkout, machine_event_type(&machine_checkout, event, to));
    return OK;
}

struct checkout *checkout_begin(struct turn *turn, struct checkout fields)
{
    struct checkout *checkout = ARENA_NEW(turn->arena, struct checkout);
    *checkout = fields;
    checkout->row = ROW_NEW;
    checkout->id = checkout_id_make(turn->ids, turn->now_ms);
    checkout->invoice = turn->books->invoice->id;
    checkout->merchant = turn->books->invoice->merchant;
    checkout->live = turn->books->invoice->live;
    checkout->status = CHECKOUT_OPEN;
    checkout->created_ms = turn->now_ms;
    checkout->due_ms = checkout->expires_ms;
    checkout_list_add(turn->arena, &turn->books->checkouts, checkout);
    checkout_event_record(turn, checkout, EVENT_CHECKOUT_CREATED);
    return checkout;
}

enum err payment_move(struct turn *turn, struct payment *payment, enum payment_event event)
{
    unsigned to = machine_next(&machine_payment, payment->status, event);
    if (to == PAYMENT_NOWHERE)
        return turn_fail(turn, ERR_CONFLICT, "The payment is %s, which does not allow this.",
                         word_text(&words_payment_state, payment->status));
    payment->status = (enum payment_state)to;
    if (payment->status != PAYMENT_REQUIRES_ACTION) {
        payment->action = ACTION_NONE;
        payment->action_url = (struct str){ 0 };
    }
    if (machine_is_final(&machine_payment, to)) {
        payment->expires_ms = 0;
        payment->due_ms = 0;
    }
    payment_event_record(turn, payment, machine_event_type(&machine_payment, event, to));
    checkout_follow(turn, payment);
    instrument_follow(turn, payment);
    return OK;
}

enum err refund_move(struct turn *turn, struct refund *refund, enum refund_event event)
{
    unsigned to = machine_next(&machine_refund, refund->status, event);
    if (to == REFUND_NOWHERE)
        return turn_fail(turn, ERR_CONFLICT, "The refund is %s, which does not allow this.",
                         word_text(&words_refund_state, refund->status));
    refund->status = (enum refund_state)to;
    refund_event_record(turn, refund, machine_event_type(&machine_refund, event, to));
    return OK;
}

enum err instrument_move(struct turn *turn, struct instrument *instrument,
                         enum instrument_event event)
{
    unsigned to = machine_next(&machine_instrument, instrument->status, event);
    if (to == INSTRUMENT_NOWHERE)
        return turn_fail(turn, ERR_CONFLICT, "The saved card is %s, which does not allow this.",
                         word_text(&words_instrument_state, instrument->status));
    instrument->status = (enum instrument_state)to;
    instrument_event_record(turn, instrument,
                            machine_event_type(&machine_instrument, event, to));
    return OK;
}

enum err invoice_move(struct turn *turn, enum invoice_event event)
{
    struct invoice *invoice = turn->books->invoice;
    unsigned to = machine_next(&machine_invoice, invoice->status, event);
    if (to == INVOICE_NOWHERE)
        return turn_fail(turn, ERR_CONFLICT, "The invoice is %s, which does not allow this.",
                         word_text(&words_invoice_state, invoice->status));
    invoice->status = (enum invoice_state)to;
    invoice_event_record(turn, machine_event_type(&machine_invoice, event, to));
    return OK;
}

bool operation_move(struct turn *turn, struct operation *operation, enum operation_event event)
{
    unsigned to = machine_next(&machine_operation, operation->state, event);
    if (to == OPERATION_NOWHERE)
        return false;
    operation->state = (enum operation_state)to;
    if (to == OPERATION_SENDING) {
        operation->run = turn->input->run;
        operation->sent_ms = turn->now_ms;
        operation->due_ms = 0;
    } else {
        operation->run = (struct run_id){ 0 };
    }
    if (to == OPERATION_UNKNOWN)
        operation->silent_ms = turn->now_ms;
    row_touch(&operation->row);
    return true;
}

void operation_send(struct turn *turn, struct operation *operation)
{
    bool sending = operation_move(turn, operation, OPERATION_ON_SEND);
    assert(sending);
    (void)sending;
}

struct invoice *invoice_begin(struct turn *turn, struct invoice fields)
{
    assert(!turn->books);
    turn->books = ARENA_NEW(turn->arena, struct books);
    struct invoice *invoice = ARENA_NEW(turn->arena, struct invoice);
    *invoice = fields;
    invoice->row = ROW_NEW;
    invoice->id = invoice_id_make(turn->ids, turn->now_ms);
    invoice->merchant = turn->input->merchant;
    invoice->live = turn->input->live;
    invoice->status = INVOICE_UNPAID;
    invoice->created_ms = turn->now_ms;
    turn->books->invoice = invoice;
    invoice_event_record(turn, EVENT_INVOICE_CREATED);
    return invoice;
}

struct payment *payment_begin(struct turn *turn, struct payment fields)
{
    struct payment *payment = ARENA_NEW(turn->arena, struct payment);
    *payment = fields;
    payment->row = ROW_NEW;
    payment->id = payment_id_make(turn->ids, turn->now_ms);
    payment->invoice = turn->books->invoice->id;
    payment->merchant = turn->input->merchant;
    payment->live = turn->input->live;
    payment->status = PAYMENT_CREATED;
    payment->created_ms = turn->now_ms;
    payment_list_add(turn->arena, &turn->books->payments, payment);
    payment_event_record(turn, payment, EVENT_PAYMENT_CREATED);
    return payment;
}

struct refund *refund_begin(struct turn *turn, const struct payment *payment,
                            struct refund fields)
{
    struct refund *refund = ARENA_NEW(turn->arena, struct refund);
    *refund = fields;
    refund->row = ROW_NEW;
    refund->id = refund_id_make(turn->ids, turn->now_ms);
    refund->payment = payment->id;
    refund->invoice = payment->invoice;
    refund->merchant = payment->merchant;
    refund->live = payment->live;
    refund->status = REFUND_PENDING;
    refund->currency = payment->currency;
    refund->created_ms = turn->now_ms;
    refund_list_add(turn->arena, &turn->books->refunds, refund);
    refund_event_record(turn, refund, EVENT_REFUND_CREATED);
    return refund;
}

struct instrument *instrument_begin(struct turn *turn, struct payment *payment)
{
    struct instrument *instrument = ARENA_NEW(turn->arena, struct instrument);
    *instrument = (struct instrument){
        .row = ROW_NEW,
        .id = payment->instrument,
        .invoice = payment->invoice,
        .payment = payment->id,
        .customer = payment->customer,
        .merchant = payment->merchant,
        .live = payment->live,
        .gateway_account = payment->gateway_account,
        .gateway = payment->gateway,
        .status = INSTRUMENT_PENDING,
        .created_ms = turn->now_ms,
    };
    instrument_take_card(instrument, payment);
    instrument_list_add(turn->arena, &turn->books->instruments, instrument);
    instrument_event_record(turn, instrument, EVENT_INSTRUMENT_CREATED);
    return instrument;
}

struct instrument *payment_saves(const struct turn *turn, const struct payment *payment)
{
    return payment->save_card ? books_instrument(turn->books, payment->instrument) : NULL;
}

struct operation *operation_begin(struct turn *turn, struct payment *payment,
                                  enum operation_kind kind, int64_t amount_minor,
                                  const struct card *card)
{
    struct operation *operation = ARENA_NEW(turn->arena, struct operation);
    *operation = (struct operation){
        .row = ROW_NEW,
        .id = operation_id_make(turn->ids, turn->now_ms),
        .invoice = payment->invoice,
        .payment = payment->id,
        .gateway_account = payment->gateway_account,
        .kind = kind,
        .state = OPERATION_PLANNED,
        .amount_minor = amount_minor,
        .created_ms = turn->now_ms,
    };
    operation_list_add(turn->arena, &turn->books->operations, operation);
    operation_send(turn, operation);
    if (operation_kind_moves_money(kind)) {
        assert(operation_id_is_zero(payment->active_operation));
        payment->active_operation = operation->id;
    }
    if (kind == OPERATION_KIND_AUTHORIZE) {
        payment->authorization = operation->id;
        payment->order_reference = (struct str){ 0 };
    }
    row_touch(&payment->row);
    operation_call(turn, payment, operation, kind, card);
    return operation;
}

void operation_call(struct turn *turn, struct payment *payment, struct operation *operation,
                    enum operation_kind call, const struct card *card)
{
    struct payment_place place = payment_place(turn, payment);
    struct turn_call *order = ARENA_NEW(turn->arena, struct turn_call);
    *order = (struct turn_call){
        .operation = operation,
        .payment = payment,
        .account = place.account,
        .gateway = place.gateway,
        .call = call,
        .card = card,
        .instrument = payment->save_card ? payment_saves(turn, payment) : turn->instrument,
        .capture_now = payment->capture_method == CAPTURE_METHOD_AUTOMATIC
                       && payment_settings(turn, payment).capture != GW_CAPTURE_SEPARATE,
        .origin = turn->input->origin,
        .mark = turn->mark,
    };
    turn_call_list_add(turn->arena, &turn->calls, order);
}

void operation_close(struct turn *turn, struct payment *payment, struct operation *operation)
{
    operation->closed_ms = turn->now_ms;
    operation->due_ms = 0;
    row_touch(&operation->row);
    if (operation_id_equal(payment->active_operation, operation->id)) {
        payment->active_operation = (struct operation_id){ 0 };
        row_touch(&payment->row);
    }
}

static struct str reference_or_id(struct arena *arena, struct str reference,
                                  struct operation_id id)
{
    if (!str_is_empty(reference))
        return reference;
    struct buf text;
    buf_init(&text, arena, ID_TEXT_MAX);
    operation_id_write(&text, id);
    return buf_str(&text);
}

struct str operation_reference(struct arena *arena, const struct operation *operation)
{
    return reference_or_id(arena, operation->reference, operation->id);
}

struct str payment_order_reference(struct arena *arena, const struct payment *payment)
{
    return reference_or_id(arena, payment->order_reference, payment->authorization);
}

struct drift *drift_record(struct turn *turn, const struct payment *payment,
                           struct operation_id operation, enum drift_kind kind,
                           struct str detail)
{
    struct drift *drift = ARENA_NEW(turn->arena, struct drift);
    *drift = (struct drift){
        .row = ROW_NEW,
        .id = drift_id_make(turn->ids, turn->now_ms),
        .merchant = payment->merchant,
        .live = payment->live,
        .kind = kind,
        .gateway_account = payment->gateway_account,
        .gateway = payment->gateway,
        .invoice = payment->invoice,
        .payment = payment->id,
        .operation = operation,
        .our_status = word_str(&words_payment_state, payment->status),
        .currency = payment->currency,
        .detail = detail,
        .times = 1,
        .created_ms = turn->now_ms,
        .seen_ms = turn->now_ms,
    };
    drift_list_add(turn->arena, &turn->books->drifts, drift);
    return drift;
}

void drift_follow(struct turn *turn, struct drift *drift)
{
    drift->resolution = RESOLUTION_FOLLOWED;
    drift->resolved_by = turn->input->actor;
    drift->closed_ms = turn->now_ms;
}

void task_record(struct turn *turn, const struct payment *payment,
                 const struct operation *operation, enum task_kind kind, struct str detail)
{
    struct task *task = ARENA_NEW(turn->arena, struct task);
    *task = (struct task){
        .row = ROW_NEW,
        .id = task_id_make(turn->ids, turn->now_ms),
        .merchant = payment->merchant,
        .live = payment->live,
        .kind = kind,
        .invoice = payment->invoice,
        .payment = payment->id,
        .detail = detail,
        .created_ms = turn->now_ms,
    };
    if (operation)
        task->operation = operation->id;
    task_list_add(turn->arena, &turn->books->tasks, task);
}

struct payment_place payment_place(const struct turn *turn, const struct payment *payment)
{
    struct payment_place place = { .account = turn_account(turn, payment->gateway_account) };
    assert(place.account);
    place.gateway = turn_gateway(turn, place.account->gateway);
    assert(place.gateway);
    return place;
}

struct account_settings payment_settings(const struct turn *turn, const struct payment *payment)
{
    struct payment_place place = payment_place(turn, payment);
    return account_settings(place.account, place.gateway, turn->arena);
}
