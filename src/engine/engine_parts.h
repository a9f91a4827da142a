/* engine_parts.h - struct engine, for the files that make it up. Inside engine only. */
#ifndef ENGINE_ENGINE_PARTS_H
#define ENGINE_ENGINE_PARTS_H

#include <stdatomic.h>

#include "engine/courses.h"
#include "engine/engine.h"
#include "engine/discovery.h"
#include "engine/engine_hints.h"
#include "engine/passes.h"
#include "engine/queue.h"
#include "net/client.h"
#include "sandbox/sandbox.h"
#include "store/hints.h"

#define ENGINE_READERS_MAX 64
#define ENGINE_WRITERS_MAX 64
/* Checks of accounts at once: they are for people, and each may last half a minute. */
#define ENGINE_CHECKS_MAX 8

struct engine_tally {
#define X(name, help) _Atomic uint64_t name;
    ENGINE_COUNTERS(X)
    ENGINE_GAUGES(X)
#undef X
};
#define ENGINE_COUNT(engine, name, by) atomic_fetch_add(&(engine)->tally.name, (by))
/* One connection that writes, and its thread. The atomics are read by others. */
struct writer {
    struct engine *engine;
    struct store *store;
    struct flusher *flusher;
    pthread_t thread;
    bool started;
    struct run_id run;
    int64_t run_since_us;            /* it was in the books then, monotonic */
    struct run_id told_run;          /* the same, for others, under the engine's runs_lock */
    _Atomic unsigned runs;           /* begun so far: the number of the present one */
    _Atomic int64_t until_us;        /* its lease may be trusted, monotonic */
    _Atomic unsigned broken;         /* the last run of which a call was not made */
    int64_t look_us;                 /* when its lease has to be looked after; 0 never */
    bool is_away;                    /* the store, for the whole of the last batch */
};

struct engine {
    struct desk desk;
    const struct outside *outside;
    struct str public_url;
    struct vault *vault;
    void (*wake)(void *self, const struct turn_answer *const *answers, size_t count);
    void (*heard)(void *self, const uint32_t *marks, size_t count);
    void *wake_self;
    struct arena arena;              /* the process's lifetime */

    struct db_serving_lock *serving;
    struct db *clock_db;             /* the clock's */
    struct db *ledger;               /* the sandbox's */
    struct sandbox *sandbox;
    struct client *client;
    struct discovery *discovery;     /* NULL without threads */
    struct deliveries *deliveries;   /* NULL without a vault: nothing could be signed */
    struct logins *logins;

    struct queue turns, reads, calls;
    struct queue again;              /* turns of our own that failed, until the clock looks up */
    struct writer writers[ENGINE_WRITERS_MAX];
    pthread_mutex_t runs_lock;       /* for the writers' told_run */
    unsigned writer_count, reader_count;
    pthread_t outbound, clock, readers[ENGINE_READERS_MAX];
    bool started_outbound, started_clock;
    /* Turns from being handed in until they were released, calls from being ordered until their
     * turn was handed in. What one brings is counted before it is not any more: 0 is the end. */
    _Atomic int64_t in_work;
    _Atomic unsigned checks, pages;  /* of accounts, and for payers (page.h), under way */
    _Atomic bool closing;            /* the desk takes nothing more */
    _Atomic bool hurry;              /* the grace is over: leave the rest to the books */

    struct {
        pthread_mutex_t lock;
        void (*done)(void *user, enum err err);
        void *user;
    } probe;
    struct engine_hints hints;
    struct {                         /* when the clock has to look up next */
        pthread_mutex_t lock;
        pthread_cond_t changed;
        int64_t due_ms;
        size_t in_work;              /* of its own turns */
        bool failed;                 /* one of them */
        bool stop, looked;
    } due;
    struct passes passes;
    struct course courses[JOB_COUNT];
    struct setbacks setbacks;        /* under due.lock */
    struct shifts shifts;
    _Atomic unsigned calls_at[ENGINE_ACCOUNT_SLOTS];
    struct str where;
    int64_t retention_ms, capture_alarm_ms;
    _Atomic bool sample_wanted;      /* of the books, for the metrics */

    const struct engine_steps *steps;    /* NULL: threads */
    struct engine_tally tally;
};

/* lease.c */
must_check enum err engine_run_begin(struct writer *writer);
/* Renews the lease when it is time to; begins another run when it is over. On books that are
 * not shared there is nothing to do. */
void engine_run_keep(struct writer *writer);
/* Tells the other threads until when the lease may be trusted now. */
void engine_run_publish(struct writer *writer);
/* Whether it is a run of this node whose lease holds. From any thread. */
bool engine_run_is_held(struct engine *engine, struct run_id run);

/* writer.c */
void *engine_writer(void *writer);
/* Says when the store cannot be reached, and when it can be again; `is_away` remembers. */
void engine_log_store(bool *is_away, enum err err, struct str detail);
/* A turn of our own: never refused before the writer ends. From the writer itself it may be: then
 * the offer is false, and the turn is still the caller's. */
void engine_turn(struct engine *engine, struct desk_turn *turn);
bool engine_turn_offer(struct engine *engine, struct desk_turn *turn);

/* outbound.c */
void *engine_outbound(void *engine);
/* network.c */
must_check enum err engine_network_open(struct engine *engine, const struct engine_config *config,
                                        struct arena *arena, struct str *why);
/* Ends all calls; their turns still go in. */
void engine_network_stop(struct engine *engine);
void engine_network_close(struct engine *engine);
/* client_send, or the sender of whoever steps the node. */
bool engine_send(struct engine *engine, struct client *client, struct client_call *wire);

/* readers.c */
must_check enum err engine_open_readers(struct engine *engine, struct str where, unsigned count,
                                        struct arena *arena, struct str *why);
/* sampler.c: on the clock's thread; from any. */
void engine_sample(struct engine *engine, struct db *db);
void engine_want_sample(struct engine *engine);
/* clock.c */
void *engine_clock(void *engine);
/* The `done` of a turn of our own, with the engine as its user: what the books could not take is
 * handed in again in a second. If the engine stops first, the next start asks the gateway. */
void engine_turn_kept(struct desk_turn *turn);
/* Something is due then; the clock looks up at the earliest of what it was told. */
void engine_due(struct engine *engine, int64_t due_ms);

#endif
