#include "commands/keyring.h"

#include <assert.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/time.h"
#include "commands/file.h"
#include "store/db_one.h"

#define FILE_MAX_BYTES 4096

/* Nodes that share books must share the keys: the counter tells a second node that there are
 * some already, before anything is sealed with them. */
#define MADE_COUNTER "credentials_key_made"

bool keyring_is_from_environment(const struct settings *settings)
{
    return settings->values[SETTING_CREDENTIALS_KEYS].len > 0;
}

static enum err parse(struct str path, struct str text, struct arena *arena,
                      struct credentials_keys *out, struct str *why)
{
    struct str wrong = { 0 };

    enum err err = credentials_keys_parse(text, out, arena, &wrong);
    if (err != OK)
        *why = str_format(arena, "%.*s: %.*s; restore it from the backup of this data directory",
                          STR_ARG(path), STR_ARG(wrong));
    return err;
}

/* `found` may be NULL: then a file that is missing is an error. */
static enum err read_file(const struct settings *settings, struct arena *arena,
                          struct credentials_keys *out, bool *found, struct str *why)
{
    struct str path = settings->values[SETTING_CREDENTIALS_KEY_FILE];
    struct str text = { 0 };

    enum err err = file_read(path, FILE_MAX_BYTES, arena, &text, found, why);
    if (err != OK || (found != NULL && !*found))
        return err;
    err = parse(path, text, arena, out, why);
    secret_wipe((char *)text.ptr, text.len);
    return err;
}

enum err keyring_read(const struct settings *settings, struct arena *arena,
                      struct credentials_keys *out, struct str *why)
{
    struct str given = settings->values[SETTING_CREDENTIALS_KEYS];

    if (keyring_is_from_environment(settings))
        return parse(STR("PURSER_CREDENTIALS_KEYS"), given, arena, out, why);
    return read_file(settings, arena, out, NULL, why);
}

/* A line of the file: the key, its name and its day. */
static void write_new_key(struct buf *out, const struct outside *outside, struct arena *arena)
{
    unsigned char bytes[CRYPTO_KEY_SIZE];

    outside_random(outside, bytes, sizeof bytes);
    struct secret key = secret_copy(str_make((const char *)bytes, sizeof bytes));
    struct str name = credentials_key_name(&key, arena);
    buf_add_hex(out, bytes, sizeof bytes);
    buf_addf(out, " # %.*s, made ", STR_ARG(name));
    time_write(out, outside_now_ms(outside));
    buf_add_char(out, '\n');
    secret_done(&key);
    secret_wipe(bytes, sizeof bytes);
}

static enum err write_file(const struct settings *settings, struct str before, bool replace,
                           const struct outside *outside, struct arena *arena, struct str *why)
{
    char text[2 * FILE_MAX_BYTES];
    struct buf out;

    buf_fixed(&out, text, sizeof text);
    write_new_key(&out, outside, arena);
    buf_add(&out, before);
    assert(buf_ok(&out));
    enum err err = file_make(settings->values[SETTING_CREDENTIALS_KEY_FILE], buf_str(&out),
                             replace, arena, why);
    secret_wipe(text, sizeof text);
    return err;
}

enum err keyring_add(const struct settings *settings, const struct outside *outside,
                     struct arena *arena, struct str *why)
{
    struct str text = { 0 };

    assert(!keyring_is_from_environment(settings));
    enum err err = file_read(settings->values[SETTING_CREDENTIALS_KEY_FILE], FILE_MAX_BYTES, arena,
                             &text, NULL, why);
    if (err != OK)
        return err;
    err = write_file(settings, text, true, outside, arena, why);
    secret_wipe((char *)text.ptr, text.len);
    return err;
}

/* Whether another key than a new one is needed: something is sealed, or other nodes have one. */
static enum err is_needed(struct db *db, bool *out)
{
    struct db_value name = DB_STR(STR(MADE_COUNTER));
    int64_t sealed = 0, made = 0;

    enum err err = db_number(db, "SELECT count(*) FROM gateway_accounts WHERE credentials"
                                " IS NOT NULL",
                             NULL, 0, &sealed);
    if (err == OK && db_is_shared(db))
        err = db_number(db, "SELECT count(*) FROM counters WHERE name = $1", &name, 1, &made);
    *out = sealed > 0 || made > 0;
    return err;
}

static enum err tell_others(struct db *db)
{
    struct counter counter = { STR(MADE_COUNTER), 1 };
    const void *row = &counter;
    bool inserted;

    enum err err = db_begin(db);
    if (err == OK)
        err = db_insert_new(db, &table_counters, &row, 1, &inserted);
    return err == OK ? db_commit(db) : err;
}

static enum err make_file(const struct settings *settings, struct db *db,
                          const struct outside *outside, struct arena *arena, struct str *why)
{
    struct str path = settings->values[SETTING_CREDENTIALS_KEY_FILE];
    bool needed = false;

    enum err err = is_needed(db, &needed);
    if (err == OK && needed) {
        *why = str_format(arena,
                          "the file %.*s is missing, and these books have gateway credentials "
                          "that only its keys open: restore it from the backup of this data "
                          "directory, copy it from another node, or give the keys in "
                          "PURSER_CREDENTIALS_KEYS",
                          STR_ARG(path));
        return ERR_IO;
    }
    if (err == OK)
        err = tell_others(db);
    if (err != OK) {
        *why = str_copy(arena, db_error(db));
        db_rollback(db);
        return err;
    }
    err = write_file(settings, (struct str){ 0 }, false, outside, arena, why);
    /* Another start made it at this moment. */
    return err == ERR_ALREADY_EXISTS ? OK : err;
}

static enum err read_source(void *self, struct arena *arena, struct credentials_keys *out,
                            struct str *why)
{
    return keyring_read(self, arena, out, why);
}

enum err keyring_open(const struct settings *settings, struct db *db,
                      const struct outside *outside, struct arena *arena, struct vault **out,
                      struct str *why)
{
    const struct vault_source source = { (void *)(uintptr_t)settings, read_source };
    struct credentials_keys keys;
    bool found = true;
    enum err err = OK;

    if (!keyring_is_from_environment(settings)) {
        err = read_file(settings, arena, &keys, &found, why);
        if (err == OK && found)
            credentials_keys_done(&keys);
    }
    if (err == OK && !found)
        err = make_file(settings, db, outside, arena, why);
    return err == OK ? vault_open(&source, outside, arena, out, why) : err;
}
