/* url.h - percent-encoding and query strings. */
#ifndef NET_URL_H
#define NET_URL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* Decodes %XX (and '+' as space when `form`). False on a malformed escape, on NUL
 * and on bytes that are not UTF-8 once decoded. */
bool url_decode(struct str text, bool form, struct arena *arena, struct str *out);
/* Everything but unreserved characters is escaped. */
void url_encode(struct buf *out, struct str text);
/* Takes the next name=value off `query`, decoded as a form is. Returns 1 for a
 * pair, 0 at the end, -1 when malformed. */
int url_next_pair(struct str *query, struct arena *arena, struct str *name, struct str *value);

#endif
