/* told.h - what anybody outside the node was told: after a death it must be in the books.
 *
 * Answers are kept with their requests (orders.h), webhooks with their endpoints (hooks.h), and
 * what was asked of a gateway is in its own books. */
#ifndef SIMULATION_TOLD_H
#define SIMULATION_TOLD_H

#include "base/crypto.h"
#include "orders.h"
#include "store/db.h"

#define TOLD_NOTICES_MAX 8192

struct told_things {
    struct sha256 notices[TOLD_NOTICES_MAX];     /* notifications that were answered with a yes */
    size_t notice_count;
    int64_t number;                              /* the last event that a reader saw */
    int64_t versions[ORDERS_MAX];                /* of the orders' payments, that a reader saw */
};

/* Somebody who looks at the books beside the node, in snapshots that may last. */
struct reader {
    struct arena arena;
    struct db *db;                               /* NULL: not yet */
    bool in_snapshot;
};

struct world;

/* Looks once. */
void reader_step(struct world *world);
/* Before the node ends. */
void reader_leave(struct world *world);

/* A notification was taken. */
void told_notice(struct world *world, struct sha256 digest);
void told_judge(struct world *world, struct db *db);

#endif
