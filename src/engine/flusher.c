#include "engine/flusher.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "engine/step.h"
#include "store/db_flush.h"

struct flusher {
    struct writer *writer;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t taken, out;
    struct writer_batch batches[STORE_BATCHES];      /* a ring: of these */
    size_t first, count;                             /* were taken and are not out yet */
    bool stop;
    const struct engine_steps *steps;                /* NULL: threads */
};

/* Nobody knows then what is on the disk: a second flush could say OK to what the first one lost.
 * The next start finds out. */
static void flush(struct flusher *flusher)
{
    if (db_flush(store_db(flusher->writer->store)) == OK)
        return;
    log_event(LOG_ERROR, "store.flush_failed",
              LOG_C("detail", "The disk refused to keep what was written. Nobody was told of it; "
                              "purser stops. Look at the disk, then start it again."),
              LOG_END);
    if (!flusher->steps)
        abort();
    flusher->steps->die(flusher->steps->self);
}

static void let_out(struct flusher *flusher, size_t count)
{
    flush(flusher);
    for (size_t i = 0; i < count; i++) {
        engine_release(flusher->writer, &flusher->batches[flusher->first]);
        pthread_mutex_lock(&flusher->lock);
        flusher->first = (flusher->first + 1) % STORE_BATCHES;
        flusher->count--;
        pthread_cond_signal(&flusher->out);
        pthread_mutex_unlock(&flusher->lock);
    }
}

static void *flusher_loop(void *self)
{
    struct flusher *flusher = self;
    pthread_mutex_lock(&flusher->lock);
    for (;;) {
        while (flusher->count == 0 && !flusher->stop)
            pthread_cond_wait(&flusher->taken, &flusher->lock);
        size_t count = flusher->count;
        pthread_mutex_unlock(&flusher->lock);
        if (count == 0)
            return NULL;
        let_out(flusher, count);
        pthread_mutex_lock(&flusher->lock);
    }
}

struct flusher *flusher_start(struct writer *writer)
{
    struct flusher *flusher = mem_alloc(sizeof(*flusher));
    flusher->writer = writer;
    flusher->steps = writer->engine->steps;
    pthread_mutex_init(&flusher->lock, NULL);
    pthread_cond_init(&flusher->taken, NULL);
    pthread_cond_init(&flusher->out, NULL);
    if (flusher->steps || !db_commits_later(store_db(writer->store)))
        return flusher;
    flusher->started = pthread_create(&flusher->thread, NULL, flusher_loop, flusher) == 0;
    if (flusher->started)
        return flusher;
    flusher_stop(flusher);
    return NULL;
}

void flusher_stop(struct flusher *flusher)
{
    if (!flusher)
        return;
    pthread_mutex_lock(&flusher->lock);
    flusher->stop = true;
    pthread_cond_signal(&flusher->taken);
    pthread_mutex_unlock(&flusher->lock);
    if (flusher->started)
        pthread_join(flusher->thread, NULL);
    while (flusher->steps && flusher_step(flusher))
        continue;
    assert(flusher->count == 0);
    pthread_mutex_destroy(&flusher->lock);
    pthread_cond_destroy(&flusher->taken);
    pthread_cond_destroy(&flusher->out);
    mem_free(flusher);
}

struct writer_batch *flusher_room(struct flusher *flusher)
{
    pthread_mutex_lock(&flusher->lock);
    while (flusher->count == STORE_BATCHES)
        pthread_cond_wait(&flusher->out, &flusher->lock);
    size_t at = (flusher->first + flusher->count) % STORE_BATCHES;
    pthread_mutex_unlock(&flusher->lock);
    return &flusher->batches[at];
}

static bool hand_over(struct flusher *flusher, bool more)
{
    pthread_mutex_lock(&flusher->lock);
    /* Whoever steps decides when. */
    bool yes = flusher->steps || (flusher->started && (more || flusher->count > 0));
    if (yes) {
        flusher->count++;
        pthread_cond_signal(&flusher->taken);
    }
    pthread_mutex_unlock(&flusher->lock);
    return yes;
}

void flusher_take(struct flusher *flusher, bool more)
{
    if (hand_over(flusher, more))
        return;
    /* All before it are out. */
    assert(flusher->count == 0);
    flush(flusher);
    engine_release(flusher->writer, &flusher->batches[flusher->first]);
}

bool flusher_has_room(struct flusher *flusher)
{
    assert(flusher->steps);
    return flusher->count < STORE_BATCHES;
}

bool flusher_is_behind(struct flusher *flusher)
{
    assert(flusher->steps);
    return flusher->count > 0;
}

bool flusher_step(struct flusher *flusher)
{
    assert(flusher->steps);
    size_t count = flusher->count;
    if (count > 0)
        let_out(flusher, count);
    return count > 0;
}
