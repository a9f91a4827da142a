#include "base/id.h"

#include <assert.h>
#include <string.h>

#define COUNT_MAX 0xfffu /* what 12 bits hold */
#define UUID_TIME_MAX_MS ((INT64_C(1) << 48) - 1)
#define PREFIX_MAX 63

/* Crockford's base32 without i, l, o and u, in lower case. */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Where a character stands in it, plus one; 0 for all others. */
static const uint8_t places[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['g'] = 17, ['h'] = 18, ['j'] = 19, ['k'] = 20, ['m'] = 21, ['n'] = 22, ['p'] = 23, ['q'] = 24,
    ['r'] = 25, ['s'] = 26, ['t'] = 27, ['v'] = 28, ['w'] = 29, ['x'] = 30, ['y'] = 31, ['z'] = 32,
};

struct id id_make(struct id_maker *maker, int64_t now_ms)
{
    assert(maker != NULL && maker->outside != NULL);
    assert(now_ms >= 0 && now_ms <= UUID_TIME_MAX_MS);

    /* A clock that stands or steps back must not make an id that sorts before an older
     * one: the maker stays at its last millisecond and borrows the next when it is full. */
    if (now_ms > maker->last_ms) {
        maker->last_ms = now_ms;
        maker->count = 0;
    } else if (++maker->count > COUNT_MAX) {
        maker->last_ms++;
        maker->count = 0;
    }

    struct id id = { 0 };
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(maker->last_ms >> (40 - 8 * i));
    id.bytes[6] = (uint8_t)(0x70 | maker->count >> 8);
    id.bytes[7] = (uint8_t)(maker->count & 0xff);
    outside_random(maker->outside, id.bytes + 8, 8);
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

struct id id_first_at(int64_t time_ms)
{
    struct id id = { { 0 } };

    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)((uint64_t)time_ms >> (40 - 8 * i));
    return id;
}

int64_t id_time_ms(struct id id)
{
    int64_t time_ms = 0;

    for (int i = 0; i < 6; i++)
        time_ms = time_ms << 8 | id.bytes[i];
    return time_ms;
}

void id_write(struct buf *out, const char *prefix, struct id id)
{
    uint64_t high = 0;
    uint64_t low = 0;

    assert(prefix != NULL);
    if (prefix[0] != '\0') {
        buf_add_c(out, prefix);
        buf_add_char(out, '_');
    }
    char *suffix = buf_reserve(out, ID_TEXT_SUFFIX_LEN);
    if (suffix == NULL)
        return;
    for (int i = 0; i < 8; i++) {
        high = high << 8 | id.bytes[i];
        low = low << 8 | id.bytes[8 + i];
    }
    /* Five bits each from the right: twelve of them are in the lower half, one in both. */
    int at = ID_TEXT_SUFFIX_LEN;
    for (int i = 0; i < 12; i++, low >>= 5)
        suffix[--at] = alphabet[low & 31];
    suffix[--at] = alphabet[(high << 4 | low) & 31];
    for (high >>= 1; at > 0; high >>= 5)
        suffix[--at] = alphabet[high & 31];
    out->len += ID_TEXT_SUFFIX_LEN;
}

/* 26 characters hold 130 bits; the first may only bring three, so it is at most '7'. */
static bool read_suffix(struct str text, struct id *out)
{
    uint64_t high = 0;
    uint64_t low = 0;

    if (text.len != ID_TEXT_SUFFIX_LEN || text.ptr[0] < '0' || text.ptr[0] > '7')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned place = places[(unsigned char)text.ptr[i]];
        if (place == 0)
            return false;
        high = high << 5 | low >> 59;
        low = low << 5 | (place - 1);
    }
    for (int i = 0; i < 8; i++) {
        out->bytes[i] = (uint8_t)(high >> (56 - 8 * i));
        out->bytes[8 + i] = (uint8_t)(low >> (56 - 8 * i));
    }
    return true;
}

/* Small letters, with underscores only inside. */
static bool is_prefix(struct str text)
{
    if (text.len == 0 || text.len > PREFIX_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool inside = i > 0 && i < text.len - 1;
        bool letter = text.ptr[i] >= 'a' && text.ptr[i] <= 'z';
        if (!letter && !(inside && text.ptr[i] == '_'))
            return false;
    }
    return true;
}

bool id_parse_any(struct str text, struct str *prefix, struct id *out)
{
    struct str head = { 0 };

    if (text.len < ID_TEXT_SUFFIX_LEN)
        return false;
    size_t head_len = text.len - ID_TEXT_SUFFIX_LEN;
    if (head_len > 0) {
        head = str_slice(text, 0, head_len - 1);
        if (text.ptr[head_len - 1] != '_' || !is_prefix(head))
            return false;
    }
    if (!read_suffix(str_slice(text, head_len, ID_TEXT_SUFFIX_LEN), out))
        return false;
    *prefix = head;
    return true;
}

bool id_parse(struct str text, const char *prefix, struct id *out)
{
    struct str found = { 0 };
    struct id id = { 0 };

    if (!id_parse_any(text, &found, &id) || !str_equal_c(found, prefix))
        return false;
    *out = id;
    return true;
}
