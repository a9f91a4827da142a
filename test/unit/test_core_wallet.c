/* Saved cards: kept with a payment or by a look at them, charged, and forgotten only after the
 * gateway forgot them - in whatever order its answers come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "turn_fixture.h"

#define BEGIN                    \
    struct world world;          \
    (void)state;                 \
    wallet_init(&world)
#define END world_done(&world)
#define PAYMENT world_payment(&world)
#define CARD (world.books->instruments.items[0])
#define assert_card(status_) assert_int_equal(CARD->status, status_)
#define assert_call(kind_)                                                               \
    do {                                                                                 \
        assert_int_equal(world.turn.calls.count, 1);                                     \
        assert_int_equal(world.turn.calls.items[0]->call, kind_);                        \
    } while (0)

static const enum payment_method methods[] = { METHOD_CARD, METHOD_SAVED_CARD,
                                               METHOD_GATEWAY_PAGE, METHOD_NONE };
static const enum payment_method keeps[] = { METHOD_CARD, METHOD_GATEWAY_PAGE, METHOD_NONE };
static struct customer the_customer;

static void wallet_init(struct world *world)
{
    world_init(world);
    world->gateway.methods = methods;
    world->gateway.cards.keeps = keeps;
    world->gateway.cards.verifies = true;
    world->gateway.calls[OPERATION_KIND_DEACTIVATE].lost = GW_REPEAT_SAME_KEY;
    the_customer = (struct customer){ .id = customer_id_make(&world->ids, world->fake.now_ms) };
    world->customer = &the_customer;
    world->input.customer = the_customer.id;
}

static enum err keep(struct world *world, int64_t amount_minor, bool verification)
{
    static const struct card card = { .exp_month = 12, .exp_year = 2030 };
    const struct payment_create ask = {
        .amount = { amount_minor, CURRENCY_EUR },
        .capture_method = CAPTURE_METHOD_AUTOMATIC,
        .method = METHOD_CARD,
        .card = &card,
        .card_last4 = STR("4242"),
        .save_card = true,
        .verification = verification,
        .confirm = true,
    };
    enum err err = world_turn(world, verification ? &turn_instrument_create
                                                  : &turn_payment_create, &ask);
    if (!err) {
        world->input.payment = world_payment(world)->id;
        world->input.instrument = world_payment(world)->instrument;
    }
    return err;
}

/* To the last call, or to the call of an operation that is over. */
static enum err hear(struct world *world, struct operation_id operation, enum operation_kind call,
                     enum gateway_outcome outcome, const char *token)
{
    const struct operation_answer said = { .call = call,
                                           .answer = { .outcome = outcome,
                                                       .gateway_reference = STR("gw_1") },
                                           .card_sealed = str_of(token),
                                           .started_ms = world->fake.now_ms };
    world->input.operation = operation;
    return world_turn(world, &turn_operation_answered, &said);
}

static enum err hear_last(struct world *world, enum gateway_outcome outcome, const char *token)
{
    const struct turn_call *call = world->turn.calls.items[world->turn.calls.count - 1];
    return hear(world, call->operation->id, call->call, outcome, token);
}

/* A notice comes about the payment: they are asked, and say yes. */
static void notice_brings(struct world *world, const char *token)
{
    struct notice notice = { .due_ms = world->fake.now_ms, .gateway_reference = STR("gw_1") };
    world->notice = &notice;
    assert_int_equal(world_turn(world, &turn_notice_due, NULL), OK);
    world->notice = NULL;
    assert_int_equal(world->turn.calls.count, 1);
    assert_int_equal(world->turn.calls.items[0]->call, OPERATION_KIND_ENQUIRE);
    assert_int_equal(hear_last(world, GW_APPROVED, token), OK);
}

static enum err forget(struct world *world)
{
    return world_turn(world, &turn_instrument_deactivate, NULL);
}

static void kept_by_verification(struct world *world)
{
    assert_int_equal(keep(world, 0, true), OK);
    assert_int_equal(hear_last(world, GW_APPROVED, "sealed"), OK);
    assert_int_equal(world->books->instruments.items[0]->status, INSTRUMENT_ACTIVE);
}

static void a_verification_moves_no_money(void **state)
{
    BEGIN;
    kept_by_verification(&world);
    assert_int_equal(PAYMENT->status, PAYMENT_VERIFIED);
    assert_int_equal(PAYMENT->captured_minor, 0);
    assert_int_equal(world.turn.calls.count, 0);
    assert_int_equal(world.books->invoice->status, INVOICE_CANCELLED);
    assert_string_equal(world_story(&world),
                        "invoice.created payment.created instrument.created payment.authorizing "
                        "payment.verified instrument.activated invoice.cancelled");
    END;
}

static void a_payment_keeps_its_card_when_the_money_is_reserved(void **state)
{
    BEGIN;
    assert_int_equal(keep(&world, 1250, false), OK);
    assert_card(INSTRUMENT_PENDING);
    assert_true(str_equal_c(CARD->card_last4, "4242"));
    hear_last(&world, GW_APPROVED, "sealed");
    assert_card(INSTRUMENT_ACTIVE);
    assert_true(str_equal_c(CARD->token, "sealed"));
    hear_last(&world, GW_APPROVED, "");
    assert_int_equal(PAYMENT->status, PAYMENT_CAPTURED);
    assert_int_equal(PAYMENT->version, 7);
    END;
}

static void no_token_no_card_until_they_say_one(void **state)
{
    BEGIN;
    keep(&world, 1250, false);
    hear_last(&world, GW_APPROVED, "");
    assert_card(INSTRUMENT_PENDING);
    hear_last(&world, GW_APPROVED, "");
    assert_int_equal(PAYMENT->status, PAYMENT_CAPTURED);
    assert_card(INSTRUMENT_FAILED);
    assert_true(str_equal_c(CARD->failure.code, "card_not_kept"));
    /* An enquiry that is made for another reason brings it. */
    notice_brings(&world, "sealed");
    assert_card(INSTRUMENT_ACTIVE);
    assert_int_equal(CARD->failure.type, FAILURE_NONE);
    END;
}

static void a_decline_keeps_nothing_whatever_token_comes_with_it(void **state)
{
    BEGIN;
    keep(&world, 1250, false);
    hear_last(&world, GW_DECLINED, "sealed");
    assert_card(INSTRUMENT_FAILED);
    assert_true(str_is_empty(CARD->token));
    assert_int_equal(CARD->failure.type, FAILURE_DECLINED);
    assert_int_equal(forget(&world), ERR_CONFLICT);
    END;
}

static void silence_leaves_it_pending_and_an_enquiry_tells(void **state)
{
    BEGIN;
    keep(&world, 0, true);
    hear_last(&world, GW_UNKNOWN, "");
    assert_card(INSTRUMENT_PENDING);
    assert_int_equal(PAYMENT->status, PAYMENT_AUTHORIZING);
    world_due(&world);
    assert_call(OPERATION_KIND_ENQUIRE);
    hear_last(&world, GW_APPROVED, "sealed");
    assert_card(INSTRUMENT_ACTIVE);
    END;
}

static void a_payer_who_comes_too_late_is_found(void **state)
{
    BEGIN;
    keep(&world, 0, true);
    world_answer_with(&world, &(struct gateway_answer){ .outcome = GW_NEEDS_PAYER,
                                                        .action = ACTION_REDIRECT,
                                                        .action_url = STR("https://bank/") });
    assert_card(INSTRUMENT_PENDING);
    assert_int_equal(CARD->action, ACTION_REDIRECT);
    static const struct payment_cancel cancel = { .reason = CANCEL_REASON_MERCHANT };
    assert_int_equal(world_turn(&world, &turn_payment_cancel, &cancel), OK);
    hear_last(&world, GW_APPROVED, "");
    assert_int_equal(PAYMENT->status, PAYMENT_CANCELLED);
    assert_card(INSTRUMENT_FAILED);
    assert_int_equal(CARD->action, ACTION_NONE);
    notice_brings(&world, "sealed");
    assert_int_equal(PAYMENT->status, PAYMENT_VERIFIED);
    assert_card(INSTRUMENT_ACTIVE);
    assert_int_equal(CARD->failure.type, FAILURE_NONE);
    assert_int_equal(world.turn.books->drifts.count, 1);
    END;
}

static void a_payer_who_was_faster_than_the_cancel_is_found(void **state)
{
    BEGIN;
    keep(&world, 0, true);
    hear_last(&world, GW_NEEDS_PAYER, "");
    static const struct payment_cancel cancel = { .reason = CANCEL_REASON_MERCHANT };
    assert_int_equal(world_turn(&world, &turn_payment_cancel, &cancel), OK);
    hear_last(&world, GW_REFUSED, "");
    assert_card(INSTRUMENT_PENDING);
    assert_call(OPERATION_KIND_ENQUIRE);
    hear_last(&world, GW_APPROVED, "sealed");
    assert_int_equal(PAYMENT->status, PAYMENT_VERIFIED);
    assert_int_equal(PAYMENT->cancel_reason, CANCEL_REASON_NONE);
    assert_card(INSTRUMENT_ACTIVE);
    END;
}

static void it_is_forgotten_after_the_gateway_forgot_it(void **state)
{
    BEGIN;
    kept_by_verification(&world);
    assert_int_equal(forget(&world), OK);
    assert_call(OPERATION_KIND_DEACTIVATE);
    assert_ptr_equal(world.turn.calls.items[0]->instrument, CARD);
    assert_card(INSTRUMENT_DEACTIVATING);
    assert_false(str_is_empty(CARD->token));
    struct operation_id operation = world.turn.calls.items[0]->operation->id;
    assert_int_equal(forget(&world), ERR_OPERATION_IN_PROGRESS);
    hear(&world, operation, OPERATION_KIND_DEACTIVATE, GW_APPROVED, "");
    assert_card(INSTRUMENT_REMOVED);
    assert_true(str_is_empty(CARD->token));
    assert_int_equal(forget(&world), OK);
    assert_int_equal(world.turn.answer.status, 200);
    assert_int_equal(world.turn.calls.count, 0);
    END;
}

static void what_they_do_not_know_is_forgotten(void **state)
{
    BEGIN;
    kept_by_verification(&world);
    forget(&world);
    hear_last(&world, GW_ABSENT, "");
    assert_card(INSTRUMENT_REMOVED);
    END;
}

static void a_refusal_leaves_it_active(void **state)
{
    BEGIN;
    kept_by_verification(&world);
    forget(&world);
    hear_last(&world, GW_REFUSED, "");
    assert_card(INSTRUMENT_ACTIVE);
    assert_false(str_is_empty(CARD->token));
    assert_int_equal(CARD->failure.type, FAILURE_GATEWAY_ERROR);
    assert_int_equal(forget(&world), OK);
    assert_int_equal(CARD->failure.type, FAILURE_NONE);
    END;
}

static void a_lost_answer_is_asked_for_again_with_the_same_operation(void **state)
{
    BEGIN;
    kept_by_verification(&world);
    forget(&world);
    struct operation_id operation = world.turn.calls.items[0]->operation->id;
    hear_last(&world, GW_UNKNOWN, "");
    assert_card(INSTRUMENT_DEACTIVATING);
    world_due(&world);
    assert_call(OPERATION_KIND_DEACTIVATE);
    assert_true(operation_id_equal(world.turn.calls.items[0]->operation->id, operation));
    assert_ptr_equal(world.turn.calls.items[0]->instrument, CARD);
    hear_last(&world, GW_NOT_SENT, "");
    assert_card(INSTRUMENT_DEACTIVATING);
    world_due(&world);
    assert_call(OPERATION_KIND_DEACTIVATE);
    hear_last(&world, GW_APPROVED, "");
    assert_card(INSTRUMENT_REMOVED);
    END;
}

/* Where a second call is refused for what the first one did. */
static void a_refusal_after_silence_may_prove_nothing(void **state)
{
    BEGIN;
    world.gateway.cards.forgets_once = true;
    kept_by_verification(&world);
    forget(&world);
    hear_last(&world, GW_UNKNOWN, "");
    world_due(&world);
    assert_call(OPERATION_KIND_DEACTIVATE);
    hear_last(&world, GW_REFUSED, "");
    assert_card(INSTRUMENT_DEACTIVATING);
    world_due(&world);
    hear_last(&world, GW_ABSENT, "");
    assert_card(INSTRUMENT_REMOVED);
    END;
}

static void an_approval_that_comes_after_a_refusal_counts(void **state)
{
    BEGIN;
    kept_by_verification(&world);
    forget(&world);
    struct operation_id operation = world.turn.calls.items[0]->operation->id;
    hear_last(&world, GW_REFUSED, "");
    assert_card(INSTRUMENT_ACTIVE);
    hear(&world, operation, OPERATION_KIND_DEACTIVATE, GW_APPROVED, "");
    assert_card(INSTRUMENT_REMOVED);
    assert_true(str_is_empty(CARD->token));
    assert_int_equal(world.turn.books->drifts.count, 1);
    END;
}

static void while_it_is_forgotten_the_payment_is_asked_about(void **state)
{
    BEGIN;
    keep(&world, 1250, false);
    hear_last(&world, GW_APPROVED, "sealed");
    hear_last(&world, GW_APPROVED, "");
    forget(&world);
    notice_brings(&world, "sealed");
    assert_card(INSTRUMENT_DEACTIVATING);
    assert_int_equal(PAYMENT->status, PAYMENT_CAPTURED);
    END;
}

static void a_removed_card_learns_no_token(void **state)
{
    BEGIN;
    keep(&world, 1250, false);
    struct operation_id authorize = PAYMENT->authorization;
    hear_last(&world, GW_APPROVED, "sealed");
    struct operation_id capture = PAYMENT->active_operation;
    forget(&world);
    hear_last(&world, GW_APPROVED, "");
    assert_card(INSTRUMENT_REMOVED);
    hear(&world, capture, OPERATION_KIND_CAPTURE, GW_APPROVED, "sealed");
    assert_true(str_is_empty(CARD->token));
    hear(&world, authorize, OPERATION_KIND_AUTHORIZE, GW_APPROVED, "sealed");
    assert_true(str_is_empty(CARD->token));
    assert_card(INSTRUMENT_REMOVED);
    END;
}

static void a_saved_card_is_charged_at_its_own_account_only(void **state)
{
    BEGIN;
    struct instrument saved = {
        .id = instrument_id_make(&world.ids, world.fake.now_ms),
        .customer = the_customer.id,
        .gateway_account = world.account.id,
        .status = INSTRUMENT_ACTIVE,
        .token = STR("sealed"),
        .card_last4 = STR("1881"),
    };
    struct payment_create ask = {
        .amount = { 500, CURRENCY_EUR },
        .capture_method = CAPTURE_METHOD_AUTOMATIC,
        .method = METHOD_SAVED_CARD,
        .confirm = true,
    };
    world.instrument = &saved;
    world.input.instrument = saved.id;
    assert_int_equal(world_turn(&world, &turn_payment_create, &ask), OK);
    assert_ptr_equal(world.turn.calls.items[0]->instrument, &saved);
    assert_false(PAYMENT->routed);
    assert_true(str_equal_c(PAYMENT->card_last4, "1881"));

    static const enum instrument_state not_charged[] = { INSTRUMENT_PENDING,
                                                         INSTRUMENT_DEACTIVATING,
                                                         INSTRUMENT_REMOVED, INSTRUMENT_FAILED };
    for (size_t i = 0; i < sizeof(not_charged) / sizeof(not_charged[0]); i++) {
        world.books = NULL;
        saved.status = not_charged[i];
        assert_int_equal(world_turn(&world, &turn_payment_create, &ask), ERR_CONFLICT);
    }
    saved.status = INSTRUMENT_ACTIVE;
    saved.customer = customer_id_make(&world.ids, world.fake.now_ms);
    assert_int_equal(world_turn(&world, &turn_payment_create, &ask), ERR_VALIDATION);
    END;
}

static void what_goes_elsewhere_is_kept_there(void **state)
{
    BEGIN;
    static struct card card = { .exp_month = 12, .exp_year = 2030 };
    world.others[0] = world.account;
    world.others[0].id = gateway_account_id_make(&world.ids, world.fake.now_ms);
    world.others[0].is_default = false;
    world.others[0].settings = STR("{\"priority\":1,\"amount_from\":100}");
    world.other_count = 1;
    keep(&world, 0, true);
    const struct operation_answer said = { .call = OPERATION_KIND_AUTHORIZE,
                                           .answer = { .outcome = GW_NOT_SENT },
                                           .card = &card };
    world.input.operation = PAYMENT->authorization;
    assert_int_equal(world_turn(&world, &turn_operation_answered, &said), OK);
    assert_true(gateway_account_id_equal(PAYMENT->gateway_account, world.others[0].id));
    assert_true(gateway_account_id_equal(CARD->gateway_account, world.others[0].id));
    hear_last(&world, GW_APPROVED, "sealed");
    assert_card(INSTRUMENT_ACTIVE);
    END;
}

static void what_keeps_no_cards_keeps_none(void **state)
{
    BEGIN;
    world.gateway.cards.verifies = false;
    assert_int_equal(keep(&world, 0, true), ERR_PAYMENT_METHOD_NOT_SUPPORTED);
    assert_int_equal(keep(&world, 1250, false), OK);
    world.books = NULL;
    world.input.instrument = (struct instrument_id){ { { 0 } } };
    world.gateway.calls[OPERATION_KIND_DEACTIVATE] = (struct gateway_call){ 0 };
    assert_int_equal(keep(&world, 1250, false), ERR_PAYMENT_METHOD_NOT_SUPPORTED);
    END;
}

static void a_card_is_kept_for_somebody(void **state)
{
    BEGIN;
    the_customer.deleted_ms = 1;
    assert_int_equal(keep(&world, 0, true), ERR_VALIDATION);
    world.customer = NULL;
    assert_int_equal(keep(&world, 0, true), ERR_VALIDATION);
    world.input.customer = (struct customer_id){ { { 0 } } };
    assert_int_equal(keep(&world, 1250, false), ERR_VALIDATION);
    END;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verification_moves_no_money),
        cmocka_unit_test(a_payment_keeps_its_card_when_the_money_is_reserved),
        cmocka_unit_test(no_token_no_card_until_they_say_one),
        cmocka_unit_test(a_decline_keeps_nothing_whatever_token_comes_with_it),
        cmocka_unit_test(silence_leaves_it_pending_and_an_enquiry_tells),
        cmocka_unit_test(a_payer_who_comes_too_late_is_found),
        cmocka_unit_test(a_payer_who_was_faster_than_the_cancel_is_found),
        cmocka_unit_test(it_is_forgotten_after_the_gateway_forgot_it),
        cmocka_unit_test(what_they_do_not_know_is_forgotten),
        cmocka_unit_test(a_refusal_leaves_it_active),
        cmocka_unit_test(a_lost_answer_is_asked_for_again_with_the_same_operation),
        cmocka_unit_test(a_refusal_after_silence_may_prove_nothing),
        cmocka_unit_test(an_approval_that_comes_after_a_refusal_counts),
        cmocka_unit_test(while_it_is_forgotten_the_payment_is_asked_about),
        cmocka_unit_test(a_removed_card_learns_no_token),
        cmocka_unit_test(a_saved_card_is_charged_at_its_own_account_only),
        cmocka_unit_test(what_goes_elsewhere_is_kept_there),
        cmocka_unit_test(what_keeps_no_cards_keeps_none),
        cmocka_unit_test(a_card_is_kept_for_somebody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
