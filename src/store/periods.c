#include "store/periods.h"

#include <assert.h>
#include <stdlib.h>

#include "base/time.h"
#include "store/db_driver.h"

#define SCRIPT_MAX (64 << 10)
#define NAME_MAX_LEN 63
/* Of waiting for a table while all who write wait behind. */
#define WAIT_SQL "SET LOCAL lock_timeout = '2s';\n"

struct period period_at(int64_t time_ms)
{
    struct time_parts parts = time_split(time_ms);

    return (struct period){ parts.year, parts.month };
}

struct period period_next(struct period period)
{
    if (period.month == 12)
        return (struct period){ period.year + 1, 1 };
    return (struct period){ period.year, period.month + 1 };
}

int period_compare(struct period a, struct period b)
{
    if (a.year != b.year)
        return a.year < b.year ? -1 : 1;
    return (a.month > b.month) - (a.month < b.month);
}

int64_t period_start_ms(struct period period)
{
    char bytes[32];
    struct buf text;
    int64_t time_ms = 0;

    buf_fixed(&text, bytes, sizeof bytes);
    buf_addf(&text, "%04d-%02d-01T00:00:00Z", period.year, period.month);
    enum err err = time_parse(buf_str(&text), &time_ms);
    assert(err == OK);
    return time_ms;
}

struct str period_text(struct period period, struct arena *arena)
{
    return str_format(arena, "%04d-%02d", period.year, period.month);
}

bool periods_are_used(const struct db *db)
{
    return db->driver->parts_by_period;
}

/* Which months there are. All parted tables have the same; the first one is asked. */

static const struct table *first_parted(void)
{
    size_t i = 0;

    while (table_period(store_tables[i]) == NULL)
        i++;
    return store_tables[i];
}

struct listing {
    struct arena *arena;
    struct period_list *out;
    struct str prefix;               /* "operations_" */
};

static enum err take_part(void *self, const struct db_value *values, size_t count)
{
    struct listing *listing = self;
    struct str name = values[0].bytes;
    uint64_t year = 0, month = 0;

    assert(count == 1);
    if (!str_starts_with(name, listing->prefix))
        return OK;
    name = str_slice(name, listing->prefix.len, name.len);
    if (name.len != 7 || name.ptr[4] != '_' || !str_to_u64(str_slice(name, 0, 4), &year) ||
        !str_to_u64(str_slice(name, 5, 7), &month) || month < 1 || month > 12)
        return OK;
    struct period *period = ARENA_NEW(listing->arena, struct period);
    *period = (struct period){ (int)year, (int)month };
    period_list_add(listing->arena, listing->out, period);
    return OK;
}

static int by_time(const void *a, const void *b)
{
    const struct period *const *left = a, *const *right = b;

    return period_compare(**left, **right);
}

enum err periods_list(struct db *db, struct arena *arena, struct period_list *out)
{
    const struct table *table = first_parted();
    const struct db_value args[] = { DB_STR(str_of(table->name)) };

    if (!periods_are_used(db))
        return OK;
    struct listing listing = { arena, out, str_format(arena, "%s_", table->name) };
    enum err err = db_query(db, db->driver->period_tables_sql, args, 1, take_part, &listing);
    if (err == OK && out->count > 1)
        qsort(out->items, out->count, sizeof out->items[0], by_time);
    return err;
}

static bool has(const struct period_list *list, struct period period)
{
    for (size_t i = 0; i < list->count; i++)
        if (period_compare(*list->items[i], period) == 0)
            return true;
    return false;
}

/* Making and dropping. */

static void add_uuid(struct buf *out, struct id id)
{
    buf_add_char(out, '\'');
    buf_add_hex(out, id.bytes, sizeof id.bytes);
    buf_add_char(out, '\'');
}

static const char *part_name(const struct table *table, struct period period, struct arena *arena)
{
    struct str name = str_format(arena, "%s_%04d_%02d", table->name, period.year, period.month);

    assert(name.len <= NAME_MAX_LEN);
    return name.ptr;
}

/* A table that becomes a part when the rest has nothing of its range any more. */
static void write_part(struct buf *out, const struct table *table, struct period period,
                       struct arena *arena)
{
    const char *part = part_name(table, period, arena);
    const char *column = table_period(table)->name;
    struct id from = id_first_at(period_start_ms(period));
    struct id to = id_first_at(period_start_ms(period_next(period)));

    buf_addf(out, "LOCK TABLE %s_rest IN ACCESS EXCLUSIVE MODE;\n", table->name);
    buf_addf(out,
             "CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
             " INCLUDING INDEXES);\n",
             part, table->name);
    ddl_write_part_indexes(out, table, part);
    buf_addf(out, "WITH moved AS (DELETE FROM %s_rest WHERE %s >= ", table->name, column);
    add_uuid(out, from);
    buf_addf(out, " AND %s < ", column);
    add_uuid(out, to);
    buf_addf(out, " RETURNING *) INSERT INTO %s SELECT * FROM moved;\n", part);
    buf_addf(out, "ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (", table->name, part);
    add_uuid(out, from);
    buf_add_c(out, ") TO (");
    add_uuid(out, to);
    buf_add_c(out, ");\n");
}

/* In the order in which batches write the tables, so that nobody waits in a circle. */
static enum err make_parts(struct db *db, struct period period, struct arena *arena)
{
    struct buf script;

    buf_init(&script, arena, SCRIPT_MAX);
    buf_add_c(&script, WAIT_SQL);
    for (size_t i = 0; store_tables[i] != NULL; i++)
        if (table_period(store_tables[i]) != NULL)
            write_part(&script, store_tables[i], period, arena);
    assert(buf_ok(&script));
    return db_script(db, buf_str(&script));
}

/* Others may make the same at this moment: whoever holds the schema looks again. */
static enum err make_one(struct db *db, struct period period, struct arena *arena)
{
    struct period_list there = { 0 };
    enum err err = db_begin(db);

    if (err == OK)
        err = db_query(db, db->driver->lock_schema_sql, NULL, 0, NULL, NULL);
    if (err == OK)
        err = periods_list(db, arena, &there);
    if (err == OK && !has(&there, period))
        err = make_parts(db, period, arena);
    if (err == OK)
        err = db_commit(db);
    if (err != OK)
        db_rollback(db);
    return err;
}

enum err periods_make(struct db *db, int64_t from_ms, int64_t to_ms)
{
    struct arena arena = { 0 };
    struct period_list there = { 0 };
    struct period last = period_at(to_ms);

    if (!periods_are_used(db))
        return OK;
    enum err err = periods_list(db, &arena, &there);
    for (struct period period = period_at(from_ms);
         err == OK && period_compare(period, last) <= 0; period = period_next(period))
        if (!has(&there, period))
            err = make_one(db, period, &arena);
    arena_done(&arena);
    return err;
}

enum err periods_make_ahead(struct db *db)
{
    int64_t now_ms = 0;
    enum err err = db_now(db, &now_ms);

    if (err != OK)
        return err;
    struct period last = period_at(now_ms);
    for (int i = 0; i < PERIODS_AHEAD; i++)
        last = period_next(last);
    return periods_make(db, now_ms, period_start_ms(last));
}

enum err periods_hold(struct db *db)
{
    char bytes[512];
    struct buf script;
    const char *separator = "";

    buf_fixed(&script, bytes, sizeof bytes);
    buf_add_c(&script, WAIT_SQL "LOCK TABLE ");
    for (size_t i = 0; store_tables[i] != NULL; i++) {
        if (table_period(store_tables[i]) == NULL)
            continue;
        buf_addf(&script, "%s%s", separator, store_tables[i]->name);
        separator = ", ";
    }
    buf_add_c(&script, " IN ACCESS EXCLUSIVE MODE");
    assert(buf_ok(&script));
    return db_script(db, buf_str(&script));
}

enum err periods_drop(struct db *db, struct period period)
{
    struct arena arena = { 0 };
    struct buf script;

    buf_init(&script, &arena, SCRIPT_MAX);
    for (size_t i = 0; store_tables[i] != NULL; i++)
        if (table_period(store_tables[i]) != NULL)
            buf_addf(&script, "DROP TABLE %s;\n", part_name(store_tables[i], period, &arena));
    assert(buf_ok(&script));
    enum err err = db_script(db, buf_str(&script));
    arena_done(&arena);
    return err;
}
