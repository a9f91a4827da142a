/* main.c - the front door: arguments to a command (commands/commands.c lists them). */
#include "commands/commands.h"

int main(int argc, char **argv)
{
    const struct world world = { outside_real(), outside_env, stdout, stderr,
                                 argc > 0 ? argv[0] : "purser" };

    return commands_run(&world, argc - 1, (const char *const *)(argv + 1));
}
