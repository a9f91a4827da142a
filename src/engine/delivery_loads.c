/* delivery_loads.c - what is read of an endpoint's work, and what of it is in memory.
 *
 * A delivery stays due in the books until its try is recorded, so reading from the beginning
 * brings those again that are in memory. A long backlog is therefore read on from where the last
 * read ended; what came to be due before that place, as by a clock that was set back, is found
 * by reading from the beginning after WHOLE_US at the latest. */
#include <assert.h>

#include "base/time.h"
#include "engine/delivery_parts.h"

#define LOADED_MOST 64               /* of an endpoint that wait in memory */
#define LOADED_FEW 8                 /* where memory holds very many of all endpoints together */
#define LOADED_SICK 4
#define LOADED_NEWEST 16             /* of those that wait, while a backlog drains */
#define PARCELS_MANY 8192
#define LEFT_MS (30 * SECOND_MS)     /* longer than another node's lease */
#define WHOLE_US (1 * SECOND_MS * 1000)

static struct parcel **held_of(struct deliveries *deliveries, struct webhook_delivery_id id)
{
    const uint8_t *bytes = id.id.bytes;
    return &deliveries->held[((size_t)bytes[14] << 8 | bytes[15]) % BUCKETS];
}

void parcel_hold(struct deliveries *deliveries, struct parcel *parcel)
{
    struct parcel **bucket = held_of(deliveries, parcel->delivery.id);
    parcel->next = *bucket;
    *bucket = parcel;
}

void parcel_let_go(struct deliveries *deliveries, struct parcel *parcel)
{
    struct parcel **at = held_of(deliveries, parcel->delivery.id);
    while (*at != parcel)
        at = &(*at)->next;
    *at = parcel->next;
}

static bool is_held(struct deliveries *deliveries, struct webhook_delivery_id id)
{
    const struct parcel *parcel = *held_of(deliveries, id);
    while (parcel && !webhook_delivery_id_equal(parcel->delivery.id, id))
        parcel = parcel->next;
    return parcel != NULL;
}

void target_reread(struct target *target)
{
    target->reading = (struct reading){ 0 };
}

static unsigned room_of(const struct deliveries *deliveries, const struct target *target)
{
    if (target_is_sick(target))
        return LOADED_SICK;
    return deliveries->parcels < PARCELS_MANY ? LOADED_MOST : LOADED_FEW;
}

bool target_runs_low(const struct deliveries *deliveries, const struct target *target)
{
    return target->ready_count <= room_of(deliveries, target) / 4;
}

/* Those that are not in memory, with their bodies. */
struct load {
    struct webhook_delivery_list fresh;
    struct webhook_message_list messages;
};

static enum err load_messages(struct deliveries *deliveries, struct load *load)
{
    struct id *ids = ARENA_ARRAY(&deliveries->scratch, struct id, load->fresh.count);
    size_t count = 0;
    for (size_t i = 0; i < load->fresh.count; i++) {
        struct id id = load->fresh.items[i]->message.id;
        size_t at = 0;
        while (at < count && !id_equal(ids[at], id))
            at++;
        if (at == count)
            ids[count++] = id;
    }
    return query_webhook_messages(deliveries->db, ids, count, &deliveries->scratch,
                                  &load->messages);
}

static const struct webhook_message *message_of(const struct load *load,
                                                struct webhook_message_id id)
{
    for (size_t i = 0; i < load->messages.count; i++)
        if (webhook_message_id_equal(load->messages.items[i]->id, id))
            return load->messages.items[i];
    return NULL;
}

static void put_ready(struct deliveries *deliveries, struct target *target,
                      const struct load *load)
{
    for (size_t i = 0; i < load->fresh.count; i++) {
        const struct webhook_delivery *delivery = load->fresh.items[i];
        const struct webhook_message *message = message_of(load, delivery->message);
        if (!message)
            continue;
        struct parcel *parcel = parcel_new(deliveries, target, delivery, message->body);
        *target->ready_end = &parcel->link;
        target->ready_end = &parcel->link.next;
        target->ready_count++;
    }
}

/* At most so many of them that are not in memory. */
static enum err take_due(struct deliveries *deliveries, struct target *target,
                         const struct webhook_delivery_list *due, size_t most)
{
    struct load load = { 0 };
    for (size_t i = 0; i < due->count && load.fresh.count < most; i++)
        if (!is_held(deliveries, due->items[i]->id))
            webhook_delivery_list_add(&deliveries->scratch, &load.fresh, due->items[i]);
    enum err err = load_messages(deliveries, &load);
    if (!err)
        put_ready(deliveries, target, &load);
    return err;
}

/* While a backlog drains, news does not wait for its end: the newest have a share. */
static enum err take_newest(struct deliveries *deliveries, struct target *target, int64_t now_ms)
{
    struct webhook_delivery_list due = { 0 };
    enum err err = query_webhooks_due_newest(deliveries->db, target->id, now_ms,
                                             target->held + LOADED_NEWEST, &deliveries->scratch,
                                             &due);
    return err ? err : take_due(deliveries, target, &due, LOADED_NEWEST);
}

/* More than fits, and long due, though nobody kept it back: we were away. */
static void watch_drain(struct deliveries *deliveries, struct target *target,
                        const struct webhook_delivery_list *due, int64_t now_ms)
{
    if (!target->looked && target->more && due->count > 0
        && due->items[0]->due_ms < now_ms - LEFT_MS)
        target_begin_drain(deliveries, target);
    target->looked = true;
    target->drains = target->drains && target->more;
}

/* Behind the last that nothing can come before any more: others may be made due in this
 * millisecond. */
static void note_place(struct target *target, const struct webhook_delivery_list *due,
                       int64_t now_ms)
{
    for (size_t i = due->count; i > 0; i--) {
        const struct webhook_delivery *last = due->items[i - 1];
        if (last->due_ms >= now_ms)
            continue;
        target->reading.place = (struct webhook_due_place){ last->due_ms, last->id };
        return;
    }
}

/* When to look again, unless that is sooner. */
static void look_by(struct target *target, int64_t ms)
{
    if (target->due_ms == 0 || ms < target->due_ms)
        target->due_ms = ms;
}

enum err target_load(struct deliveries *deliveries, struct target *target, int64_t now_ms)
{
    bool in_order = target->recipient->endpoint.ordering == ORDERING_PER_INVOICE;
    int64_t now_us = outside_monotonic_us(deliveries->outside);
    struct webhook_delivery_list due = { 0 };
    unsigned room = room_of(deliveries, target);
    enum err err = target->drains && !in_order && !target_is_sick(target)
                       ? take_newest(deliveries, target, now_ms)
                       : OK;
    int64_t most = room > target->ready_count ? room - target->ready_count : 0;
    bool whole = in_order || target->reading.place.due_ms == 0
                 || now_us >= target->reading.whole_us;
    if (whole) {
        target->reading = (struct reading){ .whole_us = now_us + WHOLE_US };
        most += target->held;
    }
    if (!err)
        err = query_webhooks_due(deliveries->db, target->id, in_order, now_ms,
                                 &target->reading.place, most, &deliveries->scratch, &due);
    if (!err)
        err = take_due(deliveries, target, &due, due.count);
    if (err)
        return err;
    note_place(target, &due, now_ms);
    target->more = due.count == (size_t)most;
    watch_drain(deliveries, target, &due, now_ms);
    if (!target->more)
        err = query_webhooks_next(deliveries->db, target->id, now_ms, &target->due_ms);
    else if (!in_order && target->ready_count == 0)
        look_by(target, now_ms);
    if (!whole)
        look_by(target, now_ms + (target->reading.whole_us - now_us) / 1000 + 1);
    return err;
}
