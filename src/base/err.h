/* err.h - what can go wrong in the world, as one table.
 *
 * The table (err.def) is read by the code, by the HTTP answers and by the error
 * reference of the documentation. Trouble that only purser itself can cause is
 * an assert; what a payer or a bank says is data, not an error. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/err.def"

#define must_check __attribute__((warn_unused_result))

enum err {
    OK = 0,
#define X(name, code, status, retry, title, advice) ERR_##name,
    ERR_TABLE(X)
#undef X
    ERR_COUNT
};

/* Whether the same request may be sent again. */
enum err_retry {
    RETRY_NEVER,         /* change the request first */
    RETRY_SAME_KEY,      /* send it again with the same idempotency key */
};

/* All accept any enum err, OK included. The texts are static. */
const char *err_code(enum err err);        /* "validation_failed": stable, part of the API */
int err_http_status(enum err err);
bool err_is_retryable(enum err err);
bool err_is_outage(enum err err);           /* nobody's fault, and over for all at once */
const char *err_title(enum err err);       /* one line, no full stop */
const char *err_advice(enum err err);      /* what to do about it, one or two sentences */

#endif
