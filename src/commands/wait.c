/* wait.c - `purser wait`: until the books can be served, for start-up scripts. */
#include <unistd.h>

#include "base/time.h"
#include "commands/command.h"
#include "commands/installation.h"

#define PAUSE_US 500000
#define TIMEOUT_S_DEFAULT 60
#define TIMEOUT_S_MAX 86400

/* What keeps the books from being served; empty when nothing does. */
static struct str obstacle(struct cli *cli, bool *hopeless)
{
    struct str why = { 0 };
    struct db *db = NULL;
    int version = 0;
    if (store_open_reader(cli_setting(cli, SETTING_STORE), cli->world->outside, cli->arena, &db,
                          &why) != OK)
        return str_is_empty(why) ? STR("the store does not answer") : why;
    enum err err = db_schema_version(db, &version);
    if (err)
        why = str_copy(cli->arena, db_error(db));
    db_close(db);
    if (err)
        return str_is_empty(why) ? STR("the store does not answer") : why;
    *hopeless = version > installation_schema_newest();
    if (version == installation_schema_newest())
        return (struct str){ 0 };
    return str_format(cli->arena, "the books have schema version %d, this purser needs %d", version,
                      installation_schema_newest());
}

static enum exit_code run(struct cli *cli)
{
    int64_t timeout_s = TIMEOUT_S_DEFAULT;
    struct str said = { 0 };
    bool hopeless = false;
    if (cli_has(cli, "timeout")
        && (!str_to_i64(cli_option(cli, "timeout"), &timeout_s) || timeout_s < 0
            || timeout_s > TIMEOUT_S_MAX))
        return cli_fail(cli, EXIT_COULD_NOT, "--timeout takes 0 to %d seconds", TIMEOUT_S_MAX);
    int64_t until_us = outside_monotonic_us(cli->world->outside) + timeout_s * 1000000;
    for (;;) {
        struct str why = obstacle(cli, &hopeless);
        if (str_is_empty(why))
            return EXIT_OK;
        if (hopeless)
            return cli_fail(cli, EXIT_NO, "%.*s", STR_ARG(why));
        if (outside_monotonic_us(cli->world->outside) >= until_us)
            return cli_fail(cli, EXIT_COULD_NOT, "%.*s", STR_ARG(why));
        if (!str_equal(why, said))
            fprintf(cli->world->err, "purser wait: %.*s\n", STR_ARG(why));
        said = why;
        usleep(PAUSE_US);
    }
}

static const struct option options[] = {
    { "timeout", "SECONDS", false, "Give up after that long; 60." },
    { NULL, NULL, false, NULL },
};

const struct command command_wait = {
    .name = "wait",
    .operands = "",
    .summary = "wait until the books can be served",
    .about = "Exit code 0 when the store answers and its schema is this binary's, 1 when it is of\n"
             "a newer purser, 2 when the time is over.",
    .examples = { "purser wait --store postgresql://purser@db/purser && purser serve ...",
                  "purser wait --timeout 5 --data ./data" },
    .options = options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run,
};
