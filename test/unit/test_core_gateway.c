/* What all adapters share: above all that an approval of another amount is no approval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/gateway.h"

static enum gateway_outcome checked(enum operation_kind about, enum gateway_outcome outcome,
                                    struct money asked, struct money stated, bool *agrees)
{
    struct gateway_ask ask = { .call = OPERATION_KIND_ENQUIRE, .about = about, .amount = asked };
    struct gateway_answer answer = { .outcome = outcome, .amount = stated };

    *agrees = gateway_check_amount(&ask, &answer);
    /* Their amount is evidence: it stays whatever comes of it. */
    assert_int_equal(answer.amount.minor, stated.minor);
    assert_int_equal(answer.amount.currency, stated.currency);
    return answer.outcome;
}

static void test_check_amount(void **state)
{
    (void)state;
    const struct money asked = { 1250, CURRENCY_EUR };
    static const struct {
        enum operation_kind about;
        enum gateway_outcome outcome;
        struct money stated;
        enum gateway_outcome becomes;
    } cases[] = {
        { OPERATION_KIND_AUTHORIZE, GW_APPROVED, { 1250, CURRENCY_EUR }, GW_APPROVED },
        { OPERATION_KIND_AUTHORIZE, GW_APPROVED, { 125000, CURRENCY_EUR }, GW_UNKNOWN },
        { OPERATION_KIND_AUTHORIZE, GW_APPROVED, { 1250, CURRENCY_USD }, GW_UNKNOWN },
        { OPERATION_KIND_AUTHORIZE, GW_APPROVED, { 0, CURRENCY_EUR }, GW_UNKNOWN },
        { OPERATION_KIND_AUTHORIZE, GW_APPROVED, { -1250, CURRENCY_EUR }, GW_UNKNOWN },
        { OPERATION_KIND_CAPTURE, GW_APPROVED, { 1249, CURRENCY_EUR }, GW_UNKNOWN },
        { OPERATION_KIND_CAPTURE, GW_APPROVED, { 1250, CURRENCY_EUR }, GW_APPROVED },
        { OPERATION_KIND_REFUND, GW_APPROVED, { 1251, CURRENCY_EUR }, GW_UNKNOWN },
        /* Not stated: nothing to compare. */
        { OPERATION_KIND_AUTHORIZE, GW_APPROVED, { 0, CURRENCY_NONE }, GW_APPROVED },
        /* A cancel asks for no amount. */
        { OPERATION_KIND_CANCEL, GW_APPROVED, { 7, CURRENCY_EUR }, GW_APPROVED },
        /* No money was said to move. */
        { OPERATION_KIND_AUTHORIZE, GW_DECLINED, { 7, CURRENCY_EUR }, GW_DECLINED },
        { OPERATION_KIND_AUTHORIZE, GW_NEEDS_PAYER, { 7, CURRENCY_EUR }, GW_NEEDS_PAYER },
        { OPERATION_KIND_CAPTURE, GW_UNKNOWN, { 7, CURRENCY_EUR }, GW_UNKNOWN },
        { OPERATION_KIND_REFUND, GW_REFUSED, { 7, CURRENCY_EUR }, GW_REFUSED },
        { OPERATION_KIND_REFUND, GW_PENDING, { 7, CURRENCY_EUR }, GW_PENDING },
        { OPERATION_KIND_REFUND, GW_ABSENT, { 7, CURRENCY_EUR }, GW_ABSENT },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool agrees;
        enum gateway_outcome outcome =
            checked(cases[i].about, cases[i].outcome, asked, cases[i].stated, &agrees);
        assert_int_equal(outcome, cases[i].becomes);
        assert_int_equal(agrees, cases[i].becomes == cases[i].outcome);
    }
}

/* The books cannot hold more taken than approved, and nobody asked for it. */
static void test_more_taken_than_asked(void **state)
{
    (void)state;
    const struct gateway_ask ask = { .call = OPERATION_KIND_AUTHORIZE,
                                     .about = OPERATION_KIND_AUTHORIZE,
                                     .amount = { 1250, CURRENCY_EUR } };
    struct gateway_answer answer = { .outcome = GW_APPROVED, .amount = ask.amount,
                                     .has_position = true, .authorized_minor = 1250,
                                     .captured_minor = 1251 };

    assert_false(gateway_check_amount(&ask, &answer));
    assert_int_equal(answer.outcome, GW_UNKNOWN);
    assert_int_equal(answer.amount.minor, 1251);
}

static void test_words_not_listed_are_unknown(void **state)
{
    (void)state;
    static const struct gateway_word words[] = {
        { "succeeded", GW_APPROVED },
        { "failed", GW_DECLINED },
        { NULL, GW_UNKNOWN },
    };

    assert_int_equal(gateway_outcome_of(words, STR("succeeded")), GW_APPROVED);
    assert_int_equal(gateway_outcome_of(words, STR("failed")), GW_DECLINED);
    assert_int_equal(gateway_outcome_of(words, STR("success")), GW_UNKNOWN);
    assert_int_equal(gateway_outcome_of(words, STR("SUCCEEDED")), GW_UNKNOWN);
    assert_int_equal(gateway_outcome_of(words, STR("")), GW_UNKNOWN);
    assert_int_equal(gateway_outcome_of(words, (struct str){ 0 }), GW_UNKNOWN);
}

static enum err build_nothing(const struct gateway_ask *ask, struct arena *arena,
                              struct http_request *out)
{
    (void)ask;
    (void)arena;
    (void)out;
    return OK;
}

static enum err parse_nothing(const struct gateway_ask *ask, const struct http_reply *reply,
                              struct arena *arena, struct gateway_answer *out)
{
    (void)ask;
    (void)reply;
    (void)arena;
    (void)out;
    return OK;
}

static void test_can_and_takes(void **state)
{
    (void)state;
    static const enum payment_method methods[] = { METHOD_GATEWAY_PAGE, METHOD_CARD, METHOD_NONE };
    static const struct gateway gateway = {
        .methods = methods,
        .calls = { [OPERATION_KIND_REFUND] = { build_nothing, parse_nothing, GW_NEVER_REPEAT } },
    };

    assert_true(gateway_can(&gateway, OPERATION_KIND_REFUND));
    assert_false(gateway_can(&gateway, OPERATION_KIND_CANCEL));
    assert_true(gateway_takes(&gateway, METHOD_CARD));
    assert_true(gateway_takes(&gateway, METHOD_GATEWAY_PAGE));
    assert_false(gateway_takes(&gateway, METHOD_SAVED_CARD));
    assert_false(gateway_takes(&gateway, METHOD_NONE));
}

static enum err parse_no_login(const struct http_reply *reply, struct arena *arena,
                               struct gateway_token *out)
{
    (void)reply, (void)arena, (void)out;
    return ERR_BAD_REPLY;
}

static enum gateway_token_use order_when_authorizing(const struct gateway_ask *ask)
{
    return ask->call == OPERATION_KIND_AUTHORIZE ? GW_TOKEN_ORDER : GW_TOKEN_ACCOUNT;
}

static void test_token_use(void **state)
{
    (void)state;
    static const struct gateway plain = { .name = "plain" };
    static const struct gateway one = { .login = { build_nothing, parse_no_login } };
    static const struct gateway two = { .login = { build_nothing, parse_no_login },
                                        .order_login = { build_nothing, parse_no_login },
                                        .token_use = order_when_authorizing };
    const struct gateway_ask authorize = { .call = OPERATION_KIND_AUTHORIZE };
    const struct gateway_ask refund = { .call = OPERATION_KIND_REFUND };

    assert_int_equal(gateway_token_use(&plain, &authorize), GW_TOKEN_NONE);
    assert_int_equal(gateway_token_use(&one, &authorize), GW_TOKEN_ACCOUNT);
    assert_int_equal(gateway_token_use(&two, &authorize), GW_TOKEN_ORDER);
    assert_int_equal(gateway_token_use(&two, &refund), GW_TOKEN_ACCOUNT);
}

static void test_refund_least(void **state)
{
    (void)state;
    static const struct money least[] = { { 1000, CURRENCY_KZT }, { 0 } };
    static const struct gateway plain = { .name = "plain" };
    static const struct gateway bank = { .refund_least = least };

    assert_true(gateway_refund_least(&plain, CURRENCY_KZT) == 0);
    assert_true(gateway_refund_least(&bank, CURRENCY_KZT) == 1000);
    assert_true(gateway_refund_least(&bank, CURRENCY_EUR) == 0);
}

static void test_reply_fields(void **state)
{
    (void)state;
    static const struct http_field fields[] = {
        { STR_INIT("Content-Type"), STR_INIT("application/json") },
        { STR_INIT("Retry-After"), STR_INIT("3") },
    };
    const struct http_reply reply = { .status = 200, .fields = fields, .field_count = 2 };
    const struct http_reply bare = { .status = 200 };

    assert_true(str_equal_c(http_reply_field(&reply, "retry-after"), "3"));
    assert_true(str_equal_c(http_reply_field(&reply, "CONTENT-TYPE"), "application/json"));
    assert_true(str_is_empty(http_reply_field(&reply, "Retry")));
    assert_true(str_is_empty(http_reply_field(&bare, "Retry-After")));
}

/* A zeroed answer and a zeroed declaration must be the careful ones. */
static void test_zero_is_careful(void **state)
{
    (void)state;
    const struct gateway_answer answer = { 0 };
    const struct gateway_call call = { 0 };

    assert_string_equal(gateway_outcome_text(answer.outcome), "unknown");
    assert_string_equal(gateway_lost_text(call.lost), "enquire_first");
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const outcomes[] = { "unknown",     "approved", "declined", "refused",
                                            "needs_payer", "pending",  "absent",   "not_sent" };
    static const char *const lost[] = { "enquire_first", "repeat_same_key", "never_repeat" };
    static const char *const captures[] = { "separate", "sale", "both" };

    assert_int_equal(GW_OUTCOME_COUNT, sizeof(outcomes) / sizeof(outcomes[0]));
    for (unsigned i = 0; i < GW_OUTCOME_COUNT; i++)
        assert_string_equal(gateway_outcome_text(i), outcomes[i]);
    assert_int_equal(GW_LOST_COUNT, sizeof(lost) / sizeof(lost[0]));
    for (unsigned i = 0; i < GW_LOST_COUNT; i++)
        assert_string_equal(gateway_lost_text(i), lost[i]);
    assert_int_equal(GW_CAPTURE_WAY_COUNT, sizeof(captures) / sizeof(captures[0]));
    for (unsigned i = 0; i < GW_CAPTURE_WAY_COUNT; i++)
        assert_string_equal(gateway_capture_text(i), captures[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_amount),
        cmocka_unit_test(test_more_taken_than_asked),
        cmocka_unit_test(test_words_not_listed_are_unknown),
        cmocka_unit_test(test_can_and_takes),   cmocka_unit_test(test_reply_fields),
        cmocka_unit_test(test_token_use),       cmocka_unit_test(test_refund_least),
        cmocka_unit_test(test_zero_is_careful), cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
