/* buf.h - text being written, with a cap and a sticky overflow.
 *
 * Writers append without looking; whoever uses the result checks buf_ok once at
 * the end. After an overflow nothing more is appended, so a half-written text is
 * never mistaken for a whole one.
 *
 * Two kinds: buf_init grows inside an arena up to `max` bytes; buf_fixed writes
 * into the caller's array, whose last byte is kept for the NUL of buf_c. The bytes
 * live as long as that arena or array. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    struct arena *arena;           /* NULL for a fixed one */
    bool overflow;
};

void buf_init(struct buf *buf, struct arena *arena, size_t max);
void buf_fixed(struct buf *buf, char *array, size_t size);

/* Room for `len` bytes behind what was written, and the NUL of buf_c; false on overflow. */
bool buf_grow(struct buf *buf, size_t len);
/* Room for `len` bytes behind what was written, for the caller to fill and to add to
 * buf->len; NULL, and the overflow, when they do not fit. */
static inline char *buf_reserve(struct buf *buf, size_t len)
{
    bool there = len <= buf->cap - buf->len && !buf->overflow;

    return there || buf_grow(buf, len) ? buf->ptr + buf->len : NULL;
}

static inline void buf_add_bytes(struct buf *buf, const void *bytes, size_t len)
{
    assert(bytes != NULL || len == 0);

    char *to = len > 0 ? buf_reserve(buf, len) : NULL;
    if (to == NULL)
        return;
    memcpy(to, bytes, len);
    buf->len += len;
}

static inline void buf_add(struct buf *buf, struct str text)
{
    buf_add_bytes(buf, text.ptr, text.len);
}

static inline void buf_add_char(struct buf *buf, char c)
{
    char *to = buf_reserve(buf, 1);

    if (to == NULL)
        return;
    *to = c;
    buf->len++;
}

void buf_add_c(struct buf *buf, const char *text);
void buf_add_i64(struct buf *buf, int64_t value);
void buf_add_u64(struct buf *buf, uint64_t value);
void buf_add_hex(struct buf *buf, const void *bytes, size_t len);   /* lower case */
__attribute__((format(printf, 2, 3)))
void buf_addf(struct buf *buf, const char *format, ...);
__attribute__((format(printf, 2, 0)))
void buf_addfv(struct buf *buf, const char *format, va_list args);

/* False when something did not fit. */
bool buf_ok(const struct buf *buf);
/* What was written so far. */
struct str buf_str(const struct buf *buf);
/* Terminates with NUL (not counted) and returns the C string; "" on overflow. */
const char *buf_c(struct buf *buf);
void buf_clear(struct buf *buf);

/* A formatted text in the arena, followed by a NUL; empty when longer than 64 KiB. */
__attribute__((format(printf, 2, 3)))
struct str str_format(struct arena *arena, const char *format, ...);

#endif
