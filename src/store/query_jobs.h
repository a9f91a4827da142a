/* query_jobs.h - the jobs' rows, and what is due for each. */
#ifndef STORE_QUERY_JOBS_H
#define STORE_QUERY_JOBS_H

#include "core/job.h"
#include "store/db.h"

/* When a row of a table is due, for the jobs that share one. $1 is the moment. */
#define DUE_TO_CAPTURE                                                                             \
    "due_ms IS NOT NULL AND status = 'authorized' AND capture_method = 'automatic'"                \
    " AND cancel_reason IS NULL AND (expires_ms IS NULL OR expires_ms > $1)"
#define DUE_TO_EXPIRE                                                                              \
    "due_ms IS NOT NULL AND NOT (status = 'authorized' AND capture_method = 'automatic'"           \
    " AND cancel_reason IS NULL AND (expires_ms IS NULL OR expires_ms > $1))"

/* Captures that have been due since $1 and longer. */
#define DUE_TO_CAPTURE_THEN                                                                        \
    "due_ms IS NOT NULL AND due_ms <= $1 AND status = 'authorized'"                                \
    " AND capture_method = 'automatic' AND cancel_reason IS NULL"

struct job_table {
    struct job_row rows[JOB_COUNT];  /* zero but for the name where the books have none */
};
must_check enum err query_jobs(struct db *db, struct arena *arena, struct job_table *out);

/* From partial indexes that hold open work alone. Of a job with an interval its own run is what
 * is due; `row` is the job's. */
must_check enum err query_job_due(struct db *db, enum job_kind kind, const struct job_row *row,
                                  int64_t now_ms, struct job_due *out);

/* Whether the run under way is held by a lease that holds. */
must_check enum err query_job_is_held(struct db *db, const struct job_row *row, int64_t now_ms,
                                      bool *out);

#endif
