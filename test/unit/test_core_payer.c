/* Payments whose payer acts at the gateway, at gateways that know nothing before the payer does,
 * that release held money only, and that refund no trifles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/time.h"
#include "turn_fixture.h"

#define BEGIN                    \
    struct world world;          \
    (void)state;                 \
    world_init(&world)
#define END world_done(&world)
#define PAYMENT world_payment(&world)
#define assert_status(status_) assert_int_equal(PAYMENT->status, status_)

#define PAGE STR("https://bank.test/pay.js")
static const struct gateway_answer must_act = { .outcome = GW_NEEDS_PAYER,
                                                .action = ACTION_WIDGET,
                                                .action_url = PAGE };
static const struct gateway_answer not_seen = { .outcome = GW_ABSENT,
                                                .action = ACTION_WIDGET,
                                                .action_url = PAGE };

/* A payment that waits for its payer. */
static void waiting_world(struct world *world)
{
    world_init(world);
    world->gateway.visibility_ms = 10 * MINUTE_MS;
    world->gateway.cancels_holds_only = true;
    world_create(world, CAPTURE_METHOD_AUTOMATIC, 1000);
    world_answer_with(world, &must_act);
    assert_int_equal(world_payment(world)->status, PAYMENT_REQUIRES_ACTION);
}

static void come_back(struct world *world)
{
    world->input.operation = world_payment(world)->authorization;
    assert_int_equal(world_turn(world, &turn_payer_done, NULL), OK);
    assert_int_equal(world_payment(world)->status, PAYMENT_AUTHORIZING);
}

static void payer_who_did_nothing_is_sent_back(void **state)
{
    struct world world;
    (void)state;
    waiting_world(&world);
    int64_t expires_ms = PAYMENT->expires_ms;
    come_back(&world);
    assert_int_equal(world_answer_with(&world, &not_seen), OK);
    assert_status(PAYMENT_REQUIRES_ACTION);
    assert_int_equal(PAYMENT->action, ACTION_WIDGET);
    assert_true(str_equal(PAYMENT->action_url, PAGE));
    assert_int_equal(PAYMENT->due_ms, expires_ms);
    END;
}

/* The answer that opened the page was lost, and nobody has acted on it: it is as good as open. */
static void page_that_was_lost_is_waited_for(void **state)
{
    BEGIN;
    world.gateway.visibility_ms = 10 * MINUTE_MS;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1000);
    world_answer(&world, GW_UNKNOWN);
    assert_status(PAYMENT_AUTHORIZING);
    world_due(&world);
    assert_int_equal(world_answer_with(&world, &not_seen), OK);
    assert_status(PAYMENT_REQUIRES_ACTION);
    assert_true(str_equal(PAYMENT->action_url, PAGE));
    assert_true(operation_id_is_zero(PAYMENT->active_operation));
    END;
}

static void being_processed_is_waited_for(void **state)
{
    struct world world;
    (void)state;
    waiting_world(&world);
    assert_int_equal(world_due(&world), OK);
    for (int looks = 0; looks < 3; looks++) {
        world_answer(&world, GW_PENDING);
        assert_status(PAYMENT_REQUIRES_ACTION);
        assert_int_equal(world_due(&world), OK);
        assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_ENQUIRE);
    }
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CAPTURING);
    END;
}

/* "Not known" counts from the first enquiry on, however often it is repeated. */
static void nobody_acts_and_it_ends_without_a_call(void **state)
{
    struct world world;
    (void)state;
    waiting_world(&world);
    assert_int_equal(world_due(&world), OK);
    int64_t since_ms = world.fake.now_ms;
    while (PAYMENT->status == PAYMENT_REQUIRES_ACTION) {
        assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_ENQUIRE);
        assert_int_equal(world_answer_with(&world, &not_seen), OK);
        if (PAYMENT->status == PAYMENT_REQUIRES_ACTION)
            assert_int_equal(world_due(&world), OK);
    }
    assert_status(PAYMENT_CANCELLED);
    assert_int_equal(world.turn.calls.count, 0);
    assert_int_equal(PAYMENT->cancel_reason, CANCEL_REASON_ABANDONED);
    assert_in_range(world.fake.now_ms - since_ms, 10 * MINUTE_MS, 15 * MINUTE_MS);
    END;
}

/* The payer left in the middle of 3-D Secure: nothing is held, so there is nothing to cancel. */
static void abandoned_challenge_ends_without_a_call(void **state)
{
    struct world world;
    (void)state;
    waiting_world(&world);
    world_due(&world);
    assert_int_equal(world_answer_with(&world, &must_act), OK);
    assert_status(PAYMENT_CANCELLED);
    assert_int_equal(world.turn.calls.count, 0);
    END;
}

static void hold_that_was_given_back_is_not_captured(void **state)
{
    struct world world;
    (void)state;
    waiting_world(&world);
    come_back(&world);
    const struct gateway_answer released = { .outcome = GW_APPROVED, .has_position = true,
                                             .authorized_minor = 1000, .released = true };
    assert_int_equal(world_answer_with(&world, &released), OK);
    assert_status(PAYMENT_CANCELLED);
    assert_int_equal(world.turn.calls.count, 0);
    assert_int_equal(world.turn.books->drifts.count, 1);
    END;
}

/* Without an address to act at, "not known" of a call of ours proves nothing for a while. */
static void saved_card_is_not_failed_early(void **state)
{
    BEGIN;
    world.gateway.visibility_ms = 10 * MINUTE_MS;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1000);
    world_answer(&world, GW_UNKNOWN);
    int64_t since_ms = world.fake.now_ms;
    while (PAYMENT->status == PAYMENT_AUTHORIZING) {
        assert_int_equal(world_due(&world), OK);
        assert_int_equal(world_answer(&world, GW_ABSENT), OK);
    }
    assert_status(PAYMENT_FAILED);
    assert_true(str_equal_c(PAYMENT->failure.code, "interrupted"));
    assert_true(world.fake.now_ms - since_ms >= 10 * MINUTE_MS);
    END;
}

static void captured_world(struct world *world)
{
    world_init(world);
    world_create(world, CAPTURE_METHOD_AUTOMATIC, 5000);
    world_answer(world, GW_APPROVED);
    world_answer(world, GW_APPROVED);
    assert_int_equal(world_payment(world)->status, PAYMENT_CAPTURED);
}

static void trifles_are_not_refunded(void **state)
{
    static const struct money least[] = { { 700, CURRENCY_KZT }, { 1000, CURRENCY_EUR }, { 0 } };
    struct world world;
    (void)state;
    captured_world(&world);
    world.gateway.refund_least = least;
    struct refund_create ask = { .amount_minor = 999 };
    assert_int_equal(world_turn(&world, &turn_refund_create, &ask), ERR_REFUND_TOO_SMALL);
    assert_true(str_equal_c(world.turn.param, "amount"));
    ask.amount_minor = 1000;
    assert_int_equal(world_turn(&world, &turn_refund_create, &ask), OK);
    world.gateway.refund_least = least + 2;
    world_answer(&world, GW_APPROVED);
    ask.amount_minor = 1;
    assert_int_equal(world_turn(&world, &turn_refund_create, &ask), OK);
    END;
}

/* What they do not say cannot differ from our books. */
static void unsaid_refunds_are_no_drift(void **state)
{
    struct gateway_answer theirs = { .outcome = GW_APPROVED, .has_position = true,
                                     .authorized_minor = 5000, .captured_minor = 5000,
                                     .refunds_unsaid = true };
    struct world world;
    (void)state;
    for (int said = 0; said < 2; said++) {
        captured_world(&world);
        world_turn(&world, &turn_refund_create, &(struct refund_create){ .amount_minor = 2000 });
        world_answer(&world, GW_APPROVED);
        struct notice notice = { .gateway_reference = STR("gw_1"),
                                 .received_ms = world.fake.now_ms, .due_ms = world.fake.now_ms };
        world.notice = &notice;
        assert_int_equal(world_turn(&world, &turn_notice_due, NULL), OK);
        theirs.refunds_unsaid = !said;
        assert_int_equal(world_answer_with(&world, &theirs), OK);
        assert_int_equal(world.turn.books->drifts.count, said);
        END;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payer_who_did_nothing_is_sent_back),
        cmocka_unit_test(page_that_was_lost_is_waited_for),
        cmocka_unit_test(being_processed_is_waited_for),
        cmocka_unit_test(nobody_acts_and_it_ends_without_a_call),
        cmocka_unit_test(abandoned_challenge_ends_without_a_call),
        cmocka_unit_test(hold_that_was_given_back_is_not_captured),
        cmocka_unit_test(saved_card_is_not_failed_early),
        cmocka_unit_test(trifles_are_not_refunded),
        cmocka_unit_test(unsaid_refunds_are_no_drift),
    };
    return cmocka_run_group_tests_name("core/payer", tests, NULL, NULL);
}
