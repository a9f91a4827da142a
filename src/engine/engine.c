/* engine.c - opening and closing a node's threads, and its desk. */
#include "engine/engine.h"

#include <assert.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/check.h"
#include "engine/deliveries.h"
#include "engine/engine_parts.h"
#include "engine/flusher.h"
#include "engine/page.h"
#include "engine/step.h"
#include "gateways/gateways.h"
#include "sandbox/ledger.h"

#define CLOSE_STEP_US 5000
#define NO_THREAD "A thread could not be started."

/* Of its calls, the built-in gateway's alone: others have limits of their own. */
static bool desk_is_behind(void *self)
{
    struct engine *engine = self;
    bool behind = queue_is_behind(&engine->turns) || queue_is_behind(&engine->calls);
    if (behind)
        ENGINE_COUNT(engine, queue_refused_total, 1);
    return behind;
}

static bool desk_submit(void *self, struct desk_turn *turn)
{
    struct engine *engine = self;
    atomic_fetch_add(&engine->in_work, 1);
    if (!atomic_load(&engine->closing) && queue_offer(&engine->turns, &turn->link))
        return true;
    atomic_fetch_sub(&engine->in_work, 1);
    ENGINE_COUNT(engine, queue_refused_total, 1);
    return false;
}

static bool desk_read(void *self, struct desk_read *read)
{
    struct engine *engine = self;
    return queue_offer_quietly(&engine->reads, &read->link);
}

static void desk_begin_reads(void *self)
{
    struct engine *engine = self;
    queue_wake(&engine->reads);
}

static bool desk_probe(void *self, void (*done)(void *user, enum err err), void *user)
{
    struct engine *engine = self;
    pthread_mutex_lock(&engine->probe.lock);
    bool taken = !engine->probe.done && !atomic_load(&engine->closing);
    if (taken) {
        engine->probe.done = done;
        engine->probe.user = user;
    }
    pthread_mutex_unlock(&engine->probe.lock);
    if (taken)
        queue_nudge(&engine->turns);
    return taken;
}

static void check_is_over(void *self)
{
    struct engine *engine = self;
    atomic_fetch_sub(&engine->checks, 1);
}

static bool desk_check(void *self, struct desk_check *check)
{
    struct engine *engine = self;
    unsigned under_way = atomic_fetch_add(&engine->checks, 1);
    if (under_way >= ENGINE_CHECKS_MAX || atomic_load(&engine->closing)) {
        atomic_fetch_sub(&engine->checks, 1);
        return false;
    }
    check->over = check_is_over;
    check->over_self = engine;
    check_run(engine->client, engine->outside, check);
    return true;
}

static void page_is_over(void *self)
{
    struct engine *engine = self;
    atomic_fetch_sub(&engine->pages, 1);
}

static bool desk_page(void *self, struct desk_page *page)
{
    struct engine *engine = self;
    unsigned under_way = atomic_fetch_add(&engine->pages, 1);
    if (under_way >= ENGINE_PAGES_MAX || atomic_load(&engine->closing)) {
        atomic_fetch_sub(&engine->pages, 1);
        return false;
    }
    page->over = page_is_over;
    page->over_self = engine;
    page_run(engine->client, engine->outside, page);
    return true;
}

static enum err open_writer(struct engine *engine, struct str where, struct arena *arena,
                            struct str *why)
{
    struct writer *writer = &engine->writers[engine->writer_count];
    struct store_config config = {
        .where = where,
        .outside = engine->outside,
        .gateways = gateways,
        .create = true,
    };
    enum err err = store_open(&config, arena, &writer->store, why);
    if (err)
        return err;
    writer->engine = engine;
    engine->writer_count++;
    writer->flusher = flusher_start(writer);
    if (writer->flusher)
        return OK;
    *why = STR(NO_THREAD);
    return ERR_IO;
}

/* The first opens in any case: it tells whether there may be more. */
static enum err open_writers(struct engine *engine, struct str where, unsigned count,
                             struct arena *arena, struct str *why)
{
    enum err err = open_writer(engine, where, arena, why);
    bool is_shared = !err && db_is_shared(store_db(engine->writers[0].store));
    assert(count <= ENGINE_WRITERS_MAX);
    while (!err && is_shared && engine->writer_count < count)
        err = open_writer(engine, where, arena, why);
    return err;
}

static enum err begin_runs(struct engine *engine, struct arena *arena, struct str *why)
{
    struct store *first = engine->writers[0].store;
    bool made = false;
    enum err err = store_bootstrap(first, &made);
    if (err) {
        *why = str_copy(arena, db_error(store_db(first)));
        return err;
    }
    for (unsigned i = 0; !err && i < engine->writer_count; i++) {
        err = engine_run_begin(&engine->writers[i]);
        if (err)
            *why = str_copy(arena, db_error(store_db(engine->writers[i].store)));
    }
    return err;
}

static enum err open_books(struct engine *engine, const struct engine_config *config,
                           struct arena *arena, struct str *why)
{
    struct str where = config->where;
    /* Whoever steps a node has it alone. */
    enum err err = config->steps ? OK : db_lock_serving(where, arena, &engine->serving, why);
    if (!err)
        err = store_migrate(where, true, engine->outside, arena, why);
    if (!err)
        err = open_writers(engine, where, config->writers, arena, why);
    if (!err)
        err = store_open_reader(where, engine->outside, arena, &engine->clock_db, why);
    return err ? err : begin_runs(engine, arena, why);
}

static enum err open_sandbox(struct engine *engine, struct str where, struct arena *arena,
                             struct str *why)
{
    /* A file loses nothing while this process lives. A server may be restarted meanwhile, and
     * what a payer was told must be there still. */
    struct db_config ledger = {
        .where = where,
        .file = LEDGER_FILE,
        .durable = engine_is_shared(engine),
        .access = DB_WRITE,
        .create = true,
        .outside = engine->outside,
    };
    enum err err = db_open(&ledger, arena, &engine->ledger, why);
    if (!err)
        err = sandbox_open(engine->ledger, engine->public_url, engine->outside,
                           arena, &engine->sandbox, why);
    return err;
}

static enum err start_thread(pthread_t *thread, bool *started, void *(*run)(void *), void *self,
                             struct str *why)
{
    if (pthread_create(thread, NULL, run, self) == 0) {
        *started = true;
        return OK;
    }
    *why = STR(NO_THREAD);
    return ERR_IO;
}

static enum err start_steps(struct engine *engine, const struct engine_config *config,
                            struct arena *arena, struct str *why)
{
    enum err err = engine_network_open(engine, config, arena, why);
    if (!err && engine->vault)
        err = deliveries_open(engine, config, arena, why);
    return err;
}

static enum err start(struct engine *engine, const struct engine_config *config,
                      struct arena *arena, struct str *why)
{
    enum err err = open_books(engine, config, arena, why);
    if (!err && config->steps)
        return start_steps(engine, config, arena, why);
    if (!err)
        err = open_sandbox(engine, config->where, arena, why);
    if (!err)
        err = engine_network_open(engine, config, arena, why);
    if (!err)
        err = engine_open_readers(engine, config->where, config->readers, arena, why);
    if (!err && config->hints)
        err = engine_hints_open(engine, config->where, why);
    for (unsigned i = 0; !err && i < engine->writer_count; i++)
        err = start_thread(&engine->writers[i].thread, &engine->writers[i].started, engine_writer,
                           &engine->writers[i], why);
    if (!err)
        err = start_thread(&engine->outbound, &engine->started_outbound, engine_outbound, engine,
                           why);
    if (!err && engine->vault)
        err = deliveries_open(engine, config, arena, why);
    if (!err)
        err = engine_shifts_open(engine, why);
    if (!err)
        err = discovery_open(engine, config->where, arena, &engine->discovery, why);
    if (!err)
        err = start_thread(&engine->clock, &engine->started_clock, engine_clock, engine, why);
    return err;
}

/* What sleeps until a moment does so by the monotonic clock. */
static void init_sleepers(struct engine *engine)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&engine->due.lock, NULL);
    pthread_mutex_init(&engine->shifts.lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&engine->due.changed, &attributes);
    pthread_cond_init(&engine->shifts.changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum err engine_open(const struct engine_config *config, struct arena *arena,
                     struct engine **out, struct str *why)
{
    struct engine *engine = mem_alloc(sizeof(*engine));
    engine->outside = config->outside;
    engine->wake = config->wake;
    engine->heard = config->heard;
    engine->wake_self = config->wake_self;
    engine->public_url = str_copy(&engine->arena, config->public_url);
    engine->vault = config->vault;
    engine->desk = (struct desk){ engine, desk_submit, desk_read, desk_begin_reads, desk_probe,
                                  desk_check, desk_page, desk_is_behind };
    engine->passes.interval_ms = config->reconcile_ms;
    engine->retention_ms = config->retention_ms;
    engine->capture_alarm_ms = config->capture_alarm_ms;
    engine->where = str_copy(&engine->arena, config->where);
    engine->steps = config->steps;
    queue_init(&engine->turns, engine->outside);
    queue_init(&engine->reads, engine->outside);
    queue_init(&engine->calls, engine->outside);
    queue_init(&engine->again, engine->outside);
    pthread_mutex_init(&engine->probe.lock, NULL);
    pthread_mutex_init(&engine->passes.lock, NULL);
    pthread_mutex_init(&engine->hints.lock, NULL);
    pthread_mutex_init(&engine->runs_lock, NULL);
    init_sleepers(engine);
    enum err err = start(engine, config, arena, why);
    if (err) {
        engine_close(engine, 0);
        return err;
    }
    *out = engine;
    return OK;
}

/* Lets what runs come to its end. What does not is in the books. */
static void drain(struct engine *engine, int64_t grace_ms)
{
    int64_t until_us = outside_monotonic_us(engine->outside) + grace_ms * 1000;
    while (engine->writers[0].started && atomic_load(&engine->in_work) > 0
           && outside_monotonic_us(engine->outside) < until_us)
        usleep(CLOSE_STEP_US);
}

/* Nothing is handed in again from here on; what waits for it is in the books as sending. */
static void drop_again(struct engine *engine)
{
    struct link *next;
    queue_close(&engine->again);
    for (struct link *item = queue_take_now(&engine->again, SIZE_MAX); item; item = next) {
        next = item->next;
        desk_turn_free(LINK_OWNER(item, struct desk_turn, link));
    }
}

/* Without threads: what nobody came to do. */
static void refuse_turns(struct engine *engine)
{
    struct link *next;
    for (struct link *item = queue_take_now(&engine->turns, SIZE_MAX); item; item = next) {
        struct desk_turn *turn = LINK_OWNER(item, struct desk_turn, link);
        next = item->next;
        turn->err = ERR_UNAVAILABLE;
        turn->done(turn);
    }
}

static void stop_clock(struct engine *engine)
{
    pthread_mutex_lock(&engine->due.lock);
    engine->due.stop = true;
    pthread_cond_broadcast(&engine->due.changed);
    pthread_mutex_unlock(&engine->due.lock);
    if (engine->started_clock)
        pthread_join(engine->clock, NULL);
}

/* The order matters: each thread ends while those that it hands work to still run. */
static void stop_threads(struct engine *engine)
{
    stop_clock(engine);
    engine_shifts_stop(engine);
    discovery_stop(engine->discovery);
    drop_again(engine);
    atomic_store(&engine->hurry, true);
    queue_close(&engine->calls);
    if (engine->started_outbound)
        pthread_join(engine->outbound, NULL);
    engine_network_stop(engine);
    deliveries_stop(engine->deliveries);
    queue_close(&engine->turns);
    for (unsigned i = 0; i < engine->writer_count; i++)
        if (engine->writers[i].started)
            pthread_join(engine->writers[i].thread, NULL);
    for (unsigned i = 0; i < engine->writer_count; i++)
        flusher_stop(engine->writers[i].flusher);
    if (engine->steps)
        refuse_turns(engine);
    queue_close(&engine->reads);
    for (unsigned i = 0; i < engine->reader_count; i++)
        pthread_join(engine->readers[i], NULL);
}

void engine_close(struct engine *engine, int64_t grace_ms)
{
    if (!engine)
        return;
    atomic_store(&engine->closing, true);
    drain(engine, grace_ms);
    stop_threads(engine);
    engine_hints_close(engine);
    for (unsigned i = 0; i < engine->writer_count; i++)
        if (engine->writers[i].runs > 0 && store_run_end(engine->writers[i].store) != OK)
            log_event(LOG_WARN, "run.not_ended", LOG_END);
    discovery_close(engine->discovery);
    deliveries_close(engine->deliveries);
    engine_network_close(engine);
    sandbox_close(engine->sandbox);
    db_close(engine->ledger);
    db_close(engine->clock_db);
    for (unsigned i = 0; i < engine->writer_count; i++)
        store_close(engine->writers[i].store);
    db_unlock_serving(engine->serving);
    queue_done(&engine->turns);
    queue_done(&engine->reads);
    queue_done(&engine->calls);
    queue_done(&engine->again);
    pthread_mutex_destroy(&engine->probe.lock);
    pthread_mutex_destroy(&engine->passes.lock);
    arena_done(&engine->passes.arena);
    pthread_mutex_destroy(&engine->runs_lock);
    pthread_mutex_destroy(&engine->due.lock);
    pthread_cond_destroy(&engine->due.changed);
    pthread_mutex_destroy(&engine->shifts.lock);
    pthread_cond_destroy(&engine->shifts.changed);
    arena_done(&engine->arena);
    mem_free(engine);
}

struct desk *engine_desk(struct engine *engine)
{
    return &engine->desk;
}

bool engine_is_shared(const struct engine *engine)
{
    return db_is_shared(store_db(engine->writers[0].store));
}

struct sandbox *engine_sandbox(struct engine *engine)
{
    return engine->sandbox;
}

void engine_write_metrics(struct engine *engine, struct buf *out)
{
    deliveries_write_metrics(engine->deliveries, out);
    engine_write_courses(engine, out);
}

struct engine_counts engine_counts(struct engine *engine)
{
    struct engine_counts counts = {
#define X(name, help) .name = atomic_load(&engine->tally.name),
        ENGINE_COUNTERS(X)
        ENGINE_GAUGES(X)
#undef X
    };
    engine_want_sample(engine);
    struct client_counts client = client_counts(engine->client);
    counts.queue_depth = queue_count(&engine->turns);
    counts.gateway_breakers_opened_total = client.breakers_opened_total;
    counts.calls_waiting = client.calls_waiting;
    return counts;
}
