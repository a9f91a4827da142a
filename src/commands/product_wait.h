/* product_wait.h - work that a command asked the server for, watched until its end. */
#ifndef COMMANDS_PRODUCT_WAIT_H
#define COMMANDS_PRODUCT_WAIT_H

#include "commands/product.h"

#define PRODUCT_WAIT_OPTION { "wait", "SECONDS", false, "For its end. Default: 600." }

/* One piece of work: it begins with POST `begin`, and GET `path` tells of it. */
struct product_work {
    struct str begin, body;
    struct str (*path)(struct cli *cli, const struct product_answer *begun);
    bool (*has_ended)(const struct product_answer *answer);
};

/* Asks for it and returns its end in *out. The command has PRODUCT_WAIT_OPTION, and what
 * product_open wants, as are the arguments. ERR_VALIDATION: a wrong --wait, or refused; ERR_IO:
 * no answer, or no end in that time. */
must_check enum err product_run(struct cli *cli, struct str merchant, bool live, int64_t scopes,
                                const struct product_work *work, struct product_answer *out,
                                struct str *why);

#endif
