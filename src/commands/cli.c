/* cli.c - the arguments of one command: `--name value`, `--name=value`, switches, operands.
 *
 * Nothing is abbreviated and nothing is guessed: a mistyped flag of a program that moves money
 * is an error with the nearest name. */
#include "commands/command.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/nearest.h"

enum exit_code cli_fail(struct cli *cli, enum exit_code code, const char *format, ...)
{
    va_list args;

    fprintf(cli->world->err, "purser %s: ", cli->command->name);
    va_start(args, format);
    vfprintf(cli->world->err, format, args);
    va_end(args);
    fputc('\n', cli->world->err);
    return code;
}

enum exit_code cli_fail_err(struct cli *cli, enum err err, struct str why)
{
    assert(err != OK);
    if (why.len == 0)
        why = str_of(err_title(err));
    return cli_fail(cli, EXIT_COULD_NOT, "%.*s", STR_ARG(why));
}

static size_t option_index(const struct command *command, struct str name)
{
    size_t i = 0;

    while (command->options != NULL && command->options[i].name != NULL) {
        if (str_equal_c(name, command->options[i].name))
            return i;
        i++;
    }
    return CLI_OPTIONS_MAX;
}

bool cli_has(const struct cli *cli, const char *option)
{
    size_t index = option_index(cli->command, str_of(option));

    assert(index < CLI_OPTIONS_MAX);
    return cli->options[index].ptr != NULL;
}

struct str cli_option(const struct cli *cli, const char *option)
{
    size_t index = option_index(cli->command, str_of(option));

    assert(index < CLI_OPTIONS_MAX);
    return cli->options[index];
}

struct str cli_setting(const struct cli *cli, enum setting setting)
{
    assert(setting < SETTING_COUNT && settings_table[setting].group <= cli->command->settings);
    return cli->settings.values[setting];
}

/* The setting of that flag among those that the command takes; SETTING_COUNT when none is. */
static enum setting flag_setting(const struct command *command, struct str flag)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = &settings_table[i];
        if (info->flag != NULL && info->group <= command->settings && str_equal_c(flag, info->flag))
            return (enum setting)i;
    }
    return SETTING_COUNT;
}

static void fail_unknown(struct cli *cli, struct str flag)
{
    const char *known[SETTING_COUNT + CLI_OPTIONS_MAX + 1];
    size_t count = 0;

    for (int i = 0; i < SETTING_COUNT; i++)
        if (settings_table[i].group <= cli->command->settings)
            known[count++] = settings_table[i].flag;
    for (const struct option *o = cli->command->options; o != NULL && o->name != NULL; o++)
        known[count++] = str_format(cli->arena, "--%s", o->name).ptr;
    known[count++] = "--help";
    const char *nearest = nearest_name(flag, known, count);
    if (nearest != NULL)
        cli_fail(cli, EXIT_COULD_NOT, "unknown flag %.*s; did you mean %s?", STR_ARG(flag),
                 nearest);
    else
        cli_fail(cli, EXIT_COULD_NOT, "unknown flag %.*s; see purser %s --help", STR_ARG(flag),
                 cli->command->name);
}

/* Where the value of a flag goes, and whether it takes one. */
static struct str *flag_place(struct cli *cli, struct settings_layer *flags, struct str flag,
                              bool *is_switch)
{
    enum setting setting = flag_setting(cli->command, flag);

    *is_switch = false;
    if (setting != SETTING_COUNT)
        return &flags->values[setting];
    size_t index = option_index(cli->command, str_slice(flag, 2, flag.len));
    if (index == CLI_OPTIONS_MAX)
        return NULL;
    *is_switch = cli->command->options[index].value == NULL;
    return &cli->options[index];
}

/* One flag at `*at`, with its value; `*at` is left at its last argument. */
static bool parse_flag(struct cli *cli, struct settings_layer *flags, int argc,
                       const char *const *argv, int *at)
{
    struct str argument = str_of(argv[*at]);
    size_t equals = str_find_char(argument, '=', 0);
    struct str flag = str_slice(argument, 0, equals);
    bool is_switch;
    struct str *place = flag_place(cli, flags, flag, &is_switch);

    if (place == NULL) {
        fail_unknown(cli, flag);
        return false;
    }
    if (place->ptr != NULL) {
        cli_fail(cli, EXIT_COULD_NOT, "%.*s is given twice", STR_ARG(flag));
        return false;
    }
    if (is_switch && equals < argument.len) {
        cli_fail(cli, EXIT_COULD_NOT, "%.*s takes no value", STR_ARG(flag));
        return false;
    }
    if (is_switch) {
        *place = STR("yes");
    } else if (equals < argument.len) {
        *place = str_of(argument.ptr + equals + 1);
    } else if (*at + 1 < argc) {
        *place = str_of(argv[++*at]);
    } else {
        cli_fail(cli, EXIT_COULD_NOT, "%.*s needs a value", STR_ARG(flag));
        return false;
    }
    return true;
}

static bool parse_operand(struct cli *cli, const char *text)
{
    if (cli->operand_count >= cli->command->operands_max) {
        cli_fail(cli, EXIT_COULD_NOT, "\"%s\" is one argument too many; see purser %s --help", text,
                 cli->command->name);
        return false;
    }
    assert(cli->operand_count < CLI_OPERANDS_MAX);
    cli->operands[cli->operand_count++] = str_of(text);
    return true;
}

static bool check_complete(struct cli *cli)
{
    for (const struct option *o = cli->command->options; o != NULL && o->name != NULL; o++) {
        if (!o->required || cli_has(cli, o->name))
            continue;
        cli_fail(cli, EXIT_COULD_NOT, "--%s %s is needed; see purser %s --help", o->name, o->value,
                 cli->command->name);
        return false;
    }
    if (cli->operand_count < cli->command->operands_min) {
        cli_fail(cli, EXIT_COULD_NOT, "%s is missing; see purser %s --help", cli->command->operands,
                 cli->command->name);
        return false;
    }
    return true;
}

bool cli_parse(struct cli *cli, int argc, const char *const *argv, bool *help)
{
    struct settings_layer flags = { 0 };
    bool only_operands = false;
    struct str why = { 0 };

    *help = false;
    for (int i = 0; i < argc; i++) {
        const char *argument = argv[i];
        if (!only_operands && (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)) {
            *help = true;
            return true;
        }
        bool is_flag = !only_operands && argument[0] == '-' && argument[1] != '\0';
        if (is_flag && strcmp(argument, "--") == 0)
            only_operands = true;
        else if (is_flag ? !parse_flag(cli, &flags, argc, argv, &i) : !parse_operand(cli, argument))
            return false;
    }
    if (!check_complete(cli))
        return false;
    if (cli->command->settings == SETTING_GROUP_NONE)
        return true;
    enum err err = settings_resolve(&flags, cli->world->env, cli->arena, &cli->settings, &why);
    if (err != OK)
        cli_fail_err(cli, err, why);
    return err == OK;
}
