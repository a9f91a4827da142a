#include "base/outside.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t real_now_ms(void *self)
{
    struct timespec now;

    (void)self;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    assert(failed == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t real_monotonic_us(void *self)
{
    struct timespec now;

    (void)self;
    int failed = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(failed == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void system_random(unsigned char *at, size_t len)
{
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        /* Without randomness ids and keys could be guessed: only a signal may interrupt. */
        assert(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        }
    }
}

/* Bytes ahead of need, because every id wants ten, and a call of the system costs more than all
 * else of an id. What was given away is wiped; a thread's own need no lock. A process that
 * forked would give the same twice: purser does not fork. */
#define AHEAD 256
#define AHEAD_MOST 32 /* more at once is rare, and a secret */

static void real_random(void *self, void *out, size_t len)
{
    static _Thread_local unsigned char ahead[AHEAD];
    static _Thread_local size_t left;

    (void)self;
    if (len > AHEAD_MOST) {
        system_random(out, len);
        return;
    }
    if (left < len) {
        system_random(ahead, sizeof ahead);
        left = sizeof ahead;
    }
    if (len == 0)
        return;
    left -= len;
    memcpy(out, ahead + left, len);
    explicit_bzero(ahead + left, len);
}

const struct outside *outside_real(void)
{
    static const struct outside real = { NULL, real_now_ms, real_monotonic_us, real_random,
                                        NULL };

    return &real;
}

int64_t outside_now_ms(const struct outside *outside)
{
    return outside->now_ms(outside->self);
}

int64_t outside_monotonic_us(const struct outside *outside)
{
    return outside->monotonic_us(outside->self);
}

void outside_random(const struct outside *outside, void *out, size_t len)
{
    outside->random(outside->self, out, len);
}

static int64_t fake_now_ms(void *self)
{
    const struct outside_fake *fake = self;

    return fake->now_ms;
}

static int64_t fake_monotonic_us(void *self)
{
    const struct outside_fake *fake = self;

    return fake->monotonic_us;
}

/* SplitMix64: every seed gives another sequence, zero included. */
static void fake_random(void *self, void *out, size_t len)
{
    struct outside_fake *fake = self;
    unsigned char *at = out;

    while (len > 0) {
        fake->random_state += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t mixed = fake->random_state;
        mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        mixed ^= mixed >> 31;
        size_t piece = len < sizeof mixed ? len : sizeof mixed;
        memcpy(at, &mixed, piece);
        at += piece;
        len -= piece;
    }
}

void outside_fake_init(struct outside_fake *fake, int64_t now_ms, uint64_t seed)
{
    *fake = (struct outside_fake){
        .outside = { fake, fake_now_ms, fake_monotonic_us, fake_random, NULL },
        .now_ms = now_ms,
        .random_state = seed,
    };
}

void outside_fake_advance(struct outside_fake *fake, int64_t by_ms)
{
    assert(by_ms >= 0);
    fake->now_ms += by_ms;
    fake->monotonic_us += by_ms * 1000;
}

/* The one reader of the environment. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

const char *outside_env(const char *name)
{
    return getenv(name);
}

#pragma GCC diagnostic pop
