/* queue.h - a queue between threads. Inside engine only.
 *
 * Items carry their link (base/list.h), so putting one in never needs memory. What is put in
 * goes before what is offered: work that was begun ends first. What is offered is work from
 * outside, and is refused while what is there waits for too long, because it would only wait as
 * well: overload is told at once, and what was taken is done in time. A quarter of what is
 * taken is work that was offered, if there is any, so that it stands still for nothing. */
#ifndef ENGINE_QUEUE_H
#define ENGINE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/outside.h"

/* A queue is behind when it holds more than a batch takes and the oldest has waited so long; and
 * however fast it is, with so many items. */
#define QUEUE_FEW 256
#define QUEUE_WAIT_US 250000
#define QUEUE_MAX 8192
/* From so many on, or when the oldest has waited for so long, a second taker is wanted. */
#define QUEUE_CROWD 24
#define QUEUE_PATIENCE_US 10000

struct queue_lane {
    struct link *first, *last;
    size_t count;
};

struct queue {
    const struct outside *outside;
    pthread_mutex_t lock;
    pthread_cond_t filled, crowded;
    struct queue_lane ours, offered;
    size_t waiting;              /* takers */
    size_t asleep;               /* patient ones, who want to be woken by whatever comes */
    size_t unsaid;               /* were offered quietly, and nobody was woken for them */
    bool closed;
    bool nudged;                 /* the taker shall look up although nothing came */
};

void queue_init(struct queue *queue, const struct outside *outside);
void queue_done(struct queue *queue);

/* False when it is closed. */
bool queue_put(struct queue *queue, struct link *item);
/* False when it is behind, or closed. */
bool queue_offer(struct queue *queue, struct link *item);
/* The same, but takers who wait are not woken before queue_wake. For who offers many in a row: a
 * taker that is woken for each of them may run each time before the next is there, and where it has
 * to share the processor with who offers, that costs more than the work. */
bool queue_offer_quietly(struct queue *queue, struct link *item);
void queue_wake(struct queue *queue);
bool queue_is_behind(struct queue *queue);
/* Waits for items until `until_us` of CLOCK_MONOTONIC (0: without end), then takes at
 * most `most`, linked by next. NULL when there is none: time is up, nudged, or closed and empty. */
struct link *queue_take(struct queue *queue, size_t most, int64_t until_us);
/* The same for a second taker, of what costs the less the more of it is taken at once: it leaves
 * what there is to the first one until there is a crowd, or that does not come for it. */
struct link *queue_take_patiently(struct queue *queue, size_t most, int64_t until_us);
/* The same of what is there, without waiting. */
struct link *queue_take_now(struct queue *queue, size_t most);
void queue_nudge(struct queue *queue);
/* Nothing more is put in; what is inside is still taken. */
void queue_close(struct queue *queue);
bool queue_is_closed(struct queue *queue);
size_t queue_count(struct queue *queue);

#endif
