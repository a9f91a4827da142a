/* The queue between threads: what goes first, and when work from outside is refused. */
#include "test_base_help.h"

#include <sched.h>

#include "engine/queue.h"

#define ITEMS (QUEUE_MAX + 8)

static struct outside_fake outside;
static struct queue queue;
static struct link items[ITEMS];

static int setup(void **state)
{
    (void)state;
    outside_fake_init(&outside, 1700000000000, 1);
    queue_init(&queue, &outside.outside);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)queue_take_now(&queue, SIZE_MAX);
    queue_done(&queue);
    return 0;
}

static void offer(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        assert_true(queue_offer(&queue, &items[i]));
}

static void put(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        assert_true(queue_put(&queue, &items[i]));
}

/* Takes `most` and checks which they are. */
static void takes(size_t most, const size_t *places, size_t count)
{
    const struct link *item = queue_take(&queue, most, 1);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(item, &items[places[i]]);
        item = item->next;
    }
    assert_null(item);
}

static void test_each_lane_keeps_its_order(void **state)
{
    (void)state;
    offer(0, 2);
    put(2, 2);
    takes(8, (const size_t[]){ 2, 3, 0, 1 }, 4);
    takes(8, NULL, 0);
    offer(4, 1);
    takes(8, (const size_t[]){ 4 }, 1);
}

static void test_begun_work_first_but_a_quarter_is_for_others(void **state)
{
    (void)state;
    offer(0, 4);
    put(4, 12);
    takes(8, (const size_t[]){ 4, 5, 6, 7, 8, 9, 0, 1 }, 8);
    takes(8, (const size_t[]){ 10, 11, 12, 13, 14, 15, 2, 3 }, 8);
}

static void test_few_may_wait_for_long(void **state)
{
    (void)state;
    offer(0, QUEUE_FEW);
    outside_fake_advance(&outside, 60000);
    assert_false(queue_is_behind(&queue));
    offer(QUEUE_FEW, 1);
    assert_true(queue_is_behind(&queue));
    assert_false(queue_offer(&queue, &items[QUEUE_FEW + 1]));
}

static void test_many_may_wait_for_a_quarter_of_a_second(void **state)
{
    (void)state;
    offer(0, 1000);
    outside_fake_advance(&outside, QUEUE_WAIT_US / 1000);
    offer(1000, 1);
    outside_fake_advance(&outside, 1);
    assert_false(queue_offer(&queue, &items[1001]));
    /* Work that was begun is never refused. */
    put(1001, 1);
}

/* As soon as the oldest is gone, however many are left. */
static void test_it_takes_more_at_once_when_it_has_caught_up(void **state)
{
    (void)state;
    offer(0, 500);
    outside_fake_advance(&outside, 200);
    offer(500, 500);
    outside_fake_advance(&outside, 100);
    assert_true(queue_is_behind(&queue));
    (void)queue_take(&queue, 500, 1);
    assert_false(queue_is_behind(&queue));
    offer(1000, 1);
}

static void test_begun_work_that_waits_is_work_that_waits(void **state)
{
    (void)state;
    put(0, QUEUE_FEW + 1);
    outside_fake_advance(&outside, QUEUE_WAIT_US / 1000 + 1);
    assert_false(queue_offer(&queue, &items[QUEUE_FEW + 1]));
}

static void test_there_is_a_most_at_any_speed(void **state)
{
    (void)state;
    offer(0, QUEUE_MAX);
    assert_false(queue_offer(&queue, &items[QUEUE_MAX]));
    put(QUEUE_MAX, 1);
}

static void test_closed_takes_nothing_and_gives_what_it_has(void **state)
{
    (void)state;
    offer(0, 1);
    queue_close(&queue);
    assert_false(queue_offer(&queue, &items[1]));
    assert_false(queue_put(&queue, &items[1]));
    takes(8, (const size_t[]){ 0 }, 1);
    takes(8, NULL, 0);
}

struct taker {
    pthread_t thread;
    const struct link *taken;
};

static void *take_one(void *self)
{
    struct taker *taker = self;
    taker->taken = queue_take(&queue, 1, 0);
    return NULL;
}

static size_t waiting(void)
{
    pthread_mutex_lock(&queue.lock);
    size_t count = queue.waiting;
    pthread_mutex_unlock(&queue.lock);
    return count;
}

/* Each that waits is woken for one, if there are so many. */
static void test_what_was_offered_quietly_wakes_when_told(void **state)
{
    struct taker takers[3] = { { 0 } };
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&takers[i].thread, NULL, take_one, &takers[i]), 0);
    while (waiting() < 3)
        sched_yield();
    assert_true(queue_offer_quietly(&queue, &items[0]));
    assert_true(queue_offer_quietly(&queue, &items[1]));
    queue_wake(&queue);
    while (waiting() > 1)
        sched_yield();
    queue_wake(&queue);
    assert_true(queue_offer_quietly(&queue, &items[2]));
    queue_wake(&queue);
    size_t sum = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(takers[i].thread, NULL), 0);
        assert_non_null(takers[i].taken);
        sum += (size_t)(takers[i].taken - items);
    }
    assert_int_equal(sum, 0 + 1 + 2);
}

static void test_quiet_offers_are_there_for_who_comes_by(void **state)
{
    (void)state;
    assert_true(queue_offer_quietly(&queue, &items[0]));
    takes(8, (const size_t[]){ 0 }, 1);
    assert_null(queue_take_now(&queue, 1));
    assert_true(queue_offer_quietly(&queue, &items[1]));
    assert_true(queue_offer_quietly(&queue, &items[2]));
    assert_ptr_equal(queue_take_now(&queue, 1), &items[1]);
    assert_ptr_equal(queue_take_now(&queue, 1), &items[2]);
    queue_close(&queue);
    assert_false(queue_offer_quietly(&queue, &items[3]));
}

static size_t count_taken(const struct link *item)
{
    size_t count = 0;
    for (; item; item = item->next)
        count++;
    return count;
}

static void test_a_patient_taker_leaves_few_to_the_first(void **state)
{
    (void)state;
    put(0, QUEUE_CROWD - 1);
    assert_null(queue_take_patiently(&queue, SIZE_MAX, 1));
    put(QUEUE_CROWD - 1, 1);
    assert_int_equal(count_taken(queue_take_patiently(&queue, SIZE_MAX, 1)), QUEUE_CROWD);
    assert_null(queue_take_patiently(&queue, SIZE_MAX, 1));
}

static void test_a_patient_taker_comes_for_what_nobody_takes(void **state)
{
    (void)state;
    offer(0, 1);
    outside_fake_advance(&outside, QUEUE_PATIENCE_US / 1000);
    assert_null(queue_take_patiently(&queue, 8, 1));
    outside_fake_advance(&outside, 1);
    assert_ptr_equal(queue_take_patiently(&queue, 8, 1), &items[0]);
    offer(1, 1);
    queue_close(&queue);
    assert_ptr_equal(queue_take_patiently(&queue, 8, 0), &items[1]);
    assert_null(queue_take_patiently(&queue, 8, 0));
}

static void *take_patiently(void *self)
{
    struct taker *taker = self;
    taker->taken = queue_take_patiently(&queue, SIZE_MAX, 0);
    return NULL;
}

static void test_a_patient_taker_wakes_for_a_crowd(void **state)
{
    struct taker taker = { 0 };
    size_t asleep = 0;
    (void)state;
    queue.outside = outside_real();
    assert_int_equal(pthread_create(&taker.thread, NULL, take_patiently, &taker), 0);
    while (asleep == 0) {
        pthread_mutex_lock(&queue.lock);
        asleep = queue.asleep;
        pthread_mutex_unlock(&queue.lock);
    }
    put(0, QUEUE_CROWD);
    assert_int_equal(pthread_join(taker.thread, NULL), 0);
    assert_int_equal(count_taken(taker.taken) + queue_count(&queue), QUEUE_CROWD);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(test_each_lane_keeps_its_order),
        CASE(test_begun_work_first_but_a_quarter_is_for_others),
        CASE(test_few_may_wait_for_long),
        CASE(test_many_may_wait_for_a_quarter_of_a_second),
        CASE(test_it_takes_more_at_once_when_it_has_caught_up),
        CASE(test_begun_work_that_waits_is_work_that_waits),
        CASE(test_there_is_a_most_at_any_speed),
        CASE(test_closed_takes_nothing_and_gives_what_it_has),
        CASE(test_what_was_offered_quietly_wakes_when_told),
        CASE(test_quiet_offers_are_there_for_who_comes_by),
        CASE(test_a_patient_taker_leaves_few_to_the_first),
        CASE(test_a_patient_taker_comes_for_what_nobody_takes),
        CASE(test_a_patient_taker_wakes_for_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
