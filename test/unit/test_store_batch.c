/* The batch executor over real books: what is claimed, loaded, kept and given back. */
#include "store_fixture.h"
#include "gateway_mute.h"

#include "core/keys.h"
#include "core/requests.h"
#include "store/store.h"

static const enum payment_method card_only[] = { METHOD_CARD, METHOD_NONE };
/* Named as the account that store_bootstrap makes. */
static const struct gateway gateway = {
    .name = "sandbox",
    .methods = card_only,
    .authorization_ms = 1000,
    .calls = { [OPERATION_KIND_AUTHORIZE] = MUTE_CALL, [OPERATION_KIND_CAPTURE] = MUTE_CALL,
               [OPERATION_KIND_REFUND] = MUTE_CALL, [OPERATION_KIND_ENQUIRE] = MUTE_CALL },
};
static const struct gateway *const test_gateways[] = { &gateway, NULL };

struct bench {
    struct store_fixture *books;
    struct store *store;
    struct merchant_id merchant;
    struct run_id run;
    struct turn_input inputs[STORE_BATCH_MAX];
    struct turn turns[STORE_BATCH_MAX];
    struct turn *pointers[STORE_BATCH_MAX];
    size_t count;
};

static enum err keep_merchant(void *self, void *row)
{
    const struct merchant *merchant = row;
    struct merchant_id *out = self;
    *out = merchant->id;
    return OK;
}

static void bench_open(struct bench *bench, struct store_fixture *books)
{
    struct str why = { 0 };
    bool made = false;
    *bench = (struct bench){ .books = books };
    struct store_config config = { .where = books->where, .outside = &books->outside.outside,
                                   .gateways = test_gateways };
    db_close(books->db);
    books->db = NULL;
    assert_int_equal(store_open(&config, &books->arena, &bench->store, &why), OK);
    struct db *db = store_db(bench->store);
    assert_stored(db, store_bootstrap(bench->store, &made));
    assert_true(made);
    assert_stored(db, store_run_begin(bench->store, STR("test"), true, &bench->run));
    assert_stored(db, db_select(db, &table_merchants, "name = 'default'", NULL, 0, &books->arena,
                                keep_merchant, &bench->merchant));
}

static void bench_close(struct bench *bench)
{
    store_close(bench->store);
}

static struct turn_input *add(struct bench *bench, const struct turn_handler *handler,
                              const void *ask, const char *key)
{
    struct turn_input *input = &bench->inputs[bench->count];
    *input = (struct turn_input){
        .handler = handler,
        .merchant = bench->merchant,
        .origin = ORIGIN_API,
        .actor = STR("key_test"),
        .run = bench->run,
        .ask = ask,
    };
    if (key) {
        input->claim_key = claim_key(bench->merchant, false, str_of(key));
        input->claim_fingerprint = crypto_sha256(STR("same body"));
    }
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

static const struct card card = { .exp_month = 1, .exp_year = 2040 };
static const struct payment_create payment_of_1000 = {
    .amount = { 1000, CURRENCY_EUR },
    .capture_method = CAPTURE_METHOD_AUTOMATIC,
    .method = METHOD_CARD,
    .card = &card,
    .confirm = true,
};

static void answer_all(struct bench *bench, struct operation *operation, enum gateway_outcome word)
{
    static struct operation_answer said;
    said = (struct operation_answer){ .call = operation->kind, .answer = { .outcome = word } };
    struct turn_input *input = add(bench, &turn_operation_answered, &said, NULL);
    input->operation = operation->id;
}

/* Creates a payment and answers until nothing is in flight. */
static struct payment captured(struct bench *bench, const char *key)
{
    add(bench, &turn_payment_create, &payment_of_1000, key);
    run(bench);
    assert_int_equal(bench->turns[0].err, OK);
    while (bench->turns[0].calls.count) {
        struct operation operation = *bench->turns[0].calls.items[0]->operation;
        answer_all(bench, &operation, GW_APPROVED);
        run(bench);
        assert_int_equal(bench->turns[0].err, OK);
    }
    return *bench->turns[0].books->payments.items[0];
}

static int64_t count_of(struct bench *bench, const struct table *table)
{
    return store_count(bench->books, store_db(bench->store), table);
}

static void life_is_kept(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment payment = captured(&bench, "k");
    assert_int_equal(payment.status, PAYMENT_CAPTURED);
    assert_int_equal(count_of(&bench, &table_events), 7);
    assert_int_equal(count_of(&bench, &table_operations), 2);
    assert_int_equal(count_of(&bench, &table_attempts), 2);
    assert_int_equal(count_of(&bench, &table_claims), 1);
    struct db *db = store_db(bench.store);
    assert_int_equal(store_number(db, "SELECT captured_minor FROM payments"), 1000);
    assert_int_equal(store_number(db, "SELECT count(DISTINCT number) FROM events"), 7);
    bench_close(&bench);
}

/* However they lie in the engine's tables, an invoice's payments are loaded in the order in which
 * they were made: the invoice's object names them so. */
static void books_are_in_order(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment first = captured(&bench, "k");
    struct db *db = store_db(bench.store);
    for (uint8_t i = 9; i > 0; i--) {
        struct payment other = first;
        const void *row = &other;
        other.id.id.bytes[15] = (uint8_t)(first.id.id.bytes[15] + i % 3 + 1);
        other.id.id.bytes[14] = (uint8_t)(first.id.id.bytes[14] + i / 3 + 1);
        assert_stored(db, db_insert(db, &table_payments, &row, 1));
    }
    struct turn_input *input = add(&bench, &turn_invoice_fulfil, NULL, NULL);
    input->invoice = first.invoice;
    run(&bench);
    assert_int_equal(bench.turns[0].err, OK);
    const struct payment_list *payments = &bench.turns[0].books->payments;
    assert_int_equal(payments->count, 10);
    for (size_t i = 1; i < payments->count; i++)
        assert_true(id_compare(payments->items[i - 1]->id.id, payments->items[i]->id.id) < 0);
    bench_close(&bench);
}

static void replay_is_byte_equal_and_has_no_effect(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    captured(&bench, "k");
    struct turn_answer replies[2];
    for (int i = 0; i < 2; i++) {
        add(&bench, &turn_payment_create, &payment_of_1000, "k");
        run(&bench);
        assert_int_equal(bench.turns[0].err, OK);
        replies[i] = bench.turns[0].answer;
        replies[i].body = str_copy(&bench.books->arena, replies[i].body);
        assert_true(replies[i].replayed && replies[i].final);
        assert_int_equal(replies[i].status, 201);
        assert_int_equal(bench.turns[0].calls.count, 0);
    }
    assert_true(str_equal(replies[0].body, replies[1].body));
    assert_true(text_has(replies[0].body, "\"status\":\"captured\""));
    assert_int_equal(count_of(&bench, &table_payments), 1);
    bench_close(&bench);
}

static void replay_while_in_flight_shows_the_present(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    add(&bench, &turn_payment_create, &payment_of_1000, "k");
    run(&bench);
    add(&bench, &turn_payment_create, &payment_of_1000, "k");
    run(&bench);
    assert_int_equal(bench.turns[0].answer.status, 202);
    assert_true(bench.turns[0].answer.replayed && !bench.turns[0].answer.final);
    assert_true(text_has(bench.turns[0].answer.body, "\"status\":\"authorizing\""));
    bench_close(&bench);
}

static void same_key_with_another_body_is_refused(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    captured(&bench, "k");
    struct turn_input *input = add(&bench, &turn_payment_create, &payment_of_1000, "k");
    input->claim_fingerprint = crypto_sha256(STR("another body"));
    run(&bench);
    assert_int_equal(bench.turns[0].err, ERR_IDEMPOTENCY_MISMATCH);
    assert_int_equal(count_of(&bench, &table_payments), 1);
    bench_close(&bench);
}

static void same_key_twice_in_a_batch_has_one_effect(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    for (int i = 0; i < 3; i++)
        add(&bench, &turn_payment_create, &payment_of_1000, "k");
    run(&bench);
    assert_int_equal(bench.turns[0].err, OK);
    assert_int_equal(bench.turns[1].err, ERR_IDEMPOTENCY_IN_FLIGHT);
    assert_int_equal(bench.turns[2].err, ERR_IDEMPOTENCY_IN_FLIGHT);
    assert_int_equal(bench.turns[1].retry_after_s, 1);
    assert_int_equal(count_of(&bench, &table_payments), 1);
    bench_close(&bench);
}

static void refused_request_frees_its_key(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment_create wrong = payment_of_1000;
    wrong.gateway_account = gateway_account_id_make(&(struct id_maker){
        &bench.books->outside.outside, 0, 0 }, 1);
    add(&bench, &turn_payment_create, &wrong, "k");
    add(&bench, &turn_payment_create, &payment_of_1000, "k");
    run(&bench);
    assert_int_equal(bench.turns[0].err, ERR_NO_GATEWAY_ACCOUNT);
    assert_int_equal(bench.turns[1].err, OK);
    assert_int_equal(count_of(&bench, &table_claims), 1);
    bench_close(&bench);
}

static void later_turns_of_a_batch_see_earlier_ones(void **state)
{
    static const struct refund_create six_hundred = { .amount_minor = 600 };
    struct bench bench;
    bench_open(&bench, *state);
    struct payment payment = captured(&bench, "k");
    for (int i = 0; i < 64; i++)
        add(&bench, &turn_refund_create, &six_hundred, NULL)->payment = payment.id;
    run(&bench);
    size_t accepted = 0;
    for (int i = 0; i < 64; i++)
        accepted += bench.turns[i].err == OK;
    assert_int_equal(accepted, 1);
    assert_int_equal(bench.turns[63].err, ERR_OPERATION_IN_PROGRESS);
    assert_int_equal(store_number(store_db(bench.store), "SELECT reserved_minor FROM payments"),
                     600);
    bench_close(&bench);
}

static void others_do_not_find_it(void **state)
{
    static const struct refund_create all = { 0 };
    struct bench bench;
    bench_open(&bench, *state);
    struct payment payment = captured(&bench, "k");
    add(&bench, &turn_refund_create, &all, NULL)->payment = payment.id;
    bench.inputs[0].live = true;
    add(&bench, &turn_refund_create, &all, NULL)->payment = payment.id;
    bench.inputs[1].merchant.id.bytes[0] ^= 1;
    run(&bench);
    assert_int_equal(bench.turns[0].err, ERR_NOT_FOUND);
    assert_int_equal(bench.turns[1].err, ERR_NOT_FOUND);
    assert_int_equal(count_of(&bench, &table_refunds), 0);
    bench_close(&bench);
}

/* Breaks the books' own CHECK: only a fault of ours can, and it must fail alone. */
static enum err poison(struct turn *turn)
{
    struct payment *payment = turn->books->payments.items[0];
    payment->reserved_minor = payment->captured_minor + 1;
    row_touch(&payment->row);
    return OK;
}
static const struct turn_handler turn_poison = { "test.poison", TARGET_PAYMENT, .scoped = true,
                                                 .handle = poison };

static void poisoned_turn_fails_alone(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment payment = captured(&bench, "k");
    for (int i = 0; i < 20; i++) {
        if (i == 7)
            add(&bench, &turn_poison, NULL, NULL)->payment = payment.id;
        else
            add(&bench, &turn_payment_create, &payment_of_1000, NULL);
    }
    run(&bench);
    for (int i = 0; i < 20; i++)
        assert_int_equal(bench.turns[i].err, i == 7 ? ERR_STORE : OK);
    assert_int_equal(count_of(&bench, &table_payments), 20);
    assert_true(store_counts(bench.store).batches_split > 0);
    bench_close(&bench);
}

static int64_t checks(struct bench *bench)
{
    return store_number(store_db(bench->store), "SELECT checks FROM payments");
}

/* Rows of a payment under way are kept from its turn to the next one: what others write in
 * between, or this connection outside of a turn, is seen all the same and not written over. */
static void rows_that_are_kept_are_never_stale(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct db *db = store_db(bench.store);
    bool keeps = !db_is_shared(db);
    add(&bench, &turn_payment_create, &payment_of_1000, "k");
    run(&bench);
    struct operation authorize = *bench.turns[0].calls.items[0]->operation;
    struct db *other = store_fixture_connect(bench.books, DB_WRITE);
    assert_stored(other, db_query(other, "UPDATE payments SET checks = 7", NULL, 0, NULL, NULL));
    db_close(other);
    answer_all(&bench, &authorize, GW_APPROVED);
    run(&bench);
    assert_int_equal(store_counts(bench.store).books_kept, 0);
    assert_int_equal(checks(&bench), 7);
    struct operation capture = *bench.turns[0].calls.items[0]->operation;
    assert_stored(db, db_query(db, "UPDATE payments SET checks = 8", NULL, 0, NULL, NULL));
    answer_all(&bench, &capture, GW_UNKNOWN);
    run(&bench);
    assert_int_equal(store_counts(bench.store).books_kept, 0);
    assert_int_equal(checks(&bench), 8);
    assert_int_equal(captured(&bench, "l").status, PAYMENT_CAPTURED);
    assert_int_equal(store_counts(bench.store).books_kept, keeps ? 2 : 0);
    bench_close(&bench);
}

/* Its rows are in the books as they were before the batch, so what was kept must be, too. */
static void rows_that_are_kept_outlive_no_failure(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct payment payment = captured(&bench, "k");
    add(&bench, &turn_payment_create, &payment_of_1000, "l");
    run(&bench);
    struct operation authorize = *bench.turns[0].calls.items[0]->operation;
    answer_all(&bench, &authorize, GW_APPROVED);
    add(&bench, &turn_poison, NULL, NULL)->payment = payment.id;
    run(&bench);
    assert_int_equal(bench.turns[0].err, OK);
    assert_int_equal(bench.turns[1].err, ERR_STORE);
    struct operation capture = *bench.turns[0].calls.items[0]->operation;
    answer_all(&bench, &capture, GW_APPROVED);
    run(&bench);
    assert_int_equal(bench.turns[0].err, OK);
    assert_int_equal(store_number(store_db(bench.store),
                                  "SELECT count(*) FROM payments WHERE captured_minor = 1000"), 2);
    bench_close(&bench);
}

static void full_batch_is_one_commit(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    uint64_t before = store_counts(bench.store).batches;
    for (int i = 0; i < STORE_BATCH_MAX; i++)
        add(&bench, &turn_payment_create, &payment_of_1000, NULL);
    run(&bench);
    assert_int_equal(store_counts(bench.store).batches - before, 1);
    assert_int_equal(count_of(&bench, &table_payments), STORE_BATCH_MAX);
    bench_close(&bench);
}

static void older_runs_are_over_when_others_are_dead(void **state)
{
    struct bench bench;
    struct run_id second;
    bench_open(&bench, *state);
    add(&bench, &turn_payment_create, &payment_of_1000, NULL);
    run(&bench);
    outside_fake_advance(&bench.books->outside, 10);
    struct db *db = store_db(bench.store);
    assert_stored(db, store_run_begin(bench.store, STR("next"), true, &second));
    /* The older one still holds a sending operation, so it is kept, as over. */
    assert_int_equal(count_of(&bench, &table_runs), 2);
    assert_int_equal(store_number(db, "SELECT count(*) FROM runs r JOIN operations o ON"
                                      " o.run = r.id AND o.state = 'sending'"
                                      " WHERE r.lapses_ms < 1000000000000000"), 0 + 1);
    bench_close(&bench);
}

static void key_is_made_and_revoked(void **state)
{
    struct bench bench;
    bench_open(&bench, *state);
    struct api_key key = {
        .row = ROW_NEW,
        .id = api_key_id_make(&(struct id_maker){ &bench.books->outside.outside, 0, 0 }, 1),
        .merchant = bench.merchant,
        .hash = crypto_sha256(STR("x")),
        .hint = STR("psk_test_...x"),
        .scopes = KEY_SCOPES_ALL,
    };
    struct api_key_revoke revoke = { key.id };
    add(&bench, &turn_api_key_create, &key, NULL);
    run(&bench);
    assert_int_equal(bench.turns[0].err, OK);
    add(&bench, &turn_api_key_revoke, &revoke, NULL);
    run(&bench);
    assert_int_equal(bench.turns[0].err, OK);
    struct db *db = store_db(bench.store);
    assert_int_equal(store_number(db, "SELECT count(*) FROM api_keys WHERE revoked_ms > 0"), 1);
    bench_close(&bench);
}

static int64_t even_since_ms(struct bench *bench)
{
    add(bench, &turn_payment_create, &payment_of_1000, NULL);
    run(bench);
    assert_int_equal(bench->turns[0].err, OK);
    return bench->turns[0].even_since_ms;
}

/* What has to have waited is not taken to have waited because somebody set the clock. */
static void step_of_the_clock_begins_a_new_count(void **state)
{
    struct bench bench;
    struct store_fixture *books = *state;
    bench_open(&bench, books);
    if (!db_is_shared(store_db(bench.store))) {
        int64_t start_ms = books->outside.now_ms;
        assert_int_equal(even_since_ms(&bench), start_ms);
        outside_fake_advance(&books->outside, 3600 * 1000);
        assert_int_equal(even_since_ms(&bench), start_ms);
        books->outside.now_ms += 3600 * 1000;
        int64_t stepped_ms = books->outside.now_ms;
        assert_int_equal(even_since_ms(&bench), stepped_ms);
        outside_fake_advance(&books->outside, 10 * 1000);
        assert_int_equal(even_since_ms(&bench), stepped_ms);
        books->outside.now_ms -= 3600 * 1000;
        assert_int_equal(even_since_ms(&bench), books->outside.now_ms);
    }
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_is_kept),
        cmocka_unit_test(books_are_in_order),
        cmocka_unit_test(replay_is_byte_equal_and_has_no_effect),
        cmocka_unit_test(replay_while_in_flight_shows_the_present),
        cmocka_unit_test(same_key_with_another_body_is_refused),
        cmocka_unit_test(same_key_twice_in_a_batch_has_one_effect),
        cmocka_unit_test(refused_request_frees_its_key),
        cmocka_unit_test(later_turns_of_a_batch_see_earlier_ones),
        cmocka_unit_test(others_do_not_find_it),
        cmocka_unit_test(poisoned_turn_fails_alone),
        cmocka_unit_test(rows_that_are_kept_are_never_stale),
        cmocka_unit_test(rows_that_are_kept_outlive_no_failure),
        cmocka_unit_test(full_batch_is_one_commit),
        cmocka_unit_test(older_runs_are_over_when_others_are_dead),
        cmocka_unit_test(key_is_made_and_revoked),
        cmocka_unit_test(step_of_the_clock_begins_a_new_count),
    };
    return store_run("store batch", tests, COUNT_OF(tests));
}
