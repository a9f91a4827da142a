/* prune.h - what is old goes: idempotency keys, notices, webhook deliveries, and the history of
 * payments that ended.
 *
 * One line is drawn, `before_ms`, and nothing younger goes:
 *     - idempotency keys that have their answer, by the time of their request;
 *     - gateways' notices that nothing looks at any more, by the time they came;
 *     - webhook deliveries that ended, with their tries, by the time they ended; messages with
 *       the last of their deliveries;
 *     - history, which only tells how things came to be (events, operations, attempts), of an
 *       invoice to which nothing happened since, a day more. It stays while a payment of it is
 *       not final, a refund is pending, a checkout is not over, an operation or an operator task
 *       is open, and where it is not found right as by `purser doctor --deep`: broken history is
 *       evidence.
 *
 * Of history each object keeps a checkpoint (status, version, sums) from which later events go
 * on: invoices, payments, refunds and checkouts stay for ever. Where months have parts (periods.h)
 * a month goes as a whole, or waits as a whole for its last payment; elsewhere, and for what came
 * after its month was gone, rows are deleted, a page per transaction. Each transaction leaves the
 * books sound, so a run that was cut off is ended by the next one.
 *
 * Beside a running server, and on several nodes at once: rows are held while they are read. */
#ifndef STORE_PRUNE_H
#define STORE_PRUNE_H

#include "base/list.h"
#include "store/periods.h"

/* Answers to idempotency keys are promised for 30 days (api/openapi.yaml). */
#define PRUNE_KEEP_LEAST_DAYS 31

/* X(name, what): how much went, or would. */
#define PRUNE_COUNTS(X)                                                                            \
    X(keys, "idempotency keys")                                                                    \
    X(notices, "notifications of gateways")                                                        \
    X(deliveries, "webhook deliveries, with their tries")                                          \
    X(messages, "webhook messages")                                                                \
    X(checkpoints, "checkpoints written")                                                          \
    X(histories, "invoices whose history was deleted row by row")                                  \
    X(waiting, "old invoices that keep their history for now")

/* A month that is old enough. */
struct prune_month {
    struct period period;
    int64_t waiting;                 /* invoices for which it has to stay */
    struct str reason;               /* of the first of them; empty when it goes */
    bool dropped;                    /* or would be */
};
LIST_TYPE(prune_month_list, struct prune_month)

struct prune_report {
#define X(name, what) int64_t name;
    PRUNE_COUNTS(X)
#undef X
    struct prune_month_list months;  /* oldest first */
    struct str reason;               /* why the first history waits that lies in no month */
    const char *invariant;           /* the first that was found broken; NULL: none */
    struct str row, wrong;           /* where, and how */
};

struct prune_plan {
    int64_t before_ms;
    bool dry_run;                    /* change nothing, count what would go; a reader will do */
    void *self;
    /* After each transaction; false stops there. NULL: to the end. */
    bool (*go_on)(void *self, const struct prune_report *so_far);
};

/* Texts live in `arena`. On an error of the store what was done before it stays done. */
must_check enum err prune_run(struct db *db, const struct prune_plan *plan, struct arena *arena,
                              struct prune_report *out);

#endif
