/* credentials.c - `purser credentials rotate|status`: the keys under which gateway credentials
 * are sealed. Beside a running server, which reads a key that it does not know by itself. */
#include <assert.h>

#include "base/buf.h"
#include "base/json.h"
#include "commands/command.h"
#include "commands/installation.h"
#include "commands/keyring.h"

struct work {
    struct cli *cli;
    struct installation installation;
    struct credentials_keys keys;
    struct gateway_account_list accounts;    /* with credentials */
    size_t resealed;
};

static enum err take_account(void *self, void *row)
{
    struct work *work = self;

    gateway_account_list_add(work->cli->arena, &work->accounts, row);
    return OK;
}

static enum err load_accounts(struct work *work, struct str *why)
{
    struct db *db = store_db(work->installation.store);

    work->accounts = (struct gateway_account_list){ 0 };
    enum err err = db_select(db, &table_gateway_accounts, "credentials IS NOT NULL ORDER BY id",
                             NULL, 0, work->cli->arena, take_account, work);
    if (err != OK)
        *why = str_copy(work->cli->arena, db_error(db));
    return err;
}

static enum err read_keys(struct work *work, struct str *why)
{
    credentials_keys_done(&work->keys);
    return keyring_read(&work->cli->settings, work->cli->arena, &work->keys, why);
}

static enum err work_begin(struct work *work, struct str *why)
{
    struct cli *cli = work->cli;
    const struct outside *outside = cli->world->outside;
    int version;

    enum err err = installation_schema(&cli->settings, outside, cli->arena, &version, why);
    if (err == OK && version == 0) {
        *why = STR("there are no books yet: start with purser serve or init");
        return ERR_IO;
    }
    if (err == OK)
        err = installation_open(&cli->settings, outside, cli->arena, &work->installation, why);
    if (err == OK)
        err = read_keys(work, why);
    return err == OK ? load_accounts(work, why) : err;
}

static void work_end(struct work *work)
{
    credentials_keys_done(&work->keys);
    installation_close(&work->installation);
}

static bool opens(const struct work *work, const struct gateway_account *account)
{
    struct secret plain;

    if (!credentials_open(&work->keys, account->id, account->credentials, &plain))
        return false;
    secret_done(&plain);
    return true;
}

/* Only over the text that was read: what a running server wrote meanwhile stays. */
static enum err write_sealed(struct db *db, const struct gateway_account *account,
                             struct str sealed)
{
    struct db_value args[] = { DB_ID(account->id), DB_STR(account->credentials), DB_STR(sealed) };

    enum err err = db_begin(db);
    if (err == OK)
        err = db_query(db,
                       "UPDATE gateway_accounts SET credentials = $3"
                       " WHERE id = $1 AND credentials = $2",
                       args, 3, NULL, NULL);
    return err == OK ? db_commit(db) : err;
}

static enum err seal_anew(struct work *work, const struct gateway_account *account,
                          struct str *why)
{
    struct cli *cli = work->cli;
    struct db *db = store_db(work->installation.store);
    struct secret plain;

    if (credentials_is_current(&work->keys, account->credentials) ||
        !credentials_open(&work->keys, account->id, account->credentials, &plain))
        return OK;
    struct str sealed = credentials_seal(&work->keys, cli->world->outside, account->id,
                                         secret_reveal(&plain), cli->arena);
    secret_done(&plain);
    enum err err = write_sealed(db, account, sealed);
    if (err != OK) {
        *why = str_copy(cli->arena, db_error(db));
        db_rollback(db);
        return err;
    }
    work->resealed++;
    return OK;
}

static size_t sealed_with(const struct work *work, size_t key)
{
    size_t count = 0;

    for (size_t i = 0; i < work->accounts.count; i++)
        if (credentials_is_sealed_with(&work->keys.keys[key], work->accounts.items[i]->credentials))
            count++;
    return count;
}

/* Prints what is sealed with what. Whether everything opens. */
static bool print_keys(const struct work *work)
{
    FILE *out = work->cli->world->out;
    bool all = true;

    for (size_t i = 0; i < work->keys.count; i++) {
        struct str name = credentials_key_name(&work->keys.keys[i], work->cli->arena);
        size_t count = sealed_with(work, i);
        fprintf(out, "key %.*s  %s  %zu sealed%s\n", STR_ARG(name), i == 0 ? "current" : "old    ",
                count, i > 0 && count == 0 ? ", may be removed" : "");
    }
    for (size_t i = 0; i < work->accounts.count; i++) {
        char bytes[ID_TEXT_MAX];
        struct buf id;
        if (opens(work, work->accounts.items[i]))
            continue;
        all = false;
        buf_fixed(&id, bytes, sizeof bytes);
        gateway_account_id_write(&id, work->accounts.items[i]->id);
        fprintf(out, "%s  no key opens its credentials: restore the key, or set them anew\n",
                buf_c(&id));
    }
    return all;
}

static enum exit_code run_status(struct cli *cli)
{
    struct work work = { .cli = cli };
    struct str why = { 0 };

    enum err err = work_begin(&work, &why);
    bool all = err == OK && print_keys(&work);
    work_end(&work);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    return all ? EXIT_OK : EXIT_NO;
}

static enum err make_key(struct work *work, struct str *why)
{
    struct cli *cli = work->cli;

    if (keyring_is_from_environment(&cli->settings)) {
        fputs("The keys come from PURSER_CREDENTIALS_KEYS, so none is made here: put a new one in "
              "front of them\nwhere the server gets them too. Sealing anew with the first.\n",
              cli->world->err);
        return OK;
    }
    if (work->keys.count == CREDENTIALS_KEYS_MAX) {
        *why = str_format(cli->arena,
                          "the file holds %d keys already: remove those that seal nothing (purser "
                          "credentials status)",
                          CREDENTIALS_KEYS_MAX);
        return ERR_VALIDATION;
    }
    enum err err = keyring_add(&cli->settings, cli->world->outside, cli->arena, why);
    return err == OK ? read_keys(work, why) : err;
}

static enum err rotate(struct work *work, struct str *why)
{
    enum err err = work_begin(work, why);
    if (err == OK)
        err = make_key(work, why);
    for (size_t i = 0; err == OK && i < work->accounts.count; i++)
        err = seal_anew(work, work->accounts.items[i], why);
    return err == OK ? load_accounts(work, why) : err;
}

static enum exit_code run_rotate(struct cli *cli)
{
    struct work work = { .cli = cli };
    struct str why = { 0 };
    bool all = false;

    enum err err = rotate(&work, &why);
    if (err == OK) {
        fprintf(cli->world->out, "sealed anew: %zu\n", work.resealed);
        all = print_keys(&work);
    }
    work_end(&work);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    return all ? EXIT_OK : EXIT_NO;
}

const struct command command_credentials_rotate = {
    .name = "credentials rotate",
    .operands = "",
    .summary = "make a new key for gateway credentials and seal them anew",
    .about = "Puts a new key in front of the key file, seals the credentials of every gateway\n"
             "account with it, and says which old keys seal nothing any more: remove their lines\n"
             "by hand, once the backups that need them are gone. Works beside a running server,\n"
             "which reads the new key by itself. Exit code 1 when some credentials do not open.",
    .examples = { "purser credentials rotate --data /var/lib/purser",
                  "purser credentials status --data /var/lib/purser" },
    .settings = SETTING_GROUP_BOOKS,
    .run = run_rotate,
};

const struct command command_credentials_status = {
    .name = "credentials status",
    .operands = "",
    .summary = "show which keys seal the gateway credentials",
    .about = "Keys by their names, never themselves, and how many accounts each seals. Exit code\n"
             "1 when some credentials do not open.",
    .examples = { "purser credentials status --data ./data",
                  "purser credentials rotate --data ./data" },
    .settings = SETTING_GROUP_BOOKS,
    .run = run_status,
};
