/* http_answer.h - the first part of an answer as bytes; no I/O. */
#ifndef NET_HTTP_ANSWER_H
#define NET_HTTP_ANSWER_H

#include <stdint.h>

#include "base/buf.h"
#include "net/server.h"

/* What the Connection header says. */
enum http_persistence {
    HTTP_STAYS_OPEN,     /* nothing: HTTP/1.1 stays open by itself */
    HTTP_STAYS_OPEN_1_0, /* keep-alive: an HTTP/1.0 client asked for it */
    HTTP_CLOSES,
};

/* Status line and headers, with the empty line. `date` is from http_date_write. Control
 * characters in the texts of the answer are written as spaces, so that a value which came from
 * outside cannot begin a header of its own. */
void http_answer_write_head(struct buf *out, const struct server_answer *answer, struct str date,
                            enum http_persistence persistence);

/* Whether an answer of this status has a body at all (RFC 9110 6.4.1). */
bool http_status_has_body(int status);

/* "Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 5.6.7. */
void http_date_write(struct buf *out, int64_t now_ms);

#endif
