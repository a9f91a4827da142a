/* sampler.c - what the books hold that somebody should look at, for /metrics.
 *
 * Whoever reads the metrics asks for a sample, and the clock makes it: the next reader sees it. An
 * idle purser that nobody reads samples nothing. `sampled_at_seconds` tells how old it is, so a
 * sampler that is broken is seen as one, and is not taken for quiet. */
#include <assert.h>

#include "base/log.h"
#include "base/time.h"
#include "engine/engine_parts.h"

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

/* All from partial indexes that hold open work alone. */
static enum err sample(struct engine *engine, struct db *db, int64_t now_ms)
{
    struct engine_tally *tally = &engine->tally;
    struct db_value hour_ago = DB_NUMBER(now_ms - HOUR_MS);
    struct sampled open = { 0 }, unknown = { 0 }, due = { 0 }, captures = { 0 };
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
        err = db_query(db,
                       "SELECT (SELECT min(due_ms) FROM operations WHERE due_ms IS NOT NULL),"
                       " (SELECT min(due_ms) FROM payments WHERE due_ms IS NOT NULL),"
                       " (SELECT min(due_ms) FROM notices WHERE due_ms IS NOT NULL)",
                       NULL, 0, take, &due);
    if (!err)
        err = db_query(db,
                       "SELECT count(*) FROM payments WHERE due_ms IS NOT NULL"
                       " AND status = 'authorized' AND capture_method = 'automatic'"
                       " AND cancel_reason IS NULL AND updated_ms < $1",
                       &hour_ago, 1, take, &captures);
    if (err)
        return err;
    uint64_t oldest = 0;
    for (size_t i = 0; i < due.count; i++)
        if (age_of(due.values[i], now_ms) > oldest)
            oldest = age_of(due.values[i], now_ms);
    atomic_store(&tally->tasks_open, (uint64_t)open.values[0]);
    atomic_store(&tally->drifts_open, (uint64_t)open.values[1]);
    atomic_store(&tally->operations_unknown, (uint64_t)unknown.values[0]);
    atomic_store(&tally->unknown_oldest_seconds, age_of(unknown.values[1], now_ms));
    atomic_store(&tally->due_oldest_seconds, oldest);
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
