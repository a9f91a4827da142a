/* webhook_replays.c - turns about replays: what ended is sent again, at a rate, from one
 * delivery to the next in the order in which they were made.
 *
 * What is pending when its turn comes is left alone: it is on its way already. */
#include <assert.h>

#include "base/time.h"
#include "core/webhook_rules.h"

#define OBJECT_MAX ((size_t)8 * 1024)
#define STEPS_PER_MINUTE 60

int64_t webhook_replay_at_once(const struct webhook_replay *replay)
{
    int64_t count = replay->per_minute / STEPS_PER_MINUTE;
    return count > 0 ? count : 1;
}

static int64_t pause_ms(const struct webhook_replay *replay)
{
    return webhook_replay_at_once(replay) * MINUTE_MS / replay->per_minute;
}

static struct webhook_replay *find(const struct turn *turn, struct webhook_replay_id id)
{
    const struct webhook_replay_list *list = &turn->webhooks.replays;
    for (size_t i = 0; i < list->count; i++)
        if (webhook_replay_id_equal(list->items[i]->id, id))
            return list->items[i];
    return NULL;
}

static const struct webhook_endpoint *endpoint_of(const struct turn *turn,
                                                  struct webhook_endpoint_id id)
{
    const struct webhook_endpoint_list *list = &turn->webhooks.endpoints;
    for (size_t i = 0; i < list->count; i++)
        if (webhook_endpoint_id_equal(list->items[i]->id, id)
            && list->items[i]->status != ENDPOINT_DELETED)
            return list->items[i];
    return NULL;
}

static void answer(struct turn *turn, int status, const struct webhook_replay *replay)
{
    struct json_out out;
    struct buf text;

    buf_init(&text, turn->arena, OBJECT_MAX);
    json_begin(&out, &text);
    webhook_replay_render(&out, NULL, replay);
    json_done(&out);
    assert(buf_ok(&text));
    turn_answer_now(turn, status, buf_str(&text));
}

static void set_status(const struct turn *turn, struct webhook_replay *replay,
                       enum replay_status status)
{
    replay->status = status;
    replay->due_ms = status == REPLAY_RUNNING ? turn->now_ms : 0;
    replay->updated_ms = turn->now_ms;
    row_touch(&replay->row);
}

static enum err create(struct turn *turn)
{
    const struct webhook_replay_create *ask = turn->input->ask;
    const struct webhook_endpoint *endpoint = endpoint_of(turn, ask->row.endpoint);

    if (!endpoint || !merchant_id_equal(endpoint->merchant, turn->input->merchant)
        || endpoint->live != turn->input->live)
        return turn_fail_param(turn, ERR_VALIDATION, "webhook_endpoint",
                               "There is no such endpoint in this mode.");
    struct webhook_replay *replay = arena_copy(turn->arena, &ask->row, sizeof ask->row);
    replay->row = ROW_NEW;
    /* What is made from here on is no part of it, or it would never end. */
    if (replay->created_to_ms == 0 || replay->created_to_ms > turn->now_ms)
        replay->created_to_ms = turn->now_ms;
    replay->created_ms = turn->now_ms;
    set_status(turn, replay, REPLAY_RUNNING);
    webhook_replay_list_add(turn->arena, &turn->webhooks.replays, replay);
    answer(turn, 201, replay);
    return OK;
}

/* One that may still be changed, of whoever asks. */
static enum err open_one(struct turn *turn, struct webhook_replay **out)
{
    const struct webhook_replay_act *ask = turn->input->ask;
    struct webhook_replay *replay = find(turn, ask->names.replay);

    if (!replay || !merchant_id_equal(replay->merchant, turn->input->merchant)
        || replay->live != turn->input->live)
        return turn_fail(turn, ERR_NOT_FOUND, "There is no such replay in this mode.");
    if (replay->status == REPLAY_DONE || replay->status == REPLAY_CANCELLED)
        return turn_fail(turn, ERR_CONFLICT, "The replay is %s.",
                         word_text(&words_replay_status, replay->status));
    *out = replay;
    return OK;
}

static enum err change(struct turn *turn, enum replay_status status)
{
    struct webhook_replay *replay = NULL;
    enum err err = open_one(turn, &replay);
    if (err)
        return err;
    set_status(turn, replay, status);
    answer(turn, 200, replay);
    return OK;
}

static enum err pause(struct turn *turn)
{
    return change(turn, REPLAY_PAUSED);
}

static enum err resume(struct turn *turn)
{
    return change(turn, REPLAY_RUNNING);
}

static enum err cancel(struct turn *turn)
{
    return change(turn, REPLAY_CANCELLED);
}

static void send_again(const struct turn *turn, struct webhook_replay *replay,
                       struct webhook_delivery *delivery)
{
    if (delivery->status == DELIVERY_PENDING)
        return;
    delivery->status = DELIVERY_PENDING;
    delivery->replayed = true;
    delivery->tries = 0;
    delivery->due_ms = turn->now_ms;
    delivery->ended_ms = 0;
    row_touch(&delivery->row);
    replay->sent++;
}

static struct webhook_delivery *delivery_of(const struct turn *turn, struct id id)
{
    const struct webhook_delivery_list *list = &turn->webhooks.deliveries;
    for (size_t i = 0; i < list->count; i++)
        if (id_equal(list->items[i]->id.id, id))
            return list->items[i];
    return NULL;
}

/* What was looked up for a step that another node made already, or for one that was paused
 * meanwhile, changes nothing. */
static enum err step(struct turn *turn)
{
    const struct webhook_replay_step *ask = turn->input->ask;
    struct webhook_replay *replay = find(turn, ask->names.replay);

    if (!replay || replay->status != REPLAY_RUNNING
        || !webhook_delivery_id_equal(replay->last, ask->after))
        return OK;
    if (!endpoint_of(turn, replay->endpoint)) {
        set_status(turn, replay, REPLAY_CANCELLED);
        return OK;
    }
    for (size_t i = 0; i < ask->names.delivery_count; i++) {
        struct webhook_delivery *delivery = delivery_of(turn, ask->names.deliveries[i]);
        if (delivery)
            send_again(turn, replay, delivery);
        replay->last = (struct webhook_delivery_id){ ask->names.deliveries[i] };
    }
    set_status(turn, replay, ask->was_last ? REPLAY_DONE : REPLAY_RUNNING);
    if (!ask->was_last)
        replay->due_ms = turn->now_ms + pause_ms(replay);
    return OK;
}

#define NAMED(name, text, function)                                                                \
    const struct turn_handler turn_webhook_replay_##name = { text, TARGET_NOTHING,                 \
                                                             .webhooks = WEBHOOKS_NAMED,           \
                                                             .handle = function }
NAMED(create, "webhook_replay.create", create);
NAMED(pause, "webhook_replay.pause", pause);
NAMED(resume, "webhook_replay.resume", resume);
NAMED(cancel, "webhook_replay.cancel", cancel);
NAMED(step, "webhook_replay.step", step);
