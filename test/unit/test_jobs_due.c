/* The clock's work, found in real books: what is due, when the next is, and in which order. */
#include "store_fixture.h"

#include "core/books.h"
#include "core/requests.h"
#include "core/tenants.h"
#include "jobs/jobs.h"
#include "store/query_jobs.h"

#define NOW_MS INT64_C(5000)
#define LIMIT 100

static const struct job *job_named(const char *name)
{
    enum job_kind kind = job_of(str_of(name));
    assert_int_not_equal(kind, JOB_NONE);
    return jobs[kind];
}

static struct job_found found_by(struct store_fixture *books, const char *name, size_t limit)
{
    struct job_found found = { .arena = &books->arena };
    assert_stored(books->db, job_named(name)->find(books->db, NOW_MS, limit, &found));
    return found;
}

static struct operation operation_due(struct store_fixture *books, int64_t due_ms)
{
    struct operation *row = store_fixture_row(books, &table_operations);
    row->kind = OPERATION_KIND_REFUND;
    row->state = OPERATION_UNKNOWN;
    row->due_ms = due_ms;
    row->invoice.id = row->id.id;
    const void *rows[] = { row };
    assert_stored(books->db, db_insert(books->db, &table_operations, rows, 1));
    return *row;
}

/* One whose capture is due, or one that expires. */
static struct payment payment_due(struct store_fixture *books, int64_t due_ms, bool to_capture)
{
    struct payment *row = store_fixture_row(books, &table_payments);
    row->status = PAYMENT_AUTHORIZED;
    row->capture_method = to_capture ? CAPTURE_METHOD_AUTOMATIC : CAPTURE_METHOD_MANUAL;
    row->cancel_reason = CANCEL_REASON_NONE;
    row->expires_ms = NOW_MS + 5000;
    row->check_ms = 0;
    row->due_ms = due_ms;
    row->invoice.id = row->id.id;
    const void *rows[] = { row };
    assert_stored(books->db, db_insert(books->db, &table_payments, rows, 1));
    return *row;
}

static struct run run_lapsing(struct store_fixture *books, int64_t lapses_ms)
{
    struct run *row = store_fixture_row(books, &table_runs);
    row->lapses_ms = lapses_ms;
    const void *rows[] = { row };
    assert_stored(books->db, db_insert(books->db, &table_runs, rows, 1));
    return *row;
}

static struct operation operation_sent_by(struct store_fixture *books, struct run_id run)
{
    struct operation *row = store_fixture_row(books, &table_operations);
    row->kind = OPERATION_KIND_CAPTURE;
    row->state = OPERATION_SENDING;
    row->run = run;
    row->invoice.id = row->id.id;
    const void *rows[] = { row };
    assert_stored(books->db, db_insert(books->db, &table_operations, rows, 1));
    return *row;
}

static void due_operations_are_found_and_the_next_is_told(void **state)
{
    struct store_fixture *books = *state;
    operation_due(books, NOW_MS + 700);
    struct operation later = operation_due(books, NOW_MS);
    struct operation sooner = operation_due(books, 1000);
    operation_due(books, 0);
    struct job_found found = found_by(books, "resolve", LIMIT);
    assert_int_equal(found.inputs.count, 2);
    assert_true(operation_id_equal(found.inputs.items[0]->operation, sooner.id));
    assert_true(operation_id_equal(found.inputs.items[1]->operation, later.id));
    assert_true(invoice_id_equal(found.inputs.items[0]->invoice, sooner.invoice));
    assert_ptr_equal(found.inputs.items[0]->handler, &turn_operation_due);
    assert_int_equal(found.next_due_ms, NOW_MS + 700);
}

/* Fifty that stay undecided have later due times of their own: the next one is not hidden. */
static void longest_due_come_first_and_the_rest_on_the_next_look(void **state)
{
    struct store_fixture *books = *state;
    for (int i = 0; i < 51; i++)
        operation_due(books, 100 + i);
    struct job_found found = found_by(books, "resolve", 50);
    assert_int_equal(found.inputs.count, 50);
    const void *rows[50];
    for (size_t i = 0; i < 50; i++) {
        struct operation *row = ARENA_NEW(&books->arena, struct operation);
        row->id = found.inputs.items[i]->operation;
        row->invoice = found.inputs.items[i]->invoice;
        row->kind = OPERATION_KIND_REFUND;
        row->state = OPERATION_UNKNOWN;
        row->due_ms = NOW_MS + 1;
        rows[i] = row;
    }
    assert_stored(books->db, db_update(books->db, &table_operations, rows, 50));
    found = found_by(books, "resolve", 50);
    assert_int_equal(found.inputs.count, 1);
    assert_int_equal(found.next_due_ms, NOW_MS + 1);
}

static void insert(struct store_fixture *books, const struct table *table, const void *row)
{
    assert_stored(books->db, db_insert(books->db, table, &row, 1));
}

#define ROW_OF_ONE_ID(kind, table, due)                                                            \
    static void kind##_at(struct store_fixture *books, int64_t due_ms)                             \
    {                                                                                              \
        struct kind *row = store_fixture_row(books, &table);                                       \
        row->due = due_ms;                                                                         \
        insert(books, &table, row);                                                                \
    }
ROW_OF_ONE_ID(checkout, table_checkouts, due_ms)
ROW_OF_ONE_ID(webhook_replay, table_webhook_replays, due_ms)

static void notice_at(struct store_fixture *books, int64_t due_ms)
{
    struct notice *row = store_fixture_row(books, &table_notices);
    row->due_ms = due_ms;
    row->digest = crypto_sha256(str_make((const char *)row->id.id.bytes, sizeof row->id.id.bytes));
    insert(books, &table_notices, row);
}

static void check_at(struct store_fixture *books, int64_t due_ms)
{
    struct payment *row = store_fixture_row(books, &table_payments);
    row->due_ms = 0;
    row->check_ms = due_ms;
    insert(books, &table_payments, row);
}

static void capture_at(struct store_fixture *books, int64_t due_ms)
{
    (void)payment_due(books, due_ms, true);
}

static void expiry_at(struct store_fixture *books, int64_t due_ms)
{
    (void)payment_due(books, due_ms, false);
}

static void operation_at(struct store_fixture *books, int64_t due_ms)
{
    (void)operation_due(books, due_ms);
}

static const struct {
    enum job_kind job;
    void (*insert)(struct store_fixture *books, int64_t due_ms);
} row_jobs[] = {
    { JOB_RESOLVE, operation_at },      { JOB_CAPTURE, capture_at },
    { JOB_EXPIRE, expiry_at },          { JOB_NOTIFICATIONS, notice_at },
    { JOB_CHECKOUTS, checkout_at },     { JOB_REPLAYS, webhook_replay_at },
    { JOB_RECONCILE, check_at },
};

/* They stay due, as when their turns fail every time: page by page the look comes to the next. */
static void fifty_that_stay_undecided_never_hide_the_fifty_first(void **state)
{
    struct store_fixture *books = *state;
    for (size_t n = 0; n < COUNT_OF(row_jobs); n++) {
        const char *name = job_terms[row_jobs[n].job].name;
        struct job_found found = { .more = true };
        size_t seen = 0;
        for (int i = 0; i < 50; i++)
            row_jobs[n].insert(books, 100);
        row_jobs[n].insert(books, 200);
        while (found.more) {
            found = (struct job_found){ .arena = &books->arena, .place = found.place };
            assert_stored(books->db, job_named(name)->find(books->db, NOW_MS, 50, &found));
            seen += found.inputs.count;
        }
        assert_int_equal(seen, 51);
        assert_int_equal(found.place.due_ms, 200);
    }
}

static void a_page_ends_between_two_that_are_due_together(void **state)
{
    struct store_fixture *books = *state;
    for (int i = 0; i < 7; i++)
        payment_due(books, 100 + i / 3, false);
    struct job_found found = { .more = true };
    size_t seen = 0;
    while (found.more) {
        found = (struct job_found){ .arena = &books->arena, .place = found.place };
        assert_stored(books->db, job_named("expire")->find(books->db, NOW_MS, 2, &found));
        seen += found.inputs.count;
    }
    assert_int_equal(seen, 7);
}

static void what_a_dead_run_was_sending_is_due(void **state)
{
    struct store_fixture *books = *state;
    struct run dead = run_lapsing(books, NOW_MS - 1), alive = run_lapsing(books, NOW_MS + 1);
    struct operation lost = operation_sent_by(books, dead.id);
    operation_sent_by(books, alive.id);
    struct job_found found = found_by(books, "resolve", LIMIT);
    assert_int_equal(found.inputs.count, 1);
    assert_true(operation_id_equal(found.inputs.items[0]->operation, lost.id));
    const struct operation_due *ask = found.inputs.items[0]->ask;
    assert_true(run_id_equal(ask->lapsed_run, dead.id));
}

static void captures_and_what_expires_are_told_apart(void **state)
{
    struct store_fixture *books = *state;
    payment_due(books, NOW_MS + 1, false);
    struct payment expired = payment_due(books, NOW_MS, false);
    struct payment refused = payment_due(books, NOW_MS - 1, true);
    payment_due(books, NOW_MS + 2, true);
    struct job_found found = found_by(books, "expire", LIMIT);
    assert_int_equal(found.inputs.count, 1);
    assert_true(payment_id_equal(found.inputs.items[0]->payment, expired.id));
    assert_ptr_equal(found.inputs.items[0]->handler, &turn_payment_due);
    assert_int_equal(found.next_due_ms, NOW_MS + 1);
    found = found_by(books, "capture", LIMIT);
    assert_int_equal(found.inputs.count, 1);
    assert_true(payment_id_equal(found.inputs.items[0]->payment, refused.id));
    assert_int_equal(found.next_due_ms, NOW_MS + 2);
}

static void what_is_due_is_counted_with_its_age(void **state)
{
    struct store_fixture *books = *state;
    const struct job_row none = { 0 };
    for (size_t n = 0; n < COUNT_OF(row_jobs); n++) {
        struct job_due due = { 0 };
        assert_stored(books->db, query_job_due(books->db, row_jobs[n].job, &none, NOW_MS, &due));
        assert_int_equal(due.count, 0);
        assert_int_equal(due.oldest_ms, 0);
        row_jobs[n].insert(books, NOW_MS + 1);
        row_jobs[n].insert(books, 700);
        row_jobs[n].insert(books, 300);
        assert_stored(books->db, query_job_due(books->db, row_jobs[n].job, &none, NOW_MS, &due));
        assert_int_equal(due.count, 2);
        assert_int_equal(due.oldest_ms, 300);
    }
}

static void nothing_due_is_nothing_to_wake_up_for(void **state)
{
    struct store_fixture *books = *state;
    for (unsigned kind = 1; kind < JOB_COUNT; kind++) {
        if (!jobs[kind]->find)
            continue;
        struct job_found found = found_by(books, job_terms[kind].name, LIMIT);
        assert_int_equal(found.inputs.count, 0);
        assert_int_equal(found.next_due_ms, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_operations_are_found_and_the_next_is_told),
        cmocka_unit_test(longest_due_come_first_and_the_rest_on_the_next_look),
        cmocka_unit_test(fifty_that_stay_undecided_never_hide_the_fifty_first),
        cmocka_unit_test(a_page_ends_between_two_that_are_due_together),
        cmocka_unit_test(what_a_dead_run_was_sending_is_due),
        cmocka_unit_test(captures_and_what_expires_are_told_apart),
        cmocka_unit_test(what_is_due_is_counted_with_its_age),
        cmocka_unit_test(nothing_due_is_nothing_to_wake_up_for),
    };
    return store_run("jobs", tests, COUNT_OF(tests));
}
