/* notifications.c - notifications of gateways that wait to be applied. */
#include "core/requests.h"
#include "jobs/jobs.h"

static enum err add_due(void *self, void *row)
{
    struct job_found *found = self;
    const struct notice *notice = row;
    struct turn_input *input = job_found_add(found, &turn_notice_due);
    input->notice = notice->id;
    input->merchant = notice->merchant;
    input->live = notice->live;
    input->account = notice->gateway_account;
    found->place.due_ms = notice->due_ms;
    found->place.id = notice->id.id;
    return OK;
}

static enum err find(struct db *db, int64_t now_ms, size_t limit, struct job_found *found)
{
    static const struct job_rows rows = JOB_ROWS(notices, "due_ms", "due_ms IS NOT NULL", add_due);
    return job_find_rows(&rows, db, now_ms, limit, found);
}

const struct job job_notifications = {
    .kind = JOB_NOTIFICATIONS,
    .find = find,
};
