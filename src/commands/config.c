/* config.c - `purser config`: which settings are in effect, and why. */
#include <assert.h>

#include "base/buf.h"
#include "base/json.h"
#include "commands/command.h"

/* postgresql://user:password@host/name without the password. */
static struct str store_without_password(struct str where, struct arena *arena)
{
    size_t colon = str_find_char(where, ':', str_find_char(where, ':', 0) + 1);
    size_t at = str_find_char(where, '@', colon);

    if (at == where.len)
        return where;
    return str_format(arena, "%.*s:********%.*s", STR_ARG(str_slice(where, 0, colon)),
                      STR_ARG(str_slice(where, at, where.len)));
}

/* A secret shows that it is set, not what it is. */
static struct str shown_value(const struct cli *cli, int setting)
{
    struct str value = cli->settings.values[setting];

    if (setting_is_secret((enum setting)setting) && value.len > 0)
        return STR("********");
    if (settings_table[setting].kind == SETTING_KIND_STORE)
        return store_without_password(value, cli->arena);
    return value;
}

static void print_table(struct cli *cli)
{
    FILE *out = cli->world->out;

    fprintf(out, "%-22s %-12s %s\n", "setting", "source", "value");
    for (int i = 0; i < SETTING_COUNT; i++) {
        struct str value = shown_value(cli, i);
        fprintf(out, "%-22s %-12s %.*s\n", settings_table[i].name,
                setting_source_text(cli->settings.sources[i]), STR_ARG(value));
    }
    if (!cli->settings.file_read)
        fprintf(out, "\nThere is no file %.*s.\n", STR_ARG(cli_setting(cli, SETTING_CONFIG)));
}

static void print_json(struct cli *cli)
{
    struct buf buf;
    struct json_out json;

    buf_init(&buf, cli->arena, 1 << 17);
    json_begin(&json, &buf);
    json_open_object(&json, NULL);
    for (int i = 0; i < SETTING_COUNT; i++) {
        json_open_object(&json, settings_table[i].name);
        json_put_text(&json, "value", shown_value(cli, i));
        json_put_text(&json, "source", str_of(setting_source_text(cli->settings.sources[i])));
        json_close_object(&json);
    }
    json_close_object(&json);
    json_done(&json);
    assert(buf_ok(&buf));
    fprintf(cli->world->out, "%.*s\n", STR_ARG(buf_str(&buf)));
}

static enum exit_code run_config(struct cli *cli)
{
    if (cli_has(cli, "json"))
        print_json(cli);
    else
        print_table(cli);
    return EXIT_OK;
}

static const struct option options[] = {
    { "json", NULL, false, "Print {\"listen\": {\"value\": ..., \"source\": ...}, ...}." },
    { 0 },
};

const struct command command_config = {
    .name = "config",
    .operands = "",
    .summary = "print every setting and where it comes from",
    .about = "A flag beats the environment, the environment beats the file, the file beats the\n"
             "default. Secrets are masked.",
    .examples = { "purser config --data ./data", "PURSER_READERS=4 purser config --json" },
    .options = options,
    .settings = SETTING_GROUP_SERVE,
    .run = run_config,
};
