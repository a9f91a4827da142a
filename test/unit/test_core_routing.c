/* Which gateway account a payment goes to, and when it goes on to another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "turn_fixture.h"

#define BEGIN                    \
    struct world world;          \
    (void)state;                 \
    world_init(&world)
#define END world_done(&world)
#define PAYMENT world_payment(&world)
#define assert_status(status_) assert_int_equal(PAYMENT->status, status_)

static const struct card the_card = { .exp_month = 12, .exp_year = 2030 };
static const struct gateway_answer not_sent = { .outcome = GW_NOT_SENT,
                                                .gateway_message = STR("Refused.") };

/* One more account; the default of the world is there already. */
static struct gateway_account *add_account(struct world *world, const char *settings)
{
    struct gateway_account *account = &world->others[world->other_count++];

    assert_true(world->other_count <= sizeof world->others / sizeof world->others[0]);
    *account = world->account;
    account->id = gateway_account_id_make(&world->ids, world->fake.now_ms);
    account->is_default = false;
    account->settings = str_of(settings);
    return account;
}

static enum err create(struct world *world, enum currency currency, int64_t amount_minor)
{
    const struct payment_create ask = {
        .amount = { amount_minor, currency },
        .capture_method = CAPTURE_METHOD_AUTOMATIC,
        .method = METHOD_CARD,
        .card = &the_card,
        .confirm = true,
    };
    world->books = NULL;
    return world_turn(world, &turn_payment_create, &ask);
}

static void assert_at(struct world *world, const struct gateway_account *account)
{
    const struct operation_list *operations = &world->books->operations;
    const struct operation *last = operations->items[operations->count - 1];

    assert_true(gateway_account_id_equal(world_payment(world)->gateway_account, account->id));
    assert_true(gateway_account_id_equal(last->gateway_account, account->id));
    assert_true(operation_id_equal(world_payment(world)->authorization, last->id));
}

/* The answer to the last call, which brings the card back. */
static enum err answer_with_card(struct world *world, const struct gateway_answer *answer)
{
    static struct card card = { .exp_month = 12, .exp_year = 2030 };
    const struct turn_call *call = world->turn.calls.items[world->turn.calls.count - 1];
    const struct operation_answer said = { .call = call->call, .answer = *answer, .card = &card,
                                           .started_ms = world->fake.now_ms };

    world->input.operation = call->operation->id;
    enum err err = world_turn(world, &turn_operation_answered, &said);
    if (world->turn.calls.count > 0)
        assert_ptr_equal(world->turn.calls.items[0]->card, &card);
    return err;
}

static void the_first_that_takes_it_gets_it(void **state)
{
    BEGIN;
    world.account.settings = STR("{\"currencies\":[\"EUR\"],\"amount_to\":1000}");
    struct gateway_account *second = add_account(&world, "{\"priority\":2}");
    struct gateway_account *first = add_account(
        &world, "{\"priority\":1,\"currencies\":[\"USD\",\"EUR\"],\"amount_from\":500}");
    add_account(&world, "{}");
    assert_int_equal(create(&world, CURRENCY_EUR, 1000), OK);
    assert_at(&world, &world.account);
    assert_int_equal(create(&world, CURRENCY_EUR, 1001), OK);
    assert_at(&world, first);
    assert_int_equal(create(&world, CURRENCY_USD, 500), OK);
    assert_at(&world, first);
    assert_int_equal(create(&world, CURRENCY_USD, 499), OK);
    assert_at(&world, second);
    assert_int_equal(create(&world, CURRENCY_JPY, 499), OK);
    assert_at(&world, second);
    first->disabled = true;
    assert_int_equal(create(&world, CURRENCY_USD, 500), OK);
    assert_at(&world, second);
    second->disabled = true;
    assert_int_equal(create(&world, CURRENCY_USD, 500), ERR_NO_GATEWAY_ACCOUNT);
    END;
}

static void a_default_with_a_priority_has_its_place(void **state)
{
    BEGIN;
    world.account.settings = STR("{\"priority\":2}");
    struct gateway_account *first = add_account(&world, "{\"priority\":1}");
    add_account(&world, "{\"priority\":2}");
    assert_int_equal(create(&world, CURRENCY_EUR, 1), OK);
    assert_at(&world, first);
    first->disabled = true;
    /* Of two equals the older. */
    assert_int_equal(create(&world, CURRENCY_EUR, 1), OK);
    assert_at(&world, &world.account);
    END;
}

static void an_account_that_is_named_is_held_to_its_settings(void **state)
{
    BEGIN;
    world.account.settings = STR("{\"currencies\":[\"EUR\"]}");
    struct payment_create ask = {
        .amount = { 100, CURRENCY_USD },
        .capture_method = CAPTURE_METHOD_AUTOMATIC,
        .gateway_account = world.account.id,
    };
    assert_int_equal(world_turn(&world, &turn_payment_create, &ask), ERR_NO_GATEWAY_ACCOUNT);
    assert_string_equal(world.turn.detail.ptr,
                        "By its settings the gateway account does not take 100 USD.");
    ask.amount.currency = CURRENCY_EUR;
    assert_int_equal(world_turn(&world, &turn_payment_create, &ask), OK);
    assert_false(PAYMENT->routed);
    END;
}

static void one_that_cannot_do_what_is_asked_is_passed_over(void **state)
{
    BEGIN;
    world.account.settings = STR("{\"capture\":\"sale\"}");
    struct payment_create ask = { .amount = { 100, CURRENCY_EUR },
                                  .capture_method = CAPTURE_METHOD_MANUAL };
    assert_int_equal(world_turn(&world, &turn_payment_create, &ask),
                     ERR_CAPTURE_METHOD_NOT_SUPPORTED);
    struct gateway_account *other = add_account(&world, "{\"priority\":1}");
    assert_int_equal(world_turn(&world, &turn_payment_create, &ask), OK);
    assert_true(str_is_empty(world.turn.detail));
    assert_true(gateway_account_id_equal(PAYMENT->gateway_account, other->id));
    END;
}

static void what_was_not_sent_goes_to_the_next(void **state)
{
    BEGIN;
    struct gateway_account *second = add_account(&world, "{\"priority\":1}");
    struct gateway_account *third = add_account(&world, "{\"priority\":3}");
    add_account(&world, "{\"priority\":2}")->disabled = true;
    assert_int_equal(create(&world, CURRENCY_EUR, 700), OK);
    struct operation_id first = PAYMENT->authorization;
    assert_int_equal(answer_with_card(&world, &not_sent), OK);
    assert_status(PAYMENT_AUTHORIZING);
    assert_at(&world, second);
    assert_int_equal(world.turn.calls.count, 1);
    assert_ptr_equal(world.turn.calls.items[0]->account, second);
    assert_true(operation_id_equal(PAYMENT->active_operation, PAYMENT->authorization));
    const struct operation *before = books_operation(world.books, first);
    assert_int_equal(before->state, OPERATION_NOT_SENT);
    assert_int_not_equal(before->closed_ms, 0);
    assert_string_equal(world_story(&world), "invoice.created payment.created "
                                             "payment.authorizing payment.rerouted");
    assert_int_equal(answer_with_card(&world, &not_sent), OK);
    assert_at(&world, third);
    /* There is no fourth. */
    assert_int_equal(answer_with_card(&world, &not_sent), OK);
    assert_status(PAYMENT_FAILED);
    assert_string_equal(PAYMENT->failure.code.ptr, "interrupted");
    assert_int_equal(world.turn.calls.count, 0);
    END;
}

static void the_caller_waits_for_the_account_that_took_it(void **state)
{
    BEGIN;
    add_account(&world, "{\"priority\":1}");
    world.input.claim_key = id_make(&world.ids, world.fake.now_ms);
    struct id key = world.input.claim_key;
    assert_int_equal(create(&world, CURRENCY_EUR, 700), OK);
    assert_int_equal(answer_with_card(&world, &not_sent), OK);
    assert_int_equal(world.turn.wakes.count, 1);
    assert_false(world.turn.wakes.items[0]->final);
    assert_int_equal(world_answer(&world, GW_APPROVED), OK);
    assert_int_equal(world_answer(&world, GW_APPROVED), OK);
    assert_status(PAYMENT_CAPTURED);
    assert_int_equal(world.turn.wakes.count, 1);
    assert_true(world.turn.wakes.items[0]->final);
    assert_true(id_equal(world.turn.wakes.items[0]->claim_key, key));
    assert_int_equal(world.turn.wakes.items[0]->status, 201);
    END;
}

static void silence_and_refusals_go_nowhere_else(void **state)
{
    BEGIN;
    add_account(&world, "{\"priority\":1}");
    assert_int_equal(create(&world, CURRENCY_EUR, 700), OK);
    assert_int_equal(world_answer(&world, GW_UNKNOWN), OK);
    assert_status(PAYMENT_AUTHORIZING);
    assert_at(&world, &world.account);
    assert_int_equal(world.turn.calls.count, 0);
    /* Even when absence is proven later, and whatever would be at hand then. */
    assert_int_equal(world_due(&world), OK);
    world.fake.now_ms += world.gateway.visibility_ms;
    static const struct gateway_answer absent = { .outcome = GW_ABSENT };
    assert_int_equal(answer_with_card(&world, &absent), OK);
    assert_status(PAYMENT_FAILED);
    assert_at(&world, &world.account);
    static const enum gateway_outcome refusals[] = { GW_DECLINED, GW_REFUSED };
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(create(&world, CURRENCY_EUR, 700), OK);
        assert_int_equal(world_answer(&world, refusals[i]), OK);
        assert_status(PAYMENT_FAILED);
        assert_at(&world, &world.account);
    }
    END;
}

static void a_card_that_is_gone_goes_nowhere(void **state)
{
    BEGIN;
    add_account(&world, "{\"priority\":1}");
    assert_int_equal(create(&world, CURRENCY_EUR, 700), OK);
    assert_int_equal(world_answer_with(&world, &not_sent), OK);
    assert_status(PAYMENT_FAILED);
    END;
}

static void a_payment_that_names_its_account_stays_there(void **state)
{
    BEGIN;
    add_account(&world, "{\"priority\":1}");
    const struct payment_create ask = {
        .amount = { 100, CURRENCY_EUR },
        .capture_method = CAPTURE_METHOD_AUTOMATIC,
        .method = METHOD_CARD,
        .card = &the_card,
        .confirm = true,
        .gateway_account = world.account.id,
    };
    assert_int_equal(world_turn(&world, &turn_payment_create, &ask), OK);
    assert_int_equal(answer_with_card(&world, &not_sent), OK);
    assert_status(PAYMENT_FAILED);
    END;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_takes_it_gets_it),
        cmocka_unit_test(a_default_with_a_priority_has_its_place),
        cmocka_unit_test(an_account_that_is_named_is_held_to_its_settings),
        cmocka_unit_test(one_that_cannot_do_what_is_asked_is_passed_over),
        cmocka_unit_test(what_was_not_sent_goes_to_the_next),
        cmocka_unit_test(the_caller_waits_for_the_account_that_took_it),
        cmocka_unit_test(silence_and_refusals_go_nowhere_else),
        cmocka_unit_test(a_card_that_is_gone_goes_nowhere),
        cmocka_unit_test(a_payment_that_names_its_account_stays_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
