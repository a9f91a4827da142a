/* Payments through the API: what is asked, waited for, repeated and refused. */
#include "api_fixture.h"

#include <string.h>

#define CARD                                                                                       \
    "\"payment_method\":{\"type\":\"card\",\"card\":{\"number\":\"4242424242424242\","             \
    "\"exp_month\":12,\"exp_year\":2034,\"cvc\":\"123\"}}"
#define PAY "{\"amount\":1250,\"currency\":\"EUR\",\"reference\":\"order-1\"," CARD "}"

static const char *path(struct api_fixture *fixture, const struct answer *payment, const char *rest)
{
    return str_c(&fixture->books.arena, str_format(&fixture->books.arena, "/v1/payments/%s%s",
                                                   answer_text(payment, "id"), rest));
}

/* A payment that the gateway has authorised and captured. */
static struct answer *captured(struct api_fixture *fixture, const char *key)
{
    struct answer *answer = api_post(fixture, "/v1/payments", key, PAY);

    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    assert_status(answer, 201);
    assert_string_equal(answer_text(answer, "status"), "captured");
    return answer;
}

static void a_payment_waits_for_the_gateway(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *answer = api_post(fixture, "/v1/payments", "k1", PAY);

    assert_status(answer, 0);
    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    assert_status(answer, 0);
    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    assert_status(answer, 201);
    assert_string_equal(answer_text(answer, "status"), "captured");
    struct str location = str_format(&fixture->books.arena, "http://purser.test/v1/payments/%s",
                                     answer_text(answer, "id"));
    assert_true(str_equal(answer_header(answer, "Location"), location));
    assert_true(str_is_empty(answer_header(answer, "Idempotent-Replayed")));
    assert_true(str_equal_c(answer_header(answer, "Cache-Control"), "no-store"));
    assert_true(str_starts_with(answer_header(answer, "Request-Id"), STR("req_")));
}

static void a_declined_payment_is_made_too(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *answer = api_post(fixture, "/v1/payments", "k1", PAY);

    api_gateway(fixture, GW_DECLINED);
    api_run(fixture);
    assert_status(answer, 201);
    assert_string_equal(answer_text(answer, "status"), "failed");
}

static void the_default_wait_is_a_second(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *answer = api_post(fixture, "/v1/payments", "k1", PAY);

    api_pass_time(fixture, 999);
    assert_status(answer, 0);
    api_pass_time(fixture, 1);
    assert_status(answer, 202);
    assert_string_equal(answer_text(answer, "status"), "authorizing");
    assert_true(str_is_empty(answer_header(answer, "Location")));

    /* Nobody waits any more, and the end comes all the same. */
    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    assert_string_equal(answer_text(api_get(fixture, path(fixture, answer, "")), "status"),
                        "captured");
}

static void what_came_meanwhile_is_in_the_202(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *answer = api_post(fixture, "/v1/payments", "k1", PAY);

    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    api_pass_time(fixture, 1000);
    assert_status(answer, 202);
    assert_string_equal(answer_text(answer, "status"), "capturing");
}

static void how_long_to_wait_is_the_callers_wish(void **state)
{
    struct api_fixture *fixture = *state;
    struct {
        const char *headers;
        int64_t ms;
    } cases[] = {
        { "Idempotency-Key: a\nPrefer: wait=3", 3000 },
        { "Idempotency-Key: b\nPrefer: wait=99", 30000 },
        { "Idempotency-Key: c\nPrefer: foo=1, Wait=\"2\"; x", 2000 },
        { "Idempotency-Key: d\nPrefer: wait=-1", 1000 },
        { "Idempotency-Key: e\nPrefer: respond-async, wait=2", 2000 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer *answer = api_ask(fixture, "POST", "/v1/payments", cases[i].headers, PAY);
        api_run(fixture);
        api_pass_time(fixture, cases[i].ms - 1);
        assert_status(answer, 0);
        api_pass_time(fixture, 1);
        assert_status(answer, 202);
    }
    struct answer *at_once = api_ask(fixture, "POST", "/v1/payments",
                                     "Idempotency-Key: f\nPrefer: respond-async", PAY);
    api_run(fixture);
    assert_status(at_once, 202);
}

static void the_same_key_is_one_payment(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *first = captured(fixture, "k1");
    struct answer *again = api_post(fixture, "/v1/payments", "k1", PAY);
    struct answer *quoted = api_post(fixture, "/v1/payments", "\"k1\"", PAY);

    assert_status(again, 201);
    assert_true(str_equal(answer_body(first), answer_body(again)));
    assert_true(str_equal(answer_body(first), answer_body(quoted)));
    assert_true(str_equal_c(answer_header(again, "Idempotent-Replayed"), "true"));
    assert_true(str_equal(answer_header(first, "Location"), answer_header(again, "Location")));
    assert_int_equal(store_count(&fixture->books, fixture->reader, &table_payments), 1);
    assert_int_equal(fixture->call_count, 0);
}

static void another_body_under_the_same_key_is_refused(void **state)
{
    struct api_fixture *fixture = *state;

    captured(fixture, "k1");
    assert_problem(
        api_post(fixture, "/v1/payments", "k1", "{\"amount\":1251,\"currency\":\"EUR\"}"), 422,
        "idempotency_mismatch", NULL);
    assert_problem(api_post(fixture, "/v1/invoices", "k1", "{\"amount\":1,\"currency\":\"EUR\"}"),
                   422, "idempotency_mismatch", NULL);
    assert_int_equal(store_count(&fixture->books, fixture->reader, &table_payments), 1);
}

/* The second asks while the first's call is out: both wait for the same end. */
static void a_repetition_waits_for_the_first(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *first = api_post(fixture, "/v1/payments", "k1", PAY);
    struct answer *second = api_post(fixture, "/v1/payments", "k1", PAY);

    assert_status(first, 0);
    assert_status(second, 0);
    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    assert_status(first, 201);
    assert_status(second, 201);
    assert_true(str_equal(answer_body(first), answer_body(second)));
    assert_true(str_is_empty(answer_header(first, "Idempotent-Replayed")));
    assert_true(str_equal_c(answer_header(second, "Idempotent-Replayed"), "true"));
}

/* Between the commit of a turn and its way back to the loop its operation can end. */
static void a_wake_that_overtakes_the_turn_is_kept(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *first = api_post(fixture, "/v1/payments", "k1", PAY);
    struct turn_answer end = {
        .claim_key = claim_key(fixture->merchant, false, STR("k1")),
        .status = 201,
        .body = STR("{\"id\":\"pay_01h455vb4pex5vsknk084sn02q\"}"),
        .final = true,
    };
    const struct turn_answer *ends[] = { &end };

    struct answer *second = api_ask(fixture, "POST", "/v1/payments", "Idempotency-Key: k1", PAY);
    assert_int_equal(fixture->turn_count, 1);
    api_wake(fixture->api, ends, 1);
    api_run(fixture);
    assert_status(first, 201);
    assert_status(second, 201);
    assert_true(str_equal(answer_body(second), end.body));
}

/* Both turns in one batch: the repetition sees the books as they were before. */
static void a_repetition_in_the_batch_of_the_end(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *first = api_post(fixture, "/v1/payments", "k1", PAY);

    api_gateway(fixture, GW_DECLINED);
    struct answer *second = api_ask(fixture, "POST", "/v1/payments", "Idempotency-Key: k1", PAY);
    assert_int_equal(fixture->turn_count, 2);
    api_run(fixture);
    assert_status(first, 201);
    assert_status(second, 201);
    assert_true(str_equal(answer_body(first), answer_body(second)));
}

static void a_key_is_needed_and_must_be_one(void **state)
{
    struct api_fixture *fixture = *state;
    static const char *const wrong[] = { "\"\"",     "\"a",     "a b",     "\xc3\xa4",
                                         "\"a\"b\"", "\"a\\\"", "\"a\\x\"" };
    char lengthy[257];

    assert_problem(api_post(fixture, "/v1/payments", NULL, PAY), 400, "idempotency_key_required",
                   "Idempotency-Key");
    /* A quote at one end only is a character like others. */
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        if (strcmp(wrong[i], "\"a") == 0)
            continue;
        assert_problem(api_post(fixture, "/v1/payments", wrong[i], PAY), 400,
                       "invalid_idempotency_key", "Idempotency-Key");
    }
    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    assert_problem(api_post(fixture, "/v1/payments", lengthy, PAY), 400, "invalid_idempotency_key",
                   "Idempotency-Key");
    assert_int_equal(fixture->call_count, 0);
}

static void the_body_is_wiped(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *answer = captured(fixture, "k1");
    struct str body = answer_request_body(answer);

    assert_true(body.len > 0);
    for (size_t i = 0; i < body.len; i++)
        assert_int_equal(body.ptr[i], 0);
    struct answer *refused = api_post(fixture, "/v1/payments", "k2", "{\"amount\":\"4242\"}");
    assert_int_equal(answer_request_body(refused).ptr[2], 0);
}

static void bodies_that_are_no_json(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *answer;

    assert_problem(api_post(fixture, "/v1/payments", "k", ""), 400, "malformed_json", NULL);
    assert_problem(api_post(fixture, "/v1/payments", "k", "[]"), 400, "malformed_json", NULL);
    assert_problem(api_post(fixture, "/v1/payments", "k", "{\"amount\":1,"), 400, "malformed_json",
                   NULL);
    assert_problem(api_post(fixture, "/v1/payments", "k", "{\"amount\":1,\"amount\":1}"), 400,
                   "malformed_json", NULL);
    answer = api_ask(fixture, "POST", "/v1/payments",
                     "Idempotency-Key: k\nContent-Type: text/plain", PAY);
    api_run(fixture);
    assert_problem(answer, 415, "unsupported_media_type", "Content-Type");
    answer = api_ask(fixture, "POST", "/v1/payments", "Idempotency-Key: k\nContent-Encoding: gzip",
                     PAY);
    api_run(fixture);
    assert_problem(answer, 415, "unsupported_media_type", "Content-Encoding");
    answer = api_ask(fixture, "POST", "/v1/payments",
                     "Idempotency-Key: k\nContent-Type: Application/JSON; charset=utf-8", PAY);
    api_run(fixture);
    assert_status(answer, 0);
}

static void requests_that_are_not_valid(void **state)
{
    struct api_fixture *fixture = *state;
    static const struct {
        const char *body, *code, *param;
    } cases[] = {
        { "{\"currency\":\"EUR\"}", "validation_failed", "amount" },
        { "{\"amount\":1,\"currency\":\"EUR\",\"payment_method\":{}}", "validation_failed",
          "payment_method.type" },
        { "{\"amount\":1,\"currency\":\"EUR\",\"payment_method\":{\"type\":\"card\"}}",
          "validation_failed", "payment_method.card" },
        { "{\"amount\":1,\"currency\":\"EUR\",\"payment_method\":{\"type\":\"gateway_page\","
          "\"card\":{}}}",
          "validation_failed", "payment_method.card" },
        { "{\"amount\":1,\"currency\":\"EUR\",\"payment_method\":{\"type\":\"saved_card\"}}",
          "validation_failed", "payment_method.token" },
        { "{\"amount\":1,\"currency\":\"EUR\",\"payment_method\":{\"type\":\"gateway_page\"}}",
          "payment_method_not_supported", "payment_method.type" },
        { "{\"amount\":1,\"currency\":\"EUR\",\"payment_method\":{\"type\":\"card\","
          "\"card\":{\"nubmer\":\"4242424242424242\"}}}",
          "unknown_member", "payment_method.card.nubmer" },
        { "{\"amount\":1,\"currency\":\"EUR\",\"confirm\":true}", "validation_failed", "confirm" },
        { "{\"amount\":1,\"currency\":\"EUR\",\"gateway_account\":"
          "\"ga_01h455vb4pex5vsknk084sn02q\"}",
          "no_gateway_account", "gateway_account" },
        { "{\"amount\":1,\"currency\":\"EUR\",\"description\":\"4242424242424242\"}",
          "card_number_in_field", "description" },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_problem(api_post(fixture, "/v1/payments", "k", cases[i].body), 422, cases[i].code,
                       cases[i].param);
    assert_problem(api_post(fixture, "/v1/payments?x=1", "k", PAY), 422, "unknown_member", "x");
    assert_problem(api_post(fixture, "/v1/payments", "k",
                            "{\"amount\":1,\"currency\":\"EUR\",\"invoice\":"
                            "\"inv_01h455vb4pex5vsknk084sn02q\"}"),
                   404, "not_found", NULL);
    assert_int_equal(store_count(&fixture->books, fixture->reader, &table_payments), 0);
    assert_int_equal(store_count(&fixture->books, fixture->reader, &table_claims), 0);
}

static void a_payment_without_a_method_waits_to_be_confirmed(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *answer = api_post(fixture, "/v1/payments", "k1",
                                     "{\"amount\":500,\"currency\":\"JPY\"}");

    assert_status(answer, 201);
    assert_string_equal(answer_text(answer, "status"), "created");
    struct answer *confirmed = api_post(fixture, path(fixture, answer, "/confirm"), "k2",
                                        "{" CARD "}");
    api_gateway(fixture, GW_NEEDS_PAYER);
    api_run(fixture);
    assert_status(confirmed, 200);
    assert_string_equal(answer_text(confirmed, "status"), "requires_action");
}

static void a_manual_payment_is_captured_and_refunded(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *payment = api_post(fixture, "/v1/payments", "k1",
                                      "{\"amount\":900,\"currency\":\"EUR\","
                                      "\"capture_method\":\"manual\"," CARD "}");
    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    assert_status(payment, 201);
    assert_string_equal(answer_text(payment, "status"), "authorized");

    assert_problem(api_post(fixture, path(fixture, payment, "/capture"), "k2", "{\"amount\":901}"),
                   422, "capture_exceeds_authorized", "amount");
    struct answer *capture = api_post(fixture, path(fixture, payment, "/capture"), "k2", "");
    assert_problem(api_post(fixture, path(fixture, payment, "/cancel"), "k3", ""), 409,
                   "operation_in_progress", NULL);
    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    assert_status(capture, 200);
    assert_string_equal(answer_text(capture, "status"), "captured");

    struct answer *refund = api_post(fixture, path(fixture, payment, "/refunds"), "k4",
                                     "{\"amount\":300,\"reason\":\"half\","
                                     "\"expected_refundable\":900}");
    api_gateway(fixture, GW_APPROVED);
    api_run(fixture);
    assert_status(refund, 201);
    assert_string_equal(answer_text(refund, "status"), "succeeded");
    assert_true(str_starts_with(answer_header(refund, "Location"),
                                STR("http://purser.test/v1/refunds/ref_")));
    assert_problem(api_post(fixture, path(fixture, payment, "/refunds"), "k5",
                            "{\"expected_refundable\":900}"),
                   412, "precondition_failed", "expected_refundable");
    assert_problem(api_post(fixture, path(fixture, payment, "/refunds"), "k6", "{\"amount\":601}"),
                   422, "refund_exceeds_captured", "amount");
}

static void what_can_pass_says_when_to_come_again(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *payment = api_post(fixture, "/v1/payments", "k1", PAY);

    api_pass_time(fixture, 1000);
    struct answer *busy = api_post(fixture, path(fixture, payment, "/cancel"), "k2", "{}");
    assert_problem(busy, 409, "operation_in_progress", NULL);
    assert_true(str_equal_c(answer_header(busy, "Retry-After"), "1"));
    fixture->refuse = true;
    struct answer *full = api_post(fixture, "/v1/payments", "k3", PAY);
    assert_problem(full, 503, "unavailable", NULL);
    assert_true(str_equal_c(answer_header(full, "Retry-After"), "1"));
    fixture->refuse = false;
    fixture->behind = true;
    struct answer *late = api_post(fixture, "/v1/payments", "k3", PAY);
    assert_problem(late, 503, "unavailable", NULL);
    assert_true(str_equal_c(answer_header(late, "Retry-After"), "1"));
    assert_int_equal(fixture->turn_count, 0);
    fixture->behind = false;
    /* Nothing was recorded: the key is free. */
    assert_status(api_post(fixture, "/v1/payments", "k3", PAY), 0);
}

static void cancelling_says_why(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *payment = api_post(fixture, "/v1/payments", "k1",
                                      "{\"amount\":900,\"currency\":\"EUR\"}");

    assert_problem(
        api_post(fixture, path(fixture, payment, "/cancel"), "k2", "{\"reason\":\"expired\"}"), 422,
        "validation_failed", "reason");
    struct answer *cancelled = api_post(fixture, path(fixture, payment, "/cancel"), "k2",
                                        "{\"reason\":\"duplicate\"}");
    assert_status(cancelled, 200);
    assert_string_equal(answer_text(cancelled, "status"), "cancelled");
    assert_string_equal(answer_text(cancelled, "cancel_reason"), "duplicate");
    assert_problem(api_post(fixture, path(fixture, payment, "/cancel"), "k4", "{}"), 409,
                   "state_conflict", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_fixture_setup, api_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_payment_waits_for_the_gateway),
        TEST(a_declined_payment_is_made_too),
        TEST(the_default_wait_is_a_second),
        TEST(what_came_meanwhile_is_in_the_202),
        TEST(how_long_to_wait_is_the_callers_wish),
        TEST(the_same_key_is_one_payment),
        TEST(another_body_under_the_same_key_is_refused),
        TEST(a_repetition_waits_for_the_first),
        TEST(a_wake_that_overtakes_the_turn_is_kept),
        TEST(a_repetition_in_the_batch_of_the_end),
        TEST(a_key_is_needed_and_must_be_one),
        TEST(the_body_is_wiped),
        TEST(bodies_that_are_no_json),
        TEST(requests_that_are_not_valid),
        TEST(a_payment_without_a_method_waits_to_be_confirmed),
        TEST(a_manual_payment_is_captured_and_refunded),
        TEST(what_can_pass_says_when_to_come_again),
        TEST(cancelling_says_why),
    };

    return cmocka_run_group_tests_name("payments", tests, NULL, NULL);
}
