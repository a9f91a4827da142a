#include "net/http_answer.h"

#include <assert.h>

#include "base/time.h"

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 402, "Payment Required" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 417, "Expectation Failed" },
    { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
};

/* Empty for another status: the reason phrase is optional, and no program reads it. */
static const char *reason_of(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "";
}

bool http_status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static void write_clean(struct buf *out, struct str text)
{
    size_t from = 0;

    if (str_has_no_controls(text)) {
        buf_add(out, text);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_control(text.ptr[i]))
            continue;
        buf_add(out, str_slice(text, from, i - from));
        buf_add_char(out, ' ');
        from = i + 1;
    }
    buf_add(out, str_slice(text, from, text.len));
}

static void write_header(struct buf *out, struct str name, struct str value)
{
    write_clean(out, name);
    buf_add(out, STR(": "));
    write_clean(out, value);
    buf_add(out, STR("\r\n"));
}

void http_answer_write_head(struct buf *out, const struct server_answer *answer, struct str date,
                            enum http_persistence persistence)
{
    assert(answer->status >= 200 && answer->status <= 599);
    assert(answer->headers != NULL || answer->header_count == 0);

    buf_add(out, STR("HTTP/1.1 "));
    buf_add_u64(out, (uint64_t)answer->status);
    buf_add_char(out, ' ');
    buf_add_c(out, reason_of(answer->status));
    buf_add(out, STR("\r\n"));
    write_header(out, STR("Date"), date);
    if (http_status_has_body(answer->status)) {
        if (!str_is_empty(answer->content_type))
            write_header(out, STR("Content-Type"), answer->content_type);
        buf_add(out, STR("Content-Length: "));
        buf_add_u64(out, answer->body.len);
        buf_add(out, STR("\r\n"));
    }
    for (size_t i = 0; i < answer->header_count; i++)
        write_header(out, answer->headers[i].name, answer->headers[i].value);
    if (persistence == HTTP_CLOSES)
        buf_add(out, STR("Connection: close\r\n"));
    else if (persistence == HTTP_STAYS_OPEN_1_0)
        buf_add(out, STR("Connection: keep-alive\r\n"));
    buf_add(out, STR("\r\n"));
}

void http_date_write(struct buf *out, int64_t now_ms)
{
    static const char days[7][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

    now_ms = now_ms < 0 ? 0 : now_ms;
    struct time_parts parts = time_split(now_ms);

    /* 1970-01-01 was a Thursday. */
    buf_addf(out, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[now_ms / DAY_MS % 7], parts.day,
             months[parts.month - 1], parts.year, parts.hour, parts.minute, parts.second);
}
