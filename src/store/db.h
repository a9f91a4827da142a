/* db.h - a connection to the books, whatever engine keeps them.
 *
 * db_sqlite.c and db_postgres.c are the only files that know an engine. SQL by hand is in the
 * common dialect: $1, $2 ... for values, never a value inside the text; ON CONFLICT; RETURNING;
 * CAST(sum(x) AS BIGINT). A connection belongs to one thread at a time. On an error the
 * engine's sentence is in db_error until the next call.
 *
 * Errors, all of which leave the transaction to be rolled back:
 *     ERR_STORE           I/O, a CHECK or UNIQUE that failed, SQL that is wrong
 *     ERR_STORE_BUSY      locked by somebody else for longer than 5 s
 * and from an engine with a server:
 *     ERR_STORE_RETRY     undone because another transaction, or a restart of it, came between
 *     ERR_STORE_IN_DOUBT  of a commit: the connection was lost before it said "done"
 *     ERR_STORE_AWAY      it cannot be reached, takes no writing, or is full
 * In a transaction an insert, update or delete that fails may say so as late as the next query
 * or db_commit does. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "base/outside.h"
#include "base/str.h"
#include "store/table.h"

struct db;

enum db_access { DB_READ, DB_WRITE };

struct db_config {
    struct str where;            /* "sqlite:DIR", "postgresql://USER@HOST/DATABASE?..." */
    struct str file;             /* in DIR; "purser.db" are the books, others are kept beside */
    enum db_access access;
    bool durable;                /* a commit is on the disk when db_commit returns */
    bool create;                 /* make what is missing; else a missing file is ERR_IO */
    const struct outside *outside;
};

must_check enum err db_open(const struct db_config *config, struct arena *arena, struct db **out,
                            struct str *why);
void db_close(struct db *db);                  /* accepts NULL */
struct str db_error(const struct db *db);
const char *db_engine(const struct db *db);    /* "sqlite", "postgresql" */
/* Whether other nodes may write the same books: then leases are renewed and claimed. */
bool db_is_shared(const struct db *db);
/* The moment by the books' clock: the server's where there is one. */
must_check enum err db_now(struct db *db, int64_t *out_ms);
/* The same as an expression of SQL. Shared books only. */
const char *db_now_sql(const struct db *db);
/* A text that changes when a standby is promoted; NULL where the engine cannot tell. */
const char *db_history_sql(const struct db *db);

/* Refuses a second server on books that only one may serve: ERR_ALREADY_RUNNING.
 * Held until db_unlock_serving or the process's end. Engines for many nodes: no-op. */
struct db_serving_lock;
must_check enum err db_lock_serving(struct str where, struct arena *arena,
                                    struct db_serving_lock **out, struct str *why);
void db_unlock_serving(struct db_serving_lock *lock);

/* A write transaction on DB_WRITE; on DB_READ a snapshot, as of its first query. After an
 * ERR_STORE in it everything is refused until db_rollback. */
must_check enum err db_begin(struct db *db);
must_check enum err db_commit(struct db *db);
void db_rollback(struct db *db);               /* harmless without a transaction */

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BYTES };

struct db_value {
    enum db_type type;
    int64_t number;
    struct str bytes;
};
#define DB_NUMBER(n) ((struct db_value){ DB_INT, (n), { 0 } })
#define DB_STR(s) ((struct db_value){ DB_TEXT, 0, (s) })
/* An id, or a struct that wraps one; the variable must outlive the call. */
#define DB_ID(variable)                                                                        \
    ((struct db_value){ DB_BYTES, 0, str_make((const char *)&(variable), sizeof(struct id)) })

/* Called per row; values live until it returns. Anything but OK stops and is returned. */
typedef enum err db_row_f(void *self, const struct db_value *values, size_t count);

/* `sql` is one statement and a literal of the program, or lives as long as the connection:
 * statements are prepared once and found by the pointer. */
must_check enum err db_query(struct db *db, const char *sql, const struct db_value *args,
                             size_t arg_count, db_row_f *row, void *self);
int64_t db_changes(const struct db *db);        /* rows changed by the last db_query */
/* An update, insert or delete that has to change a row; else the transaction fails with
 * `otherwise`, which may be told as late as in db_commit. Shared books only. */
must_check enum err db_require(struct db *db, const char *sql, const struct db_value *args,
                               size_t arg_count, enum err otherwise);
/* DDL and the like, any number of statements, nothing bound, not prepared. */
must_check enum err db_script(struct db *db, struct str sql);

/* Whole rows, by the table's description. `rows` are pointers to its structs. Descriptions, columns
 * and conditions are the program's own: like SQL they are known by their addresses. Outside a
 * transaction they may be several commits. */
must_check enum err db_insert(struct db *db, const struct table *table, const void *const *rows,
                              size_t count);
/* Skips rows whose key exists; inserted[i] tells. */
must_check enum err db_insert_new(struct db *db, const struct table *table,
                                  const void *const *rows, size_t count, bool *inserted);
/* Writes all varying columns by key. A row that is not there is ERR_STORE. */
must_check enum err db_update(struct db *db, const struct table *table, const void *const *rows,
                              size_t count);
must_check enum err db_delete(struct db *db, const struct table *table, const void *const *rows,
                              size_t count);

/* Rows as structs in `arena`, zeroed apart from their columns. */
typedef enum err db_load_f(void *self, void *row);
/* All rows whose `column` is one of the ids: by ids in order, when it is the key, else in no order.
 * `lock` holds them until the commit. `and_where` is NULL or a literal ("closed_ms IS NULL"). */
must_check enum err db_load(struct db *db, const struct table *table, const char *column,
                            const struct id *ids, size_t count, const char *and_where, bool lock,
                            struct arena *arena, db_load_f *load, void *self);
/* All rows that `where` selects; it is a literal that may go on with ORDER BY and LIMIT. */
must_check enum err db_select(struct db *db, const struct table *table, const char *where,
                              const struct db_value *args, size_t arg_count, struct arena *arena,
                              db_load_f *load, void *self);

/* `count` numbers in a row from the named counter, unique and increasing in the order of
 * commits; part of the transaction. */
must_check enum err db_take_numbers(struct db *db, const char *name, int64_t count,
                                    int64_t *first);

/* Schema. Versions are numbered from 1 (store/migrations.c); version 0 ends the list, 0 is
 * also what new books have. db_migrate brings the tables of `tables` to the newest, all or
 * nothing; ERR_SCHEMA_NEWER when the books are beyond it. */
struct migration {
    int version;
    const char *what;                /* for people: "payments, events and what they need" */
    const char *sql;                 /* after tables and columns were added; NULL for none */
};
must_check enum err db_schema_version(struct db *db, int *out);
must_check enum err db_migrate(struct db *db, const struct table *const *tables,
                               const struct migration *migrations, struct arena *arena,
                               struct str *why);

/* Asks the engine whether its files are whole. `wrong` stays empty when they are, or when the
 * engine does not say; else it is the engine's first complaint. Reads everything once. */
must_check enum err db_verify(struct db *db, struct arena *arena, struct str *wrong);

/* That the books can be written: commits one small row. */
must_check enum err db_probe(struct db *db);

#endif
