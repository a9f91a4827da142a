/* notices.c - notifications of gateways that wait to be applied. */
#include "core/requests.h"
#include "jobs/jobs.h"

static enum err add_due(void *self, void *row)
{
    const struct notice *notice = row;
    struct turn_input *input = job_found_add(self, &turn_notice_due);
    input->notice = notice->id;
    input->merchant = notice->merchant;
    input->live = notice->live;
    return OK;
}

static enum err find(struct db *db, int64_t now_ms, size_t limit, struct job_found *found)
{
    struct db_value args[] = { DB_NUMBER(now_ms), DB_NUMBER((int64_t)limit) };
    enum err err = db_select(db, &table_notices,
                             "due_ms IS NOT NULL AND due_ms <= $1 ORDER BY due_ms LIMIT $2", args,
                             2, found->arena, add_due, found);
    if (!err)
        err = db_query(db,
                       "SELECT min(due_ms) FROM notices WHERE due_ms IS NOT NULL"
                       " AND due_ms > $1",
                       args, 1, job_found_next_row, found);
    return err;
}

const struct job job_notices = {
    .name = "notices",
    .what = "Asks the gateway about payments that it sent notifications about.",
    .find = find,
};
