/* query_jobs.c - see query_jobs.h. */
#include "store/query_jobs.h"

#include <assert.h>

#include "store/db_one.h"

static enum err take_job(void *self, void *row)
{
    struct job_table *table = self;
    const struct job_row *job = row;
    enum job_kind kind = job_of(job->name);

    /* Of a newer or older purser's jobs nothing is known here. */
    if (kind != JOB_NONE)
        table->rows[kind] = *job;
    return OK;
}

enum err query_jobs(struct db *db, struct arena *arena, struct job_table *out)
{
    *out = (struct job_table){ 0 };
    for (unsigned kind = 1; kind < JOB_COUNT; kind++)
        out->rows[kind].name = str_of(job_terms[kind].name);
    return db_select(db, &table_jobs, "name IS NOT NULL", NULL, 0, arena, take_job, out);
}

/* The longest due come first, so that the first row tells since when. $2: how many are counted. */
#define DUE(table, column, where)                                                                  \
    "SELECT count(*), min(due) FROM (SELECT " column " AS due FROM " table " WHERE " where         \
    " AND " column " <= $1 ORDER BY " column " LIMIT $2) AS rows_due"

static const char *const due_sql[JOB_COUNT] = {
    [JOB_RESOLVE] = DUE("operations", "due_ms", "due_ms IS NOT NULL"),
    [JOB_CAPTURE] = DUE("payments", "due_ms", DUE_TO_CAPTURE),
    [JOB_EXPIRE] = DUE("payments", "due_ms", DUE_TO_EXPIRE),
    [JOB_NOTIFICATIONS] = DUE("notices", "due_ms", "due_ms IS NOT NULL"),
    [JOB_CHECKOUTS] = DUE("checkouts", "due_ms", "due_ms IS NOT NULL"),
    [JOB_REPLAYS] = DUE("webhook_replays", "due_ms", "due_ms IS NOT NULL"),
    [JOB_RECONCILE] = DUE("payments", "check_ms", "check_ms IS NOT NULL"),
    [JOB_RECONCILIATIONS] = DUE("reconciliations", "created_ms", "started_ms IS NULL"),
};

static enum err take_due(void *self, const struct db_value *values, size_t count)
{
    struct job_due *due = self;

    assert(count == 2);
    due->count = values[0].number;
    due->oldest_ms = values[1].type == DB_INT ? values[1].number : 0;
    return OK;
}

enum err query_job_due(struct db *db, enum job_kind kind, const struct job_row *row,
                       int64_t now_ms, struct job_due *out)
{
    struct db_value args[] = { DB_NUMBER(now_ms), DB_NUMBER(JOB_DUE_MAX) };
    bool is_due = row->due_ms != 0 && row->due_ms <= now_ms;

    *out = (struct job_due){ .known = true };
    if (job_terms[kind].every_ms == 0)
        return db_query(db, due_sql[kind], args, 2, take_due, out);
    if (is_due || row->asked_ms != 0) {
        out->count = 1;
        out->oldest_ms = is_due ? row->due_ms : row->asked_ms;
    }
    return OK;
}
