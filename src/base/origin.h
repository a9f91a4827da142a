/* origin.h - web origins, "https://shop.example": where a browser may be sent to.
 *
 * Stricter than browsers are, on purpose: what two readers understand differently is no
 * origin. Host names are ASCII (IDN in its "xn--" form), without wildcard and final dot. */
#ifndef BASE_ORIGIN_H
#define BASE_ORIGIN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

#define ORIGIN_MAX 280 /* "https://", a name of 253 characters, ":65535" */

/* The origin of a URL in lower case, without its scheme's own port; what follows the host is
 * dropped. False for another scheme than http and https, and for a user name in it. */
bool origin_of(struct str url, struct arena *arena, struct str *out);

bool origin_is_https(struct str origin);
/* localhost, *.localhost, 127.0.0.1 and [::1]: this machine, and nobody on the way to it. */
bool origin_is_loopback(struct str origin);

#endif
