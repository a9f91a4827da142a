#include "store/sqltext.h"

#include <assert.h>

#include "base/arena.h"

/* Roles of columns, as a set. */
#define BIT(role)  (1u << (role))
#define KEY_ROLES  (BIT(COLUMN_KEY) | BIT(COLUMN_PERIOD))
#define EVERY_ROLE (KEY_ROLES | BIT(COLUMN_FIXED) | BIT(COLUMN_VARIES))

static bool has_role(const struct table *table, size_t column, unsigned roles)
{
    return (BIT(table->columns[column].role) & roles) != 0;
}

/* "a, b, c" */
static void write_names(struct buf *out, const struct table *table, unsigned roles)
{
    const char *separator = "";

    for (size_t i = 0; i < table->column_count; i++) {
        if (!has_role(table, i, roles))
            continue;
        buf_addf(out, "%s%s", separator, table->columns[i].name);
        separator = ", ";
    }
}

/* "a = $1, b = $2" from argument `first` on; returns the number of the next argument. */
static size_t write_pairs(struct buf *out, const struct table *table, unsigned roles,
                          const char *between, size_t first)
{
    size_t number = first;

    for (size_t i = 0; i < table->column_count; i++) {
        if (!has_role(table, i, roles))
            continue;
        buf_addf(out, "%s%s = $%zu", number == first ? "" : between, table->columns[i].name,
                 number);
        number++;
    }
    assert(number > first);
    return number;
}

/* "($1, $2), ($3, $4)" */
static void write_places(struct buf *out, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows * columns; i++)
        buf_addf(out, "%s$%zu%s", i % columns > 0 ? ", " : i > 0 ? ", (" : "(", i + 1,
                 (i + 1) % columns == 0 ? ")" : "");
}

/* When one of many rows is refused, the whole transaction is over (db.h). Told so, SQLite need not
 * note down each page before the statement changes it, to take back the statement alone. */
static void write_insert(struct buf *out, const struct sqltext *what)
{
    const struct table *table = what->table;

    buf_addf(out, "INSERT%s INTO %s (", what->rows > 1 ? " OR ROLLBACK" : "", table->name);
    write_names(out, table, EVERY_ROLE);
    buf_add_c(out, ") VALUES ");
    write_places(out, what->rows, table->column_count);
    if (what->write == WRITE_INSERT_NEW) {
        buf_add_c(out, " ON CONFLICT (");
        write_names(out, table, KEY_ROLES);
        buf_add_c(out, ") DO NOTHING");
    }
}

static void write_by_key(struct buf *out, const struct sqltext *what)
{
    const struct table *table = what->table;
    size_t next = 1;

    assert(what->rows == 1);
    if (what->write == WRITE_UPDATE) {
        buf_addf(out, "UPDATE %s SET ", table->name);
        next = write_pairs(out, table, BIT(COLUMN_VARIES), ", ", next);
    } else {
        buf_addf(out, "DELETE FROM %s", table->name);
    }
    buf_add_c(out, " WHERE ");
    write_pairs(out, table, KEY_ROLES, " AND ", next);
}

static void write_select(struct buf *out, const struct sqltext *what)
{
    buf_addf(out, "SELECT %s%s", what->give ? what->give : "", what->give ? "(" : "");
    write_names(out, what->table, EVERY_ROLE);
    buf_addf(out, "%s FROM ", what->give ? ")" : "");
}

/* Of many ids they are rows themselves, which are gone through one by one: a cross join is what
 * the engine leaves in the order in which it is written. */
static void write_load(struct buf *out, const struct sqltext *what)
{
    write_select(out, what);
    if (what->rows > 1) {
        buf_add_c(out, "(VALUES ");
        write_places(out, what->rows, 1);
        buf_add_c(out, ") CROSS JOIN ");
    }
    buf_addf(out, "%s WHERE %s = %s", what->table->name, what->text,
             what->rows > 1 ? "column1" : "$1");
    if (what->and_where != NULL)
        buf_addf(out, " AND (%s)", what->and_where);
}

static bool is_insert(const struct sqltext *what)
{
    return what->write == WRITE_INSERT || what->write == WRITE_INSERT_NEW ||
           what->write == WRITE_INSERT_NUMBERED;
}

void sqltext_write(struct buf *out, const struct sqltext *what)
{
    switch (what->kind) {
    case SQLTEXT_QUERY:
    case SQLTEXT_REQUIRE: buf_add_c(out, what->text); break;
    case SQLTEXT_WRITE:
        if (is_insert(what))
            write_insert(out, what);
        else
            write_by_key(out, what);
        break;
    case SQLTEXT_LOAD: write_load(out, what); break;
    case SQLTEXT_SELECT:
        write_select(out, what);
        buf_addf(out, "%s WHERE %s", what->table->name, what->text);
        break;
    }
}

static size_t pick(const struct table *table, unsigned roles, const struct column **out)
{
    size_t count = 0;

    for (size_t i = 0; i < table->column_count; i++) {
        if (has_role(table, i, roles))
            out[count++] = &table->columns[i];
    }
    return count;
}

size_t sqltext_columns(const struct sqltext *what, const struct column **out)
{
    size_t count = 0;

    assert(what->kind == SQLTEXT_WRITE);
    if (is_insert(what))
        return pick(what->table, EVERY_ROLE, out);
    if (what->write == WRITE_UPDATE)
        count = pick(what->table, BIT(COLUMN_VARIES), out);
    return count + pick(what->table, KEY_ROLES, out + count);
}

size_t sqltext_rows_at_once(enum db_write write, size_t left)
{
    static const size_t sizes[] = { 16, 4, 1 };
    size_t i = 0;

    while (sizes[i] > left || (sizes[i] > 1 && write != WRITE_INSERT))
        i++;
    return sizes[i];
}

size_t sqltext_ids_at_once(size_t left)
{
    return left == 1 ? 1 : left <= 4 ? 4 : SQLTEXT_IDS_MAX;
}

static size_t bucket_of(const struct sqltext *what)
{
    uint64_t mixed = (uint64_t)(uintptr_t)what->table;

    mixed = mixed * 31 + (uint64_t)(uintptr_t)what->text;
    mixed = mixed * 31 + (uint64_t)(uintptr_t)what->and_where + what->rows;
    mixed = mixed * 31 + (uint64_t)what->kind * 16 + (uint64_t)what->write * 2 + what->lock;
    return (size_t)((mixed * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % STATEMENT_BUCKETS;
}

static bool is_same(const struct sqltext *a, const struct sqltext *b)
{
    return a->kind == b->kind && a->write == b->write && a->table == b->table &&
           a->text == b->text && a->and_where == b->and_where && a->lock == b->lock &&
           a->rows == b->rows;
}

struct statement *statements_find(const struct statements *statements, const struct sqltext *what)
{
    struct statement *found = statements->buckets[bucket_of(what)];

    while (found != NULL && !is_same(&found->what, what))
        found = found->next;
    return found;
}

struct statement *statements_add(struct statements *statements, const struct sqltext *what,
                                 void *prepared)
{
    struct statement **bucket = &statements->buckets[bucket_of(what)];
    struct statement *made = mem_alloc(sizeof *made);

    *made = (struct statement){ .next = *bucket, .what = *what, .prepared = prepared };
    *bucket = made;
    return made;
}

void statements_done(struct statements *statements, void (*finish)(void *prepared))
{
    for (size_t i = 0; i < STATEMENT_BUCKETS; i++) {
        while (statements->buckets[i] != NULL) {
            struct statement *first = statements->buckets[i];
            statements->buckets[i] = first->next;
            finish(first->prepared);
            mem_free(first);
        }
    }
}
