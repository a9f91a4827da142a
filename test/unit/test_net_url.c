#include "test_base_help.h"

#include "base/arena.h"
#include "net/url.h"

static struct arena arena;

static int done(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void decodes(void **state)
{
    static const struct {
        const char *text;
        const char *as_path;
        const char *as_form;
    } cases[] = {
        { "", "", "" },
        { "abc", "abc", "abc" },
        { "a%20b", "a b", "a b" },
        { "a+b", "a+b", "a b" },
        { "%2B%2f%3D", "+/=", "+/=" },
        { "%C3%a9", "\xc3\xa9", "\xc3\xa9" },
        { "100%25", "100%", "100%" },
        { "%2541", "%41", "%41" },
        { "%7E%01", "~\x01", "~\x01" },
    };
    struct str out;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(url_decode(str_of(cases[i].text), false, &arena, &out));
        assert_str(out, cases[i].as_path);
        assert_true(url_decode(str_of(cases[i].text), true, &arena, &out));
        assert_str(out, cases[i].as_form);
    }
}

static void refuses_what_is_no_text(void **state)
{
    static const char *const cases[] = {
        "%",     "%1",  "a%",  "%g0",    "%0g",       "% 1",          "%+1",  "%00",
        "a%00b", "%FF", "%C3", "%C0%80", "%ED%A0%80", "%F4%90%80%80", "\xff",
    };
    struct str out = STR("untouched");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (url_decode(str_of(cases[i]), false, &arena, &out))
            fail_msg("%s was decoded", cases[i]);
        if (url_decode(str_of(cases[i]), true, &arena, &out))
            fail_msg("%s was decoded as a form", cases[i]);
    }
    assert_false(url_decode(STR("a\0b"), false, &arena, &out));
    assert_str(out, "untouched");
}

static void encodes(void **state)
{
    char space[64];
    struct buf buf;

    (void)state;
    buf_fixed(&buf, space, sizeof space);
    url_encode(&buf, STR("aZ09-._~ /?&=+%\xc3\xa9"));
    assert_str(buf_str(&buf), "aZ09-._~%20%2F%3F%26%3D%2B%25%C3%A9");
}

static void takes_pairs(void **state)
{
    struct str query = STR("a=1&&b=%26+x&c&=d&e=f=g&");
    struct str name, value;
    static const char *const pairs[][2] = {
        { "a", "1" }, { "b", "& x" }, { "c", "" }, { "", "d" }, { "e", "f=g" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        assert_int_equal(url_next_pair(&query, &arena, &name, &value), 1);
        assert_str(name, pairs[i][0]);
        assert_str(value, pairs[i][1]);
    }
    assert_int_equal(url_next_pair(&query, &arena, &name, &value), 0);
    assert_int_equal(url_next_pair(&query, &arena, &name, &value), 0);
}

static void says_when_a_pair_is_malformed(void **state)
{
    static const char *const queries[] = { "%=1", "a=%", "a=%ff", "%00=1" };
    struct str name = STR("untouched");
    struct str value = STR("untouched");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        struct str query = str_of(queries[i]);
        assert_int_equal(url_next_pair(&query, &arena, &name, &value), -1);
        assert_str(name, "untouched");
        assert_str(value, "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(decodes, done),
        cmocka_unit_test_teardown(refuses_what_is_no_text, done),
        cmocka_unit_test(encodes),
        cmocka_unit_test_teardown(takes_pairs, done),
        cmocka_unit_test_teardown(says_when_a_pair_is_malformed, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
