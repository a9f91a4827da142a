/* machine.h - a state machine, read from its table.
 *
 * The machines (payment, refund, invoice, operation, instrument, checkout) are made from their
 * .def files in machine.c. Whoever wants to know what a machine can do - the
 * handlers, the SQL CHECKs, `purser graph`, the tests - reads these. States and
 * events are numbered from 1; 0 is "nowhere" and is no state. */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/checkout.def"
#include "core/event.def"
#include "core/instrument.def"
#include "core/invoice.def"
#include "core/operation.def"
#include "core/payment.def"
#include "core/refund.def"

enum speaker {
    SPEAKER_NOBODY, SPEAKER_MERCHANT, SPEAKER_GATEWAY, SPEAKER_PAYER, SPEAKER_CLOCK,
    SPEAKER_CORRECTION, SPEAKER_PURSER,
};

enum event_type {
    EVENT_NONE = 0,
#define X(name, text, object, meaning) EVENT_##name,
    EVENT_TYPES(X)
#undef X
    EVENT_TYPE_COUNT
};

#define STATE(name, text, final, meaning) MACHINE_STATE(name)
#define EVENT(name, speaker, type) MACHINE_EVENT(name)
#define MACHINE_STATE(name) PAYMENT_##name,
#define MACHINE_EVENT(name) PAYMENT_ON_##name,
enum payment_state { PAYMENT_NOWHERE = 0, PAYMENT_STATES(STATE) PAYMENT_STATE_COUNT };
enum payment_event { PAYMENT_ON_NOTHING = 0, PAYMENT_EVENTS(EVENT) PAYMENT_EVENT_COUNT };
#undef MACHINE_STATE
#undef MACHINE_EVENT
#define MACHINE_STATE(name) REFUND_##name,
#define MACHINE_EVENT(name) REFUND_ON_##name,
enum refund_state { REFUND_NOWHERE = 0, REFUND_STATES(STATE) REFUND_STATE_COUNT };
enum refund_event { REFUND_ON_NOTHING = 0, REFUND_EVENTS(EVENT) REFUND_EVENT_COUNT };
#undef MACHINE_STATE
#undef MACHINE_EVENT
#define MACHINE_STATE(name) INVOICE_##name,
#define MACHINE_EVENT(name) INVOICE_ON_##name,
enum invoice_state { INVOICE_NOWHERE = 0, INVOICE_STATES(STATE) INVOICE_STATE_COUNT };
enum invoice_event { INVOICE_ON_NOTHING = 0, INVOICE_EVENTS(EVENT) INVOICE_EVENT_COUNT };
#undef MACHINE_STATE
#undef MACHINE_EVENT
#define MACHINE_STATE(name) OPERATION_##name,
#define MACHINE_EVENT(name) OPERATION_ON_##name,
enum operation_state { OPERATION_NOWHERE = 0, OPERATION_STATES(STATE) OPERATION_STATE_COUNT };
enum operation_event { OPERATION_ON_NOTHING = 0, OPERATION_EVENTS(EVENT) OPERATION_EVENT_COUNT };
#undef MACHINE_STATE
#undef MACHINE_EVENT
#define MACHINE_STATE(name) CHECKOUT_##name,
#define MACHINE_EVENT(name) CHECKOUT_ON_##name,
enum checkout_state { CHECKOUT_NOWHERE = 0, CHECKOUT_STATES(STATE) CHECKOUT_STATE_COUNT };
enum checkout_event { CHECKOUT_ON_NOTHING = 0, CHECKOUT_EVENTS(EVENT) CHECKOUT_EVENT_COUNT };
#undef MACHINE_STATE
#undef MACHINE_EVENT
#define MACHINE_STATE(name) INSTRUMENT_##name,
#define MACHINE_EVENT(name) INSTRUMENT_ON_##name,
enum instrument_state { INSTRUMENT_NOWHERE = 0, INSTRUMENT_STATES(STATE) INSTRUMENT_STATE_COUNT };
enum instrument_event {
    INSTRUMENT_ON_NOTHING = 0, INSTRUMENT_EVENTS(EVENT) INSTRUMENT_EVENT_COUNT
};
#undef MACHINE_STATE
#undef MACHINE_EVENT
#undef STATE
#undef EVENT

struct machine_state {
    const char *text;          /* as in the API and in the books */
    bool final;                /* only corrections lead out of it */
    const char *meaning;
};

struct machine_event {
    const char *name;          /* "AUTH_YES" */
    enum speaker speaker;
    enum event_type type;      /* recorded by every edge of this event; NONE: the state's own */
};

struct machine {
    const char *name;                       /* "payment" */
    const struct machine_state *states;     /* [0] is nowhere */
    size_t state_count;                     /* nowhere included */
    const struct machine_event *events;
    size_t event_count;
    const uint8_t *next;                    /* [state * event_count + event] -> state or 0 */
    const enum event_type *entered;         /* recorded when a state is entered, or EVENT_NONE */
};

extern const struct machine machine_payment;
extern const struct machine machine_refund;
extern const struct machine machine_invoice;
extern const struct machine machine_operation;
extern const struct machine machine_checkout;
extern const struct machine machine_instrument;
/* NULL-terminated. */
extern const struct machine *const machines[];

/* The state that `event` leads to, or 0: what the table does not list is refused. */
unsigned machine_next(const struct machine *machine, unsigned state, unsigned event);
bool machine_is_final(const struct machine *machine, unsigned state);
const char *machine_state_text(const struct machine *machine, unsigned state);
/* What is recorded when `event` leads into `to`. */
enum event_type machine_event_type(const struct machine *machine, unsigned event, unsigned to);

const char *event_type_text(enum event_type type);
const char *event_type_meaning(enum event_type type);
const char *speaker_text(enum speaker speaker);

#endif
