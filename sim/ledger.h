/* ledger.h - what really happened at the gateways, as a file of JSON lines that only grows.
 *
 * One line for every request received (before anything is done with it), every effect (before it
 * is answered), every reply, every callback or webhook. A line is one write(2): it survives the
 * end of this process at any instant. When it cannot be written the process ends, because a
 * gateway that forgets what it did is worse than none. docs/simulator.md lists the lines. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/money.h"
#include "base/outside.h"

struct ledger {
    const struct outside *outside;
    int fd;
    int64_t lines; /* of the whole file; also the number of the last line */
    int64_t begin; /* where GET /sim/ledger begins to read: after the last reset */
    struct arena arena;
    struct buf line;
    struct json_out out;
};

/* Makes the file or goes on at its end. ERR_IO with a sentence in `why`. */
must_check enum err ledger_open(struct ledger *ledger, const char *path,
                                const struct outside *outside, struct arena *arena,
                                struct str *why);
void ledger_close(struct ledger *ledger);

/* A line is begun (with its number, kind and time), filled by the caller, and ended. */
struct json_out *ledger_begin(struct ledger *ledger, const char *kind);
void ledger_end(struct ledger *ledger);
/* Amount and currency, in minor units. */
void ledger_put_money(struct json_out *out, struct money money);

/* A line of kind `reset`; what was before is not read back. */
void ledger_reset(struct ledger *ledger);

/* What ledger_read gives back; an empty text takes all. */
struct ledger_filter {
    struct str kind;      /* one kind, or several with commas between */
    struct str gateway;
    struct str reference;
    int64_t after;        /* lines with a greater number */
};
/* The lines since the last reset as JSON array items. */
void ledger_read(struct ledger *ledger, const struct ledger_filter *filter, struct arena *arena,
                 struct json_out *out, const char *name);

#endif
