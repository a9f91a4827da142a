/* The reconciler: what is stuck is asked about, what is final is compared, and a question without
 * an answer changes nothing. The scenarios are named as the class of system that purser replaces
 * names them; where that one loses money, the name says what happens instead. A gap is one that it
 * left open. Others of these are tested where they can be seen: 2 in test_core_notices.c, 8 in
 * test/api/test_listing.py, 10 in test/nodes/test_due.py, and 12 in the transcript
 * gateways/hyperswitch/enquire.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "turn_fixture.h"

#define BEGIN                    \
    struct world world;          \
    (void)state;                 \
    world_init(&world)
#define END world_done(&world)
#define PAYMENT world_payment(&world)
#define REFUND world.books->refunds.items[0]
#define assert_status(status_) assert_int_equal(PAYMENT->status, status_)
#define assert_asked(count_) assert_int_equal(world.turn.calls.count, count_)
#define assert_drift(kind_)                                                              \
    do {                                                                                 \
        assert_int_equal(world.turn.books->drifts.count, 1);                             \
        assert_int_equal(world.turn.books->drifts.items[0]->kind, kind_);                \
    } while (0)

static const struct gateway_answer taken = { .outcome = GW_APPROVED, .has_position = true,
                                             .authorized_minor = 1250, .captured_minor = 1250 };

/* The reconciler looks, `after_ms` from now. */
static enum err run_once(struct world *world, int64_t after_ms)
{
    static const struct payment_check ask = { .interval_ms = HOUR_MS };
    outside_fake_advance(&world->fake, after_ms);
    return world_turn(world, &turn_payment_check, &ask);
}

/* The gateway answers the reconciler's question. */
static void says(struct world *world, const struct gateway_answer *answer, bool dry_run)
{
    const struct turn_call *call = world->turn.calls.items[0];
    const struct operation_answer said = { .call = call->call, .answer = *answer,
                                           .mark = { .is_look = true, .dry_run = dry_run },
                                           .started_ms = world->fake.now_ms };
    world->input.operation = call->operation->id;
    assert_int_equal(world_turn(world, &turn_operation_answered, &said), OK);
}

static void says_word(struct world *world, enum gateway_outcome outcome)
{
    says(world, &(struct gateway_answer){ .outcome = outcome }, false);
}

/* A payment that waits for its payer, and nobody told us that he has paid. */
static void waiting(struct world *world)
{
    world_create(world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(world, GW_NEEDS_PAYER);
    assert_int_equal(world_payment(world)->status, PAYMENT_REQUIRES_ACTION);
}

static void captured(struct world *world)
{
    world_create(world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(world, GW_APPROVED);
    world_answer(world, GW_APPROVED);
    assert_int_equal(world_payment(world)->status, PAYMENT_CAPTURED);
}

static void refund_lost(struct world *world)
{
    const struct refund_create all = { 0 };
    captured(world);
    assert_int_equal(world_turn(world, &turn_refund_create, &all), OK);
    world_answer(world, GW_UNKNOWN);
}

static void scenario_1_stuck_order_is_brought_on_by_the_answer(void **state)
{
    BEGIN;
    waiting(&world);
    assert_int_equal(run_once(&world, 30 * MINUTE_MS), OK);
    assert_asked(1);
    assert_int_equal(world.turn.look, LOOK_ASKED);
    says(&world, &taken, false);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(world.turn.look, LOOK_MOVED);
    END;
}

static void scenario_2_recent_order_is_not_touched(void **state)
{
    BEGIN;
    waiting(&world);
    int64_t version = PAYMENT->version;
    run_once(&world, 29 * MINUTE_MS);
    assert_asked(0);
    assert_int_equal(PAYMENT->version, version);
    END;
}

static void scenario_3_completed_order_is_compared_and_not_touched(void **state)
{
    BEGIN;
    captured(&world);
    int64_t version = PAYMENT->version;
    int looks = 0;
    while (PAYMENT->check_ms != 0) {
        run_once(&world, PAYMENT->check_ms - world.fake.now_ms);
        says(&world, &taken, false);
        assert_int_equal(world.turn.look, LOOK_AGREED);
        looks++;
    }
    assert_int_equal(looks, 11);
    assert_int_equal(PAYMENT->version, version);
    assert_true(payment_id_equal(world.turn.books->agreed, PAYMENT->id));
    run_once(&world, 365 * DAY_MS);
    assert_asked(0);
    END;
}

/* I18: of a final payment, within the interval where the gateway lists; else before it is three
 * times as old as it was. */
static void a_final_payment_is_compared_before_it_is_three_times_as_old(void **state)
{
    BEGIN;
    captured(&world);
    int64_t captured_ms = world.fake.now_ms, before_ms = PAYMENT->check_ms;
    run_once(&world, PAYMENT->check_ms - world.fake.now_ms);
    says(&world, &taken, false);
    while (PAYMENT->check_ms != 0) {
        assert_true(PAYMENT->check_ms - captured_ms <= 3 * (before_ms - captured_ms));
        before_ms = PAYMENT->check_ms;
        run_once(&world, PAYMENT->check_ms - world.fake.now_ms);
        says(&world, &taken, false);
    }
    assert_true(before_ms - captured_ms > 31 * DAY_MS);
    END;
}

static enum err no_list(const struct gateway_list_ask *ask, struct arena *arena,
                        struct http_request *out)
{
    (void)ask;
    (void)arena;
    (void)out;
    return ERR_INTERNAL;
}

static void where_the_gateway_lists_it_is_asked_now_and_then(void **state)
{
    BEGIN;
    world.gateway.listing.build = no_list;
    captured(&world);
    int looks = 0;
    for (; PAYMENT->check_ms != 0; looks++) {
        run_once(&world, PAYMENT->check_ms - world.fake.now_ms);
        says(&world, &taken, false);
    }
    assert_int_equal(looks, 4);
    END;
}

/* Its answer was lost before we had their reference: it is found by ours. */
static void scenario_4_order_without_their_reference_is_found_by_ours(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_UNKNOWN);
    assert_true(str_is_empty(PAYMENT->gateway_reference));
    run_once(&world, 30 * MINUTE_MS);
    assert_asked(1);
    says(&world, &(struct gateway_answer){ .outcome = GW_APPROVED,
                                           .gateway_reference = STR("gw_7") }, false);
    assert_status(PAYMENT_AUTHORIZED);
    assert_int_equal(world.turn.look, LOOK_MOVED);
    assert_true(str_equal_c(PAYMENT->gateway_reference, "gw_7"));
    END;
}

static void scenario_5_read_error_leaves_the_row_as_it_was(void **state)
{
    BEGIN;
    waiting(&world);
    run_once(&world, 30 * MINUTE_MS);
    struct payment before = *PAYMENT;
    size_t events = world.events.count;
    says_word(&world, GW_UNKNOWN);
    assert_int_equal(world.turn.look, LOOK_FAILED);
    before.row = PAYMENT->row;
    assert_memory_equal(&before, PAYMENT, sizeof(before));
    assert_int_equal(world.events.count, events);
    assert_int_equal(PAYMENT->check_ms - world.fake.now_ms, HOUR_MS);
    run_once(&world, HOUR_MS);
    says(&world, &taken, false);
    assert_status(PAYMENT_CAPTURED);
    END;
}

static void scenario_6_orphan_refund_is_asked_about_and_ends_on_proof_alone(void **state)
{
    BEGIN;
    refund_lost(&world);
    run_once(&world, 5 * MINUTE_MS);
    assert_asked(1);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_ENQUIRE);
    says_word(&world, GW_UNKNOWN);
    assert_int_equal(REFUND->status, REFUND_PENDING);
    assert_int_equal(PAYMENT->reserved_minor, 1250);
    run_once(&world, HOUR_MS);
    /* They never saw it: the same refund goes again, with the same reference. */
    struct operation_id refund = PAYMENT->active_operation;
    says_word(&world, GW_ABSENT);
    assert_asked(1);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_REFUND);
    assert_true(operation_id_equal(world.turn.calls.items[0]->operation->id, refund));
    assert_int_equal(world.books->refunds.count, 1);
    END;
}

static void scenario_6_orphan_refund_is_repeated_where_they_deduplicate(void **state)
{
    BEGIN;
    world.gateway.calls[OPERATION_KIND_REFUND].lost = GW_REPEAT_SAME_KEY;
    refund_lost(&world);
    run_once(&world, 5 * MINUTE_MS);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_REFUND);
    says_word(&world, GW_APPROVED);
    assert_int_equal(REFUND->status, REFUND_SUCCEEDED);
    END;
}

static void scenario_7_recent_orphan_refund_is_not_touched(void **state)
{
    BEGIN;
    refund_lost(&world);
    run_once(&world, 4 * MINUTE_MS);
    assert_asked(0);
    assert_int_equal(REFUND->status, REFUND_PENDING);
    END;
}

static void scenario_8_stuck_refund_is_brought_on_by_the_answer(void **state)
{
    BEGIN;
    refund_lost(&world);
    world.books->refunds.items[0]->gateway_reference = STR("re_1");
    run_once(&world, 29 * MINUTE_MS);
    assert_asked(0);
    run_once(&world, MINUTE_MS);
    assert_asked(1);
    says(&world, &(struct gateway_answer){ .outcome = GW_APPROVED,
                                           .refund_reference = STR("re_1") }, false);
    assert_int_equal(REFUND->status, REFUND_SUCCEEDED);
    assert_int_equal(world.books->invoice->status, INVOICE_REFUNDED);
    END;
}

static void scenario_9_their_words_stay_on_the_refund(void **state)
{
    BEGIN;
    refund_lost(&world);
    run_once(&world, 30 * MINUTE_MS);
    says(&world, &(struct gateway_answer){ .outcome = GW_REFUSED, .gateway_code = STR("RF_07"),
                                           .gateway_message = STR("Account closed.") }, false);
    assert_int_equal(REFUND->status, REFUND_FAILED);
    assert_true(str_equal_c(REFUND->failure.gateway_code, "RF_07"));
    assert_true(str_equal_c(REFUND->failure.gateway_message, "Account closed."));
    END;
}

static void scenario_10_what_is_final_is_left_alone_for_ever(void **state)
{
    static const enum gateway_outcome ends[] = { GW_APPROVED, GW_DECLINED };
    for (size_t i = 0; i < 2; i++) {
        BEGIN;
        world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
        world_answer(&world, ends[i]);
        if (ends[i] == GW_APPROVED)
            world_answer(&world, GW_APPROVED);
        while (PAYMENT->check_ms != 0) {
            run_once(&world, PAYMENT->check_ms - world.fake.now_ms);
            says_word(&world, GW_UNKNOWN);
        }
        struct payment before = *PAYMENT;
        run_once(&world, 365 * DAY_MS);
        assert_asked(0);
        assert_memory_equal(&before.status, &PAYMENT->status, sizeof(before.status));
        assert_int_equal(before.version, PAYMENT->version);
        END;
    }
}

static void gap_3_fifty_undecided_hide_none(void **state)
{
    BEGIN;
    waiting(&world);
    run_once(&world, 30 * MINUTE_MS);
    says_word(&world, GW_NEEDS_PAYER);
    /* It has a time of its own and is not the head of the next look. */
    assert_status(PAYMENT_REQUIRES_ACTION);
    assert_int_equal(PAYMENT->check_ms - world.fake.now_ms, HOUR_MS);
    assert_int_equal(PAYMENT->due_ms, PAYMENT->expires_ms);
    END;
}

static void gap_5_missing_at_the_gateway_is_drift_and_not_failure(void **state)
{
    BEGIN;
    captured(&world);
    world.gateway.visibility_ms = 10 * MINUTE_MS;
    run_once(&world, 30 * MINUTE_MS);
    says_word(&world, GW_ABSENT);
    assert_status(PAYMENT_CAPTURED);
    assert_drift(DRIFT_MISSING_AT_GATEWAY);
    assert_int_equal(world.turn.look, LOOK_DRIFTED);
    END;
}

static void gap_6_amount_off_by_one_is_drift_and_never_corrected(void **state)
{
    BEGIN;
    captured(&world);
    run_once(&world, 30 * MINUTE_MS);
    struct gateway_answer less = taken;
    less.captured_minor = 1249;
    says(&world, &less, false);
    assert_drift(DRIFT_AMOUNT_MISMATCH);
    assert_int_equal(world.turn.books->drifts.items[0]->our_minor, 1250);
    assert_int_equal(world.turn.books->drifts.items[0]->gateway_minor, 1249);
    assert_int_equal(PAYMENT->captured_minor, 1250);
    assert_true(payment_id_is_zero(world.turn.books->agreed));
    END;
}

static void gap_7_refund_by_hand_at_the_gateway_is_drift(void **state)
{
    BEGIN;
    captured(&world);
    run_once(&world, 30 * MINUTE_MS);
    struct gateway_answer back = taken;
    back.refunded_minor = 500;
    says(&world, &back, false);
    assert_drift(DRIFT_REFUND_MISMATCH);
    back.refunded_minor = 1300;
    run_once(&world, DAY_MS);
    says(&world, &back, false);
    assert_drift(DRIFT_OVER_REFUND);
    END;
}

static void other_currency_is_drift(void **state)
{
    BEGIN;
    captured(&world);
    run_once(&world, 30 * MINUTE_MS);
    const struct operation_answer said = {
        .call = OPERATION_KIND_ENQUIRE,
        .answer = { .outcome = GW_UNKNOWN, .amount = { 1250, CURRENCY_USD } },
        .amount_differs = true,
        .mark = { .is_look = true },
    };
    world.input.operation = world.turn.calls.items[0]->operation->id;
    world_turn(&world, &turn_operation_answered, &said);
    assert_drift(DRIFT_CURRENCY_MISMATCH);
    END;
}

static void gap_7_late_success_after_failure_is_found(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_DECLINED);
    assert_status(PAYMENT_FAILED);
    run_once(&world, 30 * MINUTE_MS);
    says(&world, &taken, false);
    assert_status(PAYMENT_CAPTURED);
    assert_drift(DRIFT_LATE_SUCCESS);
    END;
}

static void released_at_the_gateway_is_followed(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_APPROVED);
    run_once(&world, 30 * MINUTE_MS);
    struct gateway_answer released = taken;
    released.captured_minor = 0;
    released.released = true;
    says(&world, &released, false);
    assert_status(PAYMENT_CANCELLED);
    assert_drift(DRIFT_STATUS_MISMATCH);
    assert_int_equal(world.turn.books->drifts.items[0]->resolution, RESOLUTION_FOLLOWED);
    END;
}

/* A webhook came between the question and its answer: the answer finds it done. */
static void answer_after_a_notification_changes_nothing_twice(void **state)
{
    BEGIN;
    waiting(&world);
    run_once(&world, 30 * MINUTE_MS);
    struct turn_call question = *world.turn.calls.items[0];
    world.books->payments.items[0]->status = PAYMENT_CAPTURED;
    world.books->payments.items[0]->authorized_minor = 1250;
    world.books->payments.items[0]->captured_minor = 1250;
    int64_t version = PAYMENT->version;
    world.turn.calls = (struct turn_call_list){ 0 };
    turn_call_list_add(&world.arena, &world.turn.calls, &question);
    says(&world, &taken, false);
    assert_int_equal(PAYMENT->version, version);
    assert_int_equal(world.turn.look, LOOK_AGREED);
    END;
}

static void gap_13_thresholds_are_per_method(void **state)
{
    BEGIN;
    world.account.settings = STR("{\"stuck_minutes\":10,\"stuck_minutes_card\":600}");
    waiting(&world);
    assert_int_equal(PAYMENT->check_ms - world.fake.now_ms, 600 * MINUTE_MS);
    END;
}

/* The lost refund holds its money: no second one can be begun with another key. */
static void gap_1_a_lost_refund_keeps_its_money_until_its_end_is_proven(void **state)
{
    BEGIN;
    const struct refund_create again = { .amount_minor = 1 };
    refund_lost(&world);
    assert_int_not_equal(world_turn(&world, &turn_refund_create, &again), OK);
    for (int hours = 0; hours < 48; hours++) {
        run_once(&world, HOUR_MS);
        if (world.turn.calls.count > 0)
            says_word(&world, GW_UNKNOWN);
        assert_int_equal(REFUND->status, REFUND_PENDING);
        assert_int_equal(PAYMENT->reserved_minor, 1250);
    }
    assert_int_not_equal(world_turn(&world, &turn_refund_create, &again), OK);
    assert_int_equal(world.books->refunds.count, 1);
    END;
}

/* The call itself comes back long after it was asked about and ended as refused. */
static void gap_9_what_a_paused_call_brings_late_is_not_swallowed(void **state)
{
    BEGIN;
    refund_lost(&world);
    struct operation_id refund = PAYMENT->active_operation;
    run_once(&world, 30 * MINUTE_MS);
    says(&world, &(struct gateway_answer){ .outcome = GW_REFUSED, .gateway_code = STR("RF") },
         false);
    assert_int_equal(REFUND->status, REFUND_FAILED);
    const struct operation_answer late = {
        .call = OPERATION_KIND_REFUND,
        .answer = { .outcome = GW_APPROVED, .refund_reference = STR("re_late") },
        .started_ms = world.fake.now_ms,
    };
    world.input.operation = refund;
    assert_int_equal(world_turn(&world, &turn_operation_answered, &late), OK);
    /* They are asked where the money is, and what they say then counts. */
    assert_asked(1);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_ENQUIRE);
    struct gateway_answer back = taken;
    back.outcome = GW_APPROVED;
    back.refunded_minor = 1250;
    says(&world, &back, false);
    assert_drift(DRIFT_REFUND_MISMATCH);
    END;
}

/* There is no state between: the turn that ends the refund frees what it held. */
static void gap_11_a_refund_that_failed_leaves_nothing_held(void **state)
{
    BEGIN;
    const struct refund_create again = { 0 };
    refund_lost(&world);
    run_once(&world, 30 * MINUTE_MS);
    says(&world, &(struct gateway_answer){ .outcome = GW_REFUSED, .gateway_code = STR("RF") },
         false);
    assert_int_equal(REFUND->status, REFUND_FAILED);
    assert_int_equal(PAYMENT->reserved_minor, 0);
    assert_true(operation_id_is_zero(PAYMENT->active_operation));
    assert_int_equal(world_turn(&world, &turn_refund_create, &again), OK);
    END;
}

static void dry_run_counts_and_changes_nothing(void **state)
{
    BEGIN;
    const struct payment_check ask = { .asked = true, .dry_run = true };
    captured(&world);
    outside_fake_advance(&world.fake, HOUR_MS);
    assert_int_equal(world_turn(&world, &turn_payment_check, &ask), OK);
    assert_asked(1);
    assert_true(world.turn.calls.items[0]->mark.dry_run);
    struct payment before = *PAYMENT;
    struct gateway_answer less = taken;
    less.captured_minor = 1;
    says(&world, &less, true);
    assert_int_equal(world.turn.look, LOOK_DRIFTED);
    assert_int_equal(world.turn.books->drifts.count, 0);
    before.row = PAYMENT->row;
    assert_memory_equal(&before, PAYMENT, sizeof(before));
    assert_int_equal(world.books->operations.items[0]->closed_ms, world.fake.now_ms);
    END;
}

static void dry_run_of_what_would_move_it_moves_nothing(void **state)
{
    BEGIN;
    const struct payment_check ask = { .asked = true, .dry_run = true };
    world.account.settings = STR("{\"late_success\":\"refund\"}");
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_DECLINED);
    outside_fake_advance(&world.fake, HOUR_MS);
    world_turn(&world, &turn_payment_check, &ask);
    says(&world, &taken, true);
    assert_status(PAYMENT_FAILED);
    assert_asked(0);
    assert_int_equal(world.books->refunds.count, 0);
    END;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenario_1_stuck_order_is_brought_on_by_the_answer),
        cmocka_unit_test(scenario_2_recent_order_is_not_touched),
        cmocka_unit_test(scenario_3_completed_order_is_compared_and_not_touched),
        cmocka_unit_test(a_final_payment_is_compared_before_it_is_three_times_as_old),
        cmocka_unit_test(where_the_gateway_lists_it_is_asked_now_and_then),
        cmocka_unit_test(scenario_4_order_without_their_reference_is_found_by_ours),
        cmocka_unit_test(scenario_5_read_error_leaves_the_row_as_it_was),
        cmocka_unit_test(scenario_6_orphan_refund_is_asked_about_and_ends_on_proof_alone),
        cmocka_unit_test(scenario_6_orphan_refund_is_repeated_where_they_deduplicate),
        cmocka_unit_test(scenario_7_recent_orphan_refund_is_not_touched),
        cmocka_unit_test(scenario_8_stuck_refund_is_brought_on_by_the_answer),
        cmocka_unit_test(scenario_9_their_words_stay_on_the_refund),
        cmocka_unit_test(scenario_10_what_is_final_is_left_alone_for_ever),
        cmocka_unit_test(gap_3_fifty_undecided_hide_none),
        cmocka_unit_test(gap_5_missing_at_the_gateway_is_drift_and_not_failure),
        cmocka_unit_test(gap_6_amount_off_by_one_is_drift_and_never_corrected),
        cmocka_unit_test(gap_7_refund_by_hand_at_the_gateway_is_drift),
        cmocka_unit_test(other_currency_is_drift),
        cmocka_unit_test(gap_7_late_success_after_failure_is_found),
        cmocka_unit_test(released_at_the_gateway_is_followed),
        cmocka_unit_test(answer_after_a_notification_changes_nothing_twice),
        cmocka_unit_test(gap_13_thresholds_are_per_method),
        cmocka_unit_test(gap_1_a_lost_refund_keeps_its_money_until_its_end_is_proven),
        cmocka_unit_test(gap_9_what_a_paused_call_brings_late_is_not_swallowed),
        cmocka_unit_test(gap_11_a_refund_that_failed_leaves_nothing_held),
        cmocka_unit_test(dry_run_counts_and_changes_nothing),
        cmocka_unit_test(dry_run_of_what_would_move_it_moves_nothing),
    };
    return cmocka_run_group_tests_name("core reconcile", tests, NULL, NULL);
}
