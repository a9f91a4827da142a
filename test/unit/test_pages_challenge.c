/* The challenge page as the payer's browser gets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/crypto.h"
#include "pages/challenge.h"
#include "pages/html.h"

static char text[32 << 10];

static const char *written(const struct challenge_page *page)
{
    struct buf buf;

    buf_fixed(&buf, text, sizeof(text));
    if (page != NULL)
        challenge_page_write(&buf, page);
    else
        challenge_page_write_wrong_link(&buf);
    assert_true(buf_ok(&buf));
    return buf_c(&buf);
}

static bool has(const char *page, const char *part)
{
    return strstr(page, part) != NULL;
}

static const struct challenge_page waiting = {
    .state = CHALLENGE_PAGE_WAITING,
    .amount = { 1250, CURRENCY_EUR },
    .description = STR_INIT("Two cups"),
    .return_url = STR_INIT("https://shop.test/back?a=1&b=2"),
};

static void test_waiting(void **state)
{
    (void)state;
    const char *page = written(&waiting);

    assert_true(has(page, "TEST MODE"));
    assert_true(has(page, "12.50 EUR"));
    assert_true(has(page, "Two cups"));
    assert_true(has(page, "<form method=\"post\">"));
    assert_true(has(page, "name=\"decision\" value=\"approve\""));
    assert_true(has(page, "name=\"decision\" value=\"decline\""));
    assert_true(has(page, "<html lang=\"en\">"));
    assert_true(has(page, "<title>Confirm your payment (test mode)</title>"));
    /* The shop is left by deciding. */
    assert_false(has(page, "shop.test"));
}

static void test_decided(void **state)
{
    (void)state;
    struct challenge_page page = waiting;
    static const struct {
        enum challenge_page_state state;
        const char *says, *says_not;
    } cases[] = {
        { CHALLENGE_PAGE_CONFIRMED, "You approved this payment", "No money was taken" },
        { CHALLENGE_PAGE_NOT_CONFIRMED, "No money was taken", "You approved" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        page.state = cases[i].state;
        const char *html = written(&page);
        assert_true(has(html, "TEST MODE"));
        assert_true(has(html, "12.50 EUR"));
        assert_true(has(html, cases[i].says));
        assert_false(has(html, cases[i].says_not));
        assert_false(has(html, "<form"));
        assert_true(has(html, "<a href=\"https://shop.test/back?a=1&amp;b=2\">"));
    }
}

static void test_way_back_only_to_the_web(void **state)
{
    (void)state;
    struct challenge_page page = waiting;
    static const struct str urls[] = {
        STR_INIT(""),
        STR_INIT("javascript:alert(1)"),
        STR_INIT(" https://shop.test"),
        STR_INIT("//shop.test"),
        STR_INIT("data:text/html,x"),
    };

    page.state = CHALLENGE_PAGE_CONFIRMED;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        page.return_url = urls[i];
        const char *html = written(&page);
        assert_false(has(html, "href"));
        assert_true(has(html, "You can close this page"));
    }
}

static void test_texts_cannot_become_markup(void **state)
{
    (void)state;
    struct challenge_page page = waiting;

    page.state = CHALLENGE_PAGE_CONFIRMED;
    page.description = STR("</p><script>alert('1')</script>");
    page.return_url = STR("https://shop.test/\"onclick=\"alert(1)");
    const char *html = written(&page);
    assert_false(has(html, "<script"));
    assert_true(has(html, "&lt;/p&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
    assert_true(has(html, "href=\"https://shop.test/&quot;onclick=&quot;alert(1)\""));
}

static void test_html_write(void **state)
{
    (void)state;
    static const struct {
        struct str from;
        const char *to;
    } cases[] = {
        { STR_INIT(""), "" },
        { STR_INIT("&<>\"'"), "&amp;&lt;&gt;&quot;&#39;" },
        { STR_INIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x8d\xb5"),
          "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8d\xb5" },
        { STR_INIT("a\xff\x3c\xe2\x82"), "a\xef\xbf\xbd&lt;\xef\xbf\xbd\xef\xbf\xbd" },
    };
    char html[128];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf buf;
        buf_fixed(&buf, html, sizeof(html));
        html_write(&buf, cases[i].from);
        assert_string_equal(buf_c(&buf), cases[i].to);
    }
}

static void test_wrong_link(void **state)
{
    (void)state;
    const char *page = written(NULL);

    assert_true(has(page, "TEST MODE"));
    assert_true(has(page, "This link does not work"));
    assert_false(has(page, "<form"));
    assert_false(has(page, "href"));
}

static const char *policy_for(struct str return_url)
{
    static char policy[512];
    struct buf buf;

    buf_fixed(&buf, policy, sizeof(policy));
    challenge_page_write_policy(&buf, return_url);
    assert_true(buf_ok(&buf));
    return buf_c(&buf);
}

/* The style is allowed by its hash alone: a page whose style has another is shown bare. */
static void test_policy_allows_the_style_and_nothing_else(void **state)
{
    (void)state;
    const char *page = written(&waiting);
    const char *style = strstr(page, "<style>") + strlen("<style>");
    struct sha256 hash = crypto_sha256(
        str_make(style, (size_t)(strstr(style, "</style>") - style)));
    char policy[256];
    struct buf buf;

    buf_fixed(&buf, policy, sizeof(policy));
    buf_add_c(&buf, "default-src 'none'; style-src 'sha256-");
    crypto_write_base64(&buf, hash.bytes, sizeof(hash.bytes));
    buf_add_c(&buf, "'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'");
    assert_string_equal(policy_for(STR("")), buf_c(&buf));
    /* Nothing that the policy would stop. */
    assert_false(has(page, "<script"));
    assert_false(has(page, "style="));
    assert_false(has(page, "src="));
    assert_false(has(page, " on"));
    assert_null(strstr(strstr(page, "<style>") + 1, "<style"));
}

static void test_policy_lets_the_payer_go_back(void **state)
{
    (void)state;
    static const struct {
        struct str url;
        const char *ends;
    } cases[] = {
        { STR_INIT("https://shop.test/back?a=1"), "form-action 'self' https://shop.test" },
        { STR_INIT("https://shop.test"), "form-action 'self' https://shop.test" },
        { STR_INIT("http://127.0.0.1:8080#x"), "form-action 'self' http://127.0.0.1:8080" },
        { STR_INIT("http://[::1]:8080/"), "form-action 'self' http://[::1]:8080" },
        { STR_INIT("https://shop.test; script-src *"), "form-action 'self'" },
        { STR_INIT("https://shop.test, default-src *"), "form-action 'self'" },
        { STR_INIT("https://*"), "form-action 'self'" },
        { STR_INIT("https://"), "form-action 'self'" },
        { STR_INIT("https:///x"), "form-action 'self'" },
        { STR_INIT("https://user@shop.test/"), "form-action 'self'" },
        { STR_INIT("javascript:alert(1)"), "form-action 'self'" },
        { STR_INIT(""), "form-action 'self'" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(str_ends_with(str_of(policy_for(cases[i].url)), str_of(cases[i].ends)));
}

static void test_headers(void **state)
{
    (void)state;
    static const char *const headers[CHALLENGE_PAGE_HEADER_COUNT] = {
        "Cache-Control: no-store",
        "Referrer-Policy: no-referrer",
        "X-Content-Type-Options: nosniff",
    };
    char line[128];

    for (size_t i = 0; i < CHALLENGE_PAGE_HEADER_COUNT; i++) {
        struct buf buf;
        buf_fixed(&buf, line, sizeof(line));
        buf_addf(&buf, "%.*s: %.*s", STR_ARG(challenge_page_headers[i].name),
                 STR_ARG(challenge_page_headers[i].value));
        assert_string_equal(buf_c(&buf), headers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_decided),
        cmocka_unit_test(test_way_back_only_to_the_web),
        cmocka_unit_test(test_texts_cannot_become_markup),
        cmocka_unit_test(test_html_write),
        cmocka_unit_test(test_wrong_link),
        cmocka_unit_test(test_policy_allows_the_style_and_nothing_else),
        cmocka_unit_test(test_policy_lets_the_payer_go_back),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
