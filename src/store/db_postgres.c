/* db_postgres.c - the books in a PostgreSQL database, in the first schema of the search path.
 *
 * All rows of a table go in one statement, as arrays of its columns (pg_sql.h), and a statement
 * that gives no rows back is sent and not waited for (pg_session.h): a batch of any size costs
 * as many round trips as it loads tables, one for its numbers and one for its commit. */
#include <assert.h>

#include "store/db_driver.h"
#include "store/pg_hints.h"
#include "store/pg_session.h"
#include "store/pg_sql.h"

struct postgres {
    struct db db;
    struct pg_session *session;
    struct arena scratch;        /* of one call, until its statement is sent */
    int64_t changes;
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
    return pg_session_commit(postgres_of(db)->session);
}

static void postgres_rollback(struct db *db)
{
    pg_session_rollback(postgres_of(db)->session);
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

static enum err take_now(void *self, const struct db_value *values, size_t count)
{
    assert(count == 1);
    *(int64_t *)self = values[0].number;
    return OK;
}

#define NOW_SQL "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

static enum err postgres_now(struct db *db, int64_t *out_ms)
{
    return postgres_query(db, "SELECT " NOW_SQL, NULL, 0, take_now, out_ms);
}

/* Rows of tables. */

/* What all rows of a write are, as one array per column. */
static struct pg_params arrays_of(struct postgres *db, const struct sqltext *what,
                                  const void *const *rows, size_t count)
{
    const struct column *columns[TABLE_COLUMNS_MAX];
    size_t width = sqltext_columns(what, columns);
    struct db_value *args = arena_array(&db->scratch, count, width * sizeof *args);
    struct pg_param *params = ARENA_ARRAY(&db->scratch, struct pg_param, width);

    for (size_t i = 0; i < count * width; i++)
        args[i] = codec_value(columns[i % width], rows[i / width]);
    for (size_t i = 0; i < width; i++)
        params[i] = pg_param_array(columns[i], args + i, width, count, &db->scratch);
    return (struct pg_params){ params, width, ERR_STORE };
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

static enum err postgres_write(struct db *db, enum db_write write, const struct table *table,
                               const void *const *rows, size_t count, bool *changed)
{
    struct postgres *this = postgres_of(db);
    const struct sqltext what = { .kind = SQLTEXT_WRITE, .write = write, .table = table };
    const struct pg_params params = arrays_of(this, &what, rows, count);

    if (write == WRITE_INSERT_NEW)
        return insert_new(this, &what, &params, rows, count, changed);
    enum err err = pg_session_send(this->session, &what, &params);
    arena_reset(&this->scratch);
    return err;
}

static enum err read_rows(struct postgres *db, const struct sqltext *what,
                          const struct pg_params *params, struct codec_loader *loader)
{
    enum err err = ask(db, what, params, codec_load_row, loader);

    if (loader->damaged)
        return pg_session_fail(db->session,
                               "A row of %s cannot be what purser wrote: the database was edited. "
                               "Restore a backup.",
                               loader->table->name);
    return err;
}

static void find_bounds(const struct id *ids, size_t count, struct id bounds[2])
{
    bounds[0] = bounds[1] = ids[0];
    for (size_t i = 1; i < count; i++) {
        if (id_compare(ids[i], bounds[0]) < 0)
            bounds[0] = ids[i];
        if (id_compare(ids[i], bounds[1]) > 0)
            bounds[1] = ids[i];
    }
}

static enum err postgres_load(struct db *db, const struct table *table, const char *column,
                              const struct id *ids, size_t count, const char *and_where, bool lock,
                              struct arena *arena, db_load_f *load, void *self)
{
    struct postgres *this = postgres_of(db);
    struct codec_loader loader = { .table = table, .arena = arena, .load = load, .self = self };
    const struct sqltext what = {
        .kind = SQLTEXT_LOAD, .table = table, .text = column, .and_where = and_where, .lock = lock,
    };
    struct id bounds[2];
    struct pg_param given[3] = { pg_param_ids(ids, count, &this->scratch) };
    const struct pg_params params = { given, pg_sql_is_bounded(&what) ? 3 : 1, OK };

    find_bounds(ids, count, bounds);
    for (int i = 0; i < 2; i++)
        given[1 + i] = (struct pg_param){ PG_UUID, (const char *)bounds[i].bytes,
                                          sizeof bounds[i].bytes };
    assert(!lock || pg_session_is_open(this->session));
    return read_rows(this, &what, &params, &loader);
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
    .rollback = postgres_rollback,
    .query = postgres_query,
    .require = postgres_require,
    .changes = postgres_changes,
    .script = postgres_script,
    .write = postgres_write,
    .load = postgres_load,
    .select = postgres_select,
};
