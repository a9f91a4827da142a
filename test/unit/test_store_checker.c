/* The checker of the books: silent on sound books, and loud about every single fault. */
#include "store_fixture.h"

#include <string.h>

#include "base/crypto.h"
#include "checker_faults.def"
#include "core/requests.h"
#include "core/webhook_rules.h"
#include "store/checker.h"
#include "store/store.h"

/* Sound books are made by the real handlers, with a gateway that is only named. */

static enum err no_build(const struct gateway_ask *ask, struct arena *arena,
                         struct http_request *out)
{
    (void)ask, (void)arena, (void)out;
    return ERR_INTERNAL;
}

static enum err no_parse(const struct gateway_ask *ask, const struct http_reply *reply,
                         struct arena *arena, struct gateway_answer *out)
{
    (void)ask, (void)reply, (void)arena, (void)out;
    return ERR_INTERNAL;
}

#define CALL { no_build, no_parse, GW_ENQUIRE_FIRST }
static const enum payment_method card_only[] = { METHOD_CARD, METHOD_NONE };
static const struct gateway sandbox = {
    .name = "sandbox",
    .methods = card_only,
    .authorization_ms = 1000,
    .calls = { [OPERATION_KIND_AUTHORIZE] = CALL, [OPERATION_KIND_CAPTURE] = CALL,
               [OPERATION_KIND_CANCEL] = CALL, [OPERATION_KIND_REFUND] = CALL,
               [OPERATION_KIND_ENQUIRE] = CALL },
};
#define TABLES_MAX 32

static const struct gateway *const gateways[] = { &sandbox, NULL };

struct maker {
    struct store_fixture *books;
    struct store *store;
    struct merchant_id merchant;
    struct run_id run;
    struct turn turn;                /* the last one */
};

static enum err keep_merchant(void *self, void *row)
{
    *(struct merchant_id *)self = ((const struct merchant *)row)->id;
    return OK;
}

static void maker_open(struct maker *maker, struct store_fixture *books)
{
    struct str why = { 0 };
    bool made = false;
    struct store_config config = { .where = books->where, .outside = &books->outside.outside,
                                   .gateways = gateways };

    *maker = (struct maker){ .books = books };
    db_close(books->db);
    books->db = NULL;
    assert_int_equal(store_open(&config, &books->arena, &maker->store, &why), OK);
    struct db *db = store_db(maker->store);
    assert_stored(db, store_bootstrap(maker->store, &made));
    assert_stored(db, store_run_begin(maker->store, STR("test"), true, &maker->run));
    assert_stored(db, db_select(db, &table_merchants, "name = 'default'", NULL, 0, &books->arena,
                                keep_merchant, &maker->merchant));
}

static void maker_close(struct maker *maker)
{
    store_close(maker->store);
    maker->books->db = store_fixture_connect(maker->books, DB_WRITE);
}

/* What a turn is about; the rest is the same for all. */
struct about {
    struct payment_id payment;
    struct operation_id operation;
    const char *key;
};

static void run(struct maker *maker, const struct turn_handler *handler, const void *ask,
                struct about about)
{
    static struct turn_input input;
    struct turn *turns[] = { &maker->turn };

    input = (struct turn_input){
        .handler = handler,
        .merchant = maker->merchant,
        .origin = ORIGIN_API,
        .actor = STR("key_test"),
        .run = maker->run,
        .payment = about.payment,
        .operation = about.operation,
        .ask = ask,
    };
    if (about.key != NULL) {
        input.claim_key = claim_key(maker->merchant, false, str_of(about.key));
        input.claim_fingerprint = crypto_sha256(STR("a body"));
    }
    outside_fake_advance(&maker->books->outside, 1);
    maker->turn = (struct turn){ .input = &input };
    store_execute(maker->store, turns, 1);
    if (maker->turn.err != OK)
        fail_msg("%s: %.*s", err_code(maker->turn.err), STR_ARG(maker->turn.detail));
}

/* The gateway's answer to the call that the last turn ordered; false when it ordered none. */
static bool answer_with(struct maker *maker, const struct gateway_answer *answer)
{
    static struct operation_answer said;

    if (maker->turn.calls.count == 0)
        return false;
    struct operation operation = *maker->turn.calls.items[0]->operation;
    int64_t now_ms = outside_now_ms(&maker->books->outside.outside);
    said = (struct operation_answer){
        .call = operation.kind,
        .answer = *answer,
        .http_status = 200,
        .started_ms = now_ms,
        .ended_ms = now_ms,
    };
    run(maker, &turn_operation_answered, &said, (struct about){ .operation = operation.id });
    return true;
}

static bool answer(struct maker *maker, enum gateway_outcome outcome)
{
    return answer_with(maker, &(struct gateway_answer){ .outcome = outcome });
}

static struct payment_id pay(struct maker *maker, enum capture_method method, const char *key)
{
    static const struct card card = { .exp_month = 1, .exp_year = 2040 };
    struct payment_create ask = {
        .amount = { 1000, CURRENCY_EUR },
        .capture_method = method,
        .method = METHOD_CARD,
        .card = &card,
        .confirm = key != NULL,
    };

    run(maker, &turn_payment_create, &ask, (struct about){ .key = key });
    return maker->turn.books->payments.items[0]->id;
}

/* One of everything: captured with a refund done, one refused and one under way; captured in one
 * step; declined; cancelled after authorisation; only created; without an answer; an invoice by
 * itself. */
/* Everything is told to one endpoint, in order: one that is not of this very moment. */
static void subscribe(struct maker *maker)
{
    struct id_maker ids = { .outside = &maker->books->outside.outside };
    int64_t now_ms = outside_now_ms(ids.outside) - 20000;
    struct webhook_endpoint_create ask = { .row = {
        .id = webhook_endpoint_id_make(&ids, now_ms),
        .merchant = maker->merchant,
        .url = STR("https://shop.example/hook"),
        .secret = STR("sealed"),
        .format = WEBHOOK_FORMAT_STANDARD,
        .ordering = ORDERING_PER_INVOICE,
        .success = SUCCESS_ANY_2XX,
        .retries = RETRIES_CALLBACK,
        .at_once = 1,
        .created_ms = now_ms,
        .updated_ms = now_ms,
    } };

    run(maker, &turn_webhook_endpoint_create, &ask, (struct about){ 0 });
}

struct deliveries {
    struct arena *arena;
    struct webhook_delivery_list list;
};

static enum err keep_delivery(void *self, void *row)
{
    struct deliveries *deliveries = self;
    webhook_delivery_list_add(deliveries->arena, &deliveries->list, row);
    return OK;
}

/* The first of each invoice end as a dead letter, the others well, but for the last one. */
static void deliver(struct maker *maker)
{
    struct deliveries found = { .arena = &maker->books->arena };
    struct db *db = store_db(maker->store);

    assert_stored(db, db_select(db, &table_webhook_deliveries, "sequence > 0 ORDER BY id", NULL, 0,
                                found.arena, keep_delivery, &found));
    for (size_t i = 0; i + 1 < found.list.count; i++) {
        const struct webhook_delivery *delivery = found.list.items[i];
        struct webhook_result result = {
            .delivery = delivery->id,
            .attempt = { .outcome = STR("delivered"), .http_status = 200,
                         .started_ms = outside_now_ms(&maker->books->outside.outside) },
        };
        struct webhook_results ask = { { .deliveries = &delivery->id.id, .delivery_count = 1 },
                                       &result, 1 };
        for (int tries = 0; delivery->sequence == 1 && tries < 6; tries++) {
            result.attempt.outcome = STR("refused");
            result.attempt.http_status = 500;
            if (tries < 5)
                run(maker, &turn_webhook_results, &ask, (struct about){ 0 });
        }
        run(maker, &turn_webhook_results, &ask, (struct about){ 0 });
    }
}

static void fill(struct store_fixture *books)
{
    static const struct refund_create refund = { .amount_minor = 100 };
    static const struct payment_cancel cancel = { CANCEL_REASON_MERCHANT };
    static const struct invoice_create invoice = { .amount = { 500, CURRENCY_JPY } };
    static const struct gateway_answer sale = { .outcome = GW_APPROVED, .has_position = true,
                                                .authorized_minor = 1000, .captured_minor = 1000 };
    struct maker maker;

    maker_open(&maker, books);
    subscribe(&maker);
    struct payment_id captured = pay(&maker, CAPTURE_METHOD_AUTOMATIC, "captured");
    assert_true(answer(&maker, GW_APPROVED) && answer(&maker, GW_APPROVED));
    run(&maker, &turn_refund_create, &refund, (struct about){ captured, .key = "refund 1" });
    assert_true(answer(&maker, GW_APPROVED));
    run(&maker, &turn_refund_create, &refund, (struct about){ captured, .key = "refund 2" });
    assert_true(answer(&maker, GW_REFUSED));
    run(&maker, &turn_refund_create, &refund, (struct about){ captured, .key = "refund 3" });
    pay(&maker, CAPTURE_METHOD_AUTOMATIC, "sale");
    assert_true(answer_with(&maker, &sale));
    pay(&maker, CAPTURE_METHOD_AUTOMATIC, "declined");
    assert_true(answer(&maker, GW_DECLINED));
    struct payment_id cancelled = pay(&maker, CAPTURE_METHOD_MANUAL, "cancelled");
    assert_true(answer(&maker, GW_APPROVED));
    run(&maker, &turn_payment_cancel, &cancel, (struct about){ cancelled, .key = "cancel" });
    assert_true(answer(&maker, GW_APPROVED));
    pay(&maker, CAPTURE_METHOD_MANUAL, NULL);
    pay(&maker, CAPTURE_METHOD_AUTOMATIC, "silence");
    assert_true(answer(&maker, GW_UNKNOWN));
    run(&maker, &turn_invoice_create, &invoice, (struct about){ .key = "invoice" });
    deliver(&maker);
    maker_close(&maker);
}

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

    fill(books);
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

    fill(books);
    keep_all(books, kept);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        make_fault(books, faults[i].sql);
        expect(books, &faults[i]);
        put_back(books, kept);
    }
    assert_null(check(books).invariant);
}

/* Row and event agree on money that never came. */
static void captured_money_without_a_capture_is_found(void **state)
{
    static const struct fault money = { "money that never came", "I10", "payment pay_",
                                        "1000 are captured, but it was never captured" };
    struct store_fixture *books = *state;

    fill(books);
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

    fill(books);
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

    fill(books);
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

    fill(books);
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

    fill(books);
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
        cmocka_unit_test(captured_money_without_a_capture_is_found),
        cmocka_unit_test(every_orphan_is_found),
        cmocka_unit_test(every_untold_object_is_found),
        cmocka_unit_test(books_that_cannot_be_read_are_no_finding),
        cmocka_unit_test(checking_is_a_snapshot_beside_a_writer),
    };

    return store_run("store checker", tests, COUNT_OF(tests));
}
