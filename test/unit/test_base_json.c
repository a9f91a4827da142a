#include "test_base_help.h"

#include <dirent.h>
#include <pthread.h>

#include "base/arena.h"
#include "base/json.h"

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static const struct json *parse(struct str text)
{
    const struct json *value = NULL;
    struct str why = { 0 };

    if (json_parse(text, &arena, &value, &why) != OK)
        fail_msg("%.*s: %.*s", STR_ARG(text), STR_ARG(why));
    return value;
}

static struct str written_again(const struct json *value)
{
    struct buf buf;
    struct json_out out;

    buf_init(&buf, &arena, 1024 * 1024);
    json_begin(&out, &buf);
    json_put_value(&out, NULL, value);
    json_done(&out);
    assert_true(buf_ok(&buf));
    return buf_str(&buf);
}

static struct str file_text(const char *folder, const char *name)
{
    struct buf text;
    char piece[4096];
    size_t got = 0;
    struct str path = str_format(&arena, "%s/%s", folder, name);
    FILE *file = fopen(path.ptr, "rb");

    assert_non_null(file);
    buf_init(&text, &arena, 1024 * 1024);
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add_bytes(&text, piece, got);
    fclose(file);
    assert_true(buf_ok(&text));
    return buf_str(&text);
}

/* Valid JSON that purser refuses, as json.h says. */
static bool refused_on_purpose(const char *name)
{
    static const char *const names[] = {
        "y_object_duplicated_key.json",
        "y_object_duplicated_key_and_value.json",
        "y_object_escaped_null_in_key.json",
        "y_string_null_escape.json",
    };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static void passes_the_parsing_test_suite(void **state)
{
    static const char folder[] = "test/data/json";
    unsigned counts[128] = { 0 };
    DIR *files = opendir(folder);

    (void)state;
    assert_non_null(files);
    for (struct dirent *file = readdir(files); file != NULL; file = readdir(files)) {
        const struct json *value = NULL;
        struct str why = { 0 };

        if (!str_ends_with(str_of(file->d_name), STR(".json")))
            continue;
        enum err err = json_parse(file_text(folder, file->d_name), &arena, &value, &why);
        bool accept = file->d_name[0] == 'y' && !refused_on_purpose(file->d_name);
        if (file->d_name[0] != 'i' && accept != (err == OK))
            fail_msg("%s: %d %.*s", file->d_name, (int)err, STR_ARG(why));
        /* What was accepted can be written, and reads as the same. */
        if (err == OK) {
            struct str text = written_again(value);
            assert_str(written_again(parse(text)), str_c(&arena, text));
        } else {
            assert_true(str_starts_with(why, STR("Line ")) && str_ends_with(why, STR(".")));
        }
        counts[(unsigned char)file->d_name[0] & 127]++;
        arena_reset(&arena);
    }
    closedir(files);
    assert_int_equal(counts['y'], 95);
    assert_int_equal(counts['n'], 188);
    assert_int_equal(counts['i'], 35);
}

static void reads_members(void **state)
{
    const struct json *object = parse(
        STR("{\"text\":\"a\\u00e9\\n\\ud83d\\ude00\",\"empty\":\"\",\"int\":-5,\"real\":1.0,"
            "\"yes\":true,\"no\":false,\"null\":null,\"array\":[1,\"b\"],\"object\":{}}"));
    int64_t number = 4711;
    bool truth = false;

    (void)state;
    assert_true(json_is_object(object));
    assert_int_equal(json_type(object), JSON_OBJECT);
    assert_int_equal(json_type(json_get(object, "text")), JSON_TEXT);
    assert_str(json_text(json_get(object, "text")), "a\xc3\xa9\n\xf0\x9f\x98\x80");
    assert_int_equal(json_type(json_get(object, "empty")), JSON_TEXT);
    assert_str(json_text(json_get(object, "empty")), "");
    assert_int_equal(json_type(json_get(object, "int")), JSON_INT);
    assert_true(json_int(json_get(object, "int"), &number));
    assert_int_equal(number, -5);
    assert_int_equal(json_type(json_get(object, "real")), JSON_REAL);
    assert_true(json_bool(json_get(object, "yes"), &truth) && truth);
    assert_true(json_bool(json_get(object, "no"), &truth) && !truth);
    assert_int_equal(json_type(json_get(object, "yes")), JSON_BOOL);
    assert_int_equal(json_type(json_get(object, "no")), JSON_BOOL);
    assert_int_equal(json_type(json_get(object, "null")), JSON_NULL);
    assert_int_equal(json_type(json_get(object, "array")), JSON_ARRAY);
    assert_int_equal(json_count(json_get(object, "array")), 2);
    assert_int_equal(json_type(json_get(object, "object")), JSON_OBJECT);
    assert_int_equal(json_count(json_get(object, "object")), 0);
    assert_int_equal(json_count(object), 9);
}

static void other_types_are_not_that(void **state)
{
    const struct json *object = parse(STR("{\"text\":\"5\",\"int\":1,\"real\":1.0,\"yes\":true}"));
    int64_t number = 4711;
    bool truth = true;

    (void)state;
    assert_null(json_get(object, "missing"));
    assert_null(json_get(json_get(object, "int"), "x"));
    assert_null(json_get(NULL, "x"));
    assert_int_equal(json_type(NULL), JSON_MISSING);
    assert_false(json_is_object(NULL));
    assert_str(json_text(NULL), "");
    assert_str(json_text(json_get(object, "int")), "");
    assert_false(json_int(NULL, &number));
    assert_false(json_int(json_get(object, "text"), &number));
    assert_false(json_int(json_get(object, "real"), &number));
    assert_false(json_int(json_get(object, "yes"), &number));
    assert_int_equal(number, 4711);
    assert_false(json_bool(NULL, &truth));
    assert_false(json_bool(json_get(object, "int"), &truth));
    assert_true(truth);
    assert_int_equal(json_count(NULL), 0);
    assert_int_equal(json_count(json_get(object, "text")), 0);
}

static void integers_are_exact_to_64_bits(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        { "9223372036854775807", INT64_MAX },
        { "-9223372036854775808", INT64_MIN },
        { "9007199254740993", INT64_C(9007199254740993) }, /* no double has this value */
        { "-0", 0 },
    };
    static const char *const too_large[] = {
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "100000000000000000000000",
        "1e999",
    };
    static const char *const refused[] = {
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "0x10",
        "NaN",
        "Infinity",
        "-",
        "--1",
        "1 2",
    };
    static const char *const reals[] = { "1.0", "1e3", "1E+3", "-0.0", "1.5", "0e0", "1e-999" };
    const struct json *value = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t number = 4711;
        assert_true(json_int(parse(str_of(cases[i].text)), &number));
        assert_true(number == cases[i].value);
    }
    for (size_t i = 0; i < COUNT_OF(too_large); i++)
        assert_int_equal(json_parse(str_of(too_large[i]), &arena, &value, NULL), ERR_VALIDATION);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_int_equal(json_parse(str_of(refused[i]), &arena, &value, NULL), ERR_MALFORMED_JSON);
    for (size_t i = 0; i < COUNT_OF(reals); i++)
        assert_int_equal(json_type(parse(str_of(reals[i]))), JSON_REAL);
    assert_null(value);
}

static struct str nested(unsigned depth, const char *open, const char *close)
{
    struct buf buf;

    buf_init(&buf, &arena, 1024);
    for (unsigned i = 0; i < depth; i++)
        buf_add_c(&buf, open);
    buf_add_c(&buf, "1");
    for (unsigned i = 0; i < depth; i++)
        buf_add_c(&buf, close);
    return buf_str(&buf);
}

static void nesting_ends_at_32(void **state)
{
    const struct json *value = NULL;
    struct str why = { 0 };

    (void)state;
    parse(nested(32, "[", "]"));
    parse(nested(32, "{\"a\":", "}"));
    assert_int_equal(json_parse(nested(33, "[", "]"), &arena, &value, &why), ERR_MALFORMED_JSON);
    assert_str(why, "Line 1, column 33: the nesting is deeper than 32 levels.");
    assert_int_equal(json_parse(nested(33, "{\"a\":", "}"), &arena, &value, NULL),
                     ERR_MALFORMED_JSON);
    /* Brackets within texts and side by side do not nest. */
    parse(STR("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[\\\\\",\"{{\"]"));
    parse(STR("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],"
              "[],[],[],[],[],[],[],[]]"));
    /* More closing than opening ones give no credit. */
    assert_int_equal(json_parse(STR("]]]]]]]"), &arena, &value, NULL), ERR_MALFORMED_JSON);
}

/* `count` values: an array, and so many items less one. */
static enum err parse_values(size_t count, const char *item, const struct json **out)
{
    struct buf buf;

    buf_init(&buf, &arena, 1024 * 1024);
    buf_add_char(&buf, '[');
    for (size_t i = 1; i < count; i++) {
        buf_add_c(&buf, i > 1 ? "," : "");
        buf_add_c(&buf, item);
    }
    buf_add_char(&buf, ']');
    assert_true(buf_ok(&buf));
    return json_parse(buf_str(&buf), &arena, out, NULL);
}

static void values_end_at_65536(void **state)
{
    const struct json *value = NULL;

    (void)state;
    assert_int_equal(parse_values(65536, "1", &value), OK);
    assert_int_equal(json_count(value), 65535);
    assert_int_equal(parse_values(65537, "1", &value), ERR_MALFORMED_JSON);
    /* An empty array or object counts as two, what is within a text as nothing. */
    assert_int_equal(parse_values(32768, "[]", &value), OK);
    assert_int_equal(parse_values(32769, "{}", &value), ERR_MALFORMED_JSON);
    assert_int_equal(parse_values(60000, "\",[{\"", &value), OK);
}

static void says_where_and_why(void **state)
{
    static const struct {
        struct str text;
        const char *why;
    } cases[] = {
        { STR_INIT(""), "Line 1, column 0: the text ends too early." },
        { STR_INIT("{\"a\":1"), "Line 1, column 6: the text ends too early." },
        { STR_INIT("{\"a\":1,\n \"a\":2}"),
          "Line 2, column 4: an object has the same member twice." },
        { STR_INIT("{} x"), "Line 1, column 4: there is more text after the value." },
        { STR_INIT("[\"\xc3\xa9\", \"\xff\"]"), "Line 1, column 7: the text is not valid UTF-8." },
        { STR_INIT("[\"\\u0000\"]"), "Line 1, column 9: a text holds the character U+0000." },
        { STR_INIT("\n[\"\xc3\xa9\",tru\0e]"), "Line 2, column 9: the text holds a NUL byte." },
        { STR_INIT("[99999999999999999999]"), "Line 1, column 21: a number is too large." },
        { STR_INIT("[1e999]"), "Line 1, column 6: a number is too large." },
        { STR_INIT("{\"4242424242424242\"}"), "Line 1, column 20: the syntax is wrong." },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct json *value = NULL;
        struct str why = { 0 };
        assert_int_not_equal(json_parse(cases[i].text, &arena, &value, &why), OK);
        assert_str(why, cases[i].why);
    }
}

/* jansson alone accepts these. */
static void refuses_nul_bytes_everywhere(void **state)
{
    static const struct str cases[] = {
        STR_INIT("123\0"), STR_INIT("[true\0]"), STR_INIT("\0[1]"),
        STR_INIT("[1]\0"), STR_INIT("[1\0,2]"),  STR_INIT("[\"a\0b\"]"),
    };
    const struct json *value = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(json_parse(cases[i], &arena, &value, NULL), ERR_MALFORMED_JSON);
}

static void walks_in_order(void **state)
{
    struct json_cursor cursor;
    struct str name = { 0 };
    const struct json *value = NULL;
    struct buf seen;

    (void)state;
    buf_init(&seen, &arena, 1024);
    json_each(&cursor, parse(STR("{\"z\":1,\"a\":2,\"m\":3,\"\":4}")));
    while (json_next(&cursor, &name, &value)) {
        int64_t number = 0;
        assert_true(json_int(value, &number));
        buf_addf(&seen, "%.*s=%d ", STR_ARG(name), (int)number);
    }
    assert_string_equal(buf_c(&seen), "z=1 a=2 m=3 =4 ");
    assert_false(json_next(&cursor, &name, &value));

    buf_clear(&seen);
    json_each(&cursor, parse(STR("[\"x\",\"y\"]")));
    while (json_next(&cursor, &name, &value)) {
        assert_str(name, "");
        buf_add(&seen, json_text(value));
    }
    assert_string_equal(buf_c(&seen), "xy");

    json_each(&cursor, NULL);
    assert_false(json_next(&cursor, NULL, &value));
    json_each(&cursor, parse(STR("\"text\"")));
    assert_false(json_next(&cursor, NULL, &value));
    json_each(&cursor, parse(STR("{}")));
    assert_false(json_next(&cursor, NULL, &value));
}

static void many_members_keep_their_order(void **state)
{
    struct buf buf;
    struct json_out out;

    (void)state;
    buf_init(&buf, &arena, 100000);
    json_begin(&out, &buf);
    json_open_object(&out, NULL);
    for (int i = 0; i < 2000; i++)
        json_put_int(&out, str_format(&arena, "m%d", i * 7919 % 2000).ptr, i);
    json_close_object(&out);
    json_done(&out);
    assert_str(written_again(parse(buf_str(&buf))), buf_c(&buf));
}

static void writes_what_was_read(void **state)
{
    static const char *const same[] = {
        "null",
        "true",
        "-9223372036854775808",
        "\"\"",
        "[]",
        "{}",
        "[[],{}]",
        "{\"b\":[1,\"x\",{\"a\":null}],\"a\":false}",
        "[0.1,-0.0,1.5,1e+300,2.5e-08,1.7976931348623157e+308,4.94065645841247e-324]",
        "\"\\\"\\\\/\\n\\r\\t\\u0001\\u001f\\u007f\\u0080\\u009f\xc2\xa0\xc3\xa9\xf0\x9f\x98\x80\"",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(same); i++)
        assert_str(written_again(parse(str_of(same[i]))), same[i]);
    assert_str(written_again(NULL), "null");
    /* Other ways of writing the same thing. */
    assert_str(written_again(parse(STR(" [ 1.50 , \"\\/\\u0041\\b\\f\" ,\t1E2,100.0 ] "))),
               "[1.5,\"/A\\u0008\\u000c\",100.0,100.0]");
}

static void writes_objects(void **state)
{
    struct buf buf;
    struct json_out out;

    (void)state;
    buf_init(&buf, &arena, 4096);
    json_begin(&out, &buf);
    json_open_object(&out, NULL);
    json_put_text(&out, "text", STR("a\"b"));
    json_put_text(&out, "empty", (struct str){ 0 });
    json_put_text_or_null(&out, "none", STR(""));
    json_put_text_or_null(&out, "some", STR("x"));
    json_put_int(&out, "min", INT64_MIN);
    json_put_bool(&out, "yes", true);
    json_put_bool(&out, "no", false);
    json_put_null(&out, "null");
    json_put_time(&out, "at", 1772366400000);
    json_put_time(&out, "never", 0);
    json_put_raw(&out, "raw", STR("{\"x\":1}"));
    json_put_raw(&out, "nothing", STR(""));
    json_open_array(&out, "list");
    json_put_int(&out, NULL, 1);
    json_open_object(&out, NULL);
    json_close_object(&out);
    json_open_array(&out, NULL);
    json_close_array(&out);
    json_put_null(&out, NULL);
    json_close_array(&out);
    json_put_int(&out, "a \"name\"", 1);
    json_close_object(&out);
    json_done(&out);
    assert_string_equal(
        buf_c(&buf),
        "{\"text\":\"a\\\"b\",\"empty\":\"\",\"none\":null,\"some\":\"x\","
        "\"min\":-9223372036854775808,\"yes\":true,\"no\":false,\"null\":null,"
        "\"at\":\"2026-03-01T12:00:00.000Z\",\"never\":null,\"raw\":{\"x\":1},\"nothing\":null,"
        "\"list\":[1,{},[],null],\"a \\\"name\\\"\":1}");
}

/* One replacement for each bad byte, and the good ones around it stay. */
static void bad_bytes_are_replaced(void **state)
{
    static const struct {
        struct str text;
        const char *json;
    } cases[] = {
        { STR_INIT("a\xff\xfe z"), "\"a\xef\xbf\xbd\xef\xbf\xbd z\"" },
        { STR_INIT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { STR_INIT("\xc3"), "\"\xef\xbf\xbd\"" },
        { STR_INIT("\xc3\""), "\"\xef\xbf\xbd\\\"\"" },
        { STR_INIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { STR_INIT("\0"), "\"\\u0000\"" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf buf;
        buf_init(&buf, &arena, 1024);
        json_write_text(&buf, cases[i].text);
        assert_str(buf_str(&buf), cases[i].json);
        assert_true(str_is_utf8(buf_str(&buf)));
    }
}

static void overflow_is_the_buffers(void **state)
{
    char array[8];
    struct buf buf;
    struct json_out out;

    (void)state;
    buf_fixed(&buf, array, sizeof array);
    json_begin(&out, &buf);
    json_open_array(&out, NULL);
    json_put_text(&out, NULL, STR("too long for it"));
    json_close_array(&out);
    json_done(&out);
    assert_false(buf_ok(&buf));
}

static void leave_a_bracket_open(void)
{
    char array[8];
    struct buf buf;
    struct json_out out;

    buf_fixed(&buf, array, sizeof array);
    json_begin(&out, &buf);
    json_open_object(&out, NULL);
    json_done(&out);
}

static void close_too_many(void)
{
    char array[8];
    struct buf buf;
    struct json_out out;

    buf_fixed(&buf, array, sizeof array);
    json_begin(&out, &buf);
    json_close_array(&out);
}

static void unbalanced_brackets_stop_the_program(void **state)
{
    (void)state;
    assert_true(stops(leave_a_bracket_open));
    assert_true(stops(close_too_many));
}

/* Each thread has an arena of its own; values of one are not those of another. */
static void *parse_many(void *number)
{
    struct arena own = { 0 };
    size_t bad = 0;

    for (int i = 0; i < 300; i++) {
        const struct json *value = NULL;
        int64_t read = -1;
        struct str text = str_format(&own, "{\"n\":%d,\"a\":[1,2,3],\"t\":\"%d\"}",
                                     *(int *)number * 1000 + i, i);
        if (json_parse(text, &own, &value, NULL) != OK || !json_int(json_get(value, "n"), &read) ||
            read != *(int *)number * 1000 + i)
            bad++;
        arena_reset(&own);
    }
    arena_done(&own);
    return bad == 0 ? number : NULL;
}

static void threads_parse_side_by_side(void **state)
{
    pthread_t threads[4];
    int numbers[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, parse_many, &numbers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &numbers[i]);
    }
}

static void numbers_can_be_read_as_written(void **state)
{
    (void)state;
    const struct json *doc = NULL;
    struct str text = STR("{ \"a\":100.10 ,\"b\" : -0,\"c\":[1,2.50e+3 , \"7\",true],"
                          "\"d 1,2\":\"x\\\":3,\", \"e\":12345678901234567890123}");
    assert_int_equal(json_parse_exact(text, &arena, &doc, NULL), OK);
    assert_str(json_text(json_get(doc, "a")), "100.10");
    assert_str(json_text(json_get(doc, "b")), "-0");
    assert_str(json_text(json_get(doc, "d 1,2")), "x\":3,");
    assert_str(json_text(json_get(doc, "e")), "12345678901234567890123");
    assert_str(written_again(json_get(doc, "c")), "[\"1\",\"2.50e+3\",\"7\",true]");
    assert_int_equal(json_parse_exact(STR("7"), &arena, &doc, NULL), OK);
    assert_str(json_text(doc), "7");

    static const char *const no_json[] = { "", "{1:2}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}",
                                           "[1 2]", "[1\"a\"]", "1 2", "[-]", "[1e]", "{\"a\":1",
                                           "{\"a\":+1}", "[1]x", "{\"a\":1,\"a\":2}", "[0x1]" };
    for (size_t i = 0; i < COUNT_OF(no_json); i++)
        if (json_parse_exact(str_of(no_json[i]), &arena, &doc, NULL) == OK)
            fail_msg("taken: %s", no_json[i]);
}

#define TEST(function) cmocka_unit_test_teardown(function, release)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(passes_the_parsing_test_suite),
        TEST(reads_members),
        TEST(other_types_are_not_that),
        TEST(integers_are_exact_to_64_bits),
        TEST(numbers_can_be_read_as_written),
        TEST(nesting_ends_at_32),
        TEST(values_end_at_65536),
        TEST(says_where_and_why),
        TEST(refuses_nul_bytes_everywhere),
        TEST(walks_in_order),
        TEST(many_members_keep_their_order),
        TEST(writes_what_was_read),
        TEST(writes_objects),
        TEST(bad_bytes_are_replaced),
        TEST(overflow_is_the_buffers),
        TEST(unbalanced_brackets_stop_the_program),
        TEST(threads_parse_side_by_side),
    };
    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
