/* test_store_periods.c - months that have parts of their own (store/periods.h). */
#include "store/periods.h"

#include <string.h>

#include "base/time.h"
#include "core/books.h"
#include "store_fixture.h"

#define MARCH_MS  INT64_C(1772323200000)     /* 2026-03-01 */
#define APRIL_MS  INT64_C(1775001600000)
#define MAY_MS    INT64_C(1777593600000)

static struct id id_at(struct store_fixture *books, int64_t time_ms)
{
    struct id id = id_first_at(time_ms);

    id.bytes[15] = (uint8_t)store_fixture_random(books, 256);
    id.bytes[14] = (uint8_t)store_fixture_random(books, 256);
    return id;
}

static struct event *event_at(struct store_fixture *books, int64_t time_ms)
{
    struct event *event = store_fixture_row(books, &table_events);

    event->invoice.id = id_at(books, time_ms);
    event->number = (int64_t)store_fixture_random(books, INT64_MAX);
    return event;
}

static enum err put(struct store_fixture *books, const struct table *table, const void *row)
{
    return db_insert(books->db, table, &row, 1);
}

static size_t count_months(struct store_fixture *books, struct period_list *out)
{
    *out = (struct period_list){ 0 };
    assert_stored(books->db, periods_list(books->db, &books->arena, out));
    return out->count;
}

static void months_begin_where_the_calendar_says(void **state)
{
    struct store_fixture *books = *state;
    struct period march = period_at(MARCH_MS), december = { 2026, 12 };

    assert_int_equal(march.month, 3);
    assert_int_equal(period_at(MARCH_MS - 1).month, 2);
    assert_int_equal(period_start_ms(march), MARCH_MS);
    assert_int_equal(period_start_ms(period_next(march)), APRIL_MS);
    assert_int_equal(period_next(december).year, 2027);
    assert_int_equal(period_next(december).month, 1);
    assert_true(str_equal_c(period_text(march, &books->arena), "2026-03"));
    assert_int_equal(id_time_ms(id_first_at(MARCH_MS)), MARCH_MS);
}

static void months_are_made_once(void **state)
{
    struct store_fixture *books = *state;
    struct period_list months;

    assert_int_equal(count_months(books, &months), 0);
    for (int i = 0; i < 2; i++) {
        assert_stored(books->db, periods_make(books->db, MARCH_MS, MAY_MS));
        if (!periods_are_used(books->db)) {
            assert_int_equal(count_months(books, &months), 0);
            continue;
        }
        assert_int_equal(count_months(books, &months), 3);
        assert_int_equal(months.items[0]->month, 3);
        assert_int_equal(months.items[2]->month, 5);
    }
}

/* Whatever the engine, all rows are seen, and a key is taken once. */
static void rows_are_found_whatever_month_they_lie_in(void **state)
{
    struct store_fixture *books = *state;
    struct event *rows[] = { event_at(books, MARCH_MS - 1), event_at(books, MARCH_MS),
                             event_at(books, APRIL_MS - 1), event_at(books, APRIL_MS),
                             event_at(books, MAY_MS + DAY_MS * 400) };

    assert_stored(books->db, periods_make(books->db, MARCH_MS, APRIL_MS));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_stored(books->db, put(books, &table_events, rows[i]));
    assert_int_equal(store_count(books, books->db, &table_events), COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(put(books, &table_events, rows[i]), ERR_STORE);
}

/* The month was made too late: what came meanwhile moves into it and goes with it. */
static void the_rest_gives_up_what_has_a_month_now(void **state)
{
    struct store_fixture *books = *state;
    struct event *march = event_at(books, MARCH_MS), *april = event_at(books, APRIL_MS);

    if (!periods_are_used(books->db))
        return;
    assert_stored(books->db, put(books, &table_events, march));
    assert_stored(books->db, put(books, &table_events, april));
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM events_rest"), 2);
    assert_stored(books->db, periods_make(books->db, MARCH_MS, MARCH_MS));
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM events_rest"), 1);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM events_2026_03"), 1);
    assert_int_equal(store_count(books, books->db, &table_events), 2);
}

static void drop_march(struct store_fixture *books)
{
    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, periods_hold(books->db));
    assert_stored(books->db, periods_drop(books->db, period_at(MARCH_MS)));
    assert_stored(books->db, db_commit(books->db));
}

static void a_dropped_month_takes_its_rows_and_no_others(void **state)
{
    struct store_fixture *books = *state;
    struct event *march = event_at(books, MARCH_MS), *april = event_at(books, APRIL_MS);
    struct period_list months;

    if (!periods_are_used(books->db))
        return;
    assert_stored(books->db, periods_make(books->db, MARCH_MS, APRIL_MS));
    assert_stored(books->db, put(books, &table_events, march));
    assert_stored(books->db, put(books, &table_events, april));
    drop_march(books);
    assert_int_equal(count_months(books, &months), 1);
    assert_int_equal(store_count(books, books->db, &table_events), 1);
    /* What comes late lies in the rest. */
    march->sequence++;
    assert_stored(books->db, put(books, &table_events, march));
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM events_rest"), 1);
}

/* Within a month the engine holds what the code makes unique over all. */
static void a_place_in_the_feed_is_taken_once_in_a_month(void **state)
{
    struct store_fixture *books = *state;
    struct event *first = event_at(books, MARCH_MS), *second = event_at(books, MARCH_MS + 1);

    assert_stored(books->db, periods_make(books->db, MARCH_MS, APRIL_MS));
    second->number = first->number;
    first->merchant.id = second->merchant.id = id_at(books, MARCH_MS);
    second->live = first->live;
    assert_stored(books->db, put(books, &table_events, first));
    assert_int_equal(put(books, &table_events, second), ERR_STORE);
}

/* Two payments of an account never have one order number, in whatever months they are. */
static void an_order_number_is_taken_once(void **state)
{
    struct store_fixture *books = *state;
    struct payment *first = store_fixture_row(books, &table_payments);
    struct payment *second = store_fixture_row(books, &table_payments);

    first->id.id = id_at(books, MARCH_MS);
    second->id.id = id_at(books, APRIL_MS);
    first->gateway_account.id = second->gateway_account.id = id_at(books, MARCH_MS);
    first->order_reference = second->order_reference = STR("000100001");
    assert_stored(books->db, put(books, &table_payments, first));
    assert_int_equal(put(books, &table_payments, second), ERR_STORE);
}

/* A reader that takes its time, a doctor for one, is not waited for while all others wait. */
static void a_month_is_not_dropped_while_it_is_read(void **state)
{
    struct store_fixture *books = *state;

    if (!periods_are_used(books->db))
        return;
    assert_stored(books->db, periods_make(books->db, MARCH_MS, MARCH_MS));
    struct db *reader = store_fixture_connect(books, DB_READ);
    assert_stored(reader, db_begin(reader));
    assert_int_equal(store_number(reader, "SELECT count(*) FROM events"), 0);
    assert_stored(books->db, db_begin(books->db));
    assert_int_equal(periods_hold(books->db), ERR_STORE_BUSY);
    db_rollback(books->db);
    db_rollback(reader);
    db_close(reader);
    drop_march(books);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(months_begin_where_the_calendar_says),
        cmocka_unit_test(months_are_made_once),
        cmocka_unit_test(rows_are_found_whatever_month_they_lie_in),
        cmocka_unit_test(the_rest_gives_up_what_has_a_month_now),
        cmocka_unit_test(a_dropped_month_takes_its_rows_and_no_others),
        cmocka_unit_test(a_place_in_the_feed_is_taken_once_in_a_month),
        cmocka_unit_test(an_order_number_is_taken_once),
        cmocka_unit_test(a_month_is_not_dropped_while_it_is_read),
    };
    return store_run("store/periods", tests, COUNT_OF(tests));
}
