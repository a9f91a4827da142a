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
    static const struct job_rows rows = JOB_ROWS(payments, "due_ms", add_due);
    return job_find_rows(&rows, db, now_ms, limit, found);
}

const struct job job_payments = {
    .name = "payments",
    .what = "Ends what nobody finishes or captures in time, and tries refused captures again.",
    .find = find,
};
