/* deliveries.c - the deliveries' thread. */
#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "engine/delivery_parts.h"
#include "store/query_webhooks.h"

#define PLACES 512                   /* calls under way, all endpoints together */
#define PLACES_SICK (PLACES / 10)    /* of those that fail all the time */
#define NOTES_AT_ONCE 1024
/* On shared books nobody announces what other nodes leave. */
#define SCAN_US (1 * SECOND_MS * 1000)
#define AGAIN_US (1 * SECOND_MS * 1000)
#define STUCK_US (3 * SECOND_MS * 1000)
#define STOP_MS (3 * SECOND_MS)
/* Results wait so long for others: what would come again after a crash is no more than that, and
 * a commit for each would cost more than the tries. */
#define GATHER_US 2000

void deliveries_turn(struct deliveries *deliveries, struct desk_turn *turn,
                     const struct turn_handler *handler, const void *ask,
                     void (*done)(struct desk_turn *turn))
{
    turn->input = (struct turn_input){
        .handler = handler,
        .origin = ORIGIN_CLOCK,
        .actor = STR("webhooks"),
        .ask = ask,
    };
    turn->done = done;
    turn->user = deliveries;
    engine_turn(deliveries->engine, turn);
}

/* Before the note is put: the thread sets it anew as it wakes. */
static void expect(struct deliveries *deliveries)
{
    int64_t now_us = outside_monotonic_us(deliveries->outside);
    int64_t before_us = atomic_load(&deliveries->expected_us);
    if (before_us == 0 || before_us > now_us)
        atomic_compare_exchange_strong(&deliveries->expected_us, &before_us, now_us);
}

static void put_note(struct deliveries *deliveries, struct note *note)
{
    expect(deliveries);
    if (!queue_put(&deliveries->notes, &note->link))
        mem_free(note);
}

static void put_due(struct deliveries *deliveries, struct webhook_endpoint_id endpoint, bool own)
{
    struct note *note = mem_alloc(sizeof *note);
    note->kind = NOTE_DUE;
    note->endpoint = endpoint;
    note->own = own;
    put_note(deliveries, note);
}

void deliveries_heard(struct deliveries *deliveries, struct webhook_endpoint_id endpoint)
{
    if (deliveries)
        put_due(deliveries, endpoint, false);
}

void deliveries_due(struct deliveries *deliveries, const struct webhook_delivery_list *due)
{
    struct webhook_endpoint_id last = { { { 0 } } };
    for (size_t i = 0; deliveries && i < due->count; i++) {
        const struct webhook_delivery *delivery = due->items[i];
        if (webhook_endpoint_id_equal(delivery->endpoint, last))
            continue;
        last = delivery->endpoint;
        put_due(deliveries, delivery->endpoint, true);
    }
}

static enum err take_waiting(void *self, const struct db_value *values, size_t count)
{
    struct deliveries *deliveries = self;
    struct webhook_endpoint_id id;
    assert(count == 2);
    if (values[0].bytes.len != sizeof id)
        return ERR_STORE;
    memcpy(&id, values[0].bytes.ptr, sizeof id);
    struct target *target = target_get(deliveries, id);
    if (target->due_ms == 0 || values[1].number < target->due_ms)
        target->due_ms = values[1].number;
    target_set_timer(deliveries, target);
    return OK;
}

/* Endpoints with something to be done, now or later. */
static void scan(struct deliveries *deliveries)
{
    int64_t now_us = outside_monotonic_us(deliveries->outside), now_ms = 0;
    bool is_shared = db_is_shared(deliveries->db);
    enum err err = db_now(deliveries->db, &now_ms);
    if (!err) {
        deliveries->skew_ms = now_ms - outside_now_ms(deliveries->outside);
        if (deliveries->started_ms == 0) {
            deliveries->started_ms = now_ms;
            backlogs_look(deliveries);
        }
        err = query_webhooks_waiting(deliveries->db, take_waiting, deliveries);
    }
    if (err)
        log_event(LOG_ERROR, "webhooks.unread", LOG_STR("detail", db_error(deliveries->db)),
                  LOG_END);
    deliveries->scan_us = err ? now_us + AGAIN_US : is_shared ? now_us + SCAN_US : 0;
}

static void take_ended(struct deliveries *deliveries, struct parcel *parcel)
{
    bool success = webhook_is_success(&parcel->recipient->endpoint,
                                      parcel->result.attempt.http_status);
    struct ring_of_targets *ring = parcel->sick ? &deliveries->sick : &deliveries->well;
    assert(ring->under_way > 0);
    ring->under_way--;
    target_ended(deliveries, parcel, success);
    if (parcel->cancelled) {
        struct target *target = parcel->target;
        parcel_free(parcel);
        target_forget_if_idle(deliveries, target);
        return;
    }
    if (success)
        ENGINE_COUNT(deliveries->engine, webhooks_delivered_total, 1);
    else
        ENGINE_COUNT(deliveries->engine, webhooks_failed_total, 1);
    if (!deliveries->ended)
        deliveries->gather_us = outside_monotonic_us(deliveries->outside) + GATHER_US;
    /* The next of its lane waits for the record. */
    if (parcel->recipient->endpoint.ordering == ORDERING_PER_INVOICE)
        deliveries->gather_us = 0;
    parcel->link.next = NULL;
    *deliveries->ended_end = &parcel->link;
    deliveries->ended_end = &parcel->link.next;
    deliveries->ended_count++;
}

/* When what ended is to be recorded, once no record is under way. */
static int64_t record_us(const struct deliveries *deliveries)
{
    bool gathers = deliveries->ended_count < deliveries->record_most && !deliveries->stopping
                   && deliveries->gather_us > deliveries->record_again_us;
    return gathers ? deliveries->gather_us : deliveries->record_again_us;
}

/* Whether the record may have made more of the endpoint due: a failed one has a next try, and in a
 * lane the next one is free. Looking for nothing took most of the time of a long backlog. */
static bool is_worth_a_look(const struct parcel *parcel)
{
    const struct webhook_endpoint *endpoint = &parcel->recipient->endpoint;
    return endpoint->ordering == ORDERING_PER_INVOICE
           || !webhook_is_success(endpoint, parcel->result.attempt.http_status);
}

/* The books know now. */
static void forget_recorded(struct deliveries *deliveries)
{
    struct link *item = deliveries->recording, *next;
    deliveries->recording = NULL;
    for (; item; item = next) {
        struct parcel *parcel = LINK_OWNER(item, struct parcel, link);
        struct target *target = parcel->target;
        next = item->next;
        bool look = is_worth_a_look(parcel);
        parcel_free(parcel);
        if (look)
            target->due_ms = 1;
        target_set_timer(deliveries, target);
        target_forget_if_idle(deliveries, target);
    }
}

static size_t put_ended(struct deliveries *deliveries, struct link *item)
{
    size_t count = 0;
    for (struct link *next; item; item = next, count++) {
        next = item->next;
        item->next = NULL;
        *deliveries->ended_end = item;
        deliveries->ended_end = &item->next;
    }
    deliveries->ended_count += count;
    return count;
}

static bool is_away(enum err err)
{
    return err == ERR_STORE_AWAY || err == ERR_STORE_IN_DOUBT || err == ERR_STORE_BUSY
           || err == ERR_LEASE_LOST || err == ERR_UNAVAILABLE;
}

/* One that is refused even alone is put aside, so that it holds up no other. */
static void put_aside(struct deliveries *deliveries, struct link *item)
{
    char text[ID_TEXT_MAX];
    struct buf id;
    buf_fixed(&id, text, sizeof text);
    webhook_delivery_id_write(&id, LINK_OWNER(item, struct parcel, link)->delivery.id);
    log_event(LOG_ERROR, "webhooks.result_refused", LOG_STR("delivery", buf_str(&id)), LOG_END);
    item->next = deliveries->stuck;
    deliveries->stuck = item;
    deliveries->stuck_us = outside_monotonic_us(deliveries->outside) + STUCK_US;
}

/* Results that the books could not take are kept: nothing is sent again because of that. While
 * the books are there it is one of them that is refused: it is looked for in halves. */
static void keep_recording(struct deliveries *deliveries, enum err err)
{
    struct link *items = deliveries->recording;
    deliveries->recording = NULL;
    if (!is_away(err) && items && !items->next) {
        put_aside(deliveries, items);
        return;
    }
    size_t count = put_ended(deliveries, items);
    if (is_away(err))
        deliveries->record_again_us = outside_monotonic_us(deliveries->outside) + AGAIN_US;
    else
        deliveries->record_most = count / 2;
}

static void take_stuck(struct deliveries *deliveries)
{
    struct link *items = deliveries->stuck;
    deliveries->stuck = NULL;
    deliveries->stuck_us = 0;
    put_ended(deliveries, items);
}

static void take_recorded(struct deliveries *deliveries, enum err err)
{
    deliveries->records = false;
    if (err) {
        keep_recording(deliveries, err);
        return;
    }
    forget_recorded(deliveries);
    deliveries->record_most *= 2;
    if (deliveries->record_most > RESULTS_MOST)
        deliveries->record_most = RESULTS_MOST;
}

static void take_note(struct deliveries *deliveries, const struct note *note)
{
    struct target *target;
    switch (note->kind) {
    case NOTE_DUE:
        if (deliveries->backlogs_us == 0)
            deliveries->backlogs_us = outside_monotonic_us(deliveries->outside) + AGAIN_US;
        target = target_get(deliveries, note->endpoint);
        target->due_ms = 1;
        /* Nodes commit in another order than their clocks tell. */
        if (db_is_shared(deliveries->db))
            target_reread(target);
        target->untold = target->untold || note->own;
        target_set_timer(deliveries, target);
        break;
    case NOTE_ENDED:
        take_ended(deliveries, note->parcel);
        break;
    case NOTE_RECORDED:
        take_recorded(deliveries, note->err);
        break;
    case NOTE_LEASED:
        target_leased(deliveries, note);
        break;
    case NOTE_STOP:
        deliveries->stopping = true;
        break;
    }
}

static void fire_timers(struct deliveries *deliveries)
{
    int64_t now_us = outside_monotonic_us(deliveries->outside);
    struct target *target;
    while ((target = timers_first(deliveries)) != NULL && target->timer_us <= now_us)
        target_timer_fires(deliveries, target);
}

static struct target *ring_take(struct ring_of_targets *ring)
{
    struct target *target = ring->first;
    ring->first = target->ring_next;
    if (!ring->first)
        ring->last = NULL;
    target->ring_next = NULL;
    target->in_ring = false;
    return target;
}

static void send_one(struct deliveries *deliveries, struct ring_of_targets *ring,
                     struct target *target)
{
    struct parcel *parcel = LINK_OWNER(target->ready, struct parcel, link);
    int64_t gap_us = target_gap_us(deliveries, target);
    target->ready = parcel->link.next;
    if (!target->ready)
        target->ready_end = &target->ready;
    target->ready_count--;
    target->under_way++;
    ring->under_way++;
    parcel->sick = ring == &deliveries->sick;
    if (gap_us > 0) {
        int64_t now_us = outside_monotonic_us(deliveries->outside);
        int64_t from_us = target->next_send_us > now_us ? target->next_send_us : now_us;
        target->next_send_us = from_us + gap_us;
    }
    if (target->more && target_runs_low(deliveries, target)) {
        target->due_ms = 1;
        target_set_timer(deliveries, target);
    }
    if (!parcel_send(parcel))
        take_ended(deliveries, parcel);
}

/* One of each endpoint in its turn, while there are places. */
static void send_from(struct deliveries *deliveries, struct ring_of_targets *ring)
{
    while (ring->first && ring->under_way < ring->most) {
        struct target *target = ring_take(ring);
        bool was_sick = ring == &deliveries->sick;
        if (target_is_sick(target) == was_sick && target->ready)
            send_one(deliveries, ring, target);
        target_ring(deliveries, target);
    }
}

static int64_t next_us(const struct deliveries *deliveries)
{
    const struct target *first = timers_first(deliveries);
    int64_t us = first && !deliveries->stopping ? first->timer_us : 0;
    if (deliveries->scan_us != 0 && (us == 0 || deliveries->scan_us < us))
        us = deliveries->scan_us;
    if (deliveries->stuck_us != 0 && (us == 0 || deliveries->stuck_us < us))
        us = deliveries->stuck_us;
    if (deliveries->backlogs_us != 0 && (us == 0 || deliveries->backlogs_us < us))
        us = deliveries->backlogs_us;
    if (deliveries->ended && !deliveries->records && (us == 0 || record_us(deliveries) < us))
        us = record_us(deliveries);
    return us;
}

static void work(struct deliveries *deliveries)
{
    int64_t now_us = outside_monotonic_us(deliveries->outside);
    if (deliveries->scan_us != 0 && deliveries->scan_us <= now_us)
        scan(deliveries);
    if (deliveries->backlogs_us != 0 && deliveries->backlogs_us <= now_us)
        backlogs_look(deliveries);
    if (deliveries->stuck_us != 0 && deliveries->stuck_us <= now_us)
        take_stuck(deliveries);
    fire_timers(deliveries);
    send_from(deliveries, &deliveries->well);
    send_from(deliveries, &deliveries->sick);
}

static void take_notes(struct deliveries *deliveries, struct link *items)
{
    for (struct link *next; items; items = next) {
        struct note *note = LINK_OWNER(items, struct note, link);
        next = items->next;
        take_note(deliveries, note);
        mem_free(note);
    }
}

static bool is_done(const struct deliveries *deliveries)
{
    return !deliveries->records && !deliveries->ended && deliveries->well.under_way == 0
           && deliveries->sick.under_way == 0;
}

static void record(struct deliveries *deliveries, int64_t now_us)
{
    if (deliveries->ended && !deliveries->records && record_us(deliveries) <= now_us)
        parcels_record(deliveries);
}

int64_t deliveries_step_us(struct deliveries *deliveries)
{
    return queue_count(&deliveries->notes) > 0 ? outside_monotonic_us(deliveries->outside)
                                               : next_us(deliveries);
}

bool deliveries_step(struct deliveries *deliveries)
{
    int64_t now_us = outside_monotonic_us(deliveries->outside);
    int64_t due_us = deliveries_step_us(deliveries);
    if (due_us == 0 || due_us > now_us)
        return false;
    take_notes(deliveries, queue_take_now(&deliveries->notes, SIZE_MAX));
    work(deliveries);
    record(deliveries, now_us);
    return true;
}

static void *run(void *self)
{
    struct deliveries *deliveries = self;
    int64_t stop_us = 0;
    scan(deliveries);
    for (;;) {
        int64_t now_us = outside_monotonic_us(deliveries->outside);
        if (!deliveries->stopping)
            work(deliveries);
        record(deliveries, now_us);
        if (deliveries->stopping && stop_us == 0) {
            /* Those under way end now; what they say is no failure of anybody. */
            client_stop(deliveries->client);
            stop_us = now_us + STOP_MS * 1000;
        }
        if (deliveries->stopping && (is_done(deliveries) || now_us >= stop_us))
            return NULL;
        int64_t until_us = deliveries->stopping ? stop_us : next_us(deliveries);
        atomic_store(&deliveries->expected_us, until_us);
        struct link *notes = queue_take(&deliveries->notes, NOTES_AT_ONCE, until_us);
        atomic_store(&deliveries->expected_us, outside_monotonic_us(deliveries->outside));
        take_notes(deliveries, notes);
    }
}

enum err deliveries_open(struct engine *engine, const struct engine_config *config,
                         struct arena *arena, struct str *why)
{
    struct deliveries *deliveries = mem_alloc(sizeof *deliveries);
    struct client_config client = CLIENT_CONFIG_DEFAULT(engine->outside);
    engine->deliveries = deliveries;
    deliveries->engine = engine;
    deliveries->outside = engine->outside;
    deliveries->guarded = !config->webhook_private;
    deliveries->well.most = PLACES - PLACES_SICK;
    deliveries->sick.most = PLACES_SICK;
    deliveries->ended_end = &deliveries->ended;
    deliveries->record_most = RESULTS_MOST;
    queue_init(&deliveries->notes, engine->outside);
    pthread_mutex_init(&deliveries->backlogs_lock, NULL);
    client.ca_file = config->webhook_ca_file;
    client.reply_bytes = 64 << 10;
    client.kept = PLACES;
    client.keeps_handles = true;
    client.breaker_failures = 0;
    enum err err = store_open_reader(config->where, engine->outside, arena, &deliveries->db, why);
    /* The first step looks at what is there. */
    deliveries->scan_us = outside_monotonic_us(engine->outside);
    if (err || engine->steps)
        return err;
    err = client_open(&client, arena, &deliveries->client, why);
    if (err)
        return err;
    if (pthread_create(&deliveries->thread, NULL, run, deliveries) != 0) {
        *why = STR("A thread could not be started.");
        return ERR_IO;
    }
    pthread_setname_np(deliveries->thread, "deliveries");
    deliveries->started = true;
    return OK;
}

void deliveries_stop(struct deliveries *deliveries)
{
    if (!deliveries || !deliveries->started)
        return;
    struct note *note = mem_alloc(sizeof *note);
    note->kind = NOTE_STOP;
    put_note(deliveries, note);
    pthread_join(deliveries->thread, NULL);
    deliveries->started = false;
}

static void free_links(struct link *items)
{
    for (struct link *next; items; items = next) {
        next = items->next;
        parcel_free(LINK_OWNER(items, struct parcel, link));
    }
}

static void free_target(struct target *target)
{
    free_links(target->ready);
    if (target->recipient)
        recipient_release(target->recipient);
    mem_free(target);
}

void deliveries_close(struct deliveries *deliveries)
{
    if (!deliveries)
        return;
    if (deliveries->client)
        client_stop(deliveries->client);
    client_close(deliveries->client);
    /* What ended while nobody looked any more is sent again by the next start. */
    queue_close(&deliveries->notes);
    struct link *item = queue_take_now(&deliveries->notes, SIZE_MAX);
    for (struct link *next; item; item = next) {
        struct note *note = LINK_OWNER(item, struct note, link);
        next = item->next;
        if (note->kind == NOTE_ENDED)
            parcel_free(note->parcel);
        mem_free(note);
    }
    free_links(deliveries->ended);
    free_links(deliveries->recording);
    free_links(deliveries->stuck);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct target *target = deliveries->buckets[i], *next; target; target = next) {
            next = target->next;
            free_target(target);
        }
    parcels_forget(deliveries);
    mem_free(deliveries->timers);
    mem_free(deliveries->signatures);
    db_close(deliveries->db);
    queue_done(&deliveries->notes);
    pthread_mutex_destroy(&deliveries->backlogs_lock);
    arena_done(&deliveries->scratch);
    arena_done(&deliveries->arena);
    mem_free(deliveries);
}
