/* db_sqlite.c - the books in one SQLite file: DIR/purser.db, with a write-ahead log beside it.
 * tidy: file-size - one engine behind one driver interface; parts of it would share its types
 *
 * Surprises:
 *   - After a failure inside a transaction SQLite may have rolled it back by itself, and what
 *     follows would be committed statement by statement. So a transaction that failed takes
 *     nothing more until db_rollback.
 *   - A commit that is to be flushed later is SQLite's ordinary one, but our file layer puts the
 *     flush of the log off (store/sqlite_log.h); readers wait for it (store/wal_flush.h).
 *   - $1 is a name to SQLite, not a number; a statement remembers where each of them is.
 *   - To ask for the columns of a row one by one costs as much as to find them in it. So statements
 *     that load rows call a function of ours with all of them: SELECT give_row(id, ...). Not those
 *     with an order of their own, for which SQLite may call it before it sorts. */
#include <assert.h>
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "store/data_dir.h"
#include "store/db_driver.h"
#include "store/sqlite_advice.def"
#include "store/sqlite_log.h"
#include "store/sqlite_vfs.h"
#include "store/sqltext.h"
#include "store/wal_flush.h"
#include "store/wal_pace.h"

#define BUSY_GAP_MS 10
#define PAGE_BYTES 4096
#define WRITER_CACHE_KIB 16384
#define LEDGER_CACHE_KIB 1024 /* of the built-in gateway, whose keys count up */
/* Enough for the pages that lead to others. What is looked up lies anywhere, and a page that is
 * not there is copied from the system's memory faster into one that the processor still has than
 * into the oldest of many; each commit empties the cache as well. */
#define READER_CACHE_KIB 1024

enum transaction { TRANSACTION_NONE, TRANSACTION_OPEN, TRANSACTION_FAILED };

/* Who gets the rows of a statement that gives them. */
struct taker {
    db_row_f *row;
    void *self;
    enum err err;
    struct taker *outer; /* of the statement whose row function runs this one */
};

struct sqlite {
    struct db db;
    sqlite3 *handle;
    const struct outside *outside;
    const char *path;
    enum db_access access;
    bool durable;
    enum transaction transaction;
    struct statements statements;
    struct taker *taker;        /* of the statement that runs, if it gives rows */
    struct wal_flush *flush;    /* of who commits later, and of who reads; else NULL */
    bool may_tell;              /* what the present snapshot holds */
    struct sqlite_log log;      /* of a durable writer, else zero */
    char error_text[1024];
    size_t error_len;
};

/* Errors. */

static const char *advice_of(int code)
{
    switch (code) {
#define X(name, advice) case name: return advice;
        SQLITE_ADVICES(X)
#undef X
    }
    return "refused";
}

static struct sqlite *sqlite_of(struct db *db)
{
    return (struct sqlite *)(void *)db;
}

__attribute__((format(printf, 2, 3))) static void say(struct sqlite *db, const char *format, ...)
{
    struct buf buf;
    va_list args;

    buf_fixed(&buf, db->error_text, sizeof db->error_text);
    va_start(args, format);
    buf_addfv(&buf, format, args);
    va_end(args);
    db->error_len = buf.len;
}

static enum err fail_here(struct sqlite *db)
{
    if (db->transaction == TRANSACTION_OPEN)
        db->transaction = TRANSACTION_FAILED;
    return ERR_STORE;
}

/* Before anything else is done with the connection: its words are about its last call. */
static enum err fail(struct sqlite *db)
{
    int code = sqlite3_errcode(db->handle) & 0xff;
    say(db, "%s %s. (SQLite %d: %s)", db->path, advice_of(code),
        sqlite3_extended_errcode(db->handle), sqlite3_errmsg(db->handle));
    fail_here(db);
    return code == SQLITE_BUSY ? ERR_STORE_BUSY : ERR_STORE;
}

static struct str sqlite_error(const struct db *db)
{
    const struct sqlite *self = (const struct sqlite *)(const void *)db;

    return str_make(self->error_text, self->error_len);
}

/* Statements. */

static enum err prepare(struct sqlite *db, const struct sqltext *what, sqlite3_stmt **out)
{
    struct arena scratch = { 0 };
    struct buf text;

    buf_init(&text, &scratch, 1 << 16);
    sqltext_write(&text, what);
    assert(buf_ok(&text));
    int code = sqlite3_prepare_v3(db->handle, buf_c(&text), -1, SQLITE_PREPARE_PERSISTENT, out, 0);
    arena_done(&scratch);
    return code == SQLITE_OK ? OK : fail(db);
}

static void find_places(struct statement *statement)
{
    char name[16];
    struct buf buf;

    statement->arg_count = (size_t)sqlite3_bind_parameter_count(statement->prepared);
    assert(statement->arg_count <= TABLE_COLUMNS_MAX);
    for (size_t i = 0; i < statement->arg_count; i++) {
        buf_fixed(&buf, name, sizeof name);
        buf_addf(&buf, "$%zu", i + 1);
        statement->places[i] = sqlite3_bind_parameter_index(statement->prepared, buf_c(&buf));
        assert(statement->places[i] > 0);
    }
}

/* Prepared at its first use. A SQLTEXT_WRITE has its arguments in order. */
static enum err statement_of(struct sqlite *db, const struct sqltext *what, struct statement **out)
{
    sqlite3_stmt *prepared = NULL;

    if (db->transaction == TRANSACTION_FAILED)
        return ERR_STORE;
    *out = statements_find(&db->statements, what);
    if (*out != NULL) {
        /* A row function may query, but not with the statement that it is called from. */
        assert(!(*out)->running);
        return OK;
    }
    enum err err = prepare(db, what, &prepared);
    if (err != OK)
        return err;
    *out = statements_add(&db->statements, what, prepared);
    if (what->kind != SQLTEXT_WRITE)
        find_places(*out);
    return OK;
}

static void finish_statement(void *prepared)
{
    sqlite3_finalize(prepared);
}

/* Running. */

static int bind(sqlite3_stmt *sql, int place, const struct db_value *value)
{
    const char *bytes = value->bytes.ptr ? value->bytes.ptr : "";
    sqlite3_uint64 len = value->bytes.len;

    switch (value->type) {
    case DB_INT:
        return sqlite3_bind_int64(sql, place, value->number);
    case DB_TEXT:
        return sqlite3_bind_text64(sql, place, bytes, len, SQLITE_STATIC, SQLITE_UTF8);
    case DB_BYTES:
        return sqlite3_bind_blob64(sql, place, bytes, len, SQLITE_STATIC);
    case DB_NULL:
        break;
    }
    return sqlite3_bind_null(sql, place);
}

/* Not guarded against other threads, as sqlite3_column_text and the like are: there are none.
 * Written member by member: a value that is returned is put together of halves and copied as a
 * whole at once, for which the processor waits until the halves have arrived. */
static void read_value(sqlite3_value *column, struct db_value *out)
{
    out->type = DB_NULL;
    out->number = 0;
    out->bytes.ptr = NULL;
    out->bytes.len = 0;
    switch (sqlite3_value_type(column)) {
    case SQLITE_INTEGER:
        out->type = DB_INT;
        out->number = sqlite3_value_int64(column);
        break;
    case SQLITE_NULL:
        break;
    case SQLITE_TEXT:
        out->type = DB_TEXT;
        out->bytes.ptr = (const char *)sqlite3_value_text(column);
        out->bytes.len = (size_t)sqlite3_value_bytes(column);
        break;
    default:
        /* A floating point number comes as bytes too: no column takes it for something else. */
        out->type = DB_BYTES;
        out->bytes.ptr = sqlite3_value_blob(column);
        out->bytes.len = (size_t)sqlite3_value_bytes(column);
    }
    assert(out->bytes.ptr != NULL || out->bytes.len == 0);
}

static enum err step_all(struct sqlite *db, sqlite3_stmt *sql, db_row_f *row, void *self)
{
    struct db_value values[TABLE_COLUMNS_MAX];
    int count = sqlite3_column_count(sql);
    int code = 0;

    assert(count <= TABLE_COLUMNS_MAX);
    while ((code = sqlite3_step(sql)) == SQLITE_ROW) {
        if (row == NULL)
            continue;
        for (int i = 0; i < count; i++)
            read_value(sqlite3_column_value(sql, i), &values[i]);
        enum err err = row(self, values, (size_t)count);
        if (err != OK)
            return err;
    }
    return code == SQLITE_DONE ? OK : fail(db);
}

#define GIVE_ROW "give_row"

static void give_row(sqlite3_context *context, int count, sqlite3_value **columns)
{
    const struct sqlite *db = sqlite3_user_data(context);
    struct db_value values[TABLE_COLUMNS_MAX];
    struct taker *taker = db->taker;

    assert(taker != NULL && count <= TABLE_COLUMNS_MAX);
    for (int i = 0; i < count; i++)
        read_value(columns[i], &values[i]);
    taker->err = taker->row(taker->self, values, (size_t)count);
}

static enum err step_given(struct sqlite *db, sqlite3_stmt *sql, db_row_f *row, void *self)
{
    struct taker taker = { .row = row, .self = self, .outer = db->taker };
    int code = SQLITE_ROW;

    db->taker = &taker;
    while (code == SQLITE_ROW && taker.err == OK)
        code = sqlite3_step(sql);
    db->taker = taker.outer;
    if (taker.err != OK)
        return taker.err;
    return code == SQLITE_DONE ? OK : fail(db);
}

/* Before a reader tells what it read: a writer of this process may have committed it and not have
 * flushed yet. A snapshot is as of its first query. */
static enum err await_disk(struct sqlite *db)
{
    bool in_snapshot = db->transaction != TRANSACTION_NONE;

    if (db->flush == NULL || db->access != DB_READ || (in_snapshot && db->may_tell))
        return OK;
    if (!wal_flush_await(db->flush)) {
        say(db, "What was read of %s is not on the disk.", db->path);
        return fail_here(db);
    }
    db->may_tell = in_snapshot;
    return OK;
}

/* With what is bound. */
static enum err run_bound(struct sqlite *db, struct statement *statement, db_row_f *row, void *self)
{
    sqlite3_stmt *prepared = statement->prepared;

    statement->running = true;
    enum err err = statement->what.give ? step_given(db, prepared, row, self)
                                        : step_all(db, prepared, row, self);
    sqlite3_reset(prepared);
    statement->running = false;
    if (row != NULL && await_disk(db) != OK)
        err = ERR_STORE;
    sqlite_log_note(&db->log);
    return err;
}

static enum err run(struct sqlite *db, struct statement *statement, const struct db_value *args,
                    size_t arg_count, db_row_f *row, void *self)
{
    assert(arg_count == statement->arg_count);
    for (size_t i = 0; i < arg_count; i++) {
        if (bind(statement->prepared, statement->places[i], &args[i]) != SQLITE_OK)
            return fail(db);
    }
    return run_bound(db, statement, row, self);
}

static enum err sqlite_query(struct db *db, const char *sql, const struct db_value *args,
                             size_t arg_count, db_row_f *row, void *self)
{
    struct sqlite *this = sqlite_of(db);
    struct statement *statement = NULL;
    const struct sqltext what = { .kind = SQLTEXT_QUERY, .text = sql };
    enum err err = statement_of(this, &what, &statement);

    if (err != OK)
        return err;
    /* One pointer, one text: a buffer that is used again would run the old statement. */
    assert(strcmp(sqlite3_sql(statement->prepared), sql) == 0);
    return run(this, statement, args, arg_count, row, self);
}

static int64_t sqlite_changes(const struct db *db)
{
    return sqlite3_changes64(((const struct sqlite *)(const void *)db)->handle);
}

/* Counted by the page cache: up at each commit of this connection, and when a transaction begins
 * and finds that somebody else has written since the last one. */
static bool sqlite_edition(const struct db *db, uint32_t *out)
{
    const struct sqlite *this = (const struct sqlite *)(const void *)db;

    return sqlite3_file_control(this->handle, "main", SQLITE_FCNTL_DATA_VERSION, out) == SQLITE_OK;
}

static enum err sqlite_script(struct db *db, struct str sql)
{
    struct sqlite *this = sqlite_of(db);
    const char *rest = NULL;

    if (this->transaction == TRANSACTION_FAILED)
        return ERR_STORE;
    for (; sql.len > 0; sql = str_slice(sql, (size_t)(rest - sql.ptr), sql.len)) {
        sqlite3_stmt *statement = NULL;
        if (sqlite3_prepare_v2(this->handle, sql.ptr, (int)sql.len, &statement, &rest))
            return fail(this);
        enum err err = statement ? step_all(this, statement, NULL, NULL) : OK;
        sqlite3_finalize(statement);
        if (err != OK)
            return err;
    }
    return OK;
}

/* Transactions. */

static enum err sqlite_begin(struct db *db)
{
    struct sqlite *this = sqlite_of(db);
    /* A writer takes the lock at once: a reader that turns writer could fail half-way. */
    const char *sql = this->access == DB_WRITE ? "BEGIN IMMEDIATE" : "BEGIN";

    assert(this->transaction == TRANSACTION_NONE);
    enum err err = sqlite_query(db, sql, NULL, 0, NULL, NULL);
    if (err == OK)
        this->transaction = TRANSACTION_OPEN;
    this->may_tell = false;
    return err;
}

static enum err sqlite_commit(struct db *db)
{
    struct sqlite *this = sqlite_of(db);

    assert(this->transaction != TRANSACTION_NONE);
    enum err err = sqlite_query(db, "COMMIT", NULL, 0, NULL, NULL);
    if (err == OK)
        this->transaction = TRANSACTION_NONE;
    return err;
}

static enum err sqlite_commit_later(struct db *db)
{
    struct sqlite *this = sqlite_of(db);

    if (this->flush == NULL)
        return sqlite_commit(db);
    uint64_t commit = sqlite_log_put_off(&this->log);
    enum err err = sqlite_commit(db);
    sqlite_log_made(&this->log, commit);
    return err;
}

static enum err sqlite_flush(struct db *db)
{
    return sqlite_log_flush(&sqlite_of(db)->log);
}

static void sqlite_step(struct db *db)
{
    sqlite_log_step(&sqlite_of(db)->log);
}

static void sqlite_rollback(struct db *db)
{
    struct sqlite *this = sqlite_of(db);

    this->may_tell = false;
    this->transaction = TRANSACTION_NONE;    /* every read ends here: prepared, if it can be */
    if (!sqlite3_get_autocommit(this->handle) && sqlite_query(db, "ROLLBACK", NULL, 0, NULL, NULL))
        sqlite3_exec(this->handle, "ROLLBACK", NULL, NULL, NULL);
    assert(sqlite3_get_autocommit(this->handle));
}

/* Rows of tables. */

static enum err write_some(struct sqlite *db, const struct sqltext *what,
                           const struct column *const *columns, size_t width,
                           const void *const *rows)
{
    struct statement *statement = NULL;
    enum err err = statement_of(db, what, &statement);
    int place = 0;

    if (err != OK)
        return err;
    for (size_t i = 0; i < what->rows * width; i++) {
        struct db_value value = codec_value(columns[i % width], rows[i / width]);
        if (bind(statement->prepared, ++place, &value) != SQLITE_OK)
            return fail(db);
    }
    return run_bound(db, statement, NULL, NULL);
}

static enum err sqlite_write(struct db *db, enum db_write write, const struct table *table,
                             const void *const *rows, size_t count, bool *changed)
{
    struct sqlite *this = sqlite_of(db);
    struct sqltext what = { .kind = SQLTEXT_WRITE, .write = write, .table = table };
    const struct column *columns[TABLE_COLUMNS_MAX];
    size_t width = sqltext_columns(&what, columns);
    enum err err = OK;

    for (size_t done = 0; err == OK && done < count; done += what.rows) {
        what.rows = sqltext_rows_at_once(write, count - done);
        err = write_some(this, &what, columns, width, rows + done);
        bool found = sqlite3_changes64(this->handle) > 0;
        if (err == OK && changed != NULL)
            changed[done] = found;
        if (err == OK && !found && write == WRITE_UPDATE) {
            say(this, "A row of %s is not there to be updated.", table->name);
            err = fail_here(this);
        }
    }
    return err;
}

static enum err read_rows(struct sqlite *db, struct statement *statement,
                          const struct db_value *args, size_t arg_count,
                          struct codec_loader *loader)
{
    enum err err = run(db, statement, args, arg_count, codec_load_row, loader);

    if (loader->damaged) {
        say(db,
            "A row of %s in %s cannot be what purser wrote: the file is damaged or was "
            "edited. Restore a backup.",
            loader->table->name, db->path);
        return fail_here(db);
    }
    return err;
}

/* No row locks: the write transaction has the whole file. */
static enum err sqlite_load(struct db *db, const struct table *table, const char *column,
                            const struct id *ids, size_t count, const char *and_where, bool lock,
                            struct arena *arena, db_load_f *load, void *self)
{
    struct sqlite *this = sqlite_of(db);
    struct codec_loader loader = { .table = table, .arena = arena, .load = load, .self = self };
    struct statement *statement = NULL;
    struct sqltext what = {
        .kind = SQLTEXT_LOAD, .table = table, .text = column, .and_where = and_where,
        .give = GIVE_ROW,
    };
    enum err err = OK;

    assert(!lock || this->transaction != TRANSACTION_NONE);
    for (size_t done = 0; err == OK && done < count; done += what.rows) {
        struct db_value args[SQLTEXT_IDS_MAX] = { 0 };
        what.rows = sqltext_ids_at_once(count - done);
        for (size_t i = 0; i < what.rows && done + i < count; i++)
            args[i] = DB_ID(ids[done + i]);
        err = statement_of(this, &what, &statement);
        if (err == OK)
            err = read_rows(this, statement, args, what.rows, &loader);
    }
    return err;
}

static enum err sqlite_select(struct db *db, const struct table *table, const char *where,
                              const struct db_value *args, size_t arg_count, struct arena *arena,
                              db_load_f *load, void *self)
{
    struct sqlite *this = sqlite_of(db);
    struct codec_loader loader = { .table = table, .arena = arena, .load = load, .self = self };
    struct statement *statement = NULL;
    const struct sqltext what = { .kind = SQLTEXT_SELECT, .table = table, .text = where };
    enum err err = statement_of(this, &what, &statement);

    return err == OK ? read_rows(this, statement, args, arg_count, &loader) : err;
}

static enum err sqlite_now(struct db *db, int64_t *out_ms)
{
    *out_ms = outside_now_ms(sqlite_of(db)->outside);
    return OK;
}

/* Opening and closing. */

static enum err open_handle(struct sqlite *db, enum db_access access, sqlite3 **out)
{
    int flags = access == DB_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    const char *files = db->outside->files;
    if (access == DB_WRITE && db->durable)
        files = sqlite_vfs_name();
    int code = sqlite3_open_v2(db->path, out, flags | SQLITE_OPEN_NOMUTEX, files);

    if (code == SQLITE_OK) {
        if (files != db->outside->files)
            sqlite_vfs_watch(*out);
        sqlite3_busy_timeout(*out, SQLITE_BUSY_MS);
        return OK;
    }
    say(db, "%s cannot be opened: %s.", db->path, sqlite3_errmsg(*out));
    return ERR_STORE;
}

/* Whoever turns a new file's journal into a log, or is the last to leave it, locks the file for a
 * moment in a way at which SQLite gives up at once, however long it was told to wait. So the
 * waiting is done here. */
static enum err script_in_turn(struct sqlite *db, struct str sql)
{
    int left = SQLITE_BUSY_MS / BUSY_GAP_MS;
    enum err err;

    sqlite3_busy_timeout(db->handle, 0);
    while ((err = sqlite_script(&db->db, sql)) == ERR_STORE_BUSY && left-- > 0)
        usleep(1000 * BUSY_GAP_MS);
    sqlite3_busy_timeout(db->handle, SQLITE_BUSY_MS);
    return err;
}

static int cache_kib(const struct sqlite *db)
{
    if (db->access == DB_READ)
        return READER_CACHE_KIB;
    return db->durable ? WRITER_CACHE_KIB : LEDGER_CACHE_KIB;
}

/* The first statement also reads the file, so that a damaged one is found here. */
static enum err set_up(struct sqlite *db)
{
    static const int function_flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    char text[512];
    struct buf sql;

    if (sqlite3_create_function_v2(db->handle, GIVE_ROW, -1, function_flags, db, give_row, NULL,
                                   NULL, NULL) != SQLITE_OK)
        return fail(db);
    buf_fixed(&sql, text, sizeof text);
    if (db->access == DB_WRITE) {
        buf_addf(&sql, "PRAGMA page_size = %d; PRAGMA journal_mode = WAL;", PAGE_BYTES);
        buf_addf(&sql, "PRAGMA journal_size_limit = %d; PRAGMA synchronous = %s;",
                 PAGE_BYTES * WAL_PAGES_KEPT, db->durable ? "FULL" : "OFF");
    }
    buf_addf(&sql, "PRAGMA cache_size = -%d;", cache_kib(db));
    buf_add_c(&sql, "PRAGMA foreign_keys = OFF; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
                    "PRAGMA secure_delete = ON; SELECT count(*) FROM sqlite_schema;");
    assert(buf_ok(&sql));
    return script_in_turn(db, buf_str(&sql));
}

static enum err start_log(struct sqlite *db)
{
    sqlite3 *copier = NULL;
    enum err err = open_handle(db, DB_WRITE, &copier);

    if (err != OK) {
        sqlite3_close(copier);
        return err;
    }
    if (sqlite_log_start(&db->log, db->handle, copier, db->flush, db->outside->files != NULL))
        return OK;
    say(db, "The system gives no thread for %s: raise the limit of processes.", db->path);
    return ERR_STORE;
}

static void sqlite_close(struct db *db)
{
    struct sqlite *this = sqlite_of(db);

    sqlite_log_stop(&this->log);
    if (this->handle != NULL)
        sqlite_rollback(db);
    statements_done(&this->statements, finish_statement);
    if (this->handle != NULL && this->access == DB_WRITE)
        sqlite_log_end(&this->log, this->handle);
    int code = sqlite3_close(this->handle);
    assert(code == SQLITE_OK);
    wal_flush_leave(this->flush);
}

/* Counting memory takes a lock at every allocation, shared by all connections. */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum err sqlite_open(const struct db_config *config, struct arena *arena, struct db **out,
                            struct str *why)
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    const char *dir = str_c(arena, config->where);
    const char *path = str_format(arena, "%s/%.*s", dir, STR_ARG(config->file)).ptr;
    struct sqlite *db = ARENA_NEW(arena, struct sqlite);
    const char *files = config->outside->files;
    enum err err = files ? OK : data_dir_file(dir, path, config->create, arena, why);

    if (err != OK)
        return err;
    pthread_once(&configured, configure);
    *db = (struct sqlite){ .db = { .driver = &db_driver_sqlite },
                           .outside = config->outside,
                           .path = path,
                           .access = config->access,
                           .durable = config->durable };
    if (db->access == DB_READ || db->durable)
        db->flush = wal_flush_of(path);
    err = open_handle(db, config->access, &db->handle);
    if (err == OK)
        err = set_up(db);
    if (err == OK && db->access == DB_WRITE && db->durable)
        err = start_log(db);
    if (err == OK) {
        *out = &db->db;
        return OK;
    }
    *why = str_copy(arena, sqlite_error(&db->db));
    sqlite_close(&db->db);
    return err;
}

const struct db_driver db_driver_sqlite = {
    .engine = "sqlite",
    .prefix = "sqlite:",
    .shared = false,
    .column_types = {
        [COLUMN_ID] = "BLOB", [COLUMN_INT] = "INTEGER", [COLUMN_BOOL] = "INTEGER",
        [COLUMN_TIME] = "INTEGER", [COLUMN_TEXT] = "TEXT", [COLUMN_HASH] = "BLOB",
        [COLUMN_WORD] = "TEXT", [COLUMN_CURRENCY] = "TEXT",
    },
    /* Not WITHOUT ROWID: rows of 500 bytes inside a tree of keys made a payment cost a fifth
     * more, and loading by index follows a number instead of a key. */
    .table_suffix = " STRICT",
    .has_table_sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1",
    .verify_sql = "PRAGMA quick_check(1)",
    .open = sqlite_open,
    .close = sqlite_close,
    .lock_serving = data_dir_lock,
    .unlock_serving = data_dir_unlock,
    .error = sqlite_error,
    .now = sqlite_now,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .commit_later = sqlite_commit_later,
    .flush = sqlite_flush,
    .step = sqlite_step,
    .rollback = sqlite_rollback,
    .query = sqlite_query,
    .changes = sqlite_changes,
    .edition = sqlite_edition,
    .script = sqlite_script,
    .write = sqlite_write,
    .load = sqlite_load,
    .select = sqlite_select,
};
