/* calls.h - HTTP calls of a command: one after the other, each waited for. */
#ifndef COMMANDS_CALLS_H
#define COMMANDS_CALLS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/outside.h"
#include "net/client.h"

struct calls;

/* ERR_IO with a sentence in `why`. */
must_check enum err calls_open(const struct outside *outside, struct arena *arena,
                               struct calls **out, struct str *why);
void calls_close(struct calls *calls);      /* accepts NULL */

struct calls_reply {
    int status;
    struct str body;                        /* in the arena */
    int64_t total_us;
};

/* http:// is allowed: the address is the caller's own. ERR_IO, with why there was no reply. */
must_check enum err calls_make(struct calls *calls, const char *method, struct str url,
                               const struct client_field *fields, size_t field_count,
                               struct str body, int64_t timeout_ms, struct arena *arena,
                               struct calls_reply *out, struct str *why);

#endif
