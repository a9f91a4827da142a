/* fuzz_pan.c - card numbers in any bytes, against a slow search that is plainly right. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/pan.h"

#define SLOW_MAX 256 /* bytes; the slow search looks at all pairs of positions */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The digit that begins at `at` as a character, and its length; 0 when there is none. */
static size_t digit_at(struct str text, size_t at, char *digit)
{
    static const char *const scripts[] = { "0", "\xef\xbc\x90", "\xd9\xa0", "\xdb\xb0" };

    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        size_t len = strlen(scripts[i]);
        if (len > text.len || at > text.len - len ||
            memcmp(text.ptr + at, scripts[i], len - 1) != 0)
            continue;
        int value = (unsigned char)text.ptr[at + len - 1] - (unsigned char)scripts[i][len - 1];
        *digit = (char)('0' + value);
        if (value >= 0 && value <= 9)
            return len;
    }
    return 0;
}

static bool ends_with_digit(struct str text)
{
    char digit = 0;

    for (size_t len = 1; len <= 3 && len <= text.len; len++) {
        if (digit_at(text, text.len - len, &digit) == len)
            return true;
    }
    return false;
}

/* Whether exactly this text is a card number: digits with single separators between them. */
static bool is_card_number(struct str text)
{
    char digits[SLOW_MAX];
    size_t count = 0;
    bool after_digit = false;

    for (size_t at = 0; at < text.len;) {
        char digit = 0;
        size_t step = digit_at(text, at, &digit);
        bool separator = text.ptr[at] == ' ' || text.ptr[at] == '.' || text.ptr[at] == '-';
        if (step == 0 && !(separator && after_digit))
            return false;
        if (step > 0)
            digits[count++] = digit;
        after_digit = step > 0;
        at += step > 0 ? step : 1;
    }
    return after_digit && count >= 12 && count <= 19 && strchr("2345689", digits[0]) != NULL &&
           pan_luhn_ok(str_make(digits, count));
}

static bool slow_find(struct str text, size_t *at, size_t *len)
{
    char digit = 0;

    for (size_t from = 0; from < text.len; from++) {
        if (digit_at(text, from, &digit) == 0 || ends_with_digit(str_slice(text, 0, from)))
            continue;
        for (size_t to = text.len; to > from; to--) {
            if (digit_at(text, to, &digit) == 0 &&
                is_card_number(str_slice(text, from, to - from))) {
                *at = from;
                *len = to - from;
                return true;
            }
        }
    }
    return false;
}

static void check_masked(struct str text, struct str masked, bool found)
{
    char digit = 0;
    size_t to = 0;

    assert(found || str_equal(text, masked));
    for (size_t at = 0; at < text.len; to++) {
        assert(to < masked.len);
        size_t step = digit_at(text, at, &digit);
        if (step > 0 && masked.ptr[to] == '*') {
            at += step;
        } else {
            assert(masked.ptr[to] == text.ptr[at]);
            at++;
        }
    }
    assert(to == masked.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct str text = str_make((const char *)data, size);
    size_t at = 0;
    size_t len = 0;
    struct buf masked;

    bool found = pan_find(text, &at, &len);
    if (size <= SLOW_MAX) {
        size_t slow_at = 0;
        size_t slow_len = 0;
        bool slow_found = slow_find(text, &slow_at, &slow_len);
        assert(found == slow_found && at == slow_at && len == slow_len);
    }
    buf_init(&masked, &arena, size);
    pan_write_masked(&masked, text);
    assert(buf_ok(&masked));
    check_masked(text, buf_str(&masked), found);
    if (found)
        assert(!str_equal(text, buf_str(&masked)));
    arena_done(&arena);
    return 0;
}
