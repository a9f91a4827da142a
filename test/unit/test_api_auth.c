/* Who may ask: keys, their ends, their addresses and scopes, and the second for which what was
 * read of them is believed. */
#include "api_fixture.h"

#include "core/keys.h"

static const char *with(struct api_fixture *fixture, struct str key)
{
    return str_c(&fixture->books.arena,
                 str_format(&fixture->books.arena, "Authorization: Bearer %.*s", STR_ARG(key)));
}

static struct answer *get(struct api_fixture *fixture, const char *target, const char *headers)
{
    struct answer *answer = api_ask(fixture, "GET", target, headers, "");

    api_run(fixture);
    return answer;
}

static void assert_unauthenticated(const struct answer *answer)
{
    assert_problem(answer, 401, "unauthenticated", NULL);
    assert_true(str_starts_with(answer_header(answer, "WWW-Authenticate"), STR("Bearer")));
}

static void texts_that_are_no_key(void **state)
{
    struct api_fixture *fixture = *state;
    static const char *const headers[] = {
        "Authorization: Bearer",
        "Authorization: Bearer ",
        "Authorization: Bearer psk_test_0123",
        "Authorization: Basic cHNrX3Rlc3Q6",
        "Authorization: psk_test_0123456789ABCDEFGHIJKLMNOPQRSTUVW2JmUZp",
        "Authorization: Bearer psk_test_0123456789ABCDEFGHIJKLMNOPQRSTUVW2JmUZp",
    };

    for (size_t i = 0; i < COUNT_OF(headers); i++)
        assert_unauthenticated(get(fixture, "/v1/payments", headers[i]));
    /* None of them reached the books. */
    assert_int_equal(fixture->reads_done, 0);
}

static void a_key_of_nobody(void **state)
{
    struct api_fixture *fixture = *state;

    assert_unauthenticated(get(fixture, "/v1/payments",
                               "Authorization: Bearer "
                               "psk_test_0123456789ABCDEFGHIJKLMNOPQRSTUVW2JmUZo"));
    assert_int_equal(fixture->reads_done, 1);
}

static void the_scheme_has_no_case(void **state)
{
    struct api_fixture *fixture = *state;
    struct str header = str_format(&fixture->books.arena, "Authorization: bEARER  %.*s",
                                   STR_ARG(fixture->key));

    assert_status(get(fixture, "/v1/payments", str_c(&fixture->books.arena, header)), 200);
}

static void an_expired_key(void **state)
{
    struct api_fixture *fixture = *state;
    int64_t now_ms = outside_now_ms(&fixture->books.outside.outside);
    struct str key = api_add_key(
        fixture, (struct api_key){ .scopes = KEY_SCOPES_ALL, .expires_ms = now_ms + 500 });

    assert_status(get(fixture, "/v1/payments", with(fixture, key)), 200);
    api_pass_time(fixture, 499);
    assert_status(get(fixture, "/v1/payments", with(fixture, key)), 200);
    /* Out of the cache too. */
    api_pass_time(fixture, 1);
    assert_unauthenticated(get(fixture, "/v1/payments", with(fixture, key)));
}

static void what_was_read_is_believed_for_a_second(void **state)
{
    struct api_fixture *fixture = *state;

    get(fixture, "/v1/payments", "");
    assert_int_equal(fixture->reads_done, 2);
    api_pass_time(fixture, 999);
    get(fixture, "/v1/payments", "");
    assert_int_equal(fixture->reads_done, 3);
    api_pass_time(fixture, 1);
    get(fixture, "/v1/payments", "");
    assert_int_equal(fixture->reads_done, 5);
}

static void a_revoked_key_stops_within_a_second(void **state)
{
    struct api_fixture *fixture = *state;
    struct str key = api_add_key(fixture, (struct api_key){ .scopes = KEY_SCOPES_ALL });

    assert_status(get(fixture, "/v1/payments", with(fixture, key)), 200);
    struct db *db = store_db(fixture->store);
    assert_stored(db, db_begin(db));
    assert_stored(db, db_query(db, "UPDATE api_keys SET revoked_ms = 1", NULL, 0, NULL, NULL));
    assert_stored(db, db_commit(db));
    api_pass_time(fixture, 1000);
    assert_unauthenticated(get(fixture, "/v1/payments", with(fixture, key)));
}

static void calls_with_one_new_key_share_one_reading(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *answers[3];

    for (size_t i = 0; i < COUNT_OF(answers); i++)
        answers[i] = api_ask(fixture, "GET", "/v1/payments", "", "");
    assert_int_equal(fixture->read_count, 1);
    api_run(fixture);
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        assert_status(answers[i], 200);
    assert_int_equal(fixture->reads_done, 1 + COUNT_OF(answers));
}

static void a_desk_that_takes_nothing(void **state)
{
    struct api_fixture *fixture = *state;

    fixture->refuse = true;
    assert_problem(get(fixture, "/v1/payments", ""), 503, "unavailable", NULL);
    fixture->refuse = false;
    assert_status(get(fixture, "/v1/payments", ""), 200);
    fixture->refuse = true;
    assert_problem(get(fixture, "/v1/payments", ""), 503, "unavailable", NULL);
}

static void keys_bound_to_addresses(void **state)
{
    struct api_fixture *fixture = *state;
    struct str here = api_add_key(
        fixture,
        (struct api_key){ .scopes = KEY_SCOPES_ALL, .addresses = STR("::1 192.0.2.0/29") });
    struct str there = api_add_key(
        fixture, (struct api_key){ .scopes = KEY_SCOPES_ALL, .addresses = STR("192.0.2.8/29") });

    assert_status(get(fixture, "/v1/payments", with(fixture, here)), 200);
    assert_problem(get(fixture, "/v1/payments", with(fixture, there)), 403, "forbidden", NULL);
    /* The same out of the cache. */
    assert_status(get(fixture, "/v1/payments", with(fixture, here)), 200);
    assert_problem(get(fixture, "/v1/payments", with(fixture, there)), 403, "forbidden", NULL);
}

static void each_call_needs_its_scope(void **state)
{
    struct api_fixture *fixture = *state;
    static const struct {
        const char *method, *target;
        enum key_scope scope;
    } calls[] = {
        { "GET", "/v1/payments", KEY_SCOPE_READ },
        { "GET", "/v1/events", KEY_SCOPE_READ },
        { "GET", "/v1/gateway_accounts", KEY_SCOPE_READ },
        { "GET", "/v1/api_keys", KEY_SCOPE_ADMIN },
        { "POST", "/v1/payments", KEY_SCOPE_WRITE },
        { "POST", "/v1/invoices", KEY_SCOPE_WRITE },
        { "POST", "/v1/payments/pay_01h455vb4pex5vsknk084sn02q/capture", KEY_SCOPE_WRITE },
        { "POST", "/v1/payments/pay_01h455vb4pex5vsknk084sn02q/refunds", KEY_SCOPE_REFUND },
        { "POST", "/v1/gateway_accounts", KEY_SCOPE_ADMIN },
        { "POST", "/v1/api_keys", KEY_SCOPE_ADMIN },
        { "DELETE", "/v1/api_keys/key_01h455vb4pex5vsknk084sn02q", KEY_SCOPE_ADMIN },
    };

    for (int64_t scope = 1; scope < KEY_SCOPES_ALL; scope *= 2) {
        struct str key = api_add_key(fixture, (struct api_key){ .scopes = scope });
        for (size_t i = 0; i < COUNT_OF(calls); i++) {
            struct answer *answer = api_ask(fixture, calls[i].method, calls[i].target,
                                            with(fixture, key), "");
            api_run(fixture);
            bool refused = answer_status(answer) == 403;
            if (refused != (calls[i].scope != (enum key_scope)scope))
                fail_msg("%s %s with %lld: %d", calls[i].method, calls[i].target, (long long)scope,
                         answer_status(answer));
        }
    }
}

/* Neither another mode's nor another merchant's objects are there. */
static void what_a_key_does_not_see(void **state)
{
    struct api_fixture *fixture = *state;
    struct arena *arena = &fixture->books.arena;
    struct answer *made = api_post(fixture, "/v1/payments", "k",
                                   "{\"amount\":5,\"currency\":\"EUR\"}");
    const char *one = str_c(arena, str_format(arena, "/v1/payments/%s", answer_text(made, "id")));
    const char *cancel = str_c(arena, str_format(arena, "%s/cancel", one));
    struct merchant *other = ARENA_NEW(arena, struct merchant);
    const void *rows[] = { other };
    struct db *db = store_db(fixture->store);

    *other = (struct merchant){ .id = merchant_id_make(&fixture->ids, 1), .name = STR("other") };
    assert_stored(db, db_begin(db));
    assert_stored(db, db_insert(db, &table_merchants, rows, 1));
    assert_stored(db, db_commit(db));
    struct str live = api_add_key(fixture,
                                  (struct api_key){ .scopes = KEY_SCOPES_ALL, .live = true });
    struct str stranger = api_add_key(
        fixture, (struct api_key){ .scopes = KEY_SCOPES_ALL, .merchant = other->id });
    struct str keys[] = { live, stranger };

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_problem(get(fixture, one, with(fixture, keys[i])), 404, "not_found", NULL);
        struct str headers = str_format(arena, "%s\nIdempotency-Key: x", with(fixture, keys[i]));
        struct answer *answer = api_ask(fixture, "POST", cancel, str_c(arena, headers), "");
        api_run(fixture);
        assert_problem(answer, 404, "not_found", NULL);
        assert_int_equal(
            json_count(json_get(answer_json(get(fixture, "/v1/payments", with(fixture, keys[i]))),
                                "data")),
            0);
    }
    assert_status(get(fixture, one, ""), 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_fixture_setup, api_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(texts_that_are_no_key),
        TEST(a_key_of_nobody),
        TEST(the_scheme_has_no_case),
        TEST(an_expired_key),
        TEST(what_was_read_is_believed_for_a_second),
        TEST(a_revoked_key_stops_within_a_second),
        TEST(calls_with_one_new_key_share_one_reading),
        TEST(a_desk_that_takes_nothing),
        TEST(keys_bound_to_addresses),
        TEST(each_call_needs_its_scope),
        TEST(what_a_key_does_not_see),
    };

    return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
