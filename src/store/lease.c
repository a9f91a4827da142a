/* lease.c - runs and their leases: under which name a node sends, and until when others must
 * take its word for it.
 *
 * Where many nodes share the books, every batch renews the lease in its own transaction, and
 * counts itself there. So a batch of a node that was held up past its lease is refused by the
 * server, whatever the node believes; and when the answer to a commit was lost, the count tells
 * whether it was done. The statement stands last before the commit and goes by the server's
 * clock. It also goes by the count before: a transaction that we gave up may still be on its
 * way to the server, and must not come through after it was taken for undone. And it goes by the
 * server's history: after a cut no batch is committed before history.c has seen to it. And by
 * its era (db_later.h): whatever this node was told since its run began is on the disk with the
 * batch that goes by it, or that is refused. */
#include <assert.h>
#include <unistd.h>

#include "base/time.h"
#include "store/db_later.h"
#include "store/db_one.h"
#include "store/history.h"
#include "store/store_parts.h"

#define LEASE_MS (10 * SECOND_MS)
/* By its own clock a node believes in its lease for so long after it asked for it. */
#define TRUSTED_MS (8 * SECOND_MS)
/* Runs that are over and hold nothing are kept for so long: their nodes may still look up
 * whether a commit was done. */
#define REMEMBERED_MS (1 * HOUR_MS)

/* After a commit whose answer was lost: for how long the books are asked. */
#define DOUBT_MS (10 * SECOND_MS)
#define DOUBT_GAP_MS 200
#define DOUBT_LOOKS (DOUBT_MS / DOUBT_GAP_MS)

static enum err forget_old_runs(struct db *db, int64_t now_ms)
{
    struct db_value long_ago = DB_NUMBER(now_ms - REMEMBERED_MS);
    return db_query(db,
                    "DELETE FROM runs WHERE lapses_ms < $1 AND NOT EXISTS (SELECT 1 FROM"
                    " operations WHERE operations.state = 'sending' AND operations.run = runs.id)",
                    &long_ago, 1, NULL, NULL);
}

static enum err end_run(struct db *db, struct run_id run, int64_t now_ms)
{
    struct db_value args[] = { DB_ID(run), DB_NUMBER(now_ms - 1) };
    return db_query(db, "UPDATE runs SET lapses_ms = $2 WHERE id = $1 AND lapses_ms > $2", args, 2,
                    NULL, NULL);
}

static enum err ask_era(struct store *store, int64_t *out)
{
    if (!db_is_shared(store->db))
        return OK;
    if (!store->era_sql)
        store->era_sql = str_format(&store->lasting, "SELECT %s", db_era_sql(store->db)).ptr;
    return db_number(store->db, store->era_sql, NULL, 0, out);
}

static enum err begin_run(struct store *store, struct run *run, bool others_are_dead)
{
    struct db *db = store->db;
    const void *rows[] = { run };
    enum err err = db_now(db, &run->started_ms);
    /* Long ago, not now: the clock may be set back before anybody looks. */
    if (!err && others_are_dead)
        err = db_query(db, "UPDATE runs SET lapses_ms = 1 WHERE lapses_ms > 1", NULL, 0, NULL,
                       NULL);
    /* What this store had begun to send before is asked about from now on. */
    if (!err && !run_id_is_zero(store->run))
        err = end_run(db, store->run, run->started_ms);
    if (!err)
        err = forget_old_runs(db, run->started_ms);
    if (!err)
        err = history_go_on(db, run->started_ms, store->arena, &run->history,
                            &store->cut);
    if (!err)
        err = ask_era(store, &run->era);
    if (err)
        return err;
    run->id = run_id_make(&store->ids, run->started_ms);
    run->lapses_ms = others_are_dead ? TIME_MAX_MS : run->started_ms + LEASE_MS;
    return db_insert(db, &table_runs, rows, 1);
}

static int64_t trusted_until(const struct store *store, int64_t asked_us)
{
    return db_is_shared(store->db) ? asked_us + TRUSTED_MS * 1000 : INT64_MAX;
}

enum err store_run_begin(struct store *store, struct str node, bool others_are_dead,
                         struct run_id *out)
{
    struct run run = { .node = node };
    int64_t asked_us = outside_monotonic_us(store->outside);
    enum err err = db_begin(store->db);
    if (!err)
        err = begin_run(store, &run, others_are_dead);
    if (!err)
        err = db_commit(store->db);
    if (err) {
        db_rollback(store->db);
        return err;
    }
    store->run = run.id;
    store->run_batches = 0;
    store->run_until_us = trusted_until(store, asked_us);
    *out = run.id;
    return OK;
}

enum err store_run_end(struct store *store)
{
    int64_t now_ms;
    enum err err = db_begin(store->db);
    if (!err)
        err = db_now(store->db, &now_ms);
    if (!err)
        err = end_run(store->db, store->run, now_ms);
    if (!err)
        err = db_commit(store->db);
    if (err)
        db_rollback(store->db);
    else
        store->run_until_us = 0;
    return err;
}

bool store_run_was_cut(const struct store *store)
{
    return store->cut;
}

enum err store_run_lapses(struct db *db, struct run_id run, int64_t now_ms, int64_t *out)
{
    struct db_value args[] = { DB_ID(run), DB_NUMBER(now_ms) };
    *out = 0;
    if (run_id_is_zero(run))
        return OK;
    return db_number(db, "SELECT lapses_ms FROM runs WHERE id = $1 AND lapses_ms > $2", args, 2,
                     out);
}

int64_t store_run_until_us(const struct store *store)
{
    return store->run_until_us;
}

bool lease_is_used(const struct store *store)
{
    return db_is_shared(store->db) && !run_id_is_zero(store->run);
}

bool lease_is_over(const struct store *store)
{
    return lease_is_used(store) && outside_monotonic_us(store->outside) >= store->run_until_us;
}

/* Made once, because each engine has a clock of its own. */
static const char *hold_sql(struct store *store)
{
    const char *now = db_now_sql(store->db);
    if (!store->hold_sql)
        store->hold_sql = str_format(&store->lasting,
                                     "UPDATE runs SET lapses_ms = %s + $3, batches = $2"
                                     " WHERE id = $1 AND batches = $4 AND lapses_ms > %s"
                                     " AND history = %s AND era = %s",
                                     now, now, db_history_sql(store->db),
                                     db_era_sql(store->db)).ptr;
    return store->hold_sql;
}

static enum err hold(struct store *store, int64_t batches)
{
    struct db_value args[] = { DB_ID(store->run), DB_NUMBER(batches), DB_NUMBER(LEASE_MS),
                               DB_NUMBER(store->run_batches) };
    return db_require(store->db, hold_sql(store), args, 4, ERR_LEASE_LOST);
}

enum err lease_hold(struct store *store)
{
    return lease_is_used(store) ? hold(store, store->run_batches + 1) : OK;
}

void lease_held(struct store *store, int64_t asked_us)
{
    if (!lease_is_used(store))
        return;
    store->run_batches++;
    store->run_until_us = trusted_until(store, asked_us);
}

void lease_give_up(struct store *store)
{
    if (lease_is_used(store))
        store->run_until_us = 0;
}

enum err store_run_renew(struct store *store)
{
    int64_t asked_us = outside_monotonic_us(store->outside);
    assert(lease_is_used(store));
    enum err err = lease_is_over(store) ? ERR_LEASE_LOST : db_begin(store->db);
    if (err)
        return err;
    err = hold(store, store->run_batches);
    if (!err)
        err = db_commit(store->db);
    if (err)
        db_rollback(store->db);
    if (!err)
        store->run_until_us = trusted_until(store, asked_us);
    else if (err == ERR_LEASE_LOST)
        lease_give_up(store);
    return err;
}

static enum err take_batches(void *self, void *row)
{
    const struct run *run = row;
    *(int64_t *)self = run->batches;
    return OK;
}

/* Counts on, so that the transaction that was lost is refused if it comes only now. */
static enum err count_on(struct store *store)
{
    struct db_value args[] = { DB_ID(store->run), DB_NUMBER(store->run_batches + 2) };
    return db_query(store->db, "UPDATE runs SET batches = $2 WHERE id = $1", args, 2, NULL, NULL);
}

/* If the server still works on the lost transaction, that holds the row, and is waited for. */
static enum err look_up(struct store *store, int64_t *batches)
{
    struct arena scratch = { 0 };
    int64_t found = -1;
    enum err err = db_begin(store->db);
    if (!err)
        err = db_load(store->db, &table_runs, "id", &store->run.id, 1, NULL, true, &scratch,
                      take_batches, &found);
    if (!err && found == store->run_batches)
        err = count_on(store);
    if (!err)
        err = db_commit(store->db);
    if (err)
        db_rollback(store->db);
    else
        *batches = found;
    arena_done(&scratch);
    return err;
}

enum err lease_settle_doubt(struct store *store)
{
    int64_t until_us = outside_monotonic_us(store->outside) + DOUBT_MS * 1000;
    int64_t batches = -1;
    if (!lease_is_used(store))
        return ERR_STORE_IN_DOUBT;
    for (int look = 0; look_up(store, &batches); look++) {
        if (look == DOUBT_LOOKS || outside_monotonic_us(store->outside) >= until_us)
            return ERR_STORE_IN_DOUBT;
        usleep(DOUBT_GAP_MS * 1000);
    }
    if (batches < 0)
        return ERR_STORE_IN_DOUBT;
    if (batches == store->run_batches + 1)
        return OK;
    store->run_batches += 2;
    return ERR_STORE_RETRY;
}
