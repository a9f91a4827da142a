/* fuzz_url.c - what is decoded is text, what is encoded comes back, and an origin is its own.
 *
 * Input: a query string, or a URL. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/origin.h"
#include "net/url.h"

static void check_text(struct str decoded, struct str text)
{
    if (decoded.len > text.len || !str_is_utf8(decoded))
        abort();
    if (decoded.len > 0 && memchr(decoded.ptr, '\0', decoded.len) != NULL)
        abort();
}

static void check_round_trip(struct str text, struct arena *arena)
{
    struct str back = { 0 };
    struct buf buf;

    buf_init(&buf, arena, text.len * 3 + 1);
    url_encode(&buf, text);
    if (!buf_ok(&buf) || (text.len > 0 && !str_is_visible_ascii(buf_str(&buf))))
        abort();
    if (!url_decode(buf_str(&buf), true, arena, &back) || !str_equal(back, text))
        abort();
}

static void check_origin(struct str url, struct arena *arena)
{
    struct str origin, again;

    if (!origin_of(url, arena, &origin))
        return;
    if (origin.len > ORIGIN_MAX || !str_is_visible_ascii(origin) ||
        str_find_char(origin, '@', 0) < origin.len)
        abort();
    if (!origin_of(origin, arena, &again) || !str_equal(origin, again))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make((const char *)data, size);
    struct str rest = text, name, value;
    struct arena arena = { 0 };
    struct str decoded;
    int more = 1;

    check_origin(text, &arena);
    for (int form = 0; form < 2; form++) {
        if (url_decode(text, form == 1, &arena, &decoded)) {
            check_text(decoded, text);
            check_round_trip(decoded, &arena);
        }
    }
    while (more == 1) {
        size_t before = rest.len;
        more = url_next_pair(&rest, &arena, &name, &value);
        if (more == 1) {
            check_text(name, text);
            check_text(value, text);
        }
        if (more == 1 && rest.len >= before)
            abort();
    }
    arena_done(&arena);
    return 0;
}
