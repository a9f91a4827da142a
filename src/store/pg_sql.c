#include "store/pg_sql.h"

#include <assert.h>
#include <string.h>

/* What a column is in arrays. Numbers are converted when they are stored. */
static const struct {
    enum pg_type item, array;
    const char *name;
} column_arrays[COLUMN_KIND_COUNT] = {
    [COLUMN_ID] = { PG_UUID, PG_UUID_ARRAY, "uuid[]" },
    [COLUMN_INT] = { PG_INT8, PG_INT8_ARRAY, "bigint[]" },
    [COLUMN_BOOL] = { PG_INT8, PG_INT8_ARRAY, "bigint[]" },
    [COLUMN_TIME] = { PG_INT8, PG_INT8_ARRAY, "bigint[]" },
    [COLUMN_TEXT] = { PG_TEXT, PG_TEXT_ARRAY, "text[]" },
    [COLUMN_HASH] = { PG_BYTEA, PG_BYTEA_ARRAY, "bytea[]" },
    [COLUMN_WORD] = { PG_TEXT, PG_TEXT_ARRAY, "text[]" },
    [COLUMN_CURRENCY] = { PG_TEXT, PG_TEXT_ARRAY, "text[]" },
};

#define ARRAY_MAX ((size_t)256 << 20)

/* Statements. */

const struct column *pg_sql_period(const struct sqltext *what)
{
    const struct column *period = what->table != NULL ? table_period(what->table) : NULL;
    bool changes = what->kind == SQLTEXT_WRITE &&
                   (what->write == WRITE_UPDATE || what->write == WRITE_DELETE);
    bool loads = what->kind == SQLTEXT_LOAD && period != NULL &&
                 strcmp(period->name, what->text) == 0;

    return changes || loads ? period : NULL;
}

/* "a, b, c" */
static void write_names(struct buf *out, const struct column *const *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "%s%s", i == 0 ? "" : ", ", columns[i]->name);
}

/* "($2::text[])[i]", the value of a column in the row that is written. */
static void write_item(struct buf *out, const struct column *column, size_t number)
{
    buf_addf(out, "($%zu::%s)[i]", number, column_arrays[column->kind].name);
}

/* A row for each place in the array of a key, which is never NULL. Not unnest of all of them,
 * which sets up a store of 16 KiB for each column: half of what a write of few rows cost. */
static void write_places(struct buf *out, const struct column *const *columns, size_t count)
{
    size_t key = 0;

    while (!column_is_key(columns[key]))
        key++;
    assert(key < count);
    buf_addf(out, "generate_series(1, cardinality($%zu::%s)) AS i", key + 1,
             column_arrays[columns[key]->kind].name);
}

static void write_key_names(struct buf *out, const struct table *table)
{
    for (size_t i = 0; i < table->key_count; i++)
        buf_addf(out, "%s%s", i == 0 ? "" : ", ", table->columns[i].name);
}

/* "INSERT INTO t (a, number) SELECT ($1::text[])[i], before + i FROM ": which row is which is told
 * by i, and if `numbered`, before is the last number that is taken. */
static void write_insert_items(struct buf *out, const struct table *table,
                               const struct column *const *columns, size_t count, bool numbered)
{
    buf_addf(out, "INSERT INTO %s (", table->name);
    write_names(out, columns, count);
    buf_add_c(out, ") SELECT ");
    for (size_t i = 0; i < count; i++) {
        buf_add_c(out, i == 0 ? "" : ", ");
        if (numbered && columns[i] == table_number(table))
            buf_add_c(out, "before + i");
        else
            write_item(out, columns[i], i + 1);
    }
    buf_add_c(out, " FROM ");
}

/* The counter's row is held from here to the commit. */
static void write_insert_numbered(struct buf *out, const struct sqltext *what,
                                  const struct column *const *columns, size_t count)
{
    size_t name = count + 1, many = count + 2;

    buf_addf(out,
             "WITH places AS (INSERT INTO counters (name, value) VALUES ($%zu, $%zu)"
             " ON CONFLICT (name) DO UPDATE SET value = counters.value + $%zu"
             " RETURNING value - $%zu AS before), done AS (",
             name, many, many, many);
    write_insert_items(out, what->table, columns, count, true);
    buf_addf(out, "places, generate_series(1, $%zu::int) AS i) SELECT before FROM places", many);
}

static void write_insert(struct buf *out, const struct sqltext *what,
                         const struct column *const *columns, size_t count)
{
    write_insert_items(out, what->table, columns, count, false);
    write_places(out, columns, count);
    if (what->write == WRITE_INSERT)
        return;
    buf_add_c(out, " ON CONFLICT (");
    write_key_names(out, what->table);
    buf_add_c(out, ") DO NOTHING RETURNING ");
    write_key_names(out, what->table);
}

/* " AND t.a BETWEEN $3 AND $4": arguments from `first` on. */
static void write_bounds(struct buf *out, const struct sqltext *what, size_t first)
{
    const struct column *period = pg_sql_period(what);

    if (period != NULL)
        buf_addf(out, " AND %s.%s BETWEEN $%zu AND $%zu", what->table->name, period->name, first,
                 first + 1);
}

/* Conditions that always hold. The server takes a series for a thousand rows, and for so many it
 * would rather read all that is between two bounds, and compare each with each. For the one row
 * that it expects so it goes by the key. */
static void write_few(struct buf *out, const struct column *key, size_t number)
{
    buf_addf(out, " AND i BETWEEN 1 AND cardinality($%zu::%s) AND i + 0 = i", number,
             column_arrays[key->kind].name);
}

/* " WHERE t.a = ($2::uuid[])[i] AND ..." The last column is a key. */
static void write_match(struct buf *out, const struct sqltext *what,
                        const struct column *const *columns, size_t count)
{
    const char *word = " WHERE ";

    for (size_t i = 0; i < count; i++) {
        if (!column_is_key(columns[i]))
            continue;
        buf_addf(out, "%s%s.%s = ", word, what->table->name, columns[i]->name);
        write_item(out, columns[i], i + 1);
        word = " AND ";
    }
    write_bounds(out, what, count + 1);
    write_few(out, columns[count - 1], count);
}

static void write_update(struct buf *out, const struct sqltext *what,
                         const struct column *const *columns, size_t count)
{
    buf_addf(out, "WITH done AS (UPDATE %s SET ", what->table->name);
    for (size_t i = 0; i < count && !column_is_key(columns[i]); i++) {
        buf_addf(out, "%s%s = ", i == 0 ? "" : ", ", columns[i]->name);
        write_item(out, columns[i], i + 1);
    }
    buf_add_c(out, " FROM ");
    write_places(out, columns, count);
    write_match(out, what, columns, count);
    /* The last one is a key. */
    buf_addf(out, " RETURNING 1) SELECT 1 / (count(*) = cardinality($%zu::%s))::int FROM done",
             count, column_arrays[columns[count - 1]->kind].name);
}

static void write_delete(struct buf *out, const struct sqltext *what,
                         const struct column *const *columns, size_t count)
{
    buf_addf(out, "DELETE FROM %s USING ", what->table->name);
    write_places(out, columns, count);
    write_match(out, what, columns, count);
}

static void write_rows(struct buf *out, const struct sqltext *what)
{
    const struct column *columns[TABLE_COLUMNS_MAX];
    size_t count = sqltext_columns(what, columns);

    switch (what->write) {
    case WRITE_INSERT:
    case WRITE_INSERT_NEW:
        write_insert(out, what, columns, count);
        break;
    case WRITE_INSERT_NUMBERED:
        write_insert_numbered(out, what, columns, count);
        break;
    case WRITE_UPDATE:
        write_update(out, what, columns, count);
        break;
    case WRITE_DELETE:
        write_delete(out, what, columns, count);
        break;
    }
}

/* Rows are locked in the order of their keys, so that two of these never wait in a circle. Those
 * found by anything else are in no order: to sort none costs the server as much as to find it. */
static void write_load(struct buf *out, const struct sqltext *what)
{
    const struct table *table = what->table;

    buf_add_c(out, "SELECT ");
    for (size_t i = 0; i < table->column_count; i++)
        buf_addf(out, "%s%s", i == 0 ? "" : ", ", table->columns[i].name);
    buf_addf(out, " FROM %s WHERE %s = ANY ($1)", table->name, what->text);
    write_bounds(out, what, 2);
    if (what->and_where != NULL)
        buf_addf(out, " AND (%s)", what->and_where);
    if (what->lock || strcmp(what->text, table->columns[0].name) == 0) {
        buf_add_c(out, " ORDER BY ");
        write_key_names(out, table);
    }
    if (what->lock)
        buf_add_c(out, " FOR UPDATE");
}

void pg_sql_write(struct buf *out, const struct sqltext *what)
{
    switch (what->kind) {
    case SQLTEXT_QUERY:
    case SQLTEXT_SELECT:
        sqltext_write(out, what);
        break;
    case SQLTEXT_WRITE:
        write_rows(out, what);
        break;
    case SQLTEXT_LOAD:
        write_load(out, what);
        break;
    case SQLTEXT_REQUIRE:
        buf_addf(out, "WITH done AS (%s RETURNING 1) SELECT 1 / count(*) FROM done", what->text);
        break;
    }
}

/* Values. */

static void write_be(char *out, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(unsigned char)(number >> 8 * (size - 1 - i));
}

static void add_be32(struct buf *out, uint32_t number)
{
    char bytes[4];

    write_be(bytes, number, sizeof bytes);
    buf_add_bytes(out, bytes, sizeof bytes);
}

/* Empty, but not NULL. */
static struct pg_param bytes_param(enum pg_type type, struct str bytes)
{
    return (struct pg_param){ type, bytes.ptr != NULL ? bytes.ptr : "", bytes.len };
}

struct pg_param pg_param_of(const struct db_value *value, char bytes[8])
{
    switch (value->type) {
    case DB_INT:
        write_be(bytes, (uint64_t)value->number, 8);
        return (struct pg_param){ PG_INT8, bytes, 8 };
    case DB_TEXT:
        return bytes_param(PG_TEXT, value->bytes);
    case DB_BYTES:
        /* Of all that purser keeps as bytes, ids have this length and nothing else has it. */
        return bytes_param(value->bytes.len == sizeof(struct id) ? PG_UUID : PG_BYTEA,
                           value->bytes);
    case DB_NULL:
        break;
    }
    return (struct pg_param){ PG_UNKNOWN, NULL, 0 };
}

/* One dimension, counted from 1. */
static void begin_array(struct buf *out, enum pg_type item, bool has_null, size_t count)
{
    add_be32(out, 1);
    add_be32(out, has_null);
    add_be32(out, (uint32_t)item);
    add_be32(out, (uint32_t)count);
    add_be32(out, 1);
}

static void add_item(struct buf *out, const struct db_value *value)
{
    char bytes[8];
    struct pg_param param = pg_param_of(value, bytes);

    add_be32(out, param.bytes != NULL ? (uint32_t)param.len : UINT32_MAX);
    if (param.bytes != NULL)
        buf_add_bytes(out, param.bytes, param.len);
}

static struct pg_param end_array(const struct buf *array, enum pg_type type)
{
    assert(buf_ok(array));
    return bytes_param(type, buf_str(array));
}

struct pg_param pg_param_array(const struct column *column, const struct db_value *values,
                               size_t stride, size_t count, struct arena *arena)
{
    size_t nulls = 0;
    struct buf array;

    assert(count > 0 && count <= INT32_MAX);
    for (size_t i = 0; i < count; i++)
        nulls += values[i * stride].type == DB_NULL;
    if (nulls == count)
        return (struct pg_param){ column_arrays[column->kind].array, NULL, 0 };
    buf_init(&array, arena, ARRAY_MAX);
    begin_array(&array, column_arrays[column->kind].item, nulls > 0, count);
    for (size_t i = 0; i < count; i++)
        add_item(&array, &values[i * stride]);
    return end_array(&array, column_arrays[column->kind].array);
}

struct pg_param pg_param_ids(const struct id *ids, size_t count, struct arena *arena)
{
    struct buf array;

    assert(count > 0 && count <= INT32_MAX);
    buf_init(&array, arena, ARRAY_MAX);
    begin_array(&array, PG_UUID, false, count);
    for (size_t i = 0; i < count; i++) {
        struct db_value value = DB_ID(ids[i]);
        add_item(&array, &value);
    }
    return end_array(&array, PG_UUID_ARRAY);
}
