/* store.h - turns in batches: load, execute, flush, commit.
 *
 * One store is one writer connection and belongs to one thread. For a whole batch
 * it claims the idempotency keys, finds, locks and loads the invoices, runs the
 * handlers one after the other, writes all changes with one statement per table and
 * commits once. A batch whose flush fails is run again in halves, so that a
 * poisoned turn fails alone. Nothing outside store/ runs SQL for a turn. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "core/turn.h"
#include "store/db.h"

struct store;

struct store_config {
    struct str where;                        /* "sqlite:DIR" */
    const struct outside *outside;
    const struct gateway *const *gateways;   /* NULL-terminated, static */
    bool create;
};

#define STORE_BATCH_MAX 256
#define STORE_BATCHES 4                      /* of which what follows is there at once */

/* Opens the books for writing; they must have been migrated (store_migrate). */
must_check enum err store_open(const struct store_config *config, struct arena *arena,
                               struct store **out, struct str *why);
void store_close(struct store *store);           /* accepts NULL */

/* Makes or updates the schema. ERR_SCHEMA_NEWER with both versions in `why`. */
must_check enum err store_migrate(struct str where, bool create, const struct outside *outside,
                                  struct arena *arena, struct str *why);

/* A read-only connection. */
must_check enum err store_open_reader(struct str where, const struct outside *outside,
                                      struct arena *arena, struct db **out, struct str *why);

/* Runs and commits the turns; at most STORE_BATCH_MAX. Their inputs name the store's run.
 * Afterwards each has its err, and on OK its answer, wakes and calls, all valid until the
 * STORE_BATCHES-th batch after this one is run, or the store is closed. A turn with an error left
 * no trace, but for ERR_STORE_IN_DOUBT: the server was away for too long to be asked whether it
 * did. */
void store_execute(struct store *store, struct turn *const *turns, size_t count);
/* The same, but the commit need not be on the disk yet (store/db_flush.h). */
void store_execute_later(struct store *store, struct turn *const *turns, size_t count);

/* Webhook deliveries that became due by the last batch; valid as long as what it left is. */
const struct webhook_delivery_list *store_due_deliveries(const struct store *store);

/* The connection, for what is no turn: runs, probes, bootstrapping. */
struct db *store_db(struct store *store);

/* Leases (core/tenants.h, struct run). A run is begun before anything is sent under it, and a
 * store has one at a time: beginning the next one ends the one before. Ending it, or letting it
 * lapse, makes what it was sending unknown. `others_are_dead`: the serving lock proves it, as on
 * SQLite; such a run never lapses.
 *
 * On shared books it lapses after 10 s, and every batch renews it; a store without work has to
 * be told to (every 3 s). Once it is over, which the server or this node's own clock may find,
 * turns fail with ERR_LEASE_LOST, and so does renewing: begin a new run and go on with that. */
must_check enum err store_run_begin(struct store *store, struct str node, bool others_are_dead,
                                    struct run_id *out);
must_check enum err store_run_renew(struct store *store);
must_check enum err store_run_end(struct store *store);
/* Whether the books were found to go on from an earlier point when the run was begun
 * (store/history.h); true for one of all nodes. */
bool store_run_was_cut(const struct store *store);
/* When a run of any node lapses unless it is renewed; 0: it is over, or there is none. */
must_check enum err store_run_lapses(struct db *db, struct run_id run, int64_t now_ms,
                                     int64_t *out);
/* Until then (outside_monotonic_us) nobody else takes over what is sent under the run. */
int64_t store_run_until_us(const struct store *store);

/* Makes the merchant "default" with a default sandbox account, test mode, when there
 * is no merchant at all. `made` tells. Safe when several start at once. */
must_check enum err store_bootstrap(struct store *store, bool *made);

struct store_counts {
    uint64_t batches, turns, turns_failed, batches_split, batches_repeated, commits_failed;
    uint64_t batch_turns_max;
    uint64_t books_kept;             /* that needed no loading (kept.h) */
};
struct store_counts store_counts(const struct store *store);

#endif
