/* What comes late, or was done already: captures, cancels that are still wanted, money that
 * nobody wanted any more, and how long "absent" proves nothing. */
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
#define REFUNDS world.books->refunds
#define assert_status(status_) assert_int_equal(PAYMENT->status, status_)
#define assert_call(kind_)                                                               \
    do {                                                                                 \
        assert_int_equal(world.turn.calls.count, 1);                                     \
        assert_int_equal(world.turn.calls.items[0]->call, kind_);                        \
    } while (0)
#define assert_one(list, kind_)                                                          \
    do {                                                                                 \
        assert_int_equal(world.turn.books->list.count, 1);                               \
        assert_int_equal(world.turn.books->list.items[0]->kind, kind_);                  \
    } while (0)

static const struct payment_cancel by_merchant = { .reason = CANCEL_REASON_MERCHANT };
static const struct gateway_answer held = { .outcome = GW_APPROVED, .has_position = true,
                                            .authorized_minor = 1250 };
static const struct gateway_answer taken = { .outcome = GW_APPROVED, .has_position = true,
                                             .authorized_minor = 1250, .captured_minor = 1250 };

static void capturing(struct world *world)
{
    world_create(world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(world, GW_APPROVED);
    assert_int_equal(world_payment(world)->status, PAYMENT_CAPTURING);
}

static void already_captured_is_success(void **state)
{
    BEGIN;
    capturing(&world);
    struct gateway_answer done = taken;
    done.outcome = GW_REFUSED;
    world_answer_with(&world, &done);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(PAYMENT->captured_minor, 1250);
    assert_int_equal(PAYMENT->failure.type, FAILURE_NONE);
    assert_int_equal(world.turn.books->drifts.count, 0);
    assert_int_equal(world.books->invoice->status, INVOICE_PAID);
    END;
}

static void already_captured_of_another_amount_is_drift(void **state)
{
    BEGIN;
    capturing(&world);
    struct gateway_answer done = taken;
    done.outcome = GW_REFUSED;
    done.captured_minor = 1000;
    world_answer_with(&world, &done);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(PAYMENT->captured_minor, 1000);
    assert_one(drifts, DRIFT_AMOUNT_MISMATCH);
    END;
}

static void already_captured_without_an_amount_is_asked_about(void **state)
{
    BEGIN;
    capturing(&world);
    world_answer_with(&world, &(struct gateway_answer){
        .outcome = GW_REFUSED, .failure_code = STR("already_captured") });
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(PAYMENT->captured_minor, 1250);
    assert_call(OPERATION_KIND_ENQUIRE);
    END;
}

static void refused_capture_that_took_nothing_stays_authorized(void **state)
{
    BEGIN;
    capturing(&world);
    struct gateway_answer no = held;
    no.outcome = GW_REFUSED;
    no.failure_code = STR("already_captured");   /* their own position says otherwise */
    world_answer_with(&world, &no);
    assert_status(PAYMENT_AUTHORIZED);
    END;
}

/* An automatic payment whose cancel was refused: the merchant said that it is not to be taken. */
static void refused_cancel(struct world *world)
{
    world->account.settings = STR("{\"capture_tries\":3,\"capture_retry_minutes\":60}");
    capturing(world);
    world_answer(world, GW_REFUSED);
    world_turn(world, &turn_payment_cancel, &by_merchant);
    assert_int_equal(world_answer(world, GW_REFUSED), OK);
    assert_int_equal(world_payment(world)->status, PAYMENT_AUTHORIZED);
    assert_int_equal(world_payment(world)->cancel_reason, CANCEL_REASON_MERCHANT);
}

static void refused_cancel_is_tried_again_and_never_becomes_a_capture(void **state)
{
    BEGIN;
    size_t tasks = 0;
    refused_cancel(&world);
    for (int i = 0; i < 5; i++) {
        int64_t wait_ms = PAYMENT->due_ms - world.fake.now_ms;
        assert_int_equal(wait_ms, i < 2 ? HOUR_MS : DAY_MS);
        assert_int_equal(world_due(&world), OK);
        assert_call(OPERATION_KIND_ENQUIRE);
        world_answer_with(&world, &held);
        assert_call(OPERATION_KIND_CANCEL);
        world_answer(&world, GW_REFUSED);
        tasks += world.turn.books->tasks.count;
    }
    assert_int_equal(tasks, 1);
    assert_int_equal(PAYMENT->cancel_reason, CANCEL_REASON_MERCHANT);
    assert_int_equal(PAYMENT->captured_minor, 0);
    world_due(&world);
    world_answer_with(&world, &held);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CANCELLED);
    assert_int_equal(PAYMENT->cancel_reason, CANCEL_REASON_MERCHANT);
    END;
}

static void wanted_cancel_is_not_hastened_by_other_looks(void **state)
{
    BEGIN;
    refused_cancel(&world);
    int64_t due_ms = PAYMENT->due_ms;
    outside_fake_advance(&world.fake, MINUTE_MS);
    world_turn(&world, &turn_payment_look, NULL);
    assert_int_equal(PAYMENT->due_ms, due_ms);
    END;
}

static void merchant_may_capture_after_all(void **state)
{
    BEGIN;
    const struct payment_capture all = { 0 };
    refused_cancel(&world);
    assert_int_equal(world_turn(&world, &turn_payment_capture, &all), OK);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(PAYMENT->cancel_reason, CANCEL_REASON_NONE);
    END;
}

static void refused_cancel_of_what_is_released_is_done(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_APPROVED);
    world_turn(&world, &turn_payment_cancel, &by_merchant);
    world_answer_with(&world, &(struct gateway_answer){
        .outcome = GW_REFUSED, .failure_code = STR("already_cancelled") });
    assert_status(PAYMENT_CANCELLED);
    END;
}

/* Cancelled by us; later they turn out to have taken the money. */
static void late_success(struct world *world, struct str settings)
{
    world->account.settings = settings;
    world_create(world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(world, GW_APPROVED);
    world_turn(world, &turn_payment_cancel, &by_merchant);
    struct gateway_answer no = taken;
    no.outcome = GW_REFUSED;
    world_answer_with(world, &no);
    assert_int_equal(world_payment(world)->status, PAYMENT_CAPTURED);
    assert_int_equal(world->turn.books->drifts.count, 1);
    assert_int_equal(world->turn.books->drifts.items[0]->kind, DRIFT_LATE_SUCCESS);
}

static void late_success_is_kept(void **state)
{
    BEGIN;
    late_success(&world, (struct str){ 0 });
    assert_int_equal(world.turn.calls.count, 0);
    assert_int_equal(REFUNDS.count, 0);
    assert_int_equal(world.books->invoice->status, INVOICE_PAID);
    END;
}

static void late_success_is_refunded(void **state)
{
    BEGIN;
    late_success(&world, STR("{\"late_success\":\"refund\"}"));
    assert_call(OPERATION_KIND_REFUND);
    assert_int_equal(REFUNDS.count, 1);
    assert_int_equal(PAYMENT->reserved_minor, 1250);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(PAYMENT->refunded_minor, 1250);
    assert_int_equal(world.books->invoice->status, INVOICE_REFUNDED);
    assert_non_null(strstr(world_story(&world), "payment.corrected invoice.paid refund.created"));
    END;
}

static void refused_refund_of_late_money_is_a_task(void **state)
{
    BEGIN;
    late_success(&world, STR("{\"late_success\":\"refund\"}"));
    world_answer(&world, GW_REFUSED);
    assert_int_equal(PAYMENT->reserved_minor, 0);
    assert_one(tasks, TASK_LATE_REFUND_REFUSED);
    END;
}

static void late_money_that_cannot_go_back_is_a_task(void **state)
{
    static const struct money least[] = { { 5000, CURRENCY_EUR }, { 0, CURRENCY_NONE } };
    BEGIN;
    world.gateway.refund_least = least;
    late_success(&world, STR("{\"late_success\":\"refund\"}"));
    assert_int_equal(REFUNDS.count, 0);
    assert_one(tasks, TASK_LATE_REFUND_IMPOSSIBLE);
    END;
}

static void second_payment_of_an_invoice_goes_back(void **state)
{
    BEGIN;
    world.account.settings = STR("{\"late_success\":\"refund\"}");
    capturing(&world);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(world.books->invoice->status, INVOICE_PAID);
    world.books->payments.items[0]->status = PAYMENT_CAPTURING;
    struct turn_call capture = { .call = OPERATION_KIND_CAPTURE,
                                 .operation = world.books->operations.items[0] };
    capture.operation->closed_ms = 0;
    capture.operation->state = OPERATION_SENDING;
    world.turn.calls = (struct turn_call_list){ 0 };
    turn_call_list_add(&world.arena, &world.turn.calls, &capture);
    world_answer(&world, GW_APPROVED);
    assert_one(drifts, DRIFT_DUPLICATE_PAYMENT);
    assert_call(OPERATION_KIND_REFUND);
    END;
}

/* The call was on its way for a minute: they may have seen it at its end. */
static void absence_counts_from_the_end_of_the_lost_call(void **state)
{
    BEGIN;
    world.gateway.visibility_ms = 20 * SECOND_MS;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    outside_fake_advance(&world.fake, MINUTE_MS);
    world_answer(&world, GW_UNKNOWN);
    world_due(&world);
    world_answer(&world, GW_ABSENT);
    assert_status(PAYMENT_AUTHORIZING);
    world_due(&world);
    world_answer(&world, GW_ABSENT);
    assert_status(PAYMENT_FAILED);
    END;
}

static void absence_counts_from_the_last_word_of_a_node_given_up(void **state)
{
    BEGIN;
    world.gateway.visibility_ms = 20 * SECOND_MS;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    const struct turn_call lost = *world.turn.calls.items[0];
    const struct operation_due lapsed = { world.run };
    world.input.operation = PAYMENT->authorization;
    world.run = run_id_make(&world.ids, world.fake.now_ms);
    world_turn(&world, &turn_operation_due, &lapsed);
    const struct turn_call look = *world.turn.calls.items[0];
    outside_fake_advance(&world.fake, MINUTE_MS);
    /* Its own call ends only now, without a word: until now it may have been under way. */
    struct turn_call calls[] = { lost, look };
    for (size_t i = 0; i < 2; i++) {
        world.turn.calls = (struct turn_call_list){ 0 };
        turn_call_list_add(&world.arena, &world.turn.calls, &calls[i]);
        world_answer(&world, i == 0 ? GW_UNKNOWN : GW_ABSENT);
        assert_status(PAYMENT_AUTHORIZING);
    }
    END;
}

static void absence_counts_from_a_step_of_the_clock(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_UNKNOWN);
    world_due(&world);
    world.fake.now_ms += HOUR_MS;
    world.even_since_ms = world.fake.now_ms;
    world_answer(&world, GW_ABSENT);
    assert_status(PAYMENT_AUTHORIZING);
    world_due(&world);
    world_answer(&world, GW_ABSENT);
    assert_status(PAYMENT_FAILED);
    END;
}

/* Each start counts the window anew: looks of processes that die young must not use up the
 * schedule, or the one that lives would look in an hour. */
static void looks_that_come_too_early_take_no_place_in_the_schedule(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_UNKNOWN);
    for (int starts = 0; starts < 10; starts++) {
        world.even_since_ms = world.fake.now_ms + 5 * SECOND_MS;
        world_due(&world);
        world_answer(&world, GW_ABSENT);
        assert_status(PAYMENT_AUTHORIZING);
    }
    world_due(&world);
    world_answer(&world, GW_ABSENT);
    assert_status(PAYMENT_FAILED);
    assert_true(world.fake.now_ms - PAYMENT->created_ms < 2 * MINUTE_MS);
    END;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(already_captured_is_success),
        cmocka_unit_test(already_captured_of_another_amount_is_drift),
        cmocka_unit_test(already_captured_without_an_amount_is_asked_about),
        cmocka_unit_test(refused_capture_that_took_nothing_stays_authorized),
        cmocka_unit_test(refused_cancel_is_tried_again_and_never_becomes_a_capture),
        cmocka_unit_test(wanted_cancel_is_not_hastened_by_other_looks),
        cmocka_unit_test(merchant_may_capture_after_all),
        cmocka_unit_test(refused_cancel_of_what_is_released_is_done),
        cmocka_unit_test(late_success_is_kept),
        cmocka_unit_test(late_success_is_refunded),
        cmocka_unit_test(refused_refund_of_late_money_is_a_task),
        cmocka_unit_test(late_money_that_cannot_go_back_is_a_task),
        cmocka_unit_test(second_payment_of_an_invoice_goes_back),
        cmocka_unit_test(absence_counts_from_the_end_of_the_lost_call),
        cmocka_unit_test(absence_counts_from_the_last_word_of_a_node_given_up),
        cmocka_unit_test(absence_counts_from_a_step_of_the_clock),
        cmocka_unit_test(looks_that_come_too_early_take_no_place_in_the_schedule),
    };
    return cmocka_run_group_tests_name("core late", tests, NULL, NULL);
}
