/* parse_record.h - bytes through the parser, cut as the caller likes, to one text that says
 * all about what came out. Two texts are equal when nobody could tell the difference. For the
 * unit test and the fuzz target. */
#ifndef TEST_NET_PARSE_RECORD_H
#define TEST_NET_PARSE_RECORD_H

#include "base/arena.h"
#include "base/buf.h"
#include "net/http_parse.h"

struct record_rules {
    struct http_limits limits;
    size_t body_bytes;
    /* How long the next piece is, 1 to `left`. */
    size_t (*piece)(void *self, size_t left);
    void *self;
    /* Looks at each request that comes out; may be NULL. */
    void (*check)(const struct http_parse *parse);
};

/* Not in the arena of the request that is being written about. */
struct record {
    char text[80 * 1024];
    struct buf buf;
    enum http_refusal refusal;
    size_t requests;
};

static size_t record_body_limit(void *self)
{
    const struct record_rules *rules = self;

    return rules->body_bytes;
}

static void record_request(struct record *record, const struct http_parse *parse)
{
    struct buf *out = &record->buf;

    buf_addf(out, "%.*s [%.*s] [%.*s]%s%s\n", STR_ARG(parse->method), STR_ARG(parse->path),
             STR_ARG(parse->query), parse->version_1_0 ? " 1.0" : "",
             parse->keep_alive ? "" : " last");
    for (size_t i = 0; i < parse->field_count; i++) {
        buf_add(out, parse->fields[i].name);
        buf_add(out, STR(": ["));
        buf_add(out, parse->fields[i].value);
        buf_add(out, STR("]\n"));
    }
    buf_addf(out, "%zu: ", parse->body.len);
    buf_add(out, parse->body);
    buf_add(out, STR("\n"));
    record->requests++;
}

static const char *refusal_name(enum http_refusal refusal)
{
    static const char *const names[] = { "NONE",
#define X(name, err, status, detail) #name,
                                         HTTP_REFUSALS(X)
#undef X
    };

    return names[refusal];
}

/* The parser, with what lasts from one piece to the next. */
struct record_parser {
    struct arena arena;
    struct http_parse parse;
    enum http_progress progress;
};

static void record_piece(struct record *record, struct record_parser *parser, const char *bytes,
                         size_t len, struct record_rules *rules)
{
    for (size_t fed = 0, taken = 0; fed < len; fed += taken) {
        if (parser->progress == HTTP_PROGRESS_REFUSED)
            return;
        if (parser->progress == HTTP_PROGRESS_DONE) {
            arena_reset(&parser->arena);
            http_parse_start(&parser->parse, &rules->limits, &parser->arena, record_body_limit,
                             rules);
        }
        parser->progress = http_parse_feed(&parser->parse, bytes + fed, len - fed, &taken);
        if (parser->progress != HTTP_PROGRESS_DONE)
            continue;
        record_request(record, &parser->parse);
        if (rules->check != NULL)
            rules->check(&parser->parse);
    }
}

/* Requests after one another, until the bytes end or one is refused. */
static void record_parse(struct record *record, const char *bytes, size_t len,
                         struct record_rules *rules)
{
    struct record_parser parser = { .progress = HTTP_PROGRESS_DONE };

    buf_fixed(&record->buf, record->text, sizeof record->text);
    record->refusal = HTTP_REFUSAL_NONE;
    record->requests = 0;
    for (size_t at = 0, piece = 0; at < len; at += piece) {
        piece = rules->piece(rules->self, len - at);
        record_piece(record, &parser, bytes + at, piece, rules);
    }
    if (parser.progress == HTTP_PROGRESS_REFUSED) {
        record->refusal = parser.parse.refusal;
        buf_addf(&record->buf, "refused: %s\n", refusal_name(record->refusal));
    } else if (parser.progress == HTTP_PROGRESS_MORE) {
        const char *where = http_parse_started(&parser.parse) ? "headers" : "nothing";
        buf_addf(&record->buf, "more: %s\n", parser.parse.headers_done ? "body" : where);
    }
    arena_done(&parser.arena);
}

#endif
