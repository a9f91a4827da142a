#include "store/wal_pace.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "store/pacer.h"

#define GAP_MS 50

/* Of a log, in pages. */
struct sizes {
    int64_t enough, few, most, step;
};
static const struct sizes sizes_threaded = { WAL_PAGES_ENOUGH, WAL_PAGES_FEW, WAL_PAGES_MOST,
                                             WAL_PAGES_STEP };
static const struct sizes sizes_alone = { 24, 12, 64, 8 };

struct wal_pace {
    struct wal_work work;
    struct pacer *pacer;
    pthread_mutex_t copying; /* held while a step or a restart runs */
    _Atomic int64_t pages;   /* in the log */
    _Atomic int64_t copied;  /* of these */
    int64_t again_at;        /* pages, after readers held a restart up; the writer's alone */
    struct sizes sizes;
};

static int64_t left(const struct wal_pace *pace)
{
    return atomic_load(&pace->pages) - atomic_load(&pace->copied);
}

/* With the lock. Whether it got any further. */
static bool step_locked(struct wal_pace *pace)
{
    int64_t before = atomic_load(&pace->copied);
    int64_t after = pace->work.copy(pace->work.self);

    atomic_store(&pace->copied, after);
    return after > before;
}

static bool step(struct wal_pace *pace)
{
    pthread_mutex_lock(&pace->copying);
    bool further = step_locked(pace);
    pthread_mutex_unlock(&pace->copying);
    return further;
}

void wal_pace_step(struct wal_pace *pace)
{
    assert(pace->work.alone);
    /* A thread would wait for the writer, who is at it. */
    if (pthread_mutex_trylock(&pace->copying) != 0)
        return;
    step_locked(pace);
    pthread_mutex_unlock(&pace->copying);
}

/* What was written meanwhile is less each time, as copying is faster than committing. */
static void copy(void *self)
{
    struct wal_pace *pace = self;

    while (step(pace) && atomic_load(&pace->pages) >= pace->sizes.enough
           && left(pace) > pace->sizes.few)
        continue;
}

struct wal_pace *wal_pace_start(const struct wal_work *work)
{
    struct wal_pace *pace = mem_alloc(sizeof *pace);

    pace->work = *work;
    pace->sizes = work->alone ? sizes_alone : sizes_threaded;
    pthread_mutex_init(&pace->copying, NULL);
    if (work->alone)
        return pace;
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
    bool may_wait = pages >= pace->sizes.most;
    if (pace->work.restart(pace->work.self, may_wait) != OK) {
        pace->again_at = pages + (may_wait ? pace->sizes.step : pace->sizes.few);
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
    if (pace->pacer != NULL)
        pacer_wake(pace->pacer);
    if (pages < pace->sizes.enough || pages < pace->again_at)
        return;
    if (pages >= pace->sizes.most)
        pthread_mutex_lock(&pace->copying);
    else if (left(pace) > pace->sizes.few || pthread_mutex_trylock(&pace->copying) != 0)
        return;
    restart(pace, pages);
    pthread_mutex_unlock(&pace->copying);
}
