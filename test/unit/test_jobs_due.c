/* The clock's work, found in real books: what is due, when the next is, and in which order. */
#include "store_fixture.h"

#include "core/books.h"
#include "core/requests.h"
#include "core/tenants.h"
#include "jobs/jobs.h"

#define NOW_MS INT64_C(5000)
#define LIMIT 100

static const struct job *job_named(const char *name)
{
    for (size_t i = 0; jobs[i]; i++)
        if (str_equal_c(str_of(name), jobs[i]->name))
            return jobs[i];
    fail_msg("no job %s", name);
    return NULL;
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

static struct payment payment_due(struct store_fixture *books, int64_t due_ms)
{
    struct payment *row = store_fixture_row(books, &table_payments);
    row->status = PAYMENT_AUTHORIZED;
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

/* Their turns fail every time, so they stay due: page by page the look comes to the next. */
static void the_stuck_hide_none_behind_them(void **state)
{
    struct store_fixture *books = *state;
    static const int stuck[] = { 50, 300 };
    for (size_t n = 0; n < COUNT_OF(stuck); n++) {
        for (int i = 0; i < stuck[n]; i++)
            operation_due(books, 100);
        struct operation behind = operation_due(books, 200 + (int64_t)n);
        struct job_found found = { .more = true };
        size_t seen = 0;
        while (found.more) {
            found = (struct job_found){ .arena = &books->arena, .place = found.place };
            assert_stored(books->db, job_named("resolve")->find(books->db, NOW_MS, 50, &found));
            seen += found.inputs.count;
        }
        assert_int_equal(seen, n == 0 ? 51 : 352);
        assert_int_equal(found.place.due_ms, 200 + (int64_t)n);
        assert_true(id_equal(behind.id.id, found.place.id));
    }
}

static void payments_go_on_behind_the_last_page(void **state)
{
    struct store_fixture *books = *state;
    for (int i = 0; i < 7; i++)
        payment_due(books, 100 + i / 3);
    struct job_found found = { .more = true };
    size_t seen = 0;
    while (found.more) {
        found = (struct job_found){ .arena = &books->arena, .place = found.place };
        assert_stored(books->db, job_named("payments")->find(books->db, NOW_MS, 2, &found));
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

static void payments_whose_time_has_come_are_found(void **state)
{
    struct store_fixture *books = *state;
    payment_due(books, NOW_MS + 1);
    payment_due(books, 0);
    struct payment due = payment_due(books, NOW_MS);
    struct job_found found = found_by(books, "payments", LIMIT);
    assert_int_equal(found.inputs.count, 1);
    assert_true(payment_id_equal(found.inputs.items[0]->payment, due.id));
    assert_ptr_equal(found.inputs.items[0]->handler, &turn_payment_due);
    assert_int_equal(found.next_due_ms, NOW_MS + 1);
}

static void nothing_due_is_nothing_to_wake_up_for(void **state)
{
    struct store_fixture *books = *state;
    for (size_t i = 0; jobs[i]; i++) {
        struct job_found found = found_by(books, jobs[i]->name, LIMIT);
        assert_int_equal(found.inputs.count, 0);
        assert_int_equal(found.next_due_ms, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_operations_are_found_and_the_next_is_told),
        cmocka_unit_test(longest_due_come_first_and_the_rest_on_the_next_look),
        cmocka_unit_test(the_stuck_hide_none_behind_them),
        cmocka_unit_test(payments_go_on_behind_the_last_page),
        cmocka_unit_test(what_a_dead_run_was_sending_is_due),
        cmocka_unit_test(payments_whose_time_has_come_are_found),
        cmocka_unit_test(nothing_due_is_nothing_to_wake_up_for),
    };
    return store_run("jobs", tests, COUNT_OF(tests));
}
