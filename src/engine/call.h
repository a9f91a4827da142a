/* call.h - a gateway call on its way: from a committed order to the answer's turn. Inside
 * engine only.
 *
 * It belongs to one thread at a time: the writer that built it, then the one that makes it
 * (outbound for the built-in gateway, the client's for those over the network). */
#ifndef ENGINE_CALL_H
#define ENGINE_CALL_H

#include "core/turn.h"
#include "engine/login.h"
#include "net/client.h"

struct engine;
struct writer;

/* Its texts live in its arena. */
struct call {
    struct link link;
    struct client_call wire;         /* over the network */
    struct login_wish wish;
    struct secret token;             /* of the account's login; empty: none yet, or none needed */
    bool had_second_token;
    struct card card;                /* for the request that waits for a token */
    bool has_card;
    bool routed;                     /* the payment may go to another account, with its card */
    struct client_limits limits;
    struct writer *writer;           /* under whose run it is made, */
    unsigned run;                    /* and the number of that */
    struct arena arena;
    const struct gateway *gateway;
    struct gateway_ask ask;          /* without the card: parsing needs none */
    struct http_request request;     /* may hold the card; wiped with the call */
    struct secret credentials;       /* the account's; empty when it has none */
    bool built;
    struct instrument_id keeps;      /* that the card is kept as, when they say its token */
    struct operation_id operation;
    struct invoice_id invoice;
    bool paced;                      /* nobody waits for it: its job begins no more than so many */
    size_t account_slot;             /* where it is counted then, while it is under way */
    enum origin origin;
    struct look_mark mark;
    int64_t started_ms;
    int64_t started_us, deadline_us; /* monotonic */
};

/* outbound.c */
/* Builds the request of a call that a committed turn ordered, while its card is there. */
struct call *engine_call_build(struct writer *writer, const struct turn_call *order);
void engine_call_queue(struct engine *engine, struct call *call);
/* Builds it (again) from its ask; false when the adapter cannot. */
must_check bool engine_call_build_request(struct call *call);
/* The ends of a call; each frees it. A reply is parsed, and like a failure becomes a turn:
 * NOT_SENT or UNKNOWN, with a sentence for people. */
void engine_call_replied(struct engine *engine, struct call *call,
                         const struct http_reply *reply);
void engine_call_failed(struct engine *engine, struct call *call, enum gateway_outcome outcome,
                        struct str why);
/* Without a turn: its run's lease is over, or the engine is closing. The books know it as
 * sending, and whoever finds it asks. */
void engine_call_drop(struct engine *engine, struct call *call);
void engine_call_left(struct call *call);

/* The moment before the first byte: times are noted. False when it must not be made, because it
 * could not be built or its run's lease is over; then it has ended. */
must_check bool engine_call_begin(struct engine *engine, struct call *call);

/* network.c: makes it over the network. */
void engine_network_call(struct engine *engine, struct call *call);

/* lease.c */
/* Whether the call may be made: its run's lease holds, by this node's own clock. */
bool engine_run_holds(const struct call *call);
/* The call is not made. What else was under its run is asked about as well. */
void engine_run_break(const struct call *call);

#endif
