/* http_guard.c - the table http_guard.def, walked byte by byte. */
#include "net/http_guard.h"

#include <assert.h>

#include "net/http_guard.def"

enum byte_class {
    TOKEN = 1,   /* RFC 9110 tchar: methods and header names */
    VISIBLE = 2, /* 0x21 to 0x7e */
    FIELD = 4,   /* what a header value may hold: no control characters but the tab */
    HEX = 8,
};

/* clang-format off */
static const uint8_t byte_classes[256] = {
    ['\t'] = FIELD,
    [' ']  = FIELD,
    ['!']  = TOKEN | VISIBLE | FIELD,
    ['"']  = VISIBLE | FIELD,
    ['#' ... '\''] = TOKEN | VISIBLE | FIELD,
    ['(' ... ')']  = VISIBLE | FIELD,
    ['*' ... '+']  = TOKEN | VISIBLE | FIELD,
    [',']  = VISIBLE | FIELD,
    ['-' ... '.']  = TOKEN | VISIBLE | FIELD,
    ['/']  = VISIBLE | FIELD,
    ['0' ... '9']  = TOKEN | VISIBLE | FIELD | HEX,
    [':' ... '@']  = VISIBLE | FIELD,
    ['A' ... 'F']  = TOKEN | VISIBLE | FIELD | HEX,
    ['G' ... 'Z']  = TOKEN | VISIBLE | FIELD,
    ['[' ... ']']  = VISIBLE | FIELD,
    ['^' ... '`']  = TOKEN | VISIBLE | FIELD,
    ['a' ... 'f']  = TOKEN | VISIBLE | FIELD | HEX,
    ['g' ... 'z']  = TOKEN | VISIBLE | FIELD,
    ['{']  = VISIBLE | FIELD,
    ['|']  = TOKEN | VISIBLE | FIELD,
    ['}']  = VISIBLE | FIELD,
    ['~']  = TOKEN | VISIBLE | FIELD,
    [0x80 ... 0xff] = FIELD,
};
/* clang-format on */

enum guard_place {
#define X(place, keeps, end, next, shortest, longest, counts, refusal) PLACE_##place,
    HTTP_GUARD_PLACES(X)
#undef X
};

static const struct guard_rule {
    uint8_t keeps;
    char end;
    uint8_t next;
    uint8_t shortest;
    uint16_t longest;
    bool counts;
    uint8_t refusal;
} rules[] = {
/* clang-format off */
#define X(place, keeps, end, next, shortest, longest, counts, refusal) [PLACE_##place] =           \
    { keeps, end, PLACE_##next, shortest, longest, counts, HTTP_REFUSAL_##refusal },
    HTTP_GUARD_PLACES(X)
#undef X
    /* clang-format on */
};

void http_guard_init(struct http_guard *guard, const struct http_limits *limits)
{
    assert(guard != NULL && limits != NULL);
    *guard = (struct http_guard){ .limits = limits, .place = PLACE_START };
}

bool http_guard_started(const struct http_guard *guard)
{
    return guard->place != PLACE_START && guard->place != PLACE_BLANK_LF;
}

static void enter(struct http_guard *guard, unsigned place)
{
    guard->place = (uint8_t)place;
    guard->place_bytes = 0;
    if (place == PLACE_SIZE)
        guard->left = 0;
}

enum http_guard_event http_guard_body(struct http_guard *guard, bool chunked, uint64_t length)
{
    assert(guard->place == PLACE_SECTION && !guard->in_trailers);

    if (chunked) {
        enter(guard, PLACE_SIZE);
        return HTTP_GUARD_MORE;
    }
    guard->left = length;
    enter(guard, length > 0 ? PLACE_BODY : PLACE_END);
    return length > 0 ? HTTP_GUARD_MORE : HTTP_GUARD_MESSAGE_END;
}

/* All steps return the number of bytes taken; 0 with a refusal in place of taking the next. */
static size_t refuse(struct http_guard *guard, enum http_refusal refusal)
{
    guard->refusal = refusal;
    return 0;
}

/* The first byte of a request. One empty line before it is skipped: old clients send one
 * after a body, and RFC 9112 2.2 asks servers to bear it. */
static size_t step_start(struct http_guard *guard, char byte)
{
    if (byte != '\r') {
        enter(guard, PLACE_METHOD);
        return 0;
    }
    if (guard->blank_seen)
        return refuse(guard, HTTP_REFUSAL_BLANK_LINES);
    guard->blank_seen = true;
    enter(guard, PLACE_BLANK_LF);
    return 1;
}

/* The first byte of a header or trailer line, or of the empty line that ends them. */
static size_t step_line(struct http_guard *guard, char byte)
{
    if (byte == '\r') {
        enter(guard, PLACE_EMPTY_LF);
        return 1;
    }
    if (byte == ' ' || byte == '\t')
        return refuse(guard, HTTP_REFUSAL_HEADER_FOLDED);
    if (guard->header_lines == guard->limits->header_lines)
        return refuse(guard, HTTP_REFUSAL_HEADER_LINES);
    guard->header_lines++;
    enter(guard, PLACE_NAME);
    return 0;
}

/* Body and chunk data: any bytes, only counted. */
static size_t step_data(struct http_guard *guard, size_t len)
{
    size_t n = len < guard->left ? len : (size_t)guard->left;

    guard->left -= n;
    if (guard->left == 0)
        enter(guard, rules[guard->place].next);
    return n;
}

static uint64_t hex_value(char digit)
{
    return (uint64_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

/* The byte after those that the place keeps. */
static size_t step_end(struct http_guard *guard, char byte)
{
    const struct guard_rule *rule = &rules[guard->place];

    if (guard->place == PLACE_TARGET && byte != ' ' &&
        guard->place_bytes == guard->limits->target_bytes)
        return refuse(guard, HTTP_REFUSAL_TARGET_LONG);
    if (guard->place_bytes < rule->shortest)
        return refuse(guard, rule->refusal);
    if (guard->place == PLACE_SIZE && byte == ';')
        enter(guard, PLACE_EXTENSION);
    else if (byte == rule->end)
        enter(guard, rule->next);
    else
        return refuse(guard, rule->refusal);
    return 1;
}

static size_t step_ruled(struct http_guard *guard, const char *bytes, size_t len)
{
    const struct guard_rule *rule = &rules[guard->place];
    size_t longest = guard->place == PLACE_TARGET ? guard->limits->target_bytes : rule->longest;
    size_t n = 0;

    if (longest != 0 && len > longest - guard->place_bytes)
        len = longest - guard->place_bytes;
    while (n < len && (byte_classes[(unsigned char)bytes[n]] & rule->keeps) != 0)
        n++;
    if (n == 0)
        return step_end(guard, bytes[0]);
    for (size_t i = 0; guard->place == PLACE_SIZE && i < n; i++)
        guard->left = guard->left << 4 | hex_value(bytes[i]);
    guard->place_bytes += n;
    return n;
}

static size_t step(struct http_guard *guard, const char *bytes, size_t len)
{
    size_t n = 0;

    if (!rules[guard->place].counts)
        return guard->place == PLACE_BODY || guard->place == PLACE_DATA
                   ? step_data(guard, len)
                   : step_ruled(guard, bytes, len);

    size_t room = guard->limits->header_bytes - guard->header_bytes;
    if (room == 0)
        return refuse(guard, HTTP_REFUSAL_HEADER_BYTES);
    if (len > room)
        len = room;
    if (guard->place == PLACE_START)
        n = step_start(guard, bytes[0]);
    else if (guard->place == PLACE_LINE)
        n = step_line(guard, bytes[0]);
    else
        n = step_ruled(guard, bytes, len);
    guard->header_bytes += n;
    return n;
}

/* What it means that this place was reached, and where to go on from there. */
static enum http_guard_event arrived(struct http_guard *guard)
{
    switch (guard->place) {
    case PLACE_SECTION:
        if (!guard->in_trailers)
            return HTTP_GUARD_HEADERS_END;
        enter(guard, PLACE_END);
        return HTTP_GUARD_MESSAGE_END;
    case PLACE_CHUNK:
        /* The empty chunk is the last; what follows are lines again. */
        guard->in_trailers = guard->left == 0;
        enter(guard, guard->in_trailers ? PLACE_LINE : PLACE_DATA);
        return HTTP_GUARD_CHUNK;
    case PLACE_END:
        return HTTP_GUARD_MESSAGE_END;
    default:
        return HTTP_GUARD_MORE;
    }
}

size_t http_guard_take(struct http_guard *guard, const char *bytes, size_t len,
                       enum http_guard_event *event)
{
    size_t taken = 0;

    assert(guard->place != PLACE_SECTION && guard->place != PLACE_END);
    *event = HTTP_GUARD_MORE;
    while (taken < len && *event == HTTP_GUARD_MORE) {
        taken += step(guard, bytes + taken, len - taken);
        *event = guard->refusal != HTTP_REFUSAL_NONE ? HTTP_GUARD_REFUSED : arrived(guard);
    }
    return taken;
}
