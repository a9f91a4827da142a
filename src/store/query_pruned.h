/* query_pruned.h - what is not there any more (prune.h), for readers who have to say so. */
#ifndef STORE_QUERY_PRUNED_H
#define STORE_QUERY_PRUNED_H

#include "store/queries.h"

/* The place of the last event that was pruned (prune.h), 0 for none: from an older place the feed
 * is not whole. Ask after reading: what was pruned meanwhile is then told. */
must_check enum err query_events_pruned(struct db *db, struct query_scope scope,
                                        struct arena *arena, int64_t *out);
/* Name of the counter that keeps it. */
struct str query_pruned_counter(struct merchant_id merchant, bool live, struct arena *arena);
/* Whether the beginning of a payment's history was pruned. */
must_check enum err query_payment_pruned(struct db *db, const struct payment *payment, bool *out);

#endif
