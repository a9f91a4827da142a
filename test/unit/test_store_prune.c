/* What is old goes, what is open or young stays, and the books are sound at every moment. */
#include "store_maker.h"

#include <string.h>

#include "base/time.h"
#include "core/requests.h"
#include "core/webhooks.h"
#include "store/checker.h"
#include "store/prune.h"
#include "store/query_pruned.h"

/* So far behind all that was made that this month is old too. */
#define LATER_MS (70 * DAY_MS)

/* An endpoint that was changed may be owed nothing: here deliveries go before their events. */
static void fill(struct store_fixture *books)
{
    maker_fill(books);
    assert_stored(books->db, db_script(books->db, STR("UPDATE webhook_endpoints SET updated_ms ="
                                                      " updated_ms + 1")));
}

static int64_t now_of(struct store_fixture *books)
{
    int64_t now_ms = 0;

    assert_stored(books->db, db_now(books->db, &now_ms));
    return now_ms;
}

static struct prune_report prune_with(struct store_fixture *books, struct prune_plan plan)
{
    struct prune_report report = { 0 };

    assert_stored(books->db, prune_run(books->db, &plan, &books->arena, &report));
    return report;
}

static struct prune_report prune(struct store_fixture *books)
{
    return prune_with(books, (struct prune_plan){ .before_ms = now_of(books) + LATER_MS });
}

static void assert_sound(struct store_fixture *books)
{
    struct checker_report report = { 0 };
    struct db *db = store_fixture_connect(books, DB_READ);

    assert_stored(db, checker_run(db, &books->arena, &report));
    if (report.invariant != NULL)
        fail_msg("%s %.*s: %.*s", report.invariant, STR_ARG(report.row), STR_ARG(report.wrong));
    db_close(db);
}

static void assert_breaks(struct store_fixture *books, const char *invariant, const char *wrong)
{
    struct checker_report report = { 0 };
    struct db *db = store_fixture_connect(books, DB_READ);

    assert_stored(db, checker_run(db, &books->arena, &report));
    assert_non_null(report.invariant);
    assert_string_equal(report.invariant, invariant);
    if (!text_has(report.wrong, wrong))
        fail_msg("%.*s is not %s", STR_ARG(report.wrong), wrong);
    db_close(db);
}

#define COUNT(books, table) store_count((books), (books)->db, &table_##table)

static void what_ended_goes_and_what_is_open_stays(void **state)
{
    struct store_fixture *books = *state;

    fill(books);
    int64_t payments = COUNT(books, payments), refunds = COUNT(books, refunds);
    struct prune_report report = prune(books);
    /* A sale, one declined, one cancelled, and an invoice by itself. */
    assert_int_equal(report.histories, 4);
    /* A refund under way, only created, without an answer. */
    assert_int_equal(report.waiting, 3);
    assert_true(text_has(report.reason, "is pending"));
    assert_int_equal(report.checkpoints, 7);
    assert_int_equal(COUNT(books, checkpoints), 7);
    assert_int_equal(COUNT(books, payments), payments);
    assert_int_equal(COUNT(books, refunds), refunds);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM events JOIN invoices ON"
                                             " invoices.id = events.invoice WHERE"
                                             " checkpointed = 1"), 0);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM claims WHERE status <> 0"), 0);
    assert_true(COUNT(books, claims) > 0);
    assert_sound(books);
    report = prune(books);
    assert_int_equal(report.histories, 0);
    assert_int_equal(report.keys, 0);
    assert_int_equal(report.waiting, 3);
}

static void a_dry_run_tells_the_same_and_changes_nothing(void **state)
{
    struct store_fixture *books = *state;
    struct prune_report dry = { 0 };

    fill(books);
    int64_t events = COUNT(books, events), claims = COUNT(books, claims);
    struct prune_plan plan = { .before_ms = now_of(books) + LATER_MS, .dry_run = true };
    struct db *reader = store_fixture_connect(books, DB_READ);
    assert_stored(reader, prune_run(reader, &plan, &books->arena, &dry));
    db_close(reader);
    assert_int_equal(COUNT(books, events), events);
    assert_int_equal(COUNT(books, claims), claims);
    assert_int_equal(COUNT(books, checkpoints), 0);
    struct prune_report wet = prune(books);
    assert_int_equal(dry.histories, wet.histories);
    assert_int_equal(dry.waiting, wet.waiting);
    assert_int_equal(dry.checkpoints, wet.checkpoints);
    assert_int_equal(dry.keys, wet.keys);
    assert_true(wet.keys > 0);
}

static void what_is_young_stays(void **state)
{
    struct store_fixture *books = *state;

    fill(books);
    int64_t now_ms = now_of(books);
    struct prune_report report =
        prune_with(books, (struct prune_plan){ .before_ms = now_ms - MINUTE_MS });
    assert_int_equal(report.keys, 0);
    assert_int_equal(report.histories, 0);
    /* Keys go a day before what they point at. */
    report = prune_with(books, (struct prune_plan){ .before_ms = now_ms + HOUR_MS });
    assert_true(report.keys > 0);
    assert_int_equal(report.histories, 0);
    assert_sound(books);
}

static bool once(void *self, const struct prune_report *so_far)
{
    (void)so_far;
    return --*(int *)self > 0;
}

/* A run that ends after any of its transactions leaves sound books, and the next goes on. */
static void it_can_be_cut_off_anywhere(void **state)
{
    struct store_fixture *books = *state;
    struct prune_report report;
    int64_t histories = 0;

    fill(books);
    for (int steps = 1; steps < 10; steps++) {
        int left = steps;
        report = prune_with(books, (struct prune_plan){ .before_ms = now_of(books) + LATER_MS,
                                                        .self = &left, .go_on = once });
        histories += report.histories;
        assert_sound(books);
    }
    assert_int_equal(histories, 4);
    assert_int_equal(prune(books).histories, 0);
}

static struct payment_id pay_and_refund(struct maker *maker, const char *key)
{
    static const struct refund_create ask = { .amount_minor = 100 };
    struct payment_id payment = maker_pay(maker, CAPTURE_METHOD_AUTOMATIC, key);

    assert_true(maker_answer(maker, GW_APPROVED) && maker_answer(maker, GW_APPROVED));
    maker_run(maker, &turn_refund_create, &ask, (struct maker_about){ payment, .key = NULL });
    assert_true(maker_answer(maker, GW_APPROVED));
    return payment;
}

static enum err keep_row(void *self, void *row)
{
    *(void **)self = row;
    return OK;
}

static struct payment *payment_row(struct store_fixture *books, struct payment_id id)
{
    struct payment *payment = NULL;
    struct db_value args[] = { DB_ID(id) };

    assert_stored(books->db, db_select(books->db, &table_payments, "id = $1", args, 1,
                                       &books->arena, keep_row, &payment));
    assert_non_null(payment);
    return payment;
}

/* A payment lives on after its history went: events count on, and go again. */
static void life_goes_on_from_the_checkpoint(void **state)
{
    static const struct refund_create more = { .amount_minor = 200 };
    struct store_fixture *books = *state;
    struct maker maker;
    bool pruned = true;

    maker_open(&maker, books);
    struct payment_id id = pay_and_refund(&maker, "first");
    maker_close(&maker);
    struct payment *payment = payment_row(books, id);
    assert_stored(books->db, query_payment_pruned(books->db, payment, &pruned));
    assert_false(pruned);
    assert_int_equal(prune(books).histories, 1);
    assert_int_equal(COUNT(books, events), 0);
    assert_int_equal(COUNT(books, operations), 0);
    assert_int_equal(COUNT(books, attempts), 0);
    assert_stored(books->db, query_payment_pruned(books->db, payment, &pruned));
    assert_true(pruned);

    maker_open(&maker, books);
    maker_run(&maker, &turn_refund_create, &more, (struct maker_about){ id, .key = "late" });
    assert_sound(books);
    assert_true(maker_answer(&maker, GW_APPROVED));
    maker_close(&maker);
    assert_sound(books);
    payment = payment_row(books, id);
    assert_int_equal(payment->refunded_minor, 300);
    assert_int_equal(store_number(books->db, "SELECT min(version) FROM events"),
                     payment->version - 1);
    assert_stored(books->db, query_payment_pruned(books->db, payment, &pruned));
    assert_true(pruned);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM invoices WHERE late = 1"), 1);

    assert_int_equal(prune(books).histories, 1);
    assert_int_equal(COUNT(books, events), 0);
    assert_int_equal(COUNT(books, checkpoints), 4);
    assert_int_equal(store_number(books->db, "SELECT max(refunded_minor) FROM checkpoints"), 300);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM invoices WHERE late = 1"), 0);
    assert_sound(books);
}

/* The feed knows how far it is not whole any more, tenant by tenant. */
static void the_feed_knows_what_is_missing(void **state)
{
    struct store_fixture *books = *state;
    struct maker maker;
    int64_t pruned = -1, last = 0;

    maker_open(&maker, books);
    struct query_scope scope = { .merchant = maker.merchant };
    pay_and_refund(&maker, "first");
    maker_close(&maker);
    last = store_number(books->db, "SELECT max(number) FROM events");
    assert_stored(books->db, query_events_pruned(books->db, scope, &books->arena, &pruned));
    assert_int_equal(pruned, 0);
    prune(books);
    assert_stored(books->db, query_events_pruned(books->db, scope, &books->arena, &pruned));
    assert_int_equal(pruned, last);
    scope.live = true;
    assert_stored(books->db, query_events_pruned(books->db, scope, &books->arena, &pruned));
    assert_int_equal(pruned, 0);
}

/* Evidence is kept, and hides nothing else. */
static void broken_history_stays(void **state)
{
    struct store_fixture *books = *state;

    fill(books);
    assert_stored(books->db,
                  db_script(books->db, STR("UPDATE payments SET version = version + 1"
                                           " WHERE status = 'failed'")));
    struct prune_report report = prune(books);
    assert_string_equal(report.invariant, "I5");
    assert_true(str_starts_with(report.row, STR("payment pay_")));
    assert_int_equal(report.histories, 3);
    assert_int_equal(report.waiting, 4);
    assert_true(store_number(books->db, "SELECT count(*) FROM events JOIN payments ON"
                                        " payments.invoice = events.invoice"
                                        " WHERE status = 'failed'") > 0);
    assert_breaks(books, "I5", "version is");
}

/* What the checkpoints say is held against the rows for ever. */
static void every_fault_of_a_checkpoint_is_named(void **state)
{
    static const struct {
        const char *sql, *back, *wrong;
    } faults[] = {
        { "UPDATE checkpoints SET captured_minor = captured_minor - 1 WHERE captured_minor > 0",
          "UPDATE checkpoints SET captured_minor = captured_minor + 1 WHERE captured_minor > 0",
          "captured_minor is" },
        { "UPDATE checkpoints SET refunded_minor = refunded_minor + 1 WHERE captured_minor > 0",
          "UPDATE checkpoints SET refunded_minor = refunded_minor - 1 WHERE captured_minor > 0",
          "refunded_minor is" },
        { "UPDATE checkpoints SET version = version + 1 WHERE captured_minor > 0",
          "UPDATE checkpoints SET version = version - 1 WHERE captured_minor > 0",
          "version is" },
        { "UPDATE checkpoints SET status = 'failed' WHERE captured_minor > 0",
          "UPDATE checkpoints SET status = 'captured' WHERE captured_minor > 0",
          "its events end with failed" },
        { "UPDATE checkpoints SET status = 'x' WHERE captured_minor > 0",
          "UPDATE checkpoints SET status = 'captured' WHERE captured_minor > 0",
          "is of no known status" },
        { "UPDATE invoices SET checkpointed = 0", "UPDATE invoices SET checkpointed = 1",
          "is not marked so" },
        { "DELETE FROM checkpoints WHERE object = invoice", NULL, "but has no checkpoint" },
    };
    struct store_fixture *books = *state;
    struct maker maker;

    maker_open(&maker, books);
    pay_and_refund(&maker, "first");
    maker_close(&maker);
    prune(books);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        assert_sound(books);
        assert_stored(books->db, db_script(books->db, str_of(faults[i].sql)));
        assert_breaks(books, "I5", faults[i].wrong);
        if (faults[i].back != NULL)
            assert_stored(books->db, db_script(books->db, str_of(faults[i].back)));
    }
}

/* Where the engine has months, they go as a whole. */
static void a_month_goes_when_its_last_payment_ended(void **state)
{
    static const struct payment_cancel cancel = { CANCEL_REASON_MERCHANT };
    struct store_fixture *books = *state;
    struct maker maker;
    struct period_list months = { 0 };
    int64_t pruned = 0;

    if (!periods_are_used(books->db))
        return;
    assert_stored(books->db, periods_make_ahead(books->db));
    maker_open(&maker, books);
    pay_and_refund(&maker, "first");
    struct payment_id open = maker_pay(&maker, CAPTURE_METHOD_MANUAL, "open");
    assert_true(maker_answer(&maker, GW_APPROVED));
    maker_close(&maker);
    struct prune_report report = prune(books);
    assert_true(report.months.count >= 1);
    struct prune_month *month = report.months.items[0];
    assert_int_equal(month->waiting, 1);
    assert_false(month->dropped);
    assert_true(text_has(month->reason, "is authorized"));
    assert_true(COUNT(books, events) > 0);
    assert_sound(books);

    maker_open(&maker, books);
    maker_run(&maker, &turn_payment_cancel, &cancel, (struct maker_about){ open, .key = "c" });
    assert_true(maker_answer(&maker, GW_APPROVED));
    struct query_scope scope = { .merchant = maker.merchant };
    maker_close(&maker);
    int64_t last = store_number(books->db, "SELECT max(number) FROM events");
    report = prune(books);
    assert_true(report.months.items[0]->dropped);
    assert_int_equal(report.histories, 0);
    assert_int_equal(COUNT(books, events), 0);
    assert_int_equal(COUNT(books, operations), 0);
    assert_int_equal(COUNT(books, checkpoints), 5);
    assert_stored(books->db, query_events_pruned(books->db, scope, &books->arena, &pruned));
    assert_int_equal(pruned, last);
    assert_stored(books->db, periods_list(books->db, &books->arena, &months));
    for (size_t i = 0; i < months.count; i++)
        assert_true(period_compare(*months.items[i], period_at(now_of(books))) > 0);
    assert_sound(books);
}

/* A month of which all are checkpointed, and one changed since. */
static void a_month_with_a_late_change_is_looked_at_again(void **state)
{
    static const struct refund_create more = { .amount_minor = 200 };
    struct store_fixture *books = *state;
    struct maker maker;

    if (!periods_are_used(books->db))
        return;
    assert_stored(books->db, periods_make_ahead(books->db));
    maker_open(&maker, books);
    struct payment_id id = pay_and_refund(&maker, "first");
    maker_pay(&maker, CAPTURE_METHOD_MANUAL, "open");
    assert_true(maker_answer(&maker, GW_APPROVED));
    maker_close(&maker);
    assert_false(prune(books).months.items[0]->dropped);
    maker_open(&maker, books);
    maker_run(&maker, &turn_refund_create, &more, (struct maker_about){ id, .key = "late" });
    maker_close(&maker);
    assert_sound(books);
    struct prune_report report = prune(books);
    assert_int_equal(report.months.items[0]->waiting, 2);
    assert_sound(books);
}

/* A reader that holds the tables: the month waits, nothing fails. */
static void a_month_that_is_read_goes_next_time(void **state)
{
    struct store_fixture *books = *state;
    struct maker maker;

    if (!periods_are_used(books->db))
        return;
    assert_stored(books->db, periods_make_ahead(books->db));
    maker_open(&maker, books);
    pay_and_refund(&maker, "first");
    maker_close(&maker);
    struct db *reader = store_fixture_connect(books, DB_READ);
    assert_stored(reader, db_begin(reader));
    assert_true(store_number(reader, "SELECT count(*) FROM events") > 0);
    struct prune_report report = prune(books);
    assert_false(report.months.items[0]->dropped);
    assert_true(text_has(report.months.items[0]->reason, "are being read"));
    db_rollback(reader);
    db_close(reader);
    assert_true(prune(books).months.items[0]->dropped);
}

/* Rows that are no history. */

static struct id id_at(struct store_fixture *books, int64_t time_ms)
{
    struct id id = id_first_at(time_ms);

    for (int i = 8; i < 16; i++)
        id.bytes[i] = (uint8_t)store_fixture_random(books, 256);
    return id;
}

struct webhook_rows {
    struct store_fixture *books;
    struct webhook_message *message;
};

static struct webhook_delivery *put_delivery(struct webhook_rows *rows, int64_t ended_ms,
                                             int64_t due_ms)
{
    struct store_fixture *books = rows->books;
    struct webhook_delivery *delivery = store_fixture_row(books, &table_webhook_deliveries);
    struct webhook_attempt *attempt = store_fixture_row(books, &table_webhook_attempts);
    const void *row = delivery, *attempt_row = attempt;

    delivery->id.id = id_at(books, now_of(books));
    delivery->message = rows->message->id;
    delivery->ended_ms = ended_ms;
    delivery->due_ms = due_ms;
    attempt->delivery = delivery->id;
    assert_stored(books->db, db_insert(books->db, &table_webhook_deliveries, &row, 1));
    assert_stored(books->db, db_insert(books->db, &table_webhook_attempts, &attempt_row, 1));
    return delivery;
}

/* Held for an endpoint in that state. */
static void put_held(struct webhook_rows *rows, enum endpoint_status status)
{
    struct store_fixture *books = rows->books;
    struct webhook_endpoint *endpoint = store_fixture_row(books, &table_webhook_endpoints);
    struct webhook_delivery *delivery = store_fixture_row(books, &table_webhook_deliveries);
    const void *row = delivery, *endpoint_row = endpoint;

    endpoint->status = status;
    delivery->id.id = id_at(books, now_of(books));
    delivery->endpoint = endpoint->id;
    delivery->message = rows->message->id;
    delivery->created_ms = delivery->due_ms = now_of(books);
    delivery->ended_ms = 0;
    assert_stored(books->db, db_insert(books->db, &table_webhook_endpoints, &endpoint_row, 1));
    assert_stored(books->db, db_insert(books->db, &table_webhook_deliveries, &row, 1));
}

static void put_message(struct webhook_rows *rows)
{
    struct store_fixture *books = rows->books;

    rows->message = store_fixture_row(books, &table_webhook_messages);
    rows->message->created_ms = now_of(books);
    rows->message->id.id = id_at(books, rows->message->created_ms);
    const void *row = rows->message;
    assert_stored(books->db, db_insert(books->db, &table_webhook_messages, &row, 1));
}

static void deliveries_that_ended_go_and_messages_with_the_last(void **state)
{
    struct store_fixture *books = *state;
    struct webhook_rows rows = { .books = books };
    int64_t now_ms = now_of(books), before_ms = now_ms + LATER_MS;

    put_message(&rows);
    put_delivery(&rows, now_ms, 0);
    put_delivery(&rows, now_ms, 0);
    put_message(&rows);
    put_delivery(&rows, now_ms, 0);
    put_delivery(&rows, 0, now_ms);                   /* still tried */
    put_message(&rows);
    put_delivery(&rows, before_ms + 1, 0);            /* ended later */
    struct prune_report report = prune_with(books, (struct prune_plan){ .before_ms = before_ms });
    assert_int_equal(report.deliveries, 3);
    assert_int_equal(report.messages, 1);
    assert_int_equal(COUNT(books, webhook_deliveries), 2);
    assert_int_equal(COUNT(books, webhook_attempts), 2);
    assert_int_equal(COUNT(books, webhook_messages), 2);
}

static void deliveries_that_nobody_wants_any_more_go(void **state)
{
    struct store_fixture *books = *state;
    struct webhook_rows rows = { .books = books };

    put_message(&rows);
    put_held(&rows, ENDPOINT_DISABLED);
    put_held(&rows, ENDPOINT_ENABLED);
    struct prune_report report =
        prune_with(books, (struct prune_plan){ .before_ms = now_of(books) + LATER_MS });
    assert_int_equal(report.deliveries, 1);
    assert_int_equal(COUNT(books, webhook_deliveries), 1);
    assert_int_equal(COUNT(books, webhook_messages), 1);
}

static void notices_go_when_nothing_looks_at_them(void **state)
{
    struct store_fixture *books = *state;
    int64_t now_ms = now_of(books);

    for (int i = 0; i < 3; i++) {
        struct notice *notice = store_fixture_row(books, &table_notices);
        const void *row = notice;
        notice->id.id = id_at(books, now_ms);
        notice->digest.bytes[0] = (uint8_t)i;
        notice->due_ms = i == 0 ? now_ms : 0;
        notice->received_ms = i == 1 ? now_ms + LATER_MS + DAY_MS : now_ms;
        assert_stored(books->db, db_insert(books->db, &table_notices, &row, 1));
    }
    assert_int_equal(prune(books).notices, 1);
    assert_int_equal(COUNT(books, notices), 2);
}

/* More than a page, and many of the same moment. */
static void many_keys_go_page_by_page(void **state)
{
    enum { KEYS = 1300 };
    struct store_fixture *books = *state;
    int64_t now_ms = now_of(books);
    const void *rows[KEYS];

    for (size_t i = 0; i < KEYS; i++) {
        struct claim *claim = store_fixture_row(books, &table_claims);
        claim->status = i % 100 == 0 ? 0 : 201;
        claim->created_ms = now_ms + (int64_t)(i < 600 ? 0 : i);
        rows[i] = claim;
    }
    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, db_insert(books->db, &table_claims, rows, KEYS));
    assert_stored(books->db, db_commit(books->db));
    struct prune_plan plan = { .before_ms = now_ms + LATER_MS, .dry_run = true };
    assert_int_equal(prune_with(books, plan).keys, KEYS - KEYS / 100);
    plan.dry_run = false;
    assert_int_equal(prune_with(books, plan).keys, KEYS - KEYS / 100);
    assert_int_equal(COUNT(books, claims), KEYS / 100);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_ended_goes_and_what_is_open_stays),
        cmocka_unit_test(a_dry_run_tells_the_same_and_changes_nothing),
        cmocka_unit_test(what_is_young_stays),
        cmocka_unit_test(it_can_be_cut_off_anywhere),
        cmocka_unit_test(life_goes_on_from_the_checkpoint),
        cmocka_unit_test(the_feed_knows_what_is_missing),
        cmocka_unit_test(broken_history_stays),
        cmocka_unit_test(every_fault_of_a_checkpoint_is_named),
        cmocka_unit_test(a_month_goes_when_its_last_payment_ended),
        cmocka_unit_test(a_month_with_a_late_change_is_looked_at_again),
        cmocka_unit_test(a_month_that_is_read_goes_next_time),
        cmocka_unit_test(deliveries_that_ended_go_and_messages_with_the_last),
        cmocka_unit_test(deliveries_that_nobody_wants_any_more_go),
        cmocka_unit_test(notices_go_when_nothing_looks_at_them),
        cmocka_unit_test(many_keys_go_page_by_page),
    };

    return store_run("store prune", tests, COUNT_OF(tests));
}
