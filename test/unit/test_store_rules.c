/* What the database itself refuses, so that a mistake in the code cannot write it. */
#include "store_fixture.h"

#include <string.h>

#include "core/books.h"
#include "core/tenants.h"

static enum err run_script(struct store_fixture *books, const char *sql)
{
    return db_script(books->db, str_of(sql));
}

/* In a transaction that does not stay. */
static enum err try_script(struct store_fixture *books, const char *sql)
{
    assert_stored(books->db, db_begin(books->db));
    enum err err = run_script(books, sql);
    db_rollback(books->db);
    return err;
}

static void insert(struct store_fixture *books, const struct table *table, const void *row)
{
    assert_stored(books->db, db_insert(books->db, table, &row, 1));
}

static enum err try_insert(struct store_fixture *books, const struct table *table, const void *row)
{
    assert_stored(books->db, db_begin(books->db));
    enum err err = db_insert(books->db, table, &row, 1);
    if (err == OK)
        err = store_told(books->db);
    db_rollback(books->db);
    return err;
}

static const char *set_word(struct store_fixture *books, const struct table *table,
                            const struct column *column, const char *word)
{
    return str_format(&books->arena, "UPDATE %s SET %s = '%s'", table->name, column->name, word)
        .ptr;
}

static void check_word_column(struct store_fixture *books, const struct table *table,
                              const struct column *column)
{
    static const char *const others[] = { "", "nothing", "unknown_word", "CAPTURED", "captured " };

    for (size_t i = 1; i < column->words->count; i++) {
        const char *sql = set_word(books, table, column, column->words->words[i]);
        assert_stored(books->db, try_script(books, sql));
    }
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_int_equal(try_script(books, set_word(books, table, column, others[i])), ERR_STORE);
}

static void word_columns_take_exactly_their_words(void **state)
{
    struct store_fixture *books = *state;
    size_t checked = 0;

    for (size_t t = 0; store_tables[t] != NULL; t++) {
        const struct table *table = store_tables[t];
        void *row = store_fixture_row(books, table);
        if (table == &table_instruments)
            ((struct instrument *)row)->token = STR("t");
        insert(books, table, row);
        for (size_t i = 0; i < table->column_count; i++) {
            if (table->columns[i].kind != COLUMN_WORD)
                continue;
            check_word_column(books, table, &table->columns[i]);
            checked++;
        }
    }
    assert_true(checked > 10);
}

static void columns_refuse_null_where_it_means_nothing(void **state)
{
    struct store_fixture *books = *state;

    for (size_t t = 0; store_tables[t] != NULL; t++) {
        const struct table *table = store_tables[t];
        insert(books, table, store_fixture_row(books, table));
        for (size_t i = 0; i < table->column_count; i++) {
            const struct column *column = &table->columns[i];
            const char *sql =
                str_format(&books->arena, "UPDATE %s SET %s = NULL", table->name, column->name).ptr;
            bool empty = !column_is_key(column) && column->kind != COLUMN_INT &&
                         column->kind != COLUMN_BOOL && column->kind != COLUMN_HASH;
            assert_int_equal(try_script(books, sql), empty ? OK : ERR_STORE);
        }
    }
}

static void flags_are_zero_or_one(void **state)
{
    struct store_fixture *books = *state;

    insert(books, &table_payments, store_fixture_row(books, &table_payments));
    assert_stored(books->db, try_script(books, "UPDATE payments SET live = 1"));
    assert_int_equal(try_script(books, "UPDATE payments SET live = 2"), ERR_STORE);
    assert_int_equal(try_script(books, "UPDATE payments SET live = 'yes'"), ERR_STORE);
}

static void payments_keep_their_sums_in_order(void **state)
{
    static const struct {
        int64_t amount, authorized, captured, reserved, refunded;
        enum err expected;
    } cases[] = {
        { 100, 0, 0, 0, 0, OK },
        { 100, 100, 0, 0, 0, OK },
        { 100, 100, 100, 100, 100, OK },
        { 100, 100, 60, 30, 10, OK },
        { 0, 0, 0, 0, 0, ERR_STORE },
        { -1, 0, 0, 0, 0, ERR_STORE },
        { 100, -1, 0, 0, 0, ERR_STORE },
        { 100, 100, 101, 0, 0, ERR_STORE },
        { 100, 100, -1, 0, 0, ERR_STORE },
        { 100, 100, 50, 51, 0, ERR_STORE },
        { 100, 100, 50, -1, 0, ERR_STORE },
        { 100, 100, 50, 20, 21, ERR_STORE },
        { 100, 100, 50, 20, -1, ERR_STORE },
    };
    struct store_fixture *books = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct payment *payment = store_fixture_row(books, &table_payments);
        payment->amount_minor = cases[i].amount;
        payment->authorized_minor = cases[i].authorized;
        payment->captured_minor = cases[i].captured;
        payment->reserved_minor = cases[i].reserved;
        payment->refunded_minor = cases[i].refunded;
        assert_int_equal(try_insert(books, &table_payments, payment), cases[i].expected);
    }
}

static size_t count_checks(void)
{
    size_t count = 0;

    for (size_t t = 0; store_tables[t] != NULL; t++) {
        for (const char *const *check = store_tables[t]->checks; *check != NULL; check++)
            count++;
    }
    return count;
}

/* Each breaks one check; those of payments are broken above. */
static void every_check_refuses(void **state)
{
    static const char *const breaches[] = {
        "UPDATE invoices SET amount_minor = -1",   "UPDATE refunds SET amount_minor = 0",
        "UPDATE refunds SET overdrawn_minor = -1", "UPDATE operations SET amount_minor = -1",
        "UPDATE events SET sequence = 0",          "UPDATE events SET version = 0",
        "UPDATE webhook_endpoints SET at_once = 0", "UPDATE checkouts SET attempts = -1",
        "UPDATE webhook_replays SET per_minute = 0",
        "UPDATE instruments SET status = 'active', token = NULL",
    };
    struct store_fixture *books = *state;

    assert_int_equal(count_checks(), COUNT_OF(breaches) + 5);
    for (size_t t = 0; store_tables[t] != NULL; t++)
        insert(books, store_tables[t], store_fixture_row(books, store_tables[t]));
    for (size_t i = 0; i < COUNT_OF(breaches); i++)
        assert_int_equal(try_script(books, breaches[i]), ERR_STORE);
}

static void keys_are_unique(void **state)
{
    struct store_fixture *books = *state;

    for (size_t t = 0; store_tables[t] != NULL; t++) {
        const void *row = store_fixture_row(books, store_tables[t]);
        insert(books, store_tables[t], row);
        assert_int_equal(try_insert(books, store_tables[t], row), ERR_STORE);
    }
}

static void merchants_have_names_of_their_own(void **state)
{
    struct store_fixture *books = *state;
    struct merchant *first = store_fixture_row(books, &table_merchants);
    struct merchant *second = store_fixture_row(books, &table_merchants);

    first->name = second->name = STR("default");
    insert(books, &table_merchants, first);
    assert_int_equal(try_insert(books, &table_merchants, second), ERR_STORE);
    second->name = STR("other");
    insert(books, &table_merchants, second);
}

static void one_default_account_per_merchant_and_mode(void **state)
{
    struct store_fixture *books = *state;
    struct gateway_account *first = store_fixture_row(books, &table_gateway_accounts);
    struct gateway_account *second = store_fixture_row(books, &table_gateway_accounts);

    first->merchant.id.bytes[0] = second->merchant.id.bytes[0] = 7;
    first->is_default = second->is_default = true;
    insert(books, &table_gateway_accounts, first);
    assert_int_equal(try_insert(books, &table_gateway_accounts, second), ERR_STORE);
    second->live = true;
    assert_stored(books->db, try_insert(books, &table_gateway_accounts, second));
    second->live = false;
    second->is_default = false;
    assert_stored(books->db, try_insert(books, &table_gateway_accounts, second));
}

/* A gateway that gives one reference twice must not keep its answer out of the books. */
static void gateway_references_may_be_given_twice(void **state)
{
    struct store_fixture *books = *state;
    struct payment *first = store_fixture_row(books, &table_payments);
    struct payment *second = store_fixture_row(books, &table_payments);

    insert(books, &table_payments, first);
    insert(books, &table_payments, second);
    first->gateway_reference = second->gateway_reference = STR("theirs-1");
    const void *rows[] = { first, second };
    assert_stored(books->db, db_update(books->db, &table_payments, rows, 2));
}

static void events_have_one_place_each(void **state)
{
    struct store_fixture *books = *state;
    struct event *first = store_fixture_row(books, &table_events);
    struct event *second = store_fixture_row(books, &table_events);

    first->merchant.id.bytes[0] = second->merchant.id.bytes[0] = 7;
    insert(books, &table_events, first);
    assert_int_equal(try_insert(books, &table_events, second), ERR_STORE);
    second->number = first->number + 1;
    insert(books, &table_events, second);
    second->number++;
    assert_int_equal(try_insert(books, &table_events, second), ERR_STORE);
}

/* What the sentence says is logged: it must not show what is in the row. */
static void refusals_do_not_tell_values(void **state)
{
    struct store_fixture *books = *state;
    struct merchant *row = store_fixture_row(books, &table_merchants);

    row->name = STR("a secret name");
    insert(books, &table_merchants, row);
    assert_int_equal(try_insert(books, &table_merchants, row), ERR_STORE);
    assert_true(text_has(db_error(books->db), "merchants"));
    assert_null(strstr(db_error(books->db).ptr, "secret"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(word_columns_take_exactly_their_words),
        cmocka_unit_test(columns_refuse_null_where_it_means_nothing),
        cmocka_unit_test(flags_are_zero_or_one),
        cmocka_unit_test(payments_keep_their_sums_in_order),
        cmocka_unit_test(every_check_refuses),
        cmocka_unit_test(keys_are_unique),
        cmocka_unit_test(merchants_have_names_of_their_own),
        cmocka_unit_test(one_default_account_per_merchant_and_mode),
        cmocka_unit_test(gateway_references_may_be_given_twice),
        cmocka_unit_test(events_have_one_place_each),
        cmocka_unit_test(refusals_do_not_tell_values),
    };
    return store_run("store/rules", tests, COUNT_OF(tests));
}
