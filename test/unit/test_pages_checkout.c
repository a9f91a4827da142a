/* The payer's page as a browser gets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pages/checkout.h"

static char text[CHECKOUT_PAGE_MAX];

static const char *written(const struct checkout_page *page)
{
    struct buf buf;

    buf_fixed(&buf, text, sizeof text);
    checkout_page_write(&buf, page);
    assert_true(buf_ok(&buf));
    return buf_c(&buf);
}

static bool has(const char *page, const char *part)
{
    return strstr(page, part) != NULL;
}

static const struct receipt receipt = { .number = STR_INIT("01M8"), .captured_minor = 123456 };
static const struct checkout_page card = {
    .receipt = &receipt,
    .view = CHECKOUT_VIEW_CARD,
    .language = STR_INIT("en"),
    .amount = { 123456, CURRENCY_EUR },
    .shop = STR_INIT("Tea <& Co>"),
    .description = STR_INIT("\"Two\" cups"),
    .form = STR_INIT("0-abc"),
};

static void texts_are_escaped(void **state)
{
    (void)state;
    const char *page = written(&card);
    assert_true(has(page, "Tea &lt;&amp; Co&gt;"));
    assert_false(has(page, "<& Co"));
    assert_true(has(page, "1,234.56\xc2\xa0" "EUR"));
    assert_true(has(page, "Test mode: no money moves."));
}

static void only_the_sandbox_has_a_card_form(void **state)
{
    struct checkout_page page = card;
    (void)state;
    for (unsigned view = 0; view <= CHECKOUT_VIEW_BUSY; view++) {
        page.view = view;
        assert_int_equal(has(written(&page), "cc-number"), view == CHECKOUT_VIEW_CARD);
    }
}

/* Each page can be read by itself: a title, one heading, and a way on where there is one. */
static void every_page_is_whole(void **state)
{
    struct checkout_page page = card;
    static const char *const languages[] = { "en", "ru", "kk", "fr", "de", "cy" };
    (void)state;
    page.back_url = STR("https://shop.test/?a=1&b=2");
    page.bank_url = STR("https://bank.test/");
    for (unsigned view = 0; view <= CHECKOUT_VIEW_BUSY; view++)
        for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++) {
            page.view = view;
            page.language = str_of(languages[i]);
            const char *html = written(&page);
            assert_true(has(html, languages[i]));
            assert_non_null(strstr(html, "<h1>"));
            assert_null(strstr(strstr(html, "<h1>") + 1, "<h1>"));
            assert_true(has(html, "<title>") && has(html, "</html>"));
            assert_true(has(html, "https://shop.test/?a=1&amp;b=2"));
            assert_false(has(html, "<script"));
        }
}

static void no_link_leads_into_a_script(void **state)
{
    struct checkout_page page = card;
    (void)state;
    page.view = CHECKOUT_VIEW_BANK;
    page.bank_url = STR("javascript:alert(1)");
    page.back_url = STR("data:text/html,x");
    assert_false(has(written(&page), "javascript:"));
    assert_false(has(written(&page), "data:text"));
}

static void the_policy_lets_in_what_is_there(void **state)
{
    struct checkout_page page = card;
    struct buf buf;
    (void)state;
    buf_fixed(&buf, text, sizeof text);
    checkout_page_write_policy(&buf, &page);
    assert_false(has(buf_c(&buf), "script") || has(buf_c(&buf), "img-src"));
    page.nonce = STR("abc");
    page.logo = STR("AAAA");
    buf_clear(&buf);
    checkout_page_write_policy(&buf, &page);
    assert_true(has(buf_c(&buf), "'nonce-abc'") && has(buf_c(&buf), "img-src data:"));
    assert_false(has(buf_c(&buf), "unsafe"));
}

/* What a merchant writes stands in a script: it must neither end it nor begin another. */
static void a_gateways_script_gets_its_object(void **state)
{
    const struct gateway_page widget = {
        STR_INIT("https://bank.test/a.js?b&c"), "bank.pay",
        STR_INIT("{\"a\":\"</script>\xe2\x80\xa8\"}"), STR_INIT("https://bank.test"),
    };
    struct checkout_page page = card;
    struct buf buf;
    (void)state;
    page.view = CHECKOUT_VIEW_WIDGET;
    page.nonce = STR("n0");
    assert_false(has(written(&page), "<script"));
    page.widget = &widget;
    const char *html = written(&page);
    assert_true(has(html, "src=\"https://bank.test/a.js?b&amp;c\" nonce=\"n0\""));
    assert_true(has(html, "{\"a\":\"\\u003c/script\\u003e\\u2028\"}"));
    assert_true(has(html, "bank.pay(object)"));
    buf_fixed(&buf, text, sizeof text);
    checkout_page_write_policy(&buf, &page);
    assert_true(has(buf_c(&buf), "script-src 'nonce-n0' https://bank.test;"));
    assert_true(has(buf_c(&buf), "form-action 'self' https://bank.test;"));
}

static void languages_are_chosen(void **state)
{
    static const struct {
        const char *wish, *accepted, *spoken;
    } cases[] = {
        { "", "", "en" },     { "de", "fr", "de" },        { "xx", "fr", "fr" },
        { "", "fr-CA", "fr" }, { "", "xx, KK;q=0.5", "kk" }, { "", "*", "en" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(str_equal_c(checkout_page_language(str_of(cases[i].wish),
                                                       str_of(cases[i].accepted)),
                                cases[i].spoken));
}

static void amounts_have_their_currencys_places(void **state)
{
    struct buf buf;
    (void)state;
    buf_fixed(&buf, text, sizeof text);
    checkout_page_write_amount(&buf, (struct money){ 1000, CURRENCY_JPY }, STR("de"));
    assert_string_equal(buf_c(&buf), "1.000\xc2\xa0JPY");
    buf_clear(&buf);
    checkout_page_write_amount(&buf, (struct money){ 1250, CURRENCY_KWD }, STR("fr"));
    assert_string_equal(buf_c(&buf), "1,250\xc2\xa0KWD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(only_the_sandbox_has_a_card_form),
        cmocka_unit_test(every_page_is_whole),
        cmocka_unit_test(no_link_leads_into_a_script),
        cmocka_unit_test(the_policy_lets_in_what_is_there),
        cmocka_unit_test(a_gateways_script_gets_its_object),
        cmocka_unit_test(languages_are_chosen),
        cmocka_unit_test(amounts_have_their_currencys_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
