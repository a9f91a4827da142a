/* look.h - asking the gateway about a payment, when somebody looks and what we know is old.
 *
 * How often a payment is asked about grows with its age: whoever reads it every second for a
 * day leaves some dozens of enquiries and not thousands. */
#ifndef API_LOOK_H
#define API_LOOK_H

#include "api/call.h"
#include "store/desk.h"

/* On a reader's thread: whether it is under way and was not asked about lately. */
must_check enum err look_is_due(struct db *db, const struct payment *payment, int64_t now_ms,
                                bool *out);

/* On the loop: a turn that begins an enquiry, with `user`; `done` is called on another thread.
 * False when no turn is taken now: what is known is the answer then. */
bool look_ask(const struct call *call, struct query_scope scope, struct payment_id payment,
              void (*done)(struct desk_turn *turn), void *user);

#endif
