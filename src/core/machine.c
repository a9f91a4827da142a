/* machine.c - the state machines, each made from its .def file and from nothing else.
 *
 * A row that stands twice in a .def (same from, same event) would silently win or lose as an
 * array's initialiser. As an enumerator it is a redefinition, which no compiler takes: that
 * is what the otherwise unused enums `..._edges_are_unique` are for. */
#include "core/machine.h"

#include <assert.h>

#define STATE(name, text, final, meaning) { text, final, meaning },
#define EVENT(name, speaker, type)        { #name, SPEAKER_##speaker, EVENT_##type },

/* In every `next`, a missing cell is zero, which is nowhere: what the table does not allow is
 * refused without a line of code. */
/* clang-format off */

#define X(from, event, to) PAYMENT_EDGE_##from##_ON_##event,
enum payment_edges_are_unique { PAYMENT_EDGES(X) };
#undef X
static const struct machine_state payment_states[] = { { 0 }, PAYMENT_STATES(STATE) };
static const struct machine_event payment_events[] = { { 0 }, PAYMENT_EVENTS(EVENT) };
static const uint8_t payment_next[PAYMENT_STATE_COUNT][PAYMENT_EVENT_COUNT] = {
#define X(from, event, to) [PAYMENT_##from][PAYMENT_ON_##event] = PAYMENT_##to,
    PAYMENT_EDGES(X)
#undef X
};
/* Each state of a payment has the event type of its name: a new one without does not compile. */
static const enum event_type payment_entered[] = {
#define X(name, text, final, meaning) [PAYMENT_##name] = EVENT_PAYMENT_##name,
    PAYMENT_STATES(X)
#undef X
};

#define X(from, event, to) REFUND_EDGE_##from##_ON_##event,
enum refund_edges_are_unique { REFUND_EDGES(X) };
#undef X
static const struct machine_state refund_states[] = { { 0 }, REFUND_STATES(STATE) };
static const struct machine_event refund_events[] = { { 0 }, REFUND_EVENTS(EVENT) };
static const uint8_t refund_next[REFUND_STATE_COUNT][REFUND_EVENT_COUNT] = {
#define X(from, event, to) [REFUND_##from][REFUND_ON_##event] = REFUND_##to,
    REFUND_EDGES(X)
#undef X
};
static const enum event_type refund_entered[REFUND_STATE_COUNT] = {
    [REFUND_PENDING] = EVENT_REFUND_CREATED,
    [REFUND_SUCCEEDED] = EVENT_REFUND_SUCCEEDED,
    [REFUND_FAILED] = EVENT_REFUND_FAILED,
};

#define X(from, event, to) INVOICE_EDGE_##from##_ON_##event,
enum invoice_edges_are_unique { INVOICE_EDGES(X) };
#undef X
static const struct machine_state invoice_states[] = { { 0 }, INVOICE_STATES(STATE) };
static const struct machine_event invoice_events[] = { { 0 }, INVOICE_EVENTS(EVENT) };
static const uint8_t invoice_next[INVOICE_STATE_COUNT][INVOICE_EVENT_COUNT] = {
#define X(from, event, to) [INVOICE_##from][INVOICE_ON_##event] = INVOICE_##to,
    INVOICE_EDGES(X)
#undef X
};
static const enum event_type invoice_entered[INVOICE_STATE_COUNT] = {
    [INVOICE_UNPAID] = EVENT_INVOICE_CREATED,
    [INVOICE_PAID] = EVENT_INVOICE_PAID,
    [INVOICE_FULFILLED] = EVENT_INVOICE_FULFILLED,
    [INVOICE_CANCELLED] = EVENT_INVOICE_CANCELLED,
    [INVOICE_REFUNDED] = EVENT_INVOICE_REFUNDED,
};

#define X(from, event, to) OPERATION_EDGE_##from##_ON_##event,
enum operation_edges_are_unique { OPERATION_EDGES(X) };
#undef X
static const struct machine_state operation_states[] = { { 0 }, OPERATION_STATES(STATE) };
static const struct machine_event operation_events[] = { { 0 }, OPERATION_EVENTS(EVENT) };
static const uint8_t operation_next[OPERATION_STATE_COUNT][OPERATION_EVENT_COUNT] = {
#define X(from, event, to) [OPERATION_##from][OPERATION_ON_##event] = OPERATION_##to,
    OPERATION_EDGES(X)
#undef X
};
/* Operations are ours alone: nobody is told of their states. */
static const enum event_type operation_entered[OPERATION_STATE_COUNT] = { EVENT_NONE };

#define X(from, event, to) CHECKOUT_EDGE_##from##_ON_##event,
enum checkout_edges_are_unique { CHECKOUT_EDGES(X) };
#undef X
static const struct machine_state checkout_states[] = { { 0 }, CHECKOUT_STATES(STATE) };
static const struct machine_event checkout_events[] = { { 0 }, CHECKOUT_EVENTS(EVENT) };
static const uint8_t checkout_next[CHECKOUT_STATE_COUNT][CHECKOUT_EVENT_COUNT] = {
#define X(from, event, to) [CHECKOUT_##from][CHECKOUT_ON_##event] = CHECKOUT_##to,
    CHECKOUT_EDGES(X)
#undef X
};
static const enum event_type checkout_entered[CHECKOUT_STATE_COUNT] = {
    [CHECKOUT_OPEN] = EVENT_CHECKOUT_CREATED,
    [CHECKOUT_PROCESSING] = EVENT_CHECKOUT_PROCESSING,
    [CHECKOUT_PAID] = EVENT_CHECKOUT_PAID,
    [CHECKOUT_EXPIRED] = EVENT_CHECKOUT_EXPIRED,
    [CHECKOUT_CANCELLED] = EVENT_CHECKOUT_CANCELLED,
};

#define X(from, event, to) INSTRUMENT_EDGE_##from##_ON_##event,
enum instrument_edges_are_unique { INSTRUMENT_EDGES(X) };
#undef X
static const struct machine_state instrument_states[] = { { 0 }, INSTRUMENT_STATES(STATE) };
static const struct machine_event instrument_events[] = { { 0 }, INSTRUMENT_EVENTS(EVENT) };
static const uint8_t instrument_next[INSTRUMENT_STATE_COUNT][INSTRUMENT_EVENT_COUNT] = {
#define X(from, event, to) [INSTRUMENT_##from][INSTRUMENT_ON_##event] = INSTRUMENT_##to,
    INSTRUMENT_EDGES(X)
#undef X
};
static const enum event_type instrument_entered[INSTRUMENT_STATE_COUNT] = {
    [INSTRUMENT_PENDING] = EVENT_INSTRUMENT_CREATED,
    [INSTRUMENT_ACTIVE] = EVENT_INSTRUMENT_ACTIVATED,
    [INSTRUMENT_DEACTIVATING] = EVENT_INSTRUMENT_DEACTIVATING,
    [INSTRUMENT_REMOVED] = EVENT_INSTRUMENT_REMOVED,
    [INSTRUMENT_FAILED] = EVENT_INSTRUMENT_FAILED,
};

#define MACHINE(thing, NAME, shown)                                                               \
    const struct machine machine_##thing = {                                                      \
        .name = shown,                                                                            \
        .states = thing##_states,                                                                 \
        .state_count = NAME##_STATE_COUNT,                                                        \
        .events = thing##_events,                                                                 \
        .event_count = NAME##_EVENT_COUNT,                                                        \
        .next = &thing##_next[0][0],                                                              \
        .entered = thing##_entered,                                                               \
    }
MACHINE(payment, PAYMENT, "payment");
MACHINE(refund, REFUND, "refund");
MACHINE(invoice, INVOICE, "invoice");
MACHINE(operation, OPERATION, "operation");
MACHINE(instrument, INSTRUMENT, "instrument");
MACHINE(checkout, CHECKOUT, "checkout_session");
/* clang-format on */

const struct machine *const machines[] = {
    &machine_payment,   &machine_refund,   &machine_invoice,
    &machine_operation, &machine_instrument, &machine_checkout, NULL,
};

unsigned machine_next(const struct machine *machine, unsigned state, unsigned event)
{
    assert(state < machine->state_count && event < machine->event_count);
    return machine->next[state * machine->event_count + event];
}

bool machine_is_final(const struct machine *machine, unsigned state)
{
    assert(state < machine->state_count);
    return machine->states[state].final;
}

const char *machine_state_text(const struct machine *machine, unsigned state)
{
    assert(state < machine->state_count);
    return machine->states[state].text;
}

enum event_type machine_event_type(const struct machine *machine, unsigned event, unsigned to)
{
    assert(event < machine->event_count && to < machine->state_count);
    enum event_type own = machine->events[event].type;
    return own != EVENT_NONE ? own : machine->entered[to];
}

const char *event_type_text(enum event_type type)
{
    static const char *const texts[] = {
#define X(name, text, object, meaning) [EVENT_##name] = text,
        EVENT_TYPES(X)
#undef X
    };

    assert(type < EVENT_TYPE_COUNT);
    return texts[type];
}

const char *event_type_meaning(enum event_type type)
{
    static const char *const meanings[] = {
#define X(name, text, object, meaning) [EVENT_##name] = meaning,
        EVENT_TYPES(X)
#undef X
    };

    assert(type < EVENT_TYPE_COUNT);
    return meanings[type];
}

const char *speaker_text(enum speaker speaker)
{
    static const char *const texts[] = {
        [SPEAKER_NOBODY] = "nobody",   [SPEAKER_MERCHANT] = "merchant",
        [SPEAKER_GATEWAY] = "gateway", [SPEAKER_PAYER] = "payer",
        [SPEAKER_CLOCK] = "clock",     [SPEAKER_CORRECTION] = "correction",
        [SPEAKER_PURSER] = "purser",
    };

    assert(speaker < sizeof(texts) / sizeof(texts[0]));
    return texts[speaker];
}
