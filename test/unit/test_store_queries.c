/* Reading outside of turns: whose objects are seen, in which order, from where on. */
#include "store_fixture.h"

#include "base/time.h"
#include "store/query_payments.h"

#define DAY_1 INT64_C(1772323200000) /* 2026-03-01 */

struct bench {
    struct store_fixture *books;
    struct id_maker ids;
    struct query_scope scope;
};

static void bench_open(struct bench *bench, struct store_fixture *books)
{
    *bench = (struct bench){ .books = books, .ids = { .outside = &books->outside.outside } };
    bench->scope.merchant = merchant_id_make(&bench->ids, DAY_1);
}

static void put(struct bench *bench, const struct table *table, const void *row)
{
    struct db *db = bench->books->db;
    const void *rows[] = { row };

    assert_stored(db, db_begin(db));
    assert_stored(db, db_insert(db, table, rows, 1));
    assert_stored(db, db_commit(db));
}

static struct payment payment_at(struct bench *bench, int64_t time_ms)
{
    return (struct payment){
        .id = payment_id_make(&bench->ids, time_ms),
        .invoice = invoice_id_make(&bench->ids, time_ms),
        .merchant = bench->scope.merchant,
        .status = PAYMENT_CREATED,
        .amount_minor = 100,
        .currency = CURRENCY_EUR,
        .capture_method = CAPTURE_METHOD_AUTOMATIC,
        .gateway_account = gateway_account_id_make(&bench->ids, time_ms),
        .gateway = STR("sandbox"),
        .version = 1,
        .created_ms = time_ms,
        .updated_ms = time_ms,
    };
}

static size_t found(struct bench *bench, struct payment_filter filter, struct query_page page,
                    struct payment_list *out)
{
    struct db *db = bench->books->db;

    *out = (struct payment_list){ 0 };
    if (page.limit == 0)
        page.limit = 100;
    assert_stored(db, query_payments(db, bench->scope, &filter, page, &bench->books->arena, out));
    return out->count;
}

static size_t count(struct bench *bench, struct payment_filter filter)
{
    struct payment_list ignored;

    return found(bench, filter, (struct query_page){ 0 }, &ignored);
}

static void payments_of_one_merchant_in_one_mode(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment mine = payment_at(&bench, DAY_1);
    struct payment live = payment_at(&bench, DAY_1);
    struct payment theirs = payment_at(&bench, DAY_1);
    struct payment *out = NULL;

    live.live = true;
    theirs.merchant = merchant_id_make(&bench.ids, DAY_1);
    put(&bench, &table_payments, &mine);
    put(&bench, &table_payments, &live);
    put(&bench, &table_payments, &theirs);
    struct db *db = bench.books->db;
    struct arena *arena = &bench.books->arena;
    assert_stored(db, query_payment(db, bench.scope, mine.id, arena, &out));
    assert_true(payment_id_equal(out->id, mine.id));
    assert_int_equal(query_payment(db, bench.scope, live.id, arena, &out), ERR_NOT_FOUND);
    assert_int_equal(query_payment(db, bench.scope, theirs.id, arena, &out), ERR_NOT_FOUND);
    assert_int_equal(count(&bench, (struct payment_filter){ 0 }), 1);
}

/* Each sees its own, also where one id is asked for by several. */
static void payments_by_id_of_several_askers(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment mine = payment_at(&bench, DAY_1), live = payment_at(&bench, DAY_1);
    struct payment missing = payment_at(&bench, DAY_1), last = payment_at(&bench, DAY_1);
    struct query_scope own = bench.scope, others = bench.scope, in_live = bench.scope;

    live.live = in_live.live = true;
    others.merchant = merchant_id_make(&bench.ids, DAY_1);
    put(&bench, &table_payments, &mine);
    put(&bench, &table_payments, &live);
    put(&bench, &table_payments, &last);
    const struct {
        struct payment_ask ask;
        bool there;
    } cases[] = {
        { { own, last.id }, true },     { { own, mine.id }, true },  { { own, live.id }, false },
        { { others, mine.id }, false }, { { own, mine.id }, true },  { { own, missing.id }, false },
        { { in_live, live.id }, true }, { { in_live, mine.id }, false },
    };
    struct payment_ask asks[COUNT_OF(cases)];
    const struct payment_shown *out[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        asks[i] = cases[i].ask;
    for (size_t count = 0; count <= COUNT_OF(cases); count++) {
        memset(out, 0xff, sizeof out);
        assert_stored(bench.books->db, query_payments_shown(bench.books->db, asks, count,
                                                            &bench.books->arena, out));
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(out[i] != NULL, cases[i].there);
            assert_true(!out[i] || payment_id_equal(out[i]->payment.id, asks[i].id));
        }
    }
}

static void filters_narrow_together(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);

    for (int i = 0; i < 10; i++) {
        struct payment payment = payment_at(&bench, DAY_1 + i * DAY_MS);
        payment.amount_minor = 100 + i;
        payment.reference = i % 2 ? STR("odd") : STR("even");
        payment.status = i < 5 ? PAYMENT_CREATED : PAYMENT_FAILED;
        struct gateway_account account = {
            .id = payment.gateway_account,
            .merchant = payment.merchant,
            .gateway = payment.gateway,
            .created_ms = 1,
            .updated_ms = 1,
        };
        if (i == 7) {
            payment.gateway_reference = STR("theirs");
            put(&bench, &table_gateway_accounts, &account);
        }
        put(&bench, &table_payments, &payment);
    }
    static const struct {
        struct payment_filter filter;
        size_t count;
    } cases[] = {
        { { .amount_minor = 0 }, 10 },
        { { .status = STR_INIT("failed") }, 5 },
        { { .reference = STR_INIT("odd") }, 5 },
        { { .reference = STR_INIT("odd"), .status = STR_INIT("failed") }, 3 },
        { { .reference = STR_INIT("od") }, 0 },
        { { .gateway = STR_INIT("sandbox") }, 10 },
        { { .gateway = STR_INIT("other") }, 0 },
        { { .gateway_reference = STR_INIT("theirs") }, 1 },
        { { .gateway_reference = STR_INIT("theirs"), .reference = STR_INIT("even") }, 0 },
        { { .amount_minor = 103 }, 1 },
        { { .created_from_ms = DAY_1 + 3 * DAY_MS }, 7 },
        { { .created_to_ms = DAY_1 + 3 * DAY_MS }, 3 },
        { { .created_from_ms = DAY_1 + 3 * DAY_MS, .created_to_ms = DAY_1 + 4 * DAY_MS }, 1 },
        { { .created_from_ms = DAY_1 + 3 * DAY_MS + 1, .created_to_ms = DAY_1 + 4 * DAY_MS }, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (count(&bench, cases[i].filter) != cases[i].count)
            fail_msg("case %zu: %zu", i, count(&bench, cases[i].filter));
}

/* An id's time may be later than its object's: the clock was set back in between. */
static void a_clock_that_was_set_back_hides_nothing(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment payment = payment_at(&bench, DAY_1 + 3 * HOUR_MS);

    payment.created_ms = DAY_1;
    put(&bench, &table_payments, &payment);
    assert_int_equal(count(&bench, (struct payment_filter){ .created_to_ms = DAY_1 + 1 }), 1);
    assert_int_equal(count(&bench, (struct payment_filter){ .created_from_ms = DAY_1 }), 1);
    assert_int_equal(count(&bench, (struct payment_filter){ .created_from_ms = DAY_1 + 1 }), 0);
}

static void pages_go_from_new_to_old(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment_id made[5];
    struct payment_list page;
    struct id before = { { 0 } };

    for (size_t i = 0; i < COUNT_OF(made); i++) {
        struct payment payment = payment_at(&bench, DAY_1);
        made[i] = payment.id;
        put(&bench, &table_payments, &payment);
    }
    for (size_t left = COUNT_OF(made); left > 0;) {
        size_t got = found(&bench, (struct payment_filter){ 0 }, (struct query_page){ before, 2 },
                           &page);
        assert_int_equal(got, left < 2 ? left : 2);
        for (size_t i = 0; i < got; i++)
            assert_true(payment_id_equal(page.items[i]->id, made[--left]));
        before = page.items[got - 1]->id.id;
    }
    assert_int_equal(
        found(&bench, (struct payment_filter){ 0 }, (struct query_page){ before, 2 }, &page), 0);
}

static struct event event_of(const struct payment *payment, int64_t sequence, int64_t number)
{
    return (struct event){
        .invoice = payment->invoice,
        .sequence = sequence,
        .number = number,
        .merchant = payment->merchant,
        .type = EVENT_PAYMENT_CREATED,
        .payment = payment->id,
        .version = sequence,
        .occurred_ms = DAY_1,
        .origin = ORIGIN_API,
        .data = STR("{}"),
    };
}

static void the_feed_and_the_story(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment one = payment_at(&bench, DAY_1);
    struct payment two = payment_at(&bench, DAY_1);
    struct arena *arena = &bench.books->arena;
    struct db *db = bench.books->db;
    struct event_list events = { 0 };
    struct event *event = NULL;

    for (int64_t i = 1; i <= 6; i++) {
        struct event row = event_of(i % 2 ? &one : &two, (i + 1) / 2, i * 10);
        put(&bench, &table_events, &row);
    }
    assert_stored(db, query_events(db, bench.scope, 20, 3, arena, &events));
    assert_int_equal(events.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(events.items[i]->number, 30 + 10 * (int64_t)i);
    events = (struct event_list){ 0 };
    assert_stored(db, query_payment_events(db, &two, 1, 9, arena, &events));
    assert_int_equal(events.count, 2);
    assert_int_equal(events.items[0]->number, 40);
    assert_stored(db, query_event(db, bench.scope, 50, arena, &event));
    assert_int_equal(event->sequence, 3);
    assert_int_equal(query_event(db, bench.scope, 51, arena, &event), ERR_NOT_FOUND);
    bench.scope.live = true;
    assert_int_equal(query_event(db, bench.scope, 50, arena, &event), ERR_NOT_FOUND);
}

static void invoices_with_their_payments(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct arena *arena = &bench.books->arena;
    struct db *db = bench.books->db;
    struct payment payment = payment_at(&bench, DAY_1);
    struct invoice invoice = { .id = payment.invoice,
                               .merchant = bench.scope.merchant,
                               .status = INVOICE_UNPAID,
                               .amount_minor = 100,
                               .currency = CURRENCY_EUR,
                               .version = 1,
                               .sequence = 1,
                               .created_ms = 1,
                               .updated_ms = 1 };
    struct invoice_list invoices = { 0 };
    struct payment_list payments = { 0 };
    struct query_page page = { .limit = 9 };

    put(&bench, &table_invoices, &invoice);
    put(&bench, &table_payments, &payment);
    assert_stored(db, query_invoices(db, bench.scope, STR("unpaid"), page, arena, &invoices));
    assert_int_equal(invoices.count, 1);
    assert_stored(db, query_invoices(db, bench.scope, STR("paid"), page, arena, &invoices));
    assert_int_equal(invoices.count, 1);
    assert_stored(db, query_invoice_payments(db, invoice.id, arena, &payments));
    assert_int_equal(payments.count, 1);
}

static void operations_with_their_attempts(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct arena *arena = &bench.books->arena;
    struct db *db = bench.books->db;
    struct payment payment = payment_at(&bench, DAY_1);
    struct operation operation = { .id = operation_id_make(&bench.ids, DAY_1),
                                   .invoice = payment.invoice,
                                   .payment = payment.id,
                                   .gateway_account = payment.gateway_account,
                                   .kind = OPERATION_KIND_AUTHORIZE,
                                   .state = OPERATION_UNKNOWN,
                                   .created_ms = 1 };
    struct operation_list operations = { 0 };
    struct attempt_list attempts = { 0 };

    put(&bench, &table_operations, &operation);
    for (int64_t number = 2; number >= 1; number--) {
        struct attempt attempt = { .invoice = operation.invoice,
                                   .operation = operation.id,
                                   .number = number,
                                   .call = OPERATION_KIND_ENQUIRE,
                                   .outcome = STR("unknown"),
                                   .started_ms = 1,
                                   .ended_ms = 2 };
        put(&bench, &table_attempts, &attempt);
    }
    assert_stored(db, query_payment_operations(db, &payment, (struct operation_id){ 0 }, 9, arena,
                                               &operations));
    assert_int_equal(operations.count, 1);
    assert_stored(db, query_payment_operations(db, &payment, operation.id, 9, arena, &operations));
    assert_int_equal(operations.count, 1);
    assert_stored(db, query_attempts(db, &operation, arena, &attempts));
    assert_int_equal(attempts.count, 2);
    assert_int_equal(attempts.items[0]->number, 1);
}

static void refunds_of_a_payment(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct arena *arena = &bench.books->arena;
    struct db *db = bench.books->db;
    struct payment payment = payment_at(&bench, DAY_1);
    struct refund refund = { .id = refund_id_make(&bench.ids, DAY_1),
                             .payment = payment.id,
                             .invoice = payment.invoice,
                             .merchant = bench.scope.merchant,
                             .status = REFUND_PENDING,
                             .amount_minor = 5,
                             .currency = CURRENCY_EUR,
                             .created_ms = 1,
                             .updated_ms = 1 };
    struct refund_list refunds = { 0 };
    struct refund *one = NULL;
    struct query_page page = { .limit = 9 };

    put(&bench, &table_refunds, &refund);
    assert_stored(db, query_refund(db, bench.scope, refund.id, arena, &one));
    assert_int_equal(one->amount_minor, 5);
    assert_stored(db, query_payment_refunds(db, &payment, page, arena, &refunds));
    assert_int_equal(refunds.count, 1);
    page.before = refund.id.id;
    assert_stored(db, query_payment_refunds(db, &payment, page, arena, &refunds));
    assert_int_equal(refunds.count, 1);
}

static void keys_by_hash_and_of_a_merchant(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct arena *arena = &bench.books->arena;
    struct db *db = bench.books->db;
    struct api_key key = { .id = api_key_id_make(&bench.ids, DAY_1),
                           .merchant = bench.scope.merchant,
                           .hash = { { 1, 2, 3 } },
                           .hint = STR("psk_test_...x"),
                           .scopes = 3,
                           .created_ms = 1,
                           .addresses = STR("::1") };
    struct sha256 other = { { 1, 2, 4 } };
    struct api_key_list keys = { 0 };
    struct api_key read;

    put(&bench, &table_api_keys, &key);
    assert_stored(db, query_api_key_by_hash(db, &key.hash, arena, &read));
    assert_true(api_key_id_equal(read.id, key.id) && str_equal(read.addresses, key.addresses));
    assert_int_equal(query_api_key_by_hash(db, &other, arena, &read), ERR_NOT_FOUND);
    assert_stored(db,
                  query_api_keys(db, bench.scope, (struct query_page){ .limit = 9 }, arena, &keys));
    assert_int_equal(keys.count, 1);
    bench.scope.live = true;
    assert_stored(db,
                  query_api_keys(db, bench.scope, (struct query_page){ .limit = 9 }, arena, &keys));
    assert_int_equal(keys.count, 1);
}

static enum err take_payment(void *list, void *row)
{
    struct payment_list *payments = list;

    payments->items[payments->count++] = row;
    return OK;
}

/* Every second id is a payment's. */
static void each_of_many_ids_in_order(void **state)
{
    struct bench bench;
    static const size_t counts[] = { 1, 2, 4, 5, 16, 17, 21, 49 };
    struct payment *found[49];
    struct id ids[49];

    bench_open(&bench, *state);
    for (int i = 0; i < 49; i++) {
        struct payment payment = payment_at(&bench, DAY_1 + i);
        ids[i] = payment.id.id;
        if (i % 2 == 1)
            put(&bench, &table_payments, &payment);
    }
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct payment_list list = { .items = found };
        assert_stored(bench.books->db,
                      db_load(bench.books->db, &table_payments, "id", ids, counts[i], NULL, false,
                              &bench.books->arena, take_payment, &list));
        assert_int_equal(list.count, counts[i] / 2);
        for (size_t j = 0; j < list.count; j++)
            assert_true(id_equal(list.items[j]->id.id, ids[2 * j + 1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payments_of_one_merchant_in_one_mode),
        cmocka_unit_test(payments_by_id_of_several_askers),
        cmocka_unit_test(filters_narrow_together),
        cmocka_unit_test(a_clock_that_was_set_back_hides_nothing),
        cmocka_unit_test(pages_go_from_new_to_old),
        cmocka_unit_test(the_feed_and_the_story),
        cmocka_unit_test(invoices_with_their_payments),
        cmocka_unit_test(operations_with_their_attempts),
        cmocka_unit_test(refunds_of_a_payment),
        cmocka_unit_test(keys_by_hash_and_of_a_merchant),
        cmocka_unit_test(each_of_many_ids_in_order),
    };

    return store_run("queries", tests, COUNT_OF(tests));
}
