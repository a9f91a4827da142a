#include "test_base_help.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"

#define NOW_MS 1772366400000

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct str line_of(enum log_format format, const struct log_field *fields)
{
    struct buf buf;

    buf_init(&buf, &arena, 8192);
    log_format_line(&buf, format, NOW_MS, LOG_WARN, "operation.unknown", fields);
    assert_true(buf_ok(&buf));
    return buf_str(&buf);
}

static void one_event_is_one_line(void **state)
{
    struct log_field fields[] = {
        LOG_C("operation", "op_1"),           LOG_INT("attempts", -3),      LOG_C("empty", ""),
        LOG_C("why", "no \"answer\""),        LOG_C("pair", "a=b"),         LOG_C("path", "a\\b"),
        LOG_STR("none", ((struct str){ 0 })), LOG_C("city", "K\xc3\xb6ln"), LOG_END,
    };

    (void)state;
    assert_str(line_of(LOG_JSON, fields),
               "{\"ts\":\"2026-03-01T12:00:00.000Z\",\"level\":\"warn\","
               "\"event\":\"operation.unknown\",\"operation\":\"op_1\",\"attempts\":-3,"
               "\"empty\":\"\",\"why\":\"no \\\"answer\\\"\",\"pair\":\"a=b\","
               "\"path\":\"a\\\\b\",\"none\":\"\",\"city\":\"K\xc3\xb6ln\"}\n");
    assert_str(line_of(LOG_TEXT, fields),
               "2026-03-01T12:00:00.000Z WARN  operation.unknown operation=op_1 attempts=-3 "
               "empty=\"\" why=\"no \\\"answer\\\"\" pair=\"a=b\" path=\"a\\\\b\" none=\"\" "
               "city=\"K\xc3\xb6ln\"\n");
}

static void nobody_can_forge_a_line(void **state)
{
    struct log_field fields[] = {
        LOG_C("a", "x\n2026-03-01T12:00:00.000Z ERROR forged"),
        LOG_C("b", "\x1b[31mred\x7f\xc2\x9b"
                   "31m"),
        LOG_STR("c", STR("nul\0bad\xff")),
        LOG_END,
    };

    (void)state;
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        struct str line = line_of((enum log_format)format, fields);
        assert_int_equal(str_find_char(line, '\n', 0), line.len - 1);
        assert_int_equal(str_find_char(line, '\x1b', 0), line.len);
        assert_int_equal(str_find_char(line, '\x7f', 0), line.len);
        assert_int_equal(str_find_char(line, '\0', 0), line.len);
        assert_null(strstr(str_c(&arena, line), "\xc2\x9b"));
        assert_true(str_is_utf8(line));
    }
}

static void card_numbers_do_not_pass(void **state)
{
    struct log_field fields[] = {
        LOG_C("reference", "card 4242 4242 4242 4242"),
        LOG_INT("number", INT64_C(4242424242424242)),
        LOG_INT("time_ms", NOW_MS),
        LOG_END,
    };

    (void)state;
    assert_str(line_of(LOG_TEXT, fields),
               "2026-03-01T12:00:00.000Z WARN  operation.unknown "
               "reference=\"card **** **** **** 4242\" number=************4242 "
               "time_ms=1772366400000\n");
    assert_str(line_of(LOG_JSON, fields),
               "{\"ts\":\"2026-03-01T12:00:00.000Z\",\"level\":\"warn\","
               "\"event\":\"operation.unknown\",\"reference\":\"card **** **** **** 4242\","
               "\"number\":\"************4242\",\"time_ms\":1772366400000}\n");
}

/* Wherever the cut falls, no twelve digits of a card number are on the left of it. */
static void card_numbers_do_not_pass_at_the_cut(void **state)
{
    (void)state;
    for (size_t before = 1000; before <= 1030; before++) {
        struct buf text;
        buf_init(&text, &arena, 4096);
        for (size_t i = 0; i < before; i++)
            buf_add_char(&text, 'x');
        buf_add_c(&text, "4242424242424242");
        struct log_field fields[] = { LOG_STR("t", buf_str(&text)), LOG_END };
        struct str line = line_of(LOG_TEXT, fields);
        assert_null(strstr(str_c(&arena, line), "42424"));
    }
}

static void long_values_are_cut(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, &arena, 4096);
    buf_add_char(&text, 'x');
    while (text.len < 3000)
        buf_add_c(&text, "\xc3\xa9");
    struct log_field fields[] = { LOG_STR("t", buf_str(&text)), LOG_INT("after", 1), LOG_END };
    struct str line = line_of(LOG_JSON, fields);
    const struct json *value = NULL;
    assert_int_equal(json_parse(line, &arena, &value, NULL), OK);
    struct str cut = json_text(json_get(value, "t"));
    assert_int_equal(cut.len, 1023 + 3);
    assert_true(str_ends_with(cut, STR("\xc3\xa9...")));
    assert_int_equal(json_type(json_get(value, "after")), JSON_INT);
}

static void a_full_line_stays_valid(void **state)
{
    struct log_field fields[20];
    char value_text[1024];
    size_t count = COUNT_OF(fields) - 1;

    (void)state;
    memset(value_text, 'v', sizeof value_text);
    for (size_t i = 0; i < count; i++)
        fields[i] = LOG_STR("name", str_make(value_text, 1000));
    fields[count] = LOG_END;
    for (size_t i = 0; i < count; i++)
        fields[i].name = str_format(&arena, "name%zu", i).ptr;

    /* Every size of what is left at the end. */
    for (size_t len = 900; len < 1024; len++) {
        char array[8193];
        struct buf buf;
        const struct json *value = NULL;

        fields[3].text.len = len;
        buf_fixed(&buf, array, sizeof array);
        log_format_line(&buf, LOG_JSON, NOW_MS, LOG_INFO, "e", fields);
        assert_true(buf_ok(&buf));
        assert_true(str_ends_with(buf_str(&buf), STR(",\"cut\":true}\n")));
        assert_int_equal(json_parse(buf_str(&buf), &arena, &value, NULL), OK);
    }
}

static void levels_have_names(void **state)
{
    enum log_level level = LOG_DEBUG;

    (void)state;
    assert_true(log_level_parse(STR("error"), &level));
    assert_int_equal(level, LOG_ERROR);
    assert_true(log_level_parse(STR("debug"), &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_false(log_level_parse(STR("ERROR"), &level));
    assert_false(log_level_parse(STR("warning"), &level));
    assert_false(log_level_parse(STR(""), &level));
    assert_int_equal(level, LOG_DEBUG);
}

/* What comes out of descriptor 2, with the level and the format of log_setup. */
static void events_go_to_stderr(void **state)
{
    struct outside_fake fake;
    int ends[2];
    char got[4096];

    (void)state;
    outside_fake_init(&fake, NOW_MS, 1);
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    log_setup(&fake.outside, LOG_AUTO, LOG_INFO);
    log_event(LOG_DEBUG, "dropped", LOG_END);
    log_event(LOG_INFO, "kept", LOG_C("a", "b"), LOG_INT("n", 7), LOG_END);
    log_setup(&fake.outside, LOG_TEXT, LOG_ERROR);
    log_event(LOG_WARN, "dropped", LOG_END);
    log_event(LOG_ERROR, "kept", LOG_END);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);

    ssize_t len = read(ends[0], got, sizeof got);
    close(ends[0]);
    assert_true(len > 0);
    assert_str(str_make(got, (size_t)len),
               "{\"ts\":\"2026-03-01T12:00:00.000Z\",\"level\":\"info\",\"event\":\"kept\","
               "\"a\":\"b\",\"n\":7}\n"
               "2026-03-01T12:00:00.000Z ERROR kept\n");
}

#define TEST(function) cmocka_unit_test_teardown(function, release)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(one_event_is_one_line),    TEST(nobody_can_forge_a_line),
        TEST(card_numbers_do_not_pass), TEST(card_numbers_do_not_pass_at_the_cut),
        TEST(long_values_are_cut),      TEST(a_full_line_stays_valid),
        TEST(levels_have_names),        TEST(events_go_to_stderr),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
