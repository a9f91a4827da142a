#include "store_maker.h"
#include "gateway_mute.h"

#include <string.h>

#include "base/crypto.h"
#include "core/requests.h"
#include "core/webhook_rules.h"

static const enum payment_method card_only[] = { METHOD_CARD, METHOD_NONE };
static const struct gateway sandbox = {
    .name = "sandbox",
    .methods = card_only,
    .authorization_ms = 1000,
    .calls = { [OPERATION_KIND_AUTHORIZE] = MUTE_CALL, [OPERATION_KIND_CAPTURE] = MUTE_CALL,
               [OPERATION_KIND_CANCEL] = MUTE_CALL, [OPERATION_KIND_REFUND] = MUTE_CALL,
               [OPERATION_KIND_ENQUIRE] = MUTE_CALL },
};
static const struct gateway *const gateways[] = { &sandbox, NULL };

static enum err keep_merchant(void *self, void *row)
{
    *(struct merchant_id *)self = ((const struct merchant *)row)->id;
    return OK;
}

void maker_open(struct maker *maker, struct store_fixture *books)
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

void maker_close(struct maker *maker)
{
    store_close(maker->store);
    maker->books->db = store_fixture_connect(maker->books, DB_WRITE);
}

void maker_run(struct maker *maker, const struct turn_handler *handler, const void *ask,
               struct maker_about about)
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

bool maker_answer_with(struct maker *maker, const struct gateway_answer *answer)
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
    maker_run(maker, &turn_operation_answered, &said,
              (struct maker_about){ .operation = operation.id });
    return true;
}

bool maker_answer(struct maker *maker, enum gateway_outcome outcome)
{
    return maker_answer_with(maker, &(struct gateway_answer){ .outcome = outcome });
}

struct payment_id maker_pay(struct maker *maker, enum capture_method method, const char *key)
{
    static const struct card card = { .exp_month = 1, .exp_year = 2040 };
    struct payment_create ask = {
        .amount = { 1000, CURRENCY_EUR },
        .capture_method = method,
        .method = METHOD_CARD,
        .card = &card,
        .confirm = key != NULL,
    };

    maker_run(maker, &turn_payment_create, &ask, (struct maker_about){ .key = key });
    return maker->turn.books->payments.items[0]->id;
}

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

    maker_run(maker, &turn_webhook_endpoint_create, &ask, (struct maker_about){ 0 });
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
                maker_run(maker, &turn_webhook_results, &ask, (struct maker_about){ 0 });
        }
        maker_run(maker, &turn_webhook_results, &ask, (struct maker_about){ 0 });
    }
}

void maker_fill(struct store_fixture *books)
{
    static const struct refund_create refund = { .amount_minor = 100 };
    static const struct payment_cancel cancel = { CANCEL_REASON_MERCHANT };
    static const struct invoice_create invoice = { .amount = { 500, CURRENCY_JPY } };
    static const struct gateway_answer sale = { .outcome = GW_APPROVED, .has_position = true,
                                                .authorized_minor = 1000, .captured_minor = 1000 };
    struct maker maker;

    maker_open(&maker, books);
    subscribe(&maker);
    struct payment_id captured = maker_pay(&maker, CAPTURE_METHOD_AUTOMATIC, "captured");
    assert_true(maker_answer(&maker, GW_APPROVED) && maker_answer(&maker, GW_APPROVED));
    maker_run(&maker, &turn_refund_create, &refund,
              (struct maker_about){ captured, .key = "refund 1" });
    assert_true(maker_answer(&maker, GW_APPROVED));
    maker_run(&maker, &turn_refund_create, &refund,
              (struct maker_about){ captured, .key = "refund 2" });
    assert_true(maker_answer(&maker, GW_REFUSED));
    maker_run(&maker, &turn_refund_create, &refund,
              (struct maker_about){ captured, .key = "refund 3" });
    maker_pay(&maker, CAPTURE_METHOD_AUTOMATIC, "sale");
    assert_true(maker_answer_with(&maker, &sale));
    maker_pay(&maker, CAPTURE_METHOD_AUTOMATIC, "declined");
    assert_true(maker_answer(&maker, GW_DECLINED));
    struct payment_id cancelled = maker_pay(&maker, CAPTURE_METHOD_MANUAL, "cancelled");
    assert_true(maker_answer(&maker, GW_APPROVED));
    maker_run(&maker, &turn_payment_cancel, &cancel,
              (struct maker_about){ cancelled, .key = "cancel" });
    assert_true(maker_answer(&maker, GW_APPROVED));
    maker_pay(&maker, CAPTURE_METHOD_MANUAL, NULL);
    maker_pay(&maker, CAPTURE_METHOD_AUTOMATIC, "silence");
    assert_true(maker_answer(&maker, GW_UNKNOWN));
    maker_run(&maker, &turn_invoice_create, &invoice, (struct maker_about){ .key = "invoice" });
    deliver(&maker);
    maker_close(&maker);
}
