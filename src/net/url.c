#include "net/url.h"

#include <assert.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that is escaped at `at`; -1 when the escape is malformed or means NUL, which no
 * text of ours may hold. */
static int escaped_byte(struct str text, size_t at)
{
    if (text.len - at < 3)
        return -1;

    int high = hex_value(text.ptr[at + 1]);
    int low = hex_value(text.ptr[at + 2]);
    if (high < 0 || low < 0 || high + low == 0)
        return -1;
    return high * 16 + low;
}

bool url_decode(struct str text, bool form, struct arena *arena, struct str *out)
{
    assert(arena != NULL && out != NULL);

    /* Decoding never makes it longer. */
    char *decoded = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int byte = (unsigned char)text.ptr[i];
        if (byte == '%') {
            byte = escaped_byte(text, i);
            i += 2;
        } else if (byte == '+' && form) {
            byte = ' ';
        }
        if (byte <= 0)
            return false;
        decoded[len++] = (char)byte;
    }

    struct str result = str_make(decoded, len);
    if (!str_is_utf8(result))
        return false;
    *out = result;
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void url_encode(struct buf *out, struct str text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (is_unreserved(text.ptr[i])) {
            buf_add_char(out, text.ptr[i]);
        } else {
            buf_add_char(out, '%');
            buf_add_char(out, digits[byte >> 4]);
            buf_add_char(out, digits[byte & 15]);
        }
    }
}

int url_next_pair(struct str *query, struct arena *arena, struct str *name, struct str *value)
{
    struct str pair = { 0 };
    struct str decoded_name = { 0 };
    struct str decoded_value = { 0 };

    /* "a=1&&b=2": nothing stands between the two, and nothing is meant by it. */
    do {
        if (!str_cut(query, '&', &pair))
            return 0;
    } while (str_is_empty(pair));

    size_t equals = str_find_char(pair, '=', 0);
    if (!url_decode(str_slice(pair, 0, equals), true, arena, &decoded_name) ||
        !url_decode(str_slice(pair, equals + 1, pair.len), true, arena, &decoded_value))
        return -1;
    *name = decoded_name;
    *value = decoded_value;
    return 1;
}
