/* outside.h - the only door to clock, randomness and, for engines of files, the disk.
 *
 * Production uses outside_real(); tests and the simulation give their own, so
 * that a run is decided by its seed. Functions that need the outside take it as
 * an argument; nothing keeps it in a global. */
#ifndef BASE_OUTSIDE_H
#define BASE_OUTSIDE_H

#include <stddef.h>
#include <stdint.h>

struct outside {
    void *self;
    int64_t (*now_ms)(void *self);           /* wall clock, UTC */
    int64_t (*monotonic_us)(void *self);     /* for durations and deadlines; never steps back */
    void (*random)(void *self, void *out, size_t len);   /* unpredictable bytes */
    /* By which name SQLite knows the file layer to use, as its default: one in memory, say. NULL:
     * the system's. Who brings a file layer has one thread, so the store starts none of its own,
     * and makes the steps of those that are missing (store/db_flush.h). */
    const char *files;
};

const struct outside *outside_real(void);

int64_t outside_now_ms(const struct outside *outside);
int64_t outside_monotonic_us(const struct outside *outside);
void outside_random(const struct outside *outside, void *out, size_t len);

/* A deterministic one for tests: the clock starts at `now_ms` and moves only by
 * outside_fake_advance; bytes come from the seed. */
struct outside_fake {
    struct outside outside;
    int64_t now_ms;
    int64_t monotonic_us;
    uint64_t random_state;
};
void outside_fake_init(struct outside_fake *fake, int64_t now_ms, uint64_t seed);
void outside_fake_advance(struct outside_fake *fake, int64_t by_ms);

/* The value of an environment variable, or NULL: the one place that reads it. */
const char *outside_env(const char *name);

#endif
