#include "commands/commands.h"

#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "commands/help.h"

/* A new command is its file and its name here. */
#define COMMANDS(X)                                                                                \
    X(serve)                                                                                       \
    X(init)                                                                                        \
    X(key_create)                                                                                  \
    X(key_list)                                                                                    \
    X(key_revoke)                                                                                  \
    X(credentials_status)                                                                          \
    X(credentials_rotate)                                                                          \
    X(config)                                                                                      \
    X(doctor)                                                                                      \
    X(check)                                                                                       \
    X(gateways)                                                                                    \
    X(events_tail)                                                                                 \
    X(listen)                                                                                      \
    X(trigger)                                                                                     \
    X(webhook_verify)                                                                              \
    X(webhook_import)                                                                          \
    X(deliveries_list)                                                                             \
    X(deliveries_show)                                                                             \
    X(deliveries_redeliver)                                                                        \
    X(deliveries_replay)                                                                           \
    X(deliveries_pause)                                                                            \
    X(deliveries_resume)                                                                           \
    X(reconcile)                                                                                   \
    X(drift_list)                                                                                  \
    X(drift_resolve)                                                                               \
    X(settlement_import)                                                                           \
    X(settlement_list)                                                                             \
    X(settlement_show)                                                                             \
    X(settlement_mapping)                                                                          \
    X(settlement_sandbox)                                                                          \
    X(tasks_list)                                                                                  \
    X(tasks_resolve)                                                                               \
    X(jobs_list)                                                                                   \
    X(jobs_run)                                                                                    \
    X(jobs_pause)                                                                                  \
    X(jobs_resume)                                                                                 \
    X(audit_verify)                                                                                \
    X(migrate_status)                                                                              \
    X(migrate_up)                                                                                  \
    X(wait)                                                                                        \
    X(prune)                                                                                       \
    X(copy)                                                                                        \
    X(recover)                                                                                     \
    X(graph)                                                                                       \
    X(version)                                                                                     \
    X(help)

/* clang-format off */
#define X(name) extern const struct command command_##name;
COMMANDS(X)
#undef X

#define X(name) &command_##name,
const struct command *const commands[] = { COMMANDS(X) NULL };
#undef X
/* clang-format on */

#define WORDS_MAX 2

/* The first words of the arguments as one text; empty when they are too long for a name. */
static struct str join_words(int words, const char *const *argv, struct buf *out)
{
    buf_clear(out);
    for (int i = 0; i < words; i++) {
        if (i > 0)
            buf_add_char(out, ' ');
        buf_add_c(out, argv[i]);
    }
    return buf_ok(out) ? buf_str(out) : (struct str){ 0 };
}

const struct command *command_find(int argc, const char *const *argv, int *words)
{
    char bytes[64];
    struct buf name;

    buf_fixed(&name, bytes, sizeof bytes);
    for (int count = argc < WORDS_MAX ? argc : WORDS_MAX; count > 0; count--) {
        struct str typed = join_words(count, argv, &name);
        for (size_t i = 0; commands[i] != NULL; i++) {
            if (str_equal_c(typed, commands[i]->name)) {
                *words = count;
                return commands[i];
            }
        }
    }
    return NULL;
}

static enum exit_code run_command(const struct world *world, const struct command *command,
                                  int argc, const char *const *argv)
{
    struct arena arena = { 0 };
    struct cli cli = { .command = command, .world = world, .arena = &arena };
    enum exit_code code = EXIT_COULD_NOT;
    bool help;

    if (cli_parse(&cli, argc, argv, &help)) {
        if (help)
            help_command(command, world->out);
        code = help ? EXIT_OK : command->run(&cli);
    }
    arena_done(&arena);
    return code;
}

static enum exit_code run_arguments(const struct world *world, int argc, const char *const *argv)
{
    int words = 0;

    if (argc == 0) {
        help_overview(world->err);
        return EXIT_COULD_NOT;
    }
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        help_overview(world->out);
        return EXIT_OK;
    }
    if (strcmp(argv[0], "--version") == 0)
        return run_command(world, &command_version, argc - 1, argv + 1);
    const struct command *command = command_find(argc, argv, &words);
    if (command == NULL)
        return help_unknown(world, argc, argv);
    return run_command(world, command, argc - words, argv + words);
}

int commands_run(const struct world *world, int argc, const char *const *argv)
{
    /* What purser writes is for its own user: books, keys, settings. */
    umask(077);

    enum exit_code code = run_arguments(world, argc, argv);
    /* An answer that nobody could read was not given. */
    if (fflush(world->out) != 0 || ferror(world->out)) {
        fputs("purser: the output could not be written\n", world->err);
        return EXIT_COULD_NOT;
    }
    return (int)code;
}
