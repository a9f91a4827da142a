/* http_guard.h - follows the lines and the framing of one request, byte by byte.
 *
 * llhttp reads some things that a strict server must not (folded headers, bare line feeds in
 * some places, HTTP/0.9), and leaves all limits to its user. The guard looks at every byte first
 * and refuses those. It also works out by itself where the header section, each chunk and the
 * message end; http_parse compares that with llhttp. Two readers that do not agree about the
 * end of a message are what request smuggling is made of, so such a request is refused.
 *
 * What the guard says depends on the bytes only, never on how they were cut into pieces. */
#ifndef NET_HTTP_GUARD_H
#define NET_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/http_refusal.h"

struct http_limits {
    size_t header_bytes; /* request line, headers, chunk extensions and trailers together */
    size_t header_lines; /* headers and trailers together */
    size_t target_bytes;
};

/* What stands after the bytes that were taken. */
enum http_guard_event {
    HTTP_GUARD_MORE,        /* nothing: all bytes were taken */
    HTTP_GUARD_HEADERS_END, /* the empty line was taken; http_guard_body comes next */
    HTTP_GUARD_CHUNK,       /* a chunk-size line was taken; `left` is the chunk's size */
    HTTP_GUARD_MESSAGE_END, /* the next byte belongs to the next request */
    HTTP_GUARD_REFUSED,     /* the next byte is not allowed; `refusal` says why */
};

struct http_guard {
    const struct http_limits *limits;
    enum http_refusal refusal;
    uint64_t left;       /* bytes to come of the body, or of the chunk */
    size_t header_bytes; /* so far; compared with the limits */
    size_t header_lines;
    size_t place_bytes; /* taken since the place was entered */
    uint8_t place;      /* of http_guard.def */
    bool blank_seen;    /* the one empty line that may stand before a request */
    bool in_trailers;
};

/* `limits` must outlive the guard. */
void http_guard_init(struct http_guard *guard, const struct http_limits *limits);

/* Takes bytes up to the next event and returns their number. After HTTP_GUARD_REFUSED and
 * HTTP_GUARD_MESSAGE_END it is not called again before http_guard_init. */
size_t http_guard_take(struct http_guard *guard, const char *bytes, size_t len,
                       enum http_guard_event *event);

/* After HTTP_GUARD_HEADERS_END: what body follows (`length` is for one that is not chunked).
 * HTTP_GUARD_MESSAGE_END when there is none, else HTTP_GUARD_MORE. */
enum http_guard_event http_guard_body(struct http_guard *guard, bool chunked, uint64_t length);

/* Whether anything but an empty line has come. */
bool http_guard_started(const struct http_guard *guard);

#endif
