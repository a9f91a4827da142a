#include "test_base_help.h"

#include "base/arena.h"
#include "base/origin.h"

static struct arena arena;

static int done(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void reads(void **state)
{
    static const struct {
        const char *url, *origin;
    } cases[] = {
        { "https://shop.example", "https://shop.example" },
        { "https://shop.example/a/b?c=d#e", "https://shop.example" },
        { "https://shop.example?x", "https://shop.example" },
        { "https://shop.example#x", "https://shop.example" },
        { "HTTPS://Shop.Example:443/", "https://shop.example" },
        { "http://shop.example:80", "http://shop.example" },
        { "http://shop.example:443", "http://shop.example:443" },
        { "https://shop.example:8443/", "https://shop.example:8443" },
        { "https://xn--bcher-kva.example", "https://xn--bcher-kva.example" },
        { "http://127.0.0.1:3000/", "http://127.0.0.1:3000" },
        { "http://[::1]:3000/", "http://[::1]:3000" },
        { "https://[2001:DB8::1]", "https://[2001:db8::1]" },
        /* Where a browser goes to its left side, and others to the right one. */
        { "https://evil.test\\@shop.example/", "https://evil.test" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str origin = { 0 };
        assert_true(origin_of(str_of(cases[i].url), &arena, &origin));
        assert_string_equal(str_c(&arena, origin), cases[i].origin);
    }
}

static void refuses(void **state)
{
    static const char *const cases[] = {
        "", "shop.example", "//shop.example", "ftp://shop.example", "javascript:alert(1)",
        "https:shop.example", "https://", "https:///x", "https://user@shop.example",
        "https://shop.example@evil.test", "https://*.example", "https://shop.example.",
        "https://-a.example", "https://a..b", "https://\xc3\xbc.example",
        "https://shop.example:", "https://shop.example:0", "https://shop.example:65536",
        "https://shop.example:+443", "https://shop.example:44 3", "https://shop example",
        "https://[::1", "https://[x]", "https://[::1]x", "https://a_b.example",
    };
    struct str origin;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_false(origin_of(str_of(cases[i]), &arena, &origin));
}

static void knows_this_machine(void **state)
{
    (void)state;
    assert_true(origin_is_loopback(STR("http://localhost")));
    assert_true(origin_is_loopback(STR("http://shop.localhost:3000")));
    assert_true(origin_is_loopback(STR("http://127.0.0.1:3000")));
    assert_true(origin_is_loopback(STR("http://[::1]")));
    assert_false(origin_is_loopback(STR("http://localhost.example")));
    assert_false(origin_is_loopback(STR("http://127.0.0.10")));
    assert_true(origin_is_https(STR("https://localhost")));
    assert_false(origin_is_https(STR("http://localhost")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(refuses),
        cmocka_unit_test(knows_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
