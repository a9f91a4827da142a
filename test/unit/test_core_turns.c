/* The rules of payments, refunds and invoices, one turn after the other. */
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
#define assert_status(status_) assert_int_equal(PAYMENT->status, status_)

#define AUTHORIZED "invoice.created payment.created payment.authorizing payment.authorized"

static void automatic_goes_to_captured(void **state)
{
    BEGIN;
    assert_int_equal(world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250), OK);
    assert_status(PAYMENT_AUTHORIZING);
    assert_int_equal(world.turn.calls.count, 1);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_AUTHORIZE);
    assert_int_equal(world.turn.calls.items[0]->operation->state, OPERATION_SENDING);
    assert_int_equal(world_answer(&world, GW_APPROVED), OK);
    assert_status(PAYMENT_CAPTURING);
    assert_int_equal(PAYMENT->authorized_minor, 1250);
    assert_int_equal(PAYMENT->captured_minor, 0);
    assert_int_equal(world_answer(&world, GW_APPROVED), OK);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(PAYMENT->captured_minor, 1250);
    assert_int_equal(world.books->invoice->status, INVOICE_PAID);
    assert_string_equal(world_story(&world),
                        AUTHORIZED " payment.capturing payment.captured invoice.paid");
    assert_int_equal(PAYMENT->version, 5);
    assert_int_equal(PAYMENT->due_ms, 0);
    END;
}

static void versions_and_sequence_have_no_gaps(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_APPROVED);
    world_answer(&world, GW_APPROVED);
    int64_t version = 0;
    for (size_t i = 0; i < world.events.count; i++) {
        assert_int_equal(world.events.items[i]->sequence, i + 1);
        if (!payment_id_is_zero(world.events.items[i]->payment))
            assert_int_equal(world.events.items[i]->version, ++version);
    }
    assert_int_equal(world.books->invoice->sequence, world.events.count);
    END;
}

static void decline_fails_and_ends_the_implicit_invoice(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    const struct gateway_answer no = { .outcome = GW_DECLINED,
                                       .failure_code = STR("insufficient_funds"),
                                       .gateway_code = STR("51") };
    world_answer_with(&world, &no);
    assert_status(PAYMENT_FAILED);
    assert_int_equal(PAYMENT->failure.type, FAILURE_DECLINED);
    assert_true(str_equal_c(PAYMENT->failure.code, "insufficient_funds"));
    assert_true(str_equal_c(PAYMENT->failure.gateway_code, "51"));
    assert_int_equal(world.books->invoice->status, INVOICE_CANCELLED);
    END;
}

static void silence_moves_nothing_and_is_asked_about(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_UNKNOWN);
    assert_status(PAYMENT_AUTHORIZING);
    assert_int_equal(PAYMENT->version, 2);
    assert_int_equal(world.books->operations.items[0]->state, OPERATION_UNKNOWN);
    int64_t before_ms = world.fake.now_ms;
    assert_int_equal(world_due(&world), OK);
    assert_int_equal(world.fake.now_ms - before_ms, 5 * SECOND_MS);
    /* An authorize is never repeated: its card is gone. */
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_ENQUIRE);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_AUTHORIZED);
    END;
}

static void absence_counts_only_after_the_visibility_window(void **state)
{
    BEGIN;
    world.gateway.visibility_ms = 20 * SECOND_MS;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_UNKNOWN);
    world_due(&world);
    world_answer(&world, GW_ABSENT);
    assert_status(PAYMENT_AUTHORIZING);
    world_due(&world);
    assert_int_equal(world.fake.now_ms - PAYMENT->created_ms, world.gateway.visibility_ms);
    world_answer(&world, GW_ABSENT);
    assert_status(PAYMENT_FAILED);
    assert_int_equal(PAYMENT->failure.type, FAILURE_GATEWAY_ERROR);
    assert_true(str_equal_c(PAYMENT->failure.code, "interrupted"));
    END;
}

static void unresolved_operation_becomes_a_task_once(void **state)
{
    BEGIN;
    size_t tasks = 0;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_UNKNOWN);
    for (int look = 0; look < 10; look++) {
        assert_int_equal(world_due(&world), OK);
        world_answer(&world, GW_UNKNOWN);
        tasks += world.turn.books->tasks.count;
    }
    assert_int_equal(tasks, 1);
    assert_status(PAYMENT_AUTHORIZING);
    assert_true(world.books->operations.items[0]->due_ms > world.fake.now_ms);
    END;
}

static void capture_is_repeated_with_the_same_operation(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_APPROVED);
    struct operation_id capture = PAYMENT->active_operation;
    world_answer(&world, GW_UNKNOWN);
    assert_status(PAYMENT_CAPTURING);
    world_due(&world);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_CAPTURE);
    assert_true(operation_id_equal(world.turn.calls.items[0]->operation->id, capture));
    assert_int_equal(world.turn.calls.items[0]->operation->state, OPERATION_SENDING);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CAPTURED);
    END;
}

static void capture_not_sent_goes_again(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_APPROVED);
    world_answer(&world, GW_NOT_SENT);
    assert_status(PAYMENT_CAPTURING);
    assert_false(operation_id_is_zero(PAYMENT->active_operation));
    world_due(&world);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_CAPTURE);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CAPTURED);
    END;
}

static void refund_that_the_gateway_never_saw_goes_again_at_once(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_APPROVED);
    world_answer(&world, GW_APPROVED);
    world_turn(&world, &turn_refund_create, &(struct refund_create){ 0 });
    struct operation_id refund = PAYMENT->active_operation;
    world_answer(&world, GW_UNKNOWN);
    world_due(&world);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_ENQUIRE);
    world_answer(&world, GW_ABSENT);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_REFUND);
    assert_true(operation_id_equal(world.turn.calls.items[0]->operation->id, refund));
    world_answer(&world, GW_APPROVED);
    assert_int_equal(PAYMENT->refunded_minor, 1250);
    END;
}

static void look_that_was_lost_in_a_crash_does_not_count(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_UNKNOWN);
    int64_t first_ms = world.fake.now_ms;
    for (int crash = 0; crash < 5; crash++)
        world_due(&world);
    assert_true(world.fake.now_ms - first_ms < 5 * MINUTE_MS);
    assert_int_equal(world.books->operations.items[0]->tries, 1);
    END;
}

static void refused_capture_is_tried_again_and_then_told(void **state)
{
    BEGIN;
    size_t tasks = 0;
    world.account.settings = STR("{\"capture_tries\":3,\"capture_retry_minutes\":60}");
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_APPROVED);
    for (int i = 0; i < 3; i++) {
        world_answer(&world, GW_REFUSED);
        assert_status(PAYMENT_AUTHORIZED);
        assert_int_equal(PAYMENT->due_ms - world.fake.now_ms, HOUR_MS);
        assert_int_equal(world_due(&world), OK);
        tasks += world.turn.books->tasks.count;
    }
    assert_int_equal(tasks, 1);
    assert_int_equal(PAYMENT->capture_tries, 3);
    assert_int_equal(PAYMENT->due_ms, PAYMENT->expires_ms);
    END;
}

static void manual_capture_takes_a_part_and_no_more(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_APPROVED);
    const struct payment_capture much = { .amount_minor = 1251 }, part = { .amount_minor = 1000 };
    assert_int_equal(world_turn(&world, &turn_payment_capture, &much),
                     ERR_CAPTURE_EXCEEDS_AUTHORIZED);
    assert_true(str_equal_c(world.turn.param, "amount"));
    assert_status(PAYMENT_AUTHORIZED);
    assert_int_equal(world_turn(&world, &turn_payment_capture, &part), OK);
    assert_int_equal(world_turn(&world, &turn_payment_capture, &part),
                     ERR_OPERATION_IN_PROGRESS);
    /* The failed turn left no call: the answer is to the one before. */
    world.turn.calls = (struct turn_call_list){ 0 };
    struct turn_call again = {
        .operation = books_operation(world.books, PAYMENT->active_operation),
        .call = OPERATION_KIND_CAPTURE,
    };
    turn_call_list_add(&world.arena, &world.turn.calls, &again);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(PAYMENT->captured_minor, 1000);
    assert_int_equal(world_turn(&world, &turn_payment_capture, &part), ERR_CONFLICT);
    END;
}

static void cancel_releases_and_is_refused_once_captured(void **state)
{
    BEGIN;
    const struct payment_cancel ask = { CANCEL_REASON_MERCHANT };
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    assert_int_equal(world_turn(&world, &turn_payment_cancel, &ask), ERR_OPERATION_IN_PROGRESS);
    END;
    world_init(&world);
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(world_turn(&world, &turn_payment_cancel, &ask), OK);
    assert_status(PAYMENT_CANCELLING);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CANCELLED);
    assert_int_equal(PAYMENT->cancel_reason, CANCEL_REASON_MERCHANT);
    assert_int_equal(world.books->invoice->status, INVOICE_CANCELLED);
    END;
    world_init(&world);
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_APPROVED);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(world_turn(&world, &turn_payment_cancel, &ask), ERR_CONFLICT);
    END;
}

static void captured_world(struct world *world)
{
    world_init(world);
    world_create(world, CAPTURE_METHOD_AUTOMATIC, 1000);
    world_answer(world, GW_APPROVED);
    world_answer(world, GW_APPROVED);
}

static void refunds_reserve_and_never_exceed(void **state)
{
    struct world world;
    (void)state;
    captured_world(&world);
    const struct refund_create six = { .amount_minor = 600 }, rest = { 0 };
    assert_int_equal(world_turn(&world, &turn_refund_create, &six), OK);
    assert_int_equal(PAYMENT->reserved_minor, 600);
    assert_int_equal(PAYMENT->refunded_minor, 0);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(PAYMENT->refunded_minor, 600);
    assert_int_equal(world_turn(&world, &turn_refund_create, &six), ERR_REFUND_EXCEEDS_CAPTURED);
    assert_int_equal(world_turn(&world, &turn_refund_create, &rest), OK);
    assert_int_equal(world.books->refunds.items[1]->amount_minor, 400);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(PAYMENT->refunded_minor, 1000);
    assert_int_equal(world.books->invoice->status, INVOICE_REFUNDED);
    assert_int_equal(world_turn(&world, &turn_refund_create, &rest), ERR_REFUND_EXCEEDS_CAPTURED);
    END;
}

static void failed_refund_frees_its_amount_and_unknown_does_not(void **state)
{
    struct world world;
    (void)state;
    captured_world(&world);
    const struct refund_create all = { 0 };
    world_turn(&world, &turn_refund_create, &all);
    world_answer(&world, GW_UNKNOWN);
    assert_int_equal(PAYMENT->reserved_minor, 1000);
    assert_int_equal(world_turn(&world, &turn_refund_create, &all), ERR_OPERATION_IN_PROGRESS);
    world_due(&world);
    world_answer(&world, GW_REFUSED);
    assert_int_equal(PAYMENT->reserved_minor, 0);
    assert_int_equal(world.books->refunds.items[0]->status, REFUND_FAILED);
    assert_status(PAYMENT_CAPTURED);
    END;
}

static void expected_refundable_is_a_precondition(void **state)
{
    struct world world;
    (void)state;
    captured_world(&world);
    struct refund_create ask = { .has_expected_refundable = true,
                                 .expected_refundable_minor = 999 };
    assert_int_equal(world_turn(&world, &turn_refund_create, &ask), ERR_PRECONDITION_FAILED);
    ask.expected_refundable_minor = 1000;
    assert_int_equal(world_turn(&world, &turn_refund_create, &ask), OK);
    END;
}

static void old_payments_are_not_refunded(void **state)
{
    struct world world;
    (void)state;
    captured_world(&world);
    world.account.settings = STR("{\"refund_days\":180}");
    outside_fake_advance(&world.fake, 180 * DAY_MS + 1);
    assert_int_equal(world_turn(&world, &turn_refund_create, &(struct refund_create){ 0 }),
                     ERR_REFUND_TOO_OLD);
    END;
}

static void payer_comes_back_and_the_gateway_is_asked(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    const struct gateway_answer act = { .outcome = GW_NEEDS_PAYER, .action = ACTION_CHALLENGE,
                                        .action_url = STR("https://bank.test/1") };
    world_answer_with(&world, &act);
    assert_status(PAYMENT_REQUIRES_ACTION);
    assert_int_equal(PAYMENT->action, ACTION_CHALLENGE);
    world.input.operation = PAYMENT->authorization;
    assert_int_equal(world_turn(&world, &turn_payer_done, NULL), OK);
    assert_status(PAYMENT_AUTHORIZING);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_ENQUIRE);
    /* Not yet: the payer is sent back. */
    world_answer_with(&world, &act);
    assert_status(PAYMENT_REQUIRES_ACTION);
    world.input.operation = PAYMENT->authorization;
    world_turn(&world, &turn_payer_done, NULL);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CAPTURING);
    assert_int_equal(PAYMENT->action, ACTION_NONE);
    END;
}

static void nobody_finishes_and_the_gateway_is_asked_first(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    const struct gateway_answer act = { .outcome = GW_NEEDS_PAYER, .action = ACTION_CHALLENGE };
    world_answer_with(&world, &act);
    int64_t created_ms = PAYMENT->created_ms;
    assert_int_equal(world_due(&world), OK);
    assert_int_equal(world.fake.now_ms - created_ms, 90 * MINUTE_MS);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_ENQUIRE);
    world_answer_with(&world, &act);
    assert_status(PAYMENT_CANCELLING);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CANCELLED);
    assert_int_equal(PAYMENT->cancel_reason, CANCEL_REASON_ABANDONED);
    END;
}

static void late_approval_wins_over_expiry(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer_with(&world, &(struct gateway_answer){ .outcome = GW_NEEDS_PAYER });
    world_due(&world);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CAPTURING);
    END;
}

static void manual_reservation_expires_and_is_cancelled_at_the_gateway(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_APPROVED);
    int64_t since_ms = world.fake.now_ms;
    assert_int_equal(world_due(&world), OK);
    assert_int_equal(world.fake.now_ms - since_ms, 5 * DAY_MS);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_ENQUIRE);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CANCELLING);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CANCELLED);
    assert_int_equal(PAYMENT->cancel_reason, CANCEL_REASON_EXPIRED);
    END;
}

static void captured_behind_our_back_is_a_correction(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_APPROVED);
    world_due(&world);
    const struct gateway_answer theirs = { .outcome = GW_APPROVED, .has_position = true,
                                           .authorized_minor = 1250, .captured_minor = 1250 };
    world_answer_with(&world, &theirs);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(world.turn.books->drifts.count, 1);
    assert_int_equal(world.events.items[world.events.count - 2]->type, EVENT_PAYMENT_CORRECTED);
    END;
}

static void unconfirmed_payment_expires_without_a_call(void **state)
{
    BEGIN;
    const struct payment_create ask = { .amount = { 1250, CURRENCY_EUR },
                                        .capture_method = CAPTURE_METHOD_AUTOMATIC };
    assert_int_equal(world_turn(&world, &turn_payment_create, &ask), OK);
    world.input.payment = PAYMENT->id;
    assert_status(PAYMENT_CREATED);
    world_due(&world);
    assert_int_equal(world.turn.calls.count, 0);
    assert_status(PAYMENT_CANCELLED);
    assert_int_equal(PAYMENT->cancel_reason, CANCEL_REASON_ABANDONED);
    END;
}

static void dead_node_leaves_unknown_and_is_asked_about_at_once(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    const struct operation_due lapsed = { world.run };
    world.input.operation = PAYMENT->authorization;
    /* Its own run is alive: nothing happens. */
    world_turn(&world, &turn_operation_due, &lapsed);
    assert_int_equal(world.books->operations.items[0]->state, OPERATION_SENDING);
    world.run = run_id_make(&world.ids, world.fake.now_ms);
    assert_int_equal(world_turn(&world, &turn_operation_due, &lapsed), OK);
    assert_int_equal(world.books->operations.items[0]->state, OPERATION_UNKNOWN);
    assert_int_equal(world.turn.calls.items[0]->call, OPERATION_KIND_ENQUIRE);
    END;
}

static void late_answer_to_a_closed_operation_is_only_evidence(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    struct turn_call first = *world.turn.calls.items[0];
    world_answer(&world, GW_APPROVED);
    int64_t version = PAYMENT->version;
    world.turn.calls.count = 0;
    turn_call_list_add(&world.arena, &world.turn.calls, &first);
    assert_int_equal(world_answer(&world, GW_DECLINED), OK);
    assert_status(PAYMENT_AUTHORIZED);
    assert_int_equal(PAYMENT->version, version);
    assert_int_equal(world.turn.books->attempts.count, 1);
    END;
}

static void claim_is_answered_when_nothing_is_in_flight(void **state)
{
    BEGIN;
    world.input.claim_key = claim_key(world.merchant, false, STR("k1"));
    struct id key = world.input.claim_key;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    assert_int_equal(world.turn.answer.status, 202);
    assert_false(world.turn.answer.final);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(world.turn.wakes.count, 1);
    assert_false(world.turn.wakes.items[0]->final);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(world.turn.wakes.count, 1);
    const struct turn_answer *wake = world.turn.wakes.items[0];
    assert_true(wake->final && id_equal(wake->claim_key, key));
    assert_int_equal(wake->status, 201);
    /* The answer is the data of the event that it names: replays are byte-equal. */
    const struct claim *claim = world.turn.books->claims.items[0];
    assert_int_equal(claim->status, 201);
    const struct event *event = world.events.items[claim->answer_sequence - 1];
    assert_int_equal(event->type, EVENT_PAYMENT_CAPTURED);
    assert_true(str_equal(event->data, wake->body));
    END;
}

static void payment_of_an_invoice_matches_it(void **state)
{
    BEGIN;
    const struct invoice_create owed = { .amount = { 500, CURRENCY_EUR } };
    assert_int_equal(world_turn(&world, &turn_invoice_create, &owed), OK);
    world.input.invoice = world.books->invoice->id;
    assert_int_equal(world_create(&world, CAPTURE_METHOD_AUTOMATIC, 499), ERR_INVOICE_MISMATCH);
    assert_int_equal(world_create(&world, CAPTURE_METHOD_AUTOMATIC, 500), OK);
    assert_int_equal(world_create(&world, CAPTURE_METHOD_AUTOMATIC, 500), ERR_CONFLICT);
    assert_int_equal(world_turn(&world, &turn_invoice_cancel, NULL), ERR_CONFLICT);
    assert_int_equal(world.books->payments.count, 1);
    END;
}

static void invoice_lives_its_own_life(void **state)
{
    BEGIN;
    const struct invoice_create owed = { .amount = { 500, CURRENCY_EUR } };
    world_turn(&world, &turn_invoice_create, &owed);
    world.input.invoice = world.books->invoice->id;
    assert_int_equal(world_turn(&world, &turn_invoice_fulfil, NULL), ERR_CONFLICT);
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 500);
    world_answer(&world, GW_DECLINED);
    /* The merchant's own invoice stays owed when a payment fails. */
    assert_int_equal(world.books->invoice->status, INVOICE_UNPAID);
    assert_int_equal(world_turn(&world, &turn_invoice_cancel, NULL), OK);
    assert_int_equal(world_create(&world, CAPTURE_METHOD_AUTOMATIC, 500), ERR_CONFLICT);
    END;
}

static void account_rules_are_checked_before_anything_is_recorded(void **state)
{
    BEGIN;
    world.account.is_default = false;
    assert_int_equal(world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1), ERR_NO_GATEWAY_ACCOUNT);
    world.account.is_default = true;
    world.account.disabled = true;
    assert_int_equal(world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1), ERR_NO_GATEWAY_ACCOUNT);
    world.account.disabled = false;
    world.account.settings = STR("{\"capture\":\"sale\"}");
    assert_int_equal(world_create(&world, CAPTURE_METHOD_MANUAL, 1),
                     ERR_CAPTURE_METHOD_NOT_SUPPORTED);
    assert_null(world.books);
    /* Disabled after the payment was made: it is not confirmed either. */
    world.account.settings = STR("");
    const struct payment_create later = { .amount = { 1, CURRENCY_EUR },
                                          .capture_method = CAPTURE_METHOD_AUTOMATIC };
    assert_int_equal(world_turn(&world, &turn_payment_create, &later), OK);
    world.input.payment = PAYMENT->id;
    world.account.disabled = true;
    assert_int_equal(world_turn(&world, &turn_payment_confirm, &(struct payment_confirm){ 0 }),
                     ERR_NO_GATEWAY_ACCOUNT);
    END;
}

static void sale_needs_no_capture(void **state)
{
    BEGIN;
    world.account.settings = STR("{\"capture\":\"sale\"}");
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 700);
    assert_true(world.turn.calls.items[0]->capture_now);
    const struct gateway_answer sold = { .outcome = GW_APPROVED, .has_position = true,
                                         .authorized_minor = 700, .captured_minor = 700 };
    world_answer_with(&world, &sold);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(world.turn.calls.count, 0);
    END;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(automatic_goes_to_captured),
        cmocka_unit_test(versions_and_sequence_have_no_gaps),
        cmocka_unit_test(decline_fails_and_ends_the_implicit_invoice),
        cmocka_unit_test(silence_moves_nothing_and_is_asked_about),
        cmocka_unit_test(absence_counts_only_after_the_visibility_window),
        cmocka_unit_test(unresolved_operation_becomes_a_task_once),
        cmocka_unit_test(capture_is_repeated_with_the_same_operation),
        cmocka_unit_test(capture_not_sent_goes_again),
        cmocka_unit_test(refund_that_the_gateway_never_saw_goes_again_at_once),
        cmocka_unit_test(look_that_was_lost_in_a_crash_does_not_count),
        cmocka_unit_test(refused_capture_is_tried_again_and_then_told),
        cmocka_unit_test(manual_capture_takes_a_part_and_no_more),
        cmocka_unit_test(cancel_releases_and_is_refused_once_captured),
        cmocka_unit_test(refunds_reserve_and_never_exceed),
        cmocka_unit_test(failed_refund_frees_its_amount_and_unknown_does_not),
        cmocka_unit_test(expected_refundable_is_a_precondition),
        cmocka_unit_test(old_payments_are_not_refunded),
        cmocka_unit_test(payer_comes_back_and_the_gateway_is_asked),
        cmocka_unit_test(nobody_finishes_and_the_gateway_is_asked_first),
        cmocka_unit_test(late_approval_wins_over_expiry),
        cmocka_unit_test(manual_reservation_expires_and_is_cancelled_at_the_gateway),
        cmocka_unit_test(captured_behind_our_back_is_a_correction),
        cmocka_unit_test(unconfirmed_payment_expires_without_a_call),
        cmocka_unit_test(dead_node_leaves_unknown_and_is_asked_about_at_once),
        cmocka_unit_test(late_answer_to_a_closed_operation_is_only_evidence),
        cmocka_unit_test(claim_is_answered_when_nothing_is_in_flight),
        cmocka_unit_test(payment_of_an_invoice_matches_it),
        cmocka_unit_test(invoice_lives_its_own_life),
        cmocka_unit_test(account_rules_are_checked_before_anything_is_recorded),
        cmocka_unit_test(sale_needs_no_capture),
    };
    return cmocka_run_group_tests_name("core turns", tests, NULL, NULL);
}
