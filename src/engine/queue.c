/* queue.c - a mutex, a condition and two lists. */
#include "engine/queue.h"

#include <assert.h>
#include <time.h>

void queue_init(struct queue *queue, const struct outside *outside)
{
    pthread_condattr_t attributes;
    *queue = (struct queue){ .outside = outside };
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->filled, &attributes);
    pthread_cond_init(&queue->crowded, &attributes);
    pthread_condattr_destroy(&attributes);
}

static bool is_empty(const struct queue *queue)
{
    return !queue->ours.first && !queue->offered.first;
}

static size_t count_of(const struct queue *queue)
{
    return queue->ours.count + queue->offered.count;
}

void queue_done(struct queue *queue)
{
    assert(is_empty(queue));
    pthread_cond_destroy(&queue->filled);
    pthread_cond_destroy(&queue->crowded);
    pthread_mutex_destroy(&queue->lock);
}

static bool lane_has_waited(const struct queue_lane *lane, int64_t now_us, int64_t most_us)
{
    return lane->first && now_us - lane->first->put_us > most_us;
}

/* The oldest, for longer than that. */
static bool has_waited(const struct queue *queue, int64_t now_us, int64_t most_us)
{
    return lane_has_waited(&queue->ours, now_us, most_us)
           || lane_has_waited(&queue->offered, now_us, most_us);
}

static bool is_behind(const struct queue *queue, int64_t now_us)
{
    if (count_of(queue) >= QUEUE_MAX)
        return true;
    return count_of(queue) > QUEUE_FEW && has_waited(queue, now_us, QUEUE_WAIT_US);
}

static bool is_crowded(const struct queue *queue)
{
    return count_of(queue) >= QUEUE_CROWD;
}

static bool append(struct queue *queue, struct queue_lane *lane, struct link *item, bool quietly)
{
    int64_t now_us = outside_monotonic_us(queue->outside);
    pthread_mutex_lock(&queue->lock);
    bool taken = !queue->closed && (lane == &queue->ours || !is_behind(queue, now_us));
    if (taken) {
        *item = (struct link){ .put_us = now_us };
        if (lane->last)
            lane->last->next = item;
        else
            lane->first = item;
        lane->last = item;
        lane->count++;
        if (quietly)
            queue->unsaid++;
        else
            pthread_cond_signal(&queue->filled);
        if (is_crowded(queue) || queue->asleep > 0)
            pthread_cond_signal(&queue->crowded);
    }
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

bool queue_put(struct queue *queue, struct link *item)
{
    return append(queue, &queue->ours, item, false);
}

bool queue_offer(struct queue *queue, struct link *item)
{
    return append(queue, &queue->offered, item, false);
}

bool queue_offer_quietly(struct queue *queue, struct link *item)
{
    return append(queue, &queue->offered, item, true);
}

void queue_wake(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t wanted = queue->unsaid < queue->waiting ? queue->unsaid : queue->waiting;
    queue->unsaid = 0;
    pthread_mutex_unlock(&queue->lock);
    /* Whoever is woken may run at once, in our place, and would wait for the lock. */
    while (wanted-- > 0)
        pthread_cond_signal(&queue->filled);
}

bool queue_is_behind(struct queue *queue)
{
    int64_t now_us = outside_monotonic_us(queue->outside);
    pthread_mutex_lock(&queue->lock);
    bool behind = is_behind(queue, now_us);
    pthread_mutex_unlock(&queue->lock);
    return behind;
}

/* False when the time is up. */
static bool wait_for(struct queue *queue, pthread_cond_t *condition, int64_t until_us)
{
    struct timespec until = { .tv_sec = until_us / 1000000,
                              .tv_nsec = until_us % 1000000 * 1000 };
    int failed = until_us == 0 ? pthread_cond_wait(condition, &queue->lock)
                               : pthread_cond_timedwait(condition, &queue->lock, &until);
    return failed == 0;
}

/* Moves the first `most` of them to the end of what was taken. */
static void cut(struct queue_lane *lane, size_t most, struct queue_lane *taken)
{
    struct link *last = lane->first;
    size_t count = 1;
    if (!last || most == 0)
        return;
    while (count < most && last->next) {
        last = last->next;
        count++;
    }
    if (taken->last)
        taken->last->next = lane->first;
    else
        taken->first = lane->first;
    taken->last = last;
    taken->count += count;
    lane->first = last->next;
    if (!lane->first)
        lane->last = NULL;
    last->next = NULL;
    lane->count -= count;
}

static struct link *cut_both(struct queue *queue, size_t most)
{
    struct queue_lane taken = { 0 };
    size_t kept = queue->offered.count < most / 4 ? queue->offered.count : most / 4;
    cut(&queue->ours, most - kept, &taken);
    cut(&queue->offered, most - taken.count, &taken);
    return taken.first;
}

struct link *queue_take(struct queue *queue, size_t most, int64_t until_us)
{
    assert(most > 0);
    pthread_mutex_lock(&queue->lock);
    bool in_time = true;
    queue->waiting++;
    while (is_empty(queue) && !queue->closed && !queue->nudged && in_time)
        in_time = wait_for(queue, &queue->filled, until_us);
    queue->waiting--;
    queue->nudged = false;
    struct link *items = cut_both(queue, most);
    pthread_mutex_unlock(&queue->lock);
    return items;
}

/* While there is something it looks up now and then; while there is nothing it sleeps. False when
 * the time is up. */
static bool bide(struct queue *queue, int64_t now_us, int64_t until_us)
{
    int64_t look_us = now_us + QUEUE_PATIENCE_US;
    bool is_last = until_us > 0 && until_us <= look_us;
    if (!is_empty(queue))
        return wait_for(queue, &queue->crowded, is_last ? until_us : look_us) || !is_last;
    queue->asleep++;
    bool in_time = wait_for(queue, &queue->crowded, until_us);
    queue->asleep--;
    return in_time;
}

struct link *queue_take_patiently(struct queue *queue, size_t most, int64_t until_us)
{
    struct link *items = NULL;
    assert(most > 0);
    pthread_mutex_lock(&queue->lock);
    bool in_time = true, wanted = false;
    while (!wanted && !queue->closed && !queue->nudged && in_time) {
        int64_t now_us = outside_monotonic_us(queue->outside);
        wanted = is_crowded(queue) || has_waited(queue, now_us, QUEUE_PATIENCE_US);
        if (!wanted)
            in_time = bide(queue, now_us, until_us);
    }
    queue->nudged = false;
    if (wanted || queue->closed)
        items = cut_both(queue, most);
    pthread_mutex_unlock(&queue->lock);
    return items;
}

struct link *queue_take_now(struct queue *queue, size_t most)
{
    assert(most > 0);
    pthread_mutex_lock(&queue->lock);
    struct link *items = cut_both(queue, most);
    pthread_mutex_unlock(&queue->lock);
    return items;
}

void queue_nudge(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->nudged = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_cond_broadcast(&queue->crowded);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_is_closed(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return closed;
}

size_t queue_count(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t count = count_of(queue);
    pthread_mutex_unlock(&queue->lock);
    return count;
}
