#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/outside.h"
#include "store/pacer.h"

#define GAP_MS 20

struct work {
    atomic_int runs;
    atomic_int signals_blocked;
    int takes_ms;
};

static void sleep_ms(int ms)
{
    poll(NULL, 0, ms);
}

static void run(void *self)
{
    struct work *work = self;
    sigset_t blocked;

    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    atomic_store(&work->signals_blocked, sigismember(&blocked, SIGTERM));
    if (work->takes_ms > 0)
        sleep_ms(work->takes_ms);
    atomic_fetch_add(&work->runs, 1);
}

static void wait_for_runs(struct work *work, int runs)
{
    for (int waited_ms = 0; atomic_load(&work->runs) < runs; waited_ms++) {
        assert_true(waited_ms < 10000);
        sleep_ms(1);
    }
}

static void does_nothing_unless_woken(void **state)
{
    struct work work = { 0 };
    struct pacer *pacer = pacer_start("test", run, &work, GAP_MS);

    (void)state;
    assert_non_null(pacer);
    sleep_ms(3 * GAP_MS);
    pacer_stop(pacer);
    assert_int_equal(work.runs, 0);
    pacer_stop(NULL);
}

static void runs_once_for_each_wake(void **state)
{
    struct work work = { 0 };
    struct pacer *pacer = pacer_start("test", run, &work, 0);

    (void)state;
    for (int i = 1; i <= 100; i++) {
        pacer_wake(pacer);
        wait_for_runs(&work, i);
    }
    assert_true(atomic_load(&work.signals_blocked));
    pacer_stop(pacer);
    assert_int_equal(work.runs, 100);
}

static void keeps_the_gap_however_often_it_is_woken(void **state)
{
    struct work work = { 0 };
    struct pacer *pacer = pacer_start("test", run, &work, GAP_MS);
    int64_t start_us = outside_monotonic_us(outside_real());

    (void)state;
    while (outside_monotonic_us(outside_real()) - start_us < 10 * GAP_MS * 1000)
        pacer_wake(pacer);
    pacer_stop(pacer);
    int64_t took_ms = (outside_monotonic_us(outside_real()) - start_us) / 1000;
    assert_true(work.runs >= 2);
    assert_true(work.runs <= took_ms / GAP_MS + 1);
}

/* What is asked for during a run may have come too late for it. */
static void a_wake_during_a_run_leads_to_another(void **state)
{
    struct work work = { .takes_ms = 30 };
    struct pacer *pacer = pacer_start("test", run, &work, 0);

    (void)state;
    pacer_wake(pacer);
    sleep_ms(10);
    pacer_wake(pacer);
    wait_for_runs(&work, 2);
    sleep_ms(10);
    assert_int_equal(work.runs, 2);
    pacer_stop(pacer);
}

static void stops_at_once_within_the_gap(void **state)
{
    struct work work = { 0 };
    struct pacer *pacer = pacer_start("test", run, &work, 60000);

    (void)state;
    pacer_wake(pacer);
    wait_for_runs(&work, 1);
    pacer_wake(pacer);
    int64_t start_us = outside_monotonic_us(outside_real());
    pacer_stop(pacer);
    assert_true(outside_monotonic_us(outside_real()) - start_us < 5000000);
    assert_int_equal(work.runs, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_nothing_unless_woken),
        cmocka_unit_test(runs_once_for_each_wake),
        cmocka_unit_test(keeps_the_gap_however_often_it_is_woken),
        cmocka_unit_test(a_wake_during_a_run_leads_to_another),
        cmocka_unit_test(stops_at_once_within_the_gap),
    };
    return cmocka_run_group_tests_name("store/pacer", tests, NULL, NULL);
}
