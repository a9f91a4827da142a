/* The payer's page: one attempt at a time, whatever is pressed how often, and no end that takes
 * back what was paid. */
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
    world_init(&world);          \
    open_session(&world)
#define END           world_done(&world)
#define SESSION       world.books->checkouts.items[0]
#define PAYMENTS      world.books->payments.count
#define INVOICE       world.books->invoice
#define CREATED       "invoice.created checkout_session.created"
#define PAYING        CREATED " payment.created checkout_session.processing payment.authorizing"
#define OPEN_FOR_MS   (20 * MINUTE_MS)

static void open_session(struct world *world)
{
    const struct checkout_create ask = {
        .card_form = true,
        .has_amount = true,
        .amount = { 1250, CURRENCY_EUR },
        .capture_method = CAPTURE_METHOD_AUTOMATIC,
        .expires_ms = OPEN_FOR_MS,
        .return_url = STR("https://shop.test/back"),
    };
    world->gateway.test_only = true;
    assert_int_equal(world_turn(world, &turn_checkout_create, &ask), OK);
    assert_int_equal(world->turn.answer.status, 201);
    world->input.checkout = world->books->checkouts.items[0]->id;
}

static enum err pay(struct world *world, int64_t attempts)
{
    static const struct card card = { .exp_month = 12, .exp_year = 2030 };
    const struct checkout_pay ask = { .attempts = attempts, .card = &card };
    return world_turn(world, &turn_checkout_pay, &ask);
}

static void past_the_end(struct world *world)
{
    outside_fake_advance(&world->fake, OPEN_FOR_MS + 1);
}

static void paid_by_its_attempt(void **state)
{
    BEGIN;
    assert_int_equal(pay(&world, 0), OK);
    assert_int_equal(SESSION->status, CHECKOUT_PROCESSING);
    assert_int_equal(SESSION->due_ms, 0);
    assert_int_equal(world_payment(&world)->expires_ms, SESSION->expires_ms);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(SESSION->status, CHECKOUT_PROCESSING);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(SESSION->status, CHECKOUT_PAID);
    assert_int_equal(INVOICE->status, INVOICE_PAID);
    assert_string_equal(world_story(&world),
                        PAYING " payment.authorized payment.capturing payment.captured "
                               "checkout_session.paid invoice.paid");
    END;
}

static void a_second_press_is_no_second_attempt(void **state)
{
    BEGIN;
    assert_int_equal(pay(&world, 0), OK);
    assert_int_equal(pay(&world, 0), OK);
    assert_int_equal(pay(&world, 1), OK);
    assert_int_equal(world.turn.calls.count, 0);
    assert_int_equal(PAYMENTS, 1);
    assert_int_equal(SESSION->attempts, 1);
    END;
}

static void declined_may_be_tried_again_but_not_from_the_old_page(void **state)
{
    BEGIN;
    pay(&world, 0);
    world_answer(&world, GW_DECLINED);
    assert_int_equal(SESSION->status, CHECKOUT_OPEN);
    assert_int_equal(SESSION->due_ms, SESSION->expires_ms);
    assert_int_equal(INVOICE->status, INVOICE_UNPAID);
    assert_int_equal(pay(&world, 0), OK);
    assert_int_equal(PAYMENTS, 1);
    assert_int_equal(pay(&world, 1), OK);
    assert_int_equal(PAYMENTS, 2);
    world_answer(&world, GW_APPROVED);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(SESSION->status, CHECKOUT_PAID);
    assert_true(payment_id_equal(SESSION->payment, world_payment(&world)->id));
    END;
}

static void time_ends_it_and_its_invoice(void **state)
{
    BEGIN;
    past_the_end(&world);
    assert_int_equal(world_turn(&world, &turn_checkout_due, NULL), OK);
    assert_int_equal(SESSION->status, CHECKOUT_EXPIRED);
    assert_string_equal(world_story(&world),
                        CREATED " checkout_session.expired invoice.cancelled");
    END;
}

static void a_payer_who_is_late_pays_nothing(void **state)
{
    BEGIN;
    past_the_end(&world);
    assert_int_equal(pay(&world, 0), OK);
    assert_int_equal(SESSION->status, CHECKOUT_EXPIRED);
    assert_int_equal(PAYMENTS, 0);
    END;
}

/* Silence is no end: the attempt resolves first, and then the page is over. */
static void time_does_not_end_an_attempt(void **state)
{
    BEGIN;
    pay(&world, 0);
    past_the_end(&world);
    assert_int_equal(world_turn(&world, &turn_checkout_due, NULL), OK);
    assert_int_equal(SESSION->status, CHECKOUT_PROCESSING);
    END;
}

static void an_attempt_refused_after_the_end_ends_it(void **state)
{
    BEGIN;
    pay(&world, 0);
    struct turn sent = world.turn;
    past_the_end(&world);
    world.turn = sent;
    world_answer(&world, GW_DECLINED);
    assert_int_equal(SESSION->status, CHECKOUT_EXPIRED);
    assert_int_equal(INVOICE->status, INVOICE_CANCELLED);
    END;
}

static void an_attempt_approved_after_the_end_pays(void **state)
{
    BEGIN;
    pay(&world, 0);
    past_the_end(&world);
    world_answer(&world, GW_APPROVED);
    world_answer(&world, GW_APPROVED);
    assert_int_equal(SESSION->status, CHECKOUT_PAID);
    END;
}

static void cancelled_before_paying(void **state)
{
    BEGIN;
    assert_int_equal(world_turn(&world, &turn_checkout_leave, NULL), OK);
    assert_int_equal(SESSION->status, CHECKOUT_CANCELLED);
    assert_int_equal(INVOICE->status, INVOICE_CANCELLED);
    assert_int_equal(pay(&world, 0), OK);
    assert_int_equal(PAYMENTS, 0);
    END;
}

static void nobody_ends_it_while_an_attempt_is_under_way(void **state)
{
    BEGIN;
    pay(&world, 0);
    assert_int_equal(world_turn(&world, &turn_checkout_cancel, NULL), ERR_OPERATION_IN_PROGRESS);
    assert_int_equal(world_turn(&world, &turn_checkout_expire, NULL), ERR_OPERATION_IN_PROGRESS);
    assert_int_equal(world_turn(&world, &turn_checkout_leave, NULL), OK);
    assert_int_equal(SESSION->status, CHECKOUT_PROCESSING);
    END;
}

static void one_open_session_per_invoice(void **state)
{
    const struct checkout_create ask = { .expires_ms = OPEN_FOR_MS };
    BEGIN;
    world.input.invoice = INVOICE->id;
    assert_int_equal(world_turn(&world, &turn_checkout_create, &ask), ERR_CONFLICT);
    END;
}

/* Either the page has a form for its test cards, or the gateway has a page of its own. */
static void a_session_needs_a_page_that_takes_the_card(void **state)
{
    static const enum payment_method page_only[] = { METHOD_GATEWAY_PAGE, METHOD_NONE };
    struct checkout_create ask = { .has_amount = true,
                                   .amount = { 1250, CURRENCY_EUR },
                                   .capture_method = CAPTURE_METHOD_AUTOMATIC,
                                   .expires_ms = OPEN_FOR_MS };
    struct world world;
    (void)state;
    world_init(&world);
    world.gateway.test_only = true;
    assert_int_equal(world_turn(&world, &turn_checkout_create, &ask),
                     ERR_PAYMENT_METHOD_NOT_SUPPORTED);
    ask.card_form = true;
    world.gateway.test_only = false;
    assert_int_equal(world_turn(&world, &turn_checkout_create, &ask),
                     ERR_PAYMENT_METHOD_NOT_SUPPORTED);
    ask.card_form = false;
    world.gateway.methods = page_only;
    assert_int_equal(world_turn(&world, &turn_checkout_create, &ask), OK);
    END;
}

static void the_same_ask_gives_the_same_session(void **state)
{
    struct checkout_create ask = { .capture_method = CAPTURE_METHOD_AUTOMATIC,
                                   .expires_ms = OPEN_FOR_MS,
                                   .return_url = STR("https://shop.test/back") };
    BEGIN;
    struct checkout_id id = SESSION->id;
    world.input.invoice = INVOICE->id;
    assert_int_equal(world_turn(&world, &turn_checkout_create, &ask), OK);
    assert_int_equal(world.turn.answer.status, 200);
    assert_int_equal(world.books->checkouts.count, 1);
    assert_true(checkout_id_equal(SESSION->id, id));
    ask.return_url = STR("https://shop.test/other");
    assert_int_equal(world_turn(&world, &turn_checkout_create, &ask), ERR_CONFLICT);
    END;
}

static void colours_that_white_text_can_be_read_on(void **state)
{
    (void)state;
    assert_true(checkout_colour_is_readable(STR("#000000")));
    assert_true(checkout_colour_is_readable(STR("#1a4fa0")));
    /* The lightest grey has a contrast of 4.54, the next one of 4.48. */
    assert_true(checkout_colour_is_readable(STR("#767676")));
    assert_false(checkout_colour_is_readable(STR("#777777")));
    assert_false(checkout_colour_is_readable(STR("#ffffff")));
    assert_false(checkout_colour_is_readable(STR("#ff0000")));
    assert_false(checkout_colour_is_readable(STR("#12345")));
    assert_false(checkout_colour_is_readable(STR("#12345g")));
    assert_false(checkout_colour_is_readable(STR("1a4fa0a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paid_by_its_attempt),
        cmocka_unit_test(a_second_press_is_no_second_attempt),
        cmocka_unit_test(declined_may_be_tried_again_but_not_from_the_old_page),
        cmocka_unit_test(time_ends_it_and_its_invoice),
        cmocka_unit_test(a_payer_who_is_late_pays_nothing),
        cmocka_unit_test(time_does_not_end_an_attempt),
        cmocka_unit_test(an_attempt_refused_after_the_end_ends_it),
        cmocka_unit_test(an_attempt_approved_after_the_end_pays),
        cmocka_unit_test(cancelled_before_paying),
        cmocka_unit_test(nobody_ends_it_while_an_attempt_is_under_way),
        cmocka_unit_test(one_open_session_per_invoice),
        cmocka_unit_test(a_session_needs_a_page_that_takes_the_card),
        cmocka_unit_test(the_same_ask_gives_the_same_session),
        cmocka_unit_test(colours_that_white_text_can_be_read_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
