/* Books that go on from an earlier point give no number twice that others may have seen. */
#include "store_fixture.h"

#include "core/books.h"
#include "store/history.h"

static const char *const counted[] = { "events", "reference:ga_1", "receipt:m_1", "probe" };

static void take_numbers(struct db *db, int64_t *out)
{
    assert_stored(db, db_begin(db));
    for (size_t i = 0; i < COUNT_OF(counted); i++)
        assert_stored(db, db_take_numbers(db, counted[i], 1, &out[i]));
    assert_stored(db, db_commit(db));
}

static bool go_on(struct store_fixture *books)
{
    struct str history;
    bool cut = true;

    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, history_go_on(books->db, books->outside.now_ms, &books->arena,
                                           &history, &cut));
    assert_stored(books->db, db_commit(books->db));
    assert_int_equal(str_is_empty(history), db_history_sql(books->db) == NULL);
    return cut;
}

static struct history_last_cut last_cut(struct store_fixture *books)
{
    struct history_last_cut cut;

    assert_stored(books->db, history_last_cut(books->db, &cut));
    return cut;
}

static void assert_skipped(const int64_t *before, const int64_t *after)
{
    assert_int_equal(after[0] - before[0], 1 + HISTORY_SKIPS_FEED);
    assert_int_equal(after[1] - before[1], 1 + HISTORY_SKIPS_OTHERS);
    assert_int_equal(after[2] - before[2], 1 + HISTORY_SKIPS_OTHERS);
    assert_int_equal(after[3] - before[3], 1);
}

static void starts_alone_cut_nothing(void **state)
{
    struct store_fixture *books = *state;
    int64_t before[COUNT_OF(counted)], after[COUNT_OF(counted)];

    take_numbers(books->db, before);
    for (int i = 0; i < 3; i++)
        assert_false(go_on(books));
    take_numbers(books->db, after);
    for (size_t i = 0; i < COUNT_OF(counted); i++)
        assert_int_equal(after[i] - before[i], 1);
    assert_false(last_cut(books).found);
}

/* As after the promotion of a standby: the server names another history than the books know. */
static void another_history_is_a_cut(void **state)
{
    struct store_fixture *books = *state;
    int64_t before[COUNT_OF(counted)], after[COUNT_OF(counted)];

    assert_false(go_on(books));
    take_numbers(books->db, before);
    assert_stored(books->db, db_query(books->db, "UPDATE histories SET history = 'another'", NULL,
                                      0, NULL, NULL));
    books->outside.now_ms += 5000;
    assert_true(go_on(books));
    assert_false(go_on(books));
    take_numbers(books->db, after);
    assert_skipped(before, after);
    assert_true(last_cut(books).found);
    assert_int_equal(last_cut(books).noticed_ms, books->outside.now_ms);
}

static void a_restored_backup_is_a_cut(void **state)
{
    struct store_fixture *books = *state;
    int64_t before[COUNT_OF(counted)], after[COUNT_OF(counted)];
    struct invoice *invoice = store_fixture_row(books, &table_invoices);
    const void *rows[] = { invoice };

    invoice->created_ms = 1700000000000;
    assert_false(go_on(books));
    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, db_insert(books->db, &table_invoices, rows, 1));
    assert_stored(books->db, db_commit(books->db));
    take_numbers(books->db, before);
    for (int64_t number = 2; number <= 3; number++) {
        assert_stored(books->db, db_begin(books->db));
        assert_stored(books->db,
                      history_cut(books->db, books->outside.now_ms, &books->arena));
        assert_stored(books->db, db_commit(books->db));
        take_numbers(books->db, after);
        assert_skipped(before, after);
        take_numbers(books->db, before);
        assert_int_equal(store_number(books->db, "SELECT max(number) FROM histories"), number);
    }
    assert_false(go_on(books));
    assert_int_equal(last_cut(books).newest_ms, invoice->created_ms);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_alone_cut_nothing),
        cmocka_unit_test(another_history_is_a_cut),
        cmocka_unit_test(a_restored_backup_is_a_cut),
    };
    return store_run("store/history", tests, COUNT_OF(tests));
}
