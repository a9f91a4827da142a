/* A payment that is under way is looked at again when somebody reads it. */
#include "api_fixture.h"

#include "store/query_payments.h"

#define PAY                                                                                        \
    "{\"amount\":1250,\"currency\":\"EUR\",\"payment_method\":{\"type\":\"card\",\"card\":{"       \
    "\"number\":\"4242424242424242\",\"exp_month\":12,\"exp_year\":2034,\"cvc\":\"123\"}}}"

#define NOBODYS "/v1/payments/pay_01h455vb4pex5vsknk084sn02q"

/* The path of a payment that waits for its payer. */
static const char *waiting_payment(struct api_fixture *fixture)
{
    struct answer *made = api_ask(fixture, "POST", "/v1/payments",
                                  "Idempotency-Key: k\nPrefer: respond-async", PAY);

    api_run(fixture);
    assert_status(made, 202);
    api_gateway(fixture, GW_NEEDS_PAYER);
    api_run(fixture);
    assert_int_equal(fixture->call_count, 0);
    return str_c(&fixture->books.arena, str_format(&fixture->books.arena, "/v1/payments/%s",
                                                   answer_text(made, "id")));
}

static void pass_time(struct api_fixture *fixture, int64_t ms)
{
    for (int64_t passed = 0; passed < ms; passed += 50) {
        api_pass_time(fixture, 50);
        api_run(fixture);
    }
}

static void what_is_fresh_is_answered_at_once(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = waiting_payment(fixture);

    api_pass_time(fixture, 4900);
    struct answer *answer = api_get(fixture, path);
    assert_status(answer, 200);
    assert_string_equal(answer_text(answer, "status"), "requires_action");
    assert_int_equal(fixture->call_count, 0);
}

static void what_is_old_is_asked_about(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = waiting_payment(fixture);

    api_pass_time(fixture, 6000);
    struct answer *answer = api_get(fixture, path);
    assert_status(answer, 0);
    assert_int_equal(fixture->call_count, 1);
    assert_int_equal(fixture->kinds[0], OPERATION_KIND_ENQUIRE);
    api_gateway(fixture, GW_DECLINED);
    api_run(fixture);
    pass_time(fixture, 100);
    assert_status(answer, 200);
    assert_string_equal(answer_text(answer, "status"), "failed");
    /* It has ended: nothing more to ask. */
    api_pass_time(fixture, 60000);
    assert_status(api_get(fixture, path), 200);
    assert_int_equal(fixture->call_count, 0);
}

static void nobody_waits_longer_than_a_second(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = waiting_payment(fixture);

    api_pass_time(fixture, 6000);
    struct answer *answer = api_get(fixture, path);
    struct answer *other = api_get(fixture, path);
    pass_time(fixture, 900);
    assert_status(answer, 0);
    pass_time(fixture, 200);
    assert_status(answer, 200);
    assert_status(other, 200);
    assert_string_equal(answer_text(answer, "status"), "requires_action");
    /* Two readers, one enquiry. */
    assert_int_equal(fixture->call_count, 1);
}

static void it_is_not_asked_about_more_than_its_age_allows(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = waiting_payment(fixture);

    api_pass_time(fixture, 600000);
    struct answer *first = api_get(fixture, path);
    api_gateway(fixture, GW_NEEDS_PAYER);
    api_run(fixture);
    pass_time(fixture, 1100);
    assert_status(first, 200);
    api_pass_time(fixture, 50000);
    assert_status(api_get(fixture, path), 200);
    assert_int_equal(fixture->call_count, 0);
    api_pass_time(fixture, 20000);
    assert_status(api_get(fixture, path), 0);
    assert_int_equal(fixture->call_count, 1);
    pass_time(fixture, 1100);
}

static void an_unknown_operation_is_hastened_and_keeps_its_schedule(void **state)
{
    struct api_fixture *fixture = *state;
    struct answer *made = api_ask(fixture, "POST", "/v1/payments",
                                  "Idempotency-Key: k\nPrefer: respond-async", PAY);

    api_run(fixture);
    api_gateway(fixture, GW_UNKNOWN);
    api_run(fixture);
    const char *path = str_c(&fixture->books.arena,
                             str_format(&fixture->books.arena, "/v1/payments/%s",
                                        answer_text(made, "id")));
    /* As after a look that said nothing: the next one is in half a minute. */
    struct db *db = store_db(fixture->store);
    int64_t now_ms = outside_now_ms(&fixture->books.outside.outside) + 5500;
    struct db_value due[] = { DB_NUMBER(now_ms + 25000) };
    assert_stored(db, db_begin(db));
    assert_stored(db, db_query(db, "UPDATE operations SET due_ms = $1, tries = 2", due, 1, NULL,
                               NULL));
    assert_stored(db, db_commit(db));
    api_pass_time(fixture, 5500);
    struct answer *answer = api_get(fixture, path);
    assert_status(answer, 0);
    assert_int_equal(store_number(fixture->reader, "SELECT due_ms FROM operations"), now_ms);
    assert_int_equal(store_number(fixture->reader, "SELECT tries FROM operations"), 1);
    /* Whoever else reads it meanwhile takes no further step back. */
    struct answer *other = api_get(fixture, path);
    assert_int_equal(store_number(fixture->reader, "SELECT tries FROM operations"), 1);
    pass_time(fixture, 1100);
    assert_status(answer, 200);
    assert_status(other, 200);
}

static void a_full_queue_answers_with_what_is_known(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = waiting_payment(fixture);

    api_pass_time(fixture, 6000);
    size_t before = fixture->reads_done;
    struct answer *answer = api_ask(fixture, "GET", path, "", "");
    /* The key, then the payment. */
    while (fixture->reads_done < before + 2)
        assert_true(api_step(fixture));
    fixture->refuse = true;
    api_run(fixture);
    assert_status(answer, 200);
    fixture->refuse = false;
    assert_problem(api_get(fixture, NOBODYS), 404, "not_found", NULL);
}

/* As many as one group holds, and then one more. */
#define TOGETHER (QUERY_PAYMENTS_MOST + 1)

/* Asks for the payment and for one that is not there, by turns. */
static void ask_together(struct api_fixture *fixture, const char *path, struct answer **answers)
{
    for (size_t i = 0; i < TOGETHER; i++)
        answers[i] = api_ask(fixture, "GET", i % 2 ? NOBODYS : path, "", "");
}

static void those_who_ask_together_are_read_for_together(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = waiting_payment(fixture);
    struct answer *answers[TOGETHER];

    assert_status(api_get(fixture, path), 200); /* the key is known now */
    size_t before = fixture->reads_done;
    ask_together(fixture, path, answers);
    api_run(fixture);
    assert_int_equal(fixture->reads_done, before + 2);
    for (size_t i = 0; i < TOGETHER; i++) {
        assert_status(answers[i], i % 2 ? 404 : 200);
        if (i % 2 == 0)
            assert_string_equal(answer_text(answers[i], "status"), "requires_action");
    }
}

static void those_who_ask_together_are_refused_together(void **state)
{
    struct api_fixture *fixture = *state;
    const char *path = waiting_payment(fixture);
    struct answer *answers[TOGETHER];

    assert_status(api_get(fixture, path), 200);
    fixture->refuse = true;
    ask_together(fixture, path, answers);
    api_run(fixture);
    for (size_t i = 0; i < TOGETHER; i++)
        assert_problem(answers[i], 503, "unavailable", NULL);
    fixture->refuse = false;
    assert_status(api_get(fixture, path), 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_fixture_setup, api_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_fresh_is_answered_at_once),
        TEST(what_is_old_is_asked_about),
        TEST(nobody_waits_longer_than_a_second),
        TEST(it_is_not_asked_about_more_than_its_age_allows),
        TEST(an_unknown_operation_is_hastened_and_keeps_its_schedule),
        TEST(a_full_queue_answers_with_what_is_known),
        TEST(those_who_ask_together_are_read_for_together),
        TEST(those_who_ask_together_are_refused_together),
    };

    return cmocka_run_group_tests_name("payment_show", tests, NULL, NULL);
}
