/* A gateway call over the network, from the committed order to the answer's turn, with a bank on
 * the loopback and an adapter of the test's own. */
#include "bank_fixture.h"

#include <unistd.h>

#include "base/time.h"
#include "core/requests.h"
#include "engine/call.h"
#include "engine/engine_parts.h"

#define WAIT_US INT64_C(10000000)
#define CALL_ENDS_WITHIN_MS 10000

static struct engine *engine;
static struct arena arena;
static char base_url[64];

/* An adapter: POST /pay with the card, and for `gateway_login` a token. */

static enum err build_pay(const struct gateway_ask *ask, struct arena *memory,
                          struct http_request *out)
{
    struct http_field *fields = ARENA_ARRAY(memory, struct http_field, 1);

    if (str_equal_c(ask->description, "cannot"))
        return ERR_VALIDATION;
    fields[0].name = STR("Authorization");
    fields[0].value = ask->token ? str_copy(memory, secret_reveal(ask->token)) : STR("none");
    *out = (struct http_request){
        .method = "POST",
        .url = str_format(memory, "%s/pay", base_url),
        .fields = fields,
        .field_count = 1,
        .body = str_format(memory, "%.*s %lld %.*s", STR_ARG(ask->reference),
                           (long long)ask->amount.minor,
                           STR_ARG(ask->card ? secret_reveal(&ask->card->number) : STR("-"))),
    };
    return OK;
}

static enum err parse_pay(const struct gateway_ask *ask, const struct http_reply *reply,
                          struct arena *memory, struct gateway_answer *out)
{
    (void)memory;
    assert_null(ask->card);
    if (reply->status != 200 || !str_equal_c(reply->body, "yes"))
        return ERR_BAD_REPLY;
    out->outcome = GW_APPROVED;
    out->amount = ask->amount;
    out->gateway_reference = STR("their_1");
    return OK;
}

static enum err build_login(const struct gateway_ask *ask, struct arena *memory,
                            struct http_request *out)
{
    (void)ask;
    *out = (struct http_request){
        .method = "POST",
        .url = str_format(memory, "%s/login", base_url),
    };
    return OK;
}

static enum err parse_login(const struct http_reply *reply, struct arena *memory,
                            struct gateway_token *out)
{
    if (reply->status != 200)
        return ERR_FORBIDDEN;
    out->text = str_copy(memory, reply->body);
    out->lives_ms = HOUR_MS;
    return OK;
}

static const struct gateway gateway_plain = {
    .name = "plain",
    .deadline_ms = 2 * SECOND_MS,
    .calls = { [OPERATION_KIND_AUTHORIZE] = { build_pay, parse_pay, GW_ENQUIRE_FIRST } },
};
static const struct gateway gateway_login = {
    .name = "login",
    .deadline_ms = 2 * SECOND_MS,
    .login = { build_login, parse_login },
    .calls = { [OPERATION_KIND_AUTHORIZE] = { build_pay, parse_pay, GW_ENQUIRE_FIRST } },
};

/* One that wants, by the description of the order, a token of its own or none. */

static enum err build_order_login(const struct gateway_ask *ask, struct arena *memory,
                                  struct http_request *out)
{
    *out = (struct http_request){
        .method = "POST",
        .url = str_format(memory, "%s/order/%lld", base_url, (long long)ask->amount.minor),
    };
    return OK;
}

static enum gateway_token_use token_use(const struct gateway_ask *ask)
{
    return str_equal_c(ask->description, "order")   ? GW_TOKEN_ORDER
           : str_equal_c(ask->description, "plain") ? GW_TOKEN_NONE
                                                    : GW_TOKEN_ACCOUNT;
}

static const struct gateway gateway_orders = {
    .name = "orders",
    .deadline_ms = 2 * SECOND_MS,
    .login = { build_login, parse_login },
    .order_login = { build_order_login, parse_login },
    .token_use = token_use,
    .calls = { [OPERATION_KIND_AUTHORIZE] = { build_pay, parse_pay, GW_ENQUIRE_FIRST } },
};

/* The engine, without its threads: turns are taken from the queue by the test. */

static int setup(void **state)
{
    struct engine_config config = { .outside = outside_real() };
    struct str why;

    (void)state;
    engine = mem_alloc(sizeof *engine);
    engine->outside = outside_real();
    queue_init(&engine->turns, engine->outside);
    queue_init(&engine->calls, engine->outside);
    engine->writers[0].engine = engine;
    engine->writers[0].runs = 1;
    engine->writers[0].until_us = INT64_MAX;
    assert_int_equal(engine_network_open(engine, &config, &arena, &why), OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_network_stop(engine);
    engine_network_close(engine);
    queue_done(&engine->turns);
    queue_done(&engine->calls);
    mem_free(engine);
    arena_done(&arena);
    return 0;
}

static void point_to(int port)
{
    snprintf(base_url, sizeof base_url, "http://127.0.0.1:%d", port);
}

/* Whether the payments of the calls named no account. */
static bool is_routed;

struct order {
    const struct gateway *gateway;
    const char *description;
    bool live;
};

static void make_call(struct order wanted)
{
    static const char number[] = "4242424242424242";
    struct card card = { .number = { (char *)(uintptr_t)number, strlen(number) } };
    struct id_maker ids = { .outside = engine->outside };
    struct operation operation = { .id = operation_id_make(&ids, 1),
                                   .kind = OPERATION_KIND_AUTHORIZE,
                                   .amount_minor = 1250,
                                   .reference = STR("op_1") };
    struct payment payment = { .currency = CURRENCY_EUR, .live = wanted.live,
                               .routed = is_routed,
                               .description = str_of(wanted.description) };
    struct gateway_account account = { .live = wanted.live };
    struct turn_call order = { .operation = &operation, .payment = &payment, .account = &account,
                               .gateway = wanted.gateway, .call = OPERATION_KIND_AUTHORIZE,
                               .card = &card };
    engine_call_queue(engine, engine_call_build(&engine->writers[0], &order));
    /* It must not be looked at any more: the turn's memory ends here. */
    memset(&card, 0, sizeof card);
}

/* The card that came along with the answer last looked at; empty: none did. */
static char card_came[32];

static const struct operation_answer *next_answer(void)
{
    struct link *item = queue_take(&engine->turns, 1, outside_monotonic_us(engine->outside)
                                                      + WAIT_US);

    assert_non_null(item);
    struct desk_turn *turn = LINK_OWNER(item, struct desk_turn, link);
    assert_ptr_equal(turn->input.handler, &turn_operation_answered);
    struct operation_answer *said = arena_copy(&arena, turn->input.ask, sizeof *said);
    said->answer.gateway_message = str_copy(&arena, said->answer.gateway_message);
    said->answer.gateway_reference = str_copy(&arena, said->answer.gateway_reference);
    struct str number = said->card ? secret_reveal(&said->card->number) : (struct str){ 0 };
    snprintf(card_came, sizeof card_came, "%.*s", STR_ARG(number));
    said->card = NULL;
    desk_turn_free(turn);
    /* The call ends on its own thread, after its turn was handed in. */
    for (int i = 0; i < CALL_ENDS_WITHIN_MS && engine->tally.calls_in_flight != 0; i++)
        usleep(1000);
    assert_int_equal(engine->tally.calls_in_flight, 0);
    return said;
}

static void assert_outcome(enum gateway_outcome outcome, const char *message)
{
    const struct operation_answer *said = next_answer();

    assert_string_equal(gateway_outcome_text(said->answer.outcome), gateway_outcome_text(outcome));
    assert_str(said->answer.gateway_message, message);
    assert_int_equal(said->http_status, 0);
    assert_true(said->started_ms > 0 && said->ended_ms >= said->started_ms);
}

static void assert_approved(void)
{
    const struct operation_answer *said = next_answer();

    assert_string_equal(gateway_outcome_text(said->answer.outcome), "approved");
    assert_str(said->answer.gateway_reference, "their_1");
    assert_int_equal(said->http_status, 200);
}

static const char *body_of(const char *asked)
{
    return strstr(asked, "\r\n\r\n") + 4;
}

static void a_reply_is_parsed(void **state)
{
    static const char *const script[] = { "200 yes", "500 no", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    make_call((struct order){ &gateway_plain, "", false });
    assert_approved();
    assert_string_equal(body_of(bank_asked(bank, 0)), "op_1 1250 4242424242424242");
    make_call((struct order){ &gateway_plain, "", false });
    const struct operation_answer *said = next_answer();
    assert_int_equal(said->answer.outcome, GW_UNKNOWN);
    assert_int_equal(said->http_status, 500);
    bank_close(bank);
}

static void what_did_not_leave_us_was_not_sent(void **state)
{
    static const char *const script[] = { "200 yes", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(1);
    make_call((struct order){ &gateway_plain, "", false });
    assert_outcome(GW_NOT_SENT, "No connection could be made.");
    point_to(bank_port(bank));
    make_call((struct order){ &gateway_plain, "cannot", false });
    assert_outcome(GW_NOT_SENT, "The request could not be built.");
    /* A live account speaks TLS or not at all. */
    make_call((struct order){ &gateway_plain, "", true });
    assert_outcome(GW_NOT_SENT, "The URL must begin with https.");
    assert_int_equal(bank_count(bank), 0);
    assert_int_equal(engine->tally.gateway_not_sent_total, 3);
    bank_close(bank);
}

static void silence_is_unknown(void **state)
{
    static const char *const script[] = { "drop", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    make_call((struct order){ &gateway_plain, "", false });
    assert_outcome(GW_UNKNOWN, "The connection broke before the reply was whole.");
    assert_int_equal(bank_count(bank), 1);
    assert_int_equal(engine->tally.gateway_unknown_total, 1);
    bank_close(bank);
}

static void a_login_comes_first_and_once(void **state)
{
    static const char *const script[] = { "200 token-a", "200 yes", "200 yes", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    make_call((struct order){ &gateway_login, "", false });
    assert_approved();
    make_call((struct order){ &gateway_login, "", false });
    assert_approved();
    assert_int_equal(bank_count(bank), 3);
    assert_non_null(strstr(bank_asked(bank, 0), "POST /login "));
    assert_non_null(strstr(bank_asked(bank, 1), "Authorization: token-a\r\n"));
    assert_non_null(strstr(bank_asked(bank, 2), "Authorization: token-a\r\n"));
    bank_close(bank);
}

static void a_refused_token_is_replaced_once(void **state)
{
    static const char *const script[] = { "200 old", "401 who", "200 new", "200 yes", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    make_call((struct order){ &gateway_login, "", false });
    assert_approved();
    assert_int_equal(bank_count(bank), 4);
    assert_non_null(strstr(bank_asked(bank, 1), "Authorization: old\r\n"));
    assert_non_null(strstr(bank_asked(bank, 2), "POST /login "));
    assert_non_null(strstr(bank_asked(bank, 3), "Authorization: new\r\n"));
    /* The same order, to the byte. */
    assert_string_equal(body_of(bank_asked(bank, 1)), "op_1 1250 4242424242424242");
    assert_string_equal(body_of(bank_asked(bank, 3)), body_of(bank_asked(bank, 1)));
    bank_close(bank);
}

static void two_refused_tokens_are_enough(void **state)
{
    static const char *const script[] = { "200 a", "401 who", "200 b", "401 who", "200 c", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    make_call((struct order){ &gateway_login, "", false });
    assert_outcome(GW_NOT_SENT, "The gateway refused a new token, with HTTP 401.");
    assert_int_equal(bank_count(bank), 4);
    bank_close(bank);
}

/* The account's token is kept beside; an order's never is, and the card waits for it. */
static void an_order_has_a_token_of_its_own(void **state)
{
    static const char *const script[] = { "200 order-a", "200 yes", "200 account", "200 yes",
                                          "200 order-b", "200 yes", "200 yes", NULL };
    static const char *const orders[] = { "order", "", "order", "" };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        make_call((struct order){ &gateway_orders, orders[i], false });
        assert_approved();
    }
    assert_int_equal(bank_count(bank), 7);
    assert_non_null(strstr(bank_asked(bank, 0), "POST /order/1250 "));
    assert_non_null(strstr(bank_asked(bank, 1), "Authorization: order-a\r\n"));
    assert_string_equal(body_of(bank_asked(bank, 1)), "op_1 1250 4242424242424242");
    assert_non_null(strstr(bank_asked(bank, 3), "Authorization: account\r\n"));
    assert_non_null(strstr(bank_asked(bank, 5), "Authorization: order-b\r\n"));
    assert_non_null(strstr(bank_asked(bank, 6), "Authorization: account\r\n"));
    bank_close(bank);
}

static void an_order_that_gets_no_token_was_not_sent(void **state)
{
    static const char *const script[] = { "403 no", "200 a", "401 who", "200 b", "200 yes", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    make_call((struct order){ &gateway_orders, "order", false });
    assert_outcome(GW_NOT_SENT, "The login failed. The gateway refuses the credentials.");
    assert_int_equal(bank_count(bank), 1);
    /* A second one is asked for when the first is refused. */
    make_call((struct order){ &gateway_orders, "order", false });
    assert_approved();
    assert_non_null(strstr(bank_asked(bank, 3), "POST /order/1250 "));
    assert_non_null(strstr(bank_asked(bank, 4), "Authorization: b\r\n"));
    bank_close(bank);
}

/* A port on which nobody listens: one that was just given back. */
static int closed_port(void)
{
    static const char *const script[] = { NULL };
    struct bank *bank = bank_open(script);
    int port = bank_port(bank);

    bank_close(bank);
    return port;
}

static void a_card_goes_along_with_what_was_not_sent(void **state)
{
    static const char *const script[] = { "200 yes", "drop", NULL };

    (void)state;
    point_to(closed_port());
    is_routed = true;
    make_call((struct order){ &gateway_plain, "", false });
    assert_int_equal(next_answer()->answer.outcome, GW_NOT_SENT);
    assert_string_equal(card_came, "4242424242424242");
    is_routed = false;
    make_call((struct order){ &gateway_plain, "", false });
    assert_int_equal(next_answer()->answer.outcome, GW_NOT_SENT);
    assert_string_equal(card_came, "");
    is_routed = true;
    struct bank *bank = bank_open(script);
    point_to(bank_port(bank));
    make_call((struct order){ &gateway_plain, "", false });
    assert_approved();
    assert_string_equal(card_came, "");
    make_call((struct order){ &gateway_plain, "", false });
    assert_int_equal(next_answer()->answer.outcome, GW_UNKNOWN);
    assert_string_equal(card_came, "");
    bank_close(bank);
    is_routed = false;
}

static void a_call_that_wants_no_token_is_sent_at_once(void **state)
{
    static const char *const script[] = { "401 who", "200 yes", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    make_call((struct order){ &gateway_orders, "plain", false });
    assert_int_equal(next_answer()->http_status, 401);
    make_call((struct order){ &gateway_orders, "plain", false });
    assert_approved();
    assert_int_equal(bank_count(bank), 2);
    assert_non_null(strstr(bank_asked(bank, 1), "Authorization: none\r\n"));
    bank_close(bank);
}

static void without_login_401_is_an_answer_like_others(void **state)
{
    static const char *const script[] = { "401 who", "200 yes", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    make_call((struct order){ &gateway_plain, "", false });
    assert_int_equal(next_answer()->http_status, 401);
    assert_int_equal(bank_count(bank), 1);
    bank_close(bank);
}

static void a_failed_login_sends_no_money(void **state)
{
    static const char *const script[] = { "403 no", "drop", "drop", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    make_call((struct order){ &gateway_login, "", false });
    assert_outcome(GW_NOT_SENT, "The login failed. The gateway refuses the credentials.");
    assert_int_equal(bank_count(bank), 1);
    make_call((struct order){ &gateway_login, "", false });
    assert_int_equal(next_answer()->answer.outcome, GW_NOT_SENT);
    for (int i = 0; i < bank_count(bank); i++)
        assert_non_null(strstr(bank_asked(bank, i), "POST /login "));
    bank_close(bank);
}

static void a_lease_that_is_over_writes_no_first_byte(void **state)
{
    static const char *const script[] = { "200 yes", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    engine->writers[0].until_us = 1;
    make_call((struct order){ &gateway_plain, "", false });
    while (engine->tally.calls_in_flight > 0)
        usleep(1000);
    assert_int_equal(engine->tally.gateway_calls_dropped_total, 1);
    assert_int_equal(engine->writers[0].broken, 1);
    assert_int_equal(bank_count(bank), 0);
    assert_int_equal(queue_count(&engine->turns), 0);
    bank_close(bank);
}

static void stopping_ends_calls_and_later_ones_are_left(void **state)
{
    static const char *const script[] = { "200 yes", NULL };
    struct bank *bank = bank_open(script);

    (void)state;
    point_to(bank_port(bank));
    engine_network_stop(engine);
    make_call((struct order){ &gateway_plain, "", false });
    assert_int_equal(queue_count(&engine->turns), 0);
    /* Even with its queue of turns closed, a login that fails has nowhere to go and goes there. */
    queue_close(&engine->turns);
    make_call((struct order){ &gateway_login, "", false });
    assert_int_equal(engine->tally.calls_in_flight, 0);
    assert_int_equal(bank_count(bank), 0);
    bank_close(bank);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_reply_is_parsed),
        TEST(what_did_not_leave_us_was_not_sent),
        TEST(silence_is_unknown),
        TEST(a_login_comes_first_and_once),
        TEST(a_refused_token_is_replaced_once),
        TEST(two_refused_tokens_are_enough),
        TEST(an_order_has_a_token_of_its_own),
        TEST(an_order_that_gets_no_token_was_not_sent),
        TEST(a_card_goes_along_with_what_was_not_sent),
        TEST(a_call_that_wants_no_token_is_sent_at_once),
        TEST(without_login_401_is_an_answer_like_others),
        TEST(a_failed_login_sends_no_money),
        TEST(a_lease_that_is_over_writes_no_first_byte),
        TEST(stopping_ends_calls_and_later_ones_are_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
