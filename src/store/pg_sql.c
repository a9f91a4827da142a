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

/* "a, b, c" */
static void write_names(struct buf *out, const struct column *const *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "%s%s", i == 0 ? "" : ", ", columns[i]->name);
}

/* "unnest($1::uuid[], $2::text[])" */
static void write_unnest(struct buf *out, const struct column *const *columns, size_t count)
{
    buf_add_c(out, "unnest(");
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "%s$%zu::%s", i == 0 ? "" : ", ", i + 1,
                 column_arrays[columns[i]->kind].name);
    buf_add_char(out, ')');
}

static void write_key_names(struct buf *out, const struct table *table)
{
    for (size_t i = 0; i < table->key_count; i++)
        buf_addf(out, "%s%s", i == 0 ? "" : ", ", table->columns[i].name);
}

static void write_insert(struct buf *out, const struct sqltext *what,
                         const struct column *const *columns, size_t count)
{
    buf_addf(out, "INSERT INTO %s (", what->table->name);
    write_names(out, columns, count);
    buf_add_c(out, ") SELECT * FROM ");
    write_unnest(out, columns, count);
    if (what->write == WRITE_INSERT)
        return;
    buf_add_c(out, " ON CONFLICT (");
    write_key_names(out, what->table);
    buf_add_c(out, ") DO NOTHING RETURNING ");
    write_key_names(out, what->table);
}

/* "AS v (a, b) WHERE t.a = v.a AND ..." */
static void write_match(struct buf *out, const struct table *table,
                        const struct column *const *columns, size_t count)
{
    buf_add_c(out, " AS v (");
    write_names(out, columns, count);
    buf_add_c(out, ") WHERE ");
    for (size_t i = 0; i < table->key_count; i++) {
        const char *name = table->columns[i].name;
        buf_addf(out, "%s%s.%s = v.%s", i == 0 ? "" : " AND ", table->name, name, name);
    }
}

static void write_update(struct buf *out, const struct table *table,
                         const struct column *const *columns, size_t count)
{
    buf_addf(out, "WITH done AS (UPDATE %s SET ", table->name);
    for (size_t i = 0; i + table->key_count < count; i++)
        buf_addf(out, "%s%s = v.%s", i == 0 ? "" : ", ", columns[i]->name, columns[i]->name);
    buf_add_c(out, " FROM ");
    write_unnest(out, columns, count);
    write_match(out, table, columns, count);
    buf_add_c(out, " RETURNING 1) SELECT 1 / (count(*) = cardinality($1))::int FROM done");
}

static void write_delete(struct buf *out, const struct table *table,
                         const struct column *const *columns, size_t count)
{
    buf_addf(out, "DELETE FROM %s USING ", table->name);
    write_unnest(out, columns, count);
    write_match(out, table, columns, count);
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
    case WRITE_UPDATE:
        write_update(out, what->table, columns, count);
        break;
    case WRITE_DELETE:
        write_delete(out, what->table, columns, count);
        break;
    }
}

bool pg_sql_is_bounded(const struct sqltext *what)
{
    const struct column *period = table_period(what->table);

    return period != NULL && strcmp(period->name, what->text) == 0;
}

/* Rows are locked in the order of their keys, so that two of these never wait in a circle. */
static void write_load(struct buf *out, const struct sqltext *what)
{
    const struct table *table = what->table;

    buf_add_c(out, "SELECT ");
    for (size_t i = 0; i < table->column_count; i++)
        buf_addf(out, "%s%s", i == 0 ? "" : ", ", table->columns[i].name);
    buf_addf(out, " FROM %s WHERE %s = ANY ($1)", table->name, what->text);
    /* The server does not look into an array for the months to read. */
    if (pg_sql_is_bounded(what))
        buf_addf(out, " AND %s BETWEEN $2 AND $3", what->text);
    if (what->and_where != NULL)
        buf_addf(out, " AND (%s)", what->and_where);
    buf_add_c(out, " ORDER BY ");
    write_key_names(out, table);
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
    bool has_null = false;
    struct buf array;

    assert(count > 0 && count <= INT32_MAX);
    for (size_t i = 0; i < count; i++)
        has_null = has_null || values[i * stride].type == DB_NULL;
    buf_init(&array, arena, ARRAY_MAX);
    begin_array(&array, column_arrays[column->kind].item, has_null, count);
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
