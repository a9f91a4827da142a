/* checker_history.c - the events of an invoice, in order, and the rows that they add up to.
 *
 * A fold is what the events say; the row is what is stored. Each event carries the object as it
 * was then, so each step between two of them must be an edge of the object's machine, recorded
 * with that edge's event type. */
#include <assert.h>

#include "base/json.h"
#include "store/checker_parts.h"

enum event_object {
    OBJECT_INVOICE, OBJECT_PAYMENT, OBJECT_REFUND, OBJECT_INSTRUMENT, OBJECT_CHECKOUT
};

/* One event being read. */
struct reading {
    struct checker *checker;
    struct checked *checked;
    const struct event *event;
    struct str name; /* of the event, for a finding */
    const struct json *data;
};

/* Every machine's first state is the first of its table. */
enum { FIRST_STATE = 1 };

static enum event_object object_of(enum event_type type)
{
    static const enum event_object objects[] = {
#define X(name, text, object, meaning) [EVENT_##name] = OBJECT_##object,
        EVENT_TYPES(X)
#undef X
    };

    assert(type > EVENT_NONE && type < EVENT_TYPE_COUNT);
    return objects[type];
}

/* Whether the table has an edge between these states that records this type. */
static bool has_edge(const struct machine *machine, unsigned from, unsigned to,
                     enum event_type type)
{
    for (unsigned event = 1; event < machine->event_count; event++)
        if (machine_next(machine, from, event) == to &&
            machine_event_type(machine, event, to) == type)
            return true;
    return false;
}

/* I5, and I4 where the step leaves a final state. */
static bool check_step(const struct reading *reading, const struct machine *machine, unsigned from,
                       unsigned to)
{
    enum event_type type = reading->event->type;

    if (to == 0)
        return checker_blame(reading->checker, "I5", reading->name,
                             "its data shows no status of any %s", machine->name);
    if (from == 0 && to == FIRST_STATE && machine->entered[FIRST_STATE] == type)
        return true;
    if (from == 0)
        return checker_blame(reading->checker, "I5", reading->name,
                             "the first event of a %s is %s with status %s", machine->name,
                             event_type_text(type), machine_state_text(machine, to));
    if (has_edge(machine, from, to, type))
        return true;
    return checker_blame(reading->checker, machine_is_final(machine, from) ? "I4" : "I5",
                         reading->name, "no way leads a %s from %s to %s with %s", machine->name,
                         machine_state_text(machine, from), machine_state_text(machine, to),
                         event_type_text(type));
}

/* The version that the event has, that its data shows, and that comes next are one. */
static bool check_version(const struct reading *reading, int64_t next, bool shown)
{
    int64_t version = 0;

    if (reading->event->version != next)
        return checker_blame(reading->checker, "I6", reading->name,
                             "has version %lld where %lld is next",
                             (long long)reading->event->version, (long long)next);
    if (shown && (!json_int(json_get(reading->data, "version"), &version) || version != next))
        return checker_blame(reading->checker, "I5", reading->name,
                             "its data shows version %lld, not %lld", (long long)version,
                             (long long)next);
    return true;
}

/* The amount that the object was made with never changes, nor does its currency. */
static bool check_amount(const struct reading *reading, int64_t amount_minor,
                         enum currency currency)
{
    struct str shown = json_text(json_get(reading->data, "currency"));
    int64_t amount = 0;

    if (!json_int(json_get(reading->data, "amount"), &amount) || amount != amount_minor)
        return checker_blame(reading->checker, "I5", reading->name,
                             "its data shows an amount of %lld, the row has %lld",
                             (long long)amount, (long long)amount_minor);
    if (!str_equal_c(shown, currency_code(currency)))
        return checker_blame(reading->checker, "I22", reading->name,
                             "its data shows the currency %.*s, the row has %s",
                             STR_ARG(str_slice(shown, 0, 3)), currency_code(currency));
    return true;
}

/* Payments. */

static enum captured_way way_of(enum payment_state from, enum event_type type)
{
    if (type == EVENT_PAYMENT_CORRECTED)
        return CAPTURED_BY_CORRECTION;
    return from == PAYMENT_CAPTURING ? CAPTURED_BY_CAPTURE : CAPTURED_BY_SALE;
}

static bool fold_amounts(const struct reading *reading, struct payment_fold *fold)
{
    const struct payment *payment = fold->payment;
    int64_t captured = -1, refunded = -1;

    if (!json_int(json_get(reading->data, "amount_captured"), &captured) || captured < 0 ||
        captured > payment->amount_minor)
        return checker_blame(reading->checker, "I2", reading->name,
                             "shows %lld captured of an amount of %lld", (long long)captured,
                             (long long)payment->amount_minor);
    if (!json_int(json_get(reading->data, "amount_refunded"), &refunded) ||
        refunded != fold->refunded_minor)
        return checker_blame(reading->checker, "I5", reading->name,
                             "shows %lld refunded; the refunds until then add up to %lld",
                             (long long)refunded, (long long)fold->refunded_minor);
    fold->captured_minor = captured;
    return true;
}

static bool fold_payment(const struct reading *reading)
{
    const struct event *event = reading->event;
    struct payment_fold *fold = checked_payment(reading->checked, event->payment);

    if (fold == NULL || !refund_id_is_zero(event->refund) ||
        !instrument_id_is_zero(event->instrument))
        return checker_blame(reading->checker, "I6", reading->name,
                             "is %s, but names no payment of its invoice",
                             event_type_text(event->type));
    enum payment_state from = fold->status;
    enum payment_state to = (enum payment_state)word_of(
        &words_payment_state, json_text(json_get(reading->data, "status")));
    if (!check_step(reading, &machine_payment, from, to) ||
        !check_version(reading, ++fold->version, true) ||
        !check_amount(reading, fold->payment->amount_minor, fold->payment->currency))
        return false;
    fold->status = to;
    fold->times_authorizing += event->type == EVENT_PAYMENT_AUTHORIZING;
    fold->times_capturing += event->type == EVENT_PAYMENT_CAPTURING;
    if (to == PAYMENT_CAPTURED)
        fold->way = way_of(from, event->type);
    return fold_amounts(reading, fold);
}

static bool check_payment_fold(struct checker *checker, const struct payment_fold *fold)
{
    const struct payment *payment = fold->payment;
    struct str name = checker_payment_name(checker, payment->id);
    const struct {
        const char *what;
        int64_t row, events;
    } sums[] = {
        { "version", payment->version, fold->version },
        { "captured_minor", payment->captured_minor, fold->captured_minor },
        { "refunded_minor", payment->refunded_minor, fold->refunded_minor },
        { "reserved_minor", payment->reserved_minor, fold->reserved_minor },
    };

    if (fold->status == PAYMENT_NOWHERE)
        return checker_blame(checker, "I6", name, "has no events");
    if (payment->status != fold->status)
        return checker_blame(checker, "I5", name, "the row says %s, its events end with %s",
                             word_text(&words_payment_state, payment->status),
                             word_text(&words_payment_state, fold->status));
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
        if (sums[i].row != sums[i].events)
            return checker_blame(checker, "I5", name, "%s is %lld, its events give %lld",
                                 sums[i].what, (long long)sums[i].row, (long long)sums[i].events);
    return true;
}

/* Refunds. */

/* What a refund in that state reserves, and what of it counts as returned. */
static void count_refund(struct payment_fold *fold, const struct refund *refund,
                         enum refund_state status, int sign)
{
    int64_t counted = sign * (refund->amount_minor - refund->overdrawn_minor);

    if (status == REFUND_PENDING || status == REFUND_SUCCEEDED)
        fold->reserved_minor += counted;
    if (status == REFUND_SUCCEEDED)
        fold->refunded_minor += counted;
}

static bool fold_refund(const struct reading *reading)
{
    const struct event *event = reading->event;
    struct payment_fold *payment = checked_payment(reading->checked, event->payment);
    struct refund_fold *fold = checked_refund(reading->checked, event->refund);

    if (payment == NULL || fold == NULL ||
        !payment_id_equal(fold->refund->payment, payment->payment->id))
        return checker_blame(reading->checker, "I6", reading->name,
                             "is %s, but names no refund of a payment of its invoice",
                             event_type_text(event->type));
    unsigned to = word_of(&words_refund_state, json_text(json_get(reading->data, "status")));
    if (!check_step(reading, &machine_refund, fold->status, to) ||
        !check_version(reading, ++payment->version, false) ||
        !check_amount(reading, fold->refund->amount_minor, fold->refund->currency))
        return false;
    count_refund(payment, fold->refund, fold->status, -1);
    fold->status = (enum refund_state)to;
    fold->corrected = fold->corrected || event->type == EVENT_REFUND_CORRECTED;
    count_refund(payment, fold->refund, fold->status, 1);
    return true;
}

static bool check_refund_fold(struct checker *checker, const struct refund_fold *fold)
{
    struct str name = checker_refund_name(checker, fold->refund->id);

    if (fold->status == REFUND_NOWHERE)
        return checker_blame(checker, "I6", name, "has no events");
    if (fold->refund->status != fold->status)
        return checker_blame(checker, "I5", name, "the row says %s, its events end with %s",
                             word_text(&words_refund_state, fold->refund->status),
                             word_text(&words_refund_state, fold->status));
    return true;
}

/* The checkout session. */

static struct checkout_fold *fold_of(const struct checked *checked, struct checkout_id id)
{
    for (size_t i = 0; i < checked->checkouts.count; i++)
        if (checkout_id_equal(checked->checkouts.items[i]->checkout->id, id))
            return checked->checkouts.items[i];
    return NULL;
}

static bool fold_checkout(const struct reading *reading)
{
    struct checkout_fold *fold = fold_of(reading->checked, reading->event->checkout);
    const struct invoice *invoice = reading->checked->invoice;

    if (fold == NULL)
        return checker_blame(reading->checker, "I6", reading->name,
                             "is %s, but names no checkout session of its invoice",
                             event_type_text(reading->event->type));
    unsigned to = word_of(&words_checkout_state, json_text(json_get(reading->data, "status")));
    if (!check_step(reading, &machine_checkout, fold->status, to) ||
        !check_version(reading, ++fold->version, true) ||
        !check_amount(reading, invoice->amount_minor, invoice->currency))
        return false;
    fold->status = (enum checkout_state)to;
    return true;
}

static bool check_checkout_fold(struct checker *checker, const struct checkout_fold *fold)
{
    struct str name = checker_checkout_name(checker, fold->checkout->id);

    if (fold->status == CHECKOUT_NOWHERE)
        return checker_blame(checker, "I6", name, "has no events");
    if (fold->checkout->status != fold->status || fold->checkout->version != fold->version)
        return checker_blame(checker, "I5", name, "the row says %s %lld, its events %s %lld",
                             word_text(&words_checkout_state, fold->checkout->status),
                             (long long)fold->checkout->version,
                             word_text(&words_checkout_state, fold->status),
                             (long long)fold->version);
    return true;
}

/* Saved cards. */

static bool fold_instrument(const struct reading *reading)
{
    const struct event *event = reading->event;
    struct payment_fold *payment = checked_payment(reading->checked, event->payment);
    struct instrument_fold *fold = checked_instrument(reading->checked, event->instrument);

    if (payment == NULL || fold == NULL ||
        !payment_id_equal(fold->instrument->payment, payment->payment->id))
        return checker_blame(reading->checker, "I6", reading->name,
                             "is %s, but names no saved card of a payment of its invoice",
                             event_type_text(event->type));
    unsigned to = word_of(&words_instrument_state, json_text(json_get(reading->data, "status")));
    if (!check_step(reading, &machine_instrument, fold->status, to) ||
        !check_version(reading, ++payment->version, false))
        return false;
    fold->status = (enum instrument_state)to;
    fold->corrected = fold->corrected || event->type == EVENT_INSTRUMENT_CORRECTED;
    return true;
}

static bool check_instrument_fold(struct checker *checker, const struct instrument_fold *fold)
{
    struct str name = checker_instrument_name(checker, fold->instrument->id);

    if (fold->status == INSTRUMENT_NOWHERE)
        return checker_blame(checker, "I6", name, "has no events");
    if (fold->instrument->status != fold->status)
        return checker_blame(checker, "I5", name, "the row says %s, its events end with %s",
                             word_text(&words_instrument_state, fold->instrument->status),
                             word_text(&words_instrument_state, fold->status));
    return true;
}

/* The invoice. */

static bool fold_invoice(const struct reading *reading, struct invoice_fold *fold)
{
    const struct invoice *invoice = reading->checked->invoice;
    unsigned to = word_of(&words_invoice_state, json_text(json_get(reading->data, "status")));

    if (!payment_id_is_zero(reading->event->payment) || !refund_id_is_zero(reading->event->refund))
        return checker_blame(reading->checker, "I6", reading->name,
                             "is the invoice's own, but names a payment or refund");
    if (!check_step(reading, &machine_invoice, fold->status, to) ||
        !check_version(reading, ++fold->version, true) ||
        !check_amount(reading, invoice->amount_minor, invoice->currency))
        return false;
    fold->status = to;
    return true;
}

static bool check_invoice_fold(const struct checked *checked, const struct invoice_fold *fold)
{
    const struct invoice *invoice = checked->invoice;
    struct checker *checker = checked->checker;
    struct str name = checker_invoice_name(checker, invoice->id);

    if (invoice->sequence != fold->sequence)
        return checker_blame(checker, "I6", name, "has %lld events, but counted %lld",
                             (long long)fold->sequence, (long long)invoice->sequence);
    if (fold->status != invoice->status)
        return checker_blame(checker, "I5", name, "the row says %s, its events end with %s",
                             word_text(&words_invoice_state, invoice->status),
                             fold->status == 0 ? "nothing"
                                               : word_text(&words_invoice_state, fold->status));
    if (fold->version != invoice->version)
        return checker_blame(checker, "I5", name, "version is %lld, its events give %lld",
                             (long long)invoice->version, (long long)fold->version);
    return true;
}

/* One event in its place. */

static bool check_place(const struct reading *reading, int64_t next, int64_t last_number)
{
    const struct invoice *invoice = reading->checked->invoice;
    const struct event *event = reading->event;

    if (event->sequence != next)
        return checker_blame(reading->checker, "I6", reading->name,
                             "stands where event %lld of the invoice is next", (long long)next);
    if (event->number <= last_number)
        return checker_blame(reading->checker, "I6", reading->name,
                             "is number %lld of the feed, the event before it number %lld",
                             (long long)event->number, (long long)last_number);
    if (!merchant_id_equal(event->merchant, invoice->merchant) || event->live != invoice->live)
        return checker_blame(reading->checker, "I21", reading->name,
                             "is of another merchant or mode than its invoice");
    return true;
}

static bool fold_event(struct reading *reading, struct invoice_fold *fold)
{
    const struct event *event = reading->event;

    enum err err = json_parse(event->data, reading->checker->arena, &reading->data, NULL);
    if (err != OK || !json_is_object(reading->data))
        return checker_blame(reading->checker, "I5", reading->name, "its data is no JSON object");
    switch (object_of(event->type)) {
    case OBJECT_INVOICE:
        return fold_invoice(reading, fold);
    case OBJECT_PAYMENT:
        return fold_payment(reading);
    case OBJECT_REFUND:
        return fold_refund(reading);
    case OBJECT_CHECKOUT:
        return fold_checkout(reading);
    case OBJECT_INSTRUMENT:
        return fold_instrument(reading);
    }
    return false;
}

bool checker_history(struct checked *checked)
{
    struct checker *checker = checked->checker;
    struct invoice_fold *fold = &checked->fold;
    int64_t next = 1;

    if (!checkpoints_resume(checked, &next))
        return false;
    for (size_t i = 0; i < checked->events.count; i++) {
        struct reading reading = {
            .checker = checker,
            .checked = checked,
            .event = checked->events.items[i],
            .name = checker_event_name(checker, checked->events.items[i]),
        };
        if (!check_place(&reading, next++, fold->number) || !fold_event(&reading, fold))
            return false;
        fold->sequence = reading.event->sequence;
        fold->number = reading.event->number;
        if (!checkpoints_compare(checked))
            return false;
    }
    for (size_t i = 0; i < checked->payments.count; i++)
        if (!check_payment_fold(checker, checked->payments.items[i]))
            return false;
    for (size_t i = 0; i < checked->refunds.count; i++)
        if (!check_refund_fold(checker, checked->refunds.items[i]))
            return false;
    for (size_t i = 0; i < checked->checkouts.count; i++)
        if (!check_checkout_fold(checker, checked->checkouts.items[i]))
            return false;
    for (size_t i = 0; i < checked->instruments.count; i++)
        if (!check_instrument_fold(checker, checked->instruments.items[i]))
            return false;
    return check_invoice_fold(checked, fold);
}
