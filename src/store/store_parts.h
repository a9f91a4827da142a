/* store_parts.h - struct store, for the files that make it up. Inside store only. */
#ifndef STORE_STORE_PARTS_H
#define STORE_STORE_PARTS_H

#include "store/kept.h"
#include "store/store.h"

struct store {
    struct db *db;
    const struct outside *outside;
    const struct gateway *const *gateways;
    struct id_maker ids;
    struct arena arenas[STORE_BATCHES];      /* of the last batches and their effects */
    struct arena *arena;             /* the one of these that the batch in hand has */
    struct arena lasting;            /* as long as the store */
    struct str failure;              /* the engine's words about the last failed commit */
    struct store_counts counts;
    struct kept kept;
    struct webhook_delivery_list flushed;    /* of the batch in hand, pending */
    struct webhook_delivery_list due;        /* of those that were committed */

    int64_t clock_ms, clock_us;      /* the books' clock and the monotonic one, read together */
    int64_t even_since_ms;           /* the former has had no step since then */

    struct run_id run;               /* under which turns are executed; zero before the first */
    int64_t run_batches;             /* committed under it, as its row has it */
    int64_t run_until_us;            /* until when its lease may be trusted, monotonic */
    bool cut;                        /* found when the run was begun */
    const char *hold_sql, *era_sql;  /* lease.c's */
};

/* lease.c. Without a run, and where the books are not shared, there is nothing to hold. */
bool lease_is_used(const struct store *store);
bool lease_is_over(const struct store *store);
/* Before the commit of a batch: it fails with ERR_LEASE_LOST unless the lease is held then. */
must_check enum err lease_hold(struct store *store);
/* After it; `asked_us` is when the batch began. */
void lease_held(struct store *store, int64_t asked_us);
/* From here on all is ERR_LEASE_LOST until a new run is begun. */
void lease_give_up(struct store *store);
/* After ERR_STORE_IN_DOUBT from the commit of a batch that held the lease, rolled back: OK
 * when it was done after all, ERR_STORE_RETRY when it was not; or still in doubt, after 10 s. */
must_check enum err lease_settle_doubt(struct store *store);

#endif
