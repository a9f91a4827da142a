/* credentials.c - `purser credentials rotate|status`: the keys under which gateway credentials
 * are sealed. Beside a running server, which reads a key that it does not know by itself. */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "commands/command.h"
#include "commands/installation.h"
#include "commands/keyring.h"
#include "core/audit.h"

/* One sealed text of the books, and what it is bound to. */
struct sealed {
    struct id id;
    struct str text;
    struct str place;
    const char *update;
};
LIST_TYPE(sealed_list, struct sealed)

struct work {
    struct cli *cli;
    struct installation installation;
    struct credentials_keys keys;
    struct sealed_list sealed;
    size_t resealed;
};

/* Every column that holds a sealed text. `place` is how the part before the id reads, which for
 * an endpoint's old secret is that of the secret it was. */
struct sealed_column {
    const char *select;
    const char *update;
    const char *place;
    const char *prefix;
};

#define COLUMN(table, column, place_column, prefix)                                                \
    { "SELECT id, " column " FROM " table " WHERE " column " IS NOT NULL ORDER BY id",             \
      "UPDATE " table " SET " column " = $3 WHERE id = $1 AND " column " = $2",                    \
      table "|" place_column "|", prefix }
static const struct sealed_column columns[] = {
    COLUMN("gateway_accounts", "credentials", "credentials", "ga"),
    COLUMN("instruments", "token", "token", "ins"),
    COLUMN("webhook_endpoints", "secret", "secret", "we"),
    COLUMN("webhook_endpoints", "old_secret", "secret", "we"),
    COLUMN("webhook_endpoints", "signing_key", "signing_key", "we"),
    COLUMN("webhook_keys", "private_key", "private_key", "wk"),
};
#undef COLUMN

struct load {
    struct work *work;
    const struct sealed_column *column;
};

static enum err take_sealed(void *self, const struct db_value *values, size_t count)
{
    const struct load *load = self;
    struct arena *arena = load->work->cli->arena;
    struct sealed *sealed = ARENA_NEW(arena, struct sealed);
    struct buf place;

    assert(count == 2);
    if (values[0].bytes.len != sizeof sealed->id)
        return ERR_STORE;
    memcpy(&sealed->id, values[0].bytes.ptr, sizeof sealed->id);
    sealed->text = str_copy(arena, values[1].bytes);
    sealed->update = load->column->update;
    buf_init(&place, arena, 2 * ID_TEXT_MAX);
    buf_add_c(&place, load->column->place);
    id_write(&place, load->column->prefix, sealed->id);
    sealed->place = buf_str(&place);
    sealed_list_add(arena, &load->work->sealed, sealed);
    return OK;
}

static enum err load_sealed(struct work *work, struct str *why)
{
    struct db *db = store_db(work->installation.store);
    enum err err = OK;

    work->sealed = (struct sealed_list){ 0 };
    for (size_t i = 0; err == OK && i < sizeof columns / sizeof columns[0]; i++) {
        struct load load = { work, &columns[i] };
        err = db_query(db, columns[i].select, NULL, 0, take_sealed, &load);
    }
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
    return err == OK ? load_sealed(work, why) : err;
}

static void work_end(struct work *work)
{
    credentials_keys_done(&work->keys);
    installation_close(&work->installation);
}

static bool opens(const struct work *work, const struct sealed *sealed)
{
    struct secret plain;

    if (!credentials_open_at(&work->keys, sealed->place, sealed->text, &plain))
        return false;
    secret_done(&plain);
    return true;
}

/* Only over the text that was read: what a running server wrote meanwhile stays. */
static enum err write_sealed(struct db *db, const struct sealed *sealed, struct str text)
{
    struct db_value args[] = { DB_ID(sealed->id), DB_STR(sealed->text), DB_STR(text) };

    enum err err = db_begin(db);
    if (err == OK)
        err = db_query(db, sealed->update, args, 3, NULL, NULL);
    return err == OK ? db_commit(db) : err;
}

static enum err seal_anew(struct work *work, const struct sealed *sealed, struct str *why)
{
    struct cli *cli = work->cli;
    struct db *db = store_db(work->installation.store);
    struct secret plain;

    if (credentials_is_current(&work->keys, sealed->text) ||
        !credentials_open_at(&work->keys, sealed->place, sealed->text, &plain))
        return OK;
    struct str text = credentials_seal_at(&work->keys, cli->world->outside, sealed->place,
                                          secret_reveal(&plain), cli->arena);
    secret_done(&plain);
    enum err err = write_sealed(db, sealed, text);
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

    for (size_t i = 0; i < work->sealed.count; i++)
        if (credentials_is_sealed_with(&work->keys.keys[key], work->sealed.items[i]->text))
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
    for (size_t i = 0; i < work->sealed.count; i++) {
        if (opens(work, work->sealed.items[i]))
            continue;
        all = false;
        struct str place = work->sealed.items[i]->place;
        struct str id = str_slice(place, place.len - ID_TEXT_SUFFIX_LEN - 3, place.len);
        fprintf(out, "%.*s  no key opens its credentials: restore the key, or set them anew\n",
                STR_ARG(id));
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

/* Before anything is sealed anew: what was begun is on record, however it ends. */
static enum err record(struct work *work, struct str *why)
{
    const struct audit_note note = { "credentials.rotate",
                                     credentials_key_name(&work->keys.keys[0], work->cli->arena),
                                     { 0 } };
    const struct turn_input input = { .handler = &turn_audit_note, .ask = &note };
    struct str body;

    return installation_turn(&work->installation, &input, work->cli->arena, &body, why);
}

static enum err rotate(struct work *work, struct str *why)
{
    enum err err = work_begin(work, why);
    if (err == OK)
        err = make_key(work, why);
    if (err == OK)
        err = record(work, why);
    for (size_t i = 0; err == OK && i < work->sealed.count; i++)
        err = seal_anew(work, work->sealed.items[i], why);
    return err == OK ? load_sealed(work, why) : err;
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
