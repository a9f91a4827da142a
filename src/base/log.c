#include "base/log.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/pan.h"
#include "base/time.h"

#define LINE_MAX_BYTES 8192
#define VALUE_MAX_BYTES 1024
#define PAN_MAX_BYTES 128 /* more than the longest card number takes, separators included */
#define FIELDS_MAX 32

/* Set once, before threads start. */
static const struct outside *log_outside;
static enum log_format log_format_now = LOG_JSON;
static enum log_level log_lowest = LOG_INFO;

/* clang-format off */
static const char *const level_names[LOG_LEVEL_COUNT] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error",
};
/* Of one width, for people who read down a column. */
static const char *const level_columns[LOG_LEVEL_COUNT] = {
    [LOG_DEBUG] = "DEBUG", [LOG_INFO] = "INFO ", [LOG_WARN] = "WARN ", [LOG_ERROR] = "ERROR",
};
/* clang-format on */

void log_setup(const struct outside *outside, enum log_format format, enum log_level level)
{
    assert(outside != NULL && (unsigned)level < LOG_LEVEL_COUNT);

    if (format == LOG_AUTO)
        format = isatty(STDERR_FILENO) ? LOG_TEXT : LOG_JSON;
    log_outside = outside;
    log_format_now = format;
    log_lowest = level;
}

bool log_level_parse(struct str text, enum log_level *out)
{
    for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (str_equal_c(text, level_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void add_text(struct buf *out, struct str text)
{
    bool plain = str_is_visible_ascii(text) && memchr(text.ptr, '"', text.len) == NULL &&
                 memchr(text.ptr, '=', text.len) == NULL &&
                 memchr(text.ptr, '\\', text.len) == NULL;

    if (plain)
        buf_add(out, text);
    else
        json_write_text(out, text);
}

/* Cuts on the border of a character. */
static struct str cut(struct str text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((unsigned char)text.ptr[max] & 0xc0) == 0x80)
        max--;
    return str_slice(text, 0, max);
}

static void add_field(struct buf *out, enum log_format format, const struct log_field *field)
{
    char array[VALUE_MAX_BYTES + PAN_MAX_BYTES + 1];
    char digits[24];
    struct buf number, value;
    struct str text = field->text;
    bool is_number = field->type == LOG_FIELD_INT;

    if (is_number) {
        buf_fixed(&number, digits, sizeof digits);
        buf_add_i64(&number, field->number);
        text = buf_str(&number);
        is_number = !pan_present(text);
    }
    /* Masked first and cut afterwards, so that no number loses the digits by which it
     * would have been known. */
    buf_fixed(&value, array, sizeof array);
    pan_write_masked(&value, str_slice(text, 0, VALUE_MAX_BYTES + PAN_MAX_BYTES));
    text = cut(buf_str(&value), VALUE_MAX_BYTES);
    if (text.len < value.len) {
        value.len = text.len;
        buf_add_c(&value, "...");
        text = buf_str(&value);
    }

    if (format == LOG_JSON) {
        buf_add_char(out, ',');
        json_write_text(out, str_of(field->name));
        buf_add_char(out, ':');
    } else {
        buf_add_char(out, ' ');
        buf_add_c(out, field->name);
        buf_add_char(out, '=');
    }
    if (is_number)
        buf_add(out, text);
    else if (format == LOG_JSON)
        json_write_text(out, text);
    else
        add_text(out, text);
}

static void add_head(struct buf *out, enum log_format format, int64_t now_ms, enum log_level level,
                     const char *event)
{
    if (format == LOG_JSON) {
        buf_add_c(out, "{\"ts\":\"");
        time_write(out, now_ms);
        buf_add_c(out, "\",\"level\":\"");
        buf_add_c(out, level_names[level]);
        buf_add_c(out, "\",\"event\":");
        json_write_text(out, str_of(event));
    } else {
        time_write(out, now_ms);
        buf_add_char(out, ' ');
        buf_add_c(out, level_columns[level]);
        buf_add_char(out, ' ');
        buf_add_c(out, event);
    }
}

void log_format_line(struct buf *out, enum log_format format, int64_t now_ms, enum log_level level,
                     const char *event, const struct log_field *fields)
{
    assert(format != LOG_AUTO && (unsigned)level < LOG_LEVEL_COUNT);

    const char *cut_mark = format == LOG_JSON ? ",\"cut\":true" : " cut=true";
    const char *end = format == LOG_JSON ? "}\n" : "\n";
    size_t reserve = strlen(cut_mark) + strlen(end);

    add_head(out, format, now_ms, level, event);
    for (; fields->name != NULL; fields++) {
        size_t before = out->len;
        add_field(out, format, fields);
        if (buf_ok(out) && out->max - out->len >= reserve)
            continue;
        /* A field that does not fit is left out whole, so that the line stays valid. */
        out->len = before;
        out->overflow = false;
        buf_add_c(out, cut_mark);
        break;
    }
    buf_add_c(out, end);
}

void log_event(enum log_level level, const char *event, ...)
{
    struct log_field fields[FIELDS_MAX + 1];
    size_t count = 0;
    char array[LINE_MAX_BYTES + 1];
    struct buf line;
    va_list args;

    if (log_outside == NULL || level < log_lowest)
        return;
    va_start(args, event);
    do {
        assert(count <= FIELDS_MAX);
        fields[count] = va_arg(args, struct log_field);
    } while (fields[count++].name != NULL);
    va_end(args);

    buf_fixed(&line, array, sizeof array);
    log_format_line(&line, log_format_now, outside_now_ms(log_outside), level, event, fields);
    ssize_t ignored = write(STDERR_FILENO, line.ptr, line.len);
    (void)ignored;
}
