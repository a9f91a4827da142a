#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

#define FIRST_CAP ((size_t)256)
#define FORMAT_MAX ((size_t)64 * 1024)

void buf_init(struct buf *buf, struct arena *arena, size_t max)
{
    assert(buf != NULL && arena != NULL && max < SIZE_MAX);
    *buf = (struct buf){ .max = max, .arena = arena };
}

void buf_fixed(struct buf *buf, char *array, size_t size)
{
    assert(buf != NULL && array != NULL && size > 0);
    *buf = (struct buf){ .ptr = array, .cap = size - 1, .max = size - 1 };
}

bool buf_grow(struct buf *buf, size_t more)
{
    if (buf->overflow)
        return false;
    if (more > buf->max - buf->len) {
        buf->overflow = true;
        return false;
    }
    /* Only one that grows has cap < max. */
    assert(buf->arena != NULL);

    size_t cap = buf->cap < FIRST_CAP / 2 ? FIRST_CAP : buf->cap;
    cap = cap < buf->max / 2 ? cap * 2 : buf->max;
    if (cap < buf->len + more)
        cap = buf->len + more;
    buf->ptr = arena_grow(buf->arena, buf->ptr, buf->ptr == NULL ? 0 : buf->cap + 1, cap + 1);
    buf->cap = cap;
    return true;
}

void buf_add_c(struct buf *buf, const char *text)
{
    buf_add(buf, str_of(text));
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
    size_t count = 1;

    for (uint64_t rest = value; rest >= 10; rest /= 10)
        count++;
    char *to = buf_reserve(buf, count);
    if (to == NULL)
        return;
    buf->len += count;
    for (; count > 0; value /= 10)
        to[--count] = (char)('0' + value % 10);
}

void buf_add_i64(struct buf *buf, int64_t value)
{
    if (value < 0)
        buf_add_char(buf, '-');
    /* Negated as unsigned: the smallest number has no positive counterpart in int64_t. */
    buf_add_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_add_hex(struct buf *buf, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;

    if (len == 0)
        return;
    if (len > SIZE_MAX / 2 || buf_reserve(buf, len * 2) == NULL) {
        buf->overflow = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        buf->ptr[buf->len++] = digits[from[i] >> 4];
        buf->ptr[buf->len++] = digits[from[i] & 15];
    }
}

void buf_addfv(struct buf *buf, const char *format, va_list args)
{
    va_list again;

    if (buf->overflow)
        return;
    va_copy(again, args);
    char *end = buf->ptr == NULL ? NULL : buf->ptr + buf->len;
    int needed = vsnprintf(end, end == NULL ? 0 : buf->cap - buf->len + 1, format, args);
    assert(needed >= 0);

    size_t len = (size_t)needed;
    bool fitted = end != NULL && len <= buf->cap - buf->len;
    if (!fitted && len > 0 && buf_reserve(buf, len) != NULL) {
        needed = vsnprintf(buf->ptr + buf->len, len + 1, format, again);
        assert(needed == (int)len);
    }
    va_end(again);
    if (!buf->overflow)
        buf->len += len;
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_addfv(buf, format, args);
    va_end(args);
}

bool buf_ok(const struct buf *buf)
{
    return !buf->overflow;
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){ buf->ptr, buf->len };
}

const char *buf_c(struct buf *buf)
{
    if (buf->overflow || buf->ptr == NULL)
        return "";
    buf->ptr[buf->len] = '\0';
    return buf->ptr;
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->overflow = false;
}

struct str str_format(struct arena *arena, const char *format, ...)
{
    struct buf buf;
    va_list args;

    buf_init(&buf, arena, FORMAT_MAX);
    va_start(args, format);
    buf_addfv(&buf, format, args);
    va_end(args);
    return str_of(buf_c(&buf));
}
