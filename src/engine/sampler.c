/* sampler.c - what the books hold that somebody should look at, for /metrics.
 *
 * Whoever reads the metrics asks for a sample, and the clock makes it: the next reader sees it. An
 * idle purser that nobody reads samples nothing. `sampled_at_seconds` tells how old it is, so a
 * sampler that is broken is seen as one, and is not taken for quiet. */
#include <assert.h>

#include "base/log.h"
#include "base/time.h"
#include "engine/engine_parts.h"
#include "store/query_jobs.h"

/* Readers that come more often than this share a sample. */
#define SAMPLE_EVERY_MS (10 * SECOND_MS)

struct sampled {
    int64_t values[4];
    size_t count;
};

static enum err take(void *self, const struct db_value *values, size_t count)
{
    struct sampled *sampled = self;
    assert(count <= sizeof(sampled->values) / sizeof(sampled->values[0]));
    for (size_t i = 0; i < count; i++)
        sampled->values[i] = values[i].type == DB_INT ? values[i].number : 0;
    sampled->count = count;
    return OK;
}

static uint64_t age_of(int64_t since_ms, int64_t now_ms)
{
    return since_ms != 0 && since_ms < now_ms ? (uint64_t)((now_ms - since_ms) / SECOND_MS) : 0;
}

/* What is due of one job, and for how long. */
static enum err sample_job(struct engine *engine, struct db *db, enum job_kind kind,
                           const struct job_row *row, int64_t now_ms)
{
    struct course *course = &engine->courses[kind];
    struct job_due due = { 0 };
    const char *why = NULL;
    bool off = (kind == JOB_RECONCILE && engine->passes.interval_ms == 0)
               || (jobs[kind]->is_wanted && !jobs[kind]->is_wanted(db, engine->retention_ms, &why));
    enum err err = off ? OK : query_job_due(db, kind, row, now_ms, &due);
    if (err)
        return err;
    atomic_store(&course->due, (uint64_t)due.count);
    atomic_store(&course->oldest_due_seconds, age_of(due.oldest_ms, now_ms));
    atomic_store(&course->paused_seconds, age_of(row->paused_ms, now_ms));
    return OK;
}

static enum err sample_jobs(struct engine *engine, struct db *db, int64_t now_ms)
{
    struct arena arena = { 0 };
    struct job_table table;
    uint64_t oldest = 0, paused = 0;
    enum err err = query_jobs(db, &arena, &table);
    for (unsigned kind = 1; !err && kind < JOB_COUNT; kind++) {
        const struct course *course = &engine->courses[kind];
        err = sample_job(engine, db, (enum job_kind)kind, &table.rows[kind], now_ms);
        if (atomic_load(&course->oldest_due_seconds) > oldest)
            oldest = atomic_load(&course->oldest_due_seconds);
        paused += table.rows[kind].paused_ms != 0;
    }
    if (!err) {
        atomic_store(&engine->tally.due_oldest_seconds, oldest);
        atomic_store(&engine->tally.jobs_paused, paused);
    }
    arena_done(&arena);
    return err;
}

/* All from partial indexes that hold open work alone. */
static enum err sample(struct engine *engine, struct db *db, int64_t now_ms)
{
    struct engine_tally *tally = &engine->tally;
    struct db_value untried = DB_NUMBER(now_ms - engine->capture_alarm_ms);
    struct sampled open = { 0 }, unknown = { 0 }, captures = { 0 };
    enum err err = db_query(db,
                            "SELECT (SELECT count(*) FROM tasks WHERE closed_ms IS NULL),"
                            " (SELECT count(*) FROM drifts WHERE closed_ms IS NULL)",
                            NULL, 0, take, &open);
    if (!err)
        err = db_query(db,
                       "SELECT count(*), min(created_ms) FROM operations"
                       " WHERE due_ms IS NOT NULL AND state = 'unknown'",
                       NULL, 0, take, &unknown);
    if (!err)
        err = db_query(db, "SELECT count(*) FROM payments WHERE " DUE_TO_CAPTURE_THEN, &untried, 1,
                       take, &captures);
    if (!err)
        err = sample_jobs(engine, db, now_ms);
    if (err)
        return err;
    atomic_store(&tally->tasks_open, (uint64_t)open.values[0]);
    atomic_store(&tally->drifts_open, (uint64_t)open.values[1]);
    atomic_store(&tally->operations_unknown, (uint64_t)unknown.values[0]);
    atomic_store(&tally->unknown_oldest_seconds, age_of(unknown.values[1], now_ms));
    atomic_store(&tally->captures_untried, (uint64_t)captures.values[0]);
    return OK;
}

void engine_sample(struct engine *engine, struct db *db)
{
    int64_t now_ms = 0;
    if (!atomic_exchange(&engine->sample_wanted, false))
        return;
    enum err err = db_now(db, &now_ms);
    if (!err)
        err = sample(engine, db, now_ms);
    if (err) {
        ENGINE_COUNT(engine, sample_failures_total, 1);
        log_event(LOG_ERROR, "sample.failed", LOG_STR("detail", db_error(db)), LOG_END);
        return;
    }
    atomic_store(&engine->tally.sampled_at_seconds, (uint64_t)(now_ms / SECOND_MS));
}

void engine_want_sample(struct engine *engine)
{
    int64_t now_ms = outside_now_ms(engine->outside);
    int64_t last_ms = (int64_t)atomic_load(&engine->tally.sampled_at_seconds) * SECOND_MS;
    if (now_ms - last_ms < SAMPLE_EVERY_MS && now_ms >= last_ms)
        return;
    atomic_store(&engine->sample_wanted, true);
    engine_due(engine, now_ms);
}
