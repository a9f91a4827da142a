/* http_parse.h - bytes to one request, in any pieces; no I/O and no clock.
 *
 * A wrapper of llhttp, the only one. Beside llhttp's own rules and the guard's
 * (http_guard.h) it holds the header section to what RFC 9112 leaves to servers: one Host,
 * one Content-Length, Transfer-Encoding: chunked or none, targets in origin form, and so on.
 * docs/http.md lists all refusals.
 *
 * The same bytes give the same request, or the same refusal, however they are cut. */
#ifndef NET_HTTP_PARSE_H
#define NET_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "net/http_guard.h"

struct http_field {
    struct str name;
    struct str value; /* without spaces and tabs at both ends */
};

enum http_progress {
    HTTP_PROGRESS_MORE,    /* all bytes were taken; the request is not complete */
    HTTP_PROGRESS_DONE,    /* complete; what was not taken belongs to the next one */
    HTTP_PROGRESS_REFUSED, /* `refusal` says why; the connection is not usable any more */
};

struct http_parse {
    /* The request, once headers_done; all but the first two lines live in the arena. */
    struct str method; /* "GET" */
    bool keep_alive;
    bool version_1_0;
    struct str path;  /* begins with '/', visible ASCII, still percent-encoded */
    struct str query; /* without the '?' */
    const struct http_field *fields;
    size_t field_count;
    struct str body; /* once done */

    bool headers_done;
    /* The client waits for "100 Continue" before it sends the body. Whoever sends that
     * clears it; the body's first byte clears it too. */
    bool wants_continue;
    enum http_refusal refusal; /* the first one */

    /* For http_parse.c only. */
    struct arena *arena;
    size_t (*body_limit)(void *self);
    void *self;
    struct llhttp__internal_s *llhttp;
    struct http_guard guard;
    struct buf head;    /* request line and headers as they came */
    struct span *spans; /* two for each field, into `head` */
    size_t span_count;
    size_t span_cap;
    struct buf body_buf;
    uint64_t content_length;
    bool has_length, chunked, has_host;
    bool in_name, chunk_began, message_done;
};

/* `limits` and the arena must outlive the request. `body_limit` is asked once, when
 * headers_done; a body beyond it is refused with 413. */
void http_parse_start(struct http_parse *parse, const struct http_limits *limits,
                      struct arena *arena, size_t (*body_limit)(void *self), void *self);

/* Takes bytes. `taken` is their number: len, unless the answer is HTTP_PROGRESS_DONE or
 * HTTP_PROGRESS_REFUSED. Not to be called after these. */
enum http_progress http_parse_feed(struct http_parse *parse, const char *bytes, size_t len,
                                   size_t *taken);

/* Whether anything but an empty line has come. */
bool http_parse_started(const struct http_parse *parse);

/* The value of the only field of that name (any case), empty when absent; repeated ones are
 * joined with ", " in the arena. */
struct str http_parse_header(const struct http_parse *parse, const char *name);

#endif
