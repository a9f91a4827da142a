/* writer.c - a thread that writes the books: takes what waits and runs it as one batch, of which
 * flusher.c lets the effects out. */
#include <assert.h>

#include "base/log.h"
#include "core/requests.h"
#include "engine/call.h"
#include "engine/deliveries.h"
#include "engine/engine_parts.h"
#include "engine/flusher.h"
#include "engine/step.h"
#include "store/db_flush.h"

#define WAKES_MAX 1024

/* Everything that a committed turn leaves to be done. */
struct release {
    struct writer *writer;
    struct link *calls, **calls_end;
    const struct turn_answer *wakes[WAKES_MAX];
    size_t wake_count;
};

static void copy_result(struct desk_turn *desk, const struct turn *turn)
{
    desk->err = turn->err;
    desk->detail = str_copy(&desk->arena, turn->detail);
    desk->param = str_copy(&desk->arena, turn->param);
    desk->retry_after_s = turn->retry_after_s;
    desk->answer = turn->answer;
    desk->answer.body = str_copy(&desk->arena, turn->answer.body);
}

static void flush_wakes(struct release *release)
{
    struct engine *engine = release->writer->engine;
    if (release->wake_count && engine->wake)
        engine->wake(engine->wake_self, release->wakes, release->wake_count);
    engine_hint(engine, release->wakes, release->wake_count);
    release->wake_count = 0;
}

static void add_wakes(struct release *release, const struct turn *turn)
{
    for (size_t i = 0; i < turn->wakes.count; i++) {
        if (release->wake_count == WAKES_MAX)
            flush_wakes(release);
        release->wakes[release->wake_count++] = turn->wakes.items[i];
    }
}

static void note_due(struct engine *engine, const struct turn *turn)
{
    const struct books *books = turn->books;
    for (size_t i = 0; i < turn->notices.count; i++)
        engine_due(engine, turn->notices.items[i]->due_ms);
    if (turn->notice)
        engine_due(engine, turn->notice->due_ms);
    for (size_t i = 0; i < turn->webhooks.replays.count; i++)
        engine_due(engine, turn->webhooks.replays.items[i]->due_ms);
    if (turn->job)
        engine_due(engine, turn->job->asked_ms || turn->input->handler == &turn_job_resume
                               ? turn->now_ms : turn->job->due_ms);
    for (size_t i = 0; i < turn->reconciliations.count; i++)
        if (turn->reconciliations.items[i]->started_ms == 0)
            engine_due(engine, turn->now_ms);
    if (!books)
        return;
    for (size_t i = 0; i < books->payments.count; i++) {
        engine_due(engine, books->payments.items[i]->due_ms);
        if (engine->passes.interval_ms > 0)
            engine_due(engine, books->payments.items[i]->check_ms);
    }
    for (size_t i = 0; i < books->operations.count; i++)
        engine_due(engine, books->operations.items[i]->due_ms);
}

static void log_unknown(const struct operation *operation)
{
    char text[ID_TEXT_MAX];
    struct buf id;
    buf_fixed(&id, text, sizeof(text));
    operation_id_write(&id, operation->id);
    log_event(LOG_INFO, "operation.unknown", LOG_STR("operation", buf_str(&id)),
              LOG_STR("kind", word_str(&words_operation_kind, operation->kind)),
              LOG_INT("looks", operation->tries), LOG_INT("next_look_ms", operation->due_ms),
              LOG_END);
}

static void log_alert(const struct webhook_alert *alert)
{
    char text[ID_TEXT_MAX];
    struct buf id;
    buf_fixed(&id, text, sizeof(text));
    webhook_endpoint_id_write(&id, alert->endpoint->id);
    log_event(alert->type == ALERT_RECOVERED ? LOG_INFO : LOG_WARN,
              word_text(&words_webhook_alert, alert->type), LOG_STR("endpoint", buf_str(&id)),
              LOG_STR("reason", alert->endpoint->status_reason), LOG_END);
}

/* One line for each payment that the reconciler asked about, so that `reconcile` in a log tells
 * which, what the gateway said, and for how long it had stood still. */
static void log_check(const struct turn *turn)
{
    const struct operation_answer *said = turn->input->ask;
    const struct operation *operation = books_operation(turn->books, turn->input->operation);
    const struct payment *payment = books_payment(turn->books, operation->payment);
    static const char *const results[LOOK_RESULT_COUNT] = {
#define X(name, member) [LOOK_##name] = #member,
        LOOK_RESULTS(X)
#undef X
    };
    char payment_text[ID_TEXT_MAX], refund_text[ID_TEXT_MAX];
    struct buf id, refund;
    buf_fixed(&id, payment_text, sizeof(payment_text));
    payment_id_write(&id, payment->id);
    buf_fixed(&refund, refund_text, sizeof(refund_text));
    if (!refund_id_is_zero(operation->refund))
        refund_id_write(&refund, operation->refund);
    log_event(turn->look == LOOK_AGREED ? LOG_DEBUG : LOG_INFO, "reconcile",
              LOG_STR("payment", buf_str(&id)), LOG_STR("refund", buf_str(&refund)),
              LOG_C("result", results[turn->look]),
              LOG_C("gateway_says", gateway_outcome_text(said->answer.outcome)),
              LOG_INT("http_status", said->http_status),
              LOG_STR("status", word_str(&words_payment_state, payment->status)),
              LOG_INT("stood_still_s", (turn->now_ms - turn->look_since_ms) / 1000), LOG_END);
}

/* What a person may have to look into, said once, where it is decided. */
static void log_turn(const struct turn *turn)
{
    struct books *books = turn->books;
    for (size_t i = 0; books && i < books->drifts.count; i++)
        log_event(LOG_WARN, "drift.found",
                  LOG_C("kind", word_text(&words_drift_kind, books->drifts.items[i]->kind)),
                  LOG_STR("detail", books->drifts.items[i]->detail), LOG_END);
    for (size_t i = 0; books && i < books->tasks.count; i++)
        log_event(LOG_WARN, "task.opened",
                  LOG_STR("kind", word_str(&words_task_kind, books->tasks.items[i]->kind)),
                  LOG_STR("detail", books->tasks.items[i]->detail), LOG_END);
    for (size_t i = 0; books && i < books->operations.count; i++)
        if (books->operations.items[i]->row != ROW_CLEAN
            && books->operations.items[i]->state == OPERATION_UNKNOWN)
            log_unknown(books->operations.items[i]);
    for (size_t i = 0; !turn->err && i < turn->webhooks.alerts.count; i++)
        log_alert(turn->webhooks.alerts.items[i]);
    if (!turn->err && turn->look != LOOK_NONE
        && turn->input->handler == &turn_operation_answered)
        log_check(turn);
    if (turn->err == ERR_STORE || turn->err == ERR_STORE_BUSY || turn->err == ERR_INTERNAL)
        log_event(LOG_ERROR, "turn.failed", LOG_C("turn", turn->input->handler->name),
                  LOG_C("code", err_code(turn->err)), LOG_STR("detail", turn->detail), LOG_END);
}

/* The requests are built now: a card is borrowed from the turn, which its caller frees. */
static void build_calls(struct release *release, const struct turn *turn)
{
    if (turn->err)
        return;
    for (size_t i = 0; i < turn->calls.count; i++) {
        struct call *call = engine_call_build(release->writer, turn->calls.items[i]);
        *release->calls_end = &call->link;
        release->calls_end = &call->link.next;
    }
}

static void queue_calls(struct release *release)
{
    *release->calls_end = NULL;
    for (struct link *item = release->calls, *next; item; item = next) {
        next = item->next;
        engine_call_queue(release->writer->engine, LINK_OWNER(item, struct call, link));
    }
}

static void tell_caller(struct engine *engine, const struct turn *turn)
{
    struct desk_turn *desk = turn->user;
    if (turn->err)
        ENGINE_COUNT(engine, turns_failed_total, 1);
    if (!turn->err)
        note_due(engine, turn);
    engine_looked(engine, turn);
    copy_result(desk, turn);
    desk->done(desk);
}

/* All callers hear of their own turn before anybody is woken by another's. No call is under
 * way before that: its answer would be a turn of another writer's, which could be first. */
void engine_release(struct writer *writer, const struct writer_batch *batch)
{
    struct turn *const *turns = batch->pointers;
    struct release release;
    release.writer = writer;
    release.calls_end = &release.calls;
    release.wake_count = 0;
    for (size_t i = 0; i < batch->count; i++)
        build_calls(&release, turns[i]);
    /* Before the first caller frees its turn: books name texts of every turn before them. */
    for (size_t i = 0; i < batch->count; i++)
        log_turn(turns[i]);
    deliveries_due(writer->engine->deliveries, &batch->due);
    for (size_t i = 0; i < batch->count; i++)
        tell_caller(writer->engine, turns[i]);
    queue_calls(&release);
    for (size_t i = 0; i < batch->count; i++)
        if (!turns[i]->err)
            add_wakes(&release, turns[i]);
    flush_wakes(&release);
    atomic_fetch_sub(&writer->engine->in_work, (int64_t)batch->count);
}

/* The built-in gateway keeps its ledger in the books' database, and does not wait for the disk: a
 * turn that takes its answer down is committed later. Unless the server falls between the two: then
 * it has forgotten what it said. So it would have in the life of an older run, for no run outlives
 * that (store/lease.c), and what was said then is not believed: it is asked again. */
static void doubt_forgotten(const struct writer *writer, struct desk_turn *desk)
{
    const struct operation_answer *said = desk->input.ask;
    if (desk->input.handler != &turn_operation_answered || said->asked_us == 0
        || said->asked_us >= writer->run_since_us || said->answer.outcome == GW_NOT_SENT)
        return;
    struct operation_answer silence = {
        .call = said->call,
        .started_ms = said->started_ms,
        .ended_ms = said->ended_ms,
        .mark = said->mark,
    };
    desk->input.ask = arena_copy(&desk->arena, &silence, sizeof(silence));
}

static void take_run(const struct writer *writer, struct turn *const *turns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct desk_turn *desk = turns[i]->user;
        desk->input.run = writer->run;
        doubt_forgotten(writer, desk);
    }
}

static bool is_lease_lost(struct turn *const *turns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (turns[i]->err != ERR_LEASE_LOST)
            return false;
    return true;
}

void engine_log_store(bool *is_away, enum err err, struct str detail)
{
    bool was_away = *is_away;
    *is_away = err == ERR_STORE_AWAY || err == ERR_STORE_IN_DOUBT || err == ERR_LEASE_LOST;
    if (*is_away && !was_away)
        log_event(LOG_ERROR, "store.away", LOG_C("code", err_code(err)), LOG_STR("detail", detail),
                  LOG_END);
    if (!*is_away && was_away)
        log_event(LOG_INFO, "store.back", LOG_END);
}

/* A node that was stopped for a while goes on under another run, and nobody need know. */
static void execute(struct writer *writer, struct turn *const *turns, size_t count)
{
    uint64_t splits = store_counts(writer->store).batches_split;
    take_run(writer, turns, count);
    store_execute_later(writer->store, turns, count);
    if (is_lease_lost(turns, count) && engine_run_begin(writer) == OK) {
        /* Where nothing waits for the disk: a batch that is run twice takes two places. */
        assert(!db_commits_later(store_db(writer->store)));
        log_event(LOG_WARN, "run.replaced", LOG_END);
        take_run(writer, turns, count);
        store_execute_later(writer->store, turns, count);
    }
    engine_run_publish(writer);
    engine_log_store(&writer->is_away, turns[0]->err, turns[0]->detail);
    ENGINE_COUNT(writer->engine, batches_total, 1);
    ENGINE_COUNT(writer->engine, turns_total, count);
    ENGINE_COUNT(writer->engine, batches_split_total,
                 store_counts(writer->store).batches_split - splits);
}

static size_t run_batch(struct writer *writer, struct writer_batch *batch, struct link *items)
{
    static const size_t most = STORE_BATCH_MAX;
    size_t count = 0;
    for (struct link *item = items; item; item = item->next) {
        struct desk_turn *desk = LINK_OWNER(item, struct desk_turn, link);
        assert(count < most);
        batch->turns[count] = (struct turn){ .input = &desk->input, .user = desk };
        batch->pointers[count] = &batch->turns[count];
        count++;
    }
    batch->count = count;
    execute(writer, batch->pointers, count);
    batch->due = *store_due_deliveries(writer->store);
    flusher_take(writer->flusher, queue_count(&writer->engine->turns) > 0);
    return count;
}

static void answer_probe(struct writer *writer)
{
    struct engine *engine = writer->engine;
    pthread_mutex_lock(&engine->probe.lock);
    void (*done)(void *user, enum err err) = engine->probe.done;
    void *user = engine->probe.user;
    engine->probe.done = NULL;
    pthread_mutex_unlock(&engine->probe.lock);
    if (done)
        done(user, db_probe(store_db(writer->store)));
}

size_t engine_writer_step(struct writer *writer, size_t most, int64_t until_us)
{
    struct writer_batch *room = flusher_room(writer->flusher);
    struct queue *turns = &writer->engine->turns;
    struct link *items = writer == writer->engine->writers
                             ? queue_take(turns, most, until_us)
                             : queue_take_patiently(turns, most, until_us);
    answer_probe(writer);
    engine_run_keep(writer);
    return items ? run_batch(writer, room, items) : 0;
}

void *engine_writer(void *self)
{
    struct writer *writer = self;
    for (;;) {
        bool was_closed = queue_is_closed(&writer->engine->turns);
        if (engine_writer_step(writer, STORE_BATCH_MAX, writer->look_us) == 0 && was_closed)
            return NULL;
    }
}

bool engine_turn_offer(struct engine *engine, struct desk_turn *turn)
{
    atomic_fetch_add(&engine->in_work, 1);
    bool taken = queue_put(&engine->turns, &turn->link);
    if (!taken)
        atomic_fetch_sub(&engine->in_work, 1);
    return taken;
}

void engine_turn(struct engine *engine, struct desk_turn *turn)
{
    bool taken = engine_turn_offer(engine, turn);
    assert(taken);
    (void)taken;
}
