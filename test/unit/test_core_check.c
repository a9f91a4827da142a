/* Readiness: what an account tells by itself, the clock, the verdict, and the test message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/time.h"
#include "core/check.h"
#include "core/tenants.h"

#define NOW_MS INT64_C(1770000000000)          /* Mon, 02 Feb 2026 02:40:00 GMT */

static const char *const wanted[] = { "key", NULL };
static const struct gateway_setting own[] = {
    { .name = "base_url", GW_SETTING_URL, .required = true, .what = "Where it is." },
    { .name = NULL },
};

static bool verify(const struct gateway_notice *notice)
{
    return notice != NULL;
}

/* It can write no order in dollars. */
static enum err build(const struct gateway_ask *ask, struct arena *arena, struct http_request *out)
{
    (void)arena;
    (void)out;
    return ask->amount.currency == CURRENCY_USD ? ERR_VALIDATION : OK;
}

static const struct gateway acme = {
    .name = "acme",
    .title = "Acme",
    .credentials = wanted,
    .settings = own,
    .notices = { .verify = verify },
    .calls = { [OPERATION_KIND_AUTHORIZE] = { .build = build } },
};
static const struct gateway inside = { .name = "inside", .title = "Inside", .in_process = true,
                                       .test_only = true };

struct fixture {
    struct arena arena;
    struct gateway_account account;
    struct secret credentials;
    struct str public_url;
    const struct gateway *gateway;
    struct check_report report;
};

static int setup(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){
        .account = { .gateway = STR("acme"), .is_default = true, .credentials = STR("sealed"),
                     .settings = STR("{\"base_url\":\"https://acme.test\"}") },
        .credentials = secret_copy(STR("{\"key\":\"canary\"}")),
        .public_url = STR("https://pay.test"),
        .gateway = &acme,
    };
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    secret_done(&fixture->credentials);
    arena_done(&fixture->arena);
    return 0;
}

static bool look(struct fixture *fixture)
{
    bool sealed = !secret_is_empty(&fixture->credentials);

    check_begin(&fixture->report, fixture->gateway);
    return check_account(&fixture->report, fixture->gateway, &fixture->account,
                         sealed ? &fixture->credentials : NULL, fixture->public_url,
                         &fixture->arena);
}

static struct check_finding found(const struct fixture *fixture, enum check_item item)
{
    return fixture->report.of[item];
}

/* The settings are wrong, in these words, and something can be done. */
static void assert_failed(struct fixture *fixture, bool whole, const char *part)
{
    assert_int_equal(look(fixture), whole);
    struct check_finding it = found(fixture, CHECK_ITEM_SETTINGS);
    assert_int_equal(it.status, CHECK_FAILED);
    assert_non_null(strstr(str_c(&fixture->arena, it.detail), part));
    assert_null(strstr(str_c(&fixture->arena, it.detail), "canary"));
    assert_false(str_is_empty(it.advice));
    assert_int_equal(check_verdict(&fixture->report), CHECK_VERDICT_NOT_READY);
}

static void nothing_is_ok_before_it_was_looked_at(void **state)
{
    struct fixture *fixture = *state;

    check_begin(&fixture->report, &acme);
    for (int i = 0; i < CHECK_ITEM_COUNT; i++) {
        assert_true(fixture->report.applies[i]);
        assert_int_equal(fixture->report.of[i].status, CHECK_NOT_RUN);
    }
    assert_int_equal(check_verdict(&fixture->report), CHECK_VERDICT_UNKNOWN);
}

static void an_account_that_is_whole(void **state)
{
    struct fixture *fixture = *state;

    assert_true(look(fixture));
    assert_int_equal(found(fixture, CHECK_ITEM_SETTINGS).status, CHECK_OK);
    assert_true(str_equal_c(found(fixture, CHECK_ITEM_SETTINGS).detail,
                            "Test mode, the default account."));
    assert_int_equal(found(fixture, CHECK_ITEM_CURRENCIES).status, CHECK_BY_HAND);
    /* The calls have not been made. */
    assert_int_equal(check_verdict(&fixture->report), CHECK_VERDICT_UNKNOWN);
}

static void what_is_wrong_with_an_account(void **state)
{
    struct fixture *fixture = *state;
    const struct fixture whole = *fixture;

    fixture->account.disabled = true;
    assert_failed(fixture, true, "disabled");
    fixture->account = whole.account;
    fixture->account.settings = STR("{}");
    assert_failed(fixture, false, "settings.base_url");
    fixture->account.settings = STR("{\"base_url\":\"https://acme.test\",\"old\":1}");
    assert_failed(fixture, false, "settings.old");
    fixture->account.settings = STR("{");
    assert_failed(fixture, false, "no JSON");
    fixture->account = whole.account;
    secret_done(&fixture->credentials);
    assert_failed(fixture, false, "none of the keys");
    fixture->account.credentials = (struct str){ 0 };
    assert_failed(fixture, false, "credentials.key");
    fixture->credentials = secret_copy(STR("{\"key\":\"canary\",\"more\":\"canary\"}"));
    assert_failed(fixture, false, "credentials.more");
    secret_done(&fixture->credentials);
    fixture->credentials = secret_copy(STR("{\"key\":\"canary\"}"));
    fixture->account.live = true;
    fixture->public_url = STR("http://pay.test");
    assert_failed(fixture, true, "not https");
    fixture->public_url = whole.public_url;
    fixture->account.settings = STR("{\"base_url\":\"http://acme.test\"}");
    assert_failed(fixture, false, "settings.base_url");
}

static void a_gateway_for_test_mode_takes_no_real_money(void **state)
{
    struct fixture *fixture = *state;

    fixture->gateway = &inside;
    fixture->account = (struct gateway_account){ .gateway = STR("inside"), .live = true };
    secret_done(&fixture->credentials);
    assert_failed(fixture, true, "test mode only");
    fixture->account.live = false;
    assert_true(look(fixture));
    /* It has no network and sends nothing: what was looked at is all there is. */
    assert_false(fixture->report.applies[CHECK_ITEM_GATEWAY]);
    assert_false(fixture->report.applies[CHECK_ITEM_NOTIFICATIONS]);
    assert_int_equal(check_verdict(&fixture->report), CHECK_VERDICT_READY);
}

static void a_currency_that_cannot_be_sent(void **state)
{
    struct fixture *fixture = *state;

    fixture->account.settings = STR("{\"base_url\":\"https://acme.test\","
                                    "\"currencies\":[\"EUR\",\"KZT\"]}");
    assert_true(look(fixture));
    assert_true(str_equal_c(found(fixture, CHECK_ITEM_CURRENCIES).detail, "Taken: EUR, KZT."));
    fixture->account.settings = STR("{\"base_url\":\"https://acme.test\","
                                    "\"currencies\":[\"EUR\",\"USD\"]}");
    assert_true(look(fixture));
    assert_int_equal(found(fixture, CHECK_ITEM_CURRENCIES).status, CHECK_FAILED);
    assert_true(str_equal_c(found(fixture, CHECK_ITEM_CURRENCIES).detail,
                            "USD cannot be asked of Acme."));
}

static enum check_status clock_at(struct fixture *fixture, const char *date, int64_t off_ms,
                                  int64_t took_ms)
{
    check_begin(&fixture->report, &acme);
    check_clock(&fixture->report, str_of(date), NOW_MS + off_ms, took_ms, &fixture->arena);
    return found(fixture, CHECK_ITEM_CLOCK).status;
}

static void the_clock(void **state)
{
    struct fixture *fixture = *state;
    const char *date = "Mon, 02 Feb 2026 02:40:00 GMT";

    assert_int_equal(clock_at(fixture, date, 0, 0), CHECK_OK);
    assert_int_equal(clock_at(fixture, date, 10 * SECOND_MS, 0), CHECK_OK);
    assert_int_equal(clock_at(fixture, date, -10 * SECOND_MS, 0), CHECK_OK);
    assert_int_equal(clock_at(fixture, date, 10 * SECOND_MS + 1, 0), CHECK_FAILED);
    assert_int_equal(clock_at(fixture, date, 14 * SECOND_MS, 5 * SECOND_MS), CHECK_OK);
    assert_int_equal(clock_at(fixture, date, -90 * SECOND_MS, 0), CHECK_FAILED);
    assert_true(str_equal_c(found(fixture, CHECK_ITEM_CLOCK).detail,
                            "This machine's clock is 90 s behind the gateway's."));
    assert_int_equal(clock_at(fixture, "", 0, 0), CHECK_BY_HAND);
    assert_int_equal(clock_at(fixture, "yesterday", 0, 0), CHECK_BY_HAND);
}

static void wrong_outweighs_not_found_out(void **state)
{
    struct fixture *fixture = *state;

    (void)look(fixture);
    check_say_why_not(&fixture->report, STR("why"), STR("what to do"));
    assert_int_equal(check_verdict(&fixture->report), CHECK_VERDICT_UNKNOWN);
    assert_true(str_equal_c(found(fixture, CHECK_ITEM_GATEWAY).detail, "why"));
    assert_int_equal(found(fixture, CHECK_ITEM_SETTINGS).status, CHECK_OK);
    check_find(&fixture->report, CHECK_ITEM_TERMINAL, CHECK_FAILED, STR("w"), STR("a"));
    assert_int_equal(check_verdict(&fixture->report), CHECK_VERDICT_NOT_READY);
    for (int i = 0; i < CHECK_ITEM_COUNT; i++)
        check_find(&fixture->report, (enum check_item)i, i % 2 ? CHECK_OK : CHECK_BY_HAND,
                   STR("d"), (struct str){ 0 });
    assert_int_equal(check_verdict(&fixture->report), CHECK_VERDICT_READY);
}

static void a_test_message_is_good_for_one_account_and_a_minute(void **state)
{
    struct fixture *fixture = *state;
    struct secret key = secret_copy(STR("installation")), other = secret_copy(STR("another"));
    struct gateway_account_id account = { { { 1 } } }, neighbour = { { { 2 } } };
    struct str test = check_test_make(&key, account, NOW_MS, &fixture->arena);

    assert_true(test.len <= CHECK_TEST_MAX && str_is_visible_ascii(test));
    assert_true(check_test_verify(&key, account, test, NOW_MS));
    assert_true(check_test_verify(&key, account, test, NOW_MS + CHECK_TEST_LIVES_MS));
    /* Another node's clock may be behind. */
    assert_true(check_test_verify(&key, account, test, NOW_MS - CHECK_TEST_LIVES_MS));
    assert_false(check_test_verify(&key, account, test, NOW_MS + CHECK_TEST_LIVES_MS + 1));
    assert_false(check_test_verify(&key, account, test, NOW_MS - 2 * CHECK_TEST_LIVES_MS));
    assert_false(check_test_verify(&key, neighbour, test, NOW_MS));
    assert_false(check_test_verify(&other, account, test, NOW_MS));
    for (size_t i = 0; i < test.len; i++) {
        char *changed = (char *)(uintptr_t)str_c(&fixture->arena, test);
        changed[i] = changed[i] == '0' ? '1' : '0';
        assert_false(check_test_verify(&key, account, str_of(changed), NOW_MS));
        assert_false(check_test_verify(&key, account, str_slice(test, 0, i), NOW_MS));
    }
    struct str answer = check_test_answer(&key, test, &fixture->arena);
    assert_false(str_equal(answer, check_test_answer(&other, test, &fixture->arena)));
    assert_true(str_find_char(test, '.', 0) < test.len);
    assert_false(str_equal(answer, str_slice(test, str_find_char(test, '.', 0) + 1, test.len)));
    secret_done(&key);
    secret_done(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(nothing_is_ok_before_it_was_looked_at),
        T(an_account_that_is_whole),
        T(what_is_wrong_with_an_account),
        T(a_gateway_for_test_mode_takes_no_real_money),
        T(a_currency_that_cannot_be_sent),
        T(the_clock),
        T(wrong_outweighs_not_found_out),
        T(a_test_message_is_good_for_one_account_and_a_minute),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
