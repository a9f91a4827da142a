/* writer.c - the thread that owns the books: takes what waits, runs it as one batch,
 * then lets the effects out. */
#include <assert.h>

#include "base/log.h"
#include "engine/engine_parts.h"

#define WAKES_MAX 1024

/* Everything that a committed turn leaves to be done. */
struct release {
    struct engine *engine;
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
    struct engine *engine = release->engine;
    if (release->wake_count && engine->wake)
        engine->wake(engine->wake_self, release->wakes, release->wake_count);
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

static void note_due(struct engine *engine, const struct books *books)
{
    for (size_t i = 0; i < books->payments.count; i++)
        engine_due(engine, books->payments.items[i]->due_ms);
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

/* What a person may have to look into, said once, where it is decided. */
static void log_turn(const struct turn *turn)
{
    struct books *books = turn->books;
    for (size_t i = 0; books && i < books->drifts.count; i++)
        log_event(LOG_WARN, "drift.found", LOG_STR("kind", books->drifts.items[i]->kind),
                  LOG_STR("detail", books->drifts.items[i]->detail), LOG_END);
    for (size_t i = 0; books && i < books->tasks.count; i++)
        log_event(LOG_WARN, "task.opened", LOG_STR("kind", books->tasks.items[i]->kind),
                  LOG_STR("detail", books->tasks.items[i]->detail), LOG_END);
    for (size_t i = 0; books && i < books->operations.count; i++)
        if (books->operations.items[i]->row != ROW_CLEAN
            && books->operations.items[i]->state == OPERATION_UNKNOWN)
            log_unknown(books->operations.items[i]);
    if (turn->err == ERR_STORE || turn->err == ERR_STORE_BUSY || turn->err == ERR_INTERNAL)
        log_event(LOG_ERROR, "turn.failed", LOG_C("turn", turn->input->handler->name),
                  LOG_C("code", err_code(turn->err)), LOG_STR("detail", turn->detail), LOG_END);
}

static void release_turn(struct release *release, const struct turn *turn)
{
    struct engine *engine = release->engine;
    struct desk_turn *desk = turn->user;
    if (turn->err)
        ENGINE_COUNT(engine, turns_failed_total, 1);
    log_turn(turn);
    if (!turn->err && turn->books) {
        for (size_t i = 0; i < turn->calls.count; i++)
            engine_order(engine, turn->calls.items[i]);
        note_due(engine, turn->books);
        add_wakes(release, turn);
    }
    copy_result(desk, turn);
    desk->done(desk);
}

static void run_batch(struct engine *engine, struct link *items)
{
    static const size_t most = STORE_BATCH_MAX;
    struct turn turns[STORE_BATCH_MAX];
    struct turn *pointers[STORE_BATCH_MAX] = { 0 };
    struct release release = { .engine = engine };
    size_t count = 0;
    for (struct link *item = items; item; item = item->next) {
        struct desk_turn *desk = LINK_OWNER(item, struct desk_turn, link);
        assert(count < most);
        desk->input.run = engine->run;
        turns[count] = (struct turn){ .input = &desk->input, .user = desk };
        pointers[count] = &turns[count];
        count++;
    }
    store_execute(engine->store, pointers, count);
    ENGINE_COUNT(engine, batches_total, 1);
    ENGINE_COUNT(engine, turns_total, count);
    atomic_store(&engine->tally.batches_split_total, store_counts(engine->store).batches_split);
    /* All callers hear of their own turn before anybody is woken by another's. */
    for (size_t i = 0; i < count; i++)
        release_turn(&release, pointers[i]);
    flush_wakes(&release);
}

static void answer_probe(struct engine *engine)
{
    pthread_mutex_lock(&engine->probe.lock);
    void (*done)(void *user, enum err err) = engine->probe.done;
    void *user = engine->probe.user;
    engine->probe.done = NULL;
    pthread_mutex_unlock(&engine->probe.lock);
    if (done)
        done(user, db_probe(store_db(engine->store)));
}

void *engine_writer(void *self)
{
    struct engine *engine = self;
    for (;;) {
        struct link *items = queue_take(&engine->turns, STORE_BATCH_MAX, 0);
        answer_probe(engine);
        if (items)
            run_batch(engine, items);
        else if (queue_is_closed(&engine->turns))
            return NULL;
    }
}

void engine_turn(struct engine *engine, struct desk_turn *turn)
{
    bool taken = queue_put(&engine->turns, &turn->link, 0);
    assert(taken);
    (void)taken;
}
