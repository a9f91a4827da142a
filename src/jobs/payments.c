/* payments.c - payments whose time has come: unfinished ones and reservations that
 * expire, and refused captures that are tried again. */
#include "core/requests.h"
#include "jobs/jobs.h"

static enum err add_due(void *self, void *row)
{
    struct job_found *found = self;
    const struct payment *payment = row;
    struct turn_input *input = job_found_add(found, &turn_payment_due);
    input->payment = payment->id;
    input->invoice = payment->invoice;
    found->place.due_ms = payment->due_ms;
    found->place.id = payment->id.id;
    return OK;
}

static enum err find(struct db *db, int64_t now_ms, size_t limit, struct job_found *found)
{
    const struct id after = found->place.id;
    struct db_value args[] = { DB_NUMBER(now_ms), DB_NUMBER((int64_t)limit),
                               DB_NUMBER(found->place.due_ms), DB_ID(after) };
    enum err err = db_select(db, &table_payments,
                             "due_ms IS NOT NULL AND due_ms <= $1 AND due_ms >= $3"
                             " AND (due_ms > $3 OR id > $4) ORDER BY due_ms, id LIMIT $2",
                             args, 4, found->arena, add_due, found);
    found->more = found->inputs.count == limit;
    if (!err)
        err = db_query(db,
                       "SELECT min(due_ms) FROM payments WHERE due_ms IS NOT NULL"
                       " AND due_ms > $1",
                       args, 1, job_found_next_row, found);
    return err;
}

const struct job job_payments = {
    .name = "payments",
    .what = "Ends what nobody finishes or captures in time, and tries refused captures again.",
    .find = find,
};
