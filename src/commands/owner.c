#include "commands/owner.h"

#include "commands/installation.h"

struct str owner_merchant(const struct cli *cli)
{
    return cli_has(cli, "merchant") ? cli_option(cli, "merchant") : STR("default");
}

enum err owner_mode(const struct cli *cli, bool *live, struct str *why)
{
    struct str mode = cli_has(cli, "mode") ? cli_option(cli, "mode") : STR("test");

    *live = str_equal_c(mode, "live");
    if (*live || str_equal_c(mode, "test"))
        return OK;
    *why = STR("--mode must be test or live");
    return ERR_VALIDATION;
}

enum err owner_scope(const struct cli *cli, struct db *db, struct query_scope *out,
                     struct str *why)
{
    struct merchant *merchant = NULL;
    bool live = false;

    enum err err = owner_mode(cli, &live, why);
    if (err == OK)
        err = installation_merchant(db, owner_merchant(cli), cli->arena, &merchant, why);
    if (err == OK)
        *out = (struct query_scope){ merchant->id, live };
    return err;
}

enum exit_code owner_end(struct cli *cli, enum err err, struct str why)
{
    if (err == ERR_NOT_FOUND)
        return cli_fail(cli, EXIT_NO, "%.*s", STR_ARG(why));
    return err == OK ? EXIT_OK : cli_fail_err(cli, err, why);
}

enum exit_code owner_show(struct cli *cli,
                          enum err (*f)(struct cli *cli, struct db *db, struct str *why))
{
    struct str why = { 0 };
    struct db *db = NULL;

    enum err err = installation_open_reader(&cli->settings, cli->world->outside, cli->arena, &db,
                                            &why);
    if (err == OK)
        err = f(cli, db, &why);
    if (err != OK && db != NULL && str_is_empty(why))
        why = str_copy(cli->arena, db_error(db));
    db_close(db);
    return owner_end(cli, err, why);
}
