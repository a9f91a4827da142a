/* passes.c - counts what the reconciler asks and what comes of it, so that each pass leaves a
 * row that tells "nothing found" from "nothing checked".
 *
 * Looks whose time has come are one pass as long as answers are awaited; a reconciliation that
 * somebody asked for is a pass of its own. */
#include <assert.h>

#include "base/time.h"
#include "core/requests.h"
#include "engine/engine_parts.h"
#include "jobs/jobs.h"

/* An answer that is that late has gone down with its run; nothing waits for it any longer. */
#define PATIENCE_MS (5 * MINUTE_MS)

/* Hands in what was counted. Nothing was checked: nothing to say, unless somebody asked. */
static void pass_end(struct engine *engine, struct pass *pass)
{
    bool asked = pass == &engine->passes.asked;
    pass->row.ended_ms = outside_now_ms(engine->outside);
    atomic_store(&engine->tally.reconciled_at_seconds, (uint64_t)(pass->row.ended_ms / 1000));
    if (asked || pass->row.checked > 0) {
        struct desk_turn *turn = desk_turn_new();
        struct reconciliation *row = arena_copy(&turn->arena, &pass->row, sizeof(pass->row));
        row->gateway = str_copy(&turn->arena, row->gateway);
        row->actor = asked ? str_copy(&turn->arena, row->actor) : STR("reconciler");
        turn->input = (struct turn_input){
            .handler = &turn_reconciliation_note,
            .origin = ORIGIN_RECONCILER,
            .actor = STR("reconciler"),
            .ask = row,
        };
        turn->done = engine_turn_kept;
        turn->user = engine;
        /* Ended by the last turns before a stop it leaves no row; one that was asked for still
         * waits in the books, and begins anew. */
        if (!engine_turn_offer(engine, turn))
            desk_turn_free(turn);
    }
    *pass = (struct pass){ 0 };
}

static void end_if_over(struct engine *engine, struct pass *pass)
{
    if (pass->active && !pass->open && !pass->listing && pass->outstanding == 0)
        pass_end(engine, pass);
}

static void begin(struct engine *engine, struct pass *pass)
{
    if (pass->active)
        return;
    pass->active = true;
    pass->row.started_ms = outside_now_ms(engine->outside);
    engine_due(engine, pass->row.started_ms + PATIENCE_MS);
}

static struct pass *pass_of(struct engine *engine, struct reconciliation_id id)
{
    struct pass *asked = &engine->passes.asked;
    if (reconciliation_id_is_zero(id))
        return &engine->passes.due;
    return asked->active && reconciliation_id_equal(asked->row.id, id) ? asked : NULL;
}

bool engine_passes_may_look(struct engine *engine, const struct job *job)
{
    bool may = true;
    if (job->origin != ORIGIN_RECONCILER)
        return true;
    pthread_mutex_lock(&engine->passes.lock);
    if (job == &job_reconciliations)
        may = !engine->passes.asked.active;
    else
        may = engine->passes.interval_ms > 0;
    if (may && job == &job_reconcile)
        engine->passes.due.open = true;
    pthread_mutex_unlock(&engine->passes.lock);
    return may;
}

void engine_passes_begin(struct engine *engine, const struct reconciliation *asked)
{
    struct pass *pass = &engine->passes.asked;
    pthread_mutex_lock(&engine->passes.lock);
    assert(!pass->active);
    begin(engine, pass);
    pass->open = true;
    pass->row = *asked;
    /* Its texts live in the look's arena. */
    arena_reset(&engine->passes.arena);
    pass->row.gateway = str_copy(&engine->passes.arena, asked->gateway);
    pass->row.actor = str_copy(&engine->passes.arena, asked->actor);
    pass->listing = engine->discovery != NULL;
    pthread_mutex_unlock(&engine->passes.lock);
    if (engine->discovery)
        discovery_ask(engine->discovery, asked);
}

void engine_passes_looked(struct engine *engine, const struct job *job)
{
    struct pass *pass = job == &job_reconciliations ? &engine->passes.asked
                                                          : &engine->passes.due;
    int64_t now_us = outside_monotonic_us(engine->outside);
    if (job->origin != ORIGIN_RECONCILER)
        return;
    pthread_mutex_lock(&engine->passes.lock);
    pass->open = false;
    if (job == &job_reconcile && !pass->active)
        atomic_store(&engine->tally.reconciled_at_seconds,
                     (uint64_t)(outside_now_ms(engine->outside) / 1000));
    if (pass->active && pass->outstanding > 0 && pass->progress_us != 0
        && now_us - pass->progress_us > PATIENCE_MS * 1000) {
        pass->row.failed += pass->outstanding;
        pass->outstanding = 0;
    }
    end_if_over(engine, pass);
    pthread_mutex_unlock(&engine->passes.lock);
}

void engine_passes_count(struct engine *engine, int64_t missing, int64_t failed)
{
    struct pass *pass = &engine->passes.asked;
    pthread_mutex_lock(&engine->passes.lock);
    pass->row.checked += missing;
    pass->row.drifted += missing;
    pass->row.failed += failed;
    pthread_mutex_unlock(&engine->passes.lock);
}

void engine_passes_listed(struct engine *engine)
{
    struct pass *pass = &engine->passes.asked;
    pthread_mutex_lock(&engine->passes.lock);
    pass->listing = false;
    end_if_over(engine, pass);
    pthread_mutex_unlock(&engine->passes.lock);
}

static void count(struct reconciliation *row, enum look_result result)
{
    switch (result) {
#define X(name, member)     \
    case LOOK_##name:      \
        row->member++;      \
        break;
        LOOK_RESULTS(X)
#undef X
    case LOOK_NONE:
    case LOOK_RESULT_COUNT:
        assert(false);
    }
}

static void tally(struct engine *engine, enum look_result result)
{
    _Atomic uint64_t *const counters[LOOK_RESULT_COUNT] = {
        [LOOK_ASKED] = &engine->tally.reconcile_asked_total,
        [LOOK_AGREED] = &engine->tally.reconcile_agreed_total,
        [LOOK_MOVED] = &engine->tally.reconcile_moved_total,
        [LOOK_DRIFTED] = &engine->tally.reconcile_drifted_total,
        [LOOK_FAILED] = &engine->tally.reconcile_failed_total,
    };
    if (counters[result])
        atomic_fetch_add(counters[result], 1);
}

void engine_looked(struct engine *engine, const struct turn *turn)
{
    const struct turn_input *input = turn->input;
    if (turn->err || turn->look == LOOK_NONE)
        return;
    struct reconciliation_id id = input->handler == &turn_payment_check
        ? ((const struct payment_check *)input->ask)->reconciliation
        : ((const struct operation_answer *)input->ask)->mark.reconciliation;
    tally(engine, turn->look);
    pthread_mutex_lock(&engine->passes.lock);
    struct pass *pass = pass_of(engine, id);
    if (pass) {
        begin(engine, pass);
        count(&pass->row, turn->look);
        if (turn->look == LOOK_ASKED)
            pass->outstanding++;
        else if (turn->look != LOOK_SKIPPED && pass->outstanding > 0)
            pass->outstanding--;
        pass->progress_us = outside_monotonic_us(engine->outside);
        end_if_over(engine, pass);
    }
    pthread_mutex_unlock(&engine->passes.lock);
}
