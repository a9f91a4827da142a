/* db_postgres.c - the books in a PostgreSQL database, in the first schema of the search path.
 *
 * All rows of a table go in one statement, as arrays of its columns (pg_sql.h), and a statement
 * that gives no rows back, or gives them later (db_later.h), is sent and not waited for
 * (pg_session.h): a batch of any size costs one or two round trips for what it loads and one for
 * its commit, and one for its numbers where somebody here has to know them. */
#include <assert.h>
#include <string.h>

#include "store/db_driver.h"
#include "store/db_later.h"
#include "store/pg_hints.h"
#include "store/pg_session.h"
#include "store/pg_sql.h"

/* Rows that were asked for and not waited for. */
struct later {
    struct pg_answer answer;
    struct codec_loader loader;  /* without a table: of no whole rows */
    db_row_f *row;
    void *self;
};
#define LATER_MAX 32

struct postgres {
    struct db db;
    struct pg_session *session;
    struct arena scratch;        /* of one call, until its statement is sent */
    int64_t changes;
    struct later later[LATER_MAX];
    size_t later_count;
};

static struct postgres *postgres_of(struct db *db)
{
    return (struct postgres *)(void *)db;
}

static struct str postgres_error(const struct db *db)
{
    return pg_session_error(((const struct postgres *)(const void *)db)->session);
}

static enum err postgres_begin(struct db *db)
{
    return pg_session_begin(postgres_of(db)->session);
}

static enum err postgres_commit(struct db *db)
{
    assert(postgres_of(db)->later_count == 0);
    return pg_session_commit(postgres_of(db)->session);
}

static enum err postgres_commit_with_next(struct db *db)
{
    assert(postgres_of(db)->later_count == 0);
    return pg_session_commit_with_next(postgres_of(db)->session);
}

static void forget_later(struct postgres *db)
{
    for (size_t i = 0; i < db->later_count; i++)
        pg_answer_done(&db->later[i].answer);
    db->later_count = 0;
}

static void postgres_rollback(struct db *db)
{
    pg_session_rollback(postgres_of(db)->session);
    forget_later(postgres_of(db));
}

/* Queries. */

static enum err deliver(const struct pg_answer *answer, db_row_f *row, void *self)
{
    struct db_value values[TABLE_COLUMNS_MAX];
    enum err err = OK;

    assert(answer->column_count <= TABLE_COLUMNS_MAX);
    for (size_t i = 0; err == OK && row != NULL && i < answer->row_count; i++) {
        for (size_t j = 0; j < answer->column_count; j++)
            values[j] = pg_answer_value(answer, i, j);
        err = row(self, values, answer->column_count);
    }
    return err;
}

/* The answer is kept apart from the session, so that a row function may query. */
static enum err ask(struct postgres *db, const struct sqltext *what, const struct pg_params *params,
                    db_row_f *row, void *self)
{
    struct pg_answer answer;
    enum err err = pg_session_ask(db->session, what, params, &answer);

    arena_reset(&db->scratch);
    db->changes = answer.changed;
    if (err == OK)
        err = deliver(&answer, row, self);
    pg_answer_done(&answer);
    return err;
}

static struct pg_params params_of(struct postgres *db, const struct db_value *args, size_t count)
{
    struct pg_param *params = ARENA_ARRAY(&db->scratch, struct pg_param, count);
    char(*numbers)[8] = arena_array(&db->scratch, count, sizeof *numbers);

    for (size_t i = 0; i < count; i++)
        params[i] = pg_param_of(&args[i], numbers[i]);
    return (struct pg_params){ params, count, OK };
}

static enum err postgres_query(struct db *db, const char *sql, const struct db_value *args,
                               size_t arg_count, db_row_f *row, void *self)
{
    struct postgres *this = postgres_of(db);
    const struct sqltext what = { .kind = SQLTEXT_QUERY, .text = sql };
    const struct pg_params params = params_of(this, args, arg_count);

    return ask(this, &what, &params, row, self);
}

static enum err postgres_require(struct db *db, const char *sql, const struct db_value *args,
                                 size_t arg_count, enum err otherwise)
{
    struct postgres *this = postgres_of(db);
    const struct sqltext what = { .kind = SQLTEXT_REQUIRE, .text = sql };
    struct pg_params params = params_of(this, args, arg_count);

    params.otherwise = otherwise;
    enum err err = pg_session_send(this->session, &what, &params);
    arena_reset(&this->scratch);
    return err;
}

static int64_t postgres_changes(const struct db *db)
{
    return ((const struct postgres *)(const void *)db)->changes;
}

static enum err postgres_script(struct db *db, struct str sql)
{
    return pg_session_script(postgres_of(db)->session, sql);
}

static enum err take_number(void *self, const struct db_value *values, size_t count)
{
    assert(count == 1);
    *(int64_t *)self = values[0].number;
    return OK;
}

#define NOW_SQL "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

static const char now_query[] = "SELECT " NOW_SQL;

static enum err postgres_now(struct db *db, int64_t *out_ms)
{
    return postgres_query(db, now_query, NULL, 0, take_number, out_ms);
}

/* Rows of tables. */

/* The lowest and the highest, as two params. */
static void add_bounds(struct pg_params *params, struct pg_param *items, const struct id *ids,
                       size_t count)
{
    const struct id *bounds[2] = { ids, ids };

    for (size_t i = 1; i < count; i++) {
        if (id_compare(ids[i], *bounds[0]) < 0)
            bounds[0] = &ids[i];
        if (id_compare(ids[i], *bounds[1]) > 0)
            bounds[1] = &ids[i];
    }
    for (int i = 0; i < 2; i++)
        items[params->count++] = (struct pg_param){ PG_UUID, (const char *)bounds[i]->bytes,
                                                    sizeof bounds[i]->bytes };
}

/* What all rows of a write are, as one array per column. */
static struct pg_params arrays_of(struct postgres *db, const struct sqltext *what,
                                  const void *const *rows, size_t count)
{
    const struct column *columns[TABLE_COLUMNS_MAX];
    const struct column *period = pg_sql_period(what);
    size_t width = sqltext_columns(what, columns);
    struct db_value *args = arena_array(&db->scratch, count, width * sizeof *args);
    struct pg_param *items = ARENA_ARRAY(&db->scratch, struct pg_param, width + 2);
    struct pg_params params = { items, width, ERR_STORE };

    for (size_t i = 0; i < count * width; i++)
        args[i] = codec_value(columns[i % width], rows[i / width]);
    for (size_t i = 0; i < width; i++)
        items[i] = pg_param_array(columns[i], args + i, width, count, &db->scratch);
    if (period != NULL) {
        struct id *ids = ARENA_ARRAY(&db->scratch, struct id, count);
        for (size_t i = 0; i < count; i++)
            ids[i] = *(const struct id *)((const char *)rows[i] + period->offset);
        add_bounds(&params, items, ids, count);
    }
    return params;
}

/* Rows of which the keys came back are those that are new. */
struct marking {
    const struct table *table;
    const void *const *rows;
    size_t count;
    bool *changed;
};

static bool is_same(const struct db_value *a, const struct db_value *b)
{
    return a->type == b->type && a->number == b->number && str_equal(a->bytes, b->bytes);
}

static enum err mark(void *self, const struct db_value *key, size_t key_count)
{
    const struct marking *marking = self;
    struct db_value values[TABLE_COLUMNS_MAX];

    for (size_t i = 0; i < marking->count; i++) {
        size_t same = 0;
        codec_values(marking->table, marking->rows[i], values);
        while (same < key_count && is_same(&values[same], &key[same]))
            same++;
        if (same < key_count || marking->changed[i])
            continue;
        marking->changed[i] = true;
        break;
    }
    return OK;
}

static enum err insert_new(struct postgres *db, const struct sqltext *what,
                           const struct pg_params *params, const void *const *rows, size_t count,
                           bool *changed)
{
    struct marking marking = { what->table, rows, count, changed };

    for (size_t i = 0; i < count; i++)
        changed[i] = false;
    return ask(db, what, params, mark, &marking);
}

/* To find an item of an array of texts the server goes through those before it, so more rows than
 * a batch mostly has of a table are written piece by piece. */
#define ROWS_AT_ONCE 256

/* The rows' arrays, the counter's name and how many there are. `number` is room for that. */
static struct pg_params numbered(struct postgres *db, const struct sqltext *what,
                                 const void *const *rows, size_t count, const char *name,
                                 char number[8])
{
    const struct db_value counter = DB_STR(str_of(name)), many = DB_NUMBER((int64_t)count);
    const struct pg_params arrays = arrays_of(db, what, rows, count);
    struct pg_param *items = ARENA_ARRAY(&db->scratch, struct pg_param, arrays.count + 2);

    memcpy(items, arrays.items, arrays.count * sizeof *items);
    items[arrays.count] = pg_param_of(&counter, number);
    items[arrays.count + 1] = pg_param_of(&many, number);
    return (struct pg_params){ items, arrays.count + 2, ERR_STORE };
}

/* The numbers of all pieces are in a row: the first holds the counter. */
static enum err postgres_insert_numbered(struct db *db, const struct table *table,
                                         const void *const *rows, size_t count, const char *name,
                                         int64_t *first)
{
    struct postgres *this = postgres_of(db);
    const struct sqltext what = { .kind = SQLTEXT_WRITE, .write = WRITE_INSERT_NUMBERED,
                                  .table = table };
    int64_t before = 0;
    enum err err = OK;

    for (size_t at = 0, piece; err == OK && at < count; at += piece) {
        piece = count - at < ROWS_AT_ONCE ? count - at : ROWS_AT_ONCE;
        char number[8];
        const struct pg_params params = numbered(this, &what, rows + at, piece, name, number);
        err = at == 0 && first != NULL ? ask(this, &what, &params, take_number, &before)
                                       : pg_session_send(this->session, &what, &params);
        arena_reset(&this->scratch);
    }
    if (err == OK && first != NULL)
        *first = before + 1;
    return err;
}

static enum err postgres_write(struct db *db, enum db_write write, const struct table *table,
                               const void *const *rows, size_t count, bool *changed)
{
    struct postgres *this = postgres_of(db);
    const struct sqltext what = { .kind = SQLTEXT_WRITE, .write = write, .table = table };
    enum err err = OK;

    for (size_t at = 0, piece; err == OK && at < count; at += piece) {
        piece = count - at < ROWS_AT_ONCE ? count - at : ROWS_AT_ONCE;
        const struct pg_params params = arrays_of(this, &what, rows + at, piece);
        err = write == WRITE_INSERT_NEW
                  ? insert_new(this, &what, &params, rows + at, piece, changed + at)
                  : pg_session_send(this->session, &what, &params);
        arena_reset(&this->scratch);
    }
    return err;
}

static enum err damaged(struct postgres *db, const struct codec_loader *loader)
{
    return pg_session_fail(db->session,
                           "A row of %s cannot be what purser wrote: the database was edited. "
                           "Restore a backup.",
                           loader->table->name);
}

static enum err read_rows(struct postgres *db, const struct sqltext *what,
                          const struct pg_params *params, struct codec_loader *loader)
{
    enum err err = ask(db, what, params, codec_load_row, loader);

    return loader->damaged ? damaged(db, loader) : err;
}

/* The statement of a load and its parameters, which point into each other. */
struct load {
    struct sqltext what;
    struct pg_param given[3];
    struct pg_params params;
};

static void prepare_load(struct postgres *db, const struct table *table, const char *column,
                         const struct id *ids, size_t count, const char *and_where, bool lock,
                         struct load *out)
{
    assert(!lock || pg_session_is_open(db->session));
    out->what = (struct sqltext){
        .kind = SQLTEXT_LOAD, .table = table, .text = column, .and_where = and_where, .lock = lock,
    };
    out->given[0] = pg_param_ids(ids, count, &db->scratch);
    out->params = (struct pg_params){ out->given, 1, OK };
    if (pg_sql_period(&out->what) != NULL)
        add_bounds(&out->params, out->given, ids, count);
}

static enum err postgres_load(struct db *db, const struct table *table, const char *column,
                              const struct id *ids, size_t count, const char *and_where, bool lock,
                              struct arena *arena, db_load_f *load, void *self)
{
    struct postgres *this = postgres_of(db);
    struct codec_loader loader = { .table = table, .arena = arena, .load = load, .self = self };
    struct load what;

    prepare_load(this, table, column, ids, count, and_where, lock, &what);
    return read_rows(this, &what.what, &what.params, &loader);
}

static enum err postgres_select(struct db *db, const struct table *table, const char *where,
                                const struct db_value *args, size_t arg_count, struct arena *arena,
                                db_load_f *load, void *self)
{
    struct postgres *this = postgres_of(db);
    struct codec_loader loader = { .table = table, .arena = arena, .load = load, .self = self };
    const struct sqltext what = { .kind = SQLTEXT_SELECT, .table = table, .text = where };
    const struct pg_params params = params_of(this, args, arg_count);

    return read_rows(this, &what, &params, &loader);
}

/* What is waited for together. */

static enum err postgres_await(struct db *db)
{
    struct postgres *this = postgres_of(db);
    enum err err = this->later_count > 0 ? pg_session_await(this->session) : OK;

    for (size_t i = 0; err == OK && i < this->later_count; i++) {
        struct later *later = &this->later[i];
        err = deliver(&later->answer, later->row,
                      later->loader.table != NULL ? &later->loader : later->self);
        if (later->loader.damaged)
            err = damaged(this, &later->loader);
    }
    forget_later(this);
    return err;
}

static enum err post(struct postgres *db, const struct sqltext *what,
                     const struct pg_params *params, const struct later *wanted)
{
    /* Those before may always come earlier. */
    enum err err = db->later_count == LATER_MAX ? postgres_await(&db->db) : OK;

    if (err == OK) {
        struct later *later = &db->later[db->later_count++];
        *later = *wanted;
        err = pg_session_post(db->session, what, params, &later->answer);
    }
    arena_reset(&db->scratch);
    return err;
}

static enum err postgres_load_later(struct db *db, const struct table *table, const char *column,
                                    const struct id *ids, size_t count, const char *and_where,
                                    bool lock, struct arena *arena, db_load_f *load, void *self)
{
    struct postgres *this = postgres_of(db);
    const struct later wanted = {
        .loader = { .table = table, .arena = arena, .load = load, .self = self },
        .row = codec_load_row,
    };
    struct load what;

    prepare_load(this, table, column, ids, count, and_where, lock, &what);
    return post(this, &what.what, &what.params, &wanted);
}

static enum err postgres_now_later(struct db *db, int64_t *out_ms)
{
    const struct sqltext what = { .kind = SQLTEXT_QUERY, .text = now_query };
    const struct pg_params none = { 0 };
    const struct later wanted = { .row = take_number, .self = out_ms };

    return post(postgres_of(db), &what, &none, &wanted);
}

/* Opening and closing. */

/* "postgresql://..." is libpq's own way to write it; else "postgresql:" is ours. */
static const char *conninfo_of(struct str where, struct arena *arena)
{
    const char *uri = str_starts_with(where, STR("//")) ? "postgresql:" : "";

    return str_format(arena, "%s%.*s", uri, STR_ARG(where)).ptr;
}

static enum err postgres_open(const struct db_config *config, struct arena *arena, struct db **out,
                              struct str *why)
{
    const struct pg_session_config session = {
        .conninfo = conninfo_of(config->where, arena),
        .outside = config->outside,
        .access = config->access,
        .durable = config->durable,
    };
    struct postgres *db = ARENA_NEW(arena, struct postgres);

    db->db.driver = &db_driver_postgres;
    enum err err = pg_session_open(&session, arena, &db->session, why);
    if (err == OK)
        *out = &db->db;
    return err;
}

static void postgres_close(struct db *db)
{
    struct postgres *this = postgres_of(db);

    pg_session_close(this->session);
    arena_done(&this->scratch);
}

/* Any number of nodes may serve the same books. */
static enum err postgres_lock_serving(struct str where, struct arena *arena,
                                      struct db_serving_lock **out, struct str *why)
{
    (void)where;
    (void)why;
    *out = ARENA_NEW(arena, struct db_serving_lock);
    return OK;
}

static void postgres_unlock_serving(struct db_serving_lock *lock)
{
    (void)lock;
}

static struct hints *postgres_open_hints(struct str where)
{
    struct arena scratch = { 0 };
    struct hints *hints = pg_hints_open(conninfo_of(where, &scratch));

    arena_done(&scratch);
    return hints;
}

const struct db_driver db_driver_postgres = {
    .engine = "postgresql",
    .prefix = "postgresql:",
    .shared = true,
    .one_place = true,
    .column_types = {
        [COLUMN_ID] = "uuid", [COLUMN_INT] = "bigint", [COLUMN_BOOL] = "smallint",
        [COLUMN_TIME] = "bigint", [COLUMN_TEXT] = "text", [COLUMN_HASH] = "bytea",
        [COLUMN_WORD] = "text", [COLUMN_CURRENCY] = "text",
    },
    .table_suffix = "",
    /* A row that is changed finds room beside it, and needs no new entries in the indexes. */
    .room_suffix = " WITH (fillfactor = 60)",
    .has_domains = true,
    .parts_by_period = true,
    .period_tables_sql = "SELECT c.relname::text FROM pg_inherits i"
                         " JOIN pg_class c ON c.oid = i.inhrelid"
                         " WHERE i.inhparent = to_regclass($1)",
    .has_table_sql = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema()"
                     " AND tablename = $1",
    /* Whoever waits here waits for another node's migration, however long that takes. */
    .lock_schema_sql = "SELECT set_config('lock_timeout', '0', true),"
                       " pg_advisory_xact_lock(hashtext('purser ' || current_schema()))",
    .now_sql = NOW_SQL,
    /* The timeline: the first of the three numbers in the name of a file of the log. */
    .history_sql = "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)",
    /* A server that falls, a standby, and a copy that is started begin to count anew. */
    .era_sql = "(SELECT COALESCE(extract(epoch FROM stats_reset) * 1000000, 0)::bigint"
               " FROM pg_stat_wal)",
    .claim_sql = "SELECT place, pg_try_advisory_xact_lock(number::bigint),"
                 " set_config('idle_in_transaction_session_timeout', '10s', true)"
                 " FROM unnest(string_to_array($1, ',')) WITH ORDINALITY AS pieces (number, place)",
    .open = postgres_open,
    .close = postgres_close,
    .lock_serving = postgres_lock_serving,
    .unlock_serving = postgres_unlock_serving,
    .open_hints = postgres_open_hints,
    .error = postgres_error,
    .now = postgres_now,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .commit_with_next = postgres_commit_with_next,
    .rollback = postgres_rollback,
    .query = postgres_query,
    .require = postgres_require,
    .changes = postgres_changes,
    .script = postgres_script,
    .write = postgres_write,
    .load = postgres_load,
    .select = postgres_select,
    .load_later = postgres_load_later,
    .now_later = postgres_now_later,
    .insert_numbered = postgres_insert_numbered,
    .await = postgres_await,
};
