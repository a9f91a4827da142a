/* flush.c - writes all that the turns of a batch changed: one statement per table. */
#include <assert.h>
#include <string.h>

#include "store/batch.h"
#include "store/db_later.h"
#include "store/db_one.h"

/* The rows of one table, new and changed. */
struct rows {
    const void **fresh;
    size_t fresh_count;
    const void **changed;
    size_t changed_count;
};

/* Counts in a first pass, fills in a second: the arrays are exactly as long as needed. */
struct gather {
    struct rows *rows;
    bool counting;
};

static void gather_row(struct gather *gather, enum row_change change, const void *row)
{
    struct rows *rows = gather->rows;
    if (change == ROW_NEW) {
        if (!gather->counting)
            rows->fresh[rows->fresh_count] = row;
        rows->fresh_count++;
    } else if (change == ROW_CHANGED) {
        if (!gather->counting)
            rows->changed[rows->changed_count] = row;
        rows->changed_count++;
    }
}

typedef void gather_books_f(struct gather *gather, const struct books *books);

#define GATHER_LIST(type, list)                                                          \
    static void gather_##list(struct gather *gather, const struct books *books)          \
    {                                                                                    \
        for (size_t i = 0; i < books->list.count; i++)                                   \
            gather_row(gather, books->list.items[i]->row, books->list.items[i]);         \
    }
GATHER_LIST(payment, payments)
GATHER_LIST(refund, refunds)
GATHER_LIST(checkout, checkouts)
GATHER_LIST(instrument, instruments)
GATHER_LIST(operation, operations)
GATHER_LIST(attempt, attempts)
GATHER_LIST(claim, claims)
GATHER_LIST(task, tasks)
#undef GATHER_LIST

static void gather_invoice(struct gather *gather, const struct books *books)
{
    gather_row(gather, books->invoice->row, books->invoice);
}

/* In this order, so that what points comes after what is pointed at. */
static const struct flush_rule {
    const struct table *table;
    gather_books_f *gather;
} flush_rules[] = {
    { &table_invoices, gather_invoice },
    { &table_payments, gather_payments },
    { &table_refunds, gather_refunds },
    { &table_checkouts, gather_checkouts },
    { &table_instruments, gather_instruments },
    { &table_operations, gather_operations },
    { &table_attempts, gather_attempts },
    { &table_claims, gather_claims },
    { &table_tasks, gather_tasks },
};

static enum err write_rows(struct batch *batch, const struct table *table, const struct rows *rows)
{
    enum err err = OK;
    /* A new row may take the place that a changed one gives up. */
    if (rows->changed_count)
        err = db_update(batch->db, table, rows->changed, rows->changed_count);
    if (!err && rows->fresh_count)
        err = db_insert(batch->db, table, rows->fresh, rows->fresh_count);
    return err;
}

static void gather_all(struct batch *batch, const struct flush_rule *rule, struct gather *gather)
{
    gather->rows->fresh_count = gather->rows->changed_count = 0;
    for (size_t i = 0; i < batch->books_count; i++)
        rule->gather(gather, batch->books[i]);
    for (size_t i = 0; i < batch->made.count; i++)
        rule->gather(gather, batch->made.items[i]);
}

static enum err flush_table(struct batch *batch, const struct flush_rule *rule)
{
    struct rows rows = { 0 };
    struct gather gather = { &rows, true };
    gather_all(batch, rule, &gather);
    rows.fresh = ARENA_ARRAY(batch->arena, const void *, rows.fresh_count);
    rows.changed = ARENA_ARRAY(batch->arena, const void *, rows.changed_count);
    gather.counting = false;
    gather_all(batch, rule, &gather);
    return write_rows(batch, rule->table, &rows);
}

static size_t add_events(const struct books *books, void **events, size_t count)
{
    for (size_t i = 0; i < books->events.count; i++)
        events[count++] = books->events.items[i];
    return count;
}

/* Places in the feed, in the order of the commits: from here to the commit every other writer
 * waits, so nothing else is left to be written but who is told of them, which takes the places. */
static enum err flush_events(struct batch *batch)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->books_count; i++)
        count += batch->books[i]->events.count;
    for (size_t i = 0; i < batch->made.count; i++)
        count += batch->made.items[i]->events.count;
    void **events = ARENA_ARRAY(batch->arena, void *, count);
    count = 0;
    for (size_t i = 0; i < batch->books_count; i++)
        count = add_events(batch->books[i], events, count);
    for (size_t i = 0; i < batch->made.count; i++)
        count = add_events(batch->made.items[i], events, count);
    return db_insert_numbered(batch->db, &table_events, events, count, "events",
                              batch->webhooks.endpoints.count > 0);
}

#define FLUSH_LIST(batch, list, table, err)                                              \
    do {                                                                                 \
        struct rows rows_ = { 0 };                                                       \
        struct gather gather_ = { &rows_, false };                                       \
        rows_.fresh = ARENA_ARRAY((batch)->arena, const void *, (list)->count);          \
        rows_.changed = ARENA_ARRAY((batch)->arena, const void *, (list)->count);        \
        for (size_t i_ = 0; i_ < (list)->count; i_++)                                    \
            gather_row(&gather_, (list)->items[i_]->row, (list)->items[i_]);             \
        if (!(err))                                                                      \
            (err) = write_rows((batch), (table), &rows_);                                \
    } while (0)

static enum err count_row(void *self, const struct db_value *values, size_t count)
{
    (void)values, (void)count;
    (*(size_t *)self)++;
    return OK;
}

/* Whether the books have it, or the rows that are about to be written. */
static enum err is_repeated(struct batch *batch, const struct notice *notice,
                            const void *const *rows, size_t count, bool *out)
{
    const struct str digest = str_make((const char *)notice->digest.bytes, SHA256_SIZE);
    const struct db_value args[] = { { DB_BYTES, 0, digest } };
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct notice *other = rows[i];
        if (memcmp(other->digest.bytes, notice->digest.bytes, SHA256_SIZE) == 0)
            found++;
    }
    enum err err = found ? OK : db_query(batch->db, "SELECT 1 FROM notices WHERE digest = $1",
                                         args, 1, count_row, &found);
    *out = found > 0;
    return err;
}

/* A repetition is known by its digest and left out: kept once, applied once. Two nodes that get
 * it at one moment meet at the index; then the batch is run again and finds it. */
static enum err flush_notices(struct batch *batch)
{
    const struct notice_list *kept = &batch->notices_kept;
    const void **rows = ARENA_ARRAY(batch->arena, const void *, kept->count + batch->count);
    size_t count = 0;
    enum err err = OK;
    for (size_t i = 0; !err && i < kept->count; i++) {
        bool repeated = false;
        err = is_repeated(batch, kept->items[i], rows, count, &repeated);
        if (!repeated)
            rows[count++] = kept->items[i];
    }
    if (!err && count)
        err = db_insert(batch->db, &table_notices, rows, count);
    count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->notices[i] && batch->notices[i]->row == ROW_CHANGED)
            rows[count++] = batch->notices[i];
    if (!err && count)
        err = db_update(batch->db, &table_notices, rows, count);
    return err;
}

/* One is open per payment and kind: what is seen again is counted there. Under the lock of its
 * invoice, so nobody writes another meanwhile. */
static enum err flush_drift(struct batch *batch, const struct drift *seen)
{
    const struct db_value args[] = { DB_ID(seen->payment),
                                     DB_STR(word_str(&words_drift_kind, seen->kind)) };
    struct drift *open = NULL;
    enum err err = db_select(batch->db, &table_drifts,
                             "payment = $1 AND kind = $2 AND closed_ms IS NULL"
                             " AND reference IS NULL",
                             args, 2, batch->arena, db_keep_row, &open);
    const void *row = seen;
    if (err || !open)
        return err ? err : db_insert(batch->db, &table_drifts, &row, 1);
    open->times++;
    open->seen_ms = seen->seen_ms;
    open->our_status = seen->our_status;
    open->gateway_status = seen->gateway_status;
    open->our_minor = seen->our_minor;
    open->gateway_minor = seen->gateway_minor;
    open->detail = seen->detail;
    open->resolution = seen->resolution;
    open->resolved_by = seen->resolved_by;
    open->closed_ms = seen->closed_ms;
    row = open;
    return db_update(batch->db, &table_drifts, &row, 1);
}

/* The gateway's amounts are ours: what was open about them is over. */
static enum err flush_agreed(struct batch *batch, const struct books *books)
{
    const struct db_value args[] = { DB_ID(books->agreed), DB_NUMBER(batch->now_ms) };
    if (payment_id_is_zero(books->agreed))
        return OK;
    return db_query(batch->db,
                    "UPDATE drifts SET closed_ms = $2, resolution = 'agreed',"
                    " resolved_by = 'gateway' WHERE payment = $1 AND closed_ms IS NULL"
                    " AND reference IS NULL AND kind IN"
                    " ('amount_mismatch', 'currency_mismatch', 'refund_mismatch', 'over_refund',"
                    " 'missing_at_gateway')",
                    args, 2, NULL, NULL);
}

static enum err flush_drifts(struct batch *batch)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < batch->books_count; i++) {
        const struct books *books = batch->books[i];
        err = flush_agreed(batch, books);
        for (size_t j = 0; !err && j < books->drifts.count; j++)
            if (books->drifts.items[j]->row == ROW_NEW)
                err = flush_drift(batch, books->drifts.items[j]);
    }
    return err;
}

/* One default per merchant and mode is a unique index, checked row by row: those that lose
 * the mark are written in a statement before the one that gets it. */
static enum err flush_accounts(struct batch *batch)
{
    struct gateway_account_list others = { 0 }, defaults = { 0 };
    enum err err = OK;
    for (size_t i = 0; i < batch->accounts.count; i++) {
        struct gateway_account *account = batch->accounts.items[i];
        gateway_account_list_add(batch->arena, account->is_default ? &defaults : &others, account);
    }
    FLUSH_LIST(batch, &others, &table_gateway_accounts, err);
    FLUSH_LIST(batch, &defaults, &table_gateway_accounts, err);
    return err;
}

enum err batch_flush(struct batch *batch)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < sizeof(flush_rules) / sizeof(flush_rules[0]); i++)
        err = flush_table(batch, &flush_rules[i]);
    if (!err)
        err = flush_drifts(batch);
    FLUSH_LIST(batch, &batch->claims_made, &table_claims, err);
    if (!err)
        err = batch_flush_findings(batch);
    FLUSH_LIST(batch, &batch->reconciliations, &table_reconciliations, err);
    if (!err)
        err = batch_flush_jobs(batch);
    if (!err)
        err = flush_notices(batch);
    if (!err)
        err = flush_accounts(batch);
    FLUSH_LIST(batch, &batch->keys, &table_api_keys, err);
    FLUSH_LIST(batch, &batch->checkout_settings, &table_checkout_settings, err);
    FLUSH_LIST(batch, &batch->customers, &table_customers, err);
    if (!err)
        err = flush_events(batch);
    if (!err)
        err = batch_flush_webhooks(batch);
    return err;
}
