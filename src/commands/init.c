/* init.c - `purser init`: a data directory, ready to be looked at and edited before the first
 * start. `serve` needs none of it. */
#include <string.h>

#include "base/buf.h"
#include "commands/command.h"
#include "commands/file.h"
#include "commands/installation.h"

#define CONF_MAX 16384

/* Every setting with its default, as a comment. */
static struct str conf_text(struct arena *arena)
{
    struct buf out;

    buf_init(&out, arena, CONF_MAX);
    buf_add_c(&out, "# purser.conf - settings of this data directory, `name = value` a line.\n"
                    "#\n"
                    "# What is commented out has its default. A flag or a PURSER_ variable of the\n"
                    "# environment beats this file; `purser config` prints what is in effect.\n");
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = &settings_table[i];
        /* Where this file lies cannot be said in it. */
        if (info->flag == NULL || i == SETTING_DATA || i == SETTING_CONFIG)
            continue;
        /* A default that is put together is no value that could be written down here. */
        bool plain = strchr(info->fallback, '<') == NULL;
        buf_addf(&out, "\n# %s%s%s\n#%s = %s\n", info->help,
                 plain ? "" : " Default: ", plain ? "" : info->fallback, info->name,
                 plain ? info->fallback : "");
    }
    return buf_str(&out);
}

static enum err make(struct cli *cli, enum installation_key_origin *origin, struct str *conf,
                     struct str *why)
{
    const struct outside *outside = cli->world->outside;
    struct installation installation;

    enum err err = installation_open(&cli->settings, outside, cli->arena, &installation, why);
    if (err != OK)
        return err;
    *origin = installation.key_origin;
    installation_close(&installation);
    *conf = file_path(cli->arena, cli_setting(cli, SETTING_DATA), "purser.conf");
    return file_make(*conf, conf_text(cli->arena), cli_has(cli, "force"), cli->arena, why);
}

static enum exit_code run_init(struct cli *cli)
{
    static const char *const origins[] = {
        [KEY_FROM_ENVIRONMENT] = "taken from PURSER_INSTALLATION_KEY",
        [KEY_FROM_FILE] = "kept",
        [KEY_MADE] = "made",
    };
    enum installation_key_origin origin = KEY_FROM_FILE;
    struct str conf = { 0 }, why = { 0 };

    enum err err = make(cli, &origin, &conf, &why);
    if (err == ERR_ALREADY_EXISTS)
        return cli_fail(cli, EXIT_NO,
                        "%.*s is there already and stays as it is; --force writes it anew",
                        STR_ARG(conf));
    if (err != OK)
        return cli_fail_err(cli, err, why);
    fprintf(cli->world->out,
            "data directory    %.*s\n"
            "books             schema version %d\n"
            "installation key  %s\n"
            "settings          %.*s\n\n"
            "Keep a copy of the installation key apart from the books: without it no API key is\n"
            "recognised. Next: purser serve --data %.*s\n",
            STR_ARG(cli_setting(cli, SETTING_DATA)), installation_schema_newest(), origins[origin],
            STR_ARG(conf), STR_ARG(cli_setting(cli, SETTING_DATA)));
    return EXIT_OK;
}

static const struct option options[] = {
    { "force", NULL, false, "Write purser.conf anew when it is there already." },
    { 0 },
};

const struct command command_init = {
    .name = "init",
    .operands = "",
    .summary = "make a data directory without serving it",
    .about =
        "Makes the directory, the installation key, the books and a purser.conf in which every\n"
        "setting is explained. Keys and books that exist stay as they are.",
    .examples = { "purser init --data ./data",
                  "purser init --data /var/lib/purser && editor /var/lib/purser/purser.conf" },
    .options = options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_init,
};
