/* secret.c - secrets live in pages of their own: locking and leaving out of core dumps are
 * properties of pages, and a page shared with other data would lose them with it.
 *
 * Short ones (card numbers, tokens, keys) share a pool of such pages, which grows with the most of
 * them that there ever were: mapping and unmapping a page for each costs more than the rest of a
 * request. Long ones, and those that find the pool full, get a mapping each. */
#include "base/secret.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define SLOT_BYTES 64
#define REGION_SLOTS 1024
#define REGION_BYTES ((size_t)REGION_SLOTS * SLOT_BYTES)
#define REGIONS_MAX 32

static struct {
    pthread_mutex_t lock;
    char *regions[REGIONS_MAX];
    size_t region_count;
    char *free[REGIONS_MAX * REGION_SLOTS]; /* a stack of slots that nobody has */
    size_t free_count;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Locking is best effort: the amount that a user may lock is limited, and a secret that might
 * be swapped out serves better than none. */
static char *map(size_t len)
{
    char *pages = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(pages != MAP_FAILED);
    (void)mlock(pages, len);
    (void)madvise(pages, len, MADV_DONTDUMP);
    return pages;
}

static void grow_pool(void)
{
    char *region = map(REGION_BYTES);
    pool.regions[pool.region_count++] = region;
    for (size_t i = 0; i < REGION_SLOTS; i++)
        pool.free[pool.free_count++] = region + i * SLOT_BYTES;
}

/* NULL when all are taken. */
static char *slot_take(void)
{
    pthread_mutex_lock(&pool.lock);
    if (pool.free_count == 0 && pool.region_count < REGIONS_MAX)
        grow_pool();
    char *slot = pool.free_count > 0 ? pool.free[--pool.free_count] : NULL;
    pthread_mutex_unlock(&pool.lock);
    return slot;
}

static bool is_pooled(const char *hidden)
{
    for (size_t i = 0; i < pool.region_count; i++) {
        uintptr_t at = (uintptr_t)hidden - (uintptr_t)pool.regions[i];
        if (at < REGION_BYTES) {
            assert(at % SLOT_BYTES == 0);
            return true;
        }
    }
    return false;
}

/* False when the bytes are not the pool's. */
static bool slot_give_back(char *hidden)
{
    pthread_mutex_lock(&pool.lock);
    bool pooled = is_pooled(hidden);
    if (pooled) {
        assert(pool.free_count < pool.region_count * REGION_SLOTS);
        pool.free[pool.free_count++] = hidden;
    }
    pthread_mutex_unlock(&pool.lock);
    return pooled;
}

struct secret secret_copy(struct str text)
{
    if (str_is_empty(text))
        return (struct secret){ 0 };

    char *hidden = text.len <= SLOT_BYTES ? slot_take() : NULL;
    if (hidden == NULL)
        hidden = map(text.len);
    memcpy(hidden, text.ptr, text.len);
    return (struct secret){ hidden, text.len };
}

void secret_done(struct secret *secret)
{
    assert(secret != NULL);

    if (secret->hidden != NULL) {
        secret_wipe(secret->hidden, secret->len);
        if (!slot_give_back(secret->hidden)) {
            int failed = munmap(secret->hidden, secret->len);
            assert(failed == 0);
        }
    }
    *secret = (struct secret){ 0 };
}

struct str secret_reveal(const struct secret *secret)
{
    return str_make(secret->hidden, secret->len);
}

bool secret_is_empty(const struct secret *secret)
{
    return secret->len == 0;
}

bool secret_equal(const struct secret *secret, struct str text)
{
    unsigned char differences = 0;

    if (secret->len != text.len)
        return false;
    /* volatile: a compiler that saw the purpose could stop at the first difference. */
    const volatile char *hidden = secret->hidden;
    const volatile char *shown = text.ptr;
    for (size_t i = 0; i < text.len; i++)
        differences |= (unsigned char)(hidden[i] ^ shown[i]);
    return differences == 0;
}

void secret_wipe(void *bytes, size_t len)
{
    if (len > 0)
        explicit_bzero(bytes, len);
}
