/* help.h - what the command line says about itself. */
#ifndef COMMANDS_HELP_H
#define COMMANDS_HELP_H

#include "commands/command.h"

/* All commands with their summaries. */
void help_overview(FILE *out);
/* One command: usage, flags, settings, examples. */
void help_command(const struct command *command, FILE *out);
/* The arguments begin no command: says which was probably meant. */
enum exit_code help_unknown(const struct world *world, int argc, const char *const *argv);

#endif
