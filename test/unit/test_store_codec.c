#include "store_fixture.h"

#include <string.h>

#include "core/books.h"
#include "core/render.h"
#include "store/db_driver.h"

#define ROUNDS 50

/* Engine and rules apart: any row comes back as it was. */
static const struct index no_indexes[] = { { 0 } };
static const char *const no_checks[] = { NULL };

static void describes_tables_well(void **state)
{
    (void)state;
    for (size_t t = 0; store_tables[t] != NULL; t++) {
        const struct table *table = store_tables[t];
        assert_true(table->key_count > 0);
        assert_true(table->since > 0);
        for (size_t i = 0; i < table->column_count; i++) {
            const struct column *column = &table->columns[i];
            assert_int_equal(column_is_key(column), i < table->key_count);
            assert_int_equal(column->kind == COLUMN_WORD, column->words != NULL);
            assert_true(column->offset < table->row_size);
            assert_null(strchr(column->name, '.'));
        }
    }
}

static void names_members_of_members(void **state)
{
    (void)state;
    for (size_t i = 0; i < table_payments.column_count; i++) {
        const struct column *column = &table_payments.columns[i];
        if (strcmp(column->name, "failure_gateway_code") != 0)
            continue;
        assert_int_equal(column->offset, offsetof(struct payment, failure.gateway_code));
        return;
    }
    fail();
}

static void keeps_every_row_in_values(void **state)
{
    struct store_fixture *books = *state;
    struct db_value values[TABLE_COLUMNS_MAX];

    for (size_t t = 0; store_tables[t] != NULL; t++) {
        const struct table *table = store_tables[t];
        for (int round = 0; round < ROUNDS; round++) {
            const void *row = store_fixture_random_row(books, table);
            void *back = arena_alloc(&books->arena, table->row_size);
            codec_values(table, row, values);
            assert_int_equal(codec_row(table, values, &books->arena, back), OK);
            assert_true(store_rows_equal(table, row, back));
        }
    }
}

/* Whatever the row holds, what is not loaded of it is not told. */
static void what_is_shown_of_a_payment_is_loaded(void **state)
{
    struct store_fixture *books = *state;
    struct db_value values[TABLE_COLUMNS_MAX];

    for (int round = 0; round < 10 * ROUNDS; round++) {
        struct payment *whole = store_fixture_random_row(books, &table_payments);
        struct payment shown;
        whole->currency = CURRENCY_EUR;
        whole->captured_minor = 5; /* what can be refunded is their difference */
        whole->reserved_minor = round % 6;
        codec_values(&table_payments_shown, whole, values);
        assert_int_equal(codec_row(&table_payments_shown, values, &books->arena, &shown), OK);
        assert_true(str_equal(render_payment_text(&books->arena, whole),
                              render_payment_text(&books->arena, &shown)));
    }
}

static enum err take_row(void *self, void *row)
{
    *(void **)self = row;
    return OK;
}

static void keeps_rows_of(struct store_fixture *books, const struct table *table)
{
    /* Statements are found by the table's address, so each needs one of its own. */
    struct table *lax = arena_copy(&books->arena, table, sizeof *table);
    struct buf sql;

    lax->name = str_format(&books->arena, "lax_%s", table->name).ptr;
    lax->indexes = no_indexes;
    lax->checks = no_checks;
    buf_init(&sql, &books->arena, 1 << 16);
    ddl_write(&sql, books->db->driver, lax);
    assert_stored(books->db, db_script(books->db, buf_str(&sql)));
    for (int round = 0; round < ROUNDS; round++) {
        const void *row = store_fixture_random_row(books, table);
        void *back = NULL;
        assert_stored(books->db, db_insert(books->db, lax, &row, 1));
        assert_stored(books->db,
                      db_select(books->db, lax, "1 = 1", NULL, 0, &books->arena, take_row, &back));
        assert_true(store_rows_equal(table, row, back));
        assert_stored(books->db, db_delete(books->db, lax, &row, 1));
    }
}

static void keeps_every_row_in_the_books(void **state)
{
    struct store_fixture *books = *state;

    assert_stored(books->db, db_begin(books->db));
    for (size_t t = 0; store_tables[t] != NULL; t++)
        keeps_rows_of(books, store_tables[t]);
    db_rollback(books->db);
}

static void empty_members_are_null(void **state)
{
    struct store_fixture *books = *state;
    struct db_value values[TABLE_COLUMNS_MAX];
    struct invoice invoice = { .amount_minor = 5 };

    (void)books;
    codec_values(&table_invoices, &invoice, values);
    for (size_t i = 0; i < table_invoices.column_count; i++) {
        enum column_kind kind = table_invoices.columns[i].kind;
        bool is_number = kind == COLUMN_INT || kind == COLUMN_BOOL;
        assert_int_equal(values[i].type, is_number ? DB_INT : DB_NULL);
    }
}

/* A value of each kind that no row of ours has. */
static void refuses_damaged_values(void **state)
{
    struct store_fixture *books = *state;
    const struct table *table = &table_payments;
    const struct db_value wrong[COLUMN_KIND_COUNT] = {
        [COLUMN_ID] = { DB_BYTES, 0, STR_INIT("fifteen bytes..") },
        [COLUMN_INT] = { DB_TEXT, 0, STR_INIT("1") },
        [COLUMN_BOOL] = { DB_INT, 2, { 0 } },
        [COLUMN_TIME] = { DB_TEXT, 0, STR_INIT("2026") },
        [COLUMN_TEXT] = { DB_BYTES, 0, STR_INIT("text") },
        [COLUMN_HASH] = { DB_BYTES, 0, STR_INIT("short") },
        [COLUMN_WORD] = { DB_TEXT, 0, STR_INIT("paid twice") },
        [COLUMN_CURRENCY] = { DB_TEXT, 0, STR_INIT("eur") },
    };
    struct payment back;

    for (size_t i = 0; i < table->column_count; i++) {
        struct db_value values[TABLE_COLUMNS_MAX];
        codec_values(table, store_fixture_row(books, table), values);
        assert_int_equal(codec_row(table, values, &books->arena, &back), OK);
        values[i] = wrong[table->columns[i].kind];
        assert_int_equal(codec_row(table, values, &books->arena, &back), ERR_STORE);
    }
}

static void refuses_null_where_it_means_nothing(void **state)
{
    struct store_fixture *books = *state;
    const struct table *const tables[] = { &table_payments, &table_api_keys, &table_counters };

    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        const struct table *table = tables[t];
        void *back = arena_alloc(&books->arena, table->row_size);
        for (size_t i = 0; i < table->column_count; i++) {
            const struct column *column = &table->columns[i];
            struct db_value values[TABLE_COLUMNS_MAX];
            codec_values(table, store_fixture_row(books, table), values);
            values[i] = (struct db_value){ DB_NULL, 0, { 0 } };
            bool empty = !column_is_key(column) && column->kind != COLUMN_INT &&
                         column->kind != COLUMN_BOOL && column->kind != COLUMN_HASH;
            enum err err = codec_row(table, values, &books->arena, back);
            assert_int_equal(err, empty ? OK : ERR_STORE);
        }
    }
}

/* As values, with texts that fit into one object. */
static void random_payment(struct store_fixture *books, struct db_value *values)
{
    codec_values(&table_payments, store_fixture_random_row(books, &table_payments), values);
    for (size_t i = 0; i < table_payments.column_count; i++)
        if (values[i].type == DB_TEXT && values[i].bytes.len > 100)
            values[i].bytes.len = 100;
}

/* Whichever member it was that changed since the last text, or none. */
static void a_payment_is_written_again_as_it_is(void **state)
{
    struct store_fixture *books = *state;
    struct payment_rest *known = NULL;
    for (int round = 0; round < ROUNDS; round++) {
        struct db_value values[TABLE_COLUMNS_MAX], others[TABLE_COLUMNS_MAX];
        random_payment(books, values);
        random_payment(books, others);
        for (size_t i = 0; i < table_payments.column_count; i++) {
            struct payment now;
            assert_int_equal(codec_row(&table_payments, values, &books->arena, &now), OK);
            /* Sums that the books' checks would take. */
            now.captured_minor &= 0xffff;
            now.reserved_minor &= 0xffff;
            struct str again = render_payment_again(&books->arena, &now, &known);
            assert_true(str_equal(again, render_payment_text(&books->arena, &now)));
            values[i] = others[i];
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_tables_well),
        cmocka_unit_test(names_members_of_members),
        cmocka_unit_test(keeps_every_row_in_values),
        cmocka_unit_test(what_is_shown_of_a_payment_is_loaded),
        cmocka_unit_test(keeps_every_row_in_the_books),
        cmocka_unit_test(empty_members_are_null),
        cmocka_unit_test(refuses_damaged_values),
        cmocka_unit_test(refuses_null_where_it_means_nothing),
        cmocka_unit_test(a_payment_is_written_again_as_it_is),
    };
    return store_run("store/codec", tests, COUNT_OF(tests));
}
