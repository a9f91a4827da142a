/* json_exact.c - JSON whose numbers are read as they were written.
 *
 * jansson makes a double of "100.10", and money may not go through one. So numbers are put
 * into quotes before the text is parsed: only those that are numbers by RFC 8259, and only
 * where a value may stand, so that what is no JSON does not become JSON. */
#include "base/json.h"

#include "base/arena.h"

static size_t digits(struct str text, size_t at)
{
    size_t from = at;

    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
        at++;
    return at - from;
}

static bool is_at(struct str text, size_t at, char a, char b)
{
    return at < text.len && (text.ptr[at] == a || text.ptr[at] == b);
}

/* The length of the number that begins at `at`; 0 when none does. */
static size_t number_at(struct str text, size_t at)
{
    size_t end = at + (text.ptr[at] == '-');
    size_t whole = digits(text, end);

    if (whole == 0 || (whole > 1 && text.ptr[end] == '0'))
        return 0;
    end += whole;
    if (is_at(text, end, '.', '.')) {
        size_t decimals = digits(text, end + 1);
        if (decimals == 0)
            return 0;
        end += 1 + decimals;
    }
    if (is_at(text, end, 'e', 'E')) {
        size_t sign = is_at(text, end + 1, '+', '-');
        size_t exponent = digits(text, end + 1 + sign);
        if (exponent == 0)
            return 0;
        end += 1 + sign + exponent;
    }
    return end - at;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether a value may follow `before`, the last character that is no space, and `after` it. */
static bool is_value(struct str text, char before, size_t end)
{
    while (end < text.len && is_space(text.ptr[end]))
        end++;
    char after = end < text.len ? text.ptr[end] : '\0';
    bool begins = before == '\0' || before == ':' || before == ',' || before == '[';
    return begins && (after == '\0' || after == ',' || after == ']' || after == '}');
}

/* The length of the text in quotes that begins at `at`. */
static size_t text_at(struct str text, size_t at)
{
    size_t end = at + 1;

    while (end < text.len && text.ptr[end] != '"')
        end += text.ptr[end] == '\\' ? 2 : 1;
    return (end < text.len ? end + 1 : text.len) - at;
}

static void add_quoted(struct buf *out, struct str number)
{
    buf_add_char(out, '"');
    buf_add(out, number);
    buf_add_char(out, '"');
}

enum err json_parse_exact(struct str text, struct arena *arena, const struct json **out,
                          struct str *why)
{
    struct buf quoted;
    char before = '\0';

    buf_init(&quoted, arena, 3 * text.len + 1);
    for (size_t at = 0, len; at < text.len; at += len) {
        char c = text.ptr[at];
        size_t number = c == '"' ? 0 : number_at(text, at);
        len = c == '"' ? text_at(text, at) : number > 0 ? number : 1;
        if (number > 0 && is_value(text, before, at + number))
            add_quoted(&quoted, str_slice(text, at, number));
        else
            buf_add(&quoted, str_slice(text, at, len));
        if (!is_space(c))
            before = text.ptr[at + len - 1];
    }
    return json_parse(buf_str(&quoted), arena, out, why);
}
