/* prune_months.c - months that have parts of their own go as a whole.
 *
 * First all in it get their checkpoints, a page per transaction, while the rows still stand; when
 * nobody in it waits any more, its parts are dropped in one transaction. What came in between is
 * found at once, with the tables held: late events by their index, operations without an event
 * by those of open ones. */
#include "core/tenants.h"
#include "store/db_one.h"
#include "store/prune_parts.h"

LIST_TYPE(merchant_list, struct merchant)

struct span {
    struct id from, to;
};

static struct span span_of(struct period period)
{
    return (struct span){ id_first_at(period_start_ms(period)),
                          id_first_at(period_start_ms(period_next(period))) };
}

static enum err is_busy(struct db *db, const struct span *span, bool *out)
{
    static const char *const sql[] = {
        "SELECT 1 FROM invoices WHERE late = 1 AND id >= $1 AND id < $2 LIMIT 1",
        "SELECT 1 FROM operations WHERE state = 'sending' AND invoice >= $1 AND invoice < $2"
        " LIMIT 1",
        "SELECT 1 FROM operations WHERE due_ms IS NOT NULL AND invoice >= $1 AND invoice < $2"
        " LIMIT 1",
    };
    struct db_value args[] = { DB_ID(span->from), DB_ID(span->to) };
    int64_t found = 0;
    enum err err = OK;

    for (size_t i = 0; err == OK && i < sizeof(sql) / sizeof(sql[0]); i++)
        err = db_number(db, sql[i], args, 2, &found);
    *out = found != 0;
    return err;
}

/* Another node may have dropped it while this one waited for the tables. */
static enum err is_there(struct pruner *pruner, struct period period, bool *out)
{
    struct period_list list = { 0 };
    enum err err = periods_list(pruner->db, &pruner->scratch, &list);

    *out = false;
    for (size_t i = 0; i < list.count; i++)
        *out = *out || period_compare(*list.items[i], period) == 0;
    return err;
}

/* How far the feed of each merchant is pruned with it. An index of the part tells. */

struct merchants {
    struct arena *arena;
    struct merchant_list list;
};

static enum err take_merchant(void *self, void *row)
{
    struct merchants *merchants = self;

    merchant_list_add(merchants->arena, &merchants->list, row);
    return OK;
}

static enum err note_feed(struct pruner *pruner, const struct span *span,
                          struct merchant_id merchant, bool live)
{
    struct db_value args[] = { DB_ID(merchant), DB_NUMBER(live), DB_ID(span->from),
                               DB_ID(span->to) };
    int64_t last = 0;
    enum err err = db_number(pruner->db,
                             "SELECT number FROM events WHERE merchant = $1 AND live = $2 AND"
                             " invoice >= $3 AND invoice < $4 ORDER BY number DESC LIMIT 1",
                             args, 4, &last);

    return err == OK && last > 0 ? prune_feed_note(pruner, merchant, live, last) : err;
}

static enum err note_feeds(struct pruner *pruner, const struct span *span)
{
    struct merchants merchants = { .arena = &pruner->scratch };
    enum err err = db_select(pruner->db, &table_merchants, "1 = 1", NULL, 0, &pruner->scratch,
                             take_merchant, &merchants);

    for (size_t i = 0; i < merchants.list.count; i++)
        for (int live = 0; err == OK && live < 2; live++)
            err = note_feed(pruner, span, merchants.list.items[i]->id, live);
    return err;
}

static enum err drop_month(struct pruner *pruner, struct prune_month *month)
{
    struct span span = span_of(month->period);
    bool busy = false, there = false;
    enum err err = db_begin(pruner->db);

    if (err == OK)
        err = note_feeds(pruner, &span);
    if (err == OK)
        err = periods_hold(pruner->db);
    if (err == OK)
        err = is_there(pruner, month->period, &there);
    if (err == OK)
        err = is_busy(pruner->db, &span, &busy);
    if (err == OK && there && !busy)
        err = periods_drop(pruner->db, month->period);
    if (err == OK && busy)
        db_rollback(pruner->db);
    else
        err = pruner_end(pruner, err);
    month->dropped = err == OK && !busy;
    if (busy)
        month->reason = STR("a payment in it changed just now");
    if (err == ERR_STORE_BUSY)
        month->reason = STR("its tables are being read; the next run tries again");
    return err == ERR_STORE_BUSY ? OK : err;
}

static enum err prune_month(struct pruner *pruner, struct period period)
{
    struct prune_month *month = ARENA_NEW(pruner->arena, struct prune_month);
    struct span span = span_of(period);
    struct prune_pass pass = {
        .select = "SELECT id FROM invoices WHERE id > $1 AND id < $2"
                  " AND (checkpointed = 0 OR late = 1) ORDER BY id LIMIT $3",
        .after = span.from,
        .before = span.to,
        .waiting = &month->waiting,
        .reason = &month->reason,
    };

    month->period = period;
    prune_month_list_add(pruner->arena, &pruner->report.months, month);
    enum err err = prune_pass_run(pruner, &pass);
    if (!pruner_may_go_on(pruner, err) || month->waiting > 0)
        return err;
    month->dropped = pruner->plan->dry_run;
    return pruner->plan->dry_run ? OK : drop_month(pruner, month);
}

enum err prune_months(struct pruner *pruner, int64_t before_ms)
{
    struct period_list periods = { 0 };
    enum err err = periods_list(pruner->db, pruner->arena, &periods);

    for (size_t i = 0; i < periods.count && pruner_may_go_on(pruner, err); i++)
        if (period_start_ms(period_next(*periods.items[i])) <= before_ms) {
            err = prune_month(pruner, *periods.items[i]);
            pruner_step_done(pruner);
        }
    return err;
}
