/* API keys and gateway accounts through the API. */
#include "api_fixture.h"

#include "core/keys.h"

static struct answer *ask(struct api_fixture *fixture, const char *method, const char *target,
                          struct str key, const char *body)
{
    struct str header = str_is_empty(key) ? (struct str){ 0 }
                                          : str_format(&fixture->books.arena,
                                                       "Authorization: Bearer %.*s", STR_ARG(key));
    struct answer *answer = api_ask(fixture, method, target, str_c(&fixture->books.arena, header),
                                    body);

    api_run(fixture);
    return answer;
}

static const char *at(struct api_fixture *fixture, const char *collection,
                      const struct answer *object)
{
    struct str path = str_format(&fixture->books.arena, "/v1/%s/%s", collection,
                                 answer_text(object, "id"));

    return str_c(&fixture->books.arena, path);
}

static bool flag(const struct answer *answer, const char *member)
{
    bool value = false;

    assert_true(json_bool(json_get(answer_json(answer), member), &value));
    return value;
}

static void a_new_key_works_until_it_is_revoked(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *made = api_post(fixture, "/v1/api_keys", NULL,
                                   "{\"scopes\":[\"read\"],\"description\":\"desk\","
                                   "\"addresses\":[\"192.0.2.0/24\",\"2001:db8::1\"],"
                                   "\"expires_at\":\"2030-01-01T00:00:00Z\"}");
    bool live = true;

    assert_status(made, 201);
    struct str key = str_of(answer_text(made, "key"));
    assert_true(key_is_well_formed(key, &live) && !live);
    assert_true(str_is_empty(answer_header(made, "Location")));
    assert_status(ask(fixture, "GET", "/v1/payments", key, ""), 200);
    assert_problem(ask(fixture, "POST", "/v1/invoices", key, "{}"), 403, "forbidden", NULL);

    struct answer *revoked = ask(fixture, "DELETE", at(fixture, "api_keys", made),
                                 (struct str){ 0 }, "");
    assert_status(revoked, 200);
    assert_string_equal(answer_text(revoked, "key"), "");
    assert_true(answer_text(revoked, "revoked_at")[0] != '\0');
    api_pass_time(fixture, 1000);
    assert_problem(ask(fixture, "GET", "/v1/payments", key, ""), 401, "unauthenticated", NULL);
}

static void the_text_of_a_key_is_nowhere_else(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *first = api_post(fixture, "/v1/api_keys", "k", "{}");
    struct answer *again = api_post(fixture, "/v1/api_keys", "k", "{}");
    struct answer *list = api_get(fixture, "/v1/api_keys");

    assert_status(first, 201);
    assert_status(again, 201);
    assert_string_equal(answer_text(first, "id"), answer_text(again, "id"));
    assert_int_equal(json_type(json_get(answer_json(again), "key")), JSON_NULL);
    assert_true(str_equal_c(answer_header(again, "Idempotent-Replayed"), "true"));
    const char *key = answer_text(first, "key");
    assert_int_equal(str_of(key).len, KEY_TEXT_LEN);
    assert_false(answer_has(list, key));
    assert_true(answer_has(list, answer_text(first, "hint")));
    assert_int_equal(json_count(json_get(answer_json(list), "data")), 2);
    assert_int_equal(json_count(json_get(answer_json(first), "scopes")), 4);
}

static void keys_that_are_not_valid(void **state)
{
    struct api_fixture *fixture = *state;
    static const struct {
        const char *body, *param;
    } cases[] = {
        { "{\"scopes\":[]}", "scopes" },
        { "{\"scopes\":[\"read\",\"read\"]}", "scopes" },
        { "{\"scopes\":[\"read write\"]}", "scopes" },
        { "{\"scopes\":[\"root\"]}", "scopes" },
        { "{\"scopes\":[1]}", "scopes" },
        { "{\"scopes\":\"read\"}", "scopes" },
        { "{\"addresses\":[\"here\"]}", "addresses" },
        { "{\"addresses\":[\"192.0.2.1 192.0.2.2\"]}", "addresses" },
        { "{\"addresses\":[null]}", "addresses" },
        { "{\"expires_at\":\"2020-01-01T00:00:00Z\"}", "expires_at" },
        { "{\"description\":\"\"}", "description" },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_problem(api_post(fixture, "/v1/api_keys", NULL, cases[i].body), 422,
                       "validation_failed", cases[i].param);
    assert_problem(api_post(fixture, "/v1/api_keys", NULL, "{\"live\":true}"), 422,
                   "unknown_member", "live");
    assert_problem(ask(fixture, "DELETE", "/v1/api_keys/key_01h455vb4pex5vsknk084sn02q",
                       (struct str){ 0 }, ""),
                   404, "not_found", NULL);
    assert_int_equal(store_count(&fixture->books, fixture->reader, &table_api_keys), 1);
}

static void accounts_are_made_and_changed(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *list = api_get(fixture, "/v1/gateway_accounts");
    const char *const target = "/v1/gateway_accounts";

    assert_int_equal(json_count(json_get(answer_json(list), "data")), 1);
    struct answer *made = api_post(fixture, target, NULL,
                                   "{\"gateway\":\"sandbox\",\"description\":\"second\","
                                   "\"settings\":{\"capture\":\"sale\"}}");
    assert_status(made, 201);
    assert_false(flag(made, "is_default"));
    assert_true(str_ends_with(answer_header(made, "Location"), str_of(answer_text(made, "id"))));
    const char *path = at(fixture, "gateway_accounts", made);
    struct answer *changed = ask(fixture, "PATCH", path, (struct str){ 0 },
                                 "{\"is_default\":true,\"description\":null}");
    assert_status(changed, 200);
    assert_true(flag(changed, "is_default"));
    assert_true(answer_has(changed, "\"description\":null"));
    assert_true(answer_has(changed, "\"capture\":\"sale\""));
    assert_true(str_equal(answer_body(api_get(fixture, path)), answer_body(changed)));
    assert_int_equal(
        store_number(fixture->reader, "SELECT count(*) FROM gateway_accounts WHERE is_default = 1"),
        1);
    /* And back: the order in which the rows are written does not matter. */
    struct answer *third = api_post(fixture, target, NULL,
                                    "{\"gateway\":\"sandbox\",\"is_default\":true}");
    assert_status(third, 201);
    assert_status(ask(fixture, "PATCH", path, (struct str){ 0 },
                      "{\"is_default\":true,\"disabled\":true,\"settings\":{}}"),
                  200);
    assert_false(flag(api_get(fixture, at(fixture, "gateway_accounts", third)), "is_default"));
    assert_true(flag(api_get(fixture, path), "disabled"));
    assert_true(answer_has(api_get(fixture, path), "\"settings\":{}"));
}

static void accounts_that_are_not_valid(void **state)
{
    struct api_fixture *fixture = *state;
    static const struct {
        const char *body, *code, *param;
    } cases[] = {
        { "{}", "validation_failed", "gateway" },
        { "{\"gateway\":\"acme\"}", "validation_failed", "gateway" },
        { "{\"gateway\":\"sandbox\",\"settings\":{\"capture\":\"never\"}}", "validation_failed",
          "settings.capture" },
        { "{\"gateway\":\"sandbox\",\"settings\":{\"colour\":\"red\"}}", "unknown_member",
          "settings.colour" },
        { "{\"gateway\":\"sandbox\",\"credentials\":{\"key\":\"k\"}}", "unknown_member",
          "credentials.key" },
        { "{\"gateway\":\"sandbox\",\"credentials\":\"key\"}", "validation_failed",
          "credentials" },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_problem(api_post(fixture, "/v1/gateway_accounts", NULL, cases[i].body), 422,
                       cases[i].code, cases[i].param);
    assert_problem(ask(fixture, "PATCH", "/v1/gateway_accounts/ga_01h455vb4pex5vsknk084sn02q",
                       (struct str){ 0 }, "{\"disabled\":true}"),
                   404, "not_found", NULL);
}

static const char *const needed[] = { "api_key", "webhook_secret", NULL };

#define CREDENTIALS(key, secret)                                                                   \
    "\"credentials\":{\"api_key\":\"" key "\",\"webhook_secret\":\"" secret "\"}"

static void credentials_are_all_or_refused(void **state)
{
    struct api_fixture *fixture = *state;
    static const struct {
        const char *credentials, *code, *param;
    } cases[] = {
        { "{}", "validation_failed", "credentials.api_key" },
        { "{\"api_key\":\"k\"}", "validation_failed", "credentials.webhook_secret" },
        { "{\"api_key\":\"\",\"webhook_secret\":\"s\"}", "validation_failed",
          "credentials.api_key" },
        { "{\"api_key\":7,\"webhook_secret\":\"s\"}", "validation_failed",
          "credentials.api_key" },
        { "{\"api_key\":\"k\",\"webhook_secret\":\"s\",\"more\":\"m\"}", "unknown_member",
          "credentials.more" },
    };

    fixture->gateway.credentials = needed;
    assert_problem(api_post(fixture, "/v1/gateway_accounts", NULL, "{\"gateway\":\"sandbox\"}"),
                   422, "validation_failed", "credentials.api_key");
    struct answer *made = api_post(fixture, "/v1/gateway_accounts", NULL,
                                   "{\"gateway\":\"sandbox\"," CREDENTIALS("k", "s") "}");
    assert_status(made, 201);
    const char *path = at(fixture, "gateway_accounts", made);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str post = str_format(&fixture->books.arena,
                                     "{\"gateway\":\"sandbox\",\"credentials\":%s}",
                                     cases[i].credentials);
        struct str patch = str_format(&fixture->books.arena, "{\"credentials\":%s}",
                                      cases[i].credentials);
        assert_problem(api_post(fixture, "/v1/gateway_accounts", NULL,
                                str_c(&fixture->books.arena, post)),
                       422, cases[i].code, cases[i].param);
        assert_problem(ask(fixture, "PATCH", path, (struct str){ 0 },
                           str_c(&fixture->books.arena, patch)),
                       422, cases[i].code, cases[i].param);
    }
}

static enum err keep_account(void *self, void *row)
{
    struct gateway_account *out = self;

    *out = *(struct gateway_account *)row;
    return OK;
}

/* The credentials of the only account that has some, opened. */
static void assert_sealed(struct api_fixture *fixture, const char *plain)
{
    struct gateway_account account = { 0 };
    struct secret opened;

    assert_stored(fixture->reader,
                  db_select(fixture->reader, &table_gateway_accounts, "credentials IS NOT NULL",
                            NULL, 0, &fixture->books.arena, keep_account, &account));
    assert_true(str_starts_with(account.credentials, STR("v1.")));
    assert_true(vault_unseal(fixture->vault, account.id, account.credentials, &opened));
    assert_true(str_equal_c(secret_reveal(&opened), plain));
    secret_done(&opened);
}

static void credentials_are_sealed_and_never_shown(void **state)
{
    struct api_fixture *fixture = *state;

    fixture->gateway.credentials = needed;
    struct answer *made = api_post(fixture, "/v1/gateway_accounts", "once",
                                   "{\"gateway\":\"sandbox\"," CREDENTIALS("k-1", "s-1") "}");
    assert_status(made, 201);
    assert_false(answer_has(made, "credentials") || answer_has(made, "k-1"));
    struct str left = answer_request_body(made);
    for (size_t i = 0; i < left.len; i++)
        assert_int_equal(left.ptr[i], 0);
    assert_sealed(fixture, "{\"api_key\":\"k-1\",\"webhook_secret\":\"s-1\"}");
    struct answer *changed = ask(fixture, "PATCH", at(fixture, "gateway_accounts", made),
                                 (struct str){ 0 }, "{" CREDENTIALS("k-2", "s-2") "}");
    assert_status(changed, 200);
    assert_false(answer_has(changed, "credentials") || answer_has(changed, "k-2"));
    assert_sealed(fixture, "{\"api_key\":\"k-2\",\"webhook_secret\":\"s-2\"}");
    assert_status(ask(fixture, "PATCH", at(fixture, "gateway_accounts", made), (struct str){ 0 },
                      "{\"disabled\":true}"),
                  200);
    assert_sealed(fixture, "{\"api_key\":\"k-2\",\"webhook_secret\":\"s-2\"}");
}

static void the_sandbox_is_not_for_live(void **state)
{
    struct api_fixture *fixture = *state;
    struct str live = api_add_key(fixture,
                                  (struct api_key){ .scopes = KEY_SCOPES_ALL, .live = true });

    assert_problem(ask(fixture, "POST", "/v1/gateway_accounts", live, "{\"gateway\":\"sandbox\"}"),
                   422, "validation_failed", "gateway");
    struct answer *key = ask(fixture, "POST", "/v1/api_keys", live, "{}");
    assert_status(key, 201);
    assert_true(flag(key, "live"));
    assert_true(str_starts_with(str_of(answer_text(key, "key")), STR("psk_live_")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_fixture_setup, api_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_key_works_until_it_is_revoked),
        TEST(the_text_of_a_key_is_nowhere_else),
        TEST(keys_that_are_not_valid),
        TEST(accounts_are_made_and_changed),
        TEST(accounts_that_are_not_valid),
        TEST(credentials_are_all_or_refused),
        TEST(credentials_are_sealed_and_never_shown),
        TEST(the_sandbox_is_not_for_live),
    };

    return cmocka_run_group_tests_name("tenants", tests, NULL, NULL);
}
