/* key.c - `purser key create|list|revoke`: API keys, written by a connection of its own, so
 * that no server has to run and none has to be restarted. */
#include "commands/key.h"

#include <assert.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/time.h"
#include "commands/owner.h"
#include "core/keys.h"
#include "store/db_one.h"

#define OUTPUT_MAX (1 << 20)
#define KEYS_MAX 10000

enum err key_new(struct installation *installation, const struct outside *outside,
                 const struct key_wish *wish, struct arena *arena, struct api_key *row,
                 struct secret *text, struct str *why)
{
    struct id_maker ids = { .outside = outside };
    struct merchant *merchant;
    struct str body;

    enum err err = installation_merchant(store_db(installation->store), wish->merchant, arena,
                                         &merchant, why);
    if (err != OK)
        return err;
    int64_t now_ms = outside_now_ms(outside);
    struct secret made = key_make(outside, wish->live);
    *row = (struct api_key){
        .row = ROW_NEW,
        .id = api_key_id_make(&ids, now_ms),
        .merchant = merchant->id,
        .live = wish->live,
        .hash = key_hash(&installation->key, secret_reveal(&made)),
        .hint = key_hint(arena, secret_reveal(&made)),
        .scopes = wish->scopes,
        .description = wish->description,
        .created_ms = now_ms,
        .expires_ms = wish->expires_ms,
    };
    const struct turn_input input = { .handler = &turn_api_key_create, .merchant = row->merchant,
                                      .live = row->live, .ask = row };
    err = installation_turn(installation, &input, arena, &body, why);
    if (err == OK)
        *text = made;
    else
        secret_done(&made);
    return err;
}

static void put_key(struct json_out *out, const struct api_key *key)
{
    char id_bytes[ID_TEXT_MAX], scope_bytes[64];
    struct buf id, scopes;

    buf_fixed(&id, id_bytes, sizeof id_bytes);
    api_key_id_write(&id, key->id);
    buf_fixed(&scopes, scope_bytes, sizeof scope_bytes);
    key_scopes_write(&scopes, key->scopes);
    json_put_text(out, "id", buf_str(&id));
    json_put_text(out, "mode", key->live ? STR("live") : STR("test"));
    json_put_text(out, "hint", key->hint);
    json_put_text(out, "scopes", buf_str(&scopes));
    json_put_text_or_null(out, "description", key->description);
    json_put_time(out, "created_at", key->created_ms);
    json_put_time(out, "expires_at", key->expires_ms);
    json_put_time(out, "revoked_at", key->revoked_ms);
}

/* Create. */

static bool read_wish(struct cli *cli, struct key_wish *out)
{
    struct str mode = cli_option(cli, "mode");
    struct str scopes = cli_option(cli, "scopes");
    struct str days = cli_option(cli, "expires-in-days");
    int64_t count = 0;

    *out = (struct key_wish){
        .merchant = owner_merchant(cli),
        .live = str_equal_c(mode, "live"),
        .scopes = cli_has(cli, "scopes") ? key_scopes_parse(scopes) : KEY_SCOPES_ALL,
        .description = cli_option(cli, "description"),
    };
    if (!out->live && !str_equal_c(mode, "test")) {
        cli_fail(cli, EXIT_COULD_NOT, "--mode must be test or live");
        return false;
    }
    if (out->scopes == 0) {
        cli_fail(cli, EXIT_COULD_NOT, "--scopes must name some of read, write, refund, admin, "
                                      "operator");
        return false;
    }
    if (!str_is_utf8(out->description) || out->description.len > 255) {
        cli_fail(cli, EXIT_COULD_NOT, "--description must be text of at most 255 bytes");
        return false;
    }
    if (cli_has(cli, "expires-in-days") &&
        (!str_to_i64(days, &count) || count < 1 || count > 36500)) {
        cli_fail(cli, EXIT_COULD_NOT, "--expires-in-days must be a number from 1 to 36500");
        return false;
    }
    if (count > 0)
        out->expires_ms = outside_now_ms(cli->world->outside) + count * DAY_MS;
    return true;
}

static void print_new_key(struct cli *cli, const struct api_key *row, const struct secret *text)
{
    char bytes[2048];
    struct buf buf;
    struct json_out json;
    struct str shown = secret_reveal(text);

    if (!cli_has(cli, "json")) {
        fprintf(cli->world->out, "%.*s\n", STR_ARG(shown));
        fputs("Shown once: keep it where your product finds it and nobody else.\n",
              cli->world->err);
        return;
    }
    buf_fixed(&buf, bytes, sizeof bytes);
    json_begin(&json, &buf);
    json_open_object(&json, NULL);
    json_put_text(&json, "key", shown);
    put_key(&json, row);
    json_close_object(&json);
    json_done(&json);
    assert(buf_ok(&buf));
    fprintf(cli->world->out, "%.*s\n", STR_ARG(buf_str(&buf)));
    secret_wipe(bytes, sizeof bytes);
}

static enum exit_code run_create(struct cli *cli)
{
    const struct outside *outside = cli->world->outside;
    struct installation installation;
    struct key_wish wish;
    struct secret text = { 0 };
    struct api_key row;
    struct str why = { 0 };

    if (!read_wish(cli, &wish))
        return EXIT_COULD_NOT;
    enum err err = installation_open(&cli->settings, outside, cli->arena, &installation, &why);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    err = key_new(&installation, outside, &wish, cli->arena, &row, &text, &why);
    installation_close(&installation);
    if (err == ERR_NOT_FOUND)
        return cli_fail(cli, EXIT_NO, "%.*s", STR_ARG(why));
    if (err != OK)
        return cli_fail_err(cli, err, why);
    print_new_key(cli, &row, &text);
    secret_done(&text);
    return EXIT_OK;
}

/* List. */

struct key_rows {
    struct arena *arena;
    struct api_key_list keys;
};

static enum err take_key(void *self, void *row)
{
    struct key_rows *rows = self;

    api_key_list_add(rows->arena, &rows->keys, row);
    return OK;
}

static void print_key_table(struct cli *cli, const struct api_key_list *keys)
{
    FILE *out = cli->world->out;

    fprintf(out, "%-30s %-4s %-20s %-24s %-24s %s\n", "id", "mode", "key", "scopes", "created",
            "state");
    for (size_t i = 0; i < keys->count; i++) {
        const struct api_key *key = keys->items[i];
        char bytes[ID_TEXT_MAX + 64 + 32];
        struct buf id, scopes, created;
        buf_fixed(&id, bytes, ID_TEXT_MAX);
        api_key_id_write(&id, key->id);
        buf_fixed(&scopes, bytes + ID_TEXT_MAX, 64);
        key_scopes_write(&scopes, key->scopes);
        buf_fixed(&created, bytes + ID_TEXT_MAX + 64, 32);
        time_write(&created, key->created_ms);
        const char *state = key->revoked_ms != 0 ? "revoked"
                            : key->expires_ms != 0 &&
                                    key->expires_ms <= outside_now_ms(cli->world->outside)
                                ? "expired"
                                : "active";
        fprintf(out, "%-30s %-4s %-20.*s %-24s %-24s %s %.*s\n", buf_c(&id),
                key->live ? "live" : "test", STR_ARG(key->hint), buf_c(&scopes), buf_c(&created),
                state, STR_ARG(key->description));
    }
}

static void print_key_json(struct cli *cli, const struct api_key_list *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct buf buf;
        struct json_out json;
        buf_init(&buf, cli->arena, OUTPUT_MAX);
        json_begin(&json, &buf);
        json_open_object(&json, NULL);
        put_key(&json, keys->items[i]);
        json_close_object(&json);
        json_done(&json);
        fprintf(cli->world->out, "%.*s\n", STR_ARG(buf_str(&buf)));
    }
}

static enum exit_code run_list(struct cli *cli)
{
    struct key_rows rows = { .arena = cli->arena };
    struct str why = { 0 };
    struct db *db;

    enum err err = installation_open_reader(&cli->settings, cli->world->outside, cli->arena, &db,
                                            &why);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    err = db_select(db, &table_api_keys, "id IS NOT NULL ORDER BY id", NULL, 0, cli->arena,
                    take_key, &rows);
    if (err != OK)
        why = str_copy(cli->arena, db_error(db));
    db_close(db);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    if (cli_has(cli, "json"))
        print_key_json(cli, &rows.keys);
    else
        print_key_table(cli, &rows.keys);
    return EXIT_OK;
}

/* Revoke. */

enum err key_revoke(struct installation *installation, struct api_key_id id, struct arena *arena,
                    bool *found, struct str *why)
{
    struct db *db = store_db(installation->store);
    const struct api_key_revoke ask = { id };
    struct api_key *key = NULL;
    struct str body;

    enum err err = db_load(db, &table_api_keys, "id", &id.id, 1, NULL, false, arena, db_keep_row,
                           &key);
    if (err != OK) {
        *why = str_copy(arena, db_error(db));
        return err;
    }
    *found = key != NULL && key->revoked_ms == 0;
    if (!*found)
        return OK;
    const struct turn_input input = { .handler = &turn_api_key_revoke, .merchant = key->merchant,
                                      .live = key->live, .ask = &ask };
    return installation_turn(installation, &input, arena, &body, why);
}

static enum exit_code run_revoke(struct cli *cli)
{
    const struct outside *outside = cli->world->outside;
    struct installation installation;
    struct api_key_id id;
    struct str why = { 0 };
    bool found = false;
    int version;

    if (!api_key_id_parse(cli->operands[0], &id))
        return cli_fail(cli, EXIT_COULD_NOT, "\"%.*s\" is no id of an API key (key_...)",
                        STR_ARG(cli->operands[0]));
    enum err err = installation_schema(&cli->settings, outside, cli->arena, &version, &why);
    if (err == OK && version == 0)
        return cli_fail(cli, EXIT_COULD_NOT, "there are no books yet, so there are no keys");
    if (err == OK)
        err = installation_open(&cli->settings, outside, cli->arena, &installation, &why);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    err = key_revoke(&installation, id, cli->arena, &found, &why);
    installation_close(&installation);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    if (!found)
        return cli_fail(cli, EXIT_NO, "there is no active key %.*s", STR_ARG(cli->operands[0]));
    fprintf(cli->world->out, "revoked %.*s\n", STR_ARG(cli->operands[0]));
    return EXIT_OK;
}

static const struct option create_options[] = {
    { "mode", "test|live", true, "Test keys see and make test objects only." },
    { "merchant", "NAME", false, "Whose key it is. Default: default." },
    { "scopes", "LIST", false, "Of read, write, refund, admin, operator. Default: all but it." },
    { "description", "TEXT", false, "For people who look at the list." },
    { "expires-in-days", "N", false, "Default: never." },
    { "json", NULL, false, "Print {\"key\": ..., \"id\": ...}." },
    { 0 },
};

static const struct option list_options[] = {
    { "json", NULL, false, "One JSON object a line." },
    { 0 },
};

const struct command command_key_create = {
    .name = "key create",
    .operands = "",
    .summary = "make an API key and show it once",
    .about = "Works beside a running server, which takes the key at once. On an empty data\n"
             "directory it makes the books first.",
    .examples = { "purser key create --data ./data --mode test",
                  "purser key create --data ./data --mode live --scopes read,refund --json" },
    .options = create_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_create,
};

const struct command command_key_list = {
    .name = "key list",
    .operands = "",
    .summary = "list API keys, never their text",
    .about = "Shows the last characters of each key, its scopes and whether it is active.",
    .examples = { "purser key list --data ./data", "purser key list --data ./data --json" },
    .options = list_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_list,
};

const struct command command_key_revoke = {
    .name = "key revoke",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "end an API key for good",
    .about = "Requests with the key get 401 from now on. Exit code 1 when no such key is active.",
    .examples = { "purser key revoke --data ./data key_01h455vb4pex5vsknk084sn02q",
                  "purser key list --data ./data" },
    .settings = SETTING_GROUP_BOOKS,
    .run = run_revoke,
};
