/* copy.c - see copy.h. */
#include "store/copy.h"
#include "store/db_one.h"

#include <assert.h>

#include "core/books.h"
#include "core/tenants.h"
#include "store/periods.h"

#define PAGE_ROWS 500

/* How to page through a table, and where its last row is: literals, as db.h wants them. One
 * line for each table of tables.def and of the built-in gateway's ledger: copying asserts it. */
struct paging {
    const char *name;
    const char *after;               /* $1, $2: the key to go on behind; the last: how many */
    const char *last;
    const char *count;
};

#define BY_ID(name)                                                                      \
    { #name, "id > $1 ORDER BY id LIMIT $2", "id IS NOT NULL ORDER BY id DESC LIMIT 1", \
      "SELECT count(*) FROM " #name }
#define BY_TWO(name, a, b)                                                               \
    { #name,                                                                             \
      "(" #a " > $1 OR (" #a " = $1 AND " #b " > $2)) ORDER BY " #a ", " #b " LIMIT $3",  \
      #a " IS NOT NULL ORDER BY " #a " DESC, " #b " DESC LIMIT 1",                       \
      "SELECT count(*) FROM " #name }
#define BY_THREE(name, a, b, c)                                                          \
    { #name,                                                                             \
      "(" #a " > $1 OR (" #a " = $1 AND (" #b " > $2 OR (" #b " = $2 AND " #c " > $3))))"  \
      " ORDER BY " #a ", " #b ", " #c " LIMIT $4",                                       \
      #a " IS NOT NULL ORDER BY " #a " DESC, " #b " DESC, " #c " DESC LIMIT 1",          \
      "SELECT count(*) FROM " #name }
#define BY_COLUMN(name, a)                                                               \
    { #name, #a " > $1 ORDER BY " #a " LIMIT $2",                                \
      #a " IS NOT NULL ORDER BY " #a " DESC LIMIT 1", "SELECT count(*) FROM " #name }

static const struct paging pagings[] = {
    BY_ID(merchants),
    BY_ID(api_keys),
    BY_ID(gateway_accounts),
    BY_ID(invoices),
    BY_ID(payments),
    BY_ID(refunds),
    BY_ID(checkouts),
    BY_ID(checkout_settings),
    BY_ID(customers),
    BY_ID(instruments),
    BY_TWO(operations, id, invoice),
    BY_THREE(attempts, invoice, operation, number),
    BY_TWO(events, invoice, sequence),
    BY_TWO(checkpoints, invoice, object),
    BY_COLUMN(claims, key),
    BY_ID(drifts),
    BY_ID(tasks),
    BY_ID(reconciliations),
    BY_ID(settlements),
    BY_TWO(settlement_lines, settlement, number),
    BY_COLUMN(audit, number),
    BY_ID(notices),
    BY_ID(webhook_endpoints),
    BY_ID(webhook_keys),
    BY_ID(webhook_messages),
    BY_ID(webhook_deliveries),
    BY_TWO(webhook_attempts, delivery, number),
    BY_ID(webhook_replays),
    BY_ID(runs),
    BY_COLUMN(jobs, name),
    BY_COLUMN(counters, name),
    BY_ID(sandbox_charges),
    BY_ID(sandbox_operations),
    BY_COLUMN(sandbox_ledger, number),
};

static const struct paging *paging_of(const struct table *table)
{
    size_t i = 0;
    struct str name = str_of(table->name);
    while (i < sizeof(pagings) / sizeof(pagings[0]) && !str_equal_c(name, pagings[i].name))
        i++;
    /* Every table of tables.def has its line. */
    assert(i < sizeof(pagings) / sizeof(pagings[0]));
    return &pagings[i];
}

struct page {
    const void *rows[PAGE_ROWS];
    size_t count;
};

static enum err add_row(void *self, void *row)
{
    struct page *page = self;
    assert(page->count < PAGE_ROWS);
    page->rows[page->count++] = row;
    return OK;
}

/* The key of a row as values; those of `none` are before every key. */
static size_t key_values(const struct table *table, const void *row, struct db_value *out)
{
    static const struct id before_all;
    for (size_t i = 0; i < table->key_count; i++) {
        const struct column *column = &table->columns[i];
        const char *at = row ? (const char *)row + column->offset : NULL;
        if (column->kind == COLUMN_ID)
            out[i] = (struct db_value){ DB_BYTES, 0,
                                        str_make(at ? at : (const char *)&before_all,
                                                 sizeof(before_all)) };
        else if (column->kind == COLUMN_TEXT)
            out[i] = DB_STR(at ? *(const struct str *)(const void *)at : STR(""));
        else
            out[i] = DB_NUMBER(at ? *(const int64_t *)(const void *)at : 0);
    }
    return table->key_count;
}

static enum err read_page(struct db *from, const struct table *table, const void *after,
                          struct arena *arena, struct page *page)
{
    struct db_value args[5];         /* a key of at most three columns, and how many */
    size_t count = key_values(table, after, args);
    args[count++] = DB_NUMBER(PAGE_ROWS);
    page->count = 0;
    return db_select(from, table, paging_of(table)->after, args, count, arena, add_row, page);
}

static enum err write_page(struct db *to, const struct table *table, const struct page *page)
{
    bool inserted[PAGE_ROWS];
    enum err err = db_begin(to);
    /* A counter may have been made by the migration: then the source's value takes its place. */
    if (!err)
        err = db_insert_new(to, table, page->rows, page->count, inserted);
    if (!err && table == &table_counters)
        err = db_update(to, table, page->rows, page->count);
    if (!err)
        err = db_commit(to);
    if (err)
        db_rollback(to);
    return err;
}

static enum err last_row(struct db *to, const struct table *table, struct arena *arena,
                         const void **out)
{
    struct page page = { .count = 0 };
    enum err err = db_select(to, table, paging_of(table)->last, NULL, 0, arena, add_row, &page);
    if (!err && page.count)
        *out = page.rows[0];
    return err;
}

static enum err copy_pages(struct db *from, struct db *to, const struct table *table,
                           const struct copy_progress *progress, struct arena arenas[2])
{
    struct page page = { .count = 0 };
    const void *after = NULL;
    int64_t rows = 0;
    /* Counters are few and change: all of them, each time. */
    enum err err = table == &table_counters
                       ? OK : last_row(to, table, &arenas[0], &after);
    for (int turn = 1; !err; turn ^= 1) {
        /* The last key of the page before lives in the other arena. */
        arena_reset(&arenas[turn]);
        err = read_page(from, table, after, &arenas[turn], &page);
        if (err || page.count == 0)
            break;
        err = write_page(to, table, &page);
        after = page.rows[page.count - 1];
        rows += (int64_t)page.count;
        if (!err)
            progress->tell(progress->self, table, rows, false);
    }
    if (!err)
        progress->tell(progress->self, table, rows, true);
    return err;
}

enum err copy_table(struct db *from, struct db *to, const struct table *table,
                    const struct copy_progress *progress)
{
    struct arena arenas[2] = { { 0 }, { 0 } };
    enum err err = copy_pages(from, to, table, progress, arenas);
    arena_done(&arenas[0]);
    arena_done(&arenas[1]);
    return err;
}

static enum err keep_time(void *self, void *row)
{
    *(int64_t *)self = id_time_ms(((const struct invoice *)row)->id.id);
    return OK;
}

enum err copy_periods(struct db *from, struct db *to)
{
    struct arena arena = { 0 };
    int64_t first_ms = 0, now_ms = 0;
    enum err err = db_select(from, &table_invoices, "id IS NOT NULL ORDER BY id LIMIT 1", NULL, 0,
                             &arena, keep_time, &first_ms);
    if (!err)
        err = db_now(to, &now_ms);
    if (!err && first_ms)
        err = periods_make(to, first_ms, now_ms);
    arena_done(&arena);
    return err;
}

bool copy_takes(const struct table *table)
{
    return table != &table_histories;
}

enum err copy_end_runs(struct db *to)
{
    enum err err = db_begin(to);
    if (!err)
        err = db_query(to, "UPDATE runs SET lapses_ms = 1 WHERE lapses_ms > 1", NULL, 0, NULL,
                       NULL);
    if (!err)
        err = db_commit(to);
    if (err)
        db_rollback(to);
    return err;
}

enum err copy_count(struct db *db, const struct table *table, int64_t *out)
{
    return db_number(db, paging_of(table)->count, NULL, 0, out);
}

enum err copy_is_of_others(struct db *from, struct db *to, bool *out)
{
    struct arena arena = { 0 };
    struct page ours = { .count = 0 }, theirs = { .count = 0 };
    enum err err = read_page(from, &table_merchants, NULL, &arena, &ours);
    if (!err)
        err = read_page(to, &table_merchants, NULL, &arena, &theirs);
    bool shared = false;
    for (size_t i = 0; i < ours.count; i++)
        for (size_t j = 0; j < theirs.count; j++)
            shared = shared
                     || merchant_id_equal(((const struct merchant *)ours.rows[i])->id,
                                          ((const struct merchant *)theirs.rows[j])->id);
    if (!err)
        *out = theirs.count > 0 && !shared;
    arena_done(&arena);
    return err;
}
