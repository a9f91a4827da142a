#include "store/history.h"

#include <assert.h>

#include "core/tenants.h"
#include "store/db_one.h"

#define FEED "events"

static enum err take_text(void *self, const struct db_value *values, size_t count)
{
    struct buf *out = self;

    assert(count == 1 && values[0].type == DB_TEXT);
    buf_add(out, values[0].bytes);
    return OK;
}

static enum err ask_server(struct db *db, struct arena *arena, struct str *out)
{
    struct buf text;
    const char *expression = db_history_sql(db);

    *out = STR("");
    if (!expression)
        return OK;
    buf_init(&text, arena, 16);
    const char *sql = str_format(arena, "SELECT %s", expression).ptr;
    enum err err = db_query(db, sql, NULL, 0, take_text, &text);
    if (!err)
        *out = buf_str(&text);
    return err;
}

/* Number 0: there is none yet. */
static enum err last_history(struct db *db, struct arena *arena, struct history *out)
{
    void *row = NULL;

    enum err err = db_select(db, &table_histories, "1 = 1 ORDER BY number DESC LIMIT 1", NULL, 0,
                             arena, db_keep_row, &row);
    *out = row ? *(struct history *)row : (struct history){ 0 };
    return err;
}

/* Ids begin with the time of their making. */
static enum err ask_newest(struct db *db, int64_t *out)
{
    *out = 0;
    return db_number(db, "SELECT created_ms FROM invoices ORDER BY id DESC LIMIT 1", NULL, 0, out);
}

/* Another node may do the same at this moment: `first` is whose row it became. */
static enum err record(struct db *db, struct history *history, bool *first)
{
    const void *rows[] = { history };

    enum err err = ask_newest(db, &history->newest_ms);
    return err ? err : db_insert_new(db, &table_histories, rows, 1, first);
}

/* The feed's numbers, order numbers at gateways, and those of receipts. */
static enum err skip(struct db *db)
{
    const struct db_value args[] = { DB_NUMBER(HISTORY_SKIPS_FEED),
                                     DB_NUMBER(HISTORY_SKIPS_OTHERS) };

    return db_query(db,
                    "UPDATE counters SET value = value + CASE WHEN name = '" FEED "' THEN $1"
                    " ELSE $2 END WHERE name = '" FEED "' OR name LIKE 'reference:%'"
                    " OR name LIKE 'receipt:%'",
                    args, 2, NULL, NULL);
}

static enum err cut_after(struct db *db, const struct history *last, struct str name,
                          int64_t now_ms, bool *cut)
{
    struct history next = { .number = last->number + 1, .history = name, .since_ms = now_ms };

    enum err err = record(db, &next, cut);
    return err || !*cut ? err : skip(db);
}

enum err history_go_on(struct db *db, int64_t now_ms, struct arena *arena, struct str *history,
                       bool *cut)
{
    struct history last = { 0 };

    *cut = false;
    enum err err = ask_server(db, arena, history);
    if (!err)
        err = last_history(db, arena, &last);
    if (err || (last.number > 0 && str_equal(last.history, *history)))
        return err;
    if (last.number > 0)
        return cut_after(db, &last, *history, now_ms, cut);
    bool first = false;
    struct history begun = { .number = 1, .history = *history, .since_ms = now_ms };
    return record(db, &begun, &first);
}

enum err history_cut(struct db *db, int64_t now_ms, struct arena *arena)
{
    struct history last = { 0 };
    struct str name;
    bool cut = false;

    enum err err = ask_server(db, arena, &name);
    if (!err)
        err = last_history(db, arena, &last);
    /* The backup may be from before the first start. */
    if (last.number == 0)
        last.number = 1;
    return err ? err : cut_after(db, &last, name, now_ms, &cut);
}

enum err history_last_cut(struct db *db, struct history_last_cut *out)
{
    struct arena scratch = { 0 };
    struct history last = { 0 };

    enum err err = last_history(db, &scratch, &last);
    *out = (struct history_last_cut){ 0 };
    if (!err && last.number > 1)
        *out = (struct history_last_cut){ true, last.since_ms, last.newest_ms };
    arena_done(&scratch);
    return err;
}
