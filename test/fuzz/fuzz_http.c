/* fuzz_http.c - the same bytes give the same requests or the same refusal, however they are
 * cut, and a request that comes out is what the handlers rely on.
 *
 * Input: 4 bytes that seed the cuts, then what a client sends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../net/parse_record.h"

#define SEED_SIZE 4
#define BODY_MAX 512

static size_t whole(void *self, size_t left)
{
    (void)self;
    return left;
}

/* Short pieces mostly: what goes wrong is at the places where something ends. */
static size_t cut_by_seed(void *self, size_t left)
{
    uint32_t *seed = self;

    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    size_t piece = 1 + (*seed >> 8) % ((*seed & 7) == 0 ? 200 : 6);
    return piece < left ? piece : left;
}

static void check_request(const struct http_parse *parse)
{
    struct str target = parse->path;

    if (target.len == 0 || target.ptr[0] != '/' || !str_is_visible_ascii(target))
        abort();
    if (parse->query.len > 0 && !str_is_visible_ascii(parse->query))
        abort();
    if (parse->body.len > BODY_MAX || parse->field_count > 10)
        abort();
    if (str_is_empty(http_parse_header(parse, "Host")) && !parse->version_1_0)
        abort();
    for (size_t i = 0; i < parse->field_count; i++) {
        struct str value = parse->fields[i].value;
        if (!str_is_visible_ascii(parse->fields[i].name))
            abort();
        for (size_t at = 0; at < value.len; at++)
            if (((unsigned char)value.ptr[at] < ' ' && value.ptr[at] != '\t') ||
                value.ptr[at] == 0x7f)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct record expected, actual;
    uint32_t seed = 1;
    struct record_rules rules = {
        .limits = { .header_bytes = 1024, .header_lines = 10, .target_bytes = 64 },
        .body_bytes = BODY_MAX,
        .check = check_request,
        .self = &seed,
    };

    if (size < SEED_SIZE || size > 16 * 1024)
        return 0;
    memcpy(&seed, data, SEED_SIZE);
    seed |= 1;
    const char *bytes = (const char *)data + SEED_SIZE;

    rules.piece = whole;
    record_parse(&expected, bytes, size - SEED_SIZE, &rules);
    rules.piece = cut_by_seed;
    record_parse(&actual, bytes, size - SEED_SIZE, &rules);
    if (!str_equal(buf_str(&expected.buf), buf_str(&actual.buf)))
        abort();
    /* Guard and llhttp read the same: else one of them has a hole that the other one hides. */
    if (expected.refusal == HTTP_REFUSAL_AMBIGUOUS)
        abort();
    return 0;
}
