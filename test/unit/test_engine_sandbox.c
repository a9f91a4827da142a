/* Both sides of the sandbox together: what the adapter builds, the far side understands, and
 * what that says, the adapter understands, for every card and call. */
#include "gateways/gateways.h"
#include "sandbox_fixture.h"

#include <string.h>

/* One payment's way: its references are the same in every test. */
static struct gateway_ask ask_of(enum operation_kind call, const char *reference,
                                 int64_t amount_minor)
{
    return (struct gateway_ask){
        .call = call,
        .about = call,
        .reference = str_of(reference),
        .payment_reference = STR("op_a"),
        .amount = { amount_minor, CURRENCY_EUR },
        .method = METHOD_CARD,
        .description = STR("Two cups"),
        .return_url = STR("https://shop.test/back"),
        .account_id = STR("ga_1"),
    };
}

static struct secret secret_of(const char *text)
{
    return (struct secret){ (char *)(uintptr_t)text, strlen(text) };
}

/* Sends it and writes what it meant: "approved", "declined card_declined", "silence"; of an
 * enquiry also where the money is. */
static const char *say(struct sandbox_fixture *far, const struct gateway_ask *ask)
{
    const struct gateway_call *call = &gateway_sandbox.calls[ask->call];
    struct http_request request;
    const struct http_request *requests[] = { &request };
    struct http_reply reply = { 0 };
    struct gateway_answer answer = { 0 };
    struct buf said;

    assert_int_equal(call->build(ask, &far->place.arena, &request), OK);
    enum err err = sandbox_handle(far->sandbox, requests, &reply, 1, &far->place.arena);
    assert_stored(far->db, err);
    if (reply.status == 0)
        return "silence";
    assert_int_equal(call->parse(ask, &reply, &far->place.arena, &answer), OK);
    assert_true(gateway_check_amount(ask, &answer));
    buf_init(&said, &far->place.arena, 512);
    buf_add_c(&said, gateway_outcome_text(answer.outcome));
    if (!str_is_empty(answer.failure_code))
        buf_addf(&said, " %.*s", STR_ARG(answer.failure_code));
    /* The adapter knows every word that the far side says. */
    assert_true(answer.outcome == GW_ABSENT || str_equal(answer.failure_code, answer.gateway_code));
    if (answer.has_position && ask->call == OPERATION_KIND_ENQUIRE)
        buf_addf(&said, " %lld/%lld/%lld%s", (long long)answer.authorized_minor,
                 (long long)answer.captured_minor, (long long)answer.refunded_minor,
                 answer.released ? " released" : "");
    return buf_c(&said);
}

static const char *authorize(struct sandbox_fixture *far, const char *number)
{
    struct gateway_ask ask = ask_of(OPERATION_KIND_AUTHORIZE, "op_a", 1000);
    const struct card card = { .number = secret_of(number), .cvc = secret_of("123"),
                               .holder_name = STR("Jo Lind"), .exp_month = 12, .exp_year = 2030 };

    ask.card = &card;
    return say(far, &ask);
}

static const char *order(struct sandbox_fixture *far, enum operation_kind kind,
                         const char *reference, int64_t amount_minor)
{
    struct gateway_ask ask = ask_of(kind, reference, amount_minor);

    return say(far, &ask);
}

static const char *enquire(struct sandbox_fixture *far, enum operation_kind about,
                           const char *reference, int64_t amount_minor)
{
    struct gateway_ask ask = ask_of(about, reference, amount_minor);

    ask.call = OPERATION_KIND_ENQUIRE;
    return say(far, &ask);
}

/* Each test begins with an empty ledger. */
static void start_again(struct sandbox_fixture *far, const struct store_engine *engine)
{
    sandbox_fixture_done(far);
    sandbox_fixture_open(far, engine);
}

static void test_each_card(void **state)
{
    struct sandbox_fixture *far = *state;
    /* Authorize and capture 1000, refund 400, then ask about each. */
    static const struct {
        const char *number;
        const char *authorize, *capture, *refund;
        const char *about_authorize, *about_capture, *about_refund;
    } cards[] = {
        { "4242424242424242", "approved", "approved", "approved", "approved 1000/1000/400",
          "approved 1000/1000/400", "approved 1000/1000/400" },
        { "4000000000000002", "declined card_declined", "refused not_authorized",
          "refused not_captured", "declined card_declined 0/0/0", "refused not_authorized 0/0/0",
          "refused not_captured 0/0/0" },
        { "4000000000009995", "declined insufficient_funds", "refused not_authorized",
          "refused not_captured", "declined insufficient_funds 0/0/0",
          "refused not_authorized 0/0/0", "refused not_captured 0/0/0" },
        { "4000000000000069", "declined expired_card", "refused not_authorized",
          "refused not_captured", "declined expired_card 0/0/0", "refused not_authorized 0/0/0",
          "refused not_captured 0/0/0" },
        { "4000000000000127", "declined incorrect_cvc", "refused not_authorized",
          "refused not_captured", "declined incorrect_cvc 0/0/0", "refused not_authorized 0/0/0",
          "refused not_captured 0/0/0" },
        { "4000000000000119", "refused processing_error", "refused not_authorized",
          "refused not_captured", "refused processing_error 0/0/0", "refused not_authorized 0/0/0",
          "refused not_captured 0/0/0" },
        { "4000002500003155", "needs_payer", "refused not_authorized", "refused not_captured",
          "needs_payer 0/0/0", "refused not_authorized 0/0/0", "refused not_captured 0/0/0" },
        { "4000000000000341", "approved", "refused capture_refused", "refused not_captured",
          "approved 1000/0/0", "refused capture_refused 1000/0/0",
          "refused not_captured 1000/0/0" },
        { "4000000000005126", "approved", "approved", "refused refund_refused",
          "approved 1000/1000/0", "approved 1000/1000/0", "refused refund_refused 1000/1000/0" },
        { "4000000000000259", "silence", "approved", "approved", "approved 1000/1000/400",
          "approved 1000/1000/400", "approved 1000/1000/400" },
        { "4000000000000267", "silence", "refused unknown_charge", "refused unknown_charge",
          "absent", "absent", "absent" },
        { "4000000000000275", "approved", "approved", "silence", "approved 1000/1000/400",
          "approved 1000/1000/400", "approved 1000/1000/400" },
    };

    for (size_t i = 0; i < COUNT_OF(cards); i++) {
        print_message("# %s\n", cards[i].number);
        assert_string_equal(authorize(far, cards[i].number), cards[i].authorize);
        assert_string_equal(order(far, OPERATION_KIND_CAPTURE, "op_b", 1000), cards[i].capture);
        assert_string_equal(order(far, OPERATION_KIND_REFUND, "op_c", 400), cards[i].refund);
        assert_string_equal(enquire(far, OPERATION_KIND_AUTHORIZE, "op_a", 1000),
                            cards[i].about_authorize);
        assert_string_equal(enquire(far, OPERATION_KIND_CAPTURE, "op_b", 1000),
                            cards[i].about_capture);
        assert_string_equal(enquire(far, OPERATION_KIND_REFUND, "op_c", 400),
                            cards[i].about_refund);
        start_again(far, far->place.engine);
    }
}

/* An account that takes the money in one step. */
static void test_sale(void **state)
{
    struct sandbox_fixture *far = *state;
    static const struct {
        const char *number;
        const char *then, *about;
    } cards[] = {
        { "4242424242424242", "approved", "approved 1000/1000/0" },
        { "4000000000000002", "declined card_declined", "declined card_declined 0/0/0" },
        { "4000000000000341", "refused capture_refused", "refused capture_refused 0/0/0" },
        { "4000000000000259", "silence", "approved 1000/1000/0" },
    };

    for (size_t i = 0; i < COUNT_OF(cards); i++) {
        struct gateway_ask ask = ask_of(OPERATION_KIND_AUTHORIZE, "op_a", 1000);
        const struct card card = {
            .number = secret_of(cards[i].number), .cvc = secret_of("123"),
            .holder_name = STR("Jo Lind"), .exp_month = 12, .exp_year = 2030,
        };
        ask.card = &card;
        ask.capture_now = true;
        assert_string_equal(say(far, &ask), cards[i].then);
        assert_string_equal(enquire(far, OPERATION_KIND_AUTHORIZE, "op_a", 1000), cards[i].about);
        start_again(far, far->place.engine);
    }
}

static void test_cancel(void **state)
{
    struct sandbox_fixture *far = *state;

    assert_string_equal(authorize(far, GOOD_CARD), "approved");
    assert_string_equal(order(far, OPERATION_KIND_CANCEL, "op_b", 0), "approved");
    assert_string_equal(order(far, OPERATION_KIND_CANCEL, "op_b", 0), "approved");
    assert_string_equal(order(far, OPERATION_KIND_CANCEL, "op_c", 0), "refused already_cancelled");
    assert_string_equal(order(far, OPERATION_KIND_CAPTURE, "op_d", 1000),
                        "refused already_cancelled");
    assert_string_equal(enquire(far, OPERATION_KIND_CANCEL, "op_b", 0),
                        "approved 1000/0/0 released");
}

static void test_limits(void **state)
{
    struct sandbox_fixture *far = *state;

    assert_string_equal(authorize(far, GOOD_CARD), "approved");
    assert_string_equal(order(far, OPERATION_KIND_CAPTURE, "op_b", 1001),
                        "refused amount_too_large");
    assert_string_equal(order(far, OPERATION_KIND_CAPTURE, "op_c", 600), "approved");
    assert_string_equal(order(far, OPERATION_KIND_CAPTURE, "op_d", 400),
                        "refused already_captured");
    assert_string_equal(order(far, OPERATION_KIND_CANCEL, "op_e", 0), "refused already_captured");
    assert_string_equal(order(far, OPERATION_KIND_REFUND, "op_f", 601), "refused amount_too_large");
}

static void test_challenge(void **state)
{
    struct sandbox_fixture *far = *state;
    static const struct {
        bool confirmed;
        const char *then;
    } words[] = {
        { true, "approved 1000/0/0" },
        { false, "declined authentication_failed 0/0/0" },
    };

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct sandbox_challenge challenge;
        assert_string_equal(authorize(far, CHALLENGE_CARD), "needs_payer");
        enum err err = sandbox_challenge_decide(far->sandbox, sandbox_token(far),
                                                words[i].confirmed, &far->place.arena, &challenge);
        assert_stored(far->db, err);
        assert_string_equal(enquire(far, OPERATION_KIND_AUTHORIZE, "op_a", 1000), words[i].then);
        start_again(far, far->place.engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_card), cmocka_unit_test(test_sale),
        cmocka_unit_test(test_cancel),    cmocka_unit_test(test_limits),
        cmocka_unit_test(test_challenge),
    };
    return sandbox_run("both sides of the sandbox", tests, COUNT_OF(tests));
}
