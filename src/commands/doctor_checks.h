/* doctor_checks.h - what `purser doctor` looks at, as one table.
 *
 * A check looks at one thing, changes nothing, and says what it found and, unless all is well,
 * what to do. A new one is its function and its line in doctor_checks.c. */
#ifndef COMMANDS_DOCTOR_CHECKS_H
#define COMMANDS_DOCTOR_CHECKS_H

#include "commands/command.h"
#include "store/db.h"

/* X(NAME, text): what a finding means for the exit code: only FAILED makes it 1. */
#define DOCTOR_STATUSES(X) X(OK, "ok") X(WARNING, "warning") X(FAILED, "failed")

#define X(NAME, text) DOCTOR_##NAME,
enum doctor_status { DOCTOR_STATUSES(X) };
#undef X
const char *doctor_status_text(enum doctor_status status);

struct doctor_finding {
    enum doctor_status status;
    struct str detail;
    struct str advice; /* empty when OK */
};

struct doctor_check {
    const char *name;
    bool needs_books;
    /* False when it could not find out; then `detail` says why. `db` is NULL for a check
     * that needs no books. */
    bool (*look)(struct cli *cli, struct db *db, struct doctor_finding *out);
};

/* Ended by name NULL; those that need no books come first. */
extern const struct doctor_check doctor_checks[];

#endif
