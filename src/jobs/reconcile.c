/* reconcile.c - payments whose time has come to be held against the gateway's books, and
 * reconciliations that somebody asked for. */
#include <assert.h>

#include "core/requests.h"
#include "jobs/jobs.h"
#include "store/db_one.h"

/* One that was begun and has not ended by then went down with its node: it is begun again. */
#define ABANDONED_MS (10 * INT64_C(60000))

static void add_check(struct job_found *found, const struct payment *payment,
                      const struct reconciliation *asked)
{
    struct turn_input *input = job_found_add(found, &turn_payment_check);
    struct payment_check *ask = ARENA_NEW(found->arena, struct payment_check);
    input->payment = payment->id;
    input->invoice = payment->invoice;
    input->account = payment->gateway_account;
    ask->interval_ms = found->interval_ms;
    if (asked) {
        ask->asked = true;
        ask->reconciliation = asked->id;
        ask->dry_run = asked->dry_run;
    }
    input->ask = ask;
    found->place.id = payment->id.id;
}

static enum err add_due(void *self, void *row)
{
    struct job_found *found = self;
    const struct payment *payment = row;
    add_check(found, payment, NULL);
    found->place.due_ms = payment->check_ms;
    return OK;
}

static enum err find_due(struct db *db, int64_t now_ms, size_t limit, struct job_found *found)
{
    static const struct job_rows rows =
        JOB_ROWS(payments, "check_ms", "check_ms IS NOT NULL", add_due);
    return job_find_rows(&rows, db, now_ms, limit, found);
}

struct page {
    struct job_found *found;
    const struct reconciliation *asked;
};

static enum err add_asked(void *self, void *row)
{
    const struct page *page = self;
    add_check(page->found, row, page->asked);
    return OK;
}

static enum err find_payments(struct db *db, size_t limit, struct job_found *found,
                              const struct reconciliation *asked)
{
    struct page page = { found, asked };
    struct db_value args[] = { DB_ID(asked->merchant), DB_NUMBER(asked->live),
                               DB_ID(found->place.id), DB_NUMBER((int64_t)limit),
                               DB_STR(asked->gateway), DB_NUMBER(asked->since_ms) };
    return db_select(db, &table_payments,
                     "merchant = $1 AND live = $2 AND id > $3"
                     " AND ($6 > 0 OR check_ms IS NOT NULL)"
                     " AND ($5 = '' OR gateway = $5) ORDER BY id LIMIT $4",
                     args, 6, found->arena, add_asked, &page);
}

/* The first page begins it, so that no other look does. */
static enum err find_asked(struct db *db, int64_t now_ms, size_t limit, struct job_found *found)
{
    bool first = id_is_zero(found->place.sending);
    struct reconciliation *asked = NULL;
    struct db_value args[] = { DB_ID(found->place.sending), DB_NUMBER(now_ms - ABANDONED_MS) };
    const char *where = first ? "ended_ms IS NULL AND gateway_account IS NULL AND id > $1"
                                " AND (started_ms IS NULL"
                                " OR started_ms < $2) ORDER BY id LIMIT 1"
                              : "id = $1 AND $2 <> 0";
    enum err err = db_select(db, &table_reconciliations, where, args, 2, found->arena, db_keep_row,
                             &asked);
    found->more = false;
    if (err || !asked)
        return err;
    if (first) {
        asked->started_ms = now_ms;
        found->place.id = id_first_at(asked->since_ms);
        job_found_add(found, &turn_reconciliation_note)->ask = asked;
        limit--;
    }
    size_t before = found->inputs.count;
    err = find_payments(db, limit, found, asked);
    found->place.sending = asked->id.id;
    found->more = found->inputs.count - before == limit;
    return err;
}

const struct job job_reconcile = {
    .kind = JOB_RECONCILE,
    .origin = ORIGIN_RECONCILER,
    .find = find_due,
};

const struct job job_reconciliations = {
    .kind = JOB_RECONCILIATIONS,
    .origin = ORIGIN_RECONCILER,
    .find = find_asked,
};
