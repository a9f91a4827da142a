/* fuzz_json.c - any bytes as JSON, and as a text to be written as JSON. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"

#define OUT_MAX ((size_t)16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str written(struct arena *arena, const struct json *value)
{
    struct buf buf;
    struct json_out out;

    buf_init(&buf, arena, OUT_MAX);
    json_begin(&out, &buf);
    json_put_value(&out, NULL, value);
    json_done(&out);
    assert(buf_ok(&buf));
    return buf_str(&buf);
}

/* What is written reads back, and is then written the same way. */
static void check_value(struct arena *arena, const struct json *value)
{
    const struct json *again = NULL;
    struct str text = written(arena, value);

    assert(str_is_utf8(text));
    enum err err = json_parse(text, arena, &again, NULL);
    assert(err == OK);
    assert(json_type(again) == json_type(value) && json_count(again) == json_count(value));
    assert(str_equal(written(arena, again), text));
}

/* Every text makes valid JSON, and a well-formed one is the same afterwards. */
static void check_text(struct arena *arena, struct str text)
{
    struct buf buf;
    const struct json *value = NULL;

    buf_init(&buf, arena, OUT_MAX);
    json_write_text(&buf, text);
    assert(buf_ok(&buf) && str_is_utf8(buf_str(&buf)));
    bool has_nul = str_find_char(text, '\0', 0) < text.len;
    enum err err = json_parse(buf_str(&buf), arena, &value, NULL);
    assert((err == OK) == !has_nul);
    if (err == OK && str_is_utf8(text))
        assert(str_equal(json_text(value), text));
}

/* Read with numbers as texts, what is JSON is JSON and what is none is none; numbers that are too
 * large to hold may be either. */
static void check_exact(struct arena *arena, struct str text, enum err err)
{
    const struct json *exact = NULL;
    enum err exact_err = json_parse_exact(text, arena, &exact, NULL);

    assert(err != OK || exact_err == OK);
    assert(err != ERR_MALFORMED_JSON || exact_err != OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct str text = str_make((const char *)data, size);
    const struct json *value = NULL;
    struct str why = { 0 };

    enum err err = json_parse(text, &arena, &value, &why);
    if (err == OK)
        check_value(&arena, value);
    else
        assert(value == NULL && str_starts_with(why, STR("Line ")) && str_is_utf8(why));
    check_exact(&arena, text, err);
    check_text(&arena, text);
    arena_done(&arena);
    return 0;
}
