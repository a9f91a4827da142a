#include "test_base_help.h"

#include "base/arena.h"
#include "base/id.h"
#include "base/json.h"

static struct arena arena;

static struct str written(const char *prefix, struct id id)
{
    struct buf buf;

    buf_init(&buf, &arena, ID_TEXT_MAX);
    id_write(&buf, prefix, id);
    assert_true(buf_ok(&buf));
    return buf_str(&buf);
}

static const struct json *read_cases(const char *path)
{
    struct buf text;
    char piece[4096];
    size_t got = 0;
    const struct json *cases = NULL;
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    buf_init(&text, &arena, 1024 * 1024);
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add_bytes(&text, piece, got);
    fclose(file);
    assert_int_equal(json_parse(buf_str(&text), &arena, &cases, NULL), OK);
    assert_int_equal(json_type(cases), JSON_ARRAY);
    return cases;
}

static struct str uuid_text(struct id id)
{
    struct buf buf;

    buf_init(&buf, &arena, 64);
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            buf_add_char(&buf, '-');
        buf_add_hex(&buf, &id.bytes[i], 1);
    }
    return buf_str(&buf);
}

static void reads_the_specifications_valid_ids(void **state)
{
    struct json_cursor cursor;
    const struct json *item = NULL;
    size_t count = 0;

    (void)state;
    json_each(&cursor, read_cases("test/data/typeid/valid.json"));
    for (; json_next(&cursor, NULL, &item); count++) {
        struct str text = json_text(json_get(item, "typeid"));
        struct str prefix = { 0 };
        struct str expected_prefix = json_text(json_get(item, "prefix"));
        struct id id = { 0 };

        assert_true(id_parse_any(text, &prefix, &id));
        assert_str(prefix, str_c(&arena, expected_prefix));
        assert_str(uuid_text(id), str_c(&arena, json_text(json_get(item, "uuid"))));
        assert_str(written(str_c(&arena, prefix), id), str_c(&arena, text));
        assert_true(id_parse(text, str_c(&arena, prefix), &id));
        assert_false(id_parse(text, "other", &id));
    }
    assert_true(count >= 9);
    arena_done(&arena);
}

static void refuses_the_specifications_invalid_ids(void **state)
{
    struct json_cursor cursor;
    const struct json *item = NULL;
    size_t count = 0;

    (void)state;
    json_each(&cursor, read_cases("test/data/typeid/invalid.json"));
    for (; json_next(&cursor, NULL, &item); count++) {
        struct str text = json_text(json_get(item, "typeid"));
        struct str prefix = STR("untouched");
        struct id id = { 0 };

        if (id_parse_any(text, &prefix, &id))
            fail_msg("accepted: %.*s", STR_ARG(text));
        assert_str(prefix, "untouched");
        assert_true(id_is_zero(id));
    }
    assert_true(count >= 19);
    arena_done(&arena);
}

static void refuses_near_misses(void **state)
{
    static const struct str cases[] = {
        STR_INIT(""),
        STR_INIT("pay_"),
        STR_INIT("pay"),
        STR_INIT("01h455vb4pex5vsknk084sn02q"),
        STR_INIT("pay_01h455vb4pex5vsknk084sn02"),
        STR_INIT("pay_01h455vb4pex5vsknk084sn02qq"),
        STR_INIT("pay_01h455vb4pex5vsknk084sn02Q"),
        STR_INIT("pay_81h455vb4pex5vsknk084sn02q"),
        STR_INIT("pay_01h455vb4pex5vsknk084sn02l"),
        STR_INIT("pay_01h455vb4pex5vsknk084sn02\0"),
        STR_INIT("pay-01h455vb4pex5vsknk084sn02q"),
        STR_INIT("payy_01h455vb4pex5vsknk084sn02q"),
        STR_INIT("ref_01h455vb4pex5vsknk084sn02q"),
        STR_INIT("PAY_01h455vb4pex5vsknk084sn02q"),
        STR_INIT(" pay_01h455vb4pex5vsknk084sn02q"),
        STR_INIT("pay_01h455vb4pex5vsknk084sn02q "),
    };
    struct payment_id id = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (payment_id_parse(cases[i], &id))
            fail_msg("case %zu", i);
        assert_true(payment_id_is_zero(id));
    }
    assert_true(payment_id_parse(STR("pay_01h455vb4pex5vsknk084sn02q"), &id));
    assert_false(payment_id_is_zero(id));
}

static void each_kind_has_its_prefix(void **state)
{
    struct outside_fake fake;
    struct id_maker maker = { .outside = &fake.outside };

    (void)state;
    outside_fake_init(&fake, 0, 1);
#define X(kind, prefix)                                                                            \
    {                                                                                              \
        struct kind##_id made = kind##_id_make(&maker, 1000);                                      \
        struct kind##_id read = { 0 };                                                             \
        struct buf buf;                                                                            \
        buf_init(&buf, &arena, ID_TEXT_MAX);                                                       \
        kind##_id_write(&buf, made);                                                               \
        assert_true(str_starts_with(buf_str(&buf), STR(prefix "_")));                              \
        assert_int_equal(buf.len, strlen(prefix) + 1 + ID_TEXT_SUFFIX_LEN);                        \
        assert_true(kind##_id_parse(buf_str(&buf), &read));                                        \
        assert_true(kind##_id_equal(made, read));                                                  \
        assert_false(kind##_id_is_zero(read));                                                     \
    }
    ID_KINDS(X)
#undef X
    arena_done(&arena);
}

static void longest_text_fits(void **state)
{
    static const char prefix[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk";
    char array[ID_TEXT_MAX];
    struct buf buf;
    struct id id;

    (void)state;
    memset(id.bytes, 0xff, sizeof id.bytes);
    buf_fixed(&buf, array, sizeof array);
    id_write(&buf, prefix, id);
    assert_true(buf_ok(&buf));
    assert_true(id_parse(buf_str(&buf), prefix, &id));
}

static void made_ids_are_uuid_v7(void **state)
{
    struct id_maker maker = { .outside = outside_real() };

    (void)state;
    struct id id = id_make(&maker, INT64_C(0x0123456789ab));
    assert_int_equal(id.bytes[6] >> 4, 7);
    assert_int_equal(id.bytes[8] >> 6, 2);
    assert_true(id_time_ms(id) == INT64_C(0x0123456789ab));
    assert_false(id_equal(id, id_make(&maker, INT64_C(0x0123456789ab))));
    id = id_make(&maker, (INT64_C(1) << 48) - 1);
    assert_true(id_time_ms(id) == (INT64_C(1) << 48) - 1);
}

/* Through a full millisecond, a standing clock, one that steps back and one that goes on. */
static void made_ids_always_increase(void **state)
{
    struct outside_fake fake;
    struct id_maker maker = { .outside = &fake.outside };
    struct id last = { 0 };
    int64_t now_ms = 1772366400000;

    (void)state;
    outside_fake_init(&fake, now_ms, 7);
    for (int i = 0; i < 20000; i++) {
        if (i == 10000)
            now_ms -= 60000;
        if (i > 15000)
            now_ms += 20;
        struct id id = id_make(&maker, now_ms);
        assert_true(id_compare(last, id) < 0);
        last = id;
    }
    /* 4,096 ids in each borrowed millisecond, until the clock has caught up. */
    assert_true(id_time_ms(last) == 1772366400000 - 60000 + 4999 * 20);
}

static void a_full_millisecond_borrows_the_next(void **state)
{
    struct outside_fake fake;
    struct id_maker maker = { .outside = &fake.outside };

    (void)state;
    outside_fake_init(&fake, 0, 7);
    for (int i = 0; i < 4096; i++)
        assert_true(id_time_ms(id_make(&maker, 5000)) == 5000);
    assert_true(id_time_ms(id_make(&maker, 5000)) == 5001);
    assert_true(id_time_ms(id_make(&maker, 5001)) == 5001);
    assert_true(id_time_ms(id_make(&maker, 5002)) == 5002);
}

static void compares(void **state)
{
    struct id a = { { 1, 2, 3 } };
    struct id b = { { 1, 2, 4 } };

    (void)state;
    assert_true(id_is_zero((struct id){ 0 }));
    assert_false(id_is_zero((struct id){ { [15] = 1 } }));
    assert_true(id_equal(a, a));
    assert_false(id_equal(a, b));
    assert_true(id_compare(a, b) < 0);
    assert_true(id_compare(b, a) > 0);
    assert_int_equal(id_compare(a, a), 0);
}

static void beyond_48_bits(void)
{
    struct id_maker maker = { .outside = outside_real() };

    id_make(&maker, INT64_C(1) << 48);
}

static void impossible_times_stop_the_program(void **state)
{
    (void)state;
    assert_true(stops(beyond_48_bits));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_specifications_valid_ids),
        cmocka_unit_test(refuses_the_specifications_invalid_ids),
        cmocka_unit_test(refuses_near_misses),
        cmocka_unit_test(each_kind_has_its_prefix),
        cmocka_unit_test(longest_text_fits),
        cmocka_unit_test(made_ids_are_uuid_v7),
        cmocka_unit_test(made_ids_always_increase),
        cmocka_unit_test(a_full_millisecond_borrows_the_next),
        cmocka_unit_test(compares),
        cmocka_unit_test(impossible_times_stop_the_program),
    };
    return cmocka_run_group_tests_name("base/id", tests, NULL, NULL);
}
