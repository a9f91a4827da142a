/* One reader, on books of its own: what it may read in one snapshot, and what it may not. */
#include "store_fixture.h"

#include <sched.h>

#include "base/buf.h"
#include "engine/engine_parts.h"

struct asked {
    struct desk_read read;
    atomic_bool may_end, runs, is_done;
    enum err fails;
    int64_t saw;
};

static enum err look(struct desk_read *read, struct db *db)
{
    struct asked *asked = read->user;

    asked->saw = store_number(db, "SELECT CAST(coalesce(sum(value), 0) AS BIGINT) FROM counters"
                                  " WHERE name = 'test'");
    atomic_store(&asked->runs, true);
    while (!atomic_load(&asked->may_end))
        sched_yield();
    return asked->fails;
}

static void done(struct desk_read *read)
{
    struct asked *asked = read->user;

    atomic_store(&asked->is_done, true);
}

static void ask(struct engine *engine, struct asked *asked, bool may_end)
{
    asked->read.run = look;
    asked->read.done = done;
    asked->read.user = asked;
    atomic_store(&asked->may_end, may_end);
    assert_true(queue_offer_quietly(&engine->reads, &asked->read.link));
}

static void wait_for(atomic_bool *flag)
{
    while (!atomic_load(flag))
        sched_yield();
}

/* A turn that was committed, as far as readers can tell. */
static void write_one(struct store_fixture *books)
{
    int64_t number = 0;

    assert_int_equal(db_begin(books->db), OK);
    assert_int_equal(db_take_numbers(books->db, "test", 1, &number), OK);
    assert_int_equal(db_commit(books->db), OK);
}

static void open_readers(struct engine *engine, struct store_fixture *books, unsigned count)
{
    struct str why = { 0 };

    engine->outside = outside_real();
    queue_init(&engine->reads, engine->outside);
    assert_int_equal(engine_open_readers(engine, books->where, count, &books->arena, &why), OK);
}

static void close_readers(struct engine *engine)
{
    queue_close(&engine->reads);
    for (unsigned i = 0; i < engine->reader_count; i++)
        pthread_join(engine->readers[i], NULL);
    queue_done(&engine->reads);
    mem_free(engine);
}

/* The microsecond in which something was asked is over. */
static void let_time_pass(void)
{
    int64_t now_us = outside_monotonic_us(outside_real());

    while (outside_monotonic_us(outside_real()) <= now_us)
        sched_yield();
}

/* Both are there before the reader comes to either, so that it begins one snapshot for both. */
static void ask_two(struct engine *engine, struct asked *first, struct asked *second)
{
    static struct asked before;

    before = (struct asked){ 0 };
    ask(engine, &before, false);
    queue_wake(&engine->reads);
    wait_for(&before.runs);
    ask(engine, first, false);
    ask(engine, second, true);
    let_time_pass();
    atomic_store(&before.may_end, true);
    wait_for(&first->runs);
}

static void who_asks_after_a_write_sees_it(const struct store_engine *store)
{
    struct store_fixture books;
    struct asked first = { 0 }, beside = { 0 }, later = { 0 }, last = { 0 };
    struct engine *engine = mem_alloc(sizeof *engine);

    store_fixture_open(&books, store);
    write_one(&books);
    open_readers(engine, &books, 1);
    ask_two(engine, &first, &beside);
    write_one(&books);
    ask(engine, &later, false);
    atomic_store(&first.may_end, true);
    wait_for(&later.runs);
    write_one(&books);
    ask(engine, &last, true);
    atomic_store(&later.may_end, true);
    wait_for(&last.is_done);
    assert_int_equal(first.saw, 1);
    assert_int_equal(beside.saw, 1);
    assert_int_equal(later.saw, 2);
    assert_int_equal(last.saw, 3);
    close_readers(engine);
    store_fixture_done(&books);
}

static enum err take_first(void *self, const struct db_value *values, size_t count)
{
    assert_true(count > 0);
    *(int64_t *)self = values[0].number;
    return OK;
}

static bool is_log_held(struct db *db)
{
    int64_t busy = 0;

    assert_int_equal(
        db_query(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, 0, take_first, &busy), OK);
    return busy != 0;
}

/* Else the log could never start again from its beginning. */
static void idle_readers_have_no_snapshot(const struct store_engine *store)
{
    struct store_fixture books;
    struct asked asked = { 0 }, again = { 0 };
    struct engine *engine = mem_alloc(sizeof *engine);

    store_fixture_open(&books, store);
    open_readers(engine, &books, 1);
    for (int i = 0; i < 2; i++) {
        ask(engine, i ? &again : &asked, true);
        queue_wake(&engine->reads);
        wait_for(i ? &again.is_done : &asked.is_done);
        for (size_t idle = 0; idle == 0; sched_yield()) {
            pthread_mutex_lock(&engine->reads.lock);
            idle = engine->reads.waiting;
            pthread_mutex_unlock(&engine->reads.lock);
        }
        write_one(&books);
        /* The checkpointer holds it too, for a moment. */
        int64_t until_us = outside_monotonic_us(outside_real()) + 20000000;
        while (store == &store_engines[0] && is_log_held(books.db))
            assert_true(outside_monotonic_us(outside_real()) < until_us);
    }
    assert_int_equal(asked.saw, 0);
    assert_int_equal(again.saw, 1);
    close_readers(engine);
    store_fixture_done(&books);
}

static void a_read_that_failed_takes_its_snapshot_along(const struct store_engine *store)
{
    struct store_fixture books;
    struct asked failing = { .fails = ERR_STORE }, next = { 0 };
    struct engine *engine = mem_alloc(sizeof *engine);

    store_fixture_open(&books, store);
    open_readers(engine, &books, 1);
    ask_two(engine, &failing, &next);
    write_one(&books);
    atomic_store(&failing.may_end, true);
    wait_for(&next.is_done);
    assert_int_equal(failing.read.err, ERR_STORE);
    assert_int_equal(next.read.err, OK);
    assert_int_equal(next.saw, 1);
    close_readers(engine);
    store_fixture_done(&books);
}

#define ON_EACH_ENGINE(name)                                                                       \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        for (const struct store_engine *at = store_engine_next(NULL); at;                          \
             at = store_engine_next(at))                                                           \
            name(at);                                                                              \
    }
ON_EACH_ENGINE(who_asks_after_a_write_sees_it)
ON_EACH_ENGINE(idle_readers_have_no_snapshot)
ON_EACH_ENGINE(a_read_that_failed_takes_its_snapshot_along)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_asks_after_a_write_sees_it),
        cmocka_unit_test(test_idle_readers_have_no_snapshot),
        cmocka_unit_test(test_a_read_that_failed_takes_its_snapshot_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
