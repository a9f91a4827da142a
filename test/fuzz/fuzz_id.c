/* fuzz_id.c - any bytes as an id's text, as an id, and as the movements of a clock. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* There is one text for each id and prefix. */
static void check_text(struct str text)
{
    char array[ID_TEXT_MAX];
    char prefix_text[ID_TEXT_MAX] = { 0 };
    struct buf buf;
    struct str prefix = { 0 };
    struct id id = { 0 };

    if (!id_parse_any(text, &prefix, &id))
        return;
    assert(prefix.len < sizeof prefix_text);
    if (prefix.len > 0)
        memcpy(prefix_text, prefix.ptr, prefix.len);
    buf_fixed(&buf, array, sizeof array);
    id_write(&buf, prefix_text, id);
    assert(buf_ok(&buf) && str_equal(buf_str(&buf), text));
    bool same_prefix = id_parse(text, prefix_text, &id);
    assert(same_prefix);
}

static void check_bytes(const uint8_t *data, size_t size)
{
    char array[ID_TEXT_MAX];
    struct buf buf;
    struct id id = { 0 };
    struct payment_id again = { 0 };

    memcpy(id.bytes, data, size < sizeof id.bytes ? size : sizeof id.bytes);
    buf_fixed(&buf, array, sizeof array);
    id_write(&buf, "pay", id);
    bool parsed = payment_id_parse(buf_str(&buf), &again);
    assert(parsed && id_equal(again.id, id));
}

/* Ids increase whatever the clock does. */
static void check_order(const uint8_t *data, size_t size)
{
    struct outside_fake fake;
    struct id_maker maker = { .outside = &fake.outside };
    struct id last = { 0 };
    int64_t now_ms = 1000000;

    outside_fake_init(&fake, now_ms, size);
    for (size_t i = 0; i < size; i++) {
        now_ms += (int8_t)data[i];
        if (now_ms < 0)
            now_ms = 0;
        struct id id = id_make(&maker, now_ms);
        assert(id_compare(last, id) < 0 && id_time_ms(id) >= now_ms);
        last = id;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text(str_make((const char *)data, size));
    check_bytes(data, size);
    check_order(data, size);
    return 0;
}
