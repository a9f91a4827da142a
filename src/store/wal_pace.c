#include "store/wal_pace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "store/pacer.h"

#define GAP_MS 50

struct wal_pace {
    struct wal_work work;
    struct pacer *pacer;
    pthread_mutex_t copying; /* held while a step or a restart runs */
    _Atomic int64_t pages;   /* in the log */
    _Atomic int64_t copied;  /* of these */
    int64_t again_at;        /* pages, after readers held a restart up; the writer's alone */
};

static int64_t left(const struct wal_pace *pace)
{
    return atomic_load(&pace->pages) - atomic_load(&pace->copied);
}

/* Whether it got any further. */
static bool step(struct wal_pace *pace)
{
    pthread_mutex_lock(&pace->copying);
    int64_t before = atomic_load(&pace->copied);
    int64_t after = pace->work.copy(pace->work.self);
    atomic_store(&pace->copied, after);
    pthread_mutex_unlock(&pace->copying);
    return after > before;
}

/* What was written meanwhile is less each time, as copying is faster than committing. */
static void copy(void *self)
{
    struct wal_pace *pace = self;

    while (step(pace) && atomic_load(&pace->pages) >= WAL_PAGES_ENOUGH
           && left(pace) > WAL_PAGES_FEW)
        continue;
}

struct wal_pace *wal_pace_start(const struct wal_work *work)
{
    struct wal_pace *pace = mem_alloc(sizeof *pace);

    pace->work = *work;
    pthread_mutex_init(&pace->copying, NULL);
    pace->pacer = pacer_start("checkpointer", copy, pace, GAP_MS);
    if (pace->pacer != NULL)
        return pace;
    wal_pace_stop(pace);
    return NULL;
}

void wal_pace_stop(struct wal_pace *pace)
{
    if (pace == NULL)
        return;
    pacer_stop(pace->pacer);
    pthread_mutex_destroy(&pace->copying);
    mem_free(pace);
}

/* With the lock. */
static void restart(struct wal_pace *pace, int64_t pages)
{
    bool may_wait = pages >= WAL_PAGES_MOST;
    if (pace->work.restart(pace->work.self, may_wait) != OK) {
        pace->again_at = pages + (may_wait ? WAL_PAGES_STEP : WAL_PAGES_FEW);
        return;
    }
    pace->again_at = 0;
    atomic_store(&pace->pages, 0);
    atomic_store(&pace->copied, 0);
}

/* Whoever writes when all of a log is in the file begins it again, unasked; so does another
 * program. What was known is about the log before it. */
static void begun_by_another(struct wal_pace *pace)
{
    pace->again_at = 0;
    atomic_store(&pace->copied, 0);
}

void wal_pace_committed(struct wal_pace *pace, int64_t pages)
{
    if (pages < atomic_exchange(&pace->pages, pages))
        begun_by_another(pace);
    pacer_wake(pace->pacer);
    if (pages < WAL_PAGES_ENOUGH || pages < pace->again_at)
        return;
    if (pages >= WAL_PAGES_MOST)
        pthread_mutex_lock(&pace->copying);
    else if (left(pace) > WAL_PAGES_FEW || pthread_mutex_trylock(&pace->copying) != 0)
        return;
    restart(pace, pages);
    pthread_mutex_unlock(&pace->copying);
}
