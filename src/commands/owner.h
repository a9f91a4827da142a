/* owner.h - whose things a command is about, and the way to what the books have of them: the
 * options --merchant and --mode, read in one place. */
#ifndef COMMANDS_OWNER_H
#define COMMANDS_OWNER_H

#include "commands/command.h"
#include "store/queries.h"

#define OWNER_OPTIONS                                                                              \
    { "merchant", "NAME", false, "Whose. Default: default." },                                     \
    { "mode", "test|live", false, "Default: test." }

/* The merchant's name, "default" where none is given. */
struct str owner_merchant(const struct cli *cli);
/* ERR_VALIDATION when the mode is neither; test where none is given. */
must_check enum err owner_mode(const struct cli *cli, bool *live, struct str *why);
/* Both, found in the books. */
must_check enum err owner_scope(const struct cli *cli, struct db *db, struct query_scope *out,
                                struct str *why);

/* Runs `f` over the books, opened for reading. What is not found is EXIT_NO. */
enum exit_code owner_show(struct cli *cli,
                          enum err (*f)(struct cli *cli, struct db *db, struct str *why));
enum exit_code owner_end(struct cli *cli, enum err err, struct str why);

#endif
