/* The checker of the books: silent on sound books, and loud about every single fault. */
#include "store_maker.h"

#include <string.h>

#include "base/crypto.h"
#include "checker_faults.def"
#include "core/requests.h"
#include "store/checker.h"
#include "store/store.h"

#define TABLES_MAX 32

static struct checker_report check(struct store_fixture *books)
{
    struct checker_report report = { 0 };
    struct db *db = store_fixture_connect(books, DB_READ);

    assert_stored(db, checker_run(db, &books->arena, &report));
    db_close(db);
    return report;
}

static void sound_books_are_sound_and_counted(void **state)
{
    struct store_fixture *books = *state;

    maker_fill(books);
    struct checker_report report = check(books);
    if (report.invariant != NULL)
        fail_msg("%s %.*s: %.*s", report.invariant, STR_ARG(report.row), STR_ARG(report.wrong));
#define X(name) assert_int_equal(report.name, store_count(books, books->db, &table_##name));
    CHECKER_COUNTS(X)
#undef X
    assert_int_equal(report.payments, 6);
    assert_int_equal(report.refunds, 3);
    assert_int_equal(report.claims, 10);
}

static void empty_books_are_sound_and_nothing_was_checked(void **state)
{
    struct checker_report report = check(*state);

    assert_null(report.invariant);
#define X(name) assert_int_equal(report.name, 0);
    CHECKER_COUNTS(X)
#undef X
}

static void many_pages_are_read(void **state)
{
    static const struct invoice_create invoice = { .amount = { 500, CURRENCY_JPY } };
    struct store_fixture *books = *state;
    struct maker maker;

    maker_open(&maker, books);
    struct turn_input input = { .handler = &turn_invoice_create, .merchant = maker.merchant,
                                .origin = ORIGIN_API, .actor = STR("key_test"), .ask = &invoice };
    for (size_t done = 0; done < 1001; done += 143) {
        struct turn turns[143] = { { 0 } };
        struct turn *pointers[143];
        for (size_t i = 0; i < 143; i++) {
            turns[i].input = &input;
            pointers[i] = &turns[i];
        }
        store_execute(maker.store, pointers, 143);
    }
    maker_close(&maker);
    assert_int_equal(check(books).invoices, 1001);
    assert_stored(books->db, db_script(books->db, STR("UPDATE invoices SET version = 2 "
                                                      "WHERE id = (SELECT id FROM invoices "
                                                      "ORDER BY id DESC LIMIT 1)")));
    struct checker_report report = check(books);
    assert_string_equal(report.invariant, "I5");
    assert_int_equal(report.invoices, 1001);
}

struct fault {
    const char *sql;
    const char *invariant;
    const char *row;                 /* what the named row begins with */
    const char *wrong;               /* part of the sentence */
};

static const struct fault faults[] = {
#define X(sql, invariant, row, wrong) { sql, invariant, row, wrong },
    CHECKER_FAULTS(X)
#undef X
};

/* All rows, to put the books back between two faults: far cheaper than making them anew. */
struct kept {
    const void **rows;
    size_t count, cap;
};

static enum err keep_row(void *self, void *row)
{
    struct kept *kept = self;

    assert_true(kept->count < kept->cap);
    kept->rows[kept->count++] = row;
    return OK;
}

static void keep_all(struct store_fixture *books, struct kept *kept)
{
    for (size_t i = 0; store_tables[i] != NULL; i++) {
        size_t cap = (size_t)store_count(books, books->db, store_tables[i]);
        kept[i] = (struct kept){ .cap = cap };
        kept[i].rows = ARENA_ARRAY(&books->arena, const void *, cap + 1);
        assert_stored(books->db, db_select(books->db, store_tables[i], "1 = 1", NULL, 0,
                                           &books->arena, keep_row, &kept[i]));
    }
}

static void put_back(struct store_fixture *books, const struct kept *kept)
{
    assert_stored(books->db, db_begin(books->db));
    for (size_t i = 0; store_tables[i] != NULL; i++) {
        struct str sql = str_format(&books->arena, "DELETE FROM %s", store_tables[i]->name);
        assert_stored(books->db, db_script(books->db, sql));
        assert_stored(books->db,
                      db_insert(books->db, store_tables[i], kept[i].rows, kept[i].count));
    }
    assert_stored(books->db, db_commit(books->db));
}

static void make_fault(struct store_fixture *books, const char *sql)
{
    static const char zeros[SHA256_SIZE];
    struct db_value zero = { DB_BYTES, 0, str_make(zeros, sizeof zeros) };
    bool bound = str_find_char(str_of(sql), '$', 0) < strlen(sql);

    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, db_query(books->db, sql, &zero, bound ? 1 : 0, NULL, NULL));
    assert_true(db_changes(books->db) > 0);
    assert_stored(books->db, db_commit(books->db));
}

static void expect(struct store_fixture *books, const struct fault *fault)
{
    struct checker_report report = check(books);
    bool named = report.invariant != NULL && strcmp(report.invariant, fault->invariant) == 0 &&
                 str_starts_with(report.row, str_of(fault->row)) &&
                 text_has(report.wrong, fault->wrong);

    if (!named)
        fail_msg("%s\n  is reported as %s %.*s: %.*s\n  not as %s %s: %s", fault->sql,
                 report.invariant == NULL ? "nothing" : report.invariant, STR_ARG(report.row),
                 STR_ARG(report.wrong), fault->invariant, fault->row, fault->wrong);
}

static void every_fault_is_named(void **state)
{
    struct store_fixture *books = *state;
    struct kept kept[TABLES_MAX];

    maker_fill(books);
    keep_all(books, kept);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        make_fault(books, faults[i].sql);
        expect(books, &faults[i]);
        put_back(books, kept);
    }
    assert_null(check(books).invariant);
}

/* The last success of all a minute before the others, though no try is before its making. */
#define OUT_OF_ORDER                                                                               \
    "UPDATE webhook_attempts SET started_ms = (SELECT d.created_ms FROM webhook_deliveries AS d"   \
    " WHERE d.id = delivery) + CASE WHEN delivery = (SELECT d.id FROM webhook_deliveries AS d"     \
    " WHERE d.status = 'delivered' ORDER BY d.id DESC LIMIT 1) THEN 0 ELSE 60000 END"

static void disorder_is_told_from_a_clock_that_was_set_back(void **state)
{
    static const struct fault disorder = { OUT_OF_ORDER, "I7", "webhook delivery whd_",
                                           "went before an earlier event of its invoice" };
    struct store_fixture *books = *state;

    maker_fill(books);
    make_fault(books, OUT_OF_ORDER);
    expect(books, &disorder);
    make_fault(books, "UPDATE events SET occurred_ms = occurred_ms + 100000"
                      " WHERE number = (SELECT min(number) FROM events)");
    assert_null(check(books).invariant);
}

/* Row and event agree on money that never came. */
static void captured_money_without_a_capture_is_found(void **state)
{
    static const struct fault money = { "money that never came", "I10", "payment pay_",
                                        "1000 are captured, but it was never captured" };
    struct store_fixture *books = *state;

    maker_fill(books);
    make_fault(books, "UPDATE events SET " REPLACE("\"amount_captured\":0",
                                                   "\"amount_captured\":1000")
                      " WHERE type = 'payment.cancelled'");
    make_fault(books, "UPDATE payments SET captured_minor = 1000 WHERE status = 'cancelled'");
    expect(books, &money);
}

/* Rows that no invoice leads to. */
static void every_orphan_is_found(void **state)
{
    static const struct {
        const struct table *table;
        struct fault fault;
    } orphans[] = {
        { &table_payments, { "a payment", "I5", "pay_", "is a payment of no invoice" } },
        { &table_refunds, { "a refund", "I5", "ref_", "is a refund of no invoice" } },
        { &table_operations, { "an operation", "I10", "op_", "is an operation of no invoice" } },
        { &table_attempts, { "an attempt", "I10", "op_", "is no operation in the books" } },
        { &table_events, { "an event", "I6", "inv_", "is no invoice in the books" } },
    };
    struct store_fixture *books = *state;
    struct kept kept[TABLES_MAX];

    maker_fill(books);
    keep_all(books, kept);
    for (size_t i = 0; i < COUNT_OF(orphans); i++) {
        const void *row = store_fixture_row(books, orphans[i].table);
        assert_stored(books->db, db_begin(books->db));
        assert_stored(books->db, db_insert(books->db, orphans[i].table, &row, 1));
        assert_stored(books->db, db_commit(books->db));
        expect(books, &orphans[i].fault);
        put_back(books, kept);
    }
}

/* Objects that an invoice has, but that no event ever told of. */
static void every_untold_object_is_found(void **state)
{
    static const struct fault untold[] = {
        { "a payment without events", "I6", "payment pay_", "has no events" },
        { "a refund without events", "I6", "refund ref_", "has no events" },
    };
    struct store_fixture *books = *state;

    maker_fill(books);
    struct payment *payment = store_fixture_row(books, &table_payments);
    struct refund *refund = store_fixture_row(books, &table_refunds);
    const void *rows[] = { payment, refund };
    const struct table *const tables[] = { &table_payments, &table_refunds };
    payment->status = PAYMENT_CREATED;
    refund->status = REFUND_PENDING;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        assert_stored(books->db, db_begin(books->db));
        assert_stored(books->db, db_insert(books->db, tables[i], &rows[i], 1));
        assert_stored(books->db, db_commit(books->db));
        make_fault(books, i == 0 ? "UPDATE payments SET invoice = (SELECT id FROM invoices "
                                   "ORDER BY id DESC LIMIT 1) WHERE merchant IS NULL"
                                 : "UPDATE refunds SET invoice = (SELECT id FROM invoices "
                                   "ORDER BY id DESC LIMIT 1) WHERE merchant IS NULL");
        expect(books, &untold[i]);
        make_fault(books, i == 0 ? "DELETE FROM payments WHERE merchant IS NULL"
                                 : "DELETE FROM refunds WHERE merchant IS NULL");
    }
    assert_null(check(books).invariant);
}

/* What the codec cannot read is no finding about an invariant: nothing could be checked. */
static void books_that_cannot_be_read_are_no_finding(void **state)
{
    struct store_fixture *books = *state;
    struct checker_report report = { 0 };

    maker_fill(books);
    assert_stored(books->db, db_script(books->db, STR("DROP TABLE claims")));
    struct db *db = store_fixture_connect(books, DB_READ);
    assert_int_equal(checker_run(db, &books->arena, &report), ERR_STORE);
    assert_null(report.invariant);
    assert_true(db_error(db).len > 0);
    db_close(db);
}

/* The checker reads one moment, whatever is written meanwhile, and leaves nothing open. */
static void checking_is_a_snapshot_beside_a_writer(void **state)
{
    struct store_fixture *books = *state;
    struct checker_report report = { 0 };

    maker_fill(books);
    struct db *db = store_fixture_connect(books, DB_READ);
    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, db_query(books->db, "DELETE FROM events", NULL, 0, NULL, NULL));
    assert_stored(db, checker_run(db, &books->arena, &report));
    assert_null(report.invariant);
    assert_stored(books->db, db_commit(books->db));
    assert_stored(db, checker_run(db, &books->arena, &report));
    assert_string_equal(report.invariant, "I6");
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_books_are_sound_and_counted),
        cmocka_unit_test(empty_books_are_sound_and_nothing_was_checked),
        cmocka_unit_test(many_pages_are_read),
        cmocka_unit_test(every_fault_is_named),
        cmocka_unit_test(disorder_is_told_from_a_clock_that_was_set_back),
        cmocka_unit_test(captured_money_without_a_capture_is_found),
        cmocka_unit_test(every_orphan_is_found),
        cmocka_unit_test(every_untold_object_is_found),
        cmocka_unit_test(books_that_cannot_be_read_are_no_finding),
        cmocka_unit_test(checking_is_a_snapshot_beside_a_writer),
    };

    return store_run("store checker", tests, COUNT_OF(tests));
}
