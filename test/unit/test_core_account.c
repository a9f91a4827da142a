/* A gateway account's settings: what is common to all, and what the gateway's own table allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/time.h"
#include "core/account.h"

static const char *const colours[] = { "red", "green", NULL };
static const struct gateway_setting own[] = {
    { .name = "base_url", GW_SETTING_URL, .required = true, .what = "The address of the API." },
    { .name = "terminal", GW_SETTING_TEXT, .what = "The terminal." },
    { .name = "scope", GW_SETTING_LINE, .what = "What tokens are for." },
    { .name = "path", GW_SETTING_PATH, .what = "Where the calls are." },
    { .name = "colour", GW_SETTING_WORD, .words = colours, .what = "The page's colour." },
    { .name = NULL },
};
static const struct gateway acme = { .name = "acme", .settings = own };
static const struct gateway plain = { .name = "plain" };

#define URL "\"base_url\":\"https://acme.test\""
#define LONG_64 "0123456789012345678901234567890123456789012345678901234567890123"

static enum err check(const struct gateway *gateway, bool live, const char *text,
                      struct arena *arena, struct str *param, struct str *why)
{
    const struct json *json = NULL;

    *param = *why = (struct str){ 0 };
    if (text)
        assert_int_equal(json_parse(str_of(text), arena, &json, NULL), OK);
    return account_settings_check(gateway, live, json, arena, param, why);
}

static void what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const struct gateway *gateway;
        bool live;
        const char *settings;
    } cases[] = {
        { &plain, true, NULL },
        { &plain, true, "{}" },
        { &plain, true, "{\"capture\":\"both\",\"refund_days\":0,\"payment_minutes\":43200}" },
        { &plain, true, "{\"notification_domains\":[\"acme.test\",\"Out-1.x.Acme.test\"]}" },
        { &plain, false, "{\"notification_domains\":[\"localhost\"]}" },
        { &acme, true, "{" URL "}" },
        { &acme, true, "{" URL ",\"terminal\":\"t-1\",\"colour\":\"green\",\"capture_tries\":3}" },
        { &acme, true, "{\"base_url\":\"https://acme.test:8443/pay/v3/\"}" },
        { &acme, false, "{\"base_url\":\"http://127.0.0.1:8081\"}" },
        { &acme, true, "{" URL ",\"scope\":\"read write\",\"path\":\"/v3/pay\"}" },
        { &acme, false, "{" URL ",\"scope\":\"x\",\"path\":\"/\"}" },
    };
    struct arena arena = { 0 };
    struct str param, why;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(check(cases[i].gateway, cases[i].live, cases[i].settings, &arena, &param,
                               &why), OK);
    arena_done(&arena);
}

static void what_is_not(void **state)
{
    (void)state;
    static const struct {
        const struct gateway *gateway;
        bool live;
        const char *settings;
        enum err err;
        const char *param;
        const char *why;
    } cases[] = {
        { &plain, false, "{\"refund_days\":1.5}", ERR_VALIDATION, "settings.refund_days",
          "refund_days is a whole number from 0 to 3650." },
        { &plain, false, "{\"notification_domains\":\"a.test\"}", ERR_VALIDATION,
          "settings.notification_domains",
          "notification_domains is a list of at most 20 names of domains, such as"
          " gateway.example.com." },
        { &plain, false, "{\"notification_domains\":[\"test\"]}", ERR_VALIDATION,
          "settings.notification_domains", NULL },
        { &plain, false, "{\"notification_domains\":[\"a..test\"]}", ERR_VALIDATION,
          "settings.notification_domains", NULL },
        { &plain, false, "{\"notification_domains\":[\"a.test.\"]}", ERR_VALIDATION,
          "settings.notification_domains", NULL },
        { &plain, false, "{\"notification_domains\":[\".test\"]}", ERR_VALIDATION,
          "settings.notification_domains", NULL },
        { &plain, false, "{\"notification_domains\":[\"a b.test\"]}", ERR_VALIDATION,
          "settings.notification_domains", NULL },
        { &plain, false, "{\"notification_domains\":[\"192.0.2.7\"]}", ERR_VALIDATION,
          "settings.notification_domains", NULL },
        { &plain, false, "{\"notification_domains\":[\"a.1\"]}", ERR_VALIDATION,
          "settings.notification_domains", NULL },
        { &plain, false, "{\"notification_domains\":[7]}", ERR_VALIDATION,
          "settings.notification_domains", NULL },
        { &plain, false, "{\"notification_domains\":[\"\"]}", ERR_VALIDATION,
          "settings.notification_domains", NULL },
        { &plain, false, "{\"refund_days\":3651}", ERR_VALIDATION, "settings.refund_days", NULL },
        { &plain, false, "{\"capture\":\"never\"}", ERR_VALIDATION, "settings.capture",
          "capture is one of separate, sale, both." },
        { &plain, false, "{" URL "}", ERR_UNKNOWN_MEMBER, "settings.base_url",
          "An account at the gateway plain has no such setting." },
        { &acme, false, NULL, ERR_VALIDATION, "settings.base_url",
          "The gateway acme needs it: The address of the API." },
        { &acme, false, "{\"terminal\":\"t-1\"}", ERR_VALIDATION, "settings.base_url", NULL },
        { &acme, false, "{" URL ",\"size\":1}", ERR_UNKNOWN_MEMBER, "settings.size", NULL },
        { &acme, false, "{" URL ",\"terminal\":\"\"}", ERR_VALIDATION, "settings.terminal", NULL },
        { &acme, false, "{" URL ",\"terminal\":7}", ERR_VALIDATION, "settings.terminal",
          "terminal is text of 1 to 255 visible characters of ASCII." },
        { &acme, false, "{" URL ",\"terminal\":\"a b\"}", ERR_VALIDATION, "settings.terminal",
          NULL },
        { &acme, false, "{" URL ",\"terminal\":\"" LONG_64 LONG_64 LONG_64 LONG_64 "\"}",
          ERR_VALIDATION, "settings.terminal", NULL },
        { &acme, false, "{" URL ",\"scope\":\" read\"}", ERR_VALIDATION, "settings.scope",
          "scope is text of 1 to 255 characters of ASCII, no space at an end." },
        { &acme, false, "{" URL ",\"scope\":\"\"}", ERR_VALIDATION, "settings.scope", NULL },
        { &acme, false, "{" URL ",\"scope\":\"a\\tb\"}", ERR_VALIDATION, "settings.scope", NULL },
        { &acme, false, "{" URL ",\"path\":\"v3\"}", ERR_VALIDATION, "settings.path",
          "path is a path that begins with /, without query or fragment." },
        { &acme, false, "{" URL ",\"path\":\"\"}", ERR_VALIDATION, "settings.path", NULL },
        { &acme, false, "{" URL ",\"path\":\"@evil.test/\"}", ERR_VALIDATION, "settings.path",
          NULL },
        { &acme, false, "{" URL ",\"path\":\"/a@b\"}", ERR_VALIDATION, "settings.path", NULL },
        { &acme, false, "{" URL ",\"path\":\"/a?b\"}", ERR_VALIDATION, "settings.path", NULL },
        { &acme, false, "{" URL ",\"path\":\"/" LONG_64 LONG_64 LONG_64 LONG_64 "\"}",
          ERR_VALIDATION, "settings.path", NULL },
        { &acme, false, "{" URL ",\"colour\":\"blue\"}", ERR_VALIDATION, "settings.colour",
          "colour is one of red, green." },
        { &acme, true, "{\"base_url\":\"http://acme.test\"}", ERR_VALIDATION, "settings.base_url",
          "base_url is an address that begins with https://, without credentials, query or"
          " fragment." },
        { &acme, false, "{\"base_url\":\"ftp://acme.test\"}", ERR_VALIDATION, "settings.base_url",
          NULL },
        { &acme, false, "{\"base_url\":\"acme.test\"}", ERR_VALIDATION, "settings.base_url", NULL },
        { &acme, false, "{\"base_url\":\"https://\"}", ERR_VALIDATION, "settings.base_url", NULL },
        { &acme, false, "{\"base_url\":\"https:///pay\"}", ERR_VALIDATION, "settings.base_url",
          NULL },
        { &acme, false, "{\"base_url\":\"https://me:pw@acme.test\"}", ERR_VALIDATION,
          "settings.base_url", NULL },
        { &acme, false, "{\"base_url\":\"https://acme.test/?a=1\"}", ERR_VALIDATION,
          "settings.base_url", NULL },
        { &acme, false, "{\"base_url\":\"https://acme.test/#x\"}", ERR_VALIDATION,
          "settings.base_url", NULL },
        { &acme, false, "{\"base_url\":\"https://acme.test/ pay\"}", ERR_VALIDATION,
          "settings.base_url", NULL },
        { &acme, false, "{\"base_url\":null}", ERR_VALIDATION, "settings.base_url", NULL },
        { &acme, false, "{\"base_url\":\"https://" LONG_64 LONG_64 LONG_64 LONG_64 "\"}",
          ERR_VALIDATION, "settings.base_url", NULL },
    };
    struct arena arena = { 0 };
    struct str param, why;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check(cases[i].gateway, cases[i].live, cases[i].settings, &arena, &param,
                               &why), cases[i].err);
        assert_true(str_equal_c(param, cases[i].param));
        assert_false(str_is_empty(why));
        if (cases[i].why)
            assert_string_equal(str_c(&arena, why), cases[i].why);
    }
    arena_done(&arena);
}

static void how_long_a_payment_waits(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    const struct json *json = NULL;

    assert_true(account_payment_ms(NULL) == ACCOUNT_PAYMENT_MINUTES * MINUTE_MS);
    assert_int_equal(json_parse(STR("{\"payment_minutes\":7}"), &arena, &json, NULL), OK);
    assert_true(account_payment_ms(json) == 7 * MINUTE_MS);
    arena_done(&arena);
}

static void what_an_adapter_reads(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    struct gateway_ask ask = { .settings = STR("{\"terminal\":\"t-1\"}") };
    struct secret secret = secret_copy(STR("{\"api_key\":\"k\"}"));

    assert_true(str_equal_c(json_text(json_get(gateway_settings(&ask, &arena), "terminal")),
                            "t-1"));
    ask.settings = (struct str){ 0 };
    assert_null(gateway_settings(&ask, &arena));
    assert_true(str_equal_c(json_text(json_get(gateway_credentials(&secret, &arena), "api_key")),
                            "k"));
    assert_null(gateway_credentials(NULL, &arena));
    secret_done(&secret);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_allowed),
        cmocka_unit_test(what_is_not),
        cmocka_unit_test(how_long_a_payment_waits),
        cmocka_unit_test(what_an_adapter_reads),
    };

    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
