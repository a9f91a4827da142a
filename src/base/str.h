/* str.h - a slice of text, passed by value, for reading.
 *
 * A str does not own its bytes: it lives as long as what it points into (a
 * literal, a request, an arena). The bytes are not terminated by NUL and may
 * hold NUL. A zeroed str is the empty text. Writing is done with struct buf. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct str {
    const char *ptr;
    size_t len;
};

/* A str over a string literal, usable in initialisers of constants. */
#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_INIT(literal) { "" literal, sizeof(literal) - 1 }

/* For printf-like calls: "%.*s", STR_ARG(s). Only for text that is no secret. */
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

/* What is inline is asked so often that the calls would cost more than the work. */

/* A str over a C string; NULL gives the empty text. */
static inline struct str str_of(const char *text)
{
    return text == NULL ? (struct str){ 0 } : (struct str){ text, strlen(text) };
}

static inline struct str str_make(const char *ptr, size_t len)
{
    assert(ptr != NULL || len == 0);
    return (struct str){ ptr, len };
}

static inline bool str_is_empty(struct str s)
{
    return s.len == 0;
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_equal_c(struct str a, const char *b);
/* ASCII only, as header names and currency codes need it. */
bool str_equal_nocase(struct str a, struct str b);
bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
/* Byte order; shorter first when one is the other's beginning. */
int str_compare(struct str a, struct str b);

/* The part from `from` on, at most `len` bytes; both are clamped to the text. */
static inline struct str str_slice(struct str s, size_t from, size_t len)
{
    if (from >= s.len)
        return (struct str){ 0 };
    size_t rest = s.len - from;
    return (struct str){ s.ptr + from, len < rest ? len : rest };
}

struct str str_trim(struct str s);             /* without spaces and tabs at both ends */
/* Position of the first `c` at or after `from`, or s.len when there is none. */
size_t str_find_char(struct str s, char c, size_t from);
/* Cuts the text before the first `separator` off `rest` into `head`. The last
 * piece is the whole rest. Returns false when nothing is left, so that "a," has
 * one piece and "a,,b" has three. */
bool str_cut(struct str *rest, char separator, struct str *head);

/* Copies into the arena. The copy is followed by a NUL, so that .ptr can be
 * given to C functions when the text holds no NUL itself. */
struct str str_copy(struct arena *arena, struct str s);
const char *str_c(struct arena *arena, struct str s);

/* Digits only, with an optional leading '-'; false when malformed or beyond the
 * type's range, and then `out` is untouched. */
bool str_to_i64(struct str s, int64_t *out);
bool str_to_u64(struct str s, uint64_t *out);

/* Well-formed UTF-8 by RFC 3629: no overlong forms, surrogates or values above
 * U+10FFFF. */
bool str_is_utf8(struct str s);
/* Bytes of the well-formed character at `at`, 0 when there is none. */
size_t str_utf8_step(struct str s, size_t at);
/* Number of code points of valid UTF-8. */
size_t str_utf8_count(struct str s);
/* Printable ASCII without space, 0x21..0x7e, at least one byte. */
bool str_is_visible_ascii(struct str s);
/* No byte below 0x20, and no 0x7f. */
bool str_has_no_controls(struct str s);

/* Of eight bytes at once: 0 when none is `byte`, or a control character. Which one it is cannot be
 * told: what is found carries into the bytes beside it. */
#define STR_EACH UINT64_C(0x0101010101010101)
#define STR_HIGHEST (STR_EACH * 0x80)
static inline uint64_t str_eight_with(uint64_t eight, char byte)
{
    uint64_t zero = eight ^ STR_EACH * (unsigned char)byte;

    return (zero - STR_EACH) & ~zero & STR_HIGHEST;
}

static inline uint64_t str_eight_controls(uint64_t eight)
{
    return (((eight - STR_EACH * ' ') & ~eight) | (str_eight_with(eight, 0x7f))) & STR_HIGHEST;
}

#endif
