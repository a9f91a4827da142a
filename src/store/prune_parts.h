/* prune_parts.h - what prune.c and prune_history.c share. Inside store only. */
#ifndef STORE_PRUNE_PARTS_H
#define STORE_PRUNE_PARTS_H

#include "core/books.h"
#include "store/prune.h"

struct pruner {
    struct db *db;
    const struct prune_plan *plan;
    struct arena *arena;             /* of the report */
    struct arena scratch;            /* of a page */
    struct prune_report report;
    struct task_list tasks;          /* open ones, by payment */
    int64_t now_ms;
    bool stopped;                    /* by go_on */
};

bool pruner_may_go_on(const struct pruner *pruner, enum err err);
void pruner_step_done(struct pruner *pruner);
/* Ends a transaction: commits it, unless something failed or nothing may change. */
must_check enum err pruner_end(struct pruner *pruner, enum err err);

/* prune_history.c: events, operations, attempts. */
must_check enum err prune_histories(struct pruner *pruner);
/* prune_months.c: those that have parts. */
must_check enum err prune_months(struct pruner *pruner, int64_t before_ms);

/* The histories of some invoices, page by page, each page a transaction. */
struct prune_pass {
    const char *select;              /* ids of invoices; $1: after; $2: before; $3: how many */
    struct id after, before;
    bool remove;                     /* delete the rows; else write checkpoints alone */
    int64_t *waiting;
    struct str *reason;              /* of the first that waits */
};
must_check enum err prune_pass_run(struct pruner *pruner, struct prune_pass *pass);

/* The last place of the feed at which an event of the tenant was pruned is `number` at least
 * (query_pruned.h). */
must_check enum err prune_feed_note(struct pruner *pruner, struct merchant_id merchant, bool live,
                                    int64_t number);

#endif
