/* prune.c - what is no history: rows that are deleted a page at a time.
 *
 * Each step is a transaction of its own over a bounded number of rows, so that a server beside
 * it never waits for long. Histories: prune_history.c, prune_months.c. */
#include "store/prune.h"

#include <assert.h>
#include <string.h>

#include "store/prune_parts.h"

#define PAGE_ROWS 500

bool pruner_may_go_on(const struct pruner *pruner, enum err err)
{
    return err == OK && !pruner->stopped;
}

void pruner_step_done(struct pruner *pruner)
{
    const struct prune_plan *plan = pruner->plan;

    if (plan->go_on != NULL && !plan->go_on(plan->self, &pruner->report))
        pruner->stopped = true;
}

enum err pruner_end(struct pruner *pruner, enum err err)
{
    if (err == OK && !pruner->plan->dry_run)
        err = db_commit(pruner->db);
    if (err != OK || pruner->plan->dry_run)
        db_rollback(pruner->db);
    return err;
}

/* Rows of one sort, in the order of a column that goes up with time. Where two have the same
 * value, they go together. */
struct sweep {
    /* That column of the old rows behind $1. $2: the line, as a time, or as the lowest id of
     * that time; $3: the line as a time; $4: how many. */
    const char *find;
    /* Delete what was found: $1 and $3 are the same, $2 is the last of the page. NULL ends. */
    const char *remove[3];
    bool by_time;
    size_t count_offset;             /* in the report */
};

#define OF(name) offsetof(struct prune_report, name)
/* That ended, or are held for an endpoint that nobody enabled in all that time. */
#define IS_OVER                                                                                    \
    " AND (due_ms IS NULL AND ended_ms < $3 OR due_ms IS NOT NULL AND created_ms < $3"             \
    " AND endpoint IN (SELECT id FROM webhook_endpoints WHERE status = 'disabled'))"
#define OLD_DELIVERIES "id > $1 AND id <= $2" IS_OVER

static const struct sweep sweeps[] = {
    { "SELECT created_ms FROM claims WHERE created_ms > $1 AND created_ms < $2"
      " AND created_ms < $3 AND status <> 0 ORDER BY created_ms LIMIT $4",
      { "DELETE FROM claims WHERE created_ms > $1 AND created_ms <= $2 AND created_ms < $3"
        " AND status <> 0" },
      true, OF(keys) },
    { "SELECT id FROM notices WHERE id > $1 AND id < $2 AND received_ms < $3 AND due_ms IS NULL"
      " ORDER BY id LIMIT $4",
      { "DELETE FROM notices WHERE id > $1 AND id <= $2 AND received_ms < $3"
        " AND due_ms IS NULL" },
      false, OF(notices) },
    { "SELECT id FROM webhook_deliveries WHERE id > $1 AND id < $2" IS_OVER
      " ORDER BY id LIMIT $4",
      { "DELETE FROM webhook_attempts WHERE delivery > $1 AND delivery <= $2 AND delivery IN"
        " (SELECT id FROM webhook_deliveries WHERE " OLD_DELIVERIES ")",
        "DELETE FROM webhook_deliveries WHERE " OLD_DELIVERIES },
      false, OF(deliveries) },
    { "SELECT id FROM webhook_messages WHERE id > $1 AND id < $2 AND created_ms < $3 AND NOT EXISTS"
      " (SELECT 1 FROM webhook_deliveries WHERE message = webhook_messages.id)"
      " ORDER BY id LIMIT $4",
      { "DELETE FROM webhook_messages WHERE id > $1 AND id <= $2 AND created_ms < $3 AND NOT"
        " EXISTS (SELECT 1 FROM webhook_deliveries WHERE message = webhook_messages.id)" },
      false, OF(messages) },
};

struct page {
    int64_t count;
    bool by_time;
    int64_t last_ms;
    struct id last;
};

static enum err take_row(void *self, const struct db_value *values, size_t count)
{
    struct page *page = self;

    assert(count == 1);
    page->count++;
    if (page->by_time) {
        page->last_ms = values[0].number;
        return OK;
    }
    if (values[0].type != DB_BYTES || values[0].bytes.len != sizeof page->last.bytes)
        return ERR_STORE;
    memcpy(page->last.bytes, values[0].bytes.ptr, sizeof page->last.bytes);
    return OK;
}

static enum err remove_page(struct pruner *pruner, const struct sweep *sweep,
                            const struct db_value *args, int64_t *removed)
{
    enum err err = db_begin(pruner->db);

    for (size_t i = 0; err == OK && sweep->remove[i] != NULL; i++) {
        err = db_query(pruner->db, sweep->remove[i], args, 3, NULL, NULL);
        *removed = db_changes(pruner->db);
    }
    return pruner_end(pruner, err);
}

static enum err run_sweep(struct pruner *pruner, const struct sweep *sweep)
{
    int64_t before_ms = pruner->plan->before_ms;
    struct id before = id_first_at(before_ms);
    int64_t *total = (int64_t *)(void *)((char *)&pruner->report + sweep->count_offset);
    /* Nothing is held while it is only counted. */
    int64_t limit = pruner->plan->dry_run ? INT64_MAX : PAGE_ROWS;
    struct page page = { .by_time = sweep->by_time };
    enum err err;

    do {
        struct page start = page;
        page.count = 0;
        struct db_value after = sweep->by_time ? DB_NUMBER(start.last_ms) : DB_ID(start.last);
        struct db_value find[] = { after, sweep->by_time ? DB_NUMBER(before_ms) : DB_ID(before),
                                   DB_NUMBER(before_ms), DB_NUMBER(limit) };
        err = db_query(pruner->db, sweep->find, find, 4, take_row, &page);
        struct db_value remove[] = { after,
                                     sweep->by_time ? DB_NUMBER(page.last_ms) : DB_ID(page.last),
                                     DB_NUMBER(before_ms) };
        int64_t removed = page.count;
        if (err == OK && page.count > 0 && !pruner->plan->dry_run)
            err = remove_page(pruner, sweep, remove, &removed);
        if (err == OK)
            *total += removed;
        pruner_step_done(pruner);
    } while (pruner_may_go_on(pruner, err) && page.count == limit);
    return err;
}

enum err prune_run(struct db *db, const struct prune_plan *plan, struct arena *arena,
                   struct prune_report *out)
{
    struct pruner pruner = { .db = db, .plan = plan, .arena = arena };
    enum err err = db_now(db, &pruner.now_ms);

    /* Keys first: what they point at may go only after them. */
    for (size_t i = 0; i < sizeof(sweeps) / sizeof(sweeps[0]); i++)
        if (pruner_may_go_on(&pruner, err))
            err = run_sweep(&pruner, &sweeps[i]);
    if (pruner_may_go_on(&pruner, err))
        err = prune_histories(&pruner);
    arena_done(&pruner.scratch);
    *out = pruner.report;
    return err;
}
