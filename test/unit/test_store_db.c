#include "store_fixture.h"

#include <string.h>

#include "core/books.h"
#include "core/tenants.h"
#include "store/db_later.h"

#define MANY 183 /* no multiple of what a statement takes at once */

static struct task *make_task(struct store_fixture *books, uint8_t payment)
{
    struct task *task = store_fixture_row(books, &table_tasks);

    task->payment.id.bytes[0] = payment;
    return task;
}

static void put(struct store_fixture *books, const struct table *table, const void *row)
{
    assert_stored(books->db, db_insert(books->db, table, &row, 1));
}

struct tasks {
    struct arena *arena;
    struct task_list list;
    enum err answer;
};

static enum err take_task(void *self, void *row)
{
    struct tasks *tasks = self;

    task_list_add(tasks->arena, &tasks->list, row);
    return tasks->answer;
}

static struct tasks all_tasks(struct store_fixture *books)
{
    struct tasks tasks = { .arena = &books->arena };

    assert_stored(books->db, db_select(books->db, &table_tasks, "1 = 1 ORDER BY id", NULL, 0,
                                       &books->arena, take_task, &tasks));
    return tasks;
}

/* Rows. */

static void inserts_many_rows_at_once(void **state)
{
    struct store_fixture *books = *state;
    const void *rows[MANY];

    for (size_t i = 0; i < MANY; i++)
        rows[i] = store_fixture_row(books, &table_payments);
    assert_stored(books->db, db_insert(books->db, &table_payments, rows, MANY));
    assert_int_equal(store_count(books, books->db, &table_payments), MANY);
    assert_stored(books->db, db_insert(books->db, &table_payments, rows, 0));
}

/* Whatever their number, each row is the one that was given. */
static void inserts_keep_rows_apart(void **state)
{
    struct store_fixture *books = *state;
    const void *rows[24];

    for (size_t count = 1; count <= COUNT_OF(rows); count++) {
        for (size_t i = 0; i < count; i++) {
            struct task *task = make_task(books, (uint8_t)(i + 1));
            task->detail = str_format(&books->arena, "task %zu of %zu", i, count);
            rows[i] = task;
        }
        assert_stored(books->db, db_insert(books->db, &table_tasks, rows, count));
        struct tasks tasks = all_tasks(books);
        assert_int_equal(tasks.list.count, count);
        for (size_t i = 0; i < count; i++) {
            const struct task *found = tasks.list.items[i];
            size_t at = found->payment.id.bytes[0];
            assert_in_range(at, 1, count);
            assert_true(store_rows_equal(&table_tasks, found, rows[at - 1]));
        }
        assert_stored(books->db, db_delete(books->db, &table_tasks, rows, count));
    }
}

static void one_bad_row_fails_all(void **state)
{
    struct store_fixture *books = *state;
    const void *rows[24];

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        rows[i] = make_task(books, 1);
    rows[20] = rows[3]; /* its key is there already */
    assert_stored(books->db, db_begin(books->db));
    enum err err = db_insert(books->db, &table_tasks, rows, COUNT_OF(rows));
    if (err == OK)
        err = db_commit(books->db);
    assert_int_equal(err, ERR_STORE);
    db_rollback(books->db);
    assert_int_equal(store_count(books, books->db, &table_tasks), 0);
}

static void insert_new_tells_which_keys_were_new(void **state)
{
    struct store_fixture *books = *state;
    struct claim *claims[4];
    bool inserted[4];

    for (size_t i = 0; i < 4; i++)
        claims[i] = store_fixture_row(books, &table_claims);
    const void *before[] = { claims[1], claims[3] };
    assert_stored(books->db, db_insert_new(books->db, &table_claims, before, 2, inserted));
    assert_true(inserted[0] && inserted[1]);

    claims[1]->status = 99;
    claims[2]->key = claims[0]->key; /* twice in one call */
    const void *rows[] = { claims[0], claims[1], claims[2], claims[3] };
    assert_stored(books->db, db_insert_new(books->db, &table_claims, rows, 4, inserted));
    assert_true(inserted[0]);
    assert_false(inserted[1]);
    assert_false(inserted[2]);
    assert_false(inserted[3]);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM claims"), 3);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM claims WHERE status = 99"), 0);
}

/* Only the key is skipped: another unique index is broken by a mistake. */
static void insert_new_refuses_other_conflicts(void **state)
{
    struct store_fixture *books = *state;
    struct merchant *first = store_fixture_row(books, &table_merchants);
    struct merchant *second = store_fixture_row(books, &table_merchants);
    const void *rows[] = { first, second };
    bool inserted[2];

    first->name = second->name = STR("same");
    assert_int_equal(db_insert_new(books->db, &table_merchants, rows, 2, inserted), ERR_STORE);
}

static void update_writes_what_varies_and_nothing_else(void **state)
{
    struct store_fixture *books = *state;
    struct task *task = make_task(books, 7);
    struct task *other = make_task(books, 7);
    const void *row = task;

    task->detail = STR("capture_exhausted");
    task->closed_ms = 5;
    put(books, &table_tasks, task);
    put(books, &table_tasks, other);
    task->detail = STR("changed"); /* FIXED: not written */
    task->closed_ms = 17;
    assert_stored(books->db, db_update(books->db, &table_tasks, &row, 1));
    task->detail = STR("capture_exhausted");
    struct tasks tasks = all_tasks(books);
    assert_int_equal(tasks.list.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct task *found = tasks.list.items[i];
        const struct task *expected = task_id_equal(found->id, task->id) ? task : other;
        assert_true(store_rows_equal(&table_tasks, found, expected));
    }
}

static void update_clears_to_null(void **state)
{
    struct store_fixture *books = *state;
    struct task *task = make_task(books, 7);
    const void *row = task;

    task->closed_ms = 5;
    put(books, &table_tasks, task);
    task->closed_ms = 0;
    assert_stored(books->db, db_update(books->db, &table_tasks, &row, 1));
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM tasks WHERE closed_ms IS NULL"),
                     1);
}

static void update_of_a_missing_row_fails(void **state)
{
    struct store_fixture *books = *state;
    const void *rows[] = { make_task(books, 1), make_task(books, 2) };

    put(books, &table_tasks, rows[0]);
    assert_int_equal(db_update(books->db, &table_tasks, rows, 2), ERR_STORE);
    assert_true(text_has(db_error(books->db), "tasks"));
}

static void delete_takes_rows_by_key(void **state)
{
    struct store_fixture *books = *state;
    const void *rows[] = { make_task(books, 1), make_task(books, 2), make_task(books, 3) };

    assert_stored(books->db, db_insert(books->db, &table_tasks, rows, 3));
    assert_stored(books->db, db_delete(books->db, &table_tasks, rows, 2));
    assert_stored(books->db, db_delete(books->db, &table_tasks, rows, 1)); /* is gone */
    struct tasks tasks = all_tasks(books);
    assert_int_equal(tasks.list.count, 1);
    assert_true(store_rows_equal(&table_tasks, tasks.list.items[0], rows[2]));
}

static void loads_rows_of_the_ids(void **state)
{
    struct store_fixture *books = *state;
    struct tasks tasks = { .arena = &books->arena };
    struct id ids[3] = { { { 1 } }, { { 3 } }, { { 9 } } };

    for (uint8_t payment = 1; payment <= 3; payment++) {
        struct task *closed = make_task(books, payment);
        closed->closed_ms = 1;
        put(books, &table_tasks, make_task(books, payment));
        put(books, &table_tasks, closed);
    }
    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, db_load(books->db, &table_tasks, "payment", ids, 3, NULL, true,
                                     &books->arena, take_task, &tasks));
    assert_int_equal(tasks.list.count, 4);
    tasks.list.count = 0;
    assert_stored(books->db, db_load(books->db, &table_tasks, "payment", ids, 3,
                                     "closed_ms IS NULL OR closed_ms = 0", true, &books->arena,
                                     take_task, &tasks));
    assert_int_equal(tasks.list.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(tasks.list.items[i]->closed_ms, 0);
        assert_int_not_equal(tasks.list.items[i]->payment.id.bytes[0], 2);
    }
    tasks.list.count = 0;
    assert_stored(books->db, db_load(books->db, &table_tasks, "payment", ids, 0, NULL, true,
                                     &books->arena, take_task, &tasks));
    assert_int_equal(tasks.list.count, 0);
    assert_stored(books->db, db_commit(books->db));
}

/* What is asked for together. */

static void rows_asked_for_later_come_in_order(void **state)
{
    struct store_fixture *books = *state;
    struct tasks tasks = { .arena = &books->arena };
    int64_t now_ms = 0;

    for (uint8_t payment = 1; payment <= 3; payment++)
        put(books, &table_tasks, make_task(books, payment));
    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, db_now_later(books->db, &now_ms));
    /* More of them than a driver may want to remember. */
    for (uint8_t i = 0; i < 99; i++) {
        struct id id = { { (uint8_t)(1 + i % 3) } };
        assert_stored(books->db, db_load_later(books->db, &table_tasks, "payment", &id, 1, NULL,
                                               true, &books->arena, take_task, &tasks));
    }
    assert_stored(books->db, db_load_later(books->db, &table_tasks, "payment", NULL, 0, NULL, true,
                                           &books->arena, take_task, &tasks));
    /* What is waited for between brings nothing of it out of order. */
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM tasks"), 3);
    assert_stored(books->db, db_await(books->db));
    assert_int_not_equal(now_ms, 0);
    assert_int_equal(tasks.list.count, 99);
    for (size_t i = 0; i < 99; i++)
        assert_int_equal(tasks.list.items[i]->payment.id.bytes[0], 1 + i % 3);
    assert_stored(books->db, db_await(books->db));
    assert_int_equal(tasks.list.count, 99);
    assert_stored(books->db, db_commit(books->db));
}

static void what_was_asked_for_is_forgotten_with_the_transaction(void **state)
{
    struct store_fixture *books = *state;
    struct tasks none = { .arena = &books->arena }, tasks = none;
    struct task *task = make_task(books, 1);
    struct id id = { { 1 } };

    put(books, &table_tasks, task);
    assert_stored(books->db, db_begin(books->db));
    task->id.id.bytes[0]++;
    put(books, &table_tasks, task);
    assert_stored(books->db, db_load_later(books->db, &table_tasks, "payment", &id, 1, NULL, true,
                                           &books->arena, take_task, &none));
    none.list.count = 0;
    db_rollback(books->db);
    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, db_load_later(books->db, &table_tasks, "payment", &id, 1, NULL, true,
                                           &books->arena, take_task, &tasks));
    assert_stored(books->db, db_await(books->db));
    assert_stored(books->db, db_commit(books->db));
    assert_int_equal(none.list.count, 0);
    assert_int_equal(tasks.list.count, 1);
}

static enum err refuse_row(void *self, void *row)
{
    (void)self;
    (void)row;
    return ERR_NOT_FOUND;
}

static void what_refuses_a_row_ends_the_wait(void **state)
{
    struct store_fixture *books = *state;
    struct tasks tasks = { .arena = &books->arena };
    struct id id = { { 1 } };

    put(books, &table_tasks, make_task(books, 1));
    assert_stored(books->db, db_begin(books->db));
    enum err err = db_load_later(books->db, &table_tasks, "payment", &id, 1, NULL, true,
                                 &books->arena, refuse_row, NULL);
    if (err == OK)
        err = db_load_later(books->db, &table_tasks, "payment", &id, 1, NULL, true, &books->arena,
                            take_task, &tasks);
    assert_int_equal(err == OK ? db_await(books->db) : err, ERR_NOT_FOUND);
    assert_int_equal(tasks.list.count, 0);
    db_rollback(books->db);
}

static void select_takes_values_and_an_order(void **state)
{
    struct store_fixture *books = *state;
    struct tasks tasks = { .arena = &books->arena };
    struct task *task = make_task(books, 3);
    /* $2 before $1, $1 twice. */
    const char *where = "detail = $2 AND (created_ms > $1 OR created_ms = $1 + 1) "
                        "ORDER BY created_ms DESC LIMIT 3";
    const struct db_value args[] = { DB_NUMBER(4), DB_STR(STR("it's")) };

    task->detail = STR("it's");
    for (int64_t i = 0; i < 10; i++) {
        task->created_ms = i;
        task->id.id.bytes[15] = (uint8_t)i;
        put(books, &table_tasks, task);
    }
    assert_stored(books->db, db_select(books->db, &table_tasks, where, args, 2, &books->arena,
                                       take_task, &tasks));
    assert_int_equal(tasks.list.count, 3);
    assert_int_equal(tasks.list.items[0]->created_ms, 9);
    assert_int_equal(tasks.list.items[2]->created_ms, 7);
}

/* Queries. */

static enum err keep_values(void *self, const struct db_value *values, size_t count)
{
    memcpy(self, values, count * sizeof *values);
    assert_int_equal(values[2].bytes.len, 3);
    assert_memory_equal(values[2].bytes.ptr, "t\xc3\xa4", 3);
    assert_int_equal(values[3].bytes.len, sizeof(struct id));
    return OK;
}

static void query_gives_back_what_it_was_given(void **state)
{
    struct store_fixture *books = *state;
    struct id id = { { 1, 0, 2 } };
    const struct db_value args[] = { { DB_NULL, 0, { 0 } },
                                     DB_NUMBER(INT64_MIN),
                                     DB_STR(STR("t\xc3\xa4")),
                                     DB_ID(id),
                                     DB_STR(STR("")) };
    struct db_value values[6] = { 0 };
    const char *sql = "SELECT $1, $2, $3, $4, $5, $5 IS NULL";

    assert_stored(books->db, db_query(books->db, sql, args, 5, keep_values, values));
    assert_int_equal(values[0].type, DB_NULL);
    assert_int_equal(values[1].type, DB_INT);
    assert_int_equal(values[1].number, INT64_MIN);
    assert_int_equal(values[2].type, DB_TEXT);
    assert_int_equal(values[3].type, DB_BYTES);
    assert_int_equal(values[4].type, DB_TEXT);
    assert_int_equal(values[4].bytes.len, 0);
    assert_int_equal(values[5].number, 0);
}

static void a_row_function_can_stop(void **state)
{
    struct store_fixture *books = *state;
    struct tasks tasks = { .arena = &books->arena, .answer = ERR_NOT_FOUND };

    put(books, &table_tasks, make_task(books, 1));
    put(books, &table_tasks, make_task(books, 2));
    assert_stored(books->db, db_begin(books->db));
    assert_int_equal(
        db_select(books->db, &table_tasks, "1 = 1", NULL, 0, &books->arena, take_task, &tasks),
        ERR_NOT_FOUND);
    assert_int_equal(tasks.list.count, 1);
    /* That was no failure of the engine: the transaction goes on. */
    put(books, &table_tasks, make_task(books, 3));
    assert_stored(books->db, db_commit(books->db));
    assert_int_equal(store_count(books, books->db, &table_tasks), 3);
}

static enum err query_more(void *self, const struct db_value *values, size_t count)
{
    struct store_fixture *books = self;

    (void)values;
    (void)count;
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM tasks WHERE 2 = 2"), 2);
    return OK;
}

static void a_row_function_can_query(void **state)
{
    struct store_fixture *books = *state;

    put(books, &table_tasks, make_task(books, 1));
    put(books, &table_tasks, make_task(books, 2));
    assert_stored(books->db,
                  db_query(books->db, "SELECT id FROM tasks", NULL, 0, query_more, books));
}

static void counts_what_a_query_changed(void **state)
{
    struct store_fixture *books = *state;
    const struct db_value limit = DB_NUMBER(5);

    for (uint8_t i = 0; i < 8; i++) {
        struct task *task = make_task(books, i);
        task->created_ms = i + 1;
        put(books, &table_tasks, task);
    }
    assert_stored(books->db, db_query(books->db, "DELETE FROM tasks WHERE created_ms > $1", &limit,
                                      1, NULL, NULL));
    assert_int_equal(db_changes(books->db), 3);
    assert_stored(books->db,
                  db_query(books->db, "UPDATE tasks SET closed_ms = 1", NULL, 0, NULL, NULL));
    assert_int_equal(db_changes(books->db), 5);
}

static void wrong_sql_is_told(void **state)
{
    struct store_fixture *books = *state;

    assert_int_equal(db_query(books->db, "SELECT no_such FROM tasks", NULL, 0, NULL, NULL),
                     ERR_STORE);
    assert_true(text_has(db_error(books->db), "no_such"));
    assert_int_equal(db_script(books->db, STR("SELECT 1; SELEC 2")), ERR_STORE);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM tasks"), 0);
}

/* Transactions. */

static void rollback_leaves_nothing(void **state)
{
    struct store_fixture *books = *state;

    put(books, &table_tasks, make_task(books, 1));
    assert_stored(books->db, db_begin(books->db));
    put(books, &table_tasks, make_task(books, 2));
    assert_int_equal(store_count(books, books->db, &table_tasks), 2);
    db_rollback(books->db);
    db_rollback(books->db);
    assert_int_equal(store_count(books, books->db, &table_tasks), 1);
}

static void a_failed_transaction_takes_nothing_more(void **state)
{
    struct store_fixture *books = *state;
    const void *row = make_task(books, 1);
    const void *other = make_task(books, 2);

    assert_stored(books->db, db_begin(books->db));
    put(books, &table_tasks, row);
    enum err err = db_insert(books->db, &table_tasks, &row, 1);
    assert_int_equal(err == OK ? store_told(books->db) : err, ERR_STORE);
    struct str why = str_copy(&books->arena, db_error(books->db));
    assert_int_equal(db_insert(books->db, &table_tasks, &other, 1), ERR_STORE);
    assert_int_equal(db_query(books->db, "SELECT 1", NULL, 0, NULL, NULL), ERR_STORE);
    assert_int_equal(db_script(books->db, STR("SELECT 1")), ERR_STORE);
    assert_int_equal(db_commit(books->db), ERR_STORE);
    assert_true(str_equal(why, db_error(books->db))); /* still the reason */
    db_rollback(books->db);
    assert_int_equal(store_count(books, books->db, &table_tasks), 0);
    put(books, &table_tasks, other);
}

static void a_commit_is_seen_by_readers_and_a_snapshot_stays(void **state)
{
    struct store_fixture *books = *state;
    struct db *reader = store_fixture_connect(books, DB_READ);
    const char *count = "SELECT count(*) FROM tasks";

    assert_stored(books->db, db_begin(books->db));
    put(books, &table_tasks, make_task(books, 1));
    assert_int_equal(store_number(reader, count), 0);
    assert_stored(books->db, db_commit(books->db));
    assert_int_equal(store_number(reader, count), 1);

    assert_stored(reader, db_begin(reader));
    assert_int_equal(store_number(reader, count), 1);
    put(books, &table_tasks, make_task(books, 2));
    assert_int_equal(store_number(reader, count), 1);
    assert_stored(reader, db_commit(reader));
    assert_int_equal(store_number(reader, count), 2);
    db_close(reader);
}

static void readers_cannot_write(void **state)
{
    struct store_fixture *books = *state;
    struct db *reader = store_fixture_connect(books, DB_READ);
    const void *row = make_task(books, 1);

    assert_int_equal(db_insert(reader, &table_tasks, &row, 1), ERR_STORE);
    assert_int_equal(db_probe(reader), ERR_STORE);
    assert_int_equal(store_number(reader, "SELECT count(*) FROM tasks"), 0);
    db_close(reader);
}

static void probe_writes_and_leaves_no_transaction(void **state)
{
    struct store_fixture *books = *state;
    struct db *reader = store_fixture_connect(books, DB_READ);

    assert_stored(books->db, db_probe(books->db));
    assert_stored(books->db, db_probe(books->db));
    assert_int_equal(store_number(reader, "SELECT value FROM counters WHERE name = 'probe'"), 2);
    assert_stored(books->db, db_begin(books->db));
    db_rollback(books->db);
    db_close(reader);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(inserts_many_rows_at_once),
        cmocka_unit_test(inserts_keep_rows_apart),
        cmocka_unit_test(one_bad_row_fails_all),
        cmocka_unit_test(insert_new_tells_which_keys_were_new),
        cmocka_unit_test(insert_new_refuses_other_conflicts),
        cmocka_unit_test(update_writes_what_varies_and_nothing_else),
        cmocka_unit_test(update_clears_to_null),
        cmocka_unit_test(update_of_a_missing_row_fails),
        cmocka_unit_test(delete_takes_rows_by_key),
        cmocka_unit_test(loads_rows_of_the_ids),
        cmocka_unit_test(rows_asked_for_later_come_in_order),
        cmocka_unit_test(what_was_asked_for_is_forgotten_with_the_transaction),
        cmocka_unit_test(what_refuses_a_row_ends_the_wait),
        cmocka_unit_test(select_takes_values_and_an_order),
        cmocka_unit_test(query_gives_back_what_it_was_given),
        cmocka_unit_test(a_row_function_can_stop),
        cmocka_unit_test(a_row_function_can_query),
        cmocka_unit_test(counts_what_a_query_changed),
        cmocka_unit_test(wrong_sql_is_told),
        cmocka_unit_test(rollback_leaves_nothing),
        cmocka_unit_test(a_failed_transaction_takes_nothing_more),
        cmocka_unit_test(a_commit_is_seen_by_readers_and_a_snapshot_stays),
        cmocka_unit_test(readers_cannot_write),
        cmocka_unit_test(probe_writes_and_leaves_no_transaction),
    };
    return store_run("store/db", tests, COUNT_OF(tests));
}
