/* The payer's word in the sandbox: once, for good, and only with the link. */
#include "sandbox_fixture.h"

#include <pthread.h>

static struct sandbox_challenge challenge_of(struct sandbox_fixture *far, struct str token)
{
    struct sandbox_challenge challenge;

    enum err err = sandbox_challenge_get(far->sandbox, token, &far->place.arena, &challenge);
    assert_stored(far->db, err);
    return challenge;
}

static enum sandbox_challenge_state decide(struct sandbox_fixture *far, struct str token,
                                           bool confirmed)
{
    struct sandbox_challenge challenge;

    enum err err = sandbox_challenge_decide(far->sandbox, token, confirmed, &far->place.arena,
                                            &challenge);
    assert_stored(far->db, err);
    return challenge.state;
}

static void test_what_the_payer_sees(void **state)
{
    struct sandbox_fixture *far = *state;

    assert_string_equal(sandbox_authorize(far, "op_a", CHALLENGE_CARD, 1000),
                        "requires_action 0/0/0");
    struct sandbox_challenge challenge = challenge_of(far, sandbox_token(far));
    assert_int_equal(challenge.state, CHALLENGE_WAITING);
    assert_int_equal(challenge.amount.minor, 1000);
    assert_int_equal(challenge.amount.currency, CURRENCY_EUR);
    assert_true(str_equal_c(challenge.description, "Two cups"));
    assert_true(str_equal_c(challenge.return_url, "https://shop.test/back"));
    assert_true(str_equal_c(challenge.account, "ga_1"));
    assert_true(str_equal_c(challenge.reference, "op_a"));
    /* Looking changes nothing. */
    assert_string_equal(sandbox_enquire(far, "op_a"), "requires_action 0/0/0");
    assert_string_equal(sandbox_ledger(far), "");
}

static void test_confirmed(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", CHALLENGE_CARD, 1000);
    struct str token = sandbox_token(far);
    assert_int_equal(decide(far, token, true), CHALLENGE_CONFIRMED);
    assert_string_equal(sandbox_enquire(far, "op_a"), "approved 1000/0/0");
    assert_int_equal(decide(far, token, true), CHALLENGE_CONFIRMED);
    assert_int_equal(decide(far, token, false), CHALLENGE_CONFIRMED);
    assert_string_equal(sandbox_capture(far, "op_b", 1000), "approved 1000/1000/0");
    assert_int_equal(challenge_of(far, token).state, CHALLENGE_CONFIRMED);
    assert_string_equal(sandbox_ledger(far), "1 authorize op_a op_a 1000 EUR\n"
                                             "2 capture op_a op_b 1000 EUR\n");
}

static void test_refused(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", CHALLENGE_CARD, 1000);
    struct str token = sandbox_token(far);
    assert_int_equal(decide(far, token, false), CHALLENGE_REFUSED);
    assert_int_equal(decide(far, token, true), CHALLENGE_REFUSED);
    assert_string_equal(sandbox_enquire(far, "op_a"), "declined authentication_failed 0/0/0");
    assert_string_equal(sandbox_capture(far, "op_b", 1000), "refused not_authorized 0/0/0");
    assert_string_equal(sandbox_ledger(far), "");
}

static void test_cancelled_before_the_payer_decided(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", CHALLENGE_CARD, 1000);
    struct str token = sandbox_token(far);
    assert_string_equal(sandbox_void(far, "op_b"), "approved 0/0/0 released");
    assert_int_equal(decide(far, token, true), CHALLENGE_CANCELLED);
    assert_string_equal(sandbox_enquire(far, "op_a"), "refused already_cancelled 0/0/0 released");
    /* Nothing was held, so nothing was given back. */
    assert_string_equal(sandbox_ledger(far), "1 void op_a op_b 0 EUR\n");
}

static void test_cancelled_after_the_payer_confirmed(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", CHALLENGE_CARD, 1000);
    struct str token = sandbox_token(far);
    decide(far, token, true);
    assert_string_equal(sandbox_void(far, "op_b"), "approved 1000/0/0 released");
    assert_int_equal(challenge_of(far, token).state, CHALLENGE_CONFIRMED);
    assert_string_equal(sandbox_enquire(far, "op_a"), "approved 1000/0/0 released");
}

static void test_wrong_links(void **state)
{
    struct sandbox_fixture *far = *state;
    struct sandbox_challenge challenge;

    sandbox_authorize(far, "op_a", CHALLENGE_CARD, 1000);
    sandbox_authorize(far, "op_b", GOOD_CARD, 1000);
    struct str token = sandbox_token(far);
    const struct str wrong[] = {
        STR(""),
        STR("op_a"),
        STR("0000000000000000000000"),
        str_slice(token, 0, token.len - 1),
        str_format(&far->place.arena, "%.*s0", STR_ARG(token)),
        STR("' OR 1=1 --"),
        { "\0", 1 },
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(
            sandbox_challenge_get(far->sandbox, wrong[i], &far->place.arena, &challenge),
            ERR_NOT_FOUND);
        assert_int_equal(
            sandbox_challenge_decide(far->sandbox, wrong[i], true, &far->place.arena, &challenge),
            ERR_NOT_FOUND);
    }
    assert_string_equal(sandbox_enquire(far, "op_a"), "requires_action 0/0/0");
}

static void test_links_are_long_and_all_different(void **state)
{
    struct sandbox_fixture *far = *state;
    enum { COUNT = 50 };

    for (int i = 0; i < COUNT; i++)
        sandbox_authorize(far, str_format(&far->place.arena, "op_%d", i).ptr, CHALLENGE_CARD, 5);
    assert_int_equal(store_number(far->db, "SELECT count(DISTINCT token) FROM sandbox_charges"),
                     COUNT);
    /* 22 characters of base62 hold 128 bits. */
    assert_int_equal(store_number(far->db, "SELECT min(length(token)) FROM sandbox_charges"), 22);
}

static void test_decided_it_is_remembered(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", CHALLENGE_CARD, 1000);
    struct str token = sandbox_token(far);
    sandbox_fixture_reopen(far);
    assert_int_equal(decide(far, token, true), CHALLENGE_CONFIRMED);
    sandbox_fixture_reopen(far);
    assert_int_equal(challenge_of(far, token).state, CHALLENGE_CONFIRMED);
    assert_string_equal(sandbox_enquire(far, "op_a"), "approved 1000/0/0");
}

enum { ROUNDS = 200 };

struct payer {
    struct sandbox *sandbox;
    struct str token;
    bool confirmed;
    enum sandbox_challenge_state saw;
};

/* A payer's browser, on the API's thread. */
static void *pay(void *arg)
{
    struct payer *payer = arg;
    struct arena arena = { 0 };
    struct sandbox_challenge challenge = { 0 };

    for (int i = 0; i < ROUNDS; i++) {
        if (sandbox_challenge_get(payer->sandbox, payer->token, &arena, &challenge) != OK ||
            sandbox_challenge_decide(payer->sandbox, payer->token, payer->confirmed, &arena,
                                     &challenge) != OK)
            break;
        payer->saw = challenge.state;
        arena_reset(&arena);
    }
    arena_done(&arena);
    return NULL;
}

/* Two browsers with opposite minds, while the engine works: one word counts, for both. */
static void test_payers_beside_the_engine(void **state)
{
    struct sandbox_fixture *far = *state;
    pthread_t threads[2];
    struct payer payers[2];

    sandbox_authorize(far, "op_a", CHALLENGE_CARD, 1000);
    struct str token = sandbox_token(far);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        payers[i] = (struct payer){ far->sandbox, token, i == 0, CHALLENGE_WAITING };
        assert_int_equal(pthread_create(&threads[i], NULL, pay, &payers[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++)
        sandbox_authorize(far, str_format(&far->place.arena, "op_%d", i).ptr, GOOD_CARD, 5);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(payers[0].saw == CHALLENGE_CONFIRMED || payers[0].saw == CHALLENGE_REFUSED);
    assert_int_equal(payers[0].saw, payers[1].saw);
    assert_string_equal(sandbox_enquire(far, "op_a"), payers[0].saw == CHALLENGE_CONFIRMED
                                                          ? "approved 1000/0/0"
                                                          : "declined authentication_failed 0/0/0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_payer_sees),
        cmocka_unit_test(test_confirmed),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cancelled_before_the_payer_decided),
        cmocka_unit_test(test_cancelled_after_the_payer_confirmed),
        cmocka_unit_test(test_wrong_links),
        cmocka_unit_test(test_links_are_long_and_all_different),
        cmocka_unit_test(test_decided_it_is_remembered),
        cmocka_unit_test(test_payers_beside_the_engine),
    };
    return sandbox_run("sandbox challenge", tests, COUNT_OF(tests));
}
