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
    static const struct job_rows rows =
        JOB_ROWS(checkouts, "due_ms", "due_ms IS NOT NULL", add_due);
    return job_find_rows(&rows, db, now_ms, limit, found);
}

const struct job job_checkouts = {
    .kind = JOB_CHECKOUTS,
    .find = find,
};
