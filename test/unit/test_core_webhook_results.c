/* What the end of a try does to its delivery and its endpoint: the next try, the dead letter,
 * the endpoint that is given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "core/webhook_rules.h"

#define BEGIN_MS INT64_C(1700000000000)

struct world {
    struct arena arena;
    struct webhook_endpoint endpoint;
    struct webhook_delivery delivery;
    int64_t now_ms;
    struct webhook_alert_list alerts;    /* of all turns */
};

static int setup(void **state)
{
    struct world *world = mem_alloc(sizeof *world);
    world->now_ms = BEGIN_MS;
    world->endpoint = (struct webhook_endpoint){
        .id = { { { 1 } } },
        .status = ENDPOINT_ENABLED,
        .success = SUCCESS_ANY_2XX,
        .retries = RETRIES_CALLBACK,
    };
    world->delivery = (struct webhook_delivery){
        .id = { { { 2 } } },
        .endpoint = world->endpoint.id,
        .status = DELIVERY_PENDING,
        .due_ms = BEGIN_MS,
    };
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    arena_done(&world->arena);
    mem_free(world);
    return 0;
}

static void result(struct world *world, struct webhook_result given)
{
    struct webhook_results ask = { .results = &given, .count = 1 };
    struct turn_input input = { .handler = &turn_webhook_results, .ask = &ask };
    struct turn turn = { .input = &input, .arena = &world->arena, .now_ms = world->now_ms };

    given.delivery = world->delivery.id;
    webhook_endpoint_list_add(&world->arena, &turn.webhooks.endpoints, &world->endpoint);
    webhook_delivery_list_add(&world->arena, &turn.webhooks.deliveries, &world->delivery);
    assert_int_equal(turn_webhook_results.handle(&turn), OK);
    for (size_t i = 0; i < turn.webhooks.alerts.count; i++)
        webhook_alert_list_add(&world->arena, &world->alerts, turn.webhooks.alerts.items[i]);
    if (given.endpoint_gone)
        return;
    assert_int_equal(turn.webhooks.attempts.count, 1);
    assert_int_equal(turn.webhooks.attempts.items[0]->number, world->delivery.attempts);
    assert_int_equal(turn.webhooks.attempts.items[0]->next_ms, world->delivery.due_ms);
}

static void reply(struct world *world, int64_t http_status)
{
    result(world, (struct webhook_result){ .attempt = { .http_status = http_status } });
}

static void test_the_last_failure_makes_a_dead_letter(void **state)
{
    struct world *world = *state;

    for (int i = 1; i <= 5; i++) {
        reply(world, 500);
        assert_int_equal(world->delivery.status, DELIVERY_PENDING);
        assert_true(world->delivery.due_ms > world->now_ms);
        world->now_ms = world->delivery.due_ms;
    }
    reply(world, 500);
    assert_int_equal(world->delivery.status, DELIVERY_DEAD);
    assert_int_equal(world->delivery.due_ms, 0);
    assert_int_equal(world->delivery.ended_ms, world->now_ms);
    assert_int_equal(world->delivery.attempts, 6);
    assert_int_equal(world->endpoint.status, ENDPOINT_ENABLED);
}

static void test_retry_after_is_heard_up_to_a_day(void **state)
{
    static const struct {
        int64_t asked_ms;
        int64_t least_ms, most_ms;
    } cases[] = {
        { 0, 54 * SECOND_MS, 66 * SECOND_MS },
        { SECOND_MS, 54 * SECOND_MS, 66 * SECOND_MS },         /* no sooner than the schedule */
        { HOUR_MS, HOUR_MS, HOUR_MS },
        { 400 * DAY_MS, DAY_MS, DAY_MS },
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world->delivery.tries = 0;
        result(world, (struct webhook_result){ .attempt = { .http_status = 503 },
                                               .retry_after_ms = cases[i].asked_ms });
        int64_t delay_ms = world->delivery.due_ms - world->now_ms;
        assert_in_range(delay_ms, cases[i].least_ms, cases[i].most_ms);
    }
    /* After the last of the schedule it does not make the delivery live longer. */
    world->delivery.tries = 5;
    result(world, (struct webhook_result){ .attempt = { .http_status = 503 },
                                           .retry_after_ms = HOUR_MS });
    assert_int_equal(world->delivery.status, DELIVERY_DEAD);
}

static void test_five_days_and_twenty_tries_give_an_endpoint_up(void **state)
{
    struct world *world = *state;

    for (int i = 1; i <= 25; i++) {
        world->delivery.tries = 0;
        reply(world, 500);
        assert_int_equal(world->endpoint.status, ENDPOINT_ENABLED);
    }
    world->now_ms = BEGIN_MS + 5 * DAY_MS - 1;
    world->delivery.tries = 0;
    reply(world, 0);
    assert_int_equal(world->endpoint.status, ENDPOINT_ENABLED);
    world->now_ms++;
    world->delivery.tries = 0;
    reply(world, 500);
    assert_int_equal(world->endpoint.status, ENDPOINT_DISABLED);
    assert_true(world->endpoint.status_reason.len > 0);
    assert_int_equal(world->delivery.status, DELIVERY_PENDING);
}

static void test_few_tries_in_many_days_do_not(void **state)
{
    struct world *world = *state;

    for (int i = 1; i < 20; i++) {
        world->delivery.tries = 0;
        reply(world, 500);
        world->now_ms += DAY_MS;
        assert_int_equal(world->endpoint.status, ENDPOINT_ENABLED);
    }
    world->delivery.tries = 0;
    reply(world, 500);
    assert_int_equal(world->endpoint.status, ENDPOINT_DISABLED);
}

static void test_one_success_begins_the_count_anew(void **state)
{
    struct world *world = *state;

    for (int i = 1; i <= 19; i++) {
        world->delivery.tries = 0;
        reply(world, 500);
        world->now_ms += DAY_MS;
    }
    reply(world, 204);
    assert_int_equal(world->delivery.status, DELIVERY_DELIVERED);
    assert_int_equal(world->endpoint.failures, 0);
    assert_int_equal(world->endpoint.failing_since_ms, 0);
    assert_int_equal(world->endpoint.succeeded_ms, world->now_ms);
    world->delivery.status = DELIVERY_PENDING;
    world->delivery.tries = 0;
    reply(world, 500);
    assert_int_equal(world->endpoint.status, ENDPOINT_ENABLED);
}

static void test_gone_is_believed_at_once(void **state)
{
    struct world *world = *state;

    reply(world, 410);
    assert_int_equal(world->endpoint.status, ENDPOINT_DISABLED);
    assert_int_equal(world->delivery.status, DELIVERY_PENDING);
}

static void test_a_deleted_endpoint_cancels_what_waits(void **state)
{
    struct world *world = *state;

    result(world, (struct webhook_result){ .endpoint_gone = true });
    assert_int_equal(world->delivery.status, DELIVERY_CANCELLED);
    assert_int_equal(world->delivery.due_ms, 0);
    assert_int_equal(world->delivery.attempts, 0);
}

/* After an hour, a day and three, each once; a long silence leaves one behind, not three. */
static void test_it_is_warned_of_before(void **state)
{
    static const struct {
        int64_t after_ms;
        size_t alerts;
    } steps[] = {
        { 0, 0 },           { HOUR_MS - 1, 0 },  { HOUR_MS, 1 },      { HOUR_MS + 1, 1 },
        { 24 * HOUR_MS, 2 }, { 73 * HOUR_MS, 3 }, { 100 * HOUR_MS, 3 },
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        world->now_ms = BEGIN_MS + steps[i].after_ms;
        world->delivery.tries = 0;
        reply(world, 500);
        assert_int_equal(world->alerts.count, steps[i].alerts);
    }
    reply(world, 200);
    assert_int_equal(world->alerts.count, 4);
    assert_int_equal(world->alerts.items[3]->type, ALERT_RECOVERED);
    world->delivery.tries = 0;
    reply(world, 500);
    world->now_ms += 80 * HOUR_MS;
    world->delivery.tries = 0;
    reply(world, 500);
    assert_int_equal(world->alerts.count, 5);
    assert_int_equal(world->alerts.items[4]->type, ALERT_FAILING);
    world->delivery.tries = 0;
    reply(world, 410);
    assert_int_equal(world->alerts.count, 6);
    assert_int_equal(world->alerts.items[5]->type, ALERT_DISABLED);
}

static void test_a_lane_that_goes_on_records_the_gap(void **state)
{
    struct world *world = *state;

    world->endpoint.ordering = ORDERING_PER_INVOICE;
    world->delivery.event = (struct event_id){ { { 3 } } };
    world->delivery.tries = 5;
    reply(world, 500);
    assert_int_equal(world->delivery.status, DELIVERY_DEAD);
    assert_true(world->delivery.skipped);
    assert_int_equal(world->alerts.count, 1);
    assert_int_equal(world->alerts.items[0]->type, ALERT_SKIPPED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_last_failure_makes_a_dead_letter),
        TEST(test_retry_after_is_heard_up_to_a_day),
        TEST(test_five_days_and_twenty_tries_give_an_endpoint_up),
        TEST(test_few_tries_in_many_days_do_not),
        TEST(test_one_success_begins_the_count_anew),
        TEST(test_gone_is_believed_at_once),
        TEST(test_a_deleted_endpoint_cancels_what_waits),
        TEST(test_it_is_warned_of_before),
        TEST(test_a_lane_that_goes_on_records_the_gap),
    };
    return cmocka_run_group_tests_name("core webhook results", tests, NULL, NULL);
}
