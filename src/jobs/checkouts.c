/* checkouts.c - checkout sessions that nobody paid in time. */
#include "core/checkout.h"
#include "jobs/jobs.h"

static enum err add_due(void *self, void *row)
{
    struct job_found *found = self;
    const struct checkout *checkout = row;
    struct turn_input *input = job_found_add(found, &turn_checkout_due);
    input->checkout = checkout->id;
    input->invoice = checkout->invoice;
    found->place.due_ms = checkout->due_ms;
    found->place.id = checkout->id.id;
    return OK;
}

static enum err find(struct db *db, int64_t now_ms, size_t limit, struct job_found *found)
{
    const struct id after = found->place.id;
    struct db_value args[] = { DB_NUMBER(now_ms), DB_NUMBER((int64_t)limit),
                               DB_NUMBER(found->place.due_ms), DB_ID(after) };
    enum err err = db_select(db, &table_checkouts,
                             "due_ms IS NOT NULL AND due_ms <= $1 AND due_ms >= $3"
                             " AND (due_ms > $3 OR id > $4) ORDER BY due_ms, id LIMIT $2",
                             args, 4, found->arena, add_due, found);
    found->more = found->inputs.count == limit;
    if (!err)
        err = db_query(db,
                       "SELECT min(due_ms) FROM checkouts WHERE due_ms IS NOT NULL"
                       " AND due_ms > $1",
                       args, 1, job_found_next_row, found);
    return err;
}

const struct job job_checkouts = {
    .name = "checkouts",
    .what = "Ends payers' pages on which nobody paid in time.",
    .find = find,
};
