/* json_write.c - writing. Most bytes of most texts are copied as they are, so that is fast. */
#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/time.h"

/* What a byte of a text needs. */
enum byte_class { PLAIN, ESCAPED, CONTROL, WIDE };

static const unsigned char byte_classes[256] = {
    [0x00 ... 0x1f] = CONTROL, ['"'] = ESCAPED,        ['\\'] = ESCAPED,
    [0x7f] = CONTROL,          [0x80 ... 0xff] = WIDE,
};

static void write_control(struct buf *out, unsigned code)
{
    switch (code) {
    case '\n':
        buf_add_c(out, "\\n");
        break;
    case '\r':
        buf_add_c(out, "\\r");
        break;
    case '\t':
        buf_add_c(out, "\\t");
        break;
    default:
        buf_addf(out, "\\u%04x", code);
    }
}

/* One character beyond ASCII; returns how many bytes of the text it was. */
static size_t write_wide(struct buf *out, struct str text, size_t at)
{
    size_t step = str_utf8_step(text, at);

    if (step == 0) {
        buf_add(out, STR("\xef\xbf\xbd")); /* U+FFFD */
        return 1;
    }
    /* U+0080 to U+009f are control characters too, and terminals obey them. */
    unsigned char second = (unsigned char)text.ptr[at + 1];
    if ((unsigned char)text.ptr[at] == 0xc2 && second <= 0x9f)
        write_control(out, second);
    else
        buf_add(out, str_slice(text, at, step));
    return step;
}

/* What the plain run at the beginning of a text has left over. */
static void write_rest(struct buf *out, struct str text, size_t at)
{
    while (at < text.len) {
        unsigned char byte = (unsigned char)text.ptr[at];
        size_t run = at;

        switch (byte_classes[byte]) {
        case PLAIN:
            while (run < text.len && byte_classes[(unsigned char)text.ptr[run]] == PLAIN)
                run++;
            buf_add_bytes(out, text.ptr + at, run - at);
            at = run;
            break;
        case WIDE:
            at += write_wide(out, text, at);
            break;
        case CONTROL:
            write_control(out, byte);
            at++;
            break;
        case ESCAPED:
            buf_add_char(out, '\\');
            buf_add_char(out, (char)byte);
            at++;
        }
    }
}

/* Whether byte_classes has PLAIN for all of so many. */
static inline bool are_plain_8(uint64_t eight)
{
    uint64_t found = str_eight_controls(eight) | str_eight_with(eight, '"') |
                     str_eight_with(eight, '\\') | (eight & STR_HIGHEST);

    return found == 0;
}

typedef signed char sixteen __attribute__((vector_size(16)));
typedef uint64_t two_eights __attribute__((vector_size(16)));

static inline bool are_plain_16(two_eights bytes)
{
    sixteen each = (sixteen)bytes;
    /* Those from 0x80 on are negative. */
    two_eights found = (two_eights)((each < ' ') | (each == 0x7f) | (each == '"') | (each == '\\'));

    return (found[0] | found[1]) == 0;
}

/* Four to seven bytes, as two fours: the last ones overlap the first. */
static inline bool copy_some(char *to, struct str text)
{
    uint32_t first, last;

    memcpy(&first, text.ptr, sizeof first);
    memcpy(&last, text.ptr + text.len - sizeof last, sizeof last);
    memcpy(to, &first, sizeof first);
    memcpy(to + text.len - sizeof last, &last, sizeof last);
    return are_plain_8((uint64_t)last << 32 | first);
}

/* The same of eight to fifteen. */
static inline bool copy_more(char *to, struct str text)
{
    uint64_t first, last;

    memcpy(&first, text.ptr, sizeof first);
    memcpy(&last, text.ptr + text.len - sizeof last, sizeof last);
    memcpy(to, &first, sizeof first);
    memcpy(to + text.len - sizeof last, &last, sizeof last);
    return are_plain_16((two_eights){ first, last });
}

/* Of sixteen and more, as many as are in sixteens without anything else; the last ones overlap
 * those before. */
static inline size_t copy_many(char *to, struct str text)
{
    two_eights bytes;

    for (size_t at = 0;; at = text.len - at < 2 * sizeof bytes ? text.len - sizeof bytes
                                                               : at + sizeof bytes) {
        memcpy(&bytes, text.ptr + at, sizeof bytes);
        if (!are_plain_16(bytes))
            return at;
        memcpy(to + at, &bytes, sizeof bytes);
        if (at + sizeof bytes == text.len)
            return text.len;
    }
}

/* Copies the beginning of a text that needs nothing, and returns its length; what is behind it in
 * `to` is anything, up to the length of the text. */
static inline size_t copy_plain(char *to, struct str text)
{
    size_t at = 0;

    if (text.len >= 16)
        at = copy_many(to, text);
    else if (text.len >= 8 ? copy_more(to, text) : text.len >= 4 && copy_some(to, text))
        at = text.len;
    for (; at < text.len && byte_classes[(unsigned char)text.ptr[at]] == PLAIN; at++)
        to[at] = text.ptr[at];
    return at;
}

void json_write_text(struct buf *out, struct str value)
{
    /* Escapes only make a text longer, so this much is needed whatever it holds. */
    char *to = buf_reserve(out, value.len + 2);

    if (to == NULL)
        return;
    *to++ = '"';
    size_t plain = copy_plain(to, value);
    out->len += 1 + plain;
    if (plain < value.len)
        write_rest(out, value, plain);
    buf_add_char(out, '"');
}

/* What stands before a value: the comma after the value before it, and its name. */
static void write_lead(struct json_out *out, struct str name)
{
    struct buf *buf = out->buf;
    char *to = buf_reserve(buf, name.len + 4);

    if (to == NULL)
        return;
    if (out->comma) {
        *to++ = ',';
        buf->len++;
    }
    out->comma = true;
    if (name.ptr == NULL)
        return;
    assert(out->depth > 0);
    size_t plain = copy_plain(to + 1, name);
    if (plain < name.len) {
        json_write_text(buf, name);
        buf_add_char(buf, ':');
        return;
    }
    to[0] = '"';
    to[1 + plain] = '"';
    to[2 + plain] = ':';
    buf->len += plain + 3;
}

void json_begin(struct json_out *out, struct buf *buf)
{
    assert(out != NULL && buf != NULL);
    *out = (struct json_out){ .buf = buf };
}

static void open_bracket(struct json_out *out, struct str name, char bracket)
{
    write_lead(out, name);
    buf_add_char(out->buf, bracket);
    out->depth++;
    out->comma = false;
}

static void close_bracket(struct json_out *out, char bracket)
{
    assert(out->depth > 0);
    buf_add_char(out->buf, bracket);
    out->depth--;
    out->comma = true;
}

void json_add_object(struct json_out *out, struct str name)
{
    open_bracket(out, name, '{');
}

void json_close_object(struct json_out *out)
{
    close_bracket(out, '}');
}

void json_add_array(struct json_out *out, struct str name)
{
    open_bracket(out, name, '[');
}

void json_close_array(struct json_out *out)
{
    close_bracket(out, ']');
}

void json_add_text(struct json_out *out, struct str name, struct str value)
{
    write_lead(out, name);
    json_write_text(out->buf, value);
}

void json_add_text_or_null(struct json_out *out, struct str name, struct str value)
{
    if (str_is_empty(value))
        json_add_raw(out, name, value);
    else
        json_add_text(out, name, value);
}

void json_add_int(struct json_out *out, struct str name, int64_t value)
{
    write_lead(out, name);
    buf_add_i64(out->buf, value);
}

void json_add_bool(struct json_out *out, struct str name, bool value)
{
    json_add_raw(out, name, value ? STR("true") : STR("false"));
}

void json_add_raw(struct json_out *out, struct str name, struct str value)
{
    write_lead(out, name);
    buf_add(out->buf, str_is_empty(value) ? STR("null") : value);
}

struct buf *json_add_plain(struct json_out *out, struct str name)
{
    write_lead(out, name);
    buf_add_char(out->buf, '"');
    return out->buf;
}

void json_close_plain(struct json_out *out)
{
    buf_add_char(out->buf, '"');
}

void json_add_time(struct json_out *out, struct str name, int64_t time_ms)
{
    if (time_ms == 0) {
        json_add_raw(out, name, (struct str){ 0 });
        return;
    }
    time_write(json_add_plain(out, name), time_ms);
    json_close_plain(out);
}

void json_done(struct json_out *out)
{
    /* Balanced, and something was written. */
    assert(out->depth == 0 && out->comma);
}
