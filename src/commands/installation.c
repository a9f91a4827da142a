#include "commands/installation.h"

#include <assert.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "commands/file.h"
#include "gateways/gateways.h"
#include "store/migrations.h"

#define KEY_TEXT_BYTES (2 * INSTALLATION_KEY_BYTES)
#define KEY_FILE_MAX_BYTES 256

/* The counter that holds the check value. It is kept among numbers because one number is all
 * that it is: 62 bits tell keys apart and give nothing of 256 away. */
#define CHECK_COUNTER "installation_key_check"

static enum err key_of_hex(struct str hex, struct secret *out)
{
    unsigned char bytes[INSTALLATION_KEY_BYTES];

    if (!crypto_read_hex(hex, bytes, sizeof bytes))
        return ERR_VALIDATION;
    *out = secret_copy(str_make((const char *)bytes, sizeof bytes));
    secret_wipe(bytes, sizeof bytes);
    return OK;
}

static enum err key_of_file(struct str path, struct arena *arena, struct secret *out, bool *found,
                            struct str *why)
{
    struct str text = { 0 };

    enum err err = file_read(path, KEY_FILE_MAX_BYTES, arena, &text, found, why);
    if (err != OK || !*found)
        return err;
    if (str_ends_with(text, STR("\n")))
        text.len--;
    err = key_of_hex(text, out);
    secret_wipe((char *)text.ptr, text.len);
    if (err != OK)
        *why = str_format(arena,
                          "%.*s is no installation key (64 hex digits): restore it from the "
                          "backup of this data directory",
                          STR_ARG(path));
    return err;
}

/* Two first starts at the same moment end with one key: the second finds the file of the
 * first. */
static enum err key_make(struct str path, const struct outside *outside, struct arena *arena,
                         struct secret *out, struct str *why)
{
    unsigned char bytes[INSTALLATION_KEY_BYTES];
    char text[KEY_TEXT_BYTES + 2];
    struct buf hex;
    bool found = true;

    outside_random(outside, bytes, sizeof bytes);
    buf_fixed(&hex, text, sizeof text);
    buf_add_hex(&hex, bytes, sizeof bytes);
    buf_add_char(&hex, '\n');
    assert(buf_ok(&hex));
    enum err err = file_make(path, buf_str(&hex), false, arena, why);
    if (err == OK)
        *out = secret_copy(str_make((const char *)bytes, sizeof bytes));
    else if (err == ERR_ALREADY_EXISTS)
        err = key_of_file(path, arena, out, &found, why);
    secret_wipe(bytes, sizeof bytes);
    secret_wipe(text, sizeof text);
    return err;
}

/* Books that cannot be opened count as none here: what is then made in vain is refused by the
 * check value once they can be. */
static bool has_books(const struct settings *settings, const struct outside *outside,
                      struct arena *arena)
{
    struct db *db = NULL;
    struct str why;
    int version = 0;

    if (store_open_reader(settings->values[SETTING_STORE], outside, arena, &db, &why) != OK)
        return false;
    /* A server answers before there are any. */
    bool found = db_schema_version(db, &version) == OK && version > 0;
    db_close(db);
    return found;
}

enum err installation_key(const struct settings *settings, const struct outside *outside, bool make,
                          struct arena *arena, struct secret *out,
                          enum installation_key_origin *origin, struct str *why)
{
    struct str path = settings->values[SETTING_INSTALLATION_KEY_FILE];
    struct str given = settings->values[SETTING_INSTALLATION_KEY];
    bool found = false;

    if (make) {
        enum err err = file_make_directory(settings->values[SETTING_DATA], arena, why);
        if (err != OK)
            return err;
    }
    *origin = given.len > 0 ? KEY_FROM_ENVIRONMENT : KEY_FROM_FILE;
    if (given.len > 0)
        return key_of_hex(given, out);
    enum err err = key_of_file(path, arena, out, &found, why);
    if (err != OK || found)
        return err;
    if (has_books(settings, outside, arena)) {
        /* Another start may have made both since: whoever makes books has the key before. */
        err = key_of_file(path, arena, out, &found, why);
        if (err != OK || found)
            return err;
        *why = str_format(
            arena,
            "the installation key %.*s is missing, but the books exist: without it no "
            "API key and no repeated request is recognised. Restore the file from the "
            "backup of this data directory, or give the key in "
            "PURSER_INSTALLATION_KEY",
            STR_ARG(path));
        return ERR_IO;
    }
    if (!make) {
        *why = str_format(arena, "there is nothing at %.*s yet: start with purser serve or init",
                          STR_ARG(settings->values[SETTING_DATA]));
        return ERR_IO;
    }
    *origin = KEY_MADE;
    return key_make(path, outside, arena, out, why);
}

static int64_t check_value(const struct secret *key)
{
    const struct str purpose = STR("purser installation key check");
    struct sha256 hash = crypto_hmac_sha256(secret_reveal(key), &purpose, 1);
    uint64_t value = 0;

    for (size_t i = 0; i < sizeof value; i++)
        value = value << 8 | hash.bytes[i];
    return (int64_t)(value >> 2);
}

static enum err take_value(void *self, const struct db_value *values, size_t count)
{
    assert(count == 1);
    *(int64_t *)self = values[0].number;
    return OK;
}

/* -1 when there is none yet. */
static enum err read_check(struct db *db, int64_t *out)
{
    struct db_value name = DB_STR(STR(CHECK_COUNTER));

    *out = -1;
    return db_query(db, "SELECT value FROM counters WHERE name = $1", &name, 1, take_value, out);
}

/* Another start may do the same at this moment: the first one's stays. */
static enum err record_check(struct db *db, int64_t value)
{
    struct counter counter = { STR(CHECK_COUNTER), value };
    const void *row = &counter;
    bool inserted = false;

    enum err err = db_begin(db);
    if (err == OK)
        err = db_insert_new(db, &table_counters, &row, 1, &inserted);
    if (err == OK)
        err = db_commit(db);
    return err;
}

enum err installation_key_check(struct db *db, const struct secret *key, bool record,
                                struct arena *arena, struct str *why)
{
    int64_t mine = check_value(key);
    int64_t theirs = -1;

    enum err err = read_check(db, &theirs);
    if (err == OK && theirs < 0 && record) {
        err = record_check(db, mine);
        if (err == OK)
            err = read_check(db, &theirs);
    }
    if (err != OK) {
        *why = str_copy(arena, db_error(db));
        db_rollback(db);
        return err;
    }
    if (theirs == mine || theirs < 0)
        return OK;
    *why = STR("this is not the installation key with which these books were made: their API keys "
               "and idempotency keys would not be recognised. Give the right key file "
               "(--installation-key-file) or PURSER_INSTALLATION_KEY; the key belongs to the "
               "backup of the data directory");
    return ERR_VALIDATION;
}

int installation_schema_newest(void)
{
    int newest = 0;

    for (const struct migration *m = store_migrations; m->version != 0; m++)
        newest = m->version;
    return newest;
}

enum err installation_schema(const struct settings *settings, const struct outside *outside,
                             struct arena *arena, int *out, struct str *why)
{
    struct str no_books;
    struct db *db = NULL;

    *out = 0;
    if (store_open_reader(settings->values[SETTING_STORE], outside, arena, &db, &no_books) != OK)
        return OK;
    enum err err = db_schema_version(db, out);
    if (err != OK)
        *why = str_copy(arena, db_error(db));
    db_close(db);
    return err;
}

static enum err open_store(const struct settings *settings, const struct outside *outside,
                           struct arena *arena, struct installation *installation, struct str *why)
{
    struct store_config config = {
        .where = settings->values[SETTING_STORE],
        .outside = outside,
        .gateways = gateways,
        .create = true,
    };
    bool made;

    enum err err = store_migrate(config.where, true, outside, arena, why);
    if (err == OK)
        err = store_open(&config, arena, &installation->store, why);
    if (err != OK)
        return err;
    struct db *db = store_db(installation->store);
    err = store_bootstrap(installation->store, &made);
    if (err != OK)
        *why = str_copy(arena, db_error(db));
    return err == OK ? installation_key_check(db, &installation->key, true, arena, why) : err;
}

enum err installation_open(const struct settings *settings, const struct outside *outside,
                           struct arena *arena, struct installation *out, struct str *why)
{
    struct installation made = { 0 };

    enum err err = installation_key(settings, outside, true, arena, &made.key, &made.key_origin,
                                    why);
    if (err == OK)
        err = open_store(settings, outside, arena, &made, why);
    if (err == OK)
        *out = made;
    else
        installation_close(&made);
    return err;
}

void installation_close(struct installation *installation)
{
    store_close(installation->store);
    secret_done(&installation->key);
    *installation = (struct installation){ 0 };
}

enum err installation_open_reader(const struct settings *settings, const struct outside *outside,
                                  struct arena *arena, struct db **out, struct str *why)
{
    struct db *db = NULL;
    int version = 0;

    enum err err = store_open_reader(settings->values[SETTING_STORE], outside, arena, &db, why);
    if (err != OK)
        return err;
    err = db_schema_version(db, &version);
    if (err != OK) {
        *why = str_copy(arena, db_error(db));
    } else if (version != installation_schema_newest()) {
        *why = version == 0
                   ? STR("there are no books yet: start with purser serve or init")
                   : str_format(arena,
                                "the books have schema version %d and this purser has %d: run "
                                "purser migrate up, or use the newer purser",
                                version, installation_schema_newest());
        err = version > installation_schema_newest() ? ERR_SCHEMA_NEWER : ERR_IO;
    }
    if (err == OK)
        *out = db;
    else
        db_close(db);
    return err;
}

static enum err take_merchant(void *self, void *row)
{
    *(struct merchant **)self = row;
    return OK;
}

static enum err merchant_where(struct db *db, const char *where, struct db_value arg,
                               struct arena *arena, struct merchant **out, struct str *why)
{
    *out = NULL;
    enum err err = db_select(db, &table_merchants, where, &arg, 1, arena, take_merchant, out);
    if (err != OK)
        *why = str_copy(arena, db_error(db));
    return err == OK && *out == NULL ? ERR_NOT_FOUND : err;
}

enum err installation_merchant(struct db *db, struct str name, struct arena *arena,
                               struct merchant **out, struct str *why)
{
    enum err err = merchant_where(db, "name = $1", DB_STR(name), arena, out, why);
    if (err == ERR_NOT_FOUND)
        *why = str_format(arena, "there is no merchant \"%.*s\"", STR_ARG(name));
    return err;
}

enum err installation_merchant_by_id(struct db *db, struct merchant_id id, struct arena *arena,
                                     struct merchant **out, struct str *why)
{
    enum err err = merchant_where(db, "id = $1", DB_ID(id), arena, out, why);
    if (err == ERR_NOT_FOUND)
        *why = STR("there is no such merchant");
    return err;
}

enum err installation_turn(struct installation *installation, const struct turn_input *input,
                           struct arena *arena, struct str *body, struct str *why)
{
    struct turn_input asked = *input;
    struct turn turn = { .input = &asked };
    struct turn *const turns[] = { &turn };

    asked.origin = ORIGIN_OPERATOR;
    asked.actor = STR("operator");
    store_execute(installation->store, turns, 1);
    *body = str_copy(arena, turn.answer.body);
    if (turn.err != OK)
        *why = str_copy(arena, turn.detail);
    return turn.err;
}
