/* webhooks.c - the webhook side of a batch: endpoints of its merchants, and the deliveries of its
 * events, written in the commit of what they tell.
 *
 * A merchant without endpoints costs one look into an index for the whole batch. */
#include <assert.h>
#include <string.h>

#include "core/render.h"
#include "core/webhook_format.h"
#include "core/webhook_rules.h"
#include "store/batch.h"
#include "store/db_later.h"

/* Ids for db_load, which wants them in any order but each once. Hundreds come at a time, so they
 * are found by their last bytes, which are random. */
struct ids {
    struct id *items;
    size_t count;
    size_t *slots;                   /* places in `items`, from 1; 0: free */
    size_t slot_count;               /* a power of two, more than there will ever be ids */
};

static struct ids ids_make(struct arena *arena, size_t most)
{
    struct ids ids = { .items = ARENA_ARRAY(arena, struct id, most), .slot_count = 16 };
    while (ids.slot_count < 2 * most)
        ids.slot_count *= 2;
    ids.slots = ARENA_ARRAY(arena, size_t, ids.slot_count);
    return ids;
}

static void ids_add(struct ids *ids, struct id id)
{
    size_t at = 0;
    for (size_t i = sizeof id.bytes - sizeof at; i < sizeof id.bytes; i++)
        at = at << 8 | id.bytes[i];
    at &= ids->slot_count - 1;
    for (; ids->slots[at] != 0; at = (at + 1) & (ids->slot_count - 1))
        if (id_equal(ids->items[ids->slots[at] - 1], id))
            return;
    ids->items[ids->count++] = id;
    ids->slots[at] = ids->count;
}

static enum err add_endpoint(void *self, void *row)
{
    struct batch *batch = self;
    webhook_endpoint_list_add(batch->arena, &batch->webhooks.endpoints, row);
    return OK;
}

static enum err add_key(void *self, void *row)
{
    struct batch *batch = self;
    webhook_key_list_add(batch->arena, &batch->webhooks.keys, row);
    return OK;
}

static enum err add_delivery(void *self, void *row)
{
    struct batch *batch = self;
    webhook_delivery_list_add(batch->arena, &batch->webhooks.deliveries, row);
    return OK;
}

static enum err add_replay(void *self, void *row)
{
    struct batch *batch = self;
    webhook_replay_list_add(batch->arena, &batch->webhooks.replays, row);
    return OK;
}

static const struct webhook_names *names_of(const struct batch *batch, size_t at)
{
    const struct turn_input *input = batch->turns[at]->input;
    return input->handler->webhooks == WEBHOOKS_NAMED ? input->ask : NULL;
}

static enum err load_of_merchants(struct batch *batch)
{
    const size_t most = batch->count + batch->books_count;
    struct ids merchants = ids_make(batch->arena, most);
    struct ids with_keys = ids_make(batch->arena, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        const struct turn_input *input = batch->turns[i]->input;
        if (!merchant_id_is_zero(input->merchant))
            ids_add(&merchants, input->merchant.id);
        if (input->handler->webhooks == WEBHOOKS_OF_MERCHANT)
            ids_add(&with_keys, input->merchant.id);
    }
    for (size_t i = 0; i < batch->books_count; i++)
        ids_add(&merchants, batch->books[i]->invoice->merchant.id);
    enum err err = OK;
    if (merchants.count)
        err = db_load_later(batch->db, &table_webhook_endpoints, "merchant", merchants.items,
                            merchants.count, "status <> 'deleted'", with_keys.count > 0,
                            batch->arena, add_endpoint, batch);
    if (!err && with_keys.count)
        err = db_load_later(batch->db, &table_webhook_keys, "merchant", with_keys.items,
                            with_keys.count, NULL, true, batch->arena, add_key, batch);
    return err;
}

static bool has_endpoint(const struct batch *batch, struct id id)
{
    for (size_t i = 0; i < batch->webhooks.endpoints.count; i++)
        if (id_equal(batch->webhooks.endpoints.items[i]->id.id, id))
            return true;
    return false;
}

static enum err load_replays(struct batch *batch)
{
    struct ids replays = ids_make(batch->arena, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        const struct webhook_names *names = names_of(batch, i);
        if (names && !webhook_replay_id_is_zero(names->replay))
            ids_add(&replays, names->replay.id);
    }
    return db_load_later(batch->db, &table_webhook_replays, "id", replays.items, replays.count,
                         NULL, true, batch->arena, add_replay, batch);
}

static enum err load_named(struct batch *batch)
{
    size_t delivery_count = 0, endpoint_count = 0;
    enum err err = load_replays(batch);
    if (err)
        return err;
    for (size_t i = 0; i < batch->count; i++) {
        const struct webhook_names *names = names_of(batch, i);
        delivery_count += names ? names->delivery_count : 0;
        endpoint_count += names ? names->endpoint_count : 0;
    }
    if (delivery_count + endpoint_count == 0)
        return OK;
    struct ids deliveries = ids_make(batch->arena, delivery_count);
    struct ids endpoints = ids_make(batch->arena, delivery_count + endpoint_count);
    for (size_t i = 0; i < batch->count; i++) {
        const struct webhook_names *names = names_of(batch, i);
        for (size_t j = 0; names && j < names->delivery_count; j++)
            ids_add(&deliveries, names->deliveries[j]);
    }
    err = db_load_later(batch->db, &table_webhook_deliveries, "id", deliveries.items,
                        deliveries.count, NULL, true, batch->arena, add_delivery, batch);
    if (!err)
        err = db_await(batch->db);
    for (size_t i = 0; i < batch->count; i++) {
        const struct webhook_names *names = names_of(batch, i);
        for (size_t j = 0; names && j < names->endpoint_count; j++)
            if (!has_endpoint(batch, names->endpoints[j]))
                ids_add(&endpoints, names->endpoints[j]);
    }
    for (size_t i = 0; !err && i < batch->webhooks.deliveries.count; i++) {
        struct id id = batch->webhooks.deliveries.items[i]->endpoint.id;
        if (!has_endpoint(batch, id))
            ids_add(&endpoints, id);
    }
    if (!err)
        err = db_load_later(batch->db, &table_webhook_endpoints, "id", endpoints.items,
                            endpoints.count, NULL, true, batch->arena, add_endpoint, batch);
    return err;
}

enum err batch_load_webhooks(struct batch *batch)
{
    enum err err = load_of_merchants(batch);
    return err ? err : load_named(batch);
}

void batch_give_webhooks(struct batch *batch, struct turn *turn)
{
    const struct turn_input *input = turn->input;
    const struct turn_webhooks *all = &batch->webhooks;
    bool named = input->handler->webhooks == WEBHOOKS_NAMED;
    if (input->handler->webhooks == WEBHOOKS_NONE)
        return;
    for (size_t i = 0; i < all->endpoints.count; i++) {
        struct webhook_endpoint *endpoint = all->endpoints.items[i];
        if (named || (merchant_id_equal(endpoint->merchant, input->merchant)
                      && endpoint->live == input->live))
            webhook_endpoint_list_add(batch->arena, &turn->webhooks.endpoints, endpoint);
    }
    for (size_t i = 0; i < all->keys.count; i++) {
        struct webhook_key *key = all->keys.items[i];
        if (merchant_id_equal(key->merchant, input->merchant) && key->live == input->live)
            webhook_key_list_add(batch->arena, &turn->webhooks.keys, key);
    }
    for (size_t i = 0; named && i < all->deliveries.count; i++)
        webhook_delivery_list_add(batch->arena, &turn->webhooks.deliveries,
                                  all->deliveries.items[i]);
    for (size_t i = 0; named && i < all->replays.count; i++)
        webhook_replay_list_add(batch->arena, &turn->webhooks.replays, all->replays.items[i]);
}

#define TAKE_NEW(type, list)                                                             \
    for (size_t i = 0; i < turn->webhooks.list.count; i++)                               \
        if (turn->webhooks.list.items[i]->row == ROW_NEW                                 \
            && !has_##list(batch, turn->webhooks.list.items[i]))                         \
            type##_list_add(batch->arena, &batch->webhooks.list, turn->webhooks.list.items[i])

#define HAS(type, list)                                                                  \
    static bool has_##list(const struct batch *batch, const struct type *item)           \
    {                                                                                    \
        for (size_t i = 0; i < batch->webhooks.list.count; i++)                          \
            if (batch->webhooks.list.items[i] == item)                                   \
                return true;                                                             \
        return false;                                                                    \
    }
HAS(webhook_endpoint, endpoints)
HAS(webhook_key, keys)
HAS(webhook_delivery, deliveries)
HAS(webhook_replay, replays)
#undef HAS

/* Rows that a handler added belong to the batch as well; attempts and messages are its own. */
void batch_take_webhooks(struct batch *batch, const struct turn *turn)
{
    if (turn->err || turn->input->handler->webhooks == WEBHOOKS_NONE)
        return;
    TAKE_NEW(webhook_endpoint, endpoints);
    TAKE_NEW(webhook_key, keys);
    TAKE_NEW(webhook_delivery, deliveries);
    TAKE_NEW(webhook_replay, replays);
    for (size_t i = 0; i < turn->webhooks.attempts.count; i++)
        webhook_attempt_list_add(batch->arena, &batch->webhooks.attempts,
                                 turn->webhooks.attempts.items[i]);
    for (size_t i = 0; i < turn->webhooks.messages.count; i++)
        webhook_message_list_add(batch->arena, &batch->webhooks.messages,
                                 turn->webhooks.messages.items[i]);
    for (size_t i = 0; i < turn->webhooks.alerts.count; i++)
        webhook_alert_list_add(batch->arena, &batch->webhooks.alerts,
                               turn->webhooks.alerts.items[i]);
}
#undef TAKE_NEW

/* One message per event and format, however many endpoints get it. */
struct fan {
    struct batch *batch;
    const struct books *books;
    const struct event *event;
    struct webhook_message *messages[WEBHOOK_FORMAT_COUNT];
};

static struct webhook_message *message_of(struct fan *fan, enum webhook_format format)
{
    struct batch *batch = fan->batch;
    if (fan->messages[format])
        return fan->messages[format];
    struct str body = webhook_body(format, fan->books, fan->event, batch->arena);
    if (str_is_empty(body))
        return NULL;
    struct webhook_message *message = ARENA_NEW(batch->arena, struct webhook_message);
    *message = (struct webhook_message){
        .row = ROW_NEW,
        .id = webhook_message_id_make(batch->ids, batch->now_ms),
        .body = body,
        .created_ms = batch->now_ms,
    };
    webhook_message_list_add(batch->arena, &batch->webhooks.messages, message);
    return fan->messages[format] = message;
}

static void deliver(struct fan *fan, const struct webhook_endpoint *endpoint)
{
    struct batch *batch = fan->batch;
    const struct event *event = fan->event;
    if (!webhook_wants(endpoint, event, fan->books->invoice, batch->arena))
        return;
    const struct webhook_message *message = message_of(fan, endpoint->format);
    if (!message)
        return;
    struct webhook_delivery *delivery = ARENA_NEW(batch->arena, struct webhook_delivery);
    *delivery = (struct webhook_delivery){
        .row = ROW_NEW,
        .id = webhook_delivery_id_make(batch->ids, batch->now_ms),
        .endpoint = endpoint->id,
        .merchant = endpoint->merchant,
        .live = endpoint->live,
        .event = event_id_of(event),
        .type = word_str(&words_event_type, event->type),
        .invoice = event->invoice,
        .sequence = event->sequence,
        .message = message->id,
        .status = DELIVERY_PENDING,
        .created_ms = batch->now_ms,
        .due_ms = batch->now_ms,
    };
    webhook_delivery_list_add(batch->arena, &batch->webhooks.deliveries, delivery);
}

static void fan_out(struct batch *batch, const struct books *books)
{
    for (size_t i = 0; i < books->events.count; i++) {
        struct fan fan = { .batch = batch, .books = books, .event = books->events.items[i] };
        for (size_t j = 0; j < batch->webhooks.endpoints.count; j++)
            deliver(&fan, batch->webhooks.endpoints.items[j]);
    }
}

/* Alerts are rare: whom they are told is looked up for each. */
struct alerted {
    struct batch *batch;
    const struct webhook_alert *alert;
};

static enum err tell_alert(void *self, void *row)
{
    struct alerted *alerted = self;
    struct batch *batch = alerted->batch;
    const struct webhook_alert *alert = alerted->alert;
    const struct webhook_endpoint *endpoint = row;
    if (webhook_endpoint_id_equal(endpoint->id, alert->endpoint->id)
        || !webhook_wants_alert(endpoint, alert, batch->arena))
        return OK;
    struct webhook_message *message = ARENA_NEW(batch->arena, struct webhook_message);
    *message = (struct webhook_message){
        .row = ROW_NEW,
        .id = webhook_message_id_make(batch->ids, batch->now_ms),
        .body = webhook_alert_body(alert, batch->now_ms, batch->arena),
        .created_ms = batch->now_ms,
    };
    struct webhook_delivery *delivery = ARENA_NEW(batch->arena, struct webhook_delivery);
    *delivery = (struct webhook_delivery){
        .row = ROW_NEW,
        .id = webhook_delivery_id_make(batch->ids, batch->now_ms),
        .endpoint = endpoint->id,
        .merchant = endpoint->merchant,
        .live = endpoint->live,
        .type = word_str(&words_webhook_alert, alert->type),
        .message = message->id,
        .status = DELIVERY_PENDING,
        .created_ms = batch->now_ms,
        .due_ms = batch->now_ms,
    };
    webhook_message_list_add(batch->arena, &batch->webhooks.messages, message);
    webhook_delivery_list_add(batch->arena, &batch->webhooks.deliveries, delivery);
    return OK;
}

static enum err tell_alerts(struct batch *batch)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < batch->webhooks.alerts.count; i++) {
        struct alerted alerted = { batch, batch->webhooks.alerts.items[i] };
        struct id merchant = alerted.alert->endpoint->merchant.id;
        err = db_load(batch->db, &table_webhook_endpoints, "merchant", &merchant, 1,
                      "status = 'enabled'", false, batch->arena, tell_alert, &alerted);
    }
    return err;
}

#define FLUSH(list, table, err)                                                          \
    do {                                                                                 \
        const size_t count_ = batch->webhooks.list.count;                                \
        const void **fresh_ = ARENA_ARRAY(batch->arena, const void *, count_);           \
        const void **changed_ = ARENA_ARRAY(batch->arena, const void *, count_);         \
        size_t fresh_count_ = 0, changed_count_ = 0;                                     \
        for (size_t i_ = 0; i_ < count_; i_++) {                                         \
            if (batch->webhooks.list.items[i_]->row == ROW_NEW)                          \
                fresh_[fresh_count_++] = batch->webhooks.list.items[i_];                 \
            else if (batch->webhooks.list.items[i_]->row == ROW_CHANGED)                 \
                changed_[changed_count_++] = batch->webhooks.list.items[i_];             \
        }                                                                                \
        if (!(err) && changed_count_)                                                    \
            (err) = db_update(batch->db, &(table), changed_, changed_count_);            \
        if (!(err) && fresh_count_)                                                      \
            (err) = db_insert(batch->db, &(table), fresh_, fresh_count_);                \
    } while (0)

/* For whoever delivers: what is due now, or became due again. An endpoint that was changed may
 * have work that waited for that. */
static void note_due(struct batch *batch)
{
    for (size_t i = 0; i < batch->webhooks.deliveries.count; i++) {
        struct webhook_delivery *delivery = batch->webhooks.deliveries.items[i];
        if (delivery->row != ROW_CLEAN && delivery->due_ms != 0)
            webhook_delivery_list_add(batch->arena, &batch->due, delivery);
    }
    for (size_t i = 0; i < batch->webhooks.endpoints.count; i++) {
        const struct webhook_endpoint *endpoint = batch->webhooks.endpoints.items[i];
        if (endpoint->row != ROW_CHANGED || endpoint->updated_ms != batch->now_ms)
            continue;
        struct webhook_delivery *any = ARENA_NEW(batch->arena, struct webhook_delivery);
        any->endpoint = endpoint->id;
        any->due_ms = batch->now_ms;
        webhook_delivery_list_add(batch->arena, &batch->due, any);
    }
}

enum err batch_flush_webhooks(struct batch *batch)
{
    enum err err = OK;
    if (batch->webhooks.endpoints.count) {
        for (size_t i = 0; i < batch->books_count; i++)
            fan_out(batch, batch->books[i]);
        for (size_t i = 0; i < batch->made.count; i++)
            fan_out(batch, batch->made.items[i]);
    }
    err = tell_alerts(batch);
    note_due(batch);
    FLUSH(keys, table_webhook_keys, err);
    FLUSH(endpoints, table_webhook_endpoints, err);
    FLUSH(messages, table_webhook_messages, err);
    FLUSH(deliveries, table_webhook_deliveries, err);
    FLUSH(attempts, table_webhook_attempts, err);
    FLUSH(replays, table_webhook_replays, err);
    return err;
}
