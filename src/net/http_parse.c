/* http_parse.c - llhttp between our guard and our rules about headers.
 *
 * llhttp 8.1 (Debian 12) and 9 (Debian 13). Only callbacks that both have are used, and no
 * lenient flag is set. A parser is initialised for each request, so that nothing of a request
 * can reach the next. Bytes beyond a request's end are never given to it. */
#include "net/http_parse.h"

#include <assert.h>
#include <llhttp.h>
#include <string.h>

struct span {
    uint32_t at;
    uint32_t len;
};

/* The first reason stands: it is the one nearest to the start of the bytes. */
static bool refuse(struct http_parse *parse, enum http_refusal refusal)
{
    if (parse->refusal == HTTP_REFUSAL_NONE)
        parse->refusal = refusal;
    return false;
}

/* The rules about single headers: each is asked for every header of its name. */

static bool is_host_byte(char c)
{
    return c > ' ' && c < 0x7f && strchr("\"#,/<>?@\\^`{|}", c) == NULL;
}

static bool check_host(struct http_parse *parse, struct str value)
{
    if (parse->has_host)
        return refuse(parse, HTTP_REFUSAL_HOST_REPEATED);
    parse->has_host = true;
    for (size_t i = 0; i < value.len; i++) {
        if (!is_host_byte(value.ptr[i]))
            return refuse(parse, HTTP_REFUSAL_HOST);
    }
    return value.len > 0 || refuse(parse, HTTP_REFUSAL_HOST);
}

static bool check_content_length(struct http_parse *parse, struct str value)
{
    if (parse->has_length)
        return refuse(parse, HTTP_REFUSAL_FRAMING);
    parse->has_length = true;
    if (!str_to_u64(value, &parse->content_length) || value.ptr[0] < '0' || value.ptr[0] > '9')
        return refuse(parse, HTTP_REFUSAL_FRAMING);
    return true;
}

static bool check_transfer_encoding(struct http_parse *parse, struct str value)
{
    if (parse->chunked || parse->version_1_0 || !str_equal_nocase(value, STR("chunked")))
        return refuse(parse, HTTP_REFUSAL_FRAMING);
    parse->chunked = true;
    return true;
}

static bool check_content_encoding(struct http_parse *parse, struct str value)
{
    (void)value;
    return refuse(parse, HTTP_REFUSAL_CONTENT_ENCODING);
}

static bool check_expect(struct http_parse *parse, struct str value)
{
    if (!str_equal_nocase(value, STR("100-continue")))
        return refuse(parse, HTTP_REFUSAL_EXPECT);
    /* RFC 9110 10.1.1: one that comes with HTTP/1.0 is to be ignored. */
    parse->wants_continue = !parse->version_1_0;
    return true;
}

static bool check_upgrade(struct http_parse *parse, struct str value)
{
    (void)value;
    return refuse(parse, HTTP_REFUSAL_UPGRADE);
}

static const struct {
    struct str name;
    bool (*check)(struct http_parse *parse, struct str value);
} field_rules[] = {
    { STR_INIT("Host"), check_host },
    { STR_INIT("Content-Length"), check_content_length },
    { STR_INIT("Transfer-Encoding"), check_transfer_encoding },
    { STR_INIT("Content-Encoding"), check_content_encoding },
    { STR_INIT("Expect"), check_expect },
    { STR_INIT("Upgrade"), check_upgrade },
};

static bool check_fields(struct http_parse *parse)
{
    size_t rule_count = sizeof field_rules / sizeof field_rules[0];

    for (size_t i = 0; i < parse->field_count; i++) {
        const struct http_field *field = &parse->fields[i];
        for (size_t rule = 0; rule < rule_count; rule++) {
            if (str_equal_nocase(field->name, field_rules[rule].name) &&
                !field_rules[rule].check(parse, field->value))
                return false;
        }
    }
    if (!parse->has_host && !parse->version_1_0)
        return refuse(parse, HTTP_REFUSAL_HOST_MISSING);
    if (parse->has_length && parse->chunked)
        return refuse(parse, HTTP_REFUSAL_FRAMING);
    return true;
}

static bool check_version(struct http_parse *parse)
{
    int major = parse->llhttp->http_major;
    int minor = parse->llhttp->http_minor;

    parse->version_1_0 = minor == 0;
    if (major != 1 || minor > 1)
        return refuse(parse, HTTP_REFUSAL_VERSION);
    return true;
}

/* Method and target are cut out of the request line. */
static bool check_target(struct http_parse *parse)
{
    struct str line = buf_str(&parse->head);
    struct str target = { 0 };

    /* The empty line that may come first. */
    while (line.len > 0 && (line.ptr[0] == '\r' || line.ptr[0] == '\n'))
        line = str_slice(line, 1, line.len);
    parse->method = str_of(llhttp_method_name((llhttp_method_t)parse->llhttp->method));
    if (!str_cut(&line, ' ', &target) || !str_equal(target, parse->method) ||
        !str_cut(&line, ' ', &target))
        return refuse(parse, HTTP_REFUSAL_AMBIGUOUS);
    if (parse->llhttp->method == HTTP_CONNECT)
        return refuse(parse, HTTP_REFUSAL_CONNECT);
    if (target.len == 0 || target.ptr[0] != '/' || str_find_char(target, '#', 0) < target.len)
        return refuse(parse, HTTP_REFUSAL_TARGET_FORM);

    size_t mark = str_find_char(target, '?', 0);
    parse->path = str_slice(target, 0, mark);
    parse->query = str_slice(target, mark + 1, target.len);
    return true;
}

static void collect_fields(struct http_parse *parse)
{
    size_t count = parse->span_count / 2;
    struct http_field *fields = ARENA_ARRAY(parse->arena, struct http_field, count);
    struct str head = buf_str(&parse->head);

    for (size_t i = 0; i < count; i++) {
        struct span name = parse->spans[2 * i];
        struct span value = parse->spans[2 * i + 1];
        fields[i].name = str_slice(head, name.at, name.len);
        fields[i].value = str_trim(str_slice(head, value.at, value.len));
    }
    parse->fields = fields;
    parse->field_count = count;
}

static bool accept_body(struct http_parse *parse)
{
    size_t limit = parse->body_limit(parse->self);

    buf_init(&parse->body_buf, parse->arena, limit);
    if (parse->content_length > limit)
        return refuse(parse, HTTP_REFUSAL_BODY_LARGE);
    if (!parse->chunked && parse->content_length == 0)
        parse->wants_continue = false;
    return true;
}

/* llhttp's callbacks. Its header texts come in pieces, but always as bytes of `head`. */

static void span_begin(struct http_parse *parse)
{
    if (parse->span_count == parse->span_cap) {
        size_t cap = parse->span_cap == 0 ? 32 : parse->span_cap * 2;
        parse->spans = arena_grow(parse->arena, parse->spans,
                                  parse->span_cap * sizeof *parse->spans,
                                  cap * sizeof *parse->spans);
        parse->span_cap = cap;
    }
    /* A name and its value; one that stays empty is never begun by llhttp. */
    parse->span_count += 2;
}

static void span_extend(struct http_parse *parse, struct span *span, const char *at, size_t len)
{
    if (span->len == 0)
        span->at = (uint32_t)(at - parse->head.ptr);
    span->len += (uint32_t)len;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parse *parse = llhttp->data;

    if (parse->headers_done)
        return 0; /* trailers are held to the limits and dropped */
    if (!parse->in_name)
        span_begin(parse);
    parse->in_name = true;
    span_extend(parse, &parse->spans[parse->span_count - 2], at, len);
    return 0;
}

static int on_header_field_complete(llhttp_t *llhttp)
{
    struct http_parse *parse = llhttp->data;

    parse->in_name = false;
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parse *parse = llhttp->data;

    if (!parse->headers_done && len > 0)
        span_extend(parse, &parse->spans[parse->span_count - 1], at, len);
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct http_parse *parse = llhttp->data;

    /* llhttp comes here again after trailers in some versions. */
    if (parse->headers_done)
        return 0;
    collect_fields(parse);
    if (!check_version(parse) || !check_target(parse) || !check_fields(parse))
        return -1;
    parse->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
    parse->headers_done = true;
    return accept_body(parse) ? 0 : -1;
}

static int on_chunk_header(llhttp_t *llhttp)
{
    struct http_parse *parse = llhttp->data;

    parse->chunk_began = true;
    parse->wants_continue = false;
    if (llhttp->content_length != parse->guard.left)
        refuse(parse, HTTP_REFUSAL_AMBIGUOUS);
    else if (llhttp->content_length > parse->body_buf.max - parse->body_buf.len)
        refuse(parse, HTTP_REFUSAL_BODY_LARGE);
    return parse->refusal == HTTP_REFUSAL_NONE ? 0 : -1;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parse *parse = llhttp->data;

    parse->wants_continue = false;
    buf_add_bytes(&parse->body_buf, at, len);
    return 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    struct http_parse *parse = llhttp->data;

    parse->message_done = true;
    return 0;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void http_parse_start(struct http_parse *parse, const struct http_limits *limits,
                      struct arena *arena, size_t (*body_limit)(void *self), void *self)
{
    assert(parse != NULL && limits != NULL && arena != NULL && body_limit != NULL);
    assert(limits->header_bytes < UINT32_MAX);

    *parse = (struct http_parse){ .arena = arena, .body_limit = body_limit, .self = self };
    parse->llhttp = ARENA_NEW(arena, llhttp_t);
    llhttp_init(parse->llhttp, HTTP_REQUEST, &settings);
    parse->llhttp->data = parse;
    http_guard_init(&parse->guard, limits);
    buf_init(&parse->head, arena, limits->header_bytes);
}

bool http_parse_started(const struct http_parse *parse)
{
    return http_guard_started(&parse->guard);
}

/* What llhttp's own refusals mean. Its own texts change between versions. */
static enum http_refusal refusal_of_llhttp(llhttp_errno_t error)
{
    switch (error) {
    case HPE_INVALID_METHOD:
        return HTTP_REFUSAL_METHOD;
    case HPE_INVALID_URL:
        return HTTP_REFUSAL_TARGET_FORM;
    case HPE_INVALID_VERSION:
    case HPE_PAUSED_H2_UPGRADE:
        return HTTP_REFUSAL_VERSION;
    case HPE_INVALID_HEADER_TOKEN:
        return HTTP_REFUSAL_HEADER_NAME;
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return HTTP_REFUSAL_FRAMING;
    case HPE_INVALID_TRANSFER_ENCODING:
        return HTTP_REFUSAL_FRAMING;
    case HPE_INVALID_CHUNK_SIZE:
        return HTTP_REFUSAL_CHUNK_SIZE;
    default:
        return HTTP_REFUSAL_NOT_HTTP;
    }
}

/* Gives llhttp bytes that the guard has passed. */
static bool execute(struct http_parse *parse, const char *bytes, size_t len)
{
    parse->chunk_began = false;
    if (len == 0)
        return true;
    if (!parse->headers_done) {
        size_t at = parse->head.len;
        buf_add_bytes(&parse->head, bytes, len);
        assert(buf_ok(&parse->head));
        bytes = parse->head.ptr + at;
    }

    llhttp_errno_t error = llhttp_execute(parse->llhttp, bytes, len);
    if (error != HPE_OK)
        refuse(parse, refusal_of_llhttp(error));
    return parse->refusal == HTTP_REFUSAL_NONE;
}

/* Whether llhttp is where the guard is. */
static bool agree(struct http_parse *parse, enum http_guard_event *event)
{
    if (*event == HTTP_GUARD_HEADERS_END) {
        /* The preface of HTTP/2 is no request with headers to llhttp. */
        if (parse->llhttp->method == HTTP_PRI)
            return refuse(parse, HTTP_REFUSAL_VERSION);
        if (!parse->headers_done)
            return refuse(parse, HTTP_REFUSAL_AMBIGUOUS);
        *event = http_guard_body(&parse->guard, parse->chunked, parse->content_length);
    } else if ((*event == HTTP_GUARD_CHUNK) != parse->chunk_began) {
        return refuse(parse, HTTP_REFUSAL_AMBIGUOUS);
    }
    if ((*event == HTTP_GUARD_MESSAGE_END) != parse->message_done)
        return refuse(parse, HTTP_REFUSAL_AMBIGUOUS);
    return true;
}

enum http_progress http_parse_feed(struct http_parse *parse, const char *bytes, size_t len,
                                   size_t *taken)
{
    enum http_guard_event event = HTTP_GUARD_MORE;

    assert(!parse->message_done && parse->refusal == HTTP_REFUSAL_NONE);
    for (*taken = 0; *taken < len && event != HTTP_GUARD_MESSAGE_END;) {
        const char *next = bytes + *taken;
        size_t passed = http_guard_take(&parse->guard, next, len - *taken, &event);

        *taken += passed;
        /* llhttp first: what it refuses stands before what the guard refuses. */
        if (!execute(parse, next, passed))
            return HTTP_PROGRESS_REFUSED;
        if (event == HTTP_GUARD_REFUSED) {
            refuse(parse, parse->guard.refusal);
            return HTTP_PROGRESS_REFUSED;
        }
        if (!agree(parse, &event))
            return HTTP_PROGRESS_REFUSED;
    }
    if (event != HTTP_GUARD_MESSAGE_END)
        return HTTP_PROGRESS_MORE;
    assert(buf_ok(&parse->body_buf));
    parse->body = buf_str(&parse->body_buf);
    return HTTP_PROGRESS_DONE;
}

struct str http_parse_header(const struct http_parse *parse, const char *name)
{
    struct str wanted = str_of(name);
    struct str found = { 0 };
    bool any = false;

    for (size_t i = 0; i < parse->field_count; i++) {
        struct str value = parse->fields[i].value;
        if (!str_equal_nocase(parse->fields[i].name, wanted))
            continue;
        if (any)
            found = str_format(parse->arena, "%.*s, %.*s", STR_ARG(found), STR_ARG(value));
        else
            found = value;
        any = true;
    }
    return found;
}
