/* Reading through the API: single objects, lists, their pages and filters. */
#include "api_fixture.h"

#include <stdio.h>
#include <string.h>

#define CARD                                                                                       \
    "\"payment_method\":{\"type\":\"card\",\"card\":{\"number\":\"4242424242424242\","             \
    "\"exp_month\":12,\"exp_year\":2034,\"cvc\":\"123\"}}"

static const char *format(struct api_fixture *fixture, const char *pattern, const char *text)
{
    size_t mark = str_find_char(str_of(pattern), '%', 0);
    struct arena *arena = &fixture->books.arena;

    return str_c(arena,
                 str_format(arena, "%.*s%s%s", (int)mark, pattern, text, pattern + mark + 1));
}

static size_t shown(const struct answer *answer)
{
    assert_status(answer, 200);
    assert_string_equal(answer_text(answer, "object"), "list");
    return json_count(json_get(answer_json(answer), "data"));
}

/* Member `name` of the item at `place`. */
static const char *item(struct api_fixture *fixture, const struct answer *answer, size_t place,
                        const char *name)
{
    struct json_cursor cursor;
    const struct json *value = NULL;

    json_each(&cursor, json_get(answer_json(answer), "data"));
    for (size_t i = 0; i <= place; i++)
        assert_true(json_next(&cursor, NULL, &value));
    return str_c(&fixture->books.arena, json_text(json_get(value, name)));
}

static struct answer *make(struct api_fixture *fixture, int number)
{
    struct arena *arena = &fixture->books.arena;
    struct str key = str_format(arena, "key-%d", number);
    struct str body = str_format(arena,
                                 "{\"amount\":%d,\"currency\":\"EUR\",\"reference\":\"r%d\"}",
                                 1000 + number, number % 3);

    api_pass_time(fixture, 1);
    struct answer *answer = api_post(fixture, "/v1/payments", str_c(arena, key),
                                     str_c(arena, body));
    assert_status(answer, 201);
    return answer;
}

static struct answer *captured(struct api_fixture *fixture)
{
    struct answer *answer = api_post(fixture, "/v1/payments", "captured",
                                     "{\"amount\":700,\"currency\":\"EUR\"," CARD "}");

    for (int i = 0; i < 2; i++) {
        api_gateway(fixture, GW_APPROVED);
        api_run(fixture);
    }
    assert_status(answer, 201);
    return answer;
}

static void one_payment_is_as_it_was_answered(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *made = make(fixture, 1);
    struct answer *read = api_get(fixture,
                                  format(fixture, "/v1/payments/%", answer_text(made, "id")));

    assert_status(read, 200);
    assert_true(str_equal(answer_body(made), answer_body(read)));
}

static void what_is_not_there(void **state)
{
    struct api_fixture *fixture = *state;
    static const char *const targets[] = {
        "/v1/payments/pay_01h455vb4pex5vsknk084sn02q",
        "/v1/payments/ref_01h455vb4pex5vsknk084sn02q",
        "/v1/payments/pay_x",
        "/v1/payments/",
        "/v1/payments/pay_01h455vb4pex5vsknk084sn02q/",
        "/v1/payments/pay_01h455vb4pex5vsknk084sn02q/refunds",
        "/v1/payments/pay_01h455vb4pex5vsknk084sn02q/events",
        "/v1/payments/pay_01h455vb4pex5vsknk084sn02q/operations",
        "/v1/payments/pay_01h455vb4pex5vsknk084sn02q/nothing",
        "/v1/refunds/ref_01h455vb4pex5vsknk084sn02q",
        "/v1/invoices/inv_01h455vb4pex5vsknk084sn02q",
        "/v1/events/evt_01h455vb4pex5vsknk084sn02q",
        "/v1/gateway_accounts/ga_01h455vb4pex5vsknk084sn02q",
        "/v1/api_keys/key_01h455vb4pex5vsknk084sn02q/x",
        "/v1",
        "/",
        "/v2/payments",
        "//v1/payments",
    };

    for (size_t i = 0; i < COUNT_OF(targets); i++)
        assert_problem(api_get(fixture, targets[i]), 404, "not_found", NULL);
}

static void pages_are_stable_under_inserts(void **state)
{
    struct api_fixture *fixture = *state;
    char expected[8];

    for (int i = 0; i < 7; i++)
        make(fixture, i);
    struct answer *page = api_get(fixture, "/v1/payments?limit=3");
    assert_int_equal(shown(page), 3);
    int next = 6;
    for (size_t i = 0; i < 3; i++) {
        snprintf(expected, sizeof expected, "r%d", next-- % 3);
        assert_string_equal(item(fixture, page, i, "reference"), expected);
    }
    make(fixture, 100);
    page = api_get(fixture, format(fixture, "/v1/payments?limit=3&cursor=%",
                                   answer_text(page, "next_cursor")));
    assert_int_equal(shown(page), 3);
    snprintf(expected, sizeof expected, "r%d", next % 3);
    assert_string_equal(item(fixture, page, 0, "reference"), expected);
    page = api_get(fixture, format(fixture, "/v1/payments?limit=3&cursor=%",
                                   answer_text(page, "next_cursor")));
    assert_int_equal(shown(page), 1);
    assert_int_equal(json_type(json_get(answer_json(page), "next_cursor")), JSON_NULL);
}

static void a_full_last_page_has_no_next(void **state)
{
    struct api_fixture *fixture = *state;

    make(fixture, 1);
    make(fixture, 2);
    struct answer *page = api_get(fixture, "/v1/payments?limit=2");
    assert_int_equal(shown(page), 2);
    assert_int_equal(json_type(json_get(answer_json(page), "next_cursor")), JSON_NULL);
}

static void cursors_of_other_queries(void **state)
{
    struct api_fixture *fixture = *state;

    for (int i = 0; i < 3; i++)
        make(fixture, i);
    const char *cursor = answer_text(api_get(fixture, "/v1/payments?limit=1&amount=1000"),
                                     "next_cursor");
    assert_string_equal(cursor, "");
    cursor = answer_text(api_get(fixture, "/v1/payments?limit=1&status=created&gateway=sandbox"),
                         "next_cursor");
    assert_int_equal(strlen(cursor), 48);
    assert_int_equal(shown(api_get(fixture, format(fixture,
                                                   "/v1/payments?cursor=%"
                                                   "&gateway=sandbox&limit=9&status=created",
                                                   cursor))),
                     2);
    static const char *const others[] = {
        "/v1/payments?cursor=%",
        "/v1/payments?status=created&cursor=%",
        "/v1/payments?status=failed&gateway=sandbox&cursor=%",
        "/v1/invoices?cursor=%",
        "/v1/payments?status=created&gateway=sandbox&cursor=x%",
        "/v1/payments?status=created&gateway=sandbox&cursor=00%",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_problem(api_get(fixture, format(fixture, others[i], cursor)), 400, "invalid_cursor",
                       "cursor");
}

static void filters(void **state)
{
    struct api_fixture *fixture = *state;
    static const struct {
        const char *query;
        size_t count;
    } cases[] = {
        { "", 7 },
        { "?status=created", 6 },
        { "?status=captured", 1 },
        { "?reference=r1", 2 },
        { "?reference=r", 0 },
        { "?gateway=sandbox", 7 },
        { "?gateway_reference=theirs-1", 1 },
        { "?gateway_reference=ours", 0 },
        { "?gateway_reference=theirs-1&reference=r1", 0 },
        { "?amount=1002", 1 },
        { "?amount=1", 0 },
        { "?status=created&reference=r1&amount=1001", 1 },
        { "?created_from=2026-03-01T12:00:00.003Z", 5 },
        { "?created_to=2026-03-01T12:00:00.003Z", 2 },
        { "?created_from=2026-03-01T12:00:00.002Z&created_to=2026-03-01T12:00:00.004Z", 2 },
        { "?created_from=2027-01-01T00:00:00Z", 0 },
        { "?created_to=2025-01-01T00:00:00Z", 0 },
    };

    for (int i = 0; i < 6; i++)
        make(fixture, i);
    captured(fixture);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t count = shown(api_get(fixture, format(fixture, "/v1/payments%", cases[i].query)));
        if (count != cases[i].count)
            fail_msg("%s: %zu", cases[i].query, count);
    }
}

static void queries_that_are_not_valid(void **state)
{
    struct api_fixture *fixture = *state;
    static const struct {
        const char *target, *code, *param;
        int status;
    } cases[] = {
        { "/v1/payments?limit=0", "validation_failed", "limit", 422 },
        { "/v1/payments?limit=101", "validation_failed", "limit", 422 },
        { "/v1/payments?limit=x", "validation_failed", "limit", 422 },
        { "/v1/payments?limit=1&limit=1", "validation_failed", "limit", 422 },
        { "/v1/payments?status=paid", "validation_failed", "status", 422 },
        { "/v1/payments?gateway=other", "validation_failed", "gateway", 422 },
        { "/v1/payments?created_from=yesterday", "validation_failed", "created_from", 422 },
        { "/v1/payments?amount=0", "validation_failed", "amount", 422 },
        { "/v1/payments?statsu=paid", "unknown_member", "statsu", 422 },
        { "/v1/payments?reference=%ff", "malformed_request", NULL, 400 },
        { "/v1/payments/pay_01h455vb4pex5vsknk084sn02q?x=1", "unknown_member", "x", 422 },
        { "/v1/events?after=pay_01h455vb4pex5vsknk084sn02q", "validation_failed", "after", 422 },
        { "/v1/events?cursor=1", "unknown_member", "cursor", 422 },
        { "/v1/invoices?reference=r", "unknown_member", "reference", 422 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_problem(api_get(fixture, cases[i].target), cases[i].status, cases[i].code,
                       cases[i].param);
}

static void the_story_of_a_payment(void **state)
{
    struct api_fixture *fixture = *state;
    const char *id = answer_text(captured(fixture), "id");
    static const char *const types[] = { "payment.created", "payment.authorizing",
                                         "payment.authorized", "payment.capturing",
                                         "payment.captured" };

    struct answer *page = api_get(fixture, format(fixture, "/v1/payments/%/events", id));
    assert_int_equal(shown(page), COUNT_OF(types));
    for (size_t i = 0; i < COUNT_OF(types); i++)
        assert_string_equal(item(fixture, page, i, "type"), types[i]);
    page = api_get(fixture, format(fixture, "/v1/payments/%/events?limit=4", id));
    assert_int_equal(shown(page), 4);
    struct str rest = str_format(&fixture->books.arena, "/v1/payments/%s/events?cursor=%s", id,
                                 answer_text(page, "next_cursor"));
    page = api_get(fixture, str_c(&fixture->books.arena, rest));
    assert_int_equal(shown(page), 1);
    assert_string_equal(item(fixture, page, 0, "type"), "payment.captured");
}

static void the_operations_of_a_payment(void **state)
{
    struct api_fixture *fixture = *state;
    const char *id = answer_text(captured(fixture), "id");

    struct answer *page = api_get(fixture, format(fixture, "/v1/payments/%/operations", id));
    assert_int_equal(shown(page), 2);
    assert_string_equal(item(fixture, page, 0, "kind"), "authorize");
    assert_string_equal(item(fixture, page, 1, "kind"), "capture");
    assert_string_equal(item(fixture, page, 1, "state"), "succeeded");
    page = api_get(fixture, format(fixture, "/v1/payments/%/operations?limit=1", id));
    struct str rest = str_format(&fixture->books.arena, "/v1/payments/%s/operations?cursor=%s", id,
                                 answer_text(page, "next_cursor"));
    page = api_get(fixture, str_c(&fixture->books.arena, rest));
    assert_int_equal(shown(page), 1);
    assert_string_equal(item(fixture, page, 0, "kind"), "capture");
}

static void the_refunds_of_a_payment(void **state)
{
    struct api_fixture *fixture = *state;
    const char *id = answer_text(captured(fixture), "id");
    const char *refunds = format(fixture, "/v1/payments/%/refunds", id);

    for (int i = 0; i < 3; i++) {
        struct str key = str_format(&fixture->books.arena, "refund-%d", i);
        struct str body = str_format(&fixture->books.arena, "{\"amount\":%d,\"reason\":\"n%d\"}",
                                     100 + i, i);
        struct answer *refund = api_post(fixture, refunds, str_c(&fixture->books.arena, key),
                                         str_c(&fixture->books.arena, body));
        api_gateway(fixture, GW_APPROVED);
        api_run(fixture);
        assert_status(refund, 201);
        struct answer *read = api_get(fixture,
                                      format(fixture, "/v1/refunds/%", answer_text(refund, "id")));
        assert_true(str_equal(answer_body(refund), answer_body(read)));
    }
    struct answer *page = api_get(fixture, refunds);
    assert_int_equal(shown(page), 3);
    assert_string_equal(item(fixture, page, 0, "reason"), "n2");
    page = api_get(fixture, format(fixture, "/v1/payments/%/refunds?limit=2", id));
    struct str rest = str_format(&fixture->books.arena, "%s?cursor=%s", refunds,
                                 answer_text(page, "next_cursor"));
    page = api_get(fixture, str_c(&fixture->books.arena, rest));
    assert_int_equal(shown(page), 1);
    assert_string_equal(item(fixture, page, 0, "reason"), "n0");
}

static void the_feed_goes_on_after_an_event(void **state)
{
    struct api_fixture *fixture = *state;
    size_t seen = 0;

    captured(fixture);
    struct answer *all = api_get(fixture, "/v1/events");
    size_t total = shown(all);
    assert_int_equal(json_type(json_get(answer_json(all), "next_cursor")), JSON_NULL);
    assert_string_equal(item(fixture, all, 0, "type"), "invoice.created");
    const char *after = "";
    for (;;) {
        struct answer *page = api_get(
            fixture, after[0] == '\0' ? "/v1/events?limit=2"
                                      : format(fixture, "/v1/events?limit=2&after=%", after));
        size_t count = shown(page);
        for (size_t i = 0; i < count; i++)
            assert_string_equal(item(fixture, page, i, "id"), item(fixture, all, seen + i, "id"));
        if (count == 0)
            break;
        seen += count;
        after = item(fixture, page, count - 1, "id");
        const char *next = answer_text(page, "next_cursor");
        assert_string_equal(next, seen < total ? after : "");
    }
    assert_int_equal(seen, total);
}

static void one_event(void **state)
{
    struct api_fixture *fixture = *state;

    captured(fixture);
    struct answer *all = api_get(fixture, "/v1/events");
    const char *id = item(fixture, all, 2, "id");
    struct answer *one = api_get(fixture, format(fixture, "/v1/events/%", id));
    assert_status(one, 200);
    assert_string_equal(answer_text(one, "id"), id);
    assert_string_equal(answer_text(one, "type"), item(fixture, all, 2, "type"));
    /* The place is right, the time in the id is not. */
    struct str other = str_copy(&fixture->books.arena, str_of(id));
    char *letter = (char *)(uintptr_t)other.ptr + 4 + 8;
    *letter = *letter == '1' ? '2' : '1';
    assert_problem(
        api_get(fixture, format(fixture, "/v1/events/%", str_c(&fixture->books.arena, other))), 404,
        "not_found", NULL);
}

static void invoices_with_their_payments(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *made = api_post(fixture, "/v1/invoices", NULL,
                                   "{\"amount\":700,\"currency\":\"EUR\",\"shop\":\"s\"}");
    const char *id = answer_text(made, "id");

    assert_status(made, 201);
    assert_true(str_ends_with(answer_header(made, "Location"), str_of(id)));
    for (int i = 0; i < 2; i++) {
        struct str key = str_format(&fixture->books.arena, "p%d", i);
        struct str body = str_format(
            &fixture->books.arena,
            "{\"amount\":700,\"currency\":\"EUR\",\"invoice\":\"%s\"," CARD "}", id);
        struct answer *payment = api_post(fixture, "/v1/payments",
                                          str_c(&fixture->books.arena, key),
                                          str_c(&fixture->books.arena, body));
        api_gateway(fixture, GW_DECLINED);
        api_run(fixture);
        assert_status(payment, 201);
    }
    struct answer *read = api_get(fixture, format(fixture, "/v1/invoices/%", id));
    assert_status(read, 200);
    assert_int_equal(json_count(json_get(answer_json(read), "payments")), 2);
    assert_int_equal(shown(api_get(fixture, "/v1/invoices?status=unpaid")), 1);
    assert_status(api_post(fixture, format(fixture, "/v1/invoices/%/cancel", id), NULL, ""), 200);
    assert_int_equal(shown(api_get(fixture, "/v1/invoices?status=unpaid")), 0);
    assert_int_equal(shown(api_get(fixture, "/v1/invoices?status=cancelled")), 1);
    assert_problem(api_post(fixture, format(fixture, "/v1/invoices/%/fulfil", id), NULL, "{}"), 409,
                   "state_conflict", NULL);
    assert_problem(
        api_post(fixture, format(fixture, "/v1/invoices/%/cancel", id), NULL, "{\"reason\":\"x\"}"),
        422, "unknown_member", "reason");
}

static void head_is_get(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *answer = api_ask(fixture, "HEAD", "/v1/payments", "", "");

    api_run(fixture);
    assert_status(answer, 200);
    assert_true(answer_body(answer).len > 0); /* the server leaves it out */
}

static void methods_that_an_address_does_not_take(void **state)
{
    struct api_fixture *fixture = *state;
    static const struct {
        const char *method, *target, *allow;
    } cases[] = {
        { "DELETE", "/v1/payments", "POST, GET, HEAD" },
        { "PUT", "/v1/payments/pay_01h455vb4pex5vsknk084sn02q", "GET, HEAD" },
        { "GET", "/v1/payments/pay_01h455vb4pex5vsknk084sn02q/capture", "POST" },
        { "OPTIONS", "/healthz", "GET, HEAD" },
        { "POST", "/v1/gateway_accounts/ga_01h455vb4pex5vsknk084sn02q", "GET, HEAD, PATCH" },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer *answer = api_ask(fixture, cases[i].method, cases[i].target, "", "");
        assert_problem(answer, 405, "method_not_allowed", NULL);
        assert_true(str_equal_c(answer_header(answer, "Allow"), cases[i].allow));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_fixture_setup, api_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_payment_is_as_it_was_answered),
        TEST(what_is_not_there),
        TEST(pages_are_stable_under_inserts),
        TEST(a_full_last_page_has_no_next),
        TEST(cursors_of_other_queries),
        TEST(filters),
        TEST(queries_that_are_not_valid),
        TEST(the_story_of_a_payment),
        TEST(the_operations_of_a_payment),
        TEST(the_refunds_of_a_payment),
        TEST(the_feed_goes_on_after_an_event),
        TEST(one_event),
        TEST(invoices_with_their_payments),
        TEST(head_is_get),
        TEST(methods_that_an_address_does_not_take),
    };

    return cmocka_run_group_tests_name("reads", tests, NULL, NULL);
}
