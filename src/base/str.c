#include "base/str.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"

bool str_equal_c(struct str a, const char *b)
{
    return str_equal(a, str_of(b));
}

static char lower_of(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower_of(a.ptr[i]) != lower_of(b.ptr[i]))
            return false;
    }
    return true;
}

bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal(str_slice(s, 0, prefix.len), prefix);
}

bool str_ends_with(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_equal(str_slice(s, s.len - suffix.len, suffix.len), suffix);
}

int str_compare(struct str a, struct str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.ptr, b.ptr, shared);

    if (order == 0)
        order = (a.len > b.len) - (a.len < b.len);
    return order;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

size_t str_find_char(struct str s, char c, size_t from)
{
    if (from >= s.len)
        return s.len;
    const char *found = memchr(s.ptr + from, c, s.len - from);
    return found == NULL ? s.len : (size_t)(found - s.ptr);
}

bool str_cut(struct str *rest, char separator, struct str *head)
{
    assert(rest != NULL && head != NULL);

    if (rest->len == 0)
        return false;
    size_t at = str_find_char(*rest, separator, 0);
    *head = str_slice(*rest, 0, at);
    *rest = str_slice(*rest, at + 1, rest->len);
    return true;
}

struct str str_copy(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);

    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return (struct str){ copy, s.len };
}

const char *str_c(struct arena *arena, struct str s)
{
    return str_copy(arena, s).ptr;
}

bool str_to_u64(struct str s, uint64_t *out)
{
    uint64_t value = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t magnitude = 0;

    if (!str_to_u64(negative ? str_slice(s, 1, s.len) : s, &magnitude))
        return false;
    /* The smallest number has no positive counterpart in the type. */
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    if (!negative)
        *out = (int64_t)magnitude;
    else
        *out = magnitude == 0 ? 0 : -(int64_t)(magnitude - 1) - 1;
    return true;
}

bool str_is_visible_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e)
            return false;
    }
    return s.len > 0;
}

bool str_has_no_controls(struct str s)
{
    size_t at = 0;
    uint64_t eight;

    for (; at + sizeof eight <= s.len; at += sizeof eight) {
        memcpy(&eight, s.ptr + at, sizeof eight);
        if (str_eight_controls(eight) != 0)
            return false;
    }
    for (; at < s.len; at++)
        if ((unsigned char)s.ptr[at] < ' ' || s.ptr[at] == 0x7f)
            return false;
    return true;
}

/* By first byte: how many bytes, and the range that the second byte must be in. The
 * narrower ranges are what keeps out overlong forms, surrogates and values
 * above U+10FFFF (RFC 3629, section 4). */
struct utf8_lead {
    unsigned char first, last; /* of the lead byte */
    unsigned char size;
    unsigned char low, high; /* of the second byte */
};
static const struct utf8_lead utf8_leads[] = {
    { 0x00, 0x7f, 1, 0, 0 },       { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf },
    { 0xe1, 0xec, 3, 0x80, 0xbf }, { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
    { 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static const struct utf8_lead *utf8_lead_of(unsigned char byte)
{
    for (size_t i = 0; i < sizeof utf8_leads / sizeof utf8_leads[0]; i++) {
        if (byte >= utf8_leads[i].first && byte <= utf8_leads[i].last)
            return &utf8_leads[i];
    }
    return NULL;
}

size_t str_utf8_step(struct str s, size_t at)
{
    if (at >= s.len)
        return 0;
    const unsigned char *bytes = (const unsigned char *)s.ptr + at;
    const struct utf8_lead *lead = utf8_lead_of(bytes[0]);
    if (lead == NULL || lead->size > s.len - at)
        return 0;
    if (lead->size > 1 && (bytes[1] < lead->low || bytes[1] > lead->high))
        return 0;
    for (size_t i = 2; i < lead->size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    return lead->size;
}

bool str_is_utf8(struct str s)
{
    for (size_t at = 0; at < s.len;) {
        size_t step = (unsigned char)s.ptr[at] < 0x80 ? 1 : str_utf8_step(s, at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

size_t str_utf8_count(struct str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    return count;
}
