#include "store/wal_flush.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"

struct wal_flush {
    struct wal_flush *next;
    struct arena arena;
    struct str path;
    size_t users;
    _Atomic uint64_t expected, reached;
    pthread_mutex_t lock;
    pthread_cond_t more; /* is reached */
    bool (*now)(void *self); /* of who is alone, else NULL */
    void *self;
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct wal_flush *all;

static struct wal_flush *make(struct str path)
{
    struct wal_flush *flush = mem_alloc(sizeof *flush);

    flush->path = str_copy(&flush->arena, path);
    pthread_mutex_init(&flush->lock, NULL);
    pthread_cond_init(&flush->more, NULL);
    flush->next = all;
    all = flush;
    return flush;
}

struct wal_flush *wal_flush_of(const char *path)
{
    struct wal_flush *flush;

    pthread_mutex_lock(&all_lock);
    for (flush = all; flush != NULL; flush = flush->next)
        if (str_equal(flush->path, str_of(path)))
            break;
    if (flush == NULL)
        flush = make(str_of(path));
    flush->users++;
    pthread_mutex_unlock(&all_lock);
    return flush;
}

static void forget(struct wal_flush *flush)
{
    struct wal_flush **place = &all;

    while (*place != flush)
        place = &(*place)->next;
    *place = flush->next;
    pthread_cond_destroy(&flush->more);
    pthread_mutex_destroy(&flush->lock);
    arena_done(&flush->arena);
    mem_free(flush);
}

void wal_flush_leave(struct wal_flush *flush)
{
    if (flush == NULL)
        return;
    pthread_mutex_lock(&all_lock);
    assert(flush->users > 0);
    if (--flush->users == 0)
        forget(flush);
    pthread_mutex_unlock(&all_lock);
}

uint64_t wal_flush_expect(struct wal_flush *flush)
{
    return atomic_fetch_add(&flush->expected, 1) + 1;
}

void wal_flush_reached(struct wal_flush *flush, uint64_t commit)
{
    pthread_mutex_lock(&flush->lock);
    assert(commit <= atomic_load(&flush->expected));
    if (commit > atomic_load(&flush->reached)) {
        atomic_store(&flush->reached, commit);
        pthread_cond_broadcast(&flush->more);
    }
    pthread_mutex_unlock(&flush->lock);
}

bool wal_flush_await(struct wal_flush *flush)
{
    uint64_t seen = atomic_load(&flush->expected);

    if (atomic_load(&flush->reached) >= seen)
        return true;
    if (flush->now != NULL)
        return flush->now(flush->self);
    pthread_mutex_lock(&flush->lock);
    while (atomic_load(&flush->reached) < seen)
        pthread_cond_wait(&flush->more, &flush->lock);
    pthread_mutex_unlock(&flush->lock);
    return true;
}

void wal_flush_alone(struct wal_flush *flush, bool (*now)(void *self), void *self)
{
    assert(flush->now == NULL || now == NULL);
    flush->now = now;
    flush->self = self;
}
