/* What needs no key: health, metrics, the pages of errors, the contract, the challenge; and
 * what the server's own refusals look like. */
#include "api_fixture.h"

#define NO_KEY "Authorization: none"

static struct answer *get(struct api_fixture *fixture, const char *target)
{
    struct answer *answer = api_ask(fixture, "GET", target, NO_KEY, "");

    api_run(fixture);
    return answer;
}

static void health_never_asks_the_books(void **state)
{
    struct api_fixture *fixture = *state;

    fixture->refuse = true;
    struct answer *answer = api_ask(fixture, "GET", "/healthz?x=1", NO_KEY, "");
    assert_status(answer, 200);
    assert_true(str_equal_c(answer_body(answer), "{\"status\":\"ok\"}"));
}

static void readiness_is_that_the_books_can_be_written(void **state)
{
    struct api_fixture *fixture = *state;

    assert_status(get(fixture, "/readyz"), 200);
    fixture->probe_err = ERR_STORE;
    assert_problem(get(fixture, "/readyz"), 503, "store_failed", NULL);
    fixture->refuse = true;
    assert_problem(get(fixture, "/readyz"), 503, "unavailable", NULL);
}

static void probes_that_come_together_share_one(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *first = api_ask(fixture, "GET", "/readyz", NO_KEY, "");
    struct answer *second = api_ask(fixture, "GET", "/readyz", NO_KEY, "");

    api_run(fixture);
    assert_status(first, 200);
    assert_status(second, 200);
}

static void metrics_count_by_route(void **state)
{
    struct api_fixture *fixture = *state;

    get(fixture, "/healthz");
    api_get(fixture, "/v1/payments/pay_01h455vb4pex5vsknk084sn02q");
    get(fixture, "/nowhere/4242424242424242");
    struct answer *metrics = get(fixture, "/metrics");
    static const char *const lines[] = {
        "purser_build_info{version=\"",
        "purser_http_requests_total{method=\"GET\",route=\"/healthz\",code=\"200\"} 1\n",
        "purser_http_requests_total{method=\"GET\",route=\"/v1/payments/{id}\",code=\"404\"} 1\n",
        "purser_http_requests_total{method=\"none\",route=\"none\",code=\"404\"} 1\n",
        "purser_http_request_seconds_bucket{method=\"GET\",route=\"/healthz\",le=\"0.0005\"} 1\n",
        "purser_http_request_seconds_bucket{method=\"GET\",route=\"/healthz\",le=\"+Inf\"} 1\n",
        "purser_http_request_seconds_count{method=\"GET\",route=\"/healthz\"} 1\n",
        "purser_http_connections_open ",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        if (!answer_has(metrics, lines[i]))
            fail_msg("%s", lines[i]);
    assert_false(answer_has(metrics, "4242"));
}

static void every_error_has_a_page(void **state)
{
    struct api_fixture *fixture = *state;

    for (unsigned err = OK + 1; err < ERR_COUNT; err++) {
        struct str target = str_format(&fixture->books.arena, "/errors/%s",
                                       err_code((enum err)err));
        struct answer *answer = get(fixture, str_c(&fixture->books.arena, target));
        assert_status(answer, 200);
        assert_true(answer_has(answer, err_code((enum err)err)));
    }
    assert_problem(get(fixture, "/errors/none"), 404, "not_found", NULL);
    struct answer *problem = get(fixture, "/v1/payments");
    assert_string_equal(answer_text(problem, "type"), "http://purser.test/errors/unauthenticated");
    assert_string_equal(answer_text(problem, "doc_url"), answer_text(problem, "type"));
}

static void the_contract_is_served(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *answer = get(fixture, "/openapi.yaml");

    assert_status(answer, 200);
    assert_true(answer_has(answer, "openapi: 3.1.0"));
    assert_true(str_ends_with(answer_body(answer), STR("\n")));
}

/* A payment that waits for its payer; the challenge belongs to its operation. */
static const char *challenged(struct api_fixture *fixture)
{
    struct answer *payment = api_post(
        fixture, "/v1/payments", "k",
        "{\"amount\":900,\"currency\":\"EUR\",\"payment_method\":{\"type\":\"card\",\"card\":"
        "{\"number\":\"4000002500003155\",\"exp_month\":12,\"exp_year\":2034,\"cvc\":\"123\"}}}");
    struct operation_id operation = fixture->calls[0];
    struct buf text;

    buf_init(&text, &fixture->books.arena, ID_TEXT_MAX);
    operation_id_write(&text, operation);
    fixture->challenge = (struct api_challenge){
        .amount = { 900, CURRENCY_EUR },
        .operation_reference = buf_str(&text),
        .return_url = STR("https://shop.example/back"),
    };
    api_gateway(fixture, GW_NEEDS_PAYER);
    api_run(fixture);
    assert_status(payment, 201);
    struct str path = str_format(&fixture->books.arena, "/v1/payments/%s",
                                 answer_text(payment, "id"));
    return str_c(&fixture->books.arena, path);
}

static struct answer *decide(struct api_fixture *fixture, const char *token, const char *form)
{
    struct str target = str_format(&fixture->books.arena, "/sandbox/challenge/%s", token);
    struct answer *answer = api_ask(fixture, "POST", str_c(&fixture->books.arena, target),
                                    NO_KEY "\nContent-Type: application/x-www-form-urlencoded",
                                    form);

    api_run(fixture);
    return answer;
}

static void the_payer_decides(void **state)
{
    struct api_fixture *fixture = *state;
    const char *payment = challenged(fixture);

    struct answer *page = get(fixture, "/sandbox/challenge/tok");
    assert_status(page, 200);
    assert_true(answer_has(page, "9.00 EUR"));
    assert_true(answer_header(page, "Content-Security-Policy").len > 0);
    assert_string_equal(answer_text(api_get(fixture, payment), "status"), "requires_action");

    struct answer *answer = decide(fixture, "tok", "decision=approve");
    assert_status(answer, 303);
    assert_true(str_equal_c(answer_header(answer, "Location"), "https://shop.example/back"));
    assert_string_equal(answer_text(api_get(fixture, payment), "status"), "authorizing");
    assert_int_equal(fixture->kinds[0], OPERATION_KIND_ENQUIRE);
    assert_int_equal(fixture->decided, 1);

    /* The first decision stands. */
    assert_status(decide(fixture, "tok", "decision=decline"), 303);
    assert_int_equal(fixture->decided, 1);
    assert_int_equal(fixture->challenge.state, CHALLENGE_APPROVED);
}

static void without_a_return_url_back_to_the_page(void **state)
{
    struct api_fixture *fixture = *state;

    challenged(fixture);
    fixture->challenge.return_url = (struct str){ 0 };
    struct answer *answer = decide(fixture, "tok", "a=b&decision=decline");
    assert_status(answer, 303);
    assert_true(
        str_equal_c(answer_header(answer, "Location"), "http://purser.test/sandbox/challenge/tok"));
    assert_int_equal(fixture->challenge.state, CHALLENGE_DECLINED);
}

static void decisions_that_are_none(void **state)
{
    struct api_fixture *fixture = *state;
    static const char *const forms[] = { "",         "decision=",    "decision=maybe",
                                         "decision", "decision=%ff", "{\"decision\":\"approve\"}" };

    challenged(fixture);
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        assert_problem(decide(fixture, "tok", forms[i]), 422, "validation_failed", "decision");
    assert_int_equal(fixture->decided, 0);
    assert_status(get(fixture, "/sandbox/challenge/other"), 404);
    assert_status(decide(fixture, "other", "decision=approve"), 404);
}

static void a_full_queue_is_told_to_the_payer_and_tried_again(void **state)
{
    struct api_fixture *fixture = *state;
    const char *payment = challenged(fixture);

    fixture->refuse = true;
    assert_problem(decide(fixture, "tok", "decision=approve"), 503, "unavailable", NULL);
    fixture->refuse = false;
    assert_status(decide(fixture, "tok", "decision=approve"), 303);
    assert_string_equal(answer_text(api_get(fixture, payment), "status"), "authorizing");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_fixture_setup, api_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(health_never_asks_the_books),
        TEST(readiness_is_that_the_books_can_be_written),
        TEST(probes_that_come_together_share_one),
        TEST(metrics_count_by_route),
        TEST(every_error_has_a_page),
        TEST(the_contract_is_served),
        TEST(the_payer_decides),
        TEST(without_a_return_url_back_to_the_page),
        TEST(decisions_that_are_none),
        TEST(a_full_queue_is_told_to_the_payer_and_tried_again),
    };

    return cmocka_run_group_tests_name("operating", tests, NULL, NULL);
}
