/* What a gateway says late, refuses, takes back or says of too much: nothing of it may lose
 * money, take it twice, or leave a payment where nobody looks at it again. */
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
#define assert_call(kind_)                                                               \
    do {                                                                                 \
        assert_int_equal(world.turn.calls.count, 1);                                     \
        assert_int_equal(world.turn.calls.items[0]->call, kind_);                        \
    } while (0)

static const struct payment_cancel by_merchant = { .reason = CANCEL_REASON_MERCHANT };

static struct gateway_answer position(int64_t authorized, int64_t captured, bool released)
{
    return (struct gateway_answer){ .outcome = GW_APPROVED, .has_position = true,
                                    .authorized_minor = authorized,
                                    .captured_minor = captured, .released = released };
}

/* A payment that waits for its payer is cancelled, and they refuse that. */
static void refuse_cancel_of_waiting(struct world *world, enum capture_method capture_method)
{
    world_create(world, capture_method, 1250);
    world_answer(world, GW_NEEDS_PAYER);
    assert_int_equal(world_turn(world, &turn_payment_cancel, &by_merchant), OK);
    assert_int_equal(world_answer(world, GW_REFUSED), OK);
}

static void refused_cancel_of_a_waiting_payment_is_asked_about_at_once(void **state)
{
    BEGIN;
    refuse_cancel_of_waiting(&world, CAPTURE_METHOD_AUTOMATIC);
    assert_call(OPERATION_KIND_ENQUIRE);
    const struct gateway_answer sold = position(1250, 1250, false);
    world_answer_with(&world, &sold);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(PAYMENT->captured_minor, 1250);
    assert_int_equal(world.books->invoice->status, INVOICE_PAID);
    END;
}

static void what_the_payer_refused_is_not_authorized_after_a_refused_cancel(void **state)
{
    BEGIN;
    refuse_cancel_of_waiting(&world, CAPTURE_METHOD_MANUAL);
    assert_call(OPERATION_KIND_ENQUIRE);
    world_answer(&world, GW_DECLINED);
    assert_status(PAYMENT_FAILED);
    assert_int_equal(world.books->invoice->status, INVOICE_CANCELLED);
    END;
}

static void reservation_behind_a_refused_cancel_is_learned(void **state)
{
    BEGIN;
    const struct payment_capture all = { 0 };
    refuse_cancel_of_waiting(&world, CAPTURE_METHOD_MANUAL);
    assert_call(OPERATION_KIND_ENQUIRE);
    const struct turn_call enquiry = *world.turn.calls.items[0];
    /* Until they say so there is nothing to capture: 0 would be all to some of them. */
    assert_int_equal(world_turn(&world, &turn_payment_capture, &all),
                     ERR_CAPTURE_EXCEEDS_AUTHORIZED);
    world.turn.calls = (struct turn_call_list){ 0 };
    struct turn_call again = enquiry;
    turn_call_list_add(&world.arena, &world.turn.calls, &again);
    const struct gateway_answer held = position(1250, 0, false);
    world_answer_with(&world, &held);
    assert_status(PAYMENT_AUTHORIZED);
    assert_int_equal(PAYMENT->authorized_minor, 1250);
    /* The cancel is still wanted. */
    assert_int_equal(PAYMENT->due_ms - world.fake.now_ms, HOUR_MS);
    END;
}

static void payer_is_no_answer_to_a_cancel(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_NEEDS_PAYER);
    world_turn(&world, &turn_payment_cancel, &by_merchant);
    world_answer(&world, GW_NEEDS_PAYER);
    assert_status(PAYMENT_CANCELLING);
    END;
}

static void ask_because_of_a_notice(struct world *world)
{
    struct notice *notice = ARENA_NEW(&world->arena, struct notice);
    struct buf text;
    buf_init(&text, &world->arena, ID_TEXT_MAX);
    operation_id_write(&text, world_payment(world)->authorization);
    *notice = (struct notice){ .reference = buf_str(&text), .due_ms = world->fake.now_ms,
                               .received_ms = world->fake.now_ms };
    world->notice = notice;
    world->input.operation = world_payment(world)->authorization;
    assert_int_equal(world_turn(world, &turn_notice_due, NULL), OK);
}

static void notice_does_not_put_off_the_next_capture(void **state)
{
    BEGIN;
    const struct gateway_answer held = position(1250, 0, false);
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_APPROVED);
    world_answer(&world, GW_REFUSED);
    int64_t due_ms = PAYMENT->due_ms;
    outside_fake_advance(&world.fake, MINUTE_MS);
    ask_because_of_a_notice(&world);
    world_answer_with(&world, &held);
    assert_int_equal(PAYMENT->due_ms, due_ms);
    assert_int_equal(world_due(&world), OK);
    assert_status(PAYMENT_CAPTURING);
    END;
}

static void reservation_that_fails_ends_the_implicit_invoice(void **state)
{
    BEGIN;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_APPROVED);
    ask_because_of_a_notice(&world);
    world_answer(&world, GW_DECLINED);
    assert_status(PAYMENT_FAILED);
    assert_int_equal(world.books->invoice->status, INVOICE_CANCELLED);
    END;
}

static void reservation_that_they_released_is_cancelled_not_failed(void **state)
{
    BEGIN;
    struct gateway_answer released = position(1250, 0, true);
    released.outcome = GW_REFUSED;
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_APPROVED);
    ask_because_of_a_notice(&world);
    world_answer_with(&world, &released);
    assert_status(PAYMENT_CANCELLED);
    END;
}

/* We said that it failed: whatever they then hold is given back and never taken. */
static void hold_of_a_failed_payment_is_never_captured(void **state)
{
    BEGIN;
    const struct gateway_answer held = position(1250, 0, false);
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_DECLINED);
    ask_because_of_a_notice(&world);
    world_answer_with(&world, &held);
    assert_call(OPERATION_KIND_CANCEL);
    world_answer(&world, GW_REFUSED);
    assert_status(PAYMENT_AUTHORIZED);
    assert_int_equal(world_due(&world), OK);
    assert_call(OPERATION_KIND_ENQUIRE);
    world_answer_with(&world, &held);
    assert_status(PAYMENT_CANCELLING);
    assert_call(OPERATION_KIND_CANCEL);
    END;
}

static void late_yes_to_what_was_taken_for_lost_is_asked_about(void **state)
{
    BEGIN;
    const struct gateway_answer sold = position(1250, 1250, false);
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    struct turn_call first = *world.turn.calls.items[0];
    world_answer(&world, GW_UNKNOWN);
    world_due(&world);
    world_answer(&world, GW_ABSENT);
    assert_status(PAYMENT_FAILED);
    world.turn.calls = (struct turn_call_list){ 0 };
    turn_call_list_add(&world.arena, &world.turn.calls, &first);
    world_answer_with(&world, &sold);
    assert_status(PAYMENT_FAILED);
    assert_call(OPERATION_KIND_ENQUIRE);
    world_answer_with(&world, &sold);
    assert_status(PAYMENT_CAPTURED);
    END;
}

/* The question went before the cancel and its answer came after: it is asked anew. */
static void held_before_a_cancel(int64_t answer_took_ms)
{
    struct world world;

    world_init(&world);
    const struct gateway_answer held = position(1250, 0, false);
    const struct gateway_answer released = position(1250, 0, true);
    world_create(&world, CAPTURE_METHOD_MANUAL, 1250);
    world_answer(&world, GW_APPROVED);
    ask_because_of_a_notice(&world);
    assert_call(OPERATION_KIND_ENQUIRE);
    struct turn_call question = *world.turn.calls.items[0];
    outside_fake_advance(&world.fake, SECOND_MS);
    world_turn(&world, &turn_payment_cancel, &by_merchant);
    world_answer(&world, GW_APPROVED);
    assert_status(PAYMENT_CANCELLED);
    world.turn.calls = (struct turn_call_list){ 0 };
    turn_call_list_add(&world.arena, &world.turn.calls, &question);
    world.answer_took_ms = answer_took_ms;
    world_answer_with(&world, &held);
    assert_status(PAYMENT_CANCELLED);
    assert_call(OPERATION_KIND_ENQUIRE);
    world.answer_took_ms = 0;
    world_answer_with(&world, &released);
    assert_status(PAYMENT_CANCELLED);
    assert_int_equal(world.turn.calls.count, 0);
    END;
}

static void what_was_held_before_a_cancel_is_not_held_after_it(void **state)
{
    (void)state;
    held_before_a_cancel(MINUTE_MS);
}

/* Then it looks as if it had been asked after it. */
static void nor_when_the_clock_was_set_back_meanwhile(void **state)
{
    (void)state;
    held_before_a_cancel(-HOUR_MS);
}

/* They were asked before they can have seen it; that the answer took long makes it no better. */
static void late_absence_proves_no_more_than_an_early_one(void **state)
{
    BEGIN;
    world.gateway.visibility_ms = 20 * SECOND_MS;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_UNKNOWN);
    world_due(&world);
    outside_fake_advance(&world.fake, 25 * SECOND_MS);
    world.answer_took_ms = 25 * SECOND_MS;
    world_answer(&world, GW_ABSENT);
    assert_status(PAYMENT_AUTHORIZING);
    world.answer_took_ms = 0;
    world_due(&world);
    world_answer(&world, GW_ABSENT);
    assert_status(PAYMENT_FAILED);
    END;
}

/* The enquiry bears a time of before the clock was set back: it looks as if it were late. */
static void clock_set_back_proves_no_absence(void **state)
{
    BEGIN;
    world.gateway.visibility_ms = 20 * SECOND_MS;
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer(&world, GW_UNKNOWN);
    world_due(&world);
    world.answer_took_ms = -HOUR_MS;
    world.even_since_ms = world.fake.now_ms;
    world_answer(&world, GW_ABSENT);
    assert_status(PAYMENT_AUTHORIZING);
    END;
}

/* Two questions about a capture were under way: after the first one's answer it went again. */
static void answer_second_after_capture_went_again(enum gateway_outcome second)
{
    struct world world;

    world_init(&world);
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world.gateway.calls[OPERATION_KIND_CAPTURE].lost = GW_ENQUIRE_FIRST;
    world_answer(&world, GW_APPROVED);
    world_answer(&world, GW_UNKNOWN);
    world_due(&world);
    struct turn_call enquiry = *world.turn.calls.items[0];
    assert_int_equal(enquiry.call, OPERATION_KIND_ENQUIRE);
    world_answer(&world, GW_ABSENT);
    assert_call(OPERATION_KIND_CAPTURE);
    world.turn.calls = (struct turn_call_list){ 0 };
    turn_call_list_add(&world.arena, &world.turn.calls, &enquiry);
    world_answer(&world, second);
    assert_int_equal(world.turn.calls.count, 0);
    assert_int_equal(books_operation(world.books, PAYMENT->active_operation)->state,
                     OPERATION_SENDING);
    END;
}

static void old_silence_does_not_end_a_call_under_way(void **state)
{
    (void)state;
    answer_second_after_capture_went_again(GW_UNKNOWN);
}

static void absence_told_twice_sends_once(void **state)
{
    (void)state;
    answer_second_after_capture_went_again(GW_ABSENT);
}

/* Another payment of the invoice was captured: what goes back of one is not all. */
static void one_of_two_payments_returned_leaves_the_invoice_paid(void **state)
{
    BEGIN;
    const struct refund_create all = { 0 };
    const struct gateway_answer sold = position(1250, 1250, false);
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    world_answer_with(&world, &sold);
    struct payment *other = arena_copy(&world.arena, PAYMENT, sizeof(*PAYMENT));
    other->id = payment_id_make(&world.ids, world.fake.now_ms);
    payment_list_add(&world.arena, &world.books->payments, other);
    world.input.payment = other->id;
    assert_int_equal(world_turn(&world, &turn_refund_create, &all), OK);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(PAYMENT->refunded_minor, 1250);
    assert_int_equal(world.books->invoice->status, INVOICE_PAID);
    world.input.payment = world.books->payments.items[0]->id;
    assert_int_equal(world_turn(&world, &turn_refund_create, &all), OK);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(world.books->invoice->status, INVOICE_REFUNDED);
    END;
}

static void longest_words_of_a_gateway_fit_into_our_objects(void **state)
{
    static char letters[200 * 1024];
    const struct str much = str_make(letters, sizeof(letters));
    const struct gateway_answer answer = { .outcome = GW_DECLINED, .gateway_message = much,
                                           .gateway_code = much, .failure_code = much,
                                           .gateway_reference = much };
    BEGIN;
    memset(letters, '\x7f', sizeof(letters));
    world_create(&world, CAPTURE_METHOD_AUTOMATIC, 1250);
    assert_int_equal(world_answer_with(&world, &answer), OK);
    assert_status(PAYMENT_FAILED);
    assert_int_equal(PAYMENT->failure.gateway_message.len, 1000);
    assert_int_equal(PAYMENT->gateway_reference.len, 0);
    END;
}

static void payments_of_an_invoice_are_limited(void **state)
{
    BEGIN;
    const struct invoice_create invoice = { .amount = { 5, CURRENCY_EUR } };
    const struct payment_create ask = { .amount = { 5, CURRENCY_EUR }, .method = METHOD_CARD,
                                        .capture_method = CAPTURE_METHOD_MANUAL };
    world_turn(&world, &turn_invoice_create, &invoice);
    assert_int_equal(world_turn(&world, &turn_payment_create, &ask), OK);
    world_payment(&world)->status = PAYMENT_FAILED;
    struct payment *one = world_payment(&world);
    while (world.books->payments.count < 999)
        payment_list_add(&world.arena, &world.books->payments, one);
    assert_int_equal(world_turn(&world, &turn_payment_create, &ask), OK);
    world_payment(&world)->status = PAYMENT_FAILED;
    assert_int_equal(world_turn(&world, &turn_payment_create, &ask), ERR_CONFLICT);
    assert_int_equal(world_turn(&world, &turn_invoice_cancel, NULL), OK);
    END;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_cancel_of_a_waiting_payment_is_asked_about_at_once),
        cmocka_unit_test(what_the_payer_refused_is_not_authorized_after_a_refused_cancel),
        cmocka_unit_test(reservation_behind_a_refused_cancel_is_learned),
        cmocka_unit_test(payer_is_no_answer_to_a_cancel),
        cmocka_unit_test(notice_does_not_put_off_the_next_capture),
        cmocka_unit_test(reservation_that_fails_ends_the_implicit_invoice),
        cmocka_unit_test(reservation_that_they_released_is_cancelled_not_failed),
        cmocka_unit_test(hold_of_a_failed_payment_is_never_captured),
        cmocka_unit_test(late_yes_to_what_was_taken_for_lost_is_asked_about),
        cmocka_unit_test(what_was_held_before_a_cancel_is_not_held_after_it),
        cmocka_unit_test(nor_when_the_clock_was_set_back_meanwhile),
        cmocka_unit_test(late_absence_proves_no_more_than_an_early_one),
        cmocka_unit_test(clock_set_back_proves_no_absence),
        cmocka_unit_test(old_silence_does_not_end_a_call_under_way),
        cmocka_unit_test(absence_told_twice_sends_once),
        cmocka_unit_test(one_of_two_payments_returned_leaves_the_invoice_paid),
        cmocka_unit_test(longest_words_of_a_gateway_fit_into_our_objects),
        cmocka_unit_test(payments_of_an_invoice_are_limited),
    };
    return cmocka_run_group_tests_name("core doubt", tests, NULL, NULL);
}
