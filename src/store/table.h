/* table.h - the books' tables as data: what tables.def says, for many readers
 * (DDL, multi-row statements, row codec, doctor, copy). */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/words.h"

/* How a struct's member is kept. Empty texts, zero times and zero ids are NULL. */
enum column_kind {
    COLUMN_ID,               /* struct id or one that wraps it: 16 bytes */
    COLUMN_INT,              /* int64_t, never NULL */
    COLUMN_BOOL,             /* bool, 0 or 1, never NULL */
    COLUMN_TIME,             /* int64_t milliseconds */
    COLUMN_TEXT,             /* struct str */
    COLUMN_HASH,             /* struct sha256: 32 bytes */
    COLUMN_WORD,             /* an enum, by its text in `words` */
    COLUMN_CURRENCY,         /* enum currency, by its ISO code */
    COLUMN_KIND_COUNT
};

enum column_role {
    COLUMN_KEY,              /* part of the primary key */
    COLUMN_PERIOD,           /* the same, and by its time the rows lie together */
    COLUMN_FIXED,            /* written once, with the row */
    COLUMN_VARIES,           /* may change later */
};

struct column {
    const char *name;
    enum column_kind kind;
    enum column_role role;
    size_t offset;
    const struct word_list *words;
    int since;               /* the schema version that added it; 0: with its table */
};

struct index {
    const char *name;
    bool unique;
    const char *columns;     /* "merchant, live, id" */
    const char *where;       /* NULL, or the condition of a partial one */
};

struct table {
    const char *name;
    int since;               /* the schema version that made it */
    size_t row_size;         /* of the struct */
    const struct column *columns;    /* those of the key first */
    size_t column_count;             /* at most TABLE_COLUMNS_MAX */
    size_t key_count;
    const struct index *indexes;     /* name NULL ends it */
    const char *const *checks;       /* NULL ends it: conditions that hold in every row */
};

#define TABLE_COLUMNS_MAX 64

/* The books, NULL-terminated, in the order in which they are made. */
extern const struct table *const store_tables[];
extern const struct table table_customers, table_instruments;
extern const struct table table_merchants, table_api_keys, table_gateway_accounts, table_invoices,
    table_payments, table_refunds, table_operations, table_attempts, table_events,
    table_checkpoints, table_claims, table_drifts, table_tasks, table_reconciliations, table_audit,
    table_settlements, table_settlement_lines, table_notices,
    table_webhook_endpoints, table_webhook_keys, table_webhook_messages, table_webhook_deliveries,
    table_webhook_attempts, table_webhook_replays, table_runs, table_histories, table_counters,
    table_jobs;

static inline bool column_is_key(const struct column *column)
{
    return column->role == COLUMN_KEY || column->role == COLUMN_PERIOD;
}

/* The COLUMN_PERIOD of a table; NULL when it has none. */
static inline const struct column *table_period(const struct table *table)
{
    for (size_t i = 0; i < table->key_count; i++)
        if (table->columns[i].role == COLUMN_PERIOD)
            return &table->columns[i];
    return NULL;
}

/* The column in which a counter numbers the rows (db_insert_numbered); NULL when there is none. */
static inline const struct column *table_number(const struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, "number") == 0)
            return &table->columns[i];
    return NULL;
}

/* The payments, to load what of them is shown and nothing else: rows of query_payments.h. */
extern const struct table table_payments_shown;
extern const struct table table_checkouts;
extern const struct table table_checkout_settings;

/* One value that lives in every table's place: named counters (the feed's). */
struct counter {
    struct str name;
    int64_t value;
};

#endif
