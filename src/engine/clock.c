/* clock.c - finds due work and hands it in as turns; sleeps until the next is due.
 *
 * After a crash, what was committed but not performed is found here, by the same
 * queries as on any other day. */
#include <assert.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "core/requests.h"
#include "engine/engine_parts.h"
#include "engine/step.h"
#include "jobs/jobs.h"
#include "store/due.h"

#define FIND_LIMIT 200
/* After a failure, and as an upper bound of every sleep: a clock that was set. */
#define RETRY_MS (1 * SECOND_MS)
#define SLEEP_MAX_MS (10 * MINUTE_MS)
/* On shared books, because nobody announces what other nodes leave; up to a quarter more, so
 * that nodes do not look in step. */
#define LOOK_MS (1 * SECOND_MS)

void engine_due(struct engine *engine, int64_t due_ms)
{
    if (due_ms == 0)
        return;
    pthread_mutex_lock(&engine->due.lock);
    if (engine->due.due_ms == 0 || due_ms < engine->due.due_ms) {
        engine->due.due_ms = due_ms;
        pthread_cond_signal(&engine->due.changed);
    }
    pthread_mutex_unlock(&engine->due.lock);
}

void engine_again(struct engine *engine, struct desk_turn *turn)
{
    if (!queue_put(&engine->again, &turn->link)) {
        desk_turn_free(turn);
        return;
    }
    engine_due(engine, outside_now_ms(engine->outside) + RETRY_MS);
}

static void hand_in_again(struct engine *engine)
{
    struct link *next;
    for (struct link *item = queue_take_now(&engine->again); item; item = next) {
        next = item->next;
        engine_turn(engine, LINK_OWNER(item, struct desk_turn, link));
    }
}

static void turn_done(struct desk_turn *turn)
{
    struct engine *engine = turn->user;
    pthread_mutex_lock(&engine->due.lock);
    assert(engine->due.in_work > 0);
    if (turn->err)
        engine->due.failed = true;
    if (--engine->due.in_work == 0)
        pthread_cond_signal(&engine->due.changed);
    pthread_mutex_unlock(&engine->due.lock);
    desk_turn_free(turn);
}

static void hand_in(struct engine *engine, const struct job *job, const struct turn_input *input,
                    struct desk_turn *turn)
{
    turn->input = *input;
    turn->input.origin = job->origin ? job->origin : ORIGIN_CLOCK;
    turn->input.actor = job->origin == ORIGIN_RECONCILER ? STR("reconciler") : STR("clock");
    if (input->handler == &turn_reconciliation_note)
        engine_passes_begin(engine, input->ask);
    turn->done = turn_done;
    turn->user = engine;
    pthread_mutex_lock(&engine->due.lock);
    engine->due.in_work++;
    pthread_mutex_unlock(&engine->due.lock);
    ENGINE_COUNT(engine, due_found_total, 1);
    engine_turn(engine, turn);
}

/* Without threads nobody else does it. */
static void wait_for_work(struct engine *engine)
{
    while (engine->steps && engine->due.in_work > 0)
        (void)engine_step_turns(engine, STORE_BATCH_MAX);
    pthread_mutex_lock(&engine->due.lock);
    while (engine->due.in_work > 0)
        pthread_cond_wait(&engine->due.changed, &engine->due.lock);
    pthread_mutex_unlock(&engine->due.lock);
}

static bool is_stopping(struct engine *engine)
{
    pthread_mutex_lock(&engine->due.lock);
    bool stop = engine->due.stop;
    pthread_mutex_unlock(&engine->due.lock);
    return stop;
}

static struct id piece_of(const struct turn_input *input)
{
    if (!id_is_zero(input->operation.id))
        return input->operation.id;
    if (!id_is_zero(input->replay.id))
        return input->replay.id;
    return !id_is_zero(input->payment.id) ? input->payment.id : input->notice.id;
}

/* Leaves out what another node has in work. */
static enum err claim(struct db *db, struct turn_input_list *inputs)
{
    struct id pieces[DUE_CLAIM_MAX];
    bool mine[DUE_CLAIM_MAX];
    size_t kept = 0;
    assert(inputs->count <= DUE_CLAIM_MAX);
    for (size_t i = 0; i < inputs->count; i++)
        pieces[i] = piece_of(inputs->items[i]);
    enum err err = due_claim(db, pieces, inputs->count, mine);
    for (size_t i = 0; !err && i < inputs->count; i++)
        if (mine[i])
            inputs->items[kept++] = inputs->items[i];
    inputs->count = kept;
    return err;
}

/* One page. The inputs' asks live in the arena until the turns are done: they are waited for. */
static enum err look_at_page(struct engine *engine, struct db *db, const struct job *job,
                             int64_t now_ms, struct job_found *found)
{
    enum err err = db_begin(db);
    if (!err)
        err = job->find(db, now_ms, FIND_LIMIT, found);
    if (!err)
        err = claim(db, &found->inputs);
    /* Claims last as long as the transaction. A snapshot that nobody needs only holds others up. */
    if (err || !db_is_shared(db))
        db_rollback(db);
    if (err) {
        log_event(LOG_ERROR, "job.failed", LOG_C("job", job->name),
                  LOG_STR("detail", db_error(db)), LOG_END);
        return err;
    }
    for (size_t i = 0; i < found->inputs.count; i++)
        hand_in(engine, job, found->inputs.items[i], desk_turn_new());
    wait_for_work(engine);
    db_rollback(db);
    engine_due(engine, found->next_due_ms);
    return OK;
}

/* All that is due now, page by page: those whose turns fail stay due, and hide none behind them. */
static enum err look(struct engine *engine, struct db *db, const struct job *job,
                     struct arena *arena, int64_t now_ms, bool *found_any)
{
    struct job_found found = { .more = true };
    enum err err = OK;
    if (!engine_passes_may_look(engine, job)) {
        engine_passes_looked(engine, job);
        return OK;
    }
    while (!err && found.more && !is_stopping(engine)) {
        found = (struct job_found){ .arena = arena, .place = found.place,
                                    .interval_ms = engine->passes.interval_ms };
        err = look_at_page(engine, db, job, now_ms, &found);
        *found_any = *found_any || found.inputs.count > 0;
        arena_reset(arena);
    }
    engine_passes_looked(engine, job);
    return err;
}

static void look_again(struct engine *engine)
{
    uint8_t random;
    outside_random(engine->outside, &random, sizeof(random));
    engine_due(engine, outside_now_ms(engine->outside) + LOOK_MS + random);
}

bool engine_clock_look(struct engine *engine, struct arena *arena)
{
    struct db *db = engine->clock_db;
    int64_t now_ms = 0;
    bool found_any = false;
    enum err err = db_now(db, &now_ms);
    pthread_mutex_lock(&engine->due.lock);
    engine->due.due_ms = 0;
    engine->due.failed = false;
    pthread_mutex_unlock(&engine->due.lock);
    engine_sample(engine, db);
    hand_in_again(engine);
    for (size_t i = 0; !err && jobs[i]; i++)
        err = look(engine, db, jobs[i], arena, now_ms, &found_any);
    pthread_mutex_lock(&engine->due.lock);
    bool failed = err || engine->due.failed;
    pthread_mutex_unlock(&engine->due.lock);
    if (failed)
        engine_due(engine, outside_now_ms(engine->outside) + RETRY_MS);
    if (db_is_shared(db))
        look_again(engine);
    return found_any && !failed;
}

/* Returns false when the engine stops. */
static bool sleep_until_due(struct engine *engine)
{
    pthread_mutex_lock(&engine->due.lock);
    for (;;) {
        int64_t now_ms = outside_now_ms(engine->outside);
        int64_t due_ms = engine->due.due_ms;
        if (engine->due.stop || (due_ms != 0 && due_ms <= now_ms))
            break;
        if (due_ms == 0) {
            pthread_cond_wait(&engine->due.changed, &engine->due.lock);
            continue;
        }
        int64_t sleep_ms = due_ms - now_ms < SLEEP_MAX_MS ? due_ms - now_ms : SLEEP_MAX_MS;
        int64_t until_us = outside_monotonic_us(engine->outside) + sleep_ms * 1000;
        struct timespec until = { .tv_sec = until_us / 1000000,
                                  .tv_nsec = until_us % 1000000 * 1000 };
        pthread_cond_timedwait(&engine->due.changed, &engine->due.lock, &until);
    }
    bool stop = engine->due.stop;
    pthread_mutex_unlock(&engine->due.lock);
    return !stop;
}

void *engine_clock(void *self)
{
    struct engine *engine = self;
    struct arena arena = { 0 };
    do {
        while (!is_stopping(engine) && engine_clock_look(engine, &arena))
            arena_reset(&arena);
        arena_reset(&arena);
    } while (sleep_until_due(engine));
    arena_done(&arena);
    return NULL;
}
