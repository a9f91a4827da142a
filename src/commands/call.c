/* call.c - the arguments of one command: `--name value`, `--name=value`, switches, operands.
 *
 * Nothing is abbreviated and nothing is guessed: a mistyped flag of a program that moves money
 * is an error with the nearest name. */
#include "commands/command.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "commands/nearest.h"

enum exit_code call_fail(struct call *call, enum exit_code code, const char *format, ...)
{
    va_list args;

    fprintf(call->world->err, "purser %s: ", call->command->name);
    va_start(args, format);
    vfprintf(call->world->err, format, args);
    va_end(args);
    fputc('\n', call->world->err);
    return code;
}

enum exit_code call_fail_err(struct call *call, enum err err, struct str why)
{
    assert(err != OK);
    if (why.len == 0)
        why = str_of(err_title(err));
    return call_fail(call, EXIT_COULD_NOT, "%.*s", STR_ARG(why));
}

static size_t option_index(const struct command *command, struct str name)
{
    size_t i = 0;

    while (command->options != NULL && command->options[i].name != NULL) {
        if (str_equal_c(name, command->options[i].name))
            return i;
        i++;
    }
    return CALL_OPTIONS_MAX;
}

bool call_has(const struct call *call, const char *option)
{
    size_t index = option_index(call->command, str_of(option));

    assert(index < CALL_OPTIONS_MAX);
    return call->options[index].ptr != NULL;
}

struct str call_option(const struct call *call, const char *option)
{
    size_t index = option_index(call->command, str_of(option));

    assert(index < CALL_OPTIONS_MAX);
    return call->options[index];
}

struct str call_setting(const struct call *call, enum setting setting)
{
    assert(setting < SETTING_COUNT && settings_table[setting].group <= call->command->settings);
    return call->settings.values[setting];
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

static void fail_unknown(struct call *call, struct str flag)
{
    const char *known[SETTING_COUNT + CALL_OPTIONS_MAX + 1];
    size_t count = 0;

    for (int i = 0; i < SETTING_COUNT; i++)
        if (settings_table[i].group <= call->command->settings)
            known[count++] = settings_table[i].flag;
    for (const struct option *o = call->command->options; o != NULL && o->name != NULL; o++)
        known[count++] = str_format(call->arena, "--%s", o->name).ptr;
    known[count++] = "--help";
    const char *nearest = nearest_name(flag, known, count);
    if (nearest != NULL)
        call_fail(call, EXIT_COULD_NOT, "unknown flag %.*s; did you mean %s?", STR_ARG(flag),
                  nearest);
    else
        call_fail(call, EXIT_COULD_NOT, "unknown flag %.*s; see purser %s --help", STR_ARG(flag),
                  call->command->name);
}

/* Where the value of a flag goes, and whether it takes one. */
static struct str *flag_place(struct call *call, struct settings_layer *flags, struct str flag,
                              bool *is_switch)
{
    enum setting setting = flag_setting(call->command, flag);

    *is_switch = false;
    if (setting != SETTING_COUNT)
        return &flags->values[setting];
    size_t index = option_index(call->command, str_slice(flag, 2, flag.len));
    if (index == CALL_OPTIONS_MAX)
        return NULL;
    *is_switch = call->command->options[index].value == NULL;
    return &call->options[index];
}

/* One flag at `*at`, with its value; `*at` is left at its last argument. */
static bool parse_flag(struct call *call, struct settings_layer *flags, int argc, char **argv,
                       int *at)
{
    struct str argument = str_of(argv[*at]);
    size_t equals = str_find_char(argument, '=', 0);
    struct str flag = str_slice(argument, 0, equals);
    bool is_switch;
    struct str *place = flag_place(call, flags, flag, &is_switch);

    if (place == NULL) {
        fail_unknown(call, flag);
        return false;
    }
    if (place->ptr != NULL) {
        call_fail(call, EXIT_COULD_NOT, "%.*s is given twice", STR_ARG(flag));
        return false;
    }
    if (is_switch && equals < argument.len) {
        call_fail(call, EXIT_COULD_NOT, "%.*s takes no value", STR_ARG(flag));
        return false;
    }
    if (is_switch) {
        *place = STR("yes");
    } else if (equals < argument.len) {
        *place = str_of(argument.ptr + equals + 1);
    } else if (*at + 1 < argc) {
        *place = str_of(argv[++*at]);
    } else {
        call_fail(call, EXIT_COULD_NOT, "%.*s needs a value", STR_ARG(flag));
        return false;
    }
    return true;
}

static bool parse_operand(struct call *call, const char *text)
{
    if (call->operand_count >= call->command->operands_max) {
        call_fail(call, EXIT_COULD_NOT, "\"%s\" is one argument too many; see purser %s --help",
                  text, call->command->name);
        return false;
    }
    assert(call->operand_count < CALL_OPERANDS_MAX);
    call->operands[call->operand_count++] = str_of(text);
    return true;
}

static bool check_complete(struct call *call)
{
    for (const struct option *o = call->command->options; o != NULL && o->name != NULL; o++) {
        if (!o->required || call_has(call, o->name))
            continue;
        call_fail(call, EXIT_COULD_NOT, "--%s %s is needed; see purser %s --help", o->name,
                  o->value, call->command->name);
        return false;
    }
    if (call->operand_count < call->command->operands_min) {
        call_fail(call, EXIT_COULD_NOT, "%s is missing; see purser %s --help",
                  call->command->operands, call->command->name);
        return false;
    }
    return true;
}

bool call_parse(struct call *call, int argc, char **argv, bool *help)
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
        else if (is_flag ? !parse_flag(call, &flags, argc, argv, &i)
                         : !parse_operand(call, argument))
            return false;
    }
    if (!check_complete(call))
        return false;
    if (call->command->settings == SETTING_GROUP_NONE)
        return true;
    enum err err = settings_resolve(&flags, call->world->env, call->arena, &call->settings, &why);
    if (err != OK)
        call_fail_err(call, err, why);
    return err == OK;
}
