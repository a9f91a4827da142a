/* webhook_replays.c - sending again what an endpoint was sent before: at a rate, pausable. */
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/webhook_rules.h"

#define PER_MINUTE_DEFAULT 600
#define PER_MINUTE_MOST 12000

/* Of those, what has ended: pending ones are on their way already. */
#define ENDED (1U << DELIVERY_DELIVERED | 1U << DELIVERY_DEAD | 1U << DELIVERY_CANCELLED)

static const struct field create_fields[] = {
    { .name = "webhook_endpoint",
      .kind = FIELD_ID,
      .offset = offsetof(struct webhook_replay, endpoint),
      .prefix = "we",
      .required = true },
    FIELD(struct webhook_replay, delivery_status, WORD, .words = &words_delivery_status,
          .allowed = ENDED),
    FIELD(struct webhook_replay, type, TEXT, .most = REFERENCE_MAX),
    { .name = "created_from",
      .kind = FIELD_TIME,
      .offset = offsetof(struct webhook_replay, created_from_ms) },
    { .name = "created_to",
      .kind = FIELD_TIME,
      .offset = offsetof(struct webhook_replay, created_to_ms) },
    FIELD(struct webhook_replay, per_minute, INT, .least = 1, .most = PER_MINUTE_MOST),
};

/* POST /v1/webhook_replays */
enum err webhook_replay_create_ask(struct call *call, const struct json *json,
                                   struct desk_turn *turn)
{
    struct webhook_replay_create *ask = ARENA_NEW(&turn->arena, struct webhook_replay_create);

    ask->row = (struct webhook_replay){
        .id = webhook_replay_id_make(&call->api->ids, call_now_ms(call)),
        .merchant = call->who.merchant,
        .live = call->who.live,
        .per_minute = PER_MINUTE_DEFAULT,
    };
    ask->names.endpoints = &ask->row.endpoint.id;
    ask->names.endpoint_count = 1;
    turn->input.handler = &turn_webhook_replay_create;
    turn->input.ask = ask;
    return fields_read(FIELDS(create_fields), json, "", &ask->row, &call->trouble);
}

static enum err act(struct call *call, const struct json *json, struct desk_turn *turn,
                    const struct turn_handler *handler)
{
    struct webhook_replay_act *ask = ARENA_NEW(&turn->arena, struct webhook_replay_act);

    ask->names.replay = (struct webhook_replay_id){ call->object };
    turn->input.handler = handler;
    turn->input.ask = ask;
    return fields_read(NULL, 0, json, "", NULL, &call->trouble);
}

#define ACT(name)                                                                                  \
    enum err webhook_replay_##name##_ask(struct call *call, const struct json *json,               \
                                         struct desk_turn *turn)                                   \
    {                                                                                              \
        return act(call, json, turn, &turn_webhook_replay_##name);                                 \
    }
ACT(pause)
ACT(resume)
ACT(cancel)
#undef ACT

static enum err run_list(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct query_page page = { ask->page->place, page_limit(ask->page) };
    struct webhook_replay_list replays = { 0 };

    enum err err = query_webhook_replays(db, ask->scope, page, ask->arena, &replays);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open(out);
    for (size_t i = 0; i < page_shown(ask->page, replays.count); i++) {
        webhook_replay_render(out, NULL, replays.items[i]);
        last = replays.items[i]->id.id;
    }
    list_close(out, ask, replays.count, last);
    return OK;
}

/* GET /v1/webhook_replays */
const struct reading read_webhook_replays = { PAGE_ONLY, .run = run_list };

static enum err run_one(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct webhook_replay *replay = NULL;

    enum err err = query_webhook_replay(db, ask->scope, (struct webhook_replay_id){ ask->object },
                                        ask->arena, &replay);
    if (!err)
        webhook_replay_render(out, NULL, replay);
    return err;
}

/* GET /v1/webhook_replays/{id} */
const struct reading read_webhook_replay = { .run = run_one };
