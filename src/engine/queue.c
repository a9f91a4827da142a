/* queue.c - a mutex, a condition and a list. */
#include "engine/queue.h"

#include <assert.h>
#include <time.h>

void queue_init(struct queue *queue)
{
    pthread_condattr_t attributes;
    *queue = (struct queue){ 0 };
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->filled, &attributes);
    pthread_condattr_destroy(&attributes);
}

void queue_done(struct queue *queue)
{
    assert(!queue->first);
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
}

bool queue_put(struct queue *queue, struct link *item, size_t limit)
{
    pthread_mutex_lock(&queue->lock);
    bool taken = !queue->closed && (limit == 0 || queue->count < limit);
    if (taken) {
        item->next = NULL;
        if (queue->last)
            queue->last->next = item;
        else
            queue->first = item;
        queue->last = item;
        queue->count++;
        pthread_cond_signal(&queue->filled);
    }
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

/* False when the time is up. */
static bool wait_for(struct queue *queue, int64_t until_us)
{
    struct timespec until = { .tv_sec = until_us / 1000000,
                              .tv_nsec = until_us % 1000000 * 1000 };
    if (until_us == 0)
        return pthread_cond_wait(&queue->filled, &queue->lock) == 0;
    return pthread_cond_timedwait(&queue->filled, &queue->lock, &until) == 0;
}

static struct link *cut(struct queue *queue, size_t most)
{
    struct link *first = queue->first, *last = first;
    size_t taken = 1;
    if (!first)
        return NULL;
    while (taken < most && last->next) {
        last = last->next;
        taken++;
    }
    queue->first = last->next;
    if (!queue->first)
        queue->last = NULL;
    last->next = NULL;
    queue->count -= taken;
    return first;
}

struct link *queue_take(struct queue *queue, size_t most, int64_t until_us)
{
    assert(most > 0);
    pthread_mutex_lock(&queue->lock);
    bool in_time = true;
    while (!queue->first && !queue->closed && !queue->nudged && in_time)
        in_time = wait_for(queue, until_us);
    queue->nudged = false;
    struct link *items = cut(queue, most);
    pthread_mutex_unlock(&queue->lock);
    return items;
}

struct link *queue_take_now(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    struct link *items = cut(queue, SIZE_MAX);
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
    size_t count = queue->count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}
