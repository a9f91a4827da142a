/* post.h - one HTTP POST, blocking, to this machine only.
 *
 * Callbacks and webhooks go to a purser under test. Any other target than loopback is refused, so
 * that a simulator with a wrong address in it never sends anything to a stranger. No TLS. */
#ifndef SIM_POST_H
#define SIM_POST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* `headers` are whole lines with CRLF. The status of the answer, or 0 with a sentence in `why`.
 * All in all it takes `timeout_ms` at most, for each of connecting, sending and reading. */
int post_send(struct str url, struct str headers, struct str body, int64_t timeout_ms,
              struct buf *why);
/* Whether post_send would try that address at all. */
bool post_is_local(struct str url);

#endif
