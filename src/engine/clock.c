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
#include "store/query_jobs.h"
#include "store/store.h"

/* After a failure, and as an upper bound of every sleep: a clock that was set. */
#define RETRY_MS (1 * SECOND_MS)
#define SLEEP_MAX_MS (10 * MINUTE_MS)
/* On shared books, because nobody announces what other nodes leave; up to a quarter more, so
 * that nodes do not look in step. */
#define LOOK_MS (1 * SECOND_MS)
/* While a job is paused: nobody announces that a command resumed it. */
#define PAUSED_LOOK_MS (2 * SECOND_MS)
/* A look at one job ends then, so that none holds up the others; the next goes on from there. */
#define TICK_US (5 * SECOND_MS * 1000)
/* Rows were left because enough calls are under way: the next look is so much later. No call's
 * end wakes the clock, for most are of payers' calls. So a job makes at most `at_once` (32) calls
 * in that time at an account, 640 a second, for 20 looks a second: shorter would cost looks, longer
 * would leave a fast gateway waiting. */
#define HELD_MS 50
/* Of a reconciliation that was asked for, over all accounts. */
#define CALLS_UNDER_WAY_MAX 64
/* What a job did is noted in its row so often at most. */
#define NOTE_EVERY_MS (1 * MINUTE_MS)

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

static void hand_in_later(struct engine *engine, struct desk_turn *turn)
{
    if (!queue_put(&engine->again, &turn->link)) {
        desk_turn_free(turn);
        return;
    }
    engine_due(engine, outside_now_ms(engine->outside) + RETRY_MS);
}

void engine_turn_kept(struct desk_turn *turn)
{
    if (turn->err && err_is_retryable(turn->err))
        hand_in_later(turn->user, turn);
    else
        desk_turn_free(turn);
}

static void hand_in_again(struct engine *engine)
{
    struct link *next;
    for (struct link *item = queue_take_now(&engine->again, SIZE_MAX); item; item = next) {
        next = item->next;
        engine_turn(engine, LINK_OWNER(item, struct desk_turn, link));
    }
}

static struct id piece_of(const struct turn_input *input)
{
    if (!id_is_zero(input->operation.id))
        return input->operation.id;
    if (!id_is_zero(input->replay.id))
        return input->replay.id;
    if (!id_is_zero(input->checkout.id))
        return input->checkout.id;
    return !id_is_zero(input->payment.id) ? input->payment.id : input->notice.id;
}

/* Under due.lock. Returns when the piece may be tried again; 0: it need not. */
static int64_t judge(struct engine *engine, const struct desk_turn *turn)
{
    struct course *course = &engine->courses[turn->input.job];
    uint8_t chance;
    if (!turn->err) {
        course->done++;
        ENGINE_COUNT_JOB(engine, turn->input.job, done_total, 1);
        setback_clear(&engine->setbacks, piece_of(&turn->input));
        return 0;
    }
    course->failed++;
    ENGINE_COUNT_JOB(engine, turn->input.job, failed_total, 1);
    if (err_is_outage(turn->err)) {
        engine->due.failed = true;
        return 0;
    }
    outside_random(engine->outside, &chance, sizeof(chance));
    return setback_note(&engine->setbacks, piece_of(&turn->input), outside_now_ms(engine->outside),
                        chance);
}

static void turn_done(struct desk_turn *turn)
{
    struct engine *engine = turn->user;
    pthread_mutex_lock(&engine->due.lock);
    int64_t again_ms = judge(engine, turn);
    pthread_mutex_unlock(&engine->due.lock);
    engine_due(engine, again_ms);
    pthread_mutex_lock(&engine->due.lock);
    assert(engine->due.in_work > 0);
    if (--engine->due.in_work == 0)
        pthread_cond_signal(&engine->due.changed);
    pthread_mutex_unlock(&engine->due.lock);
    desk_turn_free(turn);
}

/* The turn of a job's run that begins: no piece of work, and nobody waits for it. */
static void begin_done(struct desk_turn *turn)
{
    struct engine *engine = turn->user;
    engine_shifts_run(engine, turn->err ? JOB_NONE : turn->input.job);
    if (turn->err)
        engine_due(engine, outside_now_ms(engine->outside) + RETRY_MS);
    desk_turn_free(turn);
}

static struct desk_turn *turn_about(struct engine *engine, enum job_kind kind,
                                    const struct turn_handler *handler,
                                    void (*done)(struct desk_turn *turn))
{
    struct desk_turn *turn = desk_turn_new();
    turn->input = (struct turn_input){ .handler = handler, .origin = ORIGIN_CLOCK,
                                       .actor = STR("clock"), .job = kind };
    turn->done = done;
    turn->user = engine;
    return turn;
}

void engine_job_note(struct engine *engine, enum job_kind kind, const struct job_note *note)
{
    struct desk_turn *turn = turn_about(engine, kind, &turn_job_note, engine_turn_kept);
    struct job_note *copy = arena_copy(&turn->arena, note, sizeof(*note));
    copy->detail = str_copy(&turn->arena, note->detail);
    if (note->asked_ms != 0)
        atomic_store(&engine->courses[kind].answered_ms, note->asked_ms);
    turn->input.ask = copy;
    engine_turn(engine, turn);
}

/* One look at one job. */
struct looking {
    struct engine *engine;
    struct db *db;
    struct arena *arena;
    const struct job *job;
    const struct job_row *row;
    int64_t now_ms;
    bool asked;                      /* somebody wants it now, paused or not */
    size_t handed;                   /* turns */
    bool held;                       /* rows were left, for their accounts' sake */
};

static void hand_in(struct looking *looking, const struct turn_input *input)
{
    struct engine *engine = looking->engine;
    const struct job *job = looking->job;
    struct desk_turn *turn = desk_turn_new();
    turn->input = *input;
    turn->input.job = job->kind;
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
    looking->handed++;
    engine_turn(engine, turn);
}

/* Without threads nobody else does it. */
static void wait_for_work(struct engine *engine)
{
    while (engine->steps && engine->due.in_work > 0)
        if (engine_step_turns(engine, STORE_BATCH_MAX) == 0)
            (void)engine_step_flush(engine);
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

/* Pages of it come by once: a row that is left is not found again. */
static bool is_in_order(const struct job *job)
{
    return job == &job_reconciliations;
}

/* Whoever asks for a run wants everything tried once more, set back before or not. */
static bool is_set_back(struct looking *looking, const struct turn_input *input)
{
    struct engine *engine = looking->engine;
    int64_t until_ms = 0;
    pthread_mutex_lock(&engine->due.lock);
    const struct setback *setback = setback_of(&engine->setbacks, piece_of(input));
    if (setback && (!looking->asked || setback->noted_ms >= looking->row->asked_ms))
        until_ms = setback->until_ms;
    pthread_mutex_unlock(&engine->due.lock);
    if (until_ms <= looking->now_ms)
        return false;
    engine_due(engine, until_ms);
    return true;
}

/* Leaves out what failed a moment ago, and what there is no room for at its account: calls that
 * would only wait there, and be given up. */
static void choose(struct looking *looking, struct turn_input_list *inputs)
{
    struct engine *engine = looking->engine;
    unsigned room = job_terms[looking->job->kind].at_once;
    unsigned taken[ENGINE_ACCOUNT_SLOTS] = { 0 };
    size_t kept = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        struct turn_input *input = inputs->items[i];
        size_t slot = engine_account_slot(input->account);
        bool paced = room > 0 && !gateway_account_id_is_zero(input->account);
        if (is_set_back(looking, input))
            continue;
        if (paced && atomic_load(&engine->calls_at[slot]) + taken[slot] >= room) {
            looking->held = true;
            continue;
        }
        taken[slot]++;
        inputs->items[kept++] = input;
    }
    inputs->count = kept;
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
static enum err look_at_page(struct looking *looking, struct job_found *found)
{
    struct db *db = looking->db;
    const struct job_terms *terms = &job_terms[looking->job->kind];
    enum err err = db_begin(db);
    if (!err)
        err = looking->job->find(db, looking->now_ms, terms->batch, found);
    if (!err && !is_in_order(looking->job))
        choose(looking, &found->inputs);
    if (!err)
        err = claim(db, &found->inputs);
    /* Claims last as long as the transaction. A snapshot that nobody needs only holds others up. */
    if (err || !db_is_shared(db))
        db_rollback(db);
    if (err) {
        log_event(LOG_ERROR, "job.failed", LOG_C("job", terms->name),
                  LOG_STR("detail", db_error(db)), LOG_END);
        return err;
    }
    for (size_t i = 0; i < found->inputs.count; i++)
        hand_in(looking, found->inputs.items[i]);
    wait_for_work(looking->engine);
    db_rollback(db);
    engine_due(looking->engine, found->next_due_ms);
    return OK;
}

/* Whether the look has to be left here, to go on with the next one. */
static bool must_leave(struct looking *looking, int64_t until_us)
{
    struct engine *engine = looking->engine;
    if (is_in_order(looking->job)
        && atomic_load(&engine->tally.calls_in_flight) >= CALLS_UNDER_WAY_MAX) {
        looking->held = true;
        return true;
    }
    return outside_monotonic_us(engine->outside) >= until_us;
}

/* All that is due now, page by page: those whose turns fail stay due, and hide none behind them. */
static enum err look_through(struct looking *looking)
{
    struct engine *engine = looking->engine;
    struct course *course = &engine->courses[looking->job->kind];
    struct job_found found = { .more = true, .place = course->place };
    int64_t until_us = outside_monotonic_us(engine->outside) + TICK_US;
    enum err err = OK;
    course->midway = false;
    while (!err && found.more && !is_stopping(engine) && !course->midway) {
        found = (struct job_found){ .arena = looking->arena, .place = found.place,
                                    .interval_ms = engine->passes.interval_ms };
        err = look_at_page(looking, &found);
        arena_reset(looking->arena);
        course->midway = !err && found.more && must_leave(looking, until_us);
    }
    course->place = course->midway ? found.place : (struct job_place){ 0 };
    if (looking->held)
        engine_due(engine, outside_now_ms(engine->outside) + HELD_MS);
    else if (course->midway)
        engine_due(engine, outside_now_ms(engine->outside));
    return err;
}

/* What the job did since the last note; at once when somebody asked for the run. */
static void note(struct looking *looking, bool answers)
{
    struct engine *engine = looking->engine;
    enum job_kind kind = looking->job->kind;
    struct course *course = &engine->courses[kind];
    struct job_note note = { .started_ms = looking->now_ms };
    int64_t next_ms = course->noted_ms + NOTE_EVERY_MS;
    if (course->noted_ms == 0)
        next_ms = (course->noted_ms = looking->now_ms) + NOTE_EVERY_MS;
    pthread_mutex_lock(&engine->due.lock);
    bool some = course->done + course->failed > 0 && !engine->steps;
    bool now = answers || (some && next_ms <= looking->now_ms);
    if (now) {
        note.done = course->done;
        note.failed = course->failed;
        course->done = course->failed = 0;
    }
    pthread_mutex_unlock(&engine->due.lock);
    if (now) {
        course->noted_ms = looking->now_ms;
        if (answers)
            note.asked_ms = looking->row->asked_ms;
        engine_job_note(engine, kind, &note);
    } else if (some) {
        engine_due(engine, next_ms);
    }
}

static enum err look(struct looking *looking)
{
    struct engine *engine = looking->engine;
    struct course *course = &engine->courses[looking->job->kind];
    if (!course->midway && !engine_passes_may_look(engine, looking->job)) {
        engine_passes_looked(engine, looking->job);
        note(looking, looking->asked);
        return OK;
    }
    enum err err = look_through(looking);
    atomic_store(&course->ran_at_seconds, (uint64_t)(looking->now_ms / SECOND_MS));
    if (!course->midway)
        engine_passes_looked(engine, looking->job);
    if (!err)
        note(looking, looking->asked && !course->midway && !looking->held);
    return err;
}

/* A job with an interval: its run begins in the books, so that one node makes it. */
static enum err begin_run(struct looking *looking)
{
    struct engine *engine = looking->engine;
    const struct job_row *row = looking->row;
    enum job_kind kind = looking->job->kind;
    const char *why = NULL;
    int64_t lapses_ms = 0;
    if (!looking->job->is_wanted(looking->db, engine->retention_ms, &why)) {
        if (looking->asked)
            engine_job_note(engine, kind, &(struct job_note){
                .started_ms = looking->now_ms, .asked_ms = row->asked_ms, .detail = str_of(why) });
        return OK;
    }
    if (!looking->asked && row->due_ms > looking->now_ms) {
        engine_due(engine, row->due_ms);
        return OK;
    }
    enum err err = store_run_lapses(looking->db, row->run, looking->now_ms, &lapses_ms);
    if (err || lapses_ms != 0 || !engine_shifts_claim(engine, looking->asked ? row->asked_ms : 0))
        return err;
    struct desk_turn *turn = turn_about(engine, kind, &turn_job_begin, begin_done);
    struct job_begin *ask = ARENA_NEW(&turn->arena, struct job_begin);
    *ask = (struct job_begin){ row->run, row->started_ms };
    turn->input.ask = ask;
    atomic_store(&engine->courses[kind].ran_at_seconds, (uint64_t)(looking->now_ms / SECOND_MS));
    engine_turn(engine, turn);
    return OK;
}

static enum err look_at_all(struct engine *engine, struct db *db, struct arena *arena,
                            bool *found_any)
{
    struct job_table table;
    struct arena rows = { 0 };
    int64_t now_ms = 0;
    enum err err = db_now(db, &now_ms);
    if (!err)
        err = query_jobs(db, &rows, &table);
    for (unsigned kind = 1; !err && kind < JOB_COUNT; kind++) {
        struct looking looking = { .engine = engine, .db = db, .arena = arena, .job = jobs[kind],
                                   .row = &table.rows[kind], .now_ms = now_ms };
        bool paused = looking.row->paused_ms != 0;
        looking.asked = looking.row->asked_ms > atomic_load(&engine->courses[kind].answered_ms);
        if (paused)
            engine_due(engine, outside_now_ms(engine->outside) + PAUSED_LOOK_MS);
        if (paused && !looking.asked)
            engine_shifts_pause(engine, (enum job_kind)kind);
        else
            err = jobs[kind]->find ? look(&looking) : begin_run(&looking);
        *found_any = *found_any || looking.handed > 0;
    }
    arena_done(&rows);
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
    bool found_any = false;
    pthread_mutex_lock(&engine->due.lock);
    engine->due.due_ms = 0;
    engine->due.failed = false;
    pthread_mutex_unlock(&engine->due.lock);
    engine_sample(engine, db);
    hand_in_again(engine);
    enum err err = look_at_all(engine, db, arena, &found_any);
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
