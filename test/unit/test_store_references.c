/* Numbers for gateways that know orders by digits: given in the transaction of the operation
 * that carries them, never twice. */
#include "store_fixture.h"
#include "gateway_mute.h"

#include "core/record.h"
#include "core/requests.h"
#include "store/store.h"

#define CALLS                                                                            \
    { [OPERATION_KIND_AUTHORIZE] = MUTE_CALL, [OPERATION_KIND_REFUND] = MUTE_CALL,                 \
      [OPERATION_KIND_ENQUIRE] = MUTE_CALL }
static const enum payment_method page_only[] = { METHOD_GATEWAY_PAGE, METHOD_NONE };
static const struct gateway digits = { .name = "digits", .methods = page_only,
                                       .capture = GW_CAPTURE_SALE,
                                       .references = GW_REFERENCE_DIGITS, .calls = CALLS };
static const struct gateway ids = { .name = "ids", .methods = page_only,
                                    .capture = GW_CAPTURE_SALE, .calls = CALLS };
static const struct gateway *const test_gateways[] = { &digits, &ids, NULL };

struct bench {
    struct store_fixture *books;
    struct store *store;
    struct merchant_id merchant;
    struct run_id run;
    struct id_maker ids;
    struct turn_input inputs[8];
    struct turn turns[8];
    struct turn *pointers[8];
    size_t count;
};

static void bench_open(struct bench *bench, struct store_fixture *books)
{
    struct str why = { 0 };
    *bench = (struct bench){ .books = books, .ids.outside = &books->outside.outside };
    bench->merchant = merchant_id_make(&bench->ids, books->outside.now_ms);
    struct store_config config = { .where = books->where, .outside = &books->outside.outside,
                                   .gateways = test_gateways };
    db_close(books->db);
    books->db = NULL;
    assert_int_equal(store_open(&config, &books->arena, &bench->store, &why), OK);
    assert_stored(store_db(bench->store),
                  store_run_begin(bench->store, STR("test"), true, &bench->run));
}

static struct gateway_account_id add_account(struct bench *bench, const char *gateway,
                                             const char *settings)
{
    struct db *db = store_db(bench->store);
    struct gateway_account account = {
        .id = gateway_account_id_make(&bench->ids, bench->books->outside.now_ms),
        .merchant = bench->merchant,
        .gateway = str_of(gateway),
        .settings = str_of(settings),
        .created_ms = 1,
    };
    const void *rows[] = { &account };
    assert_stored(db, db_begin(db));
    assert_stored(db, db_insert(db, &table_gateway_accounts, rows, 1));
    assert_stored(db, db_commit(db));
    return account.id;
}

static struct turn_input *add(struct bench *bench, const struct turn_handler *handler,
                              const void *ask)
{
    struct turn_input *input = &bench->inputs[bench->count];
    *input = (struct turn_input){ .handler = handler, .merchant = bench->merchant,
                                  .origin = ORIGIN_API, .actor = STR("key_test"),
                                  .run = bench->run, .ask = ask };
    bench->turns[bench->count] = (struct turn){ .input = input };
    bench->pointers[bench->count] = &bench->turns[bench->count];
    bench->count++;
    return input;
}

static void run(struct bench *bench)
{
    store_execute(bench->store, bench->pointers, bench->count);
    bench->count = 0;
}

static struct payment_create payment_at(struct gateway_account_id account)
{
    return (struct payment_create){ .amount = { 1000, CURRENCY_KZT },
                                    .capture_method = CAPTURE_METHOD_AUTOMATIC,
                                    .method = METHOD_GATEWAY_PAGE,
                                    .confirm = true,
                                    .gateway_account = account };
}

/* The call that the turn ordered carries the reference, for the operation and the payment. */
static void assert_called(const struct turn *turn, const char *reference)
{
    struct arena *arena = turn->arena;
    assert_int_equal(turn->err, OK);
    assert_int_equal(turn->calls.count, 1);
    const struct turn_call *call = turn->calls.items[0];
    assert_string_equal(str_c(arena, operation_reference(arena, call->operation)), reference);
    assert_string_equal(str_c(arena, payment_order_reference(arena, call->payment)), reference);
}

static void each_account_counts_for_itself(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment_create first = payment_at(add_account(&bench, "digits", "{}"));
    struct payment_create second = payment_at(
        add_account(&bench, "digits", "{\"reference_from\":7000000}"));
    add(&bench, &turn_payment_create, &first);
    add(&bench, &turn_payment_create, &second);
    add(&bench, &turn_payment_create, &first);
    run(&bench);
    assert_called(&bench.turns[0], "000100001");
    assert_called(&bench.turns[1], "007000000");
    assert_called(&bench.turns[2], "000100002");
    add(&bench, &turn_payment_create, &first);
    run(&bench);
    assert_called(&bench.turns[0], "000100003");
    struct db *db = store_db(bench.store);
    assert_int_equal(store_number(db, "SELECT count(*) FROM operations, payments"
                                      " WHERE operations.payment = payments.id"
                                      " AND operations.reference = payments.order_reference"), 4);
    store_close(bench.store);
}

static void others_keep_the_id(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment_create ask = payment_at(add_account(&bench, "ids", "{}"));
    add(&bench, &turn_payment_create, &ask);
    run(&bench);
    struct str reference = operation_reference(bench.turns[0].arena,
                                               bench.turns[0].calls.items[0]->operation);
    assert_true(str_starts_with(reference, STR("op_")));
    assert_called(&bench.turns[0], str_c(bench.turns[0].arena, reference));
    struct db *db = store_db(bench.store);
    assert_int_equal(store_number(db, "SELECT count(*) FROM counters"
                                      " WHERE name LIKE 'reference:%'"), 0);
    store_close(bench.store);
}

/* What the gateway needs later names the order, whatever operation it is. */
static void later_operations_name_the_order(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment_create ask = payment_at(add_account(&bench, "digits", "{}"));
    add(&bench, &turn_payment_create, &ask);
    run(&bench);
    struct operation_id authorize = bench.turns[0].calls.items[0]->operation->id;
    struct payment_id payment = bench.turns[0].calls.items[0]->payment->id;
    const struct operation_answer sold = { .call = OPERATION_KIND_AUTHORIZE,
                                           .answer = { .outcome = GW_APPROVED,
                                                       .has_position = true,
                                                       .authorized_minor = 1000,
                                                       .captured_minor = 1000 } };
    add(&bench, &turn_operation_answered, &sold)->operation = authorize;
    run(&bench);
    assert_int_equal(bench.turns[0].err, OK);
    const struct refund_create all = { 0 };
    add(&bench, &turn_refund_create, &all)->payment = payment;
    run(&bench);
    const struct turn *turn = &bench.turns[0];
    assert_int_equal(turn->err, OK);
    const struct turn_call *call = turn->calls.items[0];
    assert_true(str_starts_with(operation_reference(turn->arena, call->operation), STR("op_")));
    assert_true(str_equal_c(payment_order_reference(turn->arena, call->payment), "000100001"));
    store_close(bench.store);
}

/* Turns of one batch work on copies of the same books: the first one's call must not go out
 * under another reference than the one that is kept. */
static void later_turn_of_the_batch_sees_it(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment_create ask = payment_at(add_account(&bench, "digits", "{}"));
    ask.confirm = false;
    add(&bench, &turn_payment_create, &ask);
    run(&bench);
    assert_int_equal(bench.turns[0].err, OK);
    struct payment_id payment = bench.turns[0].books->payments.items[0]->id;
    const struct payment_confirm confirm = { 0 };
    add(&bench, &turn_payment_confirm, &confirm)->payment = payment;
    add(&bench, &turn_payment_due, NULL)->payment = payment;
    run(&bench);
    assert_called(&bench.turns[0], "000100001");
    assert_int_equal(bench.turns[1].err, OK);
    struct db *db = store_db(bench.store);
    assert_int_equal(store_number(db, "SELECT count(*) FROM operations"
                                      " WHERE reference = '000100001'"), 1);
    assert_int_equal(store_number(db, "SELECT value FROM counters"
                                      " WHERE name LIKE 'reference:%'"), 1);
    store_close(bench.store);
}

/* A number that is in the books already keeps the whole turn out: no order is sent under it. */
static void number_in_use_is_not_sent(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct gateway_account_id account = add_account(&bench, "digits", "{}");
    struct payment_create ask = payment_at(account);
    add(&bench, &turn_payment_create, &ask);
    run(&bench);
    assert_called(&bench.turns[0], "000100001");
    struct db *db = store_db(bench.store);
    assert_stored(db, db_begin(db));
    assert_stored(db, db_query(db, "UPDATE counters SET value = 0 WHERE name LIKE 'reference:%'",
                               NULL, 0, NULL, NULL));
    assert_stored(db, db_commit(db));
    add(&bench, &turn_payment_create, &ask);
    run(&bench);
    assert_int_equal(bench.turns[0].err, ERR_STORE);
    assert_int_equal(bench.turns[0].calls.count, 0);
    assert_int_equal(store_number(db, "SELECT count(*) FROM operations"), 1);
    /* The transaction that failed took its number back with it. */
    assert_int_equal(store_number(db, "SELECT value FROM counters"
                                      " WHERE name LIKE 'reference:%'"), 0);
    store_close(bench.store);
}

/* The numbers go on beyond nine digits, and a refused turn takes none. */
static void numbers_grow_and_refused_turns_take_none(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment_create good = payment_at(
        add_account(&bench, "digits", "{\"reference_from\":999999999}"));
    struct payment_create bad = good;
    bad.capture_method = CAPTURE_METHOD_MANUAL;
    add(&bench, &turn_payment_create, &good);
    add(&bench, &turn_payment_create, &bad);
    add(&bench, &turn_payment_create, &good);
    run(&bench);
    assert_called(&bench.turns[0], "999999999");
    assert_int_equal(bench.turns[1].err, ERR_CAPTURE_METHOD_NOT_SUPPORTED);
    assert_called(&bench.turns[2], "1000000000");
    store_close(bench.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_account_counts_for_itself),
        cmocka_unit_test(others_keep_the_id),
        cmocka_unit_test(later_operations_name_the_order),
        cmocka_unit_test(later_turn_of_the_batch_sees_it),
        cmocka_unit_test(number_in_use_is_not_sent),
        cmocka_unit_test(numbers_grow_and_refused_turns_take_none),
    };
    return store_run("store_references", tests, sizeof(tests) / sizeof(tests[0]));
}
