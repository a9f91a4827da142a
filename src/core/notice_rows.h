/* notice_rows.h - a gateway's notification, verified, as the rows that are kept of it.
 *
 * What it claims moves nothing (notices.c); it is kept without its secrets, and with card numbers
 * masked. */
#ifndef CORE_NOTICE_ROWS_H
#define CORE_NOTICE_ROWS_H

#include "core/requests.h"

#define NOTICE_BODY_MAX ((size_t)1 << 20)

/* One row for each of its claims, at least one: what is theirs and cannot be read is kept as
 * evidence, and `unreadable` says so. ERR_UNAUTHENTICATED when it is not theirs. The body is at
 * most NOTICE_BODY_MAX long. Rows live in `arena`. */
must_check enum err notice_rows(const struct gateway *gateway,
                                const struct gateway_account *account,
                                const struct gateway_notice *notice, struct arena *arena,
                                struct arena *scratch, struct notices_keep *out,
                                bool *unreadable);

#endif
