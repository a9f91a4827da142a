/* courses.h - what a node keeps of each job while it runs. Inside engine only. */
#ifndef ENGINE_COURSES_H
#define ENGINE_COURSES_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/setbacks.h"
#include "jobs/jobs.h"

struct engine;

/* For the metrics; read by any thread. X(name, sort, help) */
#define COURSE_METRICS(X)                                                                  \
    X(done_total, "counter", "Pieces of its work that were done on this node.")              \
    X(failed_total, "counter", "Pieces of its work that failed on this node.")               \
    X(ran_at_seconds, "gauge", "When this node last looked for its work; Unix time.")      \
    X(due, "gauge", "Pieces of its work that are due, 10000 at most.")                     \
    X(oldest_due_seconds, "gauge", "For how long the oldest of them has been due.")        \
    X(paused_seconds, "gauge", "For how long it has been paused; 0 when it is not.")

struct course {
#define X(name, sort, help) _Atomic uint64_t name;
    COURSE_METRICS(X)
#undef X
    /* The clock's own: a look that ran out of time goes on from there with the next. */
    bool midway;
    struct job_place place;
    _Atomic int64_t answered_ms;     /* the latest wish for a run whose answer was handed in */
    int64_t noted_ms;
    /* Since the last note in the books, under the engine's due.lock. */
    int64_t done, failed;
};

#define ENGINE_COUNT_JOB(engine, kind, name, by)                                           \
    atomic_fetch_add(&(engine)->courses[kind].name, (by))

/* Calls of jobs are counted by gateway account (engine->calls_at); two that share a slot share
 * its room. */
#define ENGINE_ACCOUNT_SLOTS 256
size_t engine_account_slot(struct gateway_account_id account);      /* outbound.c */

/* The runs of jobs with an interval: one at a time, on a thread that sleeps otherwise. */
struct shifts {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool started, stop;
    bool claimed;                    /* a run is being begun, or under way */
    enum job_kind wanted;            /* begun in the books; JOB_NONE: there is none */
    enum job_kind running;
    bool give_way;                   /* the job was paused meanwhile */
    int64_t asked_ms;                /* what the run answers to */
    int64_t step_us;                 /* when its last transaction ended, monotonic */
};

/* shifts.c */
must_check enum err engine_shifts_open(struct engine *engine, struct str *why);
void engine_shifts_stop(struct engine *engine);
/* For a run that is about to be begun in the books. False while there is another; its end makes
 * the clock look again. */
bool engine_shifts_claim(struct engine *engine, int64_t asked_ms);
/* It was begun, and is done now; or not (JOB_NONE). */
void engine_shifts_run(struct engine *engine, enum job_kind kind);
/* The job was paused: the rest of its run waits. */
void engine_shifts_pause(struct engine *engine, enum job_kind kind);

/* courses.c: the metrics, as text. */
void engine_write_courses(struct engine *engine, struct buf *out);

/* clock.c: hands in what a job says of itself. */
void engine_job_note(struct engine *engine, enum job_kind kind, const struct job_note *note);

#endif
