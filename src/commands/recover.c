/* recover.c - `purser recover`: tells books that they were restored from a backup. */
#include "base/time.h"
#include "commands/command.h"
#include "commands/installation.h"
#include "store/history.h"

static enum err cut(struct cli *cli, struct db *db)
{
    int64_t now_ms = 0;

    enum err err = db_begin(db);
    if (err == OK)
        err = db_now(db, &now_ms);
    if (err == OK)
        err = history_cut(db, now_ms, cli->arena);
    if (err == OK)
        err = db_commit(db);
    return err;
}

static enum err recover(struct cli *cli, struct installation *installation, struct str *why)
{
    struct db *db = store_db(installation->store);

    enum err err = cut(cli, db);
    if (err != OK) {
        *why = str_copy(cli->arena, db_error(db));
        db_rollback(db);
    }
    return err;
}

static enum err lock_and_recover(struct cli *cli, struct str *why)
{
    struct db_serving_lock *lock = NULL;
    struct installation installation;
    struct db *db = NULL;

    /* What is not there cannot have been restored; opening for writing would make it. */
    enum err err = installation_open_reader(&cli->settings, cli->world->outside, cli->arena, &db,
                                            why);
    if (err != OK)
        return err;
    db_close(db);
    err = db_lock_serving(cli_setting(cli, SETTING_STORE), cli->arena, &lock, why);
    if (err == OK)
        err = installation_open(&cli->settings, cli->world->outside, cli->arena, &installation,
                                why);
    if (err == OK) {
        err = recover(cli, &installation, why);
        installation_close(&installation);
    }
    if (lock != NULL)
        db_unlock_serving(lock);
    return err;
}

static enum exit_code run(struct cli *cli)
{
    struct str why = { 0 };

    enum err err = lock_and_recover(cli, &why);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    fprintf(cli->world->out,
            "The numbers of the feed go on %d later, order numbers at gateways %d later.\n"
            "What happened after the backup is known to the gateways alone: compare with their "
            "lists.\n",
            HISTORY_SKIPS_FEED, HISTORY_SKIPS_OTHERS);
    return EXIT_OK;
}

const struct command command_recover = {
    .name = "recover",
    .operands = "",
    .summary = "after a backup was restored: never give a number twice",
    .about = "Gateways have seen order numbers, and readers of the feed the numbers of events,\n"
             "that restored books would give once more. This makes the books go on well beyond\n"
             "them, and `purser doctor` tells of the cut for 30 days. Run it once after each\n"
             "restore, before `serve`. A promoted PostgreSQL standby, or a server played back to\n"
             "a point in time, is noticed without it.",
    .examples = { "purser recover --data /var/lib/purser",
                  "purser recover --data /var/lib/purser && purser doctor --deep --data "
                  "/var/lib/purser" },
    .settings = SETTING_GROUP_BOOKS,
    .run = run,
};
