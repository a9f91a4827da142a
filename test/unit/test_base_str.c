#include "test_base_help.h"

#include "base/arena.h"

static void makes_and_compares(void **state)
{
    (void)state;
    assert_true(str_is_empty((struct str){ 0 }));
    assert_true(str_is_empty(str_of(NULL)));
    assert_true(str_equal(str_of(NULL), STR("")));
    assert_true(str_equal(STR("a\0b"), str_make("a\0b", 3)));
    assert_false(str_equal(STR("a\0b"), STR("a\0c")));
    assert_false(str_equal(STR("ab"), STR("abc")));
    assert_true(str_equal_c(STR("abc"), "abc"));
    assert_false(str_equal_c(STR("abc"), "ab"));
    assert_true(str_equal_nocase(STR("Content-LENGTH"), STR("content-length")));
    assert_false(str_equal_nocase(STR("abc"), STR("abd")));
    assert_false(str_equal_nocase(STR("abc"), STR("ab")));
    /* '@' and '[' stand beside the letters, and '`' and '{'. */
    assert_false(str_equal_nocase(STR("@["), STR("`{")));
    /* Not beyond ASCII: the two bytes differ by the bit that tells small from capital. */
    assert_false(str_equal_nocase(STR("\xc3\x89"), STR("\xc3\xa9")));
}

static void orders_by_bytes(void **state)
{
    (void)state;
    assert_int_equal(str_compare(STR(""), (struct str){ 0 }), 0);
    assert_int_equal(str_compare(STR("abc"), STR("abc")), 0);
    assert_true(str_compare(STR("ab"), STR("abc")) < 0);
    assert_true(str_compare(STR("abc"), STR("ab")) > 0);
    assert_true(str_compare(STR("b"), STR("abc")) > 0);
    assert_true(str_compare(STR("\x7f"), STR("\x80")) < 0);
}

static void knows_beginnings_and_ends(void **state)
{
    (void)state;
    assert_true(str_starts_with(STR("psk_test_1"), STR("psk_test_")));
    assert_true(str_starts_with(STR("a"), STR("")));
    assert_true(str_starts_with(STR("a"), STR("a")));
    assert_false(str_starts_with(STR("a"), STR("ab")));
    assert_false(str_starts_with(STR("xa"), STR("a")));
    assert_true(str_ends_with(STR("x.json"), STR(".json")));
    assert_true(str_ends_with(STR("x"), STR("")));
    assert_false(str_ends_with(STR("json"), STR(".json")));
    assert_false(str_ends_with(STR("x.jsonp"), STR(".json")));
}

static void slices_within_bounds(void **state)
{
    (void)state;
    assert_str(str_slice(STR("abcdef"), 2, 3), "cde");
    assert_str(str_slice(STR("abcdef"), 0, 99), "abcdef");
    assert_str(str_slice(STR("abcdef"), 5, SIZE_MAX), "f");
    assert_str(str_slice(STR("abcdef"), 6, 1), "");
    assert_str(str_slice(STR("abcdef"), SIZE_MAX, SIZE_MAX), "");
    assert_str(str_trim(STR(" \t a b\t ")), "a b");
    assert_str(str_trim(STR(" \t ")), "");
    assert_str(str_trim(STR("\na\r")), "\na\r");
    assert_str(str_trim((struct str){ 0 }), "");
}

static void finds_and_cuts(void **state)
{
    (void)state;
    assert_int_equal(str_find_char(STR("a,b,c"), ',', 0), 1);
    assert_int_equal(str_find_char(STR("a,b,c"), ',', 1), 1);
    assert_int_equal(str_find_char(STR("a,b,c"), ',', 2), 3);
    assert_int_equal(str_find_char(STR("a,b,c"), ';', 0), 5);
    assert_int_equal(str_find_char(STR("a"), 'a', 9), 1);

    struct str rest = STR("a,,bc");
    struct str head = { 0 };
    assert_true(str_cut(&rest, ',', &head));
    assert_str(head, "a");
    assert_true(str_cut(&rest, ',', &head));
    assert_str(head, "");
    assert_true(str_cut(&rest, ',', &head));
    assert_str(head, "bc");
    assert_false(str_cut(&rest, ',', &head));
    assert_str(head, "bc");

    rest = STR("a,");
    assert_true(str_cut(&rest, ',', &head));
    assert_false(str_cut(&rest, ',', &head));
    rest = STR("");
    assert_false(str_cut(&rest, ',', &head));
    rest = (struct str){ 0 };
    assert_false(str_cut(&rest, ',', &head));
}

static void copies_with_a_nul(void **state)
{
    struct arena arena = { 0 };
    char text[] = "abcdef";

    (void)state;
    struct str copy = str_copy(&arena, str_make(text, 3));
    text[0] = 'x';
    assert_str(copy, "abc");
    assert_int_equal(copy.ptr[3], '\0');
    assert_string_equal(str_c(&arena, STR("q")), "q");
    assert_string_equal(str_c(&arena, (struct str){ 0 }), "");
    arena_done(&arena);
}

static void reads_signed_numbers(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "007", true, 7 },
        { "-1", true, -1 },
        { "9223372036854775807", true, INT64_MAX },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775808", true, INT64_MIN },
        { "-9223372036854775809", false, 0 },
        { "18446744073709551616", false, 0 },
        { "99999999999999999999999", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { "--1", false, 0 },
        { "+1", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "1.0", false, 0 },
        { "1e3", false, 0 },
        { "0x10", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t value = 4711;
        assert_int_equal(str_to_i64(str_of(cases[i].text), &value), cases[i].ok);
        assert_true(value == (cases[i].ok ? cases[i].value : 4711));
    }
}

static void reads_unsigned_numbers(void **state)
{
    uint64_t value = 4711;

    (void)state;
    assert_false(str_to_u64(STR("18446744073709551616"), &value));
    assert_false(str_to_u64(STR("-1"), &value));
    assert_false(str_to_u64(STR(""), &value));
    assert_false(str_to_u64(STR("1/"), &value));
    assert_false(str_to_u64(STR("1:"), &value));
    assert_true(value == 4711);
    assert_true(str_to_u64(STR("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
}

/* The borders of RFC 3629's table, from both sides. */
static void knows_utf8(void **state)
{
    static const struct {
        struct str text;
        bool ok;
    } cases[] = {
        { STR_INIT(""), true },
        { STR_INIT("plain"), true },
        { STR_INIT("a\0b"), true },
        { STR_INIT("\x7f"), true },
        { STR_INIT("\x80"), false },
        { STR_INIT("\xbf"), false },
        { STR_INIT("\xc0\x80"), false },
        { STR_INIT("\xc1\xbf"), false },
        { STR_INIT("\xc2\x80"), true },
        { STR_INIT("\xc2\x7f"), false },
        { STR_INIT("\xc2\xc0"), false },
        { STR_INIT("\xdf\xbf"), true },
        { STR_INIT("\xdf"), false },
        { STR_INIT("\xe0\x9f\xbf"), false },
        { STR_INIT("\xe0\xa0\x80"), true },
        { STR_INIT("\xe1\x80\x80"), true },
        { STR_INIT("\xe1\x80"), false },
        { STR_INIT("\xe1\x80\xc0"), false },
        { STR_INIT("\xed\x9f\xbf"), true },
        { STR_INIT("\xed\xa0\x80"), false }, /* U+D800 */
        { STR_INIT("\xed\xbf\xbf"), false }, /* U+DFFF */
        { STR_INIT("\xee\x80\x80"), true },
        { STR_INIT("\xef\xbf\xbf"), true },
        { STR_INIT("\xf0\x8f\xbf\xbf"), false },
        { STR_INIT("\xf0\x90\x80\x80"), true },
        { STR_INIT("\xf0\x90\x80"), false },
        { STR_INIT("\xf3\xbf\xbf\xbf"), true },
        { STR_INIT("\xf4\x8f\xbf\xbf"), true }, /* U+10FFFF */
        { STR_INIT("\xf4\x90\x80\x80"), false },
        { STR_INIT("\xf5\x80\x80\x80"), false },
        { STR_INIT("\xf8\x88\x80\x80\x80"), false },
        { STR_INIT("\xff"), false },
        { STR_INIT("ok \xc3\xa9 then \xe2\x82"), false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (str_is_utf8(cases[i].text) != cases[i].ok)
            fail_msg("case %zu", i);
    }
    /* A text that ends inside a character is not read beyond its end. */
    assert_int_equal(str_utf8_step(str_make("\xe2\x82\xac", 2), 0), 0);
    assert_int_equal(str_utf8_step(STR("a\xe2\x82\xac"), 1), 3);
    assert_int_equal(str_utf8_step(STR("a"), 1), 0);
    assert_int_equal(str_utf8_count(STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")), 4);
    assert_int_equal(str_utf8_count((struct str){ 0 }), 0);
}

static void knows_visible_ascii(void **state)
{
    (void)state;
    assert_true(str_is_visible_ascii(STR("!~")));
    assert_false(str_is_visible_ascii(STR("")));
    assert_false(str_is_visible_ascii(STR("a b")));
    assert_false(str_is_visible_ascii(STR("\x7f")));
    assert_false(str_is_visible_ascii(STR("\xc3\xa9")));
    assert_false(str_is_visible_ascii(STR("a\n")));
    assert_false(str_is_visible_ascii(STR("a\0")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_and_compares),
        cmocka_unit_test(orders_by_bytes),
        cmocka_unit_test(knows_beginnings_and_ends),
        cmocka_unit_test(slices_within_bounds),
        cmocka_unit_test(finds_and_cuts),
        cmocka_unit_test(copies_with_a_nul),
        cmocka_unit_test(reads_signed_numbers),
        cmocka_unit_test(reads_unsigned_numbers),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(knows_visible_ascii),
    };
    return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
