/* query_jobs.h - the jobs' rows, and what is due for each. */
#ifndef STORE_QUERY_JOBS_H
#define STORE_QUERY_JOBS_H

#include "core/job.h"
#include "store/db.h"

/* When a row of a table is due, for the jobs that share one. $1 is the moment. */
#define TO_BE_CAPTURED                                                                             \
    "status = 'authorized' AND capture_method = 'automatic' AND cancel_reason IS NULL"
#define CAN_BE_CAPTURED TO_BE_CAPTURED " AND (expires_ms IS NULL OR expires_ms > $1)"
#define DUE_TO_CAPTURE "due_ms IS NOT NULL AND " CAN_BE_CAPTURED
#define DUE_TO_EXPIRE "due_ms IS NOT NULL AND NOT (" CAN_BE_CAPTURED ")"

/* Captures that have been due since $1 and longer, and may have expired over it. */
#define DUE_TO_CAPTURE_THEN "due_ms IS NOT NULL AND due_ms <= $1 AND " TO_BE_CAPTURED

struct job_table {
    struct job_row rows[JOB_COUNT];  /* zero but for the name where the books have none */
};
must_check enum err query_jobs(struct db *db, struct arena *arena, struct job_table *out);

/* From partial indexes that hold open work alone. Of a job with an interval its own run is what
 * is due; `row` is the job's. */
must_check enum err query_job_due(struct db *db, enum job_kind kind, const struct job_row *row,
                                  int64_t now_ms, struct job_due *out);

#endif
