/* jobs.h - the work that the clock drives: one line each in core/job.def, and here who does it.
 *
 * Most jobs look into the books for rows that are due and say which turns would deal with them.
 * Such a job changes nothing itself; the handler looks again whether the work is still due. What
 * a crash left undone is found here, by the same queries as on any other day. The others have an
 * interval and do their work themselves, on a thread and a connection of their own. */
#ifndef JOBS_JOBS_H
#define JOBS_JOBS_H

#include "base/arena.h"
#include "core/job.h"
#include "core/turn.h"
#include "store/db.h"

LIST_TYPE(turn_input_list, struct turn_input)

/* Where a page of due rows ended. Rows that stay due, because their turns fail every time, are
 * passed by going on behind them: none ever hides another. */
struct job_place {
    int64_t due_ms;
    struct id id;
    struct id sending;               /* of what a run that is over was sending */
};

struct job_found {
    struct arena *arena;             /* where the inputs live */
    struct turn_input_list inputs;   /* run, origin and actor are filled in by the engine */
    int64_t interval_ms;             /* in: between looks of the reconciler at what is stuck */
    int64_t next_due_ms;             /* when there will be more, by what is known now; 0 never */
    bool more;                       /* the limit was met: look on from `place` */
    struct job_place place;          /* in: zero for the first page; out: the last row found */
};

/* One run of a job with an interval. */
struct job_shift {
    struct db *db;                   /* that writes */
    struct arena *arena;
    int64_t retention_ms;            /* 0: everything is kept */
    void *self;
    /* Between two transactions; false: leave the rest for the next run. */
    bool (*go_on)(void *self);
    int64_t done, failed;            /* out */
    struct str detail;               /* out: for people */
};

struct job {
    enum job_kind kind;
    enum origin origin;              /* of its turns; NONE: the clock */
    /* At most `limit` rows of each sort behind found->place, the longest due first. NULL: it has
     * an interval, and */
    enum err (*find)(struct db *db, int64_t now_ms, size_t limit, struct job_found *found);
    enum err (*work)(struct job_shift *shift);
    /* whether there is anything to do on this installation; `why` says why not. */
    bool (*is_wanted)(const struct db *db, int64_t retention_ms, const char **why);
};

extern const struct job job_resolve, job_capture, job_expire, job_notifications, job_checkouts,
    job_replays, job_reconcile, job_reconciliations, job_prune, job_months;

/* Rows of one table by their due time: the place goes on with (due_ms, id), so that a row that
 * stays due hides none. */
struct job_rows {
    const struct table *table;
    const char *due;                 /* those from $3, $4 on */
    const char *next;
    /* A db_load_f: adds an input, and says in found->place where it stood. */
    enum err (*add)(void *found, void *row);
};
/* `where` are the rows that ever are due; $1 is the moment. */
#define JOB_ROWS(name, column, where, add_row)                                                     \
    { .table = &table_##name,                                                                      \
      .due = where " AND " column " <= $1 AND " column " >= $3 AND (" column                       \
             " > $3 OR id > $4) ORDER BY " column ", id LIMIT $2",                                 \
      .next = "SELECT min(" column ") FROM " #name " WHERE " where " AND " column " > $1",         \
      .add = add_row }
enum err job_find_rows(const struct job_rows *rows, struct db *db, int64_t now_ms, size_t limit,
                       struct job_found *found);

/* By kind; the first is NULL. */
extern const struct job *const jobs[JOB_COUNT];

/* For jobs: adds an input; keeps the earliest of the next due times. */
struct turn_input *job_found_add(struct job_found *found, const struct turn_handler *handler);
void job_found_next(struct job_found *found, int64_t due_ms);
/* The same as a db_row_f over "SELECT min(due_ms) ...". */
enum err job_found_next_row(void *found, const struct db_value *values, size_t count);

#endif
