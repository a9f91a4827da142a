/* migrate.c - `purser migrate status|up`: the schema of the books.
 *
 * `serve` brings the schema up by itself; these are for those who want to see what it would do
 * or to do it at a moment of their choice. Migrations go forward only and are safe while the
 * version before still serves. */
#include "commands/command.h"
#include "commands/installation.h"
#include "store/migrations.h"

static enum exit_code run_status(struct cli *cli)
{
    FILE *out = cli->world->out;
    struct str why = { 0 };
    int version = 0;

    enum err err = installation_schema(&cli->settings, cli->world->outside, cli->arena, &version,
                                       &why);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    for (const struct migration *m = store_migrations; m->version != 0; m++)
        fprintf(out, "%3d  %-7s  %s\n", m->version, m->version <= version ? "done" : "to do",
                m->what);
    if (version > installation_schema_newest()) {
        fprintf(out, "%3d  of a newer purser\n", version);
        return cli_fail(cli, EXIT_NO, "the books are beyond this purser's schema %d",
                        installation_schema_newest());
    }
    return version == installation_schema_newest() ? EXIT_OK : EXIT_NO;
}

static enum exit_code run_up(struct cli *cli)
{
    struct installation installation;
    struct str why = { 0 };
    int before = 0;

    enum err err = installation_schema(&cli->settings, cli->world->outside, cli->arena, &before,
                                       &why);
    if (err == OK)
        err = installation_open(&cli->settings, cli->world->outside, cli->arena, &installation,
                                &why);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    installation_close(&installation);
    if (before == installation_schema_newest())
        fprintf(cli->world->out, "nothing to do: the books have schema version %d\n", before);
    else
        fprintf(cli->world->out, "schema version %d -> %d\n", before, installation_schema_newest());
    return EXIT_OK;
}

const struct command command_migrate_status = {
    .name = "migrate status",
    .operands = "",
    .summary = "list schema versions, done and to do",
    .about = "Exit code 0 when nothing is to do, 1 when something is.",
    .examples = { "purser migrate status --data ./data",
                  "purser migrate status --data ./data || echo 'an upgrade waits'" },
    .settings = SETTING_GROUP_BOOKS,
    .run = run_status,
};

const struct command command_migrate_up = {
    .name = "migrate up",
    .operands = "",
    .summary = "bring the books to this binary's schema",
    .about = "Forward only: make a backup first. `serve` does the same at its start.",
    .examples = { "purser migrate up --data ./data",
                  "purser migrate up --store sqlite:/var/lib/purser --data /var/lib/purser" },
    .settings = SETTING_GROUP_BOOKS,
    .run = run_up,
};
