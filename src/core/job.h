/* job.h - the jobs of the clock (job.def), and what the books know of each: whether it is paused,
 * when it ran and what came of it.
 *
 * A job belongs to the installation, not to a merchant: it is paused for all of them. */
#ifndef CORE_JOB_H
#define CORE_JOB_H

#include "base/json.h"
#include "base/time.h"
#include "core/job.def"
#include "core/objects.h"

#define X(NAME, name, every_ms, batch, at_once, what) JOB_##NAME,
enum job_kind { JOB_NONE = 0, JOBS(X) JOB_COUNT };
#undef X

struct job_terms {
    const char *name;             /* "resolve" */
    int64_t every_ms;             /* 0: its rows have due times */
    unsigned batch;
    unsigned at_once;
    const char *what;             /* for people */
};
/* By kind; the first is empty. */
extern const struct job_terms job_terms[JOB_COUNT];
enum job_kind job_of(struct str name);      /* JOB_NONE when there is none of this name */

/* Its row in the books. There is none before the first change. */
struct job_row {
    enum row_change row;
    struct str name;
    int64_t paused_ms;            /* 0: it is not */
    struct str paused_by;         /* "key_...", "operator" */
    struct str note;              /* why */
    int64_t asked_ms;             /* somebody wants a run now, which has not begun; 0 */
    struct str asked_by;
    int64_t due_ms;               /* of one with an interval: its next run */
    struct run_id run;            /* the lease that holds the run under way; zero: there is none */
    int64_t started_ms;           /* of the last run that found something, or was asked for */
    int64_t ended_ms;
    int64_t done, failed;         /* in it */
    int64_t done_total, failed_total;
    struct str detail;            /* what it says of itself */
};

/* What waits for it now. */
struct job_due {
    bool known;
    int64_t count;                /* at most JOB_DUE_MAX is counted */
    int64_t oldest_ms;            /* 0: nothing is due */
};
#define JOB_DUE_MAX 10000

void render_job(struct json_out *out, const char *name, enum job_kind kind,
                const struct job_row *row, const struct job_due *due);

/* Turns about a job: turn_input.job says which. Pausing and resuming it, and asking for a run at
 * once, whether it is paused or not. */
extern const struct turn_handler turn_job_pause, turn_job_resume, turn_job_run;
struct job_pause {
    struct str note;
};

/* The engine's: a run of a job with an interval begins under this node's lease, unless another
 * began meanwhile (ERR_CONFLICT); a run, or what was done since the last note, has ended. */
extern const struct turn_handler turn_job_begin, turn_job_note;
struct job_begin {
    struct run_id seen_run;
    int64_t seen_started_ms;
};
struct job_note {
    int64_t started_ms;
    int64_t done, failed;
    struct str detail;
    int64_t due_ms;               /* the next run; 0: as it was */
    int64_t asked_ms;             /* answers a wish that is that old, at most */
};

#endif
