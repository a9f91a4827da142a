/* commands.h - the command line: from arguments to a command. */
#ifndef COMMANDS_COMMANDS_H
#define COMMANDS_COMMANDS_H

#include "commands/command.h"

/* Runs the command that the arguments (without the program's name) call for, and returns
 * the exit code of the process. */
int commands_run(const struct world *world, int argc, const char *const *argv);

/* All commands, NULL-terminated, in the order in which help lists them. */
extern const struct command *const commands[];
#define COMMANDS_MAX 64

/* The command whose words begin the arguments, or NULL; `words` is how many they are. */
const struct command *command_find(int argc, const char *const *argv, int *words);

#endif
