/* What gateways send by themselves, and what is done when their books contradict ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/time.h"
#include "turn_fixture.h"

#define PAYMENT world_payment(&world)
#define assert_status(status_) assert_int_equal(PAYMENT->status, status_)
#define assert_call(kind_)                                                               \
    do {                                                                                 \
        assert_int_equal(world.turn.calls.count, 1);                                     \
        assert_int_equal(world.turn.calls.items[0]->call, kind_);                        \
    } while (0)

/* A notice about the payment's authorize operation, or about nothing that we know. */
static struct notice *notice_about(struct world *world, bool known)
{
    struct notice *notice = ARENA_NEW(&world->arena, struct notice);
    struct buf text;
    buf_init(&text, &world->arena, ID_TEXT_MAX);
    struct operation_id id = known ? world_payment(world)->authorization
                                   : operation_id_make(&world->ids, world->fake.now_ms);
    operation_id_write(&text, id);
    *notice = (struct notice){
        .reference = buf_str(&text),
        .received_ms = world->fake.now_ms,
        .due_ms = world->fake.now_ms,
    };
    world->notice = notice;
    world->input.operation = id;
    return notice;
}

static struct gateway_answer theirs(int64_t captured, bool released)
{
    return (struct gateway_answer){ .outcome = GW_APPROVED, .has_position = true,
                                    .authorized_minor = 1250, .captured_minor = captured,
                                    .released = released };
}

static void notice_asks_and_moves_nothing_itself(void **state)
{
    struct world world;
    (void)state;
    world_init(&world);
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_APPROVED);
    int64_t version = PAYMENT->version;
    struct notice *notice = notice_about(&world, true);
    assert_int_equal(world_turn(&world, &turn_notice_due, NULL), OK);
    assert_call(OPERATION_KIND_ENQUIRE);
    assert_int_equal(PAYMENT->version, version);
    assert_int_equal(notice->applied_ms, world.fake.now_ms);
    assert_int_equal(notice->due_ms, 0);
    /* What it asked for is all as we know it: nothing changes, and the expiry is kept. */
    const struct gateway_answer same = theirs(0, false);
    world_answer_with(&world, &same);
    assert_status(PAYMENT_AUTHORIZED);
    assert_int_equal(PAYMENT->version, version);
    assert_int_equal(PAYMENT->due_ms, PAYMENT->expires_ms);
    world_done(&world);
}

static void notice_is_applied_once(void **state)
{
    struct world world;
    (void)state;
    world_init(&world);
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_APPROVED);
    notice_about(&world, true);
    world_turn(&world, &turn_notice_due, NULL);
    const struct gateway_answer same = theirs(0, false);
    world_answer_with(&world, &same);
    assert_int_equal(world_turn(&world, &turn_notice_due, NULL), OK);
    assert_int_equal(world.turn.calls.count, 0);
    world_done(&world);
}

static void notice_about_a_payer_brings_the_answer(void **state)
{
    struct world world;
    (void)state;
    world_init(&world);
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer_with(&world, &(struct gateway_answer){ .outcome = GW_NEEDS_PAYER });
    notice_about(&world, true);
    world_turn(&world, &turn_notice_due, NULL);
    assert_status(PAYMENT_AUTHORIZING);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CAPTURING);
    world_done(&world);
}

static void unknown_operation_is_hastened(void **state)
{
    struct world world;
    (void)state;
    world_init(&world);
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_UNKNOWN);
    struct notice *notice = notice_about(&world, true);
    assert_int_equal(world_turn(&world, &turn_notice_due, NULL), OK);
    assert_int_equal(world.turn.calls.count, 0);
    assert_int_equal(world.books->operations.items[0]->due_ms, world.fake.now_ms);
    assert_true(notice->applied_ms != 0);
    world_done(&world);
}

/* A look that is on its way is let finish; after its answer nobody makes another before the
 * gateway had the time that a call may take. */
static void reading_hastens_no_look_that_is_on_its_way(void **state)
{
    struct world world;
    (void)state;
    world_init(&world);
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_UNKNOWN);
    world_due(&world);
    world.input.payment = PAYMENT->id;
    int64_t due_ms = world.books->operations.items[0]->due_ms;
    outside_fake_advance(&world.fake, world.gateway.deadline_ms);
    assert_int_equal(world_turn(&world, &turn_payment_look, NULL), OK);
    assert_int_equal(world.books->operations.items[0]->due_ms, due_ms);
    world_done(&world);
}

static void reading_hastens_the_next_look_but_not_at_once(void **state)
{
    struct world world;
    (void)state;
    world_init(&world);
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_UNKNOWN);
    world.input.payment = PAYMENT->id;
    int64_t due_ms = world.books->operations.items[0]->due_ms;
    outside_fake_advance(&world.fake, world.gateway.deadline_ms - 1);
    assert_int_equal(world_turn(&world, &turn_payment_look, NULL), OK);
    assert_int_equal(world.books->operations.items[0]->due_ms, due_ms);
    outside_fake_advance(&world.fake, 1);
    assert_int_equal(world_turn(&world, &turn_payment_look, NULL), OK);
    assert_int_equal(world.books->operations.items[0]->due_ms, world.fake.now_ms);
    assert_int_equal(world.books->operations.items[0]->tries, 0);
    world_done(&world);
}

static void gap_2_notice_before_our_own_answer_waits_for_it(void **state)
{
    struct world world;
    (void)state;
    world_init(&world);
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    struct notice *notice = notice_about(&world, true);
    world_turn(&world, &turn_notice_due, NULL);
    assert_int_equal(world.turn.calls.count, 0);
    assert_int_equal(notice->applied_ms, 0);
    assert_int_equal(notice->due_ms - world.fake.now_ms, 5 * SECOND_MS);
    world_done(&world);
}

static void unknown_reference_is_kept_for_a_day(void **state)
{
    struct world world;
    int looks = 0;
    (void)state;
    world_init(&world);
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    struct notice *notice = notice_about(&world, false);
    while (notice->due_ms != 0 && looks < 100) {
        outside_fake_advance(&world.fake, notice->due_ms - world.fake.now_ms);
        assert_int_equal(world_turn(&world, &turn_notice_due, NULL), OK);
        looks++;
    }
    assert_int_equal(notice->applied_ms, 0);
    assert_true(world.fake.now_ms - notice->received_ms >= DAY_MS);
    assert_true(looks > 5 && looks < 20);
    world_done(&world);
}

/* Brings a payment to an end, has a notice come, and answers the enquiry. */
static void contradicted(struct world *world, enum gateway_outcome end,
                         const struct gateway_answer *answer)
{
    world_init(world);
    world_create(world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(world, end);
    if (end == GW_APPROVED)
        world_answer(world, GW_APPROVED);
    notice_about(world, true);
    world_turn(world, &turn_notice_due, NULL);
    assert_int_equal(world_answer_with(world, answer), OK);
}

static void money_taken_after_we_said_failed_wins(void **state)
{
    struct world world;
    const struct gateway_answer taken = theirs(1250, false);
    (void)state;
    contradicted(&world, GW_DECLINED, &taken);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(PAYMENT->captured_minor, 1250);
    assert_int_equal(PAYMENT->failure.type, FAILURE_NONE);
    assert_int_equal(world.books->invoice->status, INVOICE_PAID);
    assert_int_equal(world.turn.books->drifts.count, 1);
    assert_int_equal(world.events.items[world.events.count - 2]->type, EVENT_PAYMENT_CORRECTED);
    world_done(&world);
}

static void money_held_after_we_said_failed_is_given_back(void **state)
{
    struct world world;
    const struct gateway_answer held = theirs(0, false);
    (void)state;
    contradicted(&world, GW_DECLINED, &held);
    assert_status(PAYMENT_CANCELLING);
    assert_call(OPERATION_KIND_CANCEL);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CANCELLED);
    world_done(&world);
}

static void amounts_that_differ_are_reported_and_not_changed(void **state)
{
    struct world world;
    const struct gateway_answer less = theirs(1000, false);
    (void)state;
    contradicted(&world, GW_APPROVED, &less);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(PAYMENT->captured_minor, 1250);
    assert_int_equal(world.turn.books->drifts.count, 1);
    assert_int_equal(world.turn.books->drifts.items[0]->kind, DRIFT_AMOUNT_MISMATCH);
    world_done(&world);
}

static void agreement_leaves_nothing_behind(void **state)
{
    struct world world;
    const struct gateway_answer same = theirs(1250, false);
    (void)state;
    contradicted(&world, GW_APPROVED, &same);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(world.turn.books->drifts.count, 0);
    assert_int_equal(world.turn.books->events.count, 0);
    world_done(&world);
}

static void kept_as_they_came_with_a_row_each(void **state)
{
    struct world world;
    const struct notice one = { .reference = STR("a") }, two = { .reference = STR("b") };
    const struct notice *const both[] = { &one, &two };
    const struct notices_keep ask = { both, 2 };
    (void)state;
    world_init(&world);
    assert_int_equal(world_turn(&world, &turn_notices_keep, &ask), OK);
    assert_int_equal(world.turn.notices.count, 2);
    assert_int_equal(world.turn.notices.items[1]->row, ROW_NEW);
    assert_int_equal(world.turn.notices.items[1]->due_ms, world.fake.now_ms);
    assert_int_equal(world.turn.answer.status, 200);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notice_asks_and_moves_nothing_itself),
        cmocka_unit_test(notice_is_applied_once),
        cmocka_unit_test(notice_about_a_payer_brings_the_answer),
        cmocka_unit_test(unknown_operation_is_hastened),
        cmocka_unit_test(gap_2_notice_before_our_own_answer_waits_for_it),
        cmocka_unit_test(unknown_reference_is_kept_for_a_day),
        cmocka_unit_test(money_taken_after_we_said_failed_wins),
        cmocka_unit_test(money_held_after_we_said_failed_is_given_back),
        cmocka_unit_test(amounts_that_differ_are_reported_and_not_changed),
        cmocka_unit_test(agreement_leaves_nothing_behind),
        cmocka_unit_test(kept_as_they_came_with_a_row_each),
        cmocka_unit_test(reading_hastens_no_look_that_is_on_its_way),
        cmocka_unit_test(reading_hastens_the_next_look_but_not_at_once),
    };
    return cmocka_run_group_tests_name("core notices", tests, NULL, NULL);
}
