/* prune_history.c - which histories may go, and their going. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "store/checker_parts.h"
#include "store/prune_parts.h"
#include "store/query_pruned.h"

#define PAGE_HISTORIES 100
_Static_assert(PAGE_HISTORIES <= PAGE_INVOICES, "a page of the checker holds one of ours");

/* A key points at an event that is no older than itself, by the clock of one node or another. */
#define KEYS_FIRST_MS DAY_MS

/* Open tasks: few at any time. */

static enum err take_task(void *self, void *row)
{
    struct pruner *pruner = self;

    task_list_add(pruner->arena, &pruner->tasks, row);
    return OK;
}

static int by_payment(const void *a, const void *b)
{
    const struct task *const *left = a, *const *right = b;

    return id_compare((*left)->payment.id, (*right)->payment.id);
}

static enum err load_tasks(struct pruner *pruner)
{
    enum err err = db_select(pruner->db, &table_tasks, "closed_ms IS NULL AND payment IS NOT NULL",
                             NULL, 0, pruner->arena, take_task, pruner);

    if (pruner->tasks.count > 1)
        qsort(pruner->tasks.items, pruner->tasks.count, sizeof pruner->tasks.items[0], by_payment);
    return err;
}

static bool has_task(const struct pruner *pruner, struct payment_id payment)
{
    const struct task key = { .payment = payment };
    const struct task *wanted = &key;

    return pruner->tasks.count > 0 &&
           bsearch(&wanted, pruner->tasks.items, pruner->tasks.count,
                   sizeof pruner->tasks.items[0], by_payment) != NULL;
}

/* Why a history has to stay; empty when it may go. */

static struct str says(const struct checked *checked, struct str name, const char *what)
{
    return str_format(checked->checker->arena, "%.*s %s", STR_ARG(name), what);
}

static struct str payment_waits(const struct pruner *pruner, const struct checked *checked,
                                const struct payment *payment)
{
    struct checker *checker = checked->checker;
    struct str name = checker_payment_name(checker, payment->id);

    if (!machine_is_final(&machine_payment, payment->status))
        return str_format(checker->arena, "%.*s is %s", STR_ARG(name),
                          word_text(&words_payment_state, payment->status));
    if (has_task(pruner, payment->id))
        return says(checked, name, "has an open operator task");
    return (struct str){ 0 };
}

static struct str operation_waits(const struct pruner *pruner, const struct checked *checked,
                                  const struct operation *operation)
{
    struct str name = checker_operation_name(checked->checker, operation->id);

    if (operation->closed_ms == 0)
        return says(checked, name, "is open");
    if (operation->closed_ms >= pruner->plan->before_ms - KEYS_FIRST_MS)
        return says(checked, name, "ended later");
    return (struct str){ 0 };
}

static struct str reason_to_wait(const struct pruner *pruner, const struct checked *checked)
{
    struct checker *checker = checked->checker;
    size_t last = checked->events.count;
    struct str reason = { 0 };

    for (size_t i = 0; i < checked->payments.count && str_is_empty(reason); i++)
        reason = payment_waits(pruner, checked, checked->payments.items[i]->payment);
    for (size_t i = 0; i < checked->refunds.count && str_is_empty(reason); i++)
        if (checked->refunds.items[i]->refund->status == REFUND_PENDING)
            reason = says(checked,
                          checker_refund_name(checker, checked->refunds.items[i]->refund->id),
                          "is pending");
    for (size_t i = 0; i < checked->checkouts.count && str_is_empty(reason); i++)
        if (!machine_is_final(&machine_checkout, checked->checkouts.items[i]->status))
            reason = says(checked,
                          checker_checkout_name(checker, checked->checkouts.items[i]->checkout->id),
                          "is not over");
    /* A card that is kept is at rest, not at its end. */
    for (size_t i = 0; i < checked->instruments.count && str_is_empty(reason); i++)
        if (checked->instruments.items[i]->instrument->status == INSTRUMENT_PENDING)
            reason = says(checked, checker_instrument_name(
                                       checker, checked->instruments.items[i]->instrument->id),
                          "is pending");
    for (size_t i = 0; i < checked->operations.count && str_is_empty(reason); i++)
        reason = operation_waits(pruner, checked, checked->operations.items[i]);
    if (str_is_empty(reason) && last > 0 && checked->events.items[last - 1]->occurred_ms >=
                                                pruner->plan->before_ms - KEYS_FIRST_MS)
        reason = says(checked, checker_invoice_name(checker, checked->invoice->id),
                      "changed later");
    return reason;
}

/* Broken history is evidence. The first finding is reported; what else is sound still goes. */
static struct str broken(struct pruner *pruner, const struct checker_page *page,
                         struct checked *checked)
{
    struct checker_report *found = &page->checker->report;

    if (checker_invoice(page, checked))
        return (struct str){ 0 };
    if (pruner->report.invariant == NULL) {
        pruner->report.invariant = found->invariant;
        pruner->report.row = found->row;
        pruner->report.wrong = found->wrong;
    }
    struct str reason = str_format(checked->checker->arena, "%.*s breaks %s", STR_ARG(found->row),
                                   found->invariant);
    found->invariant = NULL;
    return reason;
}

/* A page of histories that go. */
struct page_rows {
    struct checkpoint_list checkpoints;
    const void **invoices;
    struct id *ids;
    size_t count;
};

static void note_waiting(struct pruner *pruner, const struct prune_pass *pass, struct str reason)
{
    (*pass->waiting)++;
    if (str_is_empty(*pass->reason))
        *pass->reason = str_copy(pruner->arena, reason);
}

static void sort_page(struct pruner *pruner, struct checker_page *page,
                      const struct prune_pass *pass, struct page_rows *rows)
{
    struct arena *arena = page->checker->arena;

    rows->invoices = ARENA_ARRAY(arena, const void *, page->count);
    rows->ids = ARENA_ARRAY(arena, struct id, page->count);
    for (size_t i = 0; i < page->count; i++) {
        struct checked *checked = &page->invoices[i];
        struct str reason = broken(pruner, page, checked);
        if (str_is_empty(reason))
            reason = reason_to_wait(pruner, checked);
        if (!str_is_empty(reason)) {
            note_waiting(pruner, pass, reason);
            continue;
        }
        struct invoice *marked = arena_copy(arena, checked->invoice, sizeof *marked);
        marked->checkpointed = true;
        marked->late = false;
        rows->ids[rows->count] = marked->id.id;
        rows->invoices[rows->count++] = marked;
        checkpoints_make(checked, pruner->now_ms, &rows->checkpoints);
    }
}

static enum err write_checkpoints(struct db *db, const struct checkpoint_list *list,
                                  struct arena *arena)
{
    bool *inserted = ARENA_ARRAY(arena, bool, list->count);
    const void **again = ARENA_ARRAY(arena, const void *, list->count);
    size_t count = 0;
    enum err err = db_insert_new(db, &table_checkpoints, (const void *const *)list->items,
                                 list->count, inserted);

    for (size_t i = 0; err == OK && i < list->count; i++)
        if (!inserted[i])
            again[count++] = list->items[i];
    return err == OK && count > 0 ? db_update(db, &table_checkpoints, again, count) : err;
}

enum err prune_feed_note(struct pruner *pruner, struct merchant_id merchant, bool live,
                         int64_t number)
{
    struct str name = query_pruned_counter(merchant, live, &pruner->scratch);
    struct db_value args[] = { DB_STR(name), DB_NUMBER(number) };

    return db_query(pruner->db,
                    "INSERT INTO counters (name, value) VALUES ($1, $2) ON CONFLICT (name)"
                    " DO UPDATE SET value = $2 WHERE counters.value < $2",
                    args, 2, NULL, NULL);
}

static enum err delete_history(struct pruner *pruner, const struct page_rows *rows)
{
    static const char *const sql[] = {
        "DELETE FROM operations WHERE invoice = $1",
        "DELETE FROM attempts WHERE invoice = $1",
        "DELETE FROM events WHERE invoice = $1",
    };
    enum err err = OK;

    for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++)
        for (size_t j = 0; err == OK && j < rows->count; j++) {
            struct db_value args[] = { DB_ID(rows->ids[j]) };
            err = db_query(pruner->db, sql[i], args, 1, NULL, NULL);
        }
    /* The first of an invoice's checkpoints is the invoice's own. */
    for (size_t i = 0, at = 0; err == OK && i < rows->count; i++) {
        const struct invoice *invoice = rows->invoices[i];
        while (!id_equal(rows->checkpoints.items[at]->object, invoice->id.id))
            at++;
        err = prune_feed_note(pruner, invoice->merchant, invoice->live,
                              rows->checkpoints.items[at]->number);
    }
    return err;
}

static enum err write_page(struct pruner *pruner, const struct prune_pass *pass,
                           const struct page_rows *rows)
{
    struct db *db = pruner->db;

    if (rows->count == 0)
        return OK;
    pruner->report.checkpoints += (int64_t)rows->checkpoints.count;
    if (pass->remove)
        pruner->report.histories += (int64_t)rows->count;
    if (pruner->plan->dry_run)
        return OK;
    enum err err = write_checkpoints(db, &rows->checkpoints, &pruner->scratch);
    if (err == OK)
        err = db_update(db, &table_invoices, rows->invoices, rows->count);
    if (err == OK && pass->remove)
        err = delete_history(pruner, rows);
    return err;
}

static enum err prune_page(struct pruner *pruner, struct checker_page *page,
                           const struct prune_pass *pass, const struct id *ids, size_t count)
{
    struct page_rows rows = { 0 };
    enum err err = db_begin(pruner->db);

    if (err == OK)
        err = checker_load(page, ids, count, !pruner->plan->dry_run);
    if (err == OK) {
        sort_page(pruner, page, pass, &rows);
        err = write_page(pruner, pass, &rows);
    }
    return pruner_end(pruner, err);
}

struct id_page {
    struct id ids[PAGE_HISTORIES];
    size_t count;
};

static enum err take_id(void *self, const struct db_value *values, size_t count)
{
    struct id_page *page = self;
    struct id *id = &page->ids[page->count++];

    assert(page->count <= PAGE_HISTORIES);
    if (count != 1 || values[0].type != DB_BYTES || values[0].bytes.len != sizeof id->bytes)
        return ERR_STORE;
    memcpy(id->bytes, values[0].bytes.ptr, sizeof id->bytes);
    return OK;
}

enum err prune_pass_run(struct pruner *pruner, struct prune_pass *pass)
{
    struct checker checker = checker_of(pruner->db, &pruner->scratch, pruner->arena);
    struct checker_page *page = mem_alloc(sizeof *page);
    struct id_page found;
    enum err err;

    page->checker = &checker;
    do {
        struct db_value args[] = { DB_ID(pass->after), DB_ID(pass->before),
                                   DB_NUMBER(PAGE_HISTORIES) };
        arena_reset(&pruner->scratch);
        found.count = 0;
        err = db_query(pruner->db, pass->select, args, 3, take_id, &found);
        if (err == OK && found.count > 0) {
            err = prune_page(pruner, page, pass, found.ids, found.count);
            pass->after = found.ids[found.count - 1];
        }
        pruner_step_done(pruner);
    } while (pruner_may_go_on(pruner, err) && found.count == PAGE_HISTORIES);
    mem_free(page);
    return err;
}

/* What lies in no month. An enquiry about a payment whose history went leaves an operation and
 * no event. */
static enum err prune_rows(struct pruner *pruner, int64_t before_ms)
{
#define OF(table)                                                                                  \
    "SELECT DISTINCT invoice FROM " table " WHERE invoice > $1 AND invoice < $2"                   \
    " ORDER BY invoice LIMIT $3"
    static const char *const whole[] = { OF("events"), OF("operations") };
    static const char *const rest[] = { OF("events_rest"), OF("operations_rest") };
#undef OF
    int64_t counted = 0;
    enum err err = OK;

    for (size_t i = 0; i < 2 && pruner_may_go_on(pruner, err); i++) {
        struct prune_pass pass = {
            .select = periods_are_used(pruner->db) ? rest[i] : whole[i],
            .before = id_first_at(before_ms),
            .remove = true,
            .waiting = i == 0 ? &pruner->report.waiting : &counted,
            .reason = &pruner->report.reason,
        };
        /* A dry run has left what the second pass would not find any more. */
        if (i == 0 || !pruner->plan->dry_run)
            err = prune_pass_run(pruner, &pass);
    }
    return err;
}

enum err prune_histories(struct pruner *pruner)
{
    int64_t before_ms = pruner->plan->before_ms - KEYS_FIRST_MS;
    enum err err = load_tasks(pruner);

    if (err == OK)
        err = prune_months(pruner, before_ms);
    return pruner_may_go_on(pruner, err) ? prune_rows(pruner, before_ms) : err;
}
