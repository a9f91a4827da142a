/* db_driver.h - what an engine's driver has to offer behind db.h.
 *
 * Only db.c, the drivers and what they share include it. Each function is that of the same
 * name in db.h; the driver embeds struct db as its first member. */
#ifndef STORE_DB_DRIVER_H
#define STORE_DB_DRIVER_H

#include "store/db.h"
#include "store/hints.h"

/* db_insert, db_insert_new, db_insert_numbered, db_update, db_delete. */
enum db_write {
    WRITE_INSERT, WRITE_INSERT_NEW, WRITE_INSERT_NUMBERED, WRITE_UPDATE, WRITE_DELETE
};

struct db_driver {
    const char *engine;              /* "sqlite" */
    const char *prefix;              /* of struct db_config.where: "sqlite:" */
    bool shared;
    /* What db_config.file tells apart lies in one place, where names of tables must differ. */
    bool one_place;
    /* By column kind the engine's type, and what follows a table's ")". */
    const char *column_types[COLUMN_KIND_COUNT];
    const char *table_suffix;
    const char *room_suffix;         /* the same of one whose rows are updated; or NULL */
    /* A column whose values are listed has a type of its own, TABLE_COLUMN, with the CHECK. */
    bool has_domains;
    /* Tables with a COLUMN_PERIOD are parted by its range, with one part more, NAME_rest, for
     * what has no other (periods.c). */
    bool parts_by_period;
    const char *period_tables_sql;   /* the names of the parts of the table named $1 */
    const char *has_table_sql;       /* gives a row when there is a table named $1 */
    /* Holds the schema for this transaction against others who migrate; NULL when every write
     * transaction does. */
    const char *lock_schema_sql;
    const char *now_sql;             /* see db_now_sql */
    const char *history_sql;         /* see db_history_sql */
    const char *era_sql;             /* see db_era_sql */
    /* Of the numbers in $1, with commas between them, which are this transaction's alone: rows of
     * place from 1, a truth, and anything. NULL where nobody else would want them. */
    const char *claim_sql;
    /* Gives one row with the text "ok", or with what is wrong; NULL when there is no such. */
    const char *verify_sql;

    /* In `where` the prefix is cut off. */
    enum err (*open)(const struct db_config *config, struct arena *arena, struct db **out,
                     struct str *why);
    void (*close)(struct db *db);
    enum err (*lock_serving)(struct str where, struct arena *arena,
                             struct db_serving_lock **out, struct str *why);
    void (*unlock_serving)(struct db_serving_lock *lock);
    /* NULL where there are none; `where` as in open. */
    struct hints *(*open_hints)(struct str where);
    struct str (*error)(const struct db *db);
    enum err (*now)(struct db *db, int64_t *out_ms);
    enum err (*begin)(struct db *db);
    enum err (*commit)(struct db *db);
    /* NULL where a commit is on the disk in any case. */
    enum err (*commit_later)(struct db *db);
    enum err (*flush)(struct db *db);
    enum err (*commit_with_next)(struct db *db);         /* NULL where nothing is to be gained */
    void (*step)(struct db *db);         /* NULL where there is no such thread */
    void (*rollback)(struct db *db);
    enum err (*query)(struct db *db, const char *sql, const struct db_value *args,
                      size_t arg_count, db_row_f *row, void *self);
    enum err (*require)(struct db *db, const char *sql, const struct db_value *args,
                        size_t arg_count, enum err otherwise);       /* shared books only */
    int64_t (*changes)(const struct db *db);
    bool (*edition)(const struct db *db, uint32_t *out);    /* NULL where it cannot be known */
    enum err (*script)(struct db *db, struct str sql);
    /* changed[i], unless `changed` is NULL, tells whether row i was written. */
    enum err (*write)(struct db *db, enum db_write what, const struct table *table,
                      const void *const *rows, size_t count, bool *changed);
    enum err (*load)(struct db *db, const struct table *table, const char *column,
                     const struct id *ids, size_t count, const char *and_where, bool lock,
                     struct arena *arena, db_load_f *load, void *self);
    enum err (*select)(struct db *db, const struct table *table, const char *where,
                       const struct db_value *args, size_t arg_count, struct arena *arena,
                       db_load_f *load, void *self);
    /* db_later.h's; NULL where nothing is gained by waiting. */
    enum err (*load_later)(struct db *db, const struct table *table, const char *column,
                           const struct id *ids, size_t count, const char *and_where, bool lock,
                           struct arena *arena, db_load_f *load, void *self);
    enum err (*now_later)(struct db *db, int64_t *out_ms);
    /* NULL where the numbers are taken first; gives the first of them, unless `first` is NULL. */
    enum err (*insert_numbered)(struct db *db, const struct table *table, const void *const *rows,
                                size_t count, const char *name, int64_t *first);
    enum err (*await)(struct db *db);
};

struct db {
    const struct db_driver *driver;
    const struct table *versions;    /* of the schema; db.c's */
};

struct db_serving_lock {
    const struct db_driver *driver;  /* db.c's */
    int fd;                          /* where the engine is files */
};

extern const struct db_driver db_driver_sqlite, db_driver_postgres;

/* Row <-> values (codec.c). What a value points to is the row's. */
struct db_value codec_value(const struct column *column, const void *row);
/* One for each column of the table. */
void codec_values(const struct table *table, const void *row, struct db_value *values);
/* ERR_STORE when a value cannot be what the column holds: the books are damaged. Texts
 * are copied into the arena. */
must_check enum err codec_row(const struct table *table, const struct db_value *values,
                              struct arena *arena, void *row);
/* A db_row_f that makes structs of rows: its self is a codec_loader. */
struct codec_loader {
    const struct table *table;
    struct arena *arena;
    db_load_f *load;
    void *self;
    bool damaged;                    /* codec_row refused a row */
};
must_check enum err codec_load_row(void *loader, const struct db_value *values, size_t count);

/* DDL of a whole table with its indexes (ddl.c). Existing ones are left alone. */
void ddl_write(struct buf *out, const struct db_driver *driver, const struct table *table);
/* The indexes that a part has of its own: unique ones without the column that parts the table. */
void ddl_write_part_indexes(struct buf *out, const struct table *table, const char *part);
/* What a table made earlier lacks: its columns with a later `since` than `version`, and new
 * indexes. */
void ddl_write_additions(struct buf *out, const struct db_driver *driver,
                         const struct table *table, int version);

#endif
