#include "test_base_help.h"

#include "base/time.h"

static void assert_written(int64_t time_ms, const char *expected)
{
    char array[32];
    struct buf buf;

    buf_fixed(&buf, array, sizeof array);
    time_write(&buf, time_ms);
    assert_string_equal(buf_c(&buf), expected);
}

static void writes_utc(void **state)
{
    (void)state;
    assert_written(0, "1970-01-01T00:00:00.000Z");
    assert_written(1, "1970-01-01T00:00:00.001Z");
    assert_written(1772366400000, "2026-03-01T12:00:00.000Z");
    assert_written(951782399999, "2000-02-28T23:59:59.999Z");
    assert_written(951782400000, "2000-02-29T00:00:00.000Z");
    assert_written(4107542400000, "2100-03-01T00:00:00.000Z");
    assert_written(4107542399999, "2100-02-28T23:59:59.999Z");
    assert_written(TIME_MAX_MS, "9999-12-31T23:59:59.999Z");
    assert_written(TIME_MAX_MS + 1, "9999-12-31T23:59:59.999Z");
    assert_written(INT64_MAX, "9999-12-31T23:59:59.999Z");
    assert_written(-1, "1970-01-01T00:00:00.000Z");
    assert_written(INT64_MIN, "1970-01-01T00:00:00.000Z");
}

static void reads_rfc3339(void **state)
{
    static const struct {
        const char *text;
        int64_t time_ms;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2026-03-01T12:00:00.000Z", 1772366400000 },
        { "2026-03-01t12:00:00z", 1772366400000 },
        { "2026-03-01T12:00:00.5Z", 1772366400500 },
        { "2026-03-01T12:00:00.05Z", 1772366400050 },
        { "2026-03-01T12:00:00.999999999Z", 1772366400999 },
        { "2026-03-01T17:00:00+05:00", 1772366400000 },
        { "2026-03-01T08:30:00-03:30", 1772366400000 },
        { "2026-03-01T12:00:00-00:00", 1772366400000 },
        { "1970-01-01T23:59:00+23:59", 0 },
        { "1969-12-31T23:00:00-01:00", 0 },
        { "2024-02-29T00:00:00Z", 1709164800000 },
        { "2000-02-29T00:00:00Z", 951782400000 },
        { "2016-12-31T23:59:60Z", 1483228800000 },
        { "2017-01-01T00:59:60.25+01:00", 1483228800250 },
        { "9999-12-31T23:59:59.999Z", TIME_MAX_MS },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t time_ms = -1;
        if (time_parse(str_of(cases[i].text), &time_ms) != OK || time_ms != cases[i].time_ms)
            fail_msg("%s gives %lld", cases[i].text, (long long)time_ms);
    }
}

static void refuses_what_is_no_time(void **state)
{
    static const char *const cases[] = {
        "",
        "2026",
        "2026-03-01",
        "2026-03-01T12:00Z",
        "2026-03-01T12:00:00",
        "2026-03-01 12:00:00Z",
        "2026-03-01T12:00:00 Z",
        " 2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00Z ",
        "2026-03-01T12:00:00.Z",
        "2026-03-01T12:00:00,5Z",
        "2026-03-01T12:00:00.0000000000Z",
        "2026-3-01T12:00:00Z",
        "+2026-03-01T12:00:00Z",
        "-026-03-01T12:00:00Z",
        "2026-00-01T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-01-00T12:00:00Z",
        "2026-01-32T12:00:00Z",
        "2026-04-31T12:00:00Z",
        "2025-02-29T12:00:00Z",
        "2100-02-29T12:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T12:60:00Z",
        "2026-03-01T12:00:61Z",
        "2026-03-01T12:00:60Z", /* a leap second ends a day of UTC */
        "2026-03-01T23:59:60+01:00",
        "2026-03-01T12:00:00+24:00",
        "2026-03-01T12:00:00+05:60",
        "2026-03-01T12:00:00+0500",
        "2026-03-01T12:00:00+5",
        "2026-03-01T12:00:00ZZ",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+00:01",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "9999-12-31T23:59:59-00:01",
        "2026-03-01T12:00:0\xef\xbc\x90Z",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t time_ms = 4711;
        if (time_parse(str_of(cases[i]), &time_ms) != ERR_VALIDATION || time_ms != 4711)
            fail_msg("accepted: %s", cases[i]);
    }
    /* A NUL ends nothing. */
    int64_t time_ms = 4711;
    assert_int_equal(time_parse(STR("2026-03-01T12:00:00Z\0"), &time_ms), ERR_VALIDATION);
}

/* Every day of 8,030 years, against a calendar that counts one day at a time. */
static void agrees_with_a_counted_calendar(void **state)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int64_t time_ms = 12345;

    (void)state;
    for (int year = 1970; year <= 9999; year++) {
        bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
        for (int month = 1; month <= 12; month++) {
            int days = lengths[month - 1] + (leap && month == 2 ? 1 : 0);
            for (int day = 1; day <= days; day++, time_ms += DAY_MS) {
                struct time_parts parts = time_split(time_ms);
                assert_true(parts.year == year && parts.month == month && parts.day == day);
            }
        }
    }
    assert_true(time_ms == TIME_MAX_MS + 1 + 12345);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    /* A step that is no multiple of anything in a calendar. */
    for (int64_t time_ms = 0; time_ms <= TIME_MAX_MS; time_ms += 9876543211) {
        char array[32];
        struct buf buf;
        int64_t read_ms = -1;

        buf_fixed(&buf, array, sizeof array);
        time_write(&buf, time_ms);
        assert_int_equal(time_parse(buf_str(&buf), &read_ms), OK);
        assert_true(read_ms == time_ms);
    }
}

static void splits(void **state)
{
    (void)state;
    struct time_parts parts = time_split(1772366400000 + 3723004);
    assert_int_equal(parts.year, 2026);
    assert_int_equal(parts.month, 3);
    assert_int_equal(parts.day, 1);
    assert_int_equal(parts.hour, 13);
    assert_int_equal(parts.minute, 2);
    assert_int_equal(parts.second, 3);
    assert_int_equal(parts.millisecond, 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_utc),
        cmocka_unit_test(reads_rfc3339),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(agrees_with_a_counted_calendar),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(splits),
    };
    return cmocka_run_group_tests_name("base/time", tests, NULL, NULL);
}
