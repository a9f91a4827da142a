/* command.h - what a command is, and what it is given when it runs.
 *
 * A command is one `const struct command` in a file of its own; commands.c lists them all.
 * It prints what was asked for to world->out and what went wrong to world->err, and returns
 * how the process ends. */
#ifndef COMMANDS_COMMAND_H
#define COMMANDS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/outside.h"
#include "base/str.h"
#include "commands/settings.h"

/* X(NAME, code, meaning) */
#define EXITS(X)                                                                                   \
    X(OK, 0, "done; or the answer is yes")                                                         \
    X(NO, 1, "failed; or the answer is no")                                                        \
    X(COULD_NOT, 2, "could not find out or do it; or the command line is wrong")

#define X(NAME, code, meaning) EXIT_##NAME = code,
enum exit_code { EXITS(X) };
#undef X

/* The process's surroundings, so that tests can give their own. */
struct world {
    const struct outside *outside;
    const char *(*env)(const char *name);
    FILE *out;
    FILE *err;
    const char *program; /* as it was called, for lines to paste: "build/purser" */
};

/* A flag of one command; the settings' flags come beside it (struct command, settings). */
struct option {
    const char *name;  /* "mode", given as --mode; NULL ends a list */
    const char *value; /* what it takes: "test|live"; NULL: a switch */
    bool required;
    const char *help;
};

#define CLI_OPTIONS_MAX 10
#define CLI_OPERANDS_MAX 4

struct cli {
    const struct command *command;
    const struct world *world;
    struct arena *arena;                  /* until the command returns */
    struct settings settings;             /* of the command's group */
    struct str options[CLI_OPTIONS_MAX]; /* by place in the list; ptr NULL: not given */
    struct str operands[CLI_OPERANDS_MAX];
    size_t operand_count;
};

struct command {
    const char *name;     /* "serve", "key create" */
    const char *operands; /* "ID", "[COMMAND...]"; "" for none */
    size_t operands_min, operands_max;
    const char *summary; /* one line without a full stop */
    const char *about;   /* what one has to know before using it */
    const char *examples[2];
    const struct option *options; /* NULL for none */
    enum setting_group settings;
    enum exit_code (*run)(struct cli *cli);
};

/* Reads flags and operands into `cli` and resolves the settings. False when it printed a
 * sentence and the command must not run; `help` when --help was among them. */
bool cli_parse(struct cli *cli, int argc, const char *const *argv, bool *help);

/* The option, which must be in the command's list. */
bool cli_has(const struct cli *cli, const char *option);
struct str cli_option(const struct cli *cli, const char *option); /* empty when not given */
struct str cli_setting(const struct cli *cli, enum setting setting);

/* Prints "purser NAME: sentence" on world->err and returns `code`. */
enum exit_code cli_fail(struct cli *cli, enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for an error of the world, with `why` or, when that is empty, the error's title. */
enum exit_code cli_fail_err(struct cli *cli, enum err err, struct str why);

#endif
