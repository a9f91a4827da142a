#include "hooks.h"

#include <assert.h>
#include <string.h>

#include "core/webhook_rules.h"
#include "core/webhook_verify.h"
#include "store/db_one.h"
#include "store/vault.h"
#include "world.h"

#define URL "http://shop.test/"
#define FIELDS_MAX 16

static const char *const urls[HOOKS_COUNT] = { URL "0", URL "1" };

static struct str seal_secret(struct world *world, struct hook *hook, struct arena *arena)
{
    char bytes[WEBHOOK_SECRET_BYTES];
    struct buf text;

    outside_random(&world->outside, bytes, sizeof bytes);
    buf_fixed(&text, hook->secret, sizeof hook->secret);
    buf_add(&text, webhook_key_text(arena, "whsec_", str_make(bytes, sizeof bytes)));
    return vault_seal_at(world->vault, webhook_secret_place(hook->id, "secret", arena),
                         str_of(buf_c(&text)), arena);
}

static void make(struct world *world, size_t place, struct id_maker *ids)
{
    struct hook *hook = &world->hooks[place];
    struct desk_turn *turn = desk_turn_new();
    struct webhook_endpoint_create *ask = ARENA_NEW(&turn->arena, struct webhook_endpoint_create);
    int64_t now_ms = outside_now_ms(&world->outside);

    hook->id = webhook_endpoint_id_make(ids, now_ms);
    ask->row = (struct webhook_endpoint){
        .id = hook->id,
        .merchant = world->merchant,
        .url = str_of(urls[place]),
        .format = WEBHOOK_FORMAT_STANDARD,
        .ordering = place == 0 ? ORDERING_FREE : ORDERING_PER_INVOICE,
        .success = SUCCESS_ANY_2XX,
        .retries = webhook_default_retries(WEBHOOK_FORMAT_STANDARD),
        .at_once = 4,
        .secret = seal_secret(world, hook, &turn->arena),
        .created_ms = now_ms,
        .updated_ms = now_ms,
    };
    node_do(world, turn, &turn_webhook_endpoint_create, ask);
}

void hooks_begin(struct world *world)
{
    struct id_maker ids = { .outside = &world->outside };

    for (size_t i = 0; i < HOOKS_COUNT; i++)
        make(world, i, &ids);
    world->has_hooks = true;
}

/* What comes. */

static struct receipt *receipt_of(struct world *world, size_t hook, struct event_id event)
{
    for (size_t i = 0; i < world->receipt_count; i++)
        if (world->receipts[i].hook == hook && event_id_equal(world->receipts[i].event, event))
            return &world->receipts[i];
    return NULL;
}

static bool is_signed(const struct world *world, const struct hook *hook,
                      const struct http_request *request)
{
    struct webhook_field fields[FIELDS_MAX];
    const struct webhook_receipt receipt = { fields, request->field_count, request->body };
    const struct webhook_check check = { .key = str_of(hook->secret),
                                         .now_ms = outside_now_ms(&world->outside) };
    struct arena arena = { 0 };
    struct str said;

    assert(request->field_count <= FIELDS_MAX);
    for (size_t i = 0; i < request->field_count; i++)
        fields[i] = (struct webhook_field){ request->fields[i].name, request->fields[i].value };
    bool is_good = webhook_verify(&receipt, &check, &arena, &said);
    arena_done(&arena);
    return is_good;
}

static void note(struct world *world, size_t hook, const struct http_request *request, bool taken)
{
    struct str id = http_field_value(request->fields, request->field_count, "webhook-id");
    uint64_t digest = digest_add(DIGEST_BEGIN, request->body.ptr, request->body.len);
    struct event_id event;

    /* Alerts about other endpoints are no events. */
    if (!event_id_parse(id, &event))
        return;
    struct receipt *receipt = receipt_of(world, hook, event);
    if (!receipt) {
        assert(world->receipt_count < RECEIPTS_MAX);
        receipt = &world->receipts[world->receipt_count++];
        *receipt = (struct receipt){ .hook = hook, .event = event, .digest = digest };
    }
    if (receipt->digest != digest)
        world_blame(world, "I7", "an event came twice, with other contents");
    if (taken && receipt->taken == 0)
        receipt->taken = ++world->taken;
}

void hooks_handle(struct world *world, const struct http_request *request,
                  struct http_reply *out)
{
    size_t hook = (size_t)(request->url.ptr[request->url.len - 1] - '0');
    bool taken = !world_chance(world, world->faults.shop_down);

    assert(hook < HOOKS_COUNT);
    if (!is_signed(world, &world->hooks[hook], request))
        world_blame(world, "I7", "a webhook's signature does not fit");
    note(world, hook, request, taken);
    *out = (struct http_reply){ .status = taken ? 200 : 500, .body = STR("ok") };
}

/* What must have come. */

struct lane {
    struct world *world;
    struct invoice_id invoice;
    unsigned last;
    size_t deliveries;
    bool is_given_up[HOOKS_COUNT];
};

static enum err judge_endpoint(void *self, void *row)
{
    struct lane *lane = self;
    const struct webhook_endpoint *endpoint = row;

    for (size_t i = 0; i < HOOKS_COUNT; i++)
        if (webhook_endpoint_id_equal(endpoint->id, lane->world->hooks[i].id))
            lane->is_given_up[i] = endpoint->status != ENDPOINT_ENABLED;
    return OK;
}

static void judge_order(struct lane *lane, const struct webhook_delivery *delivery,
                        const struct receipt *receipt)
{
    if (!invoice_id_equal(lane->invoice, delivery->invoice))
        lane->last = 0;
    lane->invoice = delivery->invoice;
    if (receipt->taken <= lane->last)
        world_blame(lane->world, "I7", "event %lld of an invoice came before the one before it",
                    (long long)delivery->sequence);
    lane->last = receipt->taken;
}

static enum err judge_delivery(void *self, void *row)
{
    struct lane *lane = self;
    struct world *world = lane->world;
    const struct webhook_delivery *delivery = row;
    size_t hook = webhook_endpoint_id_equal(delivery->endpoint, world->hooks[0].id) ? 0 : 1;

    if (event_id_is_zero(delivery->event))
        return OK;
    lane->deliveries++;
    const struct receipt *receipt = receipt_of(world, hook, delivery->event);
    bool was_taken = receipt && receipt->taken > 0;
    if (delivery->status == DELIVERY_PENDING && !lane->is_given_up[hook])
        world_blame(world, "I7", "a delivery has no end");
    if (delivery->status == DELIVERY_DELIVERED && !was_taken)
        world_blame(world, "I7", "a shop never took what is said to be delivered");
    if (delivery->status == DELIVERY_DEAD && str_is_empty(delivery->failure))
        world_blame(world, "I7", "a delivery was given up and does not say why");
    if (hook == 1 && was_taken)
        judge_order(lane, delivery, receipt);
    return OK;
}

void hooks_judge(struct world *world, struct db *db, struct arena *arena)
{
    struct lane lane = { .world = world };
    int64_t events = 0;

    enum err err = db_select(db, &table_webhook_endpoints, "1 = 1", NULL, 0, arena,
                             judge_endpoint, &lane);
    if (!err)
        err = db_select(db, &table_webhook_deliveries, "1 = 1 ORDER BY endpoint, invoice, sequence",
                        NULL, 0, arena, judge_delivery, &lane);
    if (!err)
        err = db_number(db, "SELECT count(*) FROM events", NULL, 0, &events);
    if (err)
        world_blame(world, "books", "%.*s", STR_ARG(db_error(db)));
    else if (!lane.is_given_up[0] && !lane.is_given_up[1]
             && lane.deliveries != HOOKS_COUNT * (size_t)events)
        world_blame(world, "I7", "%lld events have %zu deliveries", (long long)events,
                    lane.deliveries);
}
