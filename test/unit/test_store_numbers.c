#include "store_fixture.h"

#include "core/books.h"
#include "store/db_later.h"

static int64_t take(struct db *db, const char *name, int64_t count)
{
    int64_t first = 0;

    assert_stored(db, db_take_numbers(db, name, count, &first));
    return first;
}

static void numbers_go_on_from_commit_to_commit(void **state)
{
    struct store_fixture *books = *state;
    struct db *other = store_fixture_connect(books, DB_WRITE);

    assert_stored(books->db, db_begin(books->db));
    assert_int_equal(take(books->db, "feed", 1), 1);
    assert_int_equal(take(books->db, "feed", 10), 2);
    assert_int_equal(take(books->db, "other", 5), 1);
    assert_stored(books->db, db_commit(books->db));
    assert_int_equal(take(other, "feed", 3), 12);
    store_fixture_reopen(books);
    assert_int_equal(take(books->db, "feed", 1), 15);
    assert_int_equal(take(other, "other", 1), 6);
    db_close(other);
}

static void numbers_of_a_rollback_come_again(void **state)
{
    struct store_fixture *books = *state;

    assert_int_equal(take(books->db, "feed", 4), 1);
    assert_stored(books->db, db_begin(books->db));
    assert_int_equal(take(books->db, "feed", 100), 5);
    db_rollback(books->db);
    assert_int_equal(take(books->db, "feed", 1), 5);
}

static enum err check_numbered(void *self, void *row)
{
    int64_t *next = self;

    assert_int_equal(((const struct event *)row)->number, *next);
    (*next)++;
    return OK;
}

#define PIECES 300 /* more than a statement takes */

static void inserted_rows_are_numbered_in_their_order(void **state)
{
    struct store_fixture *books = *state;
    void *rows[PIECES];
    int64_t next = 8;

    for (size_t i = 0; i < PIECES; i++) {
        struct event *event = store_fixture_row(books, &table_events);
        event->sequence = (int64_t)i + 1;
        rows[i] = event;
    }
    assert_int_equal(take(books->db, "feed", 7), 1);
    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db,
                  db_insert_numbered(books->db, &table_events, rows, PIECES - 5, "feed", true));
    for (size_t i = 0; i < PIECES - 5; i++)
        assert_int_equal(((const struct event *)rows[i])->number, 8 + (int64_t)i);
    assert_stored(books->db, db_insert_numbered(books->db, &table_events, rows + PIECES - 5, 5,
                                                "feed", false));
    assert_stored(books->db, db_commit(books->db));
    assert_stored(books->db, db_select(books->db, &table_events, "1 = 1 ORDER BY sequence", NULL, 0,
                                       &books->arena, check_numbered, &next));
    assert_int_equal(next, 8 + PIECES);
    assert_int_equal(take(books->db, "feed", 1), next);
}

static void numbers_end_without_wrapping(void **state)
{
    struct store_fixture *books = *state;
    int64_t first = 0;

    assert_int_equal(take(books->db, "feed", INT64_MAX), 1);
    assert_int_equal(db_take_numbers(books->db, "feed", 1, &first), ERR_STORE);
    assert_int_equal(first, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_go_on_from_commit_to_commit),
        cmocka_unit_test(numbers_of_a_rollback_come_again),
        cmocka_unit_test(inserted_rows_are_numbered_in_their_order),
        cmocka_unit_test(numbers_end_without_wrapping),
    };
    return store_run("store/numbers", tests, COUNT_OF(tests));
}
