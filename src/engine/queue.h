/* queue.h - a queue between threads, bounded by whoever fills it. Inside engine only.
 *
 * Items carry their link (base/list.h), so putting one in never needs memory. */
#ifndef ENGINE_QUEUE_H
#define ENGINE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct link *first, *last;
    size_t count;
    bool closed;
    bool nudged;                 /* the taker shall look up although nothing came */
};

void queue_init(struct queue *queue);
void queue_done(struct queue *queue);

/* False when the queue holds `limit` items already (0: no limit) or is closed. */
bool queue_put(struct queue *queue, struct link *item, size_t limit);
/* Waits for items until `until_us` of CLOCK_MONOTONIC (0: without end), then takes at
 * most `most`, linked by next. NULL when there is none: time is up, nudged, or closed and empty. */
struct link *queue_take(struct queue *queue, size_t most, int64_t until_us);
/* Takes everything that is there, without waiting. */
struct link *queue_take_now(struct queue *queue);
void queue_nudge(struct queue *queue);
/* Nothing more is put in; what is inside is still taken. */
void queue_close(struct queue *queue);
bool queue_is_closed(struct queue *queue);
size_t queue_count(struct queue *queue);

#endif
