#include "test_base_help.h"

#include "base/arena.h"

static void writes_all_kinds(void **state)
{
    struct arena arena = { 0 };
    struct buf buf;

    (void)state;
    buf_init(&buf, &arena, 4096);
    assert_str(buf_str(&buf), "");
    assert_string_equal(buf_c(&buf), "");
    buf_add(&buf, STR("a"));
    buf_add(&buf, (struct str){ 0 });
    buf_add_c(&buf, "bc");
    buf_add_char(&buf, ' ');
    buf_add_bytes(&buf, "xyz", 2);
    buf_add_bytes(&buf, NULL, 0);
    buf_add_hex(&buf, "\x00\x1f\xff", 3);
    buf_addf(&buf, " %d-%s", 7, "q");
    assert_true(buf_ok(&buf));
    assert_string_equal(buf_c(&buf), "abc xy001fff 7-q");
    assert_int_equal(buf_str(&buf).len, 16);
    buf_clear(&buf);
    assert_string_equal(buf_c(&buf), "");
    arena_done(&arena);
}

static void writes_numbers(void **state)
{
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { 9, "9" },
        { 10, "10" },
        { -1, "-1" },
        { INT64_MAX, "9223372036854775807" },
        { INT64_MIN, "-9223372036854775808" },
    };
    char array[64];
    struct buf buf;

    (void)state;
    buf_fixed(&buf, array, sizeof array);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&buf);
        buf_add_i64(&buf, cases[i].value);
        assert_string_equal(buf_c(&buf), cases[i].text);
    }
    buf_clear(&buf);
    buf_add_u64(&buf, UINT64_MAX);
    assert_string_equal(buf_c(&buf), "18446744073709551615");
}

/* Each writer, at the last size that fits and at the first that does not. */
static void add_seven(struct buf *buf, int how)
{
    switch (how) {
    case 0:
        buf_add(buf, STR("1234567"));
        break;
    case 1:
        buf_addf(buf, "%s", "1234567");
        break;
    case 2:
        buf_add_i64(buf, 1234567);
        break;
    case 3:
        buf_add_u64(buf, 1234567);
        break;
    case 4:
        buf_add_hex(buf, "\x12\x34\x56", 3);
        buf_add_char(buf, '7');
        break;
    default:
        fail();
    }
}

static void overflow_is_exact_and_sticks(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    for (int how = 0; how < 5; how++) {
        for (int grows = 0; grows < 2; grows++) {
            char fits[7 + 1];
            char short_by_one[6 + 1];
            struct buf buf;

            if (grows)
                buf_init(&buf, &arena, 7);
            else
                buf_fixed(&buf, fits, sizeof fits);
            add_seven(&buf, how);
            assert_true(buf_ok(&buf));
            assert_string_equal(buf_c(&buf), "1234567");
            buf_add_bytes(&buf, "", 0);
            assert_true(buf_ok(&buf));
            buf_addf(&buf, "%s", "");
            assert_true(buf_ok(&buf));

            if (grows)
                buf_init(&buf, &arena, 6);
            else
                buf_fixed(&buf, short_by_one, sizeof short_by_one);
            add_seven(&buf, how);
            assert_false(buf_ok(&buf));
            size_t len = buf.len;
            buf_add_char(&buf, 'x');
            buf_addf(&buf, "x");
            buf_add_hex(&buf, "", 0);
            assert_int_equal(buf.len, len);
            assert_string_equal(buf_c(&buf), "");
            buf_clear(&buf);
            buf_add_char(&buf, 'y');
            assert_string_equal(buf_c(&buf), "y");
        }
    }
    arena_done(&arena);
}

static void overflow_adds_nothing_of_the_piece(void **state)
{
    char array[9];
    struct buf buf;

    (void)state;
    buf_fixed(&buf, array, sizeof array);
    buf_add_c(&buf, "12345");
    buf_add_c(&buf, "6789");
    assert_false(buf_ok(&buf));
    assert_str(buf_str(&buf), "12345");

    buf_clear(&buf);
    buf_add_c(&buf, "12345");
    buf_addf(&buf, "%d", 6789);
    assert_str(buf_str(&buf), "12345");

    buf_clear(&buf);
    buf_add_c(&buf, "12345");
    buf_add_hex(&buf, "ab", 2);
    assert_false(buf_ok(&buf));
    assert_str(buf_str(&buf), "12345");

    char only_nul[1];
    buf_fixed(&buf, only_nul, sizeof only_nul);
    assert_string_equal(buf_c(&buf), "");
    buf_add_char(&buf, 'a');
    assert_false(buf_ok(&buf));
}

static void reserves_room_to_write_into(void **state)
{
    struct arena arena = { 0 };
    char array[8];
    struct buf buf;

    (void)state;
    buf_fixed(&buf, array, sizeof array);
    buf_add_c(&buf, "ab");
    char *room = buf_reserve(&buf, 5);
    assert_non_null(room);
    memcpy(room, "cdefg", 5);
    assert_str(buf_str(&buf), "ab");
    buf.len += 5;
    assert_string_equal(buf_c(&buf), "abcdefg");
    assert_non_null(buf_reserve(&buf, 0));
    assert_null(buf_reserve(&buf, 1));
    assert_false(buf_ok(&buf));
    assert_null(buf_reserve(&buf, 0));

    buf_init(&buf, &arena, 10000);
    buf_add_c(&buf, "ab");
    memset(buf_reserve(&buf, 9998), 'x', 9998);
    buf.len += 9998;
    assert_true(str_starts_with(buf_str(&buf), STR("abxx")));
    assert_null(buf_reserve(&buf, 1));
    arena_done(&arena);
}

static void grows_to_its_cap(void **state)
{
    struct arena arena = { 0 };
    struct buf buf;

    (void)state;
    buf_init(&buf, &arena, 100000);
    for (int i = 0; i < 10000; i++) {
        if (i % 3 == 0)
            arena_alloc(&arena, 8); /* so that it must move now and then */
        buf_addf(&buf, "%09d,", i);
    }
    assert_true(buf_ok(&buf));
    assert_int_equal(buf.len, 100000);
    for (int i = 0; i < 10000; i++) {
        int64_t value = -1;
        assert_true(str_to_i64(str_slice(buf_str(&buf), (size_t)i * 10, 9), &value));
        assert_int_equal(value, i);
    }
    assert_int_equal(buf_c(&buf)[100000], '\0');
    buf_add_char(&buf, 'x');
    assert_false(buf_ok(&buf));
    arena_done(&arena);
}

static void formats_into_the_arena(void **state)
{
    struct arena arena = { 0 };

    (void)state;
    struct str text = str_format(&arena, "%s=%d", "a", 1);
    assert_str(text, "a=1");
    assert_int_equal(text.ptr[text.len], '\0');
    assert_str(str_format(&arena, "%s", ""), "");
    assert_int_equal(str_format(&arena, "%*s", 64 * 1024, "").len, 64 * 1024);
    assert_int_equal(str_format(&arena, "%*s", 64 * 1024 + 1, "").len, 0);
    arena_done(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_all_kinds),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(overflow_is_exact_and_sticks),
        cmocka_unit_test(overflow_adds_nothing_of_the_piece),
        cmocka_unit_test(reserves_room_to_write_into),
        cmocka_unit_test(grows_to_its_cap),
        cmocka_unit_test(formats_into_the_arena),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
