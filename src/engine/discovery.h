/* discovery.h - what only one side has: the gateways that can are asked what they have, account by
 * account, and it is compared with the books. Inside engine only.
 *
 * A thread of its own walks through the pages of a gateway's lists: in memory is what one page
 * holds, and the ids of the payments that were seen. What a listing shows is a hint: a payment
 * that differs, or is not listed, is asked about like any other (turn_payment_check), and the
 * answer counts. Only what is in no books of ours becomes a difference at once (missing_here).
 *
 * Each pass goes back `list_days`, or to the end of the last whole one if that is earlier, and is
 * a row of `reconciliations` with its account. A pass that failed leaves no end, so the next
 * one looks at the same time again; nothing is told twice. */
#ifndef ENGINE_DISCOVERY_H
#define ENGINE_DISCOVERY_H

#include "core/turn.h"
#include "base/arena.h"

struct engine;
struct discovery;

must_check enum err discovery_open(struct engine *engine, struct str where, struct arena *arena,
                                   struct discovery **out, struct str *why);
/* Ends the thread, in the middle of a pass if need be. The client must still run. */
void discovery_stop(struct discovery *discovery);    /* accepts NULL */
void discovery_close(struct discovery *discovery);   /* after discovery_stop; accepts NULL */

/* Somebody asked for a reconciliation: the accounts that it is about are listed now, whenever they
 * were last; then engine_passes_listed is called. From any thread. */
void discovery_ask(struct discovery *discovery, const struct reconciliation *asked);

#endif
