/* notices.c - notifications of gateways that wait to be applied. */
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
    found->place.due_ms = notice->due_ms;
    found->place.id = notice->id.id;
    return OK;
}

static enum err find(struct db *db, int64_t now_ms, size_t limit, struct job_found *found)
{
    const struct id after = found->place.id;
    struct db_value args[] = { DB_NUMBER(now_ms), DB_NUMBER((int64_t)limit),
                               DB_NUMBER(found->place.due_ms), DB_ID(after) };
    enum err err = db_select(db, &table_notices,
                             "due_ms IS NOT NULL AND due_ms <= $1 AND due_ms >= $3"
                             " AND (due_ms > $3 OR id > $4) ORDER BY due_ms, id LIMIT $2",
                             args, 4, found->arena, add_due, found);
    found->more = found->inputs.count == limit;
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
