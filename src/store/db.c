/* db.c - what is the same for every engine: finding the driver, counters, the schema.
 *
 * The rest only passes the call on, so that nobody else needs to know what a driver is. */
#include "store/db.h"

#include <assert.h>

#include "store/db_driver.h"
#include "store/db_flush.h"
#include "store/db_later.h"
#include "store/db_one.h"

#define DDL_MAX (256 << 10)

static const struct db_driver *const drivers[] = { &db_driver_sqlite, &db_driver_postgres, NULL };

/* Which versions of the schema the books have seen. */
struct schema_version {
    int64_t version;
    struct str what;
    int64_t applied_ms;
};

static const struct column schema_columns[] = {
    { "version", COLUMN_INT, COLUMN_KEY, offsetof(struct schema_version, version), NULL, 0 },
    { "what", COLUMN_TEXT, COLUMN_FIXED, offsetof(struct schema_version, what), NULL, 0 },
    { "applied_ms", COLUMN_TIME, COLUMN_FIXED, offsetof(struct schema_version, applied_ms), NULL,
      0 },
};
static const struct index no_indexes[] = { { 0 } };
static const char *const no_checks[] = { NULL };
static const struct table schema_versions = {
    "schema_versions", 1,         sizeof(struct schema_version), schema_columns, 3, 1,
    no_indexes,        no_checks,
};

/* Cuts the prefix off `where`. */
static enum err find_driver(struct str *where, struct arena *arena, const struct db_driver **out,
                            struct str *why)
{
    for (size_t i = 0; drivers[i] != NULL; i++) {
        struct str prefix = str_of(drivers[i]->prefix);
        if (!str_starts_with(*where, prefix) || where->len == prefix.len)
            continue;
        *where = str_slice(*where, prefix.len, where->len);
        *out = drivers[i];
        return OK;
    }
    /* Not what was given: it may hold a password. */
    *why = str_format(arena, "The store must be named as sqlite:DIRECTORY or "
                             "postgresql://USER@HOST/DATABASE.");
    return ERR_VALIDATION;
}

/* The books' own is schema_versions. What is kept beside them counts its versions by itself. */
static const struct table *versions_of(const struct db_config *config,
                                       const struct db_driver *driver, struct arena *arena)
{
    struct str stem = str_slice(config->file, 0, str_find_char(config->file, '.', 0));

    if (!driver->one_place || str_equal_c(stem, "purser"))
        return &schema_versions;
    struct table *own = arena_copy(arena, &schema_versions, sizeof schema_versions);
    own->name = str_format(arena, "%.*s_%s", STR_ARG(stem), schema_versions.name).ptr;
    return own;
}

enum err db_open(const struct db_config *config, struct arena *arena, struct db **out,
                 struct str *why)
{
    struct db_config there = *config;
    const struct db_driver *driver = NULL;
    struct db *db = NULL;
    enum err err = find_driver(&there.where, arena, &driver, why);

    assert(config->outside != NULL && !str_is_empty(config->file));
    if (err == OK)
        err = driver->open(&there, arena, &db, why);
    if (err != OK)
        return err;
    db->versions = versions_of(config, driver, arena);
    *out = db;
    return OK;
}

void db_close(struct db *db)
{
    if (db != NULL)
        db->driver->close(db);
}

struct str db_error(const struct db *db)
{
    return db->driver->error(db);
}

const char *db_engine(const struct db *db)
{
    return db->driver->engine;
}

bool db_is_shared(const struct db *db)
{
    return db->driver->shared;
}

enum err db_now(struct db *db, int64_t *out_ms)
{
    return db->driver->now(db, out_ms);
}

const char *db_now_sql(const struct db *db)
{
    assert(db->driver->shared);
    return db->driver->now_sql;
}

const char *db_history_sql(const struct db *db)
{
    return db->driver->history_sql;
}

const char *db_era_sql(const struct db *db)
{
    assert(db->driver->shared);
    return db->driver->era_sql;
}

enum err db_lock_serving(struct str where, struct arena *arena, struct db_serving_lock **out,
                         struct str *why)
{
    const struct db_driver *driver = NULL;
    enum err err = find_driver(&where, arena, &driver, why);

    if (err == OK)
        err = driver->lock_serving(where, arena, out, why);
    if (err == OK)
        (*out)->driver = driver;
    return err;
}

void db_unlock_serving(struct db_serving_lock *lock)
{
    if (lock != NULL)
        lock->driver->unlock_serving(lock);
}

struct hints *hints_open(struct str where)
{
    const struct db_driver *driver = NULL;
    struct arena arena = { 0 };
    struct hints *hints = NULL;
    struct str why;

    if (find_driver(&where, &arena, &driver, &why) == OK && driver->open_hints != NULL)
        hints = driver->open_hints(where);
    arena_done(&arena);
    return hints;
}

enum err db_begin(struct db *db)
{
    return db->driver->begin(db);
}

enum err db_commit(struct db *db)
{
    return db->driver->commit(db);
}

bool db_commits_later(const struct db *db)
{
    return db->driver->commit_later != NULL;
}

enum err db_commit_later(struct db *db)
{
    return db_commits_later(db) ? db->driver->commit_later(db) : db_commit(db);
}

enum err db_commit_with_next(struct db *db)
{
    return db->driver->commit_with_next != NULL ? db->driver->commit_with_next(db)
                                                : db_commit(db);
}

enum err db_flush(struct db *db)
{
    return db->driver->flush != NULL ? db->driver->flush(db) : OK;
}

void db_step(struct db *db)
{
    if (db->driver->step != NULL)
        db->driver->step(db);
}

void db_rollback(struct db *db)
{
    db->driver->rollback(db);
}

enum err db_query(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                  db_row_f *row, void *self)
{
    return db->driver->query(db, sql, args, arg_count, row, self);
}

enum err db_require(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                    enum err otherwise)
{
    assert(db->driver->shared && otherwise != OK);
    return db->driver->require(db, sql, args, arg_count, otherwise);
}

bool db_edition(const struct db *db, uint32_t *out)
{
    return db->driver->edition != NULL && db->driver->edition(db, out);
}

int64_t db_changes(const struct db *db)
{
    return db->driver->changes(db);
}

enum err db_script(struct db *db, struct str sql)
{
    return db->driver->script(db, sql);
}

static enum err write_rows(struct db *db, enum db_write what, const struct table *table,
                           const void *const *rows, size_t count, bool *changed)
{
    return count == 0 ? OK : db->driver->write(db, what, table, rows, count, changed);
}

enum err db_insert(struct db *db, const struct table *table, const void *const *rows, size_t count)
{
    return write_rows(db, WRITE_INSERT, table, rows, count, NULL);
}

enum err db_insert_new(struct db *db, const struct table *table, const void *const *rows,
                       size_t count, bool *inserted)
{
    return write_rows(db, WRITE_INSERT_NEW, table, rows, count, inserted);
}

enum err db_update(struct db *db, const struct table *table, const void *const *rows, size_t count)
{
    return write_rows(db, WRITE_UPDATE, table, rows, count, NULL);
}

enum err db_delete(struct db *db, const struct table *table, const void *const *rows, size_t count)
{
    return write_rows(db, WRITE_DELETE, table, rows, count, NULL);
}

enum err db_load(struct db *db, const struct table *table, const char *column, const struct id *ids,
                 size_t count, const char *and_where, bool lock, struct arena *arena,
                 db_load_f *load, void *self)
{
    if (count == 0)
        return OK;
    return db->driver->load(db, table, column, ids, count, and_where, lock, arena, load, self);
}

enum err db_load_later(struct db *db, const struct table *table, const char *column,
                       const struct id *ids, size_t count, const char *and_where, bool lock,
                       struct arena *arena, db_load_f *load, void *self)
{
    const struct db_driver *driver = db->driver;

    if (count == 0)
        return OK;
    return (driver->load_later != NULL ? driver->load_later : driver->load)(
        db, table, column, ids, count, and_where, lock, arena, load, self);
}

enum err db_now_later(struct db *db, int64_t *out_ms)
{
    const struct db_driver *driver = db->driver;

    return (driver->now_later != NULL ? driver->now_later : driver->now)(db, out_ms);
}

enum err db_await(struct db *db)
{
    return db->driver->await != NULL ? db->driver->await(db) : OK;
}

enum err db_select(struct db *db, const struct table *table, const char *where,
                   const struct db_value *args, size_t arg_count, struct arena *arena,
                   db_load_f *load, void *self)
{
    return db->driver->select(db, table, where, args, arg_count, arena, load, self);
}

/* Counters. */

static enum err read_number(void *self, const struct db_value *values, size_t count)
{
    int64_t *number = self;

    assert(count == 1);
    if (values[0].type == DB_INT)
        *number = values[0].number;
    return OK;
}

enum err db_number(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                   int64_t *out)
{
    return db_query(db, sql, args, arg_count, read_number, out);
}

enum err db_keep_row(void *self, void *row)
{
    void **out = self;

    *out = row;
    return OK;
}

#define COUNT_ON                                                                                  \
    "INSERT INTO counters (name, value) VALUES ($1, $2) "                                         \
    "ON CONFLICT (name) DO UPDATE SET value = counters.value + $2"

/* The counter's row is this transaction's from the first statement on. SQLite makes a table for
 * what RETURNING gives, which costs more than to read; to a server each statement is a wait. */
static enum err count_on(struct db *db, const struct db_value *args, int64_t *last)
{
    if (db->driver->shared)
        return db_number(db, COUNT_ON " RETURNING value", args, 2, last);
    enum err err = db_query(db, COUNT_ON, args, 2, NULL, NULL);
    return err == OK ? db_number(db, "SELECT value FROM counters WHERE name = $1", args, 1, last)
                     : err;
}

enum err db_take_numbers(struct db *db, const char *name, int64_t count, int64_t *first)
{
    const struct db_value args[] = { DB_STR(str_of(name)), DB_NUMBER(count) };
    int64_t last = 0;

    assert(count > 0);
    enum err err = count_on(db, args, &last);
    if (err != OK)
        return err;
    assert(last >= count);
    *first = last - count + 1;
    return OK;
}

/* From `first` on; 0 where they are not known. */
static void number_rows(const struct table *table, void *const *rows, size_t count, int64_t first)
{
    const struct column *column = table_number(table);

    assert(column != NULL && column->kind == COLUMN_INT);
    for (size_t i = 0; i < count; i++)
        *(int64_t *)((char *)rows[i] + column->offset) = first == 0 ? 0 : first + (int64_t)i;
}

enum err db_insert_numbered(struct db *db, const struct table *table, void *const *rows,
                            size_t count, const char *name, bool told)
{
    const struct db_driver *driver = db->driver;
    const void *const *given = (const void *const *)rows;
    int64_t first = 0;
    enum err err = OK;

    if (count == 0)
        return OK;
    if (driver->insert_numbered != NULL)
        err = driver->insert_numbered(db, table, given, count, name, told ? &first : NULL);
    else
        err = db_take_numbers(db, name, (int64_t)count, &first);
    if (err != OK)
        return err;
    number_rows(table, rows, count, first);
    return driver->insert_numbered != NULL ? OK : db_insert(db, table, given, count);
}

enum err db_probe(struct db *db)
{
    int64_t number = 0;
    enum err err = db_begin(db);

    if (err != OK)
        return err;
    err = db_take_numbers(db, "probe", 1, &number);
    if (err == OK)
        err = db_commit(db);
    if (err != OK)
        db_rollback(db);
    return err;
}

struct verdict {
    struct arena *arena;
    struct str wrong;
};

static enum err take_verdict(void *self, const struct db_value *values, size_t count)
{
    struct verdict *verdict = self;

    assert(count == 1);
    if (!str_equal_c(values[0].bytes, "ok"))
        verdict->wrong = str_copy(verdict->arena, values[0].bytes);
    return OK;
}

enum err db_verify(struct db *db, struct arena *arena, struct str *wrong)
{
    struct verdict verdict = { .arena = arena };
    const char *sql = db->driver->verify_sql;
    enum err err = sql != NULL ? db_query(db, sql, NULL, 0, take_verdict, &verdict) : OK;

    if (err == OK)
        *wrong = verdict.wrong;
    return err;
}

/* The schema. */

static enum err take_version(void *self, void *row)
{
    *(int *)self = (int)((const struct schema_version *)row)->version;
    return OK;
}

enum err db_schema_version(struct db *db, int *out)
{
    const struct db_value name = DB_STR(str_of(db->versions->name));
    struct arena scratch = { 0 };
    int64_t there = 0;
    int version = 0;
    enum err err = db_number(db, db->driver->has_table_sql, &name, 1, &there);

    if (err == OK && there != 0)
        err = db_select(db, db->versions, "1 = 1 ORDER BY version DESC LIMIT 1", NULL, 0, &scratch,
                        take_version, &version);
    arena_done(&scratch);
    if (err == OK)
        *out = version;
    return err;
}

static int newest_of(const struct migration *migrations)
{
    int newest = 0;

    while (migrations[newest].version != 0) {
        assert(migrations[newest].version == newest + 1);
        newest++;
    }
    assert(newest > 0);
    return newest;
}

static enum err check_version(int there, int newest, struct arena *arena, struct str *why)
{
    if (there <= newest)
        return OK;
    *why = str_format(arena,
                      "The books have schema version %d, and this purser knows versions up to %d. "
                      "Start the newer purser that wrote them, or restore the backup made before "
                      "the upgrade.",
                      there, newest);
    return ERR_SCHEMA_NEWER;
}

/* New books get each table whole, so they never repeat history. */
static enum err add_tables(struct db *db, const struct table *const *tables, int version,
                           struct arena *arena)
{
    struct buf sql;

    buf_init(&sql, arena, DDL_MAX);
    for (size_t i = 0; tables[i] != NULL; i++) {
        if (tables[i]->since > version)
            ddl_write(&sql, db->driver, tables[i]);
        else
            ddl_write_additions(&sql, db->driver, tables[i], version);
    }
    assert(buf_ok(&sql));
    return db_script(db, buf_str(&sql));
}

static enum err apply(struct db *db, const struct migration *migration)
{
    struct schema_version row = { migration->version, str_of(migration->what), 0 };
    const void *rows[] = { &row };
    enum err err = OK;

    if (migration->sql != NULL)
        err = db_script(db, str_of(migration->sql));
    if (err == OK)
        err = db_now(db, &row.applied_ms);
    return err == OK ? db_insert(db, db->versions, rows, 1) : err;
}

static enum err migrate_from(struct db *db, int version, const struct table *const *tables,
                             const struct migration *migrations, struct arena *arena)
{
    const struct table *const own[] = { db->versions, NULL };
    enum err err = add_tables(db, own, version, arena);

    if (err == OK)
        err = add_tables(db, tables, version, arena);
    for (int i = version; err == OK && migrations[i].version != 0; i++)
        err = apply(db, &migrations[i]);
    return err;
}

/* All or nothing; the version is read again, because others may migrate at the same time. */
static enum err migrate_locked(struct db *db, const struct table *const *tables,
                               const struct migration *migrations, struct arena *arena,
                               struct str *why)
{
    int newest = newest_of(migrations);
    const char *lock_sql = db->driver->lock_schema_sql;
    int version = 0;
    enum err err = lock_sql != NULL ? db_query(db, lock_sql, NULL, 0, NULL, NULL) : OK;

    if (err == OK)
        err = db_schema_version(db, &version);
    if (err == OK)
        err = check_version(version, newest, arena, why);
    if (err == OK && version < newest)
        err = migrate_from(db, version, tables, migrations, arena);
    return err == OK ? db_commit(db) : err;
}

enum err db_migrate(struct db *db, const struct table *const *tables,
                    const struct migration *migrations, struct arena *arena, struct str *why)
{
    int newest = newest_of(migrations);
    int version = 0;
    enum err err = db_schema_version(db, &version);

    if (err == OK && version == newest)
        return OK;
    *why = (struct str){ 0 };
    if (err == OK)
        err = db_begin(db);
    if (err == OK)
        err = migrate_locked(db, tables, migrations, arena, why);
    if (err != OK && str_is_empty(*why))
        *why = str_copy(arena, db_error(db));
    if (err != OK)
        db_rollback(db);
    return err;
}
