/* delivery_targets.c - endpoints with work: what is loaded of it, and when they may be sent to. */
#include <assert.h>

#include "base/log.h"
#include "base/time.h"
#include "engine/delivery_parts.h"
#include "store/query_webhooks.h"
#include "store/store.h"

#define WINDOW_FIRST 4
#define SICK_AFTER 5                 /* failures in a row */
#define SHUT_AFTER 10                /* from there on one call at a time, after a pause */
#define DRAIN_FIRST 16               /* a second, when an endpoint is back; doubled each second */
#define DRAIN_DOUBLINGS 8            /* then there is no such limit any more */
#define SECOND_US (SECOND_MS * 1000)
/* Others' endpoints are looked at so often, and when their lease ends: then they are ours. */
#define LEASE_LOOK_MS (2 * SECOND_MS)

static size_t bucket_of(struct webhook_endpoint_id id)
{
    return ((size_t)id.id.bytes[14] << 8 | id.id.bytes[15]) % BUCKETS;
}

struct target *target_find(const struct deliveries *deliveries, struct webhook_endpoint_id id)
{
    for (struct target *target = deliveries->buckets[bucket_of(id)]; target; target = target->next)
        if (webhook_endpoint_id_equal(target->id, id))
            return target;
    return NULL;
}

struct target *target_get(struct deliveries *deliveries, struct webhook_endpoint_id id)
{
    struct target **bucket = &deliveries->buckets[bucket_of(id)];
    struct target *target = target_find(deliveries, id);
    if (target)
        return target;
    target = mem_alloc(sizeof *target);
    target->id = id;
    target->window = WINDOW_FIRST;
    target->ready_end = &target->ready;
    target->next = *bucket;
    return *bucket = target;
}

/* Timers: a heap with the earliest at 0. */

static void place(struct deliveries *deliveries, size_t at, struct target *target)
{
    deliveries->timers[at] = target;
    target->timer = at + 1;
}

static void sift_up(struct deliveries *deliveries, size_t at)
{
    struct target *target = deliveries->timers[at];
    while (at > 0 && deliveries->timers[(at - 1) / 2]->timer_us > target->timer_us) {
        place(deliveries, at, deliveries->timers[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(deliveries, at, target);
}

static void sift_down(struct deliveries *deliveries, size_t at)
{
    struct target *target = deliveries->timers[at];
    for (size_t child; (child = 2 * at + 1) < deliveries->timer_count; at = child) {
        if (child + 1 < deliveries->timer_count
            && deliveries->timers[child + 1]->timer_us < deliveries->timers[child]->timer_us)
            child++;
        if (deliveries->timers[child]->timer_us >= target->timer_us)
            break;
        place(deliveries, at, deliveries->timers[child]);
    }
    place(deliveries, at, target);
}

static void timer_remove(struct deliveries *deliveries, struct target *target)
{
    if (target->timer == 0)
        return;
    size_t at = target->timer - 1;
    struct target *last = deliveries->timers[--deliveries->timer_count];
    target->timer = 0;
    if (last == target)
        return;
    place(deliveries, at, last);
    sift_up(deliveries, at);
    sift_down(deliveries, last->timer - 1);
}

static void timer_add(struct deliveries *deliveries, struct target *target)
{
    if (deliveries->timer_count == deliveries->timer_cap) {
        size_t cap = deliveries->timer_cap ? 2 * deliveries->timer_cap : 64;
        struct target **timers = mem_alloc(cap * sizeof(struct target *));
        for (size_t i = 0; i < deliveries->timer_count; i++)
            timers[i] = deliveries->timers[i];
        mem_free(deliveries->timers);
        deliveries->timers = timers;
        deliveries->timer_cap = cap;
    }
    deliveries->timers[deliveries->timer_count] = target;
    sift_up(deliveries, deliveries->timer_count++);
}

struct target *timers_first(const struct deliveries *deliveries)
{
    return deliveries->timer_count ? deliveries->timers[0] : NULL;
}

static bool has_room(const struct target *target)
{
    int64_t at_once = target->recipient->endpoint.at_once;
    return target->under_way < target->window && target->under_way < at_once;
}

/* When it has to be looked at: what is due is read then, or a pause or its rate lets it go on. */
static int64_t wanted_us(const struct deliveries *deliveries, const struct target *target)
{
    int64_t now_us = outside_monotonic_us(deliveries->outside);
    int64_t us = 0;
    if (target->due_ms != 0) {
        int64_t now_ms = outside_now_ms(deliveries->outside) + deliveries->skew_ms;
        us = target->due_ms > now_ms ? now_us + (target->due_ms - now_ms) * 1000 : now_us;
        if (target->pause_us > us)
            us = target->pause_us;
    }
    /* Even when that has just passed: whoever asks has seen by an earlier clock that it may not
     * be sent to yet, and nobody else would look again. */
    if (target->ready && !target->in_ring && has_room(target)) {
        int64_t free_us = target->pause_us > target->next_send_us ? target->pause_us
                                                                  : target->next_send_us;
        if (us == 0 || free_us < us)
            us = free_us;
    }
    /* Without work too: the endpoint is not forgotten while its rate does not allow the next. */
    if (target->next_send_us > now_us && (us == 0 || target->next_send_us < us))
        us = target->next_send_us;
    return us;
}

void target_set_timer(struct deliveries *deliveries, struct target *target)
{
    timer_remove(deliveries, target);
    target->timer_us = wanted_us(deliveries, target);
    if (target->timer_us != 0)
        timer_add(deliveries, target);
}

void target_timer_fires(struct deliveries *deliveries, struct target *target)
{
    int64_t now_ms = outside_now_ms(deliveries->outside) + deliveries->skew_ms;
    timer_remove(deliveries, target);
    if (target->due_ms != 0 && target->due_ms <= now_ms)
        target_look(deliveries, target);
    else
        target_set_timer(deliveries, target);
    target_ring(deliveries, target);
    target_forget_if_idle(deliveries, target);
}

bool target_is_sick(const struct target *target)
{
    return target->failures >= SICK_AFTER;
}

static bool may_be_sent_to(const struct deliveries *deliveries, const struct target *target)
{
    int64_t now_us = outside_monotonic_us(deliveries->outside);
    return target->ready && target->recipient && has_room(target) && target->pause_us <= now_us
           && target->next_send_us <= now_us;
}

void target_ring(struct deliveries *deliveries, struct target *target)
{
    struct ring_of_targets *ring = target_is_sick(target) ? &deliveries->sick : &deliveries->well;
    if (target->in_ring)
        return;
    if (!may_be_sent_to(deliveries, target)) {
        if (target->ready)
            target_set_timer(deliveries, target);
        return;
    }
    target->in_ring = true;
    if (ring->last)
        ring->last->ring_next = target;
    else
        ring->first = target;
    ring->last = target;
}

static void drop_ready(struct target *target)
{
    for (struct link *item = target->ready, *next; item; item = next) {
        next = item->next;
        parcel_free(LINK_OWNER(item, struct parcel, link));
    }
    target->ready = NULL;
    target->ready_end = &target->ready;
    target->ready_count = 0;
    target->more = false;
    target_reread(target);
}

static int64_t pause_for_ms(unsigned failures)
{
    static const int64_t pauses_ms[] = { 5 * SECOND_MS, 15 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS };
    unsigned at = failures - SHUT_AFTER;
    return pauses_ms[at < 4 ? at : 3];
}

/* A receiver that was away comes back with cold caches, and a crowd at the door would send it
 * away again: its rate begins low and doubles, and a failure begins it anew. */
void target_begin_drain(struct deliveries *deliveries, struct target *target)
{
    target->drains = true;
    target->ramp_us = outside_monotonic_us(deliveries->outside);
}

int64_t target_gap_us(const struct deliveries *deliveries, struct target *target)
{
    int64_t per_minute = target->recipient->endpoint.per_minute;
    int64_t own_us = per_minute > 0 ? MINUTE_MS * 1000 / per_minute : 0;
    if (target->ramp_us == 0)
        return own_us;
    int64_t seconds = (outside_monotonic_us(deliveries->outside) - target->ramp_us) / SECOND_US;
    if (seconds >= DRAIN_DOUBLINGS)
        target->ramp_us = 0;
    int64_t ramp_us = target->ramp_us ? SECOND_US / (DRAIN_FIRST << seconds) : 0;
    return ramp_us > own_us ? ramp_us : own_us;
}

static void grow(struct deliveries *deliveries, struct target *target)
{
    if (target->failures >= SHUT_AFTER) {
        target_begin_drain(deliveries, target);
        target->due_ms = 1;
    }
    target->failures = 0;
    target->pause_us = 0;
    if (++target->good < target->window)
        return;
    target->good = 0;
    target->window++;
}

/* Words of the endpoint about one event (a 400) say nothing about its health. */
static bool is_trouble(int64_t status)
{
    return status == 0 || status == 429 || status >= 500;
}

static void shrink(struct deliveries *deliveries, struct target *target,
                   const struct webhook_result *result)
{
    int64_t now_us = outside_monotonic_us(deliveries->outside);
    int64_t status = result->attempt.http_status;
    int64_t pause_ms = 0;
    target->failures++;
    target->good = 0;
    if (is_trouble(status) && target->window > 1)
        target->window /= 2;
    if (is_trouble(status) && target->drains)
        target_begin_drain(deliveries, target);
    if (target->failures >= SHUT_AFTER && is_trouble(status))
        pause_ms = pause_for_ms(target->failures);
    if ((status == 429 || status == 503) && result->retry_after_ms > pause_ms)
        pause_ms = result->retry_after_ms < HOUR_MS ? result->retry_after_ms : HOUR_MS;
    if (pause_ms == 0)
        return;
    target->window = 1;
    target->pause_us = now_us + pause_ms * 1000;
    /* The books keep them meanwhile: no try is used up, and no memory. */
    if (target->ready) {
        drop_ready(target);
        target->due_ms = 1;
    }
}

void target_ended(struct deliveries *deliveries, struct parcel *parcel, bool success)
{
    struct target *target = parcel->target;
    assert(target->under_way > 0);
    target->under_way--;
    if (parcel->wire.done)
        atomic_fetch_sub(&deliveries->engine->tally.webhooks_in_flight, 1);
    if (parcel->cancelled) {
        target->due_ms = 1;
        target_reread(target);
        target->lease = LEASE_UNKNOWN;
    } else if (parcel->result.endpoint_gone) {
        target->failures = 0;
    } else if (success) {
        grow(deliveries, target);
    } else {
        shrink(deliveries, target, &parcel->result);
    }
    target_ring(deliveries, target);
    target_set_timer(deliveries, target);
}

void target_forget_if_idle(struct deliveries *deliveries, struct target *target)
{
    struct target **at = &deliveries->buckets[bucket_of(target->id)];
    if (target->held || target->timer || target->in_ring || target->failures
        || target->lease == LEASE_ASKED)
        return;
    while (*at != target)
        at = &(*at)->next;
    *at = target->next;
    if (target->recipient)
        recipient_release(target->recipient);
    mem_free(target);
}

/* Reading. */

void recipient_release(struct recipient *recipient)
{
    assert(recipient->holders > 0);
    if (--recipient->holders > 0)
        return;
    secret_done(&recipient->keys.secret);
    secret_done(&recipient->keys.old_secret);
    secret_done(&recipient->keys.signing_key);
    secret_done(&recipient->keys.private_key);
    arena_done(&recipient->arena);
    mem_free(recipient);
}

/* "whsec_" and base64, sealed; kept as the bytes. */
static struct secret open_secret(struct deliveries *deliveries, const struct webhook_endpoint *of,
                                 const char *column, struct str sealed)
{
    struct secret text, out = { 0 };
    struct str bytes;
    struct str place = webhook_secret_place(of->id, column, &deliveries->scratch);
    if (str_is_empty(sealed)
        || !vault_unseal_at(deliveries->engine->vault, place, sealed, &text))
        return out;
    if (webhook_secret_bytes(secret_reveal(&text), &deliveries->scratch, &bytes))
        out = secret_copy(bytes);
    secret_done(&text);
    return out;
}

static struct secret open_bytes(struct deliveries *deliveries, struct str place, struct str sealed)
{
    struct secret base64, out = { 0 };
    struct buf bytes;
    if (str_is_empty(sealed)
        || !vault_unseal_at(deliveries->engine->vault, place, sealed, &base64))
        return out;
    buf_init(&bytes, &deliveries->scratch, 4096);
    if (crypto_read_base64(secret_reveal(&base64), &bytes))
        out = secret_copy(buf_str(&bytes));
    secret_done(&base64);
    return out;
}

static bool is_same(const struct recipient *recipient, const struct webhook_endpoint *endpoint)
{
    return recipient && recipient->endpoint.updated_ms == endpoint->updated_ms
           && recipient->endpoint.status == endpoint->status;
}

static void keep_recipient(struct deliveries *deliveries, struct target *target,
                           const struct webhook_endpoint *endpoint, const struct webhook_key *key)
{
    if (is_same(target->recipient, endpoint))
        return;
    struct recipient *recipient = mem_alloc(sizeof *recipient);
    struct str *texts[] = { &recipient->endpoint.url, &recipient->endpoint.headers,
                            &recipient->endpoint.signature_header };
    recipient->holders = 1;
    recipient->endpoint = *endpoint;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = str_copy(&recipient->arena, *texts[i]);
    recipient->keys.secret = open_secret(deliveries, endpoint, "secret", endpoint->secret);
    recipient->keys.old_secret = open_secret(deliveries, endpoint, "secret", endpoint->old_secret);
    recipient->keys.signing_key =
        open_bytes(deliveries,
                   webhook_secret_place(endpoint->id, "signing_key", &deliveries->scratch),
                   endpoint->signing_key);
    if (key)
        recipient->keys.private_key = open_bytes(
            deliveries, webhook_key_place(key->id, &deliveries->scratch), key->private_key);
    if (target->recipient)
        recipient_release(target->recipient);
    target->recipient = recipient;
}

static void on_leased(struct desk_turn *turn)
{
    struct deliveries *deliveries = turn->user;
    const struct webhook_lease *ask = turn->input.ask;
    struct note *note = mem_alloc(sizeof *note);
    note->kind = NOTE_LEASED;
    note->endpoint = (struct webhook_endpoint_id){ ask->names.endpoints[0] };
    if (!queue_put(&deliveries->notes, &note->link))
        mem_free(note);
    desk_turn_free(turn);
}

static void ask_lease(struct deliveries *deliveries, struct target *target, struct run_id before)
{
    struct desk_turn *turn = desk_turn_new();
    struct webhook_lease *ask = ARENA_NEW(&turn->arena, struct webhook_lease);
    ask->names.endpoints = arena_copy(&turn->arena, &target->id.id, sizeof target->id.id);
    ask->names.endpoint_count = 1;
    ask->before = arena_copy(&turn->arena, &before, sizeof before);
    target->lease = LEASE_ASKED;
    deliveries_turn(deliveries, turn, &turn_webhook_lease, ask, on_leased);
}

void target_leased(struct deliveries *deliveries, const struct note *note)
{
    struct target *target = target_get(deliveries, note->endpoint);
    target->lease = LEASE_UNKNOWN;
    target->due_ms = 1;
    target_set_timer(deliveries, target);
}

/* Where many nodes share the books, one of them delivers to an endpoint: whose run stands in its
 * row, while that run's lease holds. */
static enum err is_ours(struct deliveries *deliveries, struct target *target,
                        const struct webhook_endpoint *endpoint, int64_t now_ms, bool *out)
{
    int64_t lapses_ms = 0;
    *out = true;
    target->run = endpoint->run;
    if (!db_is_shared(deliveries->db) || engine_run_is_held(deliveries->engine, endpoint->run)) {
        target->lease = LEASE_OURS;
        return OK;
    }
    *out = false;
    if (target->lease == LEASE_ASKED)
        return OK;
    enum err err = store_run_lapses(deliveries->db, endpoint->run, now_ms, &lapses_ms);
    if (!err && lapses_ms != 0) {
        target->lease = LEASE_OTHERS;
        if (target->untold)
            engine_hint_target(deliveries->engine, target->id);
        target->untold = false;
        target->due_ms = lapses_ms - now_ms < LEASE_LOOK_MS ? lapses_ms + 1
                                                            : now_ms + LEASE_LOOK_MS;
    } else if (!err) {
        ask_lease(deliveries, target, endpoint->run);
    }
    return err;
}

static enum err look(struct deliveries *deliveries, struct target *target)
{
    struct webhook_endpoint *endpoint = NULL;
    struct webhook_key *key = NULL;
    int64_t now_ms = 0;
    bool ours = false;
    enum err err = db_now(deliveries->db, &now_ms);
    if (!err)
        err = query_webhook_target(deliveries->db, target->id, &deliveries->scratch, &endpoint,
                                   &key);
    if (err)
        return err;
    deliveries->skew_ms = now_ms - outside_now_ms(deliveries->outside);
    target->due_ms = 0;
    if (!endpoint || endpoint->status == ENDPOINT_DISABLED) {
        drop_ready(target);
        target->failures = 0;
        return OK;
    }
    keep_recipient(deliveries, target, endpoint, key);
    err = is_ours(deliveries, target, endpoint, now_ms, &ours);
    if (!err && ours)
        err = target_load(deliveries, target, now_ms);
    else if (!err)
        drop_ready(target);
    return err;
}

/* In one view of the books: a file is then locked once, not once for each statement. A server
 * would be asked twice more for that. */
static enum err look_in_one_view(struct deliveries *deliveries, struct target *target)
{
    enum err err = db_begin(deliveries->db);
    if (!err)
        err = look(deliveries, target);
    return err ? err : db_commit(deliveries->db);
}

void target_look(struct deliveries *deliveries, struct target *target)
{
    enum err err = db_is_shared(deliveries->db) ? look(deliveries, target)
                                                : look_in_one_view(deliveries, target);
    if (err) {
        db_rollback(deliveries->db);
        log_event(LOG_ERROR, "webhooks.unread", LOG_STR("detail", db_error(deliveries->db)),
                  LOG_END);
        target->due_ms = outside_now_ms(deliveries->outside) + deliveries->skew_ms + SECOND_MS;
    }
    arena_wipe(&deliveries->scratch);
    arena_reset(&deliveries->scratch);
    target_set_timer(deliveries, target);
}
