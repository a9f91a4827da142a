/* replays.c - replays of webhooks that are to go on: the next deliveries of each. */
#include "core/webhook_rules.h"
#include "jobs/jobs.h"
#include "store/query_webhooks.h"

static enum err add_step(struct db *db, const struct webhook_replay *replay,
                         struct job_found *found)
{
    struct webhook_replay_step *ask = ARENA_NEW(found->arena, struct webhook_replay_step);
    struct webhook_delivery_list next = { 0 };
    int64_t most = webhook_replay_at_once(replay);
    enum err err = query_webhook_replay_next(db, replay, most + 1, found->arena, &next);
    if (err)
        return err;
    size_t count = next.count <= (size_t)most ? next.count : (size_t)most;
    struct id *ids = ARENA_ARRAY(found->arena, struct id, count);
    for (size_t i = 0; i < count; i++)
        ids[i] = next.items[i]->id.id;
    ask->names.deliveries = ids;
    ask->names.delivery_count = count;
    ask->names.endpoints = &replay->endpoint.id;
    ask->names.endpoint_count = 1;
    ask->names.replay = replay->id;
    ask->after = replay->last;
    ask->was_last = next.count <= (size_t)most;
    struct turn_input *input = job_found_add(found, &turn_webhook_replay_step);
    input->replay = replay->id;
    input->merchant = replay->merchant;
    input->live = replay->live;
    input->ask = ask;
    found->place.due_ms = replay->due_ms;
    found->place.id = replay->id.id;
    return OK;
}

static enum err find(struct db *db, int64_t now_ms, size_t limit, struct job_found *found)
{
    struct webhook_replay_list due = { 0 };
    enum err err = query_webhook_replays_due(db, now_ms, found->place.due_ms, found->place.id,
                                             (int64_t)limit, found->arena, &due);
    for (size_t i = 0; !err && i < due.count; i++)
        err = add_step(db, due.items[i], found);
    found->more = due.count == limit;
    if (!err)
        err = db_query(db,
                       "SELECT min(due_ms) FROM webhook_replays WHERE due_ms IS NOT NULL"
                       " AND due_ms > $1",
                       (struct db_value[]){ DB_NUMBER(now_ms) }, 1, job_found_next_row, found);
    return err;
}

const struct job job_replays = {
    .kind = JOB_REPLAYS,
    .find = find,
};
