/* checker.c - reading the books page by page, and handing each invoice to the checks. */
#include "store/checker.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/time.h"
#include "store/checker_parts.h"

/* Reporting. */

bool checker_blame(struct checker *checker, const char *invariant, struct str row,
                   const char *format, ...)
{
    struct checker_report *report = &checker->report;
    struct buf sentence;
    va_list args;

    if (report->invariant != NULL)
        return false;
    buf_init(&sentence, checker->report_arena, 1024);
    va_start(args, format);
    buf_addfv(&sentence, format, args);
    va_end(args);
    report->invariant = invariant;
    report->row = str_copy(checker->report_arena, row);
    report->wrong = buf_str(&sentence);
    return false;
}

/* clang-format off */
#define NAMED(kind)                                                                               \
    struct str checker_##kind##_name(struct checker *checker, struct kind##_id id)                \
    {                                                                                             \
        struct buf text;                                                                          \
        buf_init(&text, checker->arena, 2 * ID_TEXT_MAX);                                         \
        buf_add_c(&text, #kind " ");                                                              \
        kind##_id_write(&text, id);                                                               \
        return buf_str(&text);                                                                    \
    }
NAMED(invoice)
NAMED(payment)
NAMED(refund)
NAMED(checkout)
NAMED(operation)
NAMED(instrument)
#undef NAMED
/* clang-format on */

struct str checker_event_name(struct checker *checker, const struct event *event)
{
    return str_format(checker->arena, "event %lld of %.*s", (long long)event->sequence,
                      STR_ARG(checker_invoice_name(checker, event->invoice)));
}

struct payment_fold *checked_payment(const struct checked *checked, struct payment_id id)
{
    for (size_t i = 0; i < checked->payments.count; i++)
        if (payment_id_equal(checked->payments.items[i]->payment->id, id))
            return checked->payments.items[i];
    return NULL;
}

struct refund_fold *checked_refund(const struct checked *checked, struct refund_id id)
{
    for (size_t i = 0; i < checked->refunds.count; i++)
        if (refund_id_equal(checked->refunds.items[i]->refund->id, id))
            return checked->refunds.items[i];
    return NULL;
}

struct instrument_fold *checked_instrument(const struct checked *checked, struct instrument_id id)
{
    for (size_t i = 0; i < checked->instruments.count; i++)
        if (instrument_id_equal(checked->instruments.items[i]->instrument->id, id))
            return checked->instruments.items[i];
    return NULL;
}

/* Loading. Rows come in any order; each finds its invoice in the page. */

static int compare_ids(const void *a, const void *b)
{
    return id_compare(*(const struct id *)a, *(const struct id *)b);
}

static struct checked *owner_of(struct checker_page *page, struct invoice_id invoice)
{
    const struct id *found = bsearch(&invoice.id, page->ids, page->count, sizeof page->ids[0],
                                     compare_ids);

    assert(found != NULL);
    return &page->invoices[found - page->ids];
}

static enum err take_invoice(void *self, void *row)
{
    const struct invoice *invoice = row;
    struct checker_page *page = self;

    assert(page->count < PAGE_INVOICES);
    page->ids[page->count] = invoice->id.id;
    page->invoices[page->count++] = (struct checked){ .checker = page->checker,
                                                      .invoice = invoice };
    return OK;
}

static enum err take_payment(void *self, void *row)
{
    struct checker_page *page = self;
    struct arena *arena = page->checker->arena;
    struct payment_fold *fold = ARENA_NEW(arena, struct payment_fold);

    fold->payment = row;
    payment_fold_list_add(arena, &owner_of(page, fold->payment->invoice)->payments, fold);
    return OK;
}

static enum err take_refund(void *self, void *row)
{
    struct checker_page *page = self;
    struct arena *arena = page->checker->arena;
    struct refund_fold *fold = ARENA_NEW(arena, struct refund_fold);

    fold->refund = row;
    refund_fold_list_add(arena, &owner_of(page, fold->refund->invoice)->refunds, fold);
    return OK;
}

static enum err take_checkout(void *self, void *row)
{
    struct checker_page *page = self;
    struct arena *arena = page->checker->arena;
    struct checkout_fold *fold = ARENA_NEW(arena, struct checkout_fold);

    fold->checkout = row;
    checkout_fold_list_add(arena, &owner_of(page, fold->checkout->invoice)->checkouts, fold);
    return OK;
}

static enum err take_instrument(void *self, void *row)
{
    struct checker_page *page = self;
    struct arena *arena = page->checker->arena;
    struct instrument_fold *fold = ARENA_NEW(arena, struct instrument_fold);

    fold->instrument = row;
    instrument_fold_list_add(arena, &owner_of(page, fold->instrument->invoice)->instruments, fold);
    return OK;
}

static enum err take_operation(void *self, void *row)
{
    struct checker_page *page = self;
    struct operation *operation = row;

    operation_list_add(page->checker->arena, &owner_of(page, operation->invoice)->operations,
                       operation);
    return OK;
}

static enum err take_event(void *self, void *row)
{
    struct checker_page *page = self;
    struct event *event = row;

    event_list_add(page->checker->arena, &owner_of(page, event->invoice)->events, event);
    return OK;
}

static enum err take_checkpoint(void *self, void *row)
{
    struct checker_page *page = self;
    struct checkpoint *checkpoint = row;

    checkpoint_list_add(page->checker->arena, &owner_of(page, checkpoint->invoice)->checkpoints,
                        checkpoint);
    return OK;
}

static enum err take_attempt(void *self, void *row)
{
    struct checker_page *page = self;

    attempt_list_add(page->checker->arena, &page->attempts, row);
    return OK;
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_sequence(const void *left, const void *right)
{
    const struct event *const *a = left, *const *b = right;

    return compare_numbers((*a)->sequence, (*b)->sequence);
}

static int by_operation(const void *left, const void *right)
{
    const struct attempt *const *a = left, *const *b = right;
    int order = id_compare((*a)->operation.id, (*b)->operation.id);

    return order != 0 ? order : compare_numbers((*a)->number, (*b)->number);
}

static void sort(void *items, size_t count, int (*order)(const void *, const void *))
{
    if (count > 1)
        qsort(items, count, sizeof(void *), order);
}

static enum err load_parts(struct checker_page *page)
{
    static const struct {
        const struct table *table;
        db_load_f *take;
    } parts[] = {
        { &table_payments, take_payment },
        { &table_refunds, take_refund },
        { &table_checkouts, take_checkout },
        { &table_instruments, take_instrument },
        { &table_operations, take_operation },
        { &table_events, take_event },
        { &table_attempts, take_attempt },
        { &table_checkpoints, take_checkpoint },
    };
    struct checker *checker = page->checker;
    enum err err = OK;

    for (size_t i = 0; err == OK && i < sizeof(parts) / sizeof(parts[0]); i++)
        err = db_load(checker->db, parts[i].table, "invoice", page->ids, page->count, NULL, false,
                      checker->arena, parts[i].take, page);
    for (size_t i = 0; i < page->count; i++)
        sort(page->invoices[i].events.items, page->invoices[i].events.count, by_sequence);
    sort(page->attempts.items, page->attempts.count, by_operation);
    return err;
}

static void page_clear(struct checker_page *page)
{
    page->count = 0;
    page->attempts = (struct attempt_list){ 0 };
}

static enum err load_page(struct checker_page *page, struct invoice_id after)
{
    struct checker *checker = page->checker;
    struct db_value args[] = { DB_ID(after), DB_NUMBER(PAGE_INVOICES) };

    page_clear(page);
    enum err err = db_select(checker->db, &table_invoices, "id > $1 ORDER BY id LIMIT $2", args, 2,
                             checker->arena, take_invoice, page);
    return err == OK ? load_parts(page) : err;
}

enum err checker_load(struct checker_page *page, const struct id *ids, size_t count, bool hold)
{
    struct checker *checker = page->checker;

    page_clear(page);
    enum err err = db_load(checker->db, &table_invoices, "id", ids, count, NULL, hold,
                           checker->arena, take_invoice, page);
    return err == OK ? load_parts(page) : err;
}

/* Checking. */

/* The place of the operation's first attempt, or of what would come after it. */
static size_t first_attempt(const struct checker_page *page, struct operation_id operation)
{
    size_t low = 0, high = page->attempts.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (id_compare(page->attempts.items[middle]->operation.id, operation.id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool check_attempts(const struct checker_page *page, const struct operation *operation)
{
    struct checker *checker = page->checker;
    size_t from = first_attempt(page, operation->id);
    size_t to = from;

    while (to < page->attempts.count &&
           operation_id_equal(page->attempts.items[to]->operation, operation->id))
        to++;
    checker->report.attempts += (int64_t)(to - from);
    return checker_attempts(checker, operation, to == from ? NULL : page->attempts.items + from,
                            to - from);
}

bool checker_invoice(const struct checker_page *page, struct checked *checked)
{
    struct checker_report *report = &page->checker->report;

    report->invoices++;
    report->payments += (int64_t)checked->payments.count;
    report->refunds += (int64_t)checked->refunds.count;
    report->operations += (int64_t)checked->operations.count;
    report->events += (int64_t)checked->events.count;
    if (!checker_history(checked) || !checker_rules(checked) || !checker_instruments(checked))
        return false;
    for (size_t i = 0; i < checked->operations.count; i++)
        if (!check_attempts(page, checked->operations.items[i]))
            return false;
    return true;
}

static enum err check_invoices(struct checker *checker)
{
    struct checker_page *page = mem_alloc(sizeof *page);
    struct invoice_id after = { 0 };
    bool clean = true;
    enum err err;

    page->checker = checker;
    do {
        arena_reset(checker->arena);
        err = load_page(page, after);
        for (size_t i = 0; err == OK && clean && i < page->count; i++) {
            clean = checker_invoice(page, &page->invoices[i]);
            after = page->invoices[i].invoice->id;
        }
    } while (err == OK && clean && page->count == PAGE_INVOICES);
    mem_free(page);
    return err;
}

struct checker checker_of(struct db *db, struct arena *arena, struct arena *report_arena)
{
    return (struct checker){
        .db = db,
        .arena = arena,
        .report_arena = report_arena,
        /* Where many nodes write, each has a clock of its own. */
        .clock_slack_ms = db_is_shared(db) ? MINUTE_MS : 0,
    };
}

enum err checker_run(struct db *db, struct arena *arena, struct checker_report *out)
{
    struct arena page_arena = { 0 };
    struct checker checker = checker_of(db, &page_arena, arena);

    enum err err = db_begin(db);
    if (err == OK)
        err = check_invoices(&checker);
    if (err == OK && checker.report.invariant == NULL)
        err = checker_claims(&checker);
    if (err == OK && checker.report.invariant == NULL)
        err = checker_orphans(&checker);
    if (err == OK && checker.report.invariant == NULL)
        err = checker_webhooks(&checker);
    db_rollback(db);
    arena_done(&page_arena);
    if (err == OK)
        *out = checker.report;
    return err;
}
