/* webhook_deliveries.c - what was sent to endpoints, each try of it, and sending it again. */
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/webhook_rules.h"

struct list_params {
    struct page page;
    struct id endpoint;
    enum delivery_status status;
    struct str type;
    int64_t created_from, created_to;
};

static const struct field list_fields[] = {
    PAGE_FIELDS,
    { .name = "webhook_endpoint",
      .kind = FIELD_ID,
      .offset = offsetof(struct list_params, endpoint),
      .prefix = "we" },
    FIELD(struct list_params, status, WORD, .words = &words_delivery_status),
    FIELD(struct list_params, type, TEXT, .most = REFERENCE_MAX),
    FIELD(struct list_params, created_from, TIME),
    FIELD(struct list_params, created_to, TIME),
};

static enum err run_list(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    const struct list_params *params = ask->params;
    struct query_page page = { ask->page->place, page_limit(ask->page) };
    struct webhook_delivery_filter filter = {
        .endpoint = { params->endpoint },
        .status = word_str(&words_delivery_status, params->status),
        .type = params->type,
        .created_from_ms = params->created_from,
        .created_to_ms = params->created_to,
    };
    struct webhook_delivery_list deliveries = { 0 };

    enum err err = query_webhook_deliveries(db, ask->scope, &filter, page, ask->arena, &deliveries);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open(out);
    for (size_t i = 0; i < page_shown(ask->page, deliveries.count); i++) {
        webhook_delivery_render(out, NULL, deliveries.items[i], NULL);
        last = deliveries.items[i]->id.id;
    }
    list_close(out, ask, deliveries.count, last);
    return OK;
}

/* GET /v1/webhook_deliveries */
const struct reading read_webhook_deliveries = {
    FIELDS(list_fields),
    sizeof(struct list_params),
    true,
    .run = run_list,
};

static enum err run_one(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct webhook_delivery *delivery = NULL;
    struct webhook_attempt_list attempts = { 0 };

    enum err err = query_webhook_delivery(
        db, ask->scope, (struct webhook_delivery_id){ ask->object }, ask->arena, &delivery);
    if (!err)
        err = query_webhook_attempts(db, delivery->id, ask->arena, &attempts);
    if (!err)
        webhook_delivery_render(out, NULL, delivery, &attempts);
    return err;
}

/* GET /v1/webhook_deliveries/{id} */
const struct reading read_webhook_delivery = { .run = run_one };

/* POST /v1/webhook_deliveries/{id}/redeliver */
enum err webhook_redeliver_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct webhook_redeliver *ask = ARENA_NEW(&turn->arena, struct webhook_redeliver);

    ask->names.deliveries = arena_copy(&turn->arena, &call->object, sizeof call->object);
    ask->names.delivery_count = 1;
    turn->input.handler = &turn_webhook_redeliver;
    turn->input.ask = ask;
    return fields_read(NULL, 0, json, "", NULL, &call->trouble);
}
