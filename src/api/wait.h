/* wait.h - callers who wait for the end of an operation, found by their claim.
 *
 * A waiter is put in before its turn is handed over, so that no wake can fall between
 * the turn's commit and the waiting. Of the loop's thread only. */
#ifndef API_WAIT_H
#define API_WAIT_H

#include "core/turn.h"
#include "net/server.h"

struct call;

#define WAIT_DEFAULT_MS 1000
#define WAIT_MAX_MS 30000

struct waiter {
    struct id claim_key;
    struct call *call;
    struct waiter *next;
    bool listed;
    bool waits; /* the turn is done; the timer runs */
    bool replayed;
    struct turn_answer last; /* the newest news; its body is in the call's arena */
    struct server_timer timer;
};

#define WAIT_BUCKETS 1024u

/* Zeroed is empty. */
struct waiters {
    struct waiter *buckets[WAIT_BUCKETS];
};

void waiters_add(struct waiters *waiters, struct waiter *waiter);
/* Accepts one that is not in. */
void waiters_remove(struct waiters *waiters, struct waiter *waiter);
/* The first for the claim, or the next one after `after`. */
struct waiter *waiters_find(const struct waiters *waiters, struct id claim_key,
                            const struct waiter *after);

/* The same for all claims with that mark (turn.h). */
struct waiter *waiters_marked(const struct waiters *waiters, uint32_t mark,
                              const struct waiter *after);

/* Prefer: wait=N, respond-async (RFC 7240). What it does not know it ignores. */
int64_t prefer_wait_ms(struct str prefer);

#endif
