#include "test_base_help.h"

#include "base/csv.h"

/* Records as "row:[field][field] ", then what is bad. */
static void read_all(struct str text, char separator, size_t piece, struct buf *out)
{
    struct csv *csv = csv_open(separator);
    enum csv_event event;

    while ((event = csv_next(csv)) != CSV_END && event != CSV_BAD) {
        size_t count;
        if (event == CSV_MORE && text.len == 0)
            csv_finish(csv);
        if (event == CSV_MORE && text.len > 0) {
            csv_feed(csv, str_slice(text, 0, piece));
            text = str_slice(text, piece, text.len);
        }
        if (event != CSV_RECORD)
            continue;
        const struct str *fields = csv_fields(csv, &count);
        buf_addf(out, "%lld:", (long long)csv_row(csv));
        for (size_t i = 0; i < count; i++)
            buf_addf(out, "[%.*s]", STR_ARG(fields[i]));
        buf_add_char(out, ' ');
    }
    if (event == CSV_BAD)
        buf_addf(out, "%lld!%.12s", (long long)csv_row(csv), csv_why(csv));
    csv_close(csv);
}

static const struct {
    const char *text;
    const char *records;
} cases[] = {
    { "", "" },
    { "a", "1:[a] " },
    { "a,b\n", "1:[a][b] " },
    { "a,b\r\nc,d\r\n", "1:[a][b] 2:[c][d] " },
    { "a,\n,b\n,\n", "1:[a][] 2:[][b] 3:[][] " },
    { "\n\na\n\r\nb", "3:[a] 5:[b] " },
    { "\"a,\"\"b\"\"\",c\n", "1:[a,\"b\"][c] " },
    { "\"a\nb\",c\nd\n", "1:[a\nb][c] 3:[d] " },
    { "\"\",\"\"\n", "1:[][] " },
    { "\xEF\xBB\xBF" "a,b\n", "1:[a][b] " },
    { "\xC3\xA4,\xE2\x82\xAC\n", "1:[\xC3\xA4][\xE2\x82\xAC] " },
    { " a , b \n", "1:[ a ][ b ] " },
    /* Where programs disagree. */
    { "a\nb\"c\n", "1:[a] 2!a quote stan" },
    { "a\n\"b\"c\n", "1:[a] 2!text follows" },
    { "a\n\"b\nc\n", "1:[a] 2!a quoted fie" },
    { "a\rb\n", "1!a carriage r" },
    { "a\n\xFF\n", "1:[a] 2!the text is " },
};

static void records_are_whole_whatever_pieces_they_came_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t piece = 3; piece < 12; piece += 4) {
            char bytes[256];
            struct buf got;
            buf_fixed(&got, bytes, sizeof bytes);
            read_all(str_of(cases[i].text), ',', piece, &got);
            assert_string_equal(buf_c(&got), cases[i].records);
        }
    }
}

static void a_zero_byte_is_no_text(void **state)
{
    char bytes[256];
    struct buf got;

    (void)state;
    buf_fixed(&got, bytes, sizeof bytes);
    read_all(STR("a\0b\n"), ',', 100, &got);
    assert_string_equal(buf_c(&got), "1!there is a z");
}

static void rows_have_a_limit(void **state)
{
    struct csv *csv = csv_open(',');
    char many[2 * CSV_FIELDS_MAX];
    struct arena arena = { 0 };
    char *longest = arena_alloc(&arena, CSV_RECORD_MAX + 2);

    (void)state;
    memset(many, ',', sizeof many);
    csv_feed(csv, str_make(many, sizeof many));
    assert_int_equal(csv_next(csv), CSV_BAD);
    assert_int_equal(csv_next(csv), CSV_BAD);
    csv_close(csv);
    csv = csv_open(',');
    memset(longest, 'a', CSV_RECORD_MAX + 1);
    longest[CSV_RECORD_MAX] = '\n';
    csv_feed(csv, str_make(longest, CSV_RECORD_MAX + 1));
    assert_int_equal(csv_next(csv), CSV_RECORD);
    csv_feed(csv, str_make(longest, CSV_RECORD_MAX));
    assert_int_equal(csv_next(csv), CSV_MORE);
    csv_feed(csv, STR("a"));
    assert_int_equal(csv_next(csv), CSV_BAD);
    csv_close(csv);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_whole_whatever_pieces_they_came_in),
        cmocka_unit_test(a_zero_byte_is_no_text),
        cmocka_unit_test(rows_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
