/* payments.c - payments whose time has come: refused captures that are tried again; unfinished
 * ones and reservations that expire, and refused cancels. Both lie in one column, in one index. */
#include "core/requests.h"
#include "jobs/jobs.h"
#include "store/query_jobs.h"

static enum err add_due(void *self, void *row)
{
    struct job_found *found = self;
    const struct payment *payment = row;
    struct turn_input *input = job_found_add(found, &turn_payment_due);
    input->payment = payment->id;
    input->invoice = payment->invoice;
    input->account = payment->gateway_account;
    found->place.due_ms = payment->due_ms;
    found->place.id = payment->id.id;
    return OK;
}

static enum err find_captures(struct db *db, int64_t now_ms, size_t limit,
                              struct job_found *found)
{
    static const struct job_rows rows = JOB_ROWS(payments, "due_ms", DUE_TO_CAPTURE, add_due);
    return job_find_rows(&rows, db, now_ms, limit, found);
}

static enum err find_expired(struct db *db, int64_t now_ms, size_t limit, struct job_found *found)
{
    static const struct job_rows rows = JOB_ROWS(payments, "due_ms", DUE_TO_EXPIRE, add_due);
    return job_find_rows(&rows, db, now_ms, limit, found);
}

const struct job job_capture = {
    .kind = JOB_CAPTURE,
    .find = find_captures,
};

const struct job job_expire = {
    .kind = JOB_EXPIRE,
    .find = find_expired,
};
