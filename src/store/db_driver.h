/* db_driver.h - what an engine's driver has to offer behind db.h.
 *
 * Only db.c and the drivers include it. Each function is that of the same name in
 * db.h; the driver embeds struct db as its first member. */
#ifndef STORE_DB_DRIVER_H
#define STORE_DB_DRIVER_H

#include "store/db.h"

struct db_driver {
    const char *engine;              /* "sqlite" */
    const char *prefix;              /* of struct db_config.where: "sqlite:" */
    bool shared;
    /* The engine's type for a column of that kind, and what follows a table's ")". */
    const char *(*column_type)(enum column_kind kind);
    const char *table_suffix;

    enum err (*open)(const struct db_config *config, struct arena *arena, struct db **out,
                     struct str *why);
    void (*close)(struct db *db);
    enum err (*lock_serving)(struct str where, struct arena *arena,
                             struct db_serving_lock **out, struct str *why);
    void (*unlock_serving)(struct db_serving_lock *lock);
    struct str (*error)(const struct db *db);
    enum err (*now)(struct db *db, int64_t *out_ms);
    enum err (*begin)(struct db *db);
    enum err (*commit)(struct db *db);
    void (*rollback)(struct db *db);
    enum err (*query)(struct db *db, const char *sql, const struct db_value *args,
                      size_t arg_count, db_row_f *row, void *self);
    int64_t (*changes)(const struct db *db);
    enum err (*script)(struct db *db, struct str sql);
    enum err (*insert)(struct db *db, const struct table *table, const void *const *rows,
                       size_t count);
    enum err (*insert_new)(struct db *db, const struct table *table, const void *const *rows,
                           size_t count, bool *inserted);
    enum err (*update)(struct db *db, const struct table *table, const void *const *rows,
                       size_t count);
    enum err (*delete_rows)(struct db *db, const struct table *table, const void *const *rows,
                            size_t count);
    enum err (*load)(struct db *db, const struct table *table, const char *column,
                     const struct id *ids, size_t count, const char *and_where, bool lock,
                     struct arena *arena, db_load_f *load, void *self);
    enum err (*select)(struct db *db, const struct table *table, const char *where,
                       const struct db_value *args, size_t arg_count, struct arena *arena,
                       db_load_f *load, void *self);
};

struct db {
    const struct db_driver *driver;
};

extern const struct db_driver db_driver_sqlite;

/* Row <-> values, for drivers (codec.c). `values` has room for all columns. */
void codec_values(const struct table *table, const void *row, struct db_value *values);
/* ERR_STORE when a value cannot be what the column holds: the books are damaged. Texts
 * are copied into the arena. */
must_check enum err codec_row(const struct table *table, const struct db_value *values,
                              struct arena *arena, void *row);

/* DDL for what `version` adds: tables and, later, columns with that `since` (ddl.c). */
void ddl_write(struct buf *out, const struct db_driver *driver, const struct table *table);

#endif
