/* ddl.c - the description of a table as CREATE statements.
 *
 * A column may be NULL where its kind has an empty value, so that partial indexes and
 * "IS NULL" work as people expect. Words are closed by a CHECK made from the same list as
 * the enum: what the code does not know cannot be stored. */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "store/db_driver.h"

/* As each engine takes it best: for an IN list of more than two SQLite fills a table of its own
 * at every execution, which cost half of all the time that an insert takes. */
static void write_words(struct buf *out, const struct db_driver *driver, const char *name,
                        const struct word_list *list)
{
    assert(list != NULL && list->count > 1);
    for (size_t i = 1; i < list->count; i++) {
        assert(strpbrk(list->words[i], "'\"\\{}, ") == NULL);
        assert(!str_equal_nocase(str_of(list->words[i]), STR("null"))); /* no word, in an array */
        if (!driver->has_domains)
            buf_addf(out, "%s%s = '%s'", i == 1 ? "" : " OR ", name, list->words[i]);
        else if (i == 1)
            buf_addf(out, "%s = ANY ('{%s", name, list->words[i]);
        else
            buf_addf(out, ",%s", list->words[i]);
    }
    buf_add_c(out, driver->has_domains ? "}'::text[])" : "");
}

/* Not every value of the engine's type is one of the column's. */
static bool is_closed(const struct column *column)
{
    return column->kind == COLUMN_BOOL || column->kind == COLUMN_WORD;
}

static void write_check(struct buf *out, const struct db_driver *driver, const char *name,
                        const struct column *column)
{
    buf_add_c(out, " CHECK (");
    if (column->kind == COLUMN_BOOL)
        buf_addf(out, "%s BETWEEN 0 AND 1", name);
    else
        write_words(out, driver, name, column->words);
    buf_add_char(out, ')');
}

/* PostgreSQL reads the text of a table's CHECKs anew for every statement that writes, and those of
 * all columns took it a quarter of such a statement. What a type checks it has read once. */
static bool has_domain(const struct db_driver *driver, const struct column *column)
{
    return driver->has_domains && is_closed(column);
}

static void write_domain(struct buf *out, const struct db_driver *driver,
                         const struct table *table, const struct column *column)
{
    if (!has_domain(driver, column))
        return;
    buf_addf(out, "CREATE DOMAIN %s_%s AS %s", table->name, column->name,
             driver->column_types[column->kind]);
    write_check(out, driver, "VALUE", column);
    buf_add_c(out, ";\n");
}

static bool is_required(const struct column *column)
{
    return column_is_key(column) || column->kind == COLUMN_INT ||
           column->kind == COLUMN_BOOL || column->kind == COLUMN_HASH;
}

static void write_column(struct buf *out, const struct db_driver *driver,
                         const struct table *table, const struct column *column)
{
    buf_addf(out, "%s ", column->name);
    if (has_domain(driver, column))
        buf_addf(out, "%s_%s", table->name, column->name);
    else
        buf_add_c(out, driver->column_types[column->kind]);
    if (is_required(column))
        buf_add_c(out, " NOT NULL");
    if (is_closed(column) && !has_domain(driver, column))
        write_check(out, driver, column->name, column);
}

static void write_key(struct buf *out, const struct table *table)
{
    assert(table->key_count > 0);
    buf_add_c(out, "PRIMARY KEY (");
    for (size_t i = 0; i < table->key_count; i++) {
        assert(column_is_key(&table->columns[i]));
        buf_addf(out, "%s%s", i == 0 ? "" : ", ", table->columns[i].name);
    }
    buf_add_char(out, ')');
}

/* `part` is empty, or what is put behind the index's name. */
static void write_index(struct buf *out, const struct index *index, const char *table,
                        const char *part)
{
    buf_addf(out, "CREATE %sINDEX IF NOT EXISTS %s%s ON %s (%s)", index->unique ? "UNIQUE " : "",
             index->name, part, table, index->columns);
    if (index->where != NULL)
        buf_addf(out, " WHERE %s", index->where);
    buf_add_c(out, ";\n");
}

static bool is_parted(const struct db_driver *driver, const struct table *table)
{
    return driver->parts_by_period && table_period(table) != NULL;
}

/* A unique index over all parts would need the column that parts them. */
static bool is_of_parts(const struct table *table, const struct index *index)
{
    return index->unique && strstr(index->columns, table_period(table)->name) == NULL;
}

void ddl_write_part_indexes(struct buf *out, const struct table *table, const char *part)
{
    const char *suffix = part + strlen(table->name);

    for (const struct index *index = table->indexes; index->name != NULL; index++)
        if (is_of_parts(table, index))
            write_index(out, index, part, suffix);
}

static void write_indexes(struct buf *out, const struct db_driver *driver,
                          const struct table *table)
{
    for (const struct index *index = table->indexes; index->name != NULL; index++)
        if (!is_parted(driver, table) || !is_of_parts(table, index))
            write_index(out, index, table->name, "");
}

static void write_rest(struct buf *out, const struct table *table)
{
    char rest[64];
    struct buf name;

    buf_fixed(&name, rest, sizeof rest);
    buf_addf(&name, "%s_rest", table->name);
    buf_addf(out, "CREATE TABLE IF NOT EXISTS %s PARTITION OF %s DEFAULT;\n", buf_c(&name),
             table->name);
    ddl_write_part_indexes(out, table, rest);
}

static bool is_updated(const struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].role == COLUMN_VARIES)
            return true;
    return false;
}

void ddl_write(struct buf *out, const struct db_driver *driver, const struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        write_domain(out, driver, table, &table->columns[i]);
    buf_addf(out, "CREATE TABLE IF NOT EXISTS %s (\n", table->name);
    for (size_t i = 0; i < table->column_count; i++) {
        buf_add_c(out, "    ");
        write_column(out, driver, table, &table->columns[i]);
        buf_add_c(out, ",\n");
    }
    for (const char *const *check = table->checks; *check != NULL; check++)
        buf_addf(out, "    CHECK (%s),\n", *check);
    buf_add_c(out, "    ");
    write_key(out, table);
    buf_addf(out, "\n)%s", driver->table_suffix);
    if (is_parted(driver, table))
        buf_addf(out, " PARTITION BY RANGE (%s)", table_period(table)->name);
    else if (driver->room_suffix != NULL && is_updated(table))
        buf_add_c(out, driver->room_suffix);
    buf_add_c(out, ";\n");
    write_indexes(out, driver, table);
    if (is_parted(driver, table))
        write_rest(out, table);
}

void ddl_write_additions(struct buf *out, const struct db_driver *driver, const struct table *table,
                         int version)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        if (column->since <= version)
            continue;
        /* Rows that are there get a value, and only numbers have an empty one that is not NULL. */
        assert(!column_is_key(column) && column->kind != COLUMN_HASH);
        write_domain(out, driver, table, column);
        buf_addf(out, "ALTER TABLE %s ADD COLUMN ", table->name);
        write_column(out, driver, table, column);
        buf_add_c(out, is_required(column) ? " DEFAULT 0;\n" : ";\n");
    }
    write_indexes(out, driver, table);
}
