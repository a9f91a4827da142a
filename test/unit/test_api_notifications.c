/* What a gateway sends by itself: verified, kept once, answered after the commit. */
#include "api_fixture.h"

#include <string.h>

#include "base/crypto.h"
#include "core/check.h"
#include "core/keys.h"

#define ACCOUNTS "/v1/gateway_accounts"

/* The gateway's signature is the secret itself; its body names references and an id. */
static bool verify(const struct gateway_notice *notice)
{
    struct arena arena = { 0 };
    struct str given = { 0 };

    for (size_t i = 0; i < notice->field_count; i++)
        if (str_equal_nocase(notice->fields[i].name, STR("X-Signature")))
            given = notice->fields[i].value;
    struct str secret = json_text(json_get(gateway_credentials(notice->credentials, &arena),
                                           "secret"));
    bool good = !str_is_empty(secret) && str_equal(given, secret);
    arena_done(&arena);
    return good;
}

static enum err read(const struct gateway_notice *notice, struct arena *arena,
                     struct gateway_claim *claims, size_t room, size_t *count)
{
    const struct json *json, *item;
    struct json_cursor cursor;

    if (json_parse(notice->body, arena, &json, NULL) != OK)
        return ERR_BAD_REPLY;
    json_each(&cursor, json_get(json, "about"));
    for (*count = 0; *count < room && json_next(&cursor, NULL, &item); (*count)++)
        claims[*count] = (struct gateway_claim){
            .gateway_reference = json_text(item),
            .notice_id = json_text(json_get(json, "id")),
        };
    return OK;
}

static const char *const credentials[] = { "secret", NULL };
static const char *const secret_members[] = { "token", NULL };

/* The path for notifications of a new account. */
static const char *begin(struct api_fixture *fixture, const char *settings)
{
    struct arena *arena = &fixture->books.arena;

    fixture->gateway.credentials = credentials;
    fixture->gateway.notices = (struct gateway_notices){ verify, read, secret_members };
    struct str body = str_format(arena,
                                 "{\"gateway\":\"sandbox\",\"credentials\":{\"secret\":\"s3\"},"
                                 "\"settings\":%s}", settings);
    struct answer *made = api_post(fixture, ACCOUNTS, NULL, str_c(arena, body));
    assert_status(made, 201);
    struct str path = str_format(arena, "/v1/notifications/sandbox/%s", answer_text(made, "id"));
    return str_c(arena, path);
}

static struct answer *tell(struct api_fixture *fixture, const char *path, const char *body)
{
    struct answer *answer = api_ask(fixture, "POST", path, "X-Signature: s3", body);

    api_run(fixture);
    return answer;
}

static size_t rows(struct api_fixture *fixture)
{
    return (size_t)store_count(&fixture->books, fixture->reader, &table_notices);
}

static enum err keep_notice(void *self, void *row)
{
    *(struct notice *)self = *(struct notice *)row;
    return OK;
}

static struct notice the_notice(struct api_fixture *fixture)
{
    struct notice notice = { 0 };

    assert_int_equal(rows(fixture), 1);
    assert_stored(fixture->reader, db_select(fixture->reader, &table_notices, "id IS NOT NULL",
                                             NULL, 0, &fixture->books.arena, keep_notice, &notice));
    return notice;
}

static void it_is_kept_before_the_answer(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = begin(fixture, "{}");
    struct answer *answer = api_ask(fixture, "POST", path, "X-Signature: s3",
                                    "{\"id\":\"n1\",\"about\":[\"theirs-1\"]}");

    while (rows(fixture) == 0) {
        assert_int_equal(answer_status(answer), 0);
        assert_true(api_step(fixture));
    }
    api_run(fixture);
    assert_status(answer, 200);
    assert_true(str_equal_c(answer_body(answer), "{}"));
    struct notice notice = the_notice(fixture);
    assert_true(str_equal_c(notice.gateway_reference, "theirs-1"));
    assert_true(merchant_id_equal(notice.merchant, fixture->merchant) && !notice.live);
    assert_true(notice.due_ms != 0 && notice.due_ms == notice.received_ms);
    assert_int_equal(notice.applied_ms, 0);
}

static void a_repetition_is_one_row(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = begin(fixture, "{}");
    const char *other = begin(fixture, "{}");

    assert_status(tell(fixture, path, "{\"id\":\"n1\",\"about\":[\"a\",\"b\"]}"), 200);
    assert_int_equal(rows(fixture), 2);
    assert_status(tell(fixture, path, "{\"id\":\"n1\",\"about\":[\"a\",\"b\"]}"), 200);
    assert_status(tell(fixture, path, "{\"id\":\"n1\", \"about\":[\"a\",\"b\"]}"), 200);
    assert_int_equal(rows(fixture), 2);
    /* Without an id its bytes tell it apart; another account's is another. */
    assert_status(tell(fixture, path, "{\"about\":[\"a\"]}"), 200);
    assert_status(tell(fixture, path, "{\"about\":[\"a\"]}"), 200);
    assert_int_equal(rows(fixture), 3);
    assert_status(tell(fixture, other, "{\"about\":[\"a\"]}"), 200);
    assert_int_equal(rows(fixture), 4);
}

static void what_is_not_theirs_leaves_nothing(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = begin(fixture, "{}");
    const char *about = "{\"id\":\"n1\",\"about\":[\"a\"]}";
    struct answer *wrong = api_ask(fixture, "POST", path, "X-Signature: s4", about);
    struct answer *none = api_ask(fixture, "POST", path, "X-Other: s3", about);

    api_run(fixture);
    assert_problem(wrong, 401, "unauthenticated", NULL);
    assert_problem(none, 401, "unauthenticated", NULL);
    assert_problem(tell(fixture, "/v1/notifications/sandbox/ga_01h455vb4pex5vsknk084sn02q", about),
                   404, "not_found", NULL);
    assert_problem(tell(fixture, "/v1/notifications/sandbox/pay_1", about), 404, "not_found", NULL);
    struct str elsewhere = str_format(&fixture->books.arena, "/v1/notifications/acme/%s",
                                      strrchr(path, '/') + 1);
    assert_problem(tell(fixture, str_c(&fixture->books.arena, elsewhere), about), 404, "not_found",
                   NULL);
    assert_int_equal(rows(fixture), 0);
    struct answer *metrics = api_get(fixture, "/metrics");
    assert_true(answer_has(metrics,
                           "purser_notifications_refused_total{gateway=\"sandbox\"} 2\n"));
}

static void a_gateway_that_sends_none_has_no_such_address(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = begin(fixture, "{}");

    fixture->gateway.notices = (struct gateway_notices){ 0 };
    assert_problem(tell(fixture, path, "{}"), 404, "not_found", NULL);
}

static void what_is_unreadable_is_evidence(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = begin(fixture, "{}");

    fixture->gateway.notices.secret_members = NULL;
    assert_status(tell(fixture, path, "4242424242424242 \xff?"), 200);
    struct notice notice = the_notice(fixture);
    assert_true(str_is_empty(notice.reference) && str_is_empty(notice.gateway_reference));
    assert_int_equal(notice.due_ms, 0);
    assert_true(str_is_utf8(notice.body));
    assert_true(str_starts_with(notice.body, STR("\"************4242 ")));
}

static void secrets_and_card_numbers_are_not_kept(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = begin(fixture, "{}");

    assert_status(tell(fixture, path,
                       "{\"id\":\"n1\",\"about\":[\"a\"],\"Token\":\"t0p\",\"in\":[{\"token\":"
                       "{\"deep\":\"t1p\"},\"pan\":\"4242424242424242\"}]}"),
                  200);
    struct str kept = the_notice(fixture).body;
    assert_true(str_equal_c(kept, "{\"id\":\"n1\",\"about\":[\"a\"],\"Token\":\"[hidden]\","
                                  "\"in\":[{\"token\":\"[hidden]\","
                                  "\"pan\":\"************4242\"}]}"));
}

static void a_secret_in_what_is_unreadable_is_not_kept(void **state)
{
    struct api_fixture *fixture = *state;

    assert_status(tell(fixture, begin(fixture, "{}"), "token=t0p"), 200);
    assert_true(str_equal_c(the_notice(fixture).body, "\"\""));
}

static void the_address_may_be_listed(void **state)
{
    struct api_fixture *fixture = *state;
    const char *about = "{\"id\":\"n1\",\"about\":[\"a\"]}";
    const char *far = begin(fixture, "{\"notification_addresses\":[\"203.0.113.0/24\"]}");
    const char *near = begin(fixture, "{\"notification_addresses\":[\"203.0.113.0/24\","
                                      "\"192.0.2.0/24\",\"127.0.0.0/8\"]}");

    assert_problem(tell(fixture, far, about), 403, "forbidden", NULL);
    assert_int_equal(rows(fixture), 0);
    assert_status(tell(fixture, near, about), 200);
    assert_problem(api_post(fixture, ACCOUNTS, NULL,
                            "{\"gateway\":\"sandbox\",\"credentials\":{\"secret\":\"s\"},"
                            "\"settings\":{\"notification_addresses\":[\"here\"]}}"),
                   422, "validation_failed", "settings.notification_addresses");
    assert_problem(api_post(fixture, ACCOUNTS, NULL,
                            "{\"gateway\":\"sandbox\",\"credentials\":{\"secret\":\"s\"},"
                            "\"settings\":{\"notification_addresses\":\"192.0.2.1\"}}"),
                   422, "validation_failed", "settings.notification_addresses");
}

static struct answer *tell_from(struct api_fixture *fixture, const char *path,
                                const char *headers)
{
    struct answer *answer = api_ask(fixture, "POST", path, headers,
                                    "{\"id\":\"n1\",\"about\":[\"a\"]}");

    api_run(fixture);
    return answer;
}

static void the_senders_name_may_be_asked_for(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = begin(fixture, "{\"notification_domains\":[\"acme.test\",\"x.example\"]}");
    static const struct {
        enum reverse_end end;
        const char *name;
        int status;
    } cases[] = {
        { REVERSE_NAMED, "out1.acme.test", 200 },  { REVERSE_NAMED, "acme.test", 200 },
        { REVERSE_NAMED, "notacme.test", 403 },    { REVERSE_NAMED, "acme.test.evil.test", 403 },
        { REVERSE_NONE, "", 403 },                 { REVERSE_UNKNOWN, "", 503 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer *answer = tell_from(fixture, path, "X-Signature: s3");
        assert_int_equal(answer_status(answer), 0);
        assert_string_equal(fixture->asked->address, "192.0.2.7");
        api_name(fixture, cases[i].end, cases[i].name);
        assert_status(answer, cases[i].status);
        assert_int_equal(rows(fixture), 1);
    }
    /* Nobody's name is looked for who is not the gateway. */
    assert_problem(tell_from(fixture, path, "X-Signature: s4"), 401, "unauthenticated", NULL);
    assert_null(fixture->asked);
}

static void a_name_that_comes_too_late(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = begin(fixture, "{\"notification_domains\":[\"acme.test\"]}");
    struct answer *answer = tell_from(fixture, path, "X-Signature: s3");

    api_pass_time(fixture, 5000);
    assert_problem(answer, 503, "unavailable", NULL);
    api_name(fixture, REVERSE_NAMED, "acme.test");
    assert_int_equal(rows(fixture), 0);
    /* Too many wait. */
    answer = api_ask(fixture, "POST", path, "X-Signature: s3", "{\"about\":[\"a\"]}");
    assert_true(api_step(fixture));
    fixture->refuse = true;
    api_run(fixture);
    assert_problem(answer, 503, "unavailable", NULL);
    fixture->refuse = false;
}

static void an_address_or_a_name_will_do(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = begin(fixture, "{\"notification_domains\":[\"acme.test\"],"
                                      "\"notification_addresses\":[\"192.0.2.0/24\"]}");
    const char *other = begin(fixture, "{\"notification_domains\":[\"acme.test\"],"
                                       "\"notification_addresses\":[\"203.0.113.0/24\"]}");

    assert_status(tell_from(fixture, path, "X-Signature: s3"), 200);
    assert_null(fixture->asked);
    struct answer *answer = tell_from(fixture, other, "X-Signature: s3");
    api_name(fixture, REVERSE_NAMED, "acme.test");
    assert_status(answer, 200);
    assert_problem(api_post(fixture, ACCOUNTS, NULL,
                            "{\"gateway\":\"sandbox\",\"credentials\":{\"secret\":\"s\"},"
                            "\"settings\":{\"notification_domains\":[\"com\"]}}"),
                   422, "validation_failed", "settings.notification_domains");
}

/* The path of the check of the account whose notifications go to `path`. */
static const char *check_of(struct api_fixture *fixture, const char *path)
{
    struct arena *arena = &fixture->books.arena;

    return str_c(arena, str_format(arena, ACCOUNTS "%s/check", strrchr(path, '/')));
}

static void purser_answers_its_own_test_message(void **state)
{
    struct api_fixture *fixture = *state;
    struct arena *arena = &fixture->books.arena;
    const char *path = begin(fixture, "{\"notification_addresses\":[\"203.0.113.0/24\"]}");
    const char *other = begin(fixture, "{}");
    struct answer *found = api_post(fixture, check_of(fixture, path), NULL, NULL);

    assert_status(found, 200);
    assert_true(answer_has(found, "gateway_account_check") && answer_has(found, "\"settings\""));
    assert_false(answer_has(found, "s3"));
    struct str header = str_format(arena, CHECK_HEADER ": %.*s", STR_ARG(fixture->test));
    struct answer *test = api_ask(fixture, "POST", path, str_c(arena, header), "{}");
    api_run(fixture);
    assert_status(test, 200);
    assert_true(str_equal(json_text(json_get(answer_json(test), "answer")), fixture->test_answer));
    /* Another account's, and one that nobody made. */
    test = api_ask(fixture, "POST", other, str_c(arena, header), "{}");
    api_run(fixture);
    assert_problem(test, 401, "unauthenticated", NULL);
    test = api_ask(fixture, "POST", path, CHECK_HEADER ": 9999999999999.00", "{}");
    api_run(fixture);
    assert_problem(test, 401, "unauthenticated", NULL);
    api_pass_time(fixture, CHECK_TEST_LIVES_MS + 1);
    test = api_ask(fixture, "POST", path, str_c(arena, header), "{}");
    api_run(fixture);
    assert_problem(test, 401, "unauthenticated", NULL);
    assert_int_equal(rows(fixture), 0);
}

static void a_check_needs_an_account_of_ones_own(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = check_of(fixture, begin(fixture, "{}"));

    assert_problem(api_post(fixture, ACCOUNTS "/ga_00000000000000000000000000/check", NULL, NULL),
                   404, "not_found", NULL);
    fixture->refuse = true;
    assert_problem(api_post(fixture, path, NULL, NULL), 503, "unavailable", NULL);
    /* Between the reader and the desk too. */
    fixture->refuse = false;
    struct answer *answer = api_ask(fixture, "POST", path, "", NULL);
    fixture->refuse = true;
    api_run(fixture);
    assert_problem(answer, 503, "unavailable", NULL);
    fixture->refuse = false;
}

static void a_full_queue_is_told(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = begin(fixture, "{}");

    fixture->refuse = true;
    assert_problem(tell(fixture, path, "{\"about\":[\"a\"]}"), 503, "unavailable", NULL);
    /* Between the reader and the writer too. */
    fixture->refuse = false;
    struct answer *answer = api_ask(fixture, "POST", path, "X-Signature: s3",
                                    "{\"about\":[\"a\"]}");
    fixture->refuse = true;
    api_run(fixture);
    assert_problem(answer, 503, "unavailable", NULL);
    assert_int_equal(rows(fixture), 0);
    fixture->refuse = false;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_fixture_setup, api_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_kept_before_the_answer),
        TEST(a_repetition_is_one_row),
        TEST(what_is_not_theirs_leaves_nothing),
        TEST(a_gateway_that_sends_none_has_no_such_address),
        TEST(what_is_unreadable_is_evidence),
        TEST(secrets_and_card_numbers_are_not_kept),
        TEST(a_secret_in_what_is_unreadable_is_not_kept),
        TEST(the_address_may_be_listed),
        TEST(the_senders_name_may_be_asked_for),
        TEST(a_name_that_comes_too_late),
        TEST(an_address_or_a_name_will_do),
        TEST(purser_answers_its_own_test_message),
        TEST(a_check_needs_an_account_of_ones_own),
        TEST(a_full_queue_is_told),
    };

    return cmocka_run_group_tests_name("notifications", tests, NULL, NULL);
}
