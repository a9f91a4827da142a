/* shifts.c - runs jobs with an interval, on a connection that is opened for the run. */
#include <assert.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "engine/engine_parts.h"
#include "gateways/gateways.h"

/* After a run that failed. */
#define RETRY_MS (10 * MINUTE_MS)
/* The books belong to payers at least half of the time: a pause as long as the transaction. */
#define PAUSE_MOST_US 100000

static bool is_to_end(struct shifts *shifts)
{
    return shifts->stop || shifts->give_way;
}

static bool go_on(void *self)
{
    struct engine *engine = self;
    struct shifts *shifts = &engine->shifts;
    int64_t now_us = outside_monotonic_us(engine->outside);
    int64_t pause_us = now_us - shifts->step_us;
    if (pause_us > PAUSE_MOST_US)
        pause_us = PAUSE_MOST_US;
    int64_t until_us = now_us + pause_us;
    struct timespec until = { .tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000 };
    pthread_mutex_lock(&shifts->lock);
    while (!is_to_end(shifts) && outside_monotonic_us(engine->outside) < until_us)
        pthread_cond_timedwait(&shifts->changed, &shifts->lock, &until);
    bool may = !is_to_end(shifts);
    pthread_mutex_unlock(&shifts->lock);
    shifts->step_us = outside_monotonic_us(engine->outside);
    return may;
}

static enum err work(struct engine *engine, enum job_kind kind, struct job_shift *shift,
                     struct str *why)
{
    struct store_config config = { .where = engine->where, .outside = engine->outside,
                                   .gateways = gateways };
    struct store *store = NULL;
    enum err err = store_open(&config, shift->arena, &store, why);
    if (err)
        return err;
    shift->db = store_db(store);
    engine->shifts.step_us = outside_monotonic_us(engine->outside);
    err = jobs[kind]->work(shift);
    if (err)
        *why = str_copy(shift->arena, db_error(shift->db));
    store_close(store);
    return err;
}

static bool was_cut(struct shifts *shifts)
{
    pthread_mutex_lock(&shifts->lock);
    bool cut = is_to_end(shifts);
    pthread_mutex_unlock(&shifts->lock);
    return cut;
}

/* Nodes do not begin in step: up to an eighth later. */
static int64_t next_ms(struct engine *engine, enum job_kind kind, int64_t now_ms)
{
    uint8_t chance;
    outside_random(engine->outside, &chance, sizeof(chance));
    return now_ms + job_terms[kind].every_ms + job_terms[kind].every_ms * chance / 2048;
}

static void run(struct engine *engine, enum job_kind kind, int64_t asked_ms)
{
    struct arena arena = { 0 };
    struct job_shift shift = { .arena = &arena, .retention_ms = engine->retention_ms,
                               .self = engine, .go_on = go_on };
    struct str why = { 0 };
    enum err err = work(engine, kind, &shift, &why);
    int64_t now_ms = outside_now_ms(engine->outside);
    bool cut = was_cut(&engine->shifts);
    if (err) {
        shift.failed++;
        shift.detail = why;
        log_event(LOG_ERROR, "job.failed", LOG_C("job", job_terms[kind].name),
                  LOG_STR("detail", why), LOG_END);
    } else {
        log_event(shift.failed ? LOG_ERROR : LOG_INFO, "job.done",
                  LOG_C("job", job_terms[kind].name), LOG_INT("done", shift.done),
                  LOG_STR("detail", shift.detail), LOG_END);
    }
    ENGINE_COUNT_JOB(engine, kind, done_total, (uint64_t)shift.done);
    ENGINE_COUNT_JOB(engine, kind, failed_total, (uint64_t)shift.failed);
    engine_job_note(engine, kind, &(struct job_note){
        .done = shift.done,
        .failed = shift.failed,
        .detail = shift.detail,
        .due_ms = err ? now_ms + RETRY_MS : cut ? now_ms : next_ms(engine, kind, now_ms),
        .asked_ms = asked_ms,
    });
    arena_done(&arena);
}

static void *shifts_thread(void *self)
{
    struct engine *engine = self;
    struct shifts *shifts = &engine->shifts;
    pthread_mutex_lock(&shifts->lock);
    while (!shifts->stop) {
        enum job_kind kind = shifts->wanted;
        if (kind == JOB_NONE) {
            pthread_cond_wait(&shifts->changed, &shifts->lock);
            continue;
        }
        shifts->running = kind;
        shifts->give_way = false;
        pthread_mutex_unlock(&shifts->lock);
        run(engine, kind, shifts->asked_ms);
        pthread_mutex_lock(&shifts->lock);
        shifts->wanted = shifts->running = JOB_NONE;
        shifts->claimed = false;
        /* Another job may wait for its turn. */
        engine_due(engine, outside_now_ms(engine->outside));
    }
    pthread_mutex_unlock(&shifts->lock);
    return NULL;
}

enum err engine_shifts_open(struct engine *engine, struct str *why)
{
    if (pthread_create(&engine->shifts.thread, NULL, shifts_thread, engine) != 0) {
        *why = STR("A thread could not be started.");
        return ERR_IO;
    }
    engine->shifts.started = true;
    return OK;
}

void engine_shifts_stop(struct engine *engine)
{
    struct shifts *shifts = &engine->shifts;
    pthread_mutex_lock(&shifts->lock);
    shifts->stop = true;
    pthread_cond_broadcast(&shifts->changed);
    pthread_mutex_unlock(&shifts->lock);
    if (shifts->started)
        pthread_join(shifts->thread, NULL);
    shifts->started = false;
}

bool engine_shifts_claim(struct engine *engine, int64_t asked_ms)
{
    struct shifts *shifts = &engine->shifts;
    pthread_mutex_lock(&shifts->lock);
    bool mine = shifts->started && !shifts->claimed;
    if (mine) {
        shifts->claimed = true;
        shifts->asked_ms = asked_ms;
    }
    pthread_mutex_unlock(&shifts->lock);
    return mine;
}

void engine_shifts_run(struct engine *engine, enum job_kind kind)
{
    struct shifts *shifts = &engine->shifts;
    pthread_mutex_lock(&shifts->lock);
    assert(shifts->claimed && shifts->wanted == JOB_NONE);
    shifts->wanted = kind;
    shifts->claimed = kind != JOB_NONE;
    pthread_cond_broadcast(&shifts->changed);
    pthread_mutex_unlock(&shifts->lock);
}

void engine_shifts_pause(struct engine *engine, enum job_kind kind)
{
    struct shifts *shifts = &engine->shifts;
    pthread_mutex_lock(&shifts->lock);
    if (shifts->running == kind && shifts->asked_ms == 0) {
        shifts->give_way = true;
        pthread_cond_broadcast(&shifts->changed);
    }
    pthread_mutex_unlock(&shifts->lock);
}
