/* help.c - `purser help`, and every text about the command line, read from the tables. */
#include "commands/help.h"

#include <assert.h>

#include "base/buf.h"
#include "base/nearest.h"
#include "commands/commands.h"

/* Whether `word` begins names of two words, as "key" does. */
static bool is_family(struct str word, const struct command *command)
{
    return str_starts_with(str_of(command->name), word) && command->name[word.len] == ' ';
}

/* All of them when `family` is empty. */
static void list_commands(FILE *out, struct str family)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        if (family.len == 0 || is_family(family, commands[i]))
            fprintf(out, "  %-22s %s\n", commands[i]->name, commands[i]->summary);
}

void help_overview(FILE *out)
{
    fputs("purser - a self-hosted payment connector\n\n"
          "usage: purser COMMAND [FLAG...]\n\n",
          out);
    list_commands(out, (struct str){ 0 });
    fputs("\n`purser COMMAND --help` explains one and shows examples.\n\nexit codes:\n", out);
#define X(NAME, code, meaning) fprintf(out, "  %d  %s\n", code, meaning);
    EXITS(X)
#undef X
}

static void print_options(const struct command *command, FILE *out)
{
    if (command->options != NULL)
        fputs("\nflags:\n", out);
    for (const struct option *o = command->options; o != NULL && o->name != NULL; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", o->name, o->value == NULL ? "" : o->value);
        fprintf(out, "  %-34s %s%s\n", left, o->help, o->required ? " Required." : "");
    }
}

static void print_settings(const struct command *command, FILE *out)
{
    if (command->settings != SETTING_GROUP_NONE)
        fputs("\nsettings (also PURSER_NAME in the environment, or a line in purser.conf):\n", out);
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = &settings_table[i];
        char left[64];
        if (info->group > command->settings || info->flag == NULL)
            continue;
        snprintf(left, sizeof left, "%s %s", info->flag, setting_value_name((enum setting)i));
        fprintf(out, "  %-34s %s\n  %-34s Default: %s\n", left, info->help, "",
                info->fallback[0] == '\0' ? "none." : info->fallback);
    }
}

void help_command(const struct command *command, FILE *out)
{
    fprintf(out, "purser %s - %s\n\nusage: purser %s [FLAG...]%s%s\n\n%s\n", command->name,
            command->summary, command->name, command->operands[0] == '\0' ? "" : " ",
            command->operands, command->about);
    print_options(command, out);
    print_settings(command, out);
    fputs("\nexamples:\n", out);
    for (size_t i = 0; i < sizeof(command->examples) / sizeof(command->examples[0]); i++)
        fprintf(out, "  %s\n", command->examples[i]);
}

/* The nearest of all names to the first word, or to the first two. */
static const char *nearest_command(int argc, const char *const *argv)
{
    const char *names[COMMANDS_MAX];
    size_t count = 0;
    char bytes[64];
    struct buf two;

    for (; commands[count] != NULL; count++) {
        assert(count < COMMANDS_MAX);
        names[count] = commands[count]->name;
    }
    const char *nearest = nearest_name(str_of(argv[0]), names, count);
    if (nearest != NULL || argc < 2)
        return nearest;
    buf_fixed(&two, bytes, sizeof bytes);
    buf_addf(&two, "%s %s", argv[0], argv[1]);
    return buf_ok(&two) ? nearest_name(buf_str(&two), names, count) : NULL;
}

enum exit_code help_unknown(const struct world *world, int argc, const char *const *argv)
{
    const char *nearest = nearest_command(argc, argv);
    bool family = false;

    for (size_t i = 0; commands[i] != NULL; i++)
        family = family || is_family(str_of(argv[0]), commands[i]);
    if (family && nearest == NULL) {
        fprintf(world->err, "purser %s: which one?\n\n", argv[0]);
        list_commands(world->err, str_of(argv[0]));
    } else if (nearest != NULL) {
        fprintf(world->err, "purser: unknown command \"%s%s%s\"; did you mean \"%s\"?\n", argv[0],
                family ? " " : "", family ? argv[1] : "", nearest);
    } else {
        fprintf(world->err, "purser: unknown command \"%s\"; see purser --help\n", argv[0]);
    }
    return EXIT_COULD_NOT;
}

static enum exit_code run_help(struct cli *cli)
{
    const char *words[CLI_OPERANDS_MAX];
    int count = (int)cli->operand_count;
    int used = 0;

    if (count == 0) {
        help_overview(cli->world->out);
        return EXIT_OK;
    }
    /* Operands are whole arguments: each ends with a NUL. */
    for (int i = 0; i < count; i++)
        words[i] = cli->operands[i].ptr;
    const struct command *command = command_find(count, words, &used);
    if (command == NULL || used < count)
        return help_unknown(cli->world, count, words);
    help_command(command, cli->world->out);
    return EXIT_OK;
}

const struct command command_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .operands_max = 2,
    .summary = "explain a command",
    .about = "Without a command, lists all of them.",
    .examples = { "purser help", "purser help key create" },
    .run = run_help,
};
