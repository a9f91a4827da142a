/* kept.c - see kept.h. */
#include "store/kept.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "store/batch.h"
#include "store/db_one.h"

/* What a row is kept as, whatever was done to it. */
#define BEGINS_WITH_CHANGE(type)                                                         \
    static_assert(offsetof(struct type, row) == 0, "a row begins with what a flush has to do")
BEGINS_WITH_CHANGE(invoice);
BEGINS_WITH_CHANGE(payment);
BEGINS_WITH_CHANGE(refund);
BEGINS_WITH_CHANGE(checkout);
BEGINS_WITH_CHANGE(instrument);
BEGINS_WITH_CHANGE(operation);
BEGINS_WITH_CHANGE(claim);
#undef BEGINS_WITH_CHANGE

static size_t place_of(struct invoice_id invoice)
{
    const uint8_t *random = invoice.id.bytes + sizeof(invoice.id.bytes) - 2;
    return ((size_t)random[0] << 8 | random[1]) % KEPT_PLACES;
}

static void take_off(struct kept *kept, size_t place)
{
    struct kept_books *books = kept->places[place];
    if (!books)
        return;
    kept->places[place] = NULL;
    kept->count--;
    kept->bytes -= books->bytes;
    books->next = kept->spent[kept->batch];
    kept->spent[kept->batch] = books;
}

void kept_forget(struct kept *kept)
{
    for (size_t i = 0; kept->count && i < KEPT_PLACES; i++)
        take_off(kept, i);
    assert(kept->count == 0 && kept->bytes == 0);
}

void kept_sweep(struct kept *kept)
{
    kept->batch = (kept->batch + 1) % STORE_BATCHES;
    struct kept_books **spent = &kept->spent[kept->batch];
    while (*spent) {
        struct kept_books *next = (*spent)->next;
        mem_free(*spent);
        *spent = next;
    }
}

void kept_done(struct kept *kept)
{
    kept_forget(kept);
    for (size_t i = 0; i < STORE_BATCHES; i++)
        kept_sweep(kept);
}

void kept_begin(struct kept *kept, const struct db *db)
{
    uint32_t edition = 0;
    if (!db_edition(db, &edition) || edition != kept->edition)
        kept_forget(kept);
}

const struct kept_books *kept_find(const struct kept *kept, struct invoice_id invoice)
{
    const struct kept_books *books = kept->places[place_of(invoice)];
    return books && invoice_id_equal(books->invoice, invoice) ? books : NULL;
}

/* The rows that a load would find, as they are in the books: not yet copied. */

static void pick(struct kept_books *picked, const struct table *table, const void *row)
{
    if (picked->count < KEPT_ROWS_MAX)
        picked->rows[picked->count] = (struct kept_row){ table, row };
    picked->count++;
}

static bool has_open(const struct books *books, struct id claim)
{
    for (size_t i = 0; i < books->operations.count; i++)
        if (books->operations.items[i]->closed_ms == 0
            && id_equal(books->operations.items[i]->claim, claim))
            return true;
    return false;
}

static void pick_all(struct kept_books *picked, const struct books *books)
{
    pick(picked, &table_invoices, books->invoice);
    for (size_t i = 0; i < books->payments.count; i++)
        pick(picked, &table_payments, books->payments.items[i]);
    for (size_t i = 0; i < books->refunds.count; i++)
        pick(picked, &table_refunds, books->refunds.items[i]);
    for (size_t i = 0; i < books->checkouts.count; i++)
        pick(picked, &table_checkouts, books->checkouts.items[i]);
    for (size_t i = 0; i < books->instruments.count; i++)
        pick(picked, &table_instruments, books->instruments.items[i]);
    for (size_t i = 0; i < books->operations.count; i++)
        if (books->operations.items[i]->closed_ms == 0)
            pick(picked, &table_operations, books->operations.items[i]);
    for (size_t i = 0; i < books->claims.count; i++)
        if (books->claims.items[i]->status == 0 && has_open(books, books->claims.items[i]->key))
            pick(picked, &table_claims, books->claims.items[i]);
}

static const struct str *text_at(const struct column *column, const void *row)
{
    return column->kind == COLUMN_TEXT
               ? (const struct str *)(const void *)((const char *)row + column->offset) : NULL;
}

static size_t aligned(size_t size)
{
    return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static size_t row_bytes(const struct kept_row *row)
{
    size_t bytes = aligned(row->table->row_size);
    for (size_t i = 0; i < row->table->column_count; i++) {
        const struct str *text = text_at(&row->table->columns[i], row->row);
        bytes += text ? text->len : 0;
    }
    return aligned(bytes);
}

/* Returns where the next one goes. */
static char *copy_row(struct kept_row *row, char *to)
{
    const struct table *table = row->table;
    char *at = to + aligned(table->row_size);
    memcpy(to, row->row, table->row_size);
    *(enum row_change *)(void *)to = ROW_CLEAN;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct str *text = text_at(&table->columns[i], row->row);
        if (!text || text->len == 0)
            continue;
        memcpy(at, text->ptr, text->len);
        *(struct str *)(void *)(to + table->columns[i].offset) = str_make(at, text->len);
        at += text->len;
    }
    row->row = to;
    return to + aligned((size_t)(at - to));
}

static bool is_wanted_soon(const struct books *books)
{
    for (size_t i = 0; i < books->operations.count; i++)
        if (books->operations.items[i]->state == OPERATION_SENDING)
            return true;
    return false;
}

static void keep(struct kept *kept, const struct books *books)
{
    struct kept_books picked = { .invoice = books->invoice->id, .bytes = aligned(sizeof(picked)) };
    size_t place = place_of(picked.invoice);
    if (!is_wanted_soon(books))
        return;
    pick_all(&picked, books);
    if (picked.count > KEPT_ROWS_MAX)
        return;
    for (size_t i = 0; i < picked.count; i++)
        picked.bytes += row_bytes(&picked.rows[i]);
    take_off(kept, place);
    if (picked.bytes > KEPT_BYTES_MAX - kept->bytes)
        return;
    struct kept_books *copy = mem_alloc(picked.bytes);
    char *at = (char *)copy + aligned(sizeof(*copy));
    for (size_t i = 0; i < picked.count; i++)
        at = copy_row(&picked.rows[i], at);
    assert(at == (char *)copy + picked.bytes);
    *copy = picked;
    kept->places[place] = copy;
    kept->count++;
    kept->bytes += copy->bytes;
}

void kept_committed(struct kept *kept, const struct db *db, const struct batch *batch)
{
    if (!db_edition(db, &kept->edition))
        return;
    for (size_t i = 0; i < batch->books_count; i++)
        if (kept_find(kept, batch->books[i]->invoice->id))
            take_off(kept, place_of(batch->books[i]->invoice->id));
    for (size_t i = 0; i < batch->books_count; i++)
        keep(kept, batch->books[i]);
    for (size_t i = 0; i < batch->made.count; i++)
        keep(kept, batch->made.items[i]);
}

static size_t size_of(enum column_kind kind)
{
    static const size_t sizes[COLUMN_KIND_COUNT] = {
        [COLUMN_ID] = sizeof(struct id),      [COLUMN_INT] = sizeof(int64_t),
        [COLUMN_BOOL] = sizeof(bool),         [COLUMN_TIME] = sizeof(int64_t),
        [COLUMN_HASH] = sizeof(struct sha256), [COLUMN_WORD] = sizeof(unsigned),
        [COLUMN_CURRENCY] = sizeof(enum currency),
    };
    assert(sizes[kind] != 0);
    return sizes[kind];
}

bool kept_rows_equal(const struct table *table, const void *a, const void *b)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        const struct str *text = text_at(column, a);
        bool equal = text ? str_equal(*text, *text_at(column, b))
                          : memcmp((const char *)a + column->offset,
                                   (const char *)b + column->offset, size_of(column->kind)) == 0;
        if (!equal)
            return false;
    }
    return true;
}
