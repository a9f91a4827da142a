#include "test_base_help.h"

#include "net/http_answer.h"
#include "net/http_refusal.h"

static char space[128 * 1024];

static struct str head_of(const struct server_answer *answer, enum http_persistence persistence)
{
    struct buf buf;

    buf_fixed(&buf, space, sizeof space);
    http_answer_write_head(&buf, answer, STR("D"), persistence);
    assert_true(buf_ok(&buf));
    return buf_str(&buf);
}

static void writes_heads(void **state)
{
    const struct http_header headers[] = { { STR("X-One"), STR("1") }, { STR("X-Two"), STR("") } };
    struct server_answer answer = {
        .status = 200,
        .content_type = STR("text/plain"),
        .body = STR("hello"),
        .headers = headers,
        .header_count = 2,
    };

    (void)state;
    assert_str(head_of(&answer, HTTP_STAYS_OPEN),
               "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
               "X-One: 1\r\nX-Two: \r\n\r\n");
    answer = (struct server_answer){ .status = 404 };
    assert_str(head_of(&answer, HTTP_CLOSES),
               "HTTP/1.1 404 Not Found\r\nDate: D\r\nContent-Length: 0\r\n"
               "Connection: close\r\n\r\n");
    answer.status = 299;
    assert_str(head_of(&answer, HTTP_STAYS_OPEN_1_0),
               "HTTP/1.1 299 \r\nDate: D\r\nContent-Length: 0\r\n"
               "Connection: keep-alive\r\n\r\n");
}

static void says_no_length_where_no_body_can_be(void **state)
{
    struct server_answer answer = { .status = 204, .content_type = STR("x/y"), .body = STR("z") };

    (void)state;
    assert_str(head_of(&answer, HTTP_STAYS_OPEN), "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n");
    answer.status = 304;
    assert_str(head_of(&answer, HTTP_STAYS_OPEN), "HTTP/1.1 304 Not Modified\r\nDate: D\r\n\r\n");
}

static void a_value_cannot_begin_a_header(void **state)
{
    const struct http_header headers[] = { { STR("Location"), STR("/a\r\nSet-Cookie: b\0c\x7f") } };
    struct server_answer answer = { .status = 303, .headers = headers, .header_count = 1 };

    (void)state;
    assert_str(head_of(&answer, HTTP_STAYS_OPEN),
               "HTTP/1.1 303 See Other\r\nDate: D\r\nContent-Length: 0\r\n"
               "Location: /a  Set-Cookie: b c \r\n\r\n");
}

static void writes_dates(void **state)
{
    static const struct {
        int64_t now_ms;
        const char *text;
    } cases[] = {
        { 784111777000, "Sun, 06 Nov 1994 08:49:37 GMT" },
        { 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
        { -1, "Thu, 01 Jan 1970 00:00:00 GMT" },
        { 951782400000 + 999, "Tue, 29 Feb 2000 00:00:00 GMT" },
        { 1709164799000, "Wed, 28 Feb 2024 23:59:59 GMT" },
    };
    char text[32];
    struct buf buf;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_fixed(&buf, text, sizeof text);
        http_date_write(&buf, cases[i].now_ms);
        assert_str(buf_str(&buf), cases[i].text);
    }
}

/* docs/http.md is the other reader of the table of refusals. */
static void documents_every_refusal(void **state)
{
    FILE *file = fopen("docs/http.md", "r");

    (void)state;
    assert_non_null(file);
    size_t len = fread(space, 1, sizeof space - 1, file);
    fclose(file);
    space[len] = '\0';
    for (int i = HTTP_REFUSAL_NONE + 1; i < HTTP_REFUSAL_COUNT; i++) {
        struct http_refusal_text why = http_refusal_text((enum http_refusal)i);
        char row[256];
        snprintf(row, sizeof row, "| %d | `%s` | %s |", why.status, err_code(why.err), why.detail);
        if (strstr(space, row) == NULL)
            fail_msg("docs/http.md lacks the row: %s", row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_heads),
        cmocka_unit_test(says_no_length_where_no_body_can_be),
        cmocka_unit_test(a_value_cannot_begin_a_header),
        cmocka_unit_test(writes_dates),
        cmocka_unit_test(documents_every_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
