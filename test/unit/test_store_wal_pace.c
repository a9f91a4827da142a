#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/wal_pace.h"

/* A log that is only numbers. A step copies what was there when it began, and may be held up. */
struct wal {
    atomic_bool held, in_step;
    _Atomic int64_t pages;
    _Atomic int64_t copied;
    atomic_int restarts, refusals, waits;
    struct wal_pace *pace;
};

static int64_t copy(void *self)
{
    struct wal *wal = self;
    int64_t pages = atomic_load(&wal->pages);

    atomic_store(&wal->in_step, true);
    while (atomic_load(&wal->held))
        poll(NULL, 0, 1);
    atomic_store(&wal->in_step, false);
    atomic_store(&wal->copied, pages);
    return pages;
}

static enum err restart(void *self, bool may_wait)
{
    struct wal *wal = self;

    atomic_fetch_add(&wal->waits, may_wait);
    if (atomic_load(&wal->refusals) > 0) {
        atomic_fetch_sub(&wal->refusals, 1);
        return ERR_STORE_BUSY;
    }
    atomic_store(&wal->pages, 0);
    atomic_store(&wal->copied, 0);
    atomic_fetch_add(&wal->restarts, 1);
    return OK;
}

static int setup(void **state)
{
    static struct wal wal;

    wal = (struct wal){ 0 };
    wal.pace = wal_pace_start(&(struct wal_work){ &wal, copy, restart, .alone = false });
    assert_non_null(wal.pace);
    *state = &wal;
    return 0;
}

static int teardown(void **state)
{
    struct wal *wal = *state;

    wal_pace_stop(wal->pace);
    wal_pace_stop(NULL);
    return 0;
}

static void commit(struct wal *wal, int64_t pages)
{
    wal_pace_committed(wal->pace, atomic_fetch_add(&wal->pages, pages) + pages);
}

static void wait_until_copied(struct wal *wal)
{
    for (int waited_ms = 0; atomic_load(&wal->copied) < atomic_load(&wal->pages); waited_ms++) {
        assert_true(waited_ms < 30000);
        poll(NULL, 0, 1);
    }
}

/* The next step, or the one that runs, stands still. */
static void hold_a_step(struct wal *wal)
{
    atomic_store(&wal->held, true);
    for (int waited_ms = 0; !atomic_load(&wal->in_step); waited_ms++) {
        assert_true(waited_ms < 30000);
        commit(wal, 1);
        poll(NULL, 0, 1);
    }
}

static void a_small_log_is_copied_and_goes_on(void **state)
{
    struct wal *wal = *state;

    for (int i = 0; i < 5; i++) {
        commit(wal, WAL_PAGES_ENOUGH / 8);
        wait_until_copied(wal);
    }
    assert_int_equal(wal->restarts, 0);
    assert_int_equal(wal->copied, WAL_PAGES_ENOUGH / 8 * 5);
}

static void a_large_one_begins_again_when_little_is_left(void **state)
{
    struct wal *wal = *state;

    for (int rounds = 0; rounds < 3; rounds++) {
        hold_a_step(wal);
        while (atomic_load(&wal->pages) < WAL_PAGES_ENOUGH)
            commit(wal, WAL_PAGES_FEW);
        assert_int_equal(wal->restarts, rounds);
        atomic_store(&wal->held, false);
        wait_until_copied(wal);
        /* The step may be about to end still. */
        for (int waited_ms = 0; atomic_load(&wal->restarts) == rounds; waited_ms++) {
            assert_true(waited_ms < 30000);
            commit(wal, 0);
            poll(NULL, 0, 1);
        }
        assert_int_equal(wal->pages, 0);
    }
}

static void *let_go(void *self)
{
    struct wal *wal = self;

    poll(NULL, 0, 50);
    atomic_store(&wal->held, false);
    return NULL;
}

/* No commit waits for a step that runs; but for a disk that cannot keep up. */
static void the_log_is_bounded_by_the_disk(void **state)
{
    struct wal *wal = *state;
    pthread_t thread;

    hold_a_step(wal);
    while (atomic_load(&wal->pages) < WAL_PAGES_MOST - WAL_PAGES_FEW)
        commit(wal, WAL_PAGES_FEW);
    assert_int_equal(wal->restarts, 0);
    assert_int_equal(pthread_create(&thread, NULL, let_go, wal), 0);
    commit(wal, WAL_PAGES_FEW);
    assert_false(wal->held);
    assert_int_equal(wal->restarts, 1);
    pthread_join(thread, NULL);
}

static void readers_that_stay_are_asked_again_later(void **state)
{
    struct wal *wal = *state;

    wal->refusals = 2;
    commit(wal, WAL_PAGES_MOST);
    commit(wal, WAL_PAGES_STEP - 1);
    assert_int_equal(wal->refusals, 1);
    commit(wal, 1);
    assert_int_equal(wal->refusals, 0);
    commit(wal, WAL_PAGES_STEP - 1);
    assert_int_equal(wal->restarts, 0);
    commit(wal, 1);
    assert_int_equal(wal->restarts, 1);
    assert_int_equal(wal->waits, 3);
}

/* No commit waits for a reader while there is room. */
static void readers_that_go_are_not_waited_for(void **state)
{
    struct wal *wal = *state;

    wal->refusals = 1;
    hold_a_step(wal);
    while (atomic_load(&wal->pages) < WAL_PAGES_ENOUGH)
        commit(wal, WAL_PAGES_FEW);
    atomic_store(&wal->held, false);
    for (int waited_ms = 0; atomic_load(&wal->restarts) == 0; waited_ms++) {
        assert_true(waited_ms < 30000);
        commit(wal, 1);
        poll(NULL, 0, 1);
    }
    assert_int_equal(wal->refusals, 0);
    assert_int_equal(wal->waits, 0);
}

/* Readers held up a log that was very large; the one after it is not. */
static void a_log_that_began_again_by_itself_is_as_bounded(void **state)
{
    struct wal *wal = *state;

    wal->refusals = 1;
    commit(wal, 4 * WAL_PAGES_MOST);
    assert_int_equal(wal->refusals, 0);
    atomic_store(&wal->pages, 0);
    commit(wal, 1);
    commit(wal, WAL_PAGES_MOST);
    assert_int_equal(wal->restarts, 1);
}

/* One thread: a step that comes while the log begins again does nothing, as a thread would wait. */
static int64_t count_copy(void *self)
{
    struct wal *wal = self;

    return ++wal->copied;
}

static enum err restart_and_step(void *self, bool may_wait)
{
    struct wal *wal = self;

    wal_pace_step(wal->pace);
    wal->restarts++;
    return may_wait ? ERR_STORE_BUSY : OK;
}

static void who_is_alone_makes_the_steps(void **state)
{
    struct wal wal = { 0 };

    (void)state;
    wal.pace = wal_pace_start(&(struct wal_work){ &wal, count_copy, restart_and_step, true });
    assert_non_null(wal.pace);
    wal_pace_committed(wal.pace, 1);
    assert_int_equal(wal.copied, 0);
    wal_pace_step(wal.pace);
    wal_pace_step(wal.pace);
    assert_int_equal(wal.copied, 2);
    /* Nothing of WAL_PAGES_ENOUGH, but a lot of a small log. */
    wal_pace_committed(wal.pace, WAL_PAGES_FEW);
    assert_int_equal(wal.restarts, 1);
    assert_int_equal(wal.copied, 2);
    wal_pace_stop(wal.pace);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(a_small_log_is_copied_and_goes_on),
        TEST(a_large_one_begins_again_when_little_is_left),
        TEST(the_log_is_bounded_by_the_disk),
        TEST(readers_that_stay_are_asked_again_later),
        TEST(readers_that_go_are_not_waited_for),
        TEST(a_log_that_began_again_by_itself_is_as_bounded),
        cmocka_unit_test(who_is_alone_makes_the_steps),
    };
    return cmocka_run_group_tests_name("store/wal_pace", tests, NULL, NULL);
}
