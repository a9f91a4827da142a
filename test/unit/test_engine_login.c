/* Logins with a client of the test's own, which answers when and as it is told. */
#include "test_base_help.h"

#include "base/time.h"
#include "engine/login.h"

#define CALLS_MAX 32

static struct outside_fake outside;
static struct logins *logins;
static struct arena arena;

/* What was sent and not yet answered, and how often anything was. */
static struct {
    struct client_call *calls[CALLS_MAX];
    size_t first, count;
    bool stopped;
} far;

static bool far_send(void *self, struct client_call *call)
{
    (void)self;
    if (far.stopped)
        return false;
    assert_true(far.count < CALLS_MAX);
    far.calls[far.count++] = call;
    return true;
}

static void far_end(enum client_end end, enum client_reason reason, int status, const char *body)
{
    assert_true(far.first < far.count);
    struct client_call *call = far.calls[far.first++];
    call->end = end;
    call->reason = reason;
    call->status = status;
    call->reply_body = str_of(body);
    call->done(call);
}

static void far_reply(const char *body)
{
    far_end(CLIENT_REPLY, CLIENT_REASON_NONE, 200, body);
}

/* A gateway whose token is the reply's body up to a space, and its life in seconds the rest. */

static enum err build_login(const struct gateway_ask *ask, struct arena *memory,
                            struct http_request *out)
{
    if (str_equal_c(ask->settings, "bad"))
        return ERR_VALIDATION;
    *out = (struct http_request){
        .method = "POST",
        .url = STR("https://bank.test/token"),
        .body = str_copy(memory, secret_reveal(ask->credentials)),
    };
    return OK;
}

static enum err parse_login(const struct http_reply *reply, struct arena *memory,
                            struct gateway_token *out)
{
    struct str rest = reply->body;
    int64_t lives_s = 0;

    if (reply->status == 403)
        return ERR_FORBIDDEN;
    if (reply->status != 200 || !str_cut(&rest, ' ', &out->text) || !str_to_i64(rest, &lives_s))
        return ERR_BAD_REPLY;
    out->text = str_copy(memory, out->text);
    out->lives_ms = lives_s * SECOND_MS;
    return OK;
}

/* A token of an order: the request names it. */
static enum err build_order_login(const struct gateway_ask *ask, struct arena *memory,
                                  struct http_request *out)
{
    *out = (struct http_request){
        .method = "POST",
        .url = STR("https://bank.test/order_token"),
        .body = str_format(memory, "%.*s %lld %s %.*s", STR_ARG(ask->payment_reference),
                           (long long)ask->amount.minor, currency_code(ask->amount.currency),
                           STR_ARG(ask->public_url)),
    };
    return build_login(ask, memory, &(struct http_request){ 0 });
}

static const struct gateway bank = {
    .name = "bank",
    .deadline_ms = 20 * SECOND_MS,
    .login = { build_login, parse_login },
    .order_login = { build_order_login, parse_login },
};

/* Somebody who wants a token. */
struct caller {
    struct login_wish wish;
    int told;
    char token[32];
    char why[160];
};

static void on_ready(struct login_wish *wish, const struct secret *token, struct str why)
{
    struct caller *caller = LINK_OWNER(wish, struct caller, wish);
    struct buf text;

    caller->told++;
    buf_fixed(&text, caller->token, sizeof caller->token);
    buf_add(&text, token ? secret_reveal(token) : STR("none"));
    buf_c(&text);
    buf_fixed(&text, caller->why, sizeof caller->why);
    buf_add(&text, why);
    buf_c(&text);
}

static struct secret secret_of(const char *text)
{
    return (struct secret){ (char *)(uintptr_t)text, strlen(text) };
}

static void want_as(struct caller *caller, const char *account, const char *settings,
                    const char *password)
{
    const struct client_limits limits = { 3, 60 };
    const struct secret credentials = secret_of(password);
    struct gateway_ask ask = {
        .account_id = str_of(account),
        .settings = str_of(settings),
        .credentials = &credentials,
        .live = true,
    };

    *caller = (struct caller){ .wish.ready = on_ready };
    login_want(logins, &bank, &limits, &ask, &caller->wish);
}

static void want(struct caller *caller)
{
    want_as(caller, "ga_1", "{}", "pass");
}

static void want_order(struct caller *caller, const char *settings)
{
    const struct client_limits limits = { 3, 60 };
    const struct secret credentials = secret_of("pass");
    const struct gateway_ask ask = {
        .call = OPERATION_KIND_AUTHORIZE,
        .account_id = STR("ga_1"),
        .settings = str_of(settings),
        .credentials = &credentials,
        .payment_reference = STR("000100001"),
        .amount = { 1250, CURRENCY_EUR },
        .public_url = STR("https://pay.test"),
    };

    *caller = (struct caller){ .wish.ready = on_ready };
    login_want_order(logins, &bank, &limits, &ask, &caller->wish);
}

static void assert_given(const struct caller *caller, const char *token)
{
    assert_int_equal(caller->told, 1);
    assert_string_equal(caller->token, token);
}

static int setup(void **state)
{
    const struct login_sender sender = { NULL, far_send };

    (void)state;
    memset(&far, 0, sizeof far);
    outside_fake_init(&outside, INT64_C(1700000000000), 1);
    outside_fake_advance(&outside, 1000);
    logins = logins_open(&outside.outside, &sender);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    logins_close(logins);
    arena_done(&arena);
    assert_int_equal(far.first, far.count);
    return 0;
}

static void the_login_is_sent_as_the_adapter_built_it(void **state)
{
    struct caller caller;

    (void)state;
    want(&caller);
    assert_int_equal(far.count, 1);
    const struct client_call *call = far.calls[0];
    assert_string_equal(call->method, "POST");
    assert_str(call->url, "https://bank.test/token");
    assert_str(call->body, "pass");
    assert_str(call->account, "ga_1");
    assert_int_equal(call->limits.at_once, 3);
    assert_int_equal(call->limits.per_minute, 60);
    assert_int_equal(call->deadline_us, outside.monotonic_us + 20 * SECOND_MS * 1000);
    assert_false(call->plain);
    assert_false(call->guarded);
    assert_int_equal(caller.told, 0);
    far_reply("t1 1000");
    assert_given(&caller, "t1");
}

static void one_login_serves_all_who_wait(void **state)
{
    struct caller callers[5];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(callers); i++)
        want(&callers[i]);
    assert_int_equal(far.count, 1);
    far_reply("t1 1000");
    for (size_t i = 0; i < COUNT_OF(callers); i++)
        assert_given(&callers[i], "t1");
    want(&callers[0]);
    assert_given(&callers[0], "t1");
    assert_int_equal(far.count, 1);
}

/* Life of the token in seconds, and when another login is due. */
static void a_token_is_renewed_before_its_end(void **state)
{
    static const struct {
        const char *reply;
        int64_t good_ms;
    } cases[] = {
        { "a 3600", 3540 * SECOND_MS },    /* a minute early */
        { "b 1200", 1140 * SECOND_MS },
        { "c 600", 540 * SECOND_MS },
        { "d 100", 90 * SECOND_MS },       /* a tenth early */
        { "e 1", 900 },
        { "f 999999999", 30 * DAY_MS - 60 * SECOND_MS },
    };
    struct caller caller;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t sent = far.count;
        want(&caller);
        assert_int_equal(far.count, sent + 1);
        far_reply(cases[i].reply);
        outside_fake_advance(&outside, cases[i].good_ms - 1);
        want(&caller);
        assert_given(&caller, str_c(&arena, str_make(cases[i].reply, 1)));
        assert_int_equal(far.count, sent + 1);
        outside_fake_advance(&outside, 1);
    }
}

static void a_token_without_a_life_serves_who_waited(void **state)
{
    static const char *const replies[] = { "t 0", "t -5" };
    struct caller first, second;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        want(&first);
        far_reply(replies[i]);
        assert_given(&first, "t");
        want(&second);
        assert_int_equal(second.told, 0);
        far_reply("u 0");
        assert_given(&second, "u");
    }
}

static void a_failed_login_is_told_to_all_and_tried_again(void **state)
{
    static const struct {
        enum client_end end;
        enum client_reason reason;
        int status;
        const char *body;
        const char *why;
    } cases[] = {
        { CLIENT_NOT_SENT, CLIENT_REASON_CONNECT, 0, "", "No connection could be made." },
        { CLIENT_NO_REPLY, CLIENT_REASON_TIMEOUT, 0, "", "It did not end in time." },
        { CLIENT_REPLY, CLIENT_REASON_NONE, 403, "no", "refuses the credentials" },
        { CLIENT_REPLY, CLIENT_REASON_NONE, 500, "oops", "HTTP 500, has no token" },
        { CLIENT_REPLY, CLIENT_REASON_NONE, 200, "what", "HTTP 200, has no token" },
        { CLIENT_REPLY, CLIENT_REASON_NONE, 200, " 100", "HTTP 200, has no token" },
    };
    struct caller first, second;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        want(&first);
        want(&second);
        far_end(cases[i].end, cases[i].reason, cases[i].status, cases[i].body);
        assert_given(&first, "none");
        assert_given(&second, "none");
        assert_non_null(strstr(first.why, "The login failed."));
        assert_non_null(strstr(first.why, cases[i].why));
    }
    want(&first);
    far_reply("t1 1000");
    assert_given(&first, "t1");
}

static void a_login_that_cannot_be_built(void **state)
{
    struct caller caller;

    (void)state;
    want_as(&caller, "ga_1", "bad", "pass");
    assert_given(&caller, "none");
    assert_int_equal(far.count, 0);
}

static void nobody_sends_any_more(void **state)
{
    struct caller caller;

    (void)state;
    far.stopped = true;
    want(&caller);
    assert_given(&caller, "none");
}

static void a_refused_token_is_forgotten(void **state)
{
    const struct secret old = secret_of("t1");
    struct caller caller;

    (void)state;
    want(&caller);
    far_reply("t1 1000");
    login_refused(logins, &caller.wish, &old);
    want(&caller);
    assert_int_equal(caller.told, 0);
    far_reply("t2 1000");
    assert_given(&caller, "t2");
    /* Another call that still had the old one learns of it late: the new one stays. */
    login_refused(logins, &caller.wish, &old);
    want(&caller);
    assert_given(&caller, "t2");
    assert_int_equal(far.count, 2);
}

static void accounts_have_each_their_own(void **state)
{
    static const struct {
        const char *account, *settings, *password;
    } others[] = {
        { "ga_2", "{}", "pass" }, { "ga_1", "{\"a\":1}", "pass" }, { "ga_1", "{}", "changed" },
        { "ga_1{", "}", "pass" },
    };
    struct caller caller;

    (void)state;
    want(&caller);
    far_reply("t1 1000");
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        want_as(&caller, others[i].account, others[i].settings, others[i].password);
        assert_int_equal(caller.told, 0);
        far_reply("other 1000");
        assert_given(&caller, "other");
    }
    want(&caller);
    assert_given(&caller, "t1");
}

/* A wish that wants again when it is told, as a call does whose token was refused. */
static void on_ready_again(struct login_wish *wish, const struct secret *token, struct str why)
{
    struct caller *caller = LINK_OWNER(wish, struct caller, wish);
    const struct secret credentials = secret_of("pass");
    struct gateway_ask ask = { .account_id = STR("ga_1"), .settings = STR("{}"),
                               .credentials = &credentials };

    assert_non_null(token);
    (void)why;
    login_refused(logins, wish, token);
    wish->ready = on_ready;
    login_want(logins, &bank, &(struct client_limits){ 0 }, &ask, &caller->wish);
}

static void wanting_again_from_within(void **state)
{
    struct caller first, second;

    (void)state;
    want(&first);
    first.wish.ready = on_ready_again;
    want(&second);
    far_reply("t1 1000");
    assert_int_equal(first.told, 0);
    assert_given(&second, "t1");
    assert_int_equal(far.count, 2);
    far_reply("t2 1000");
    assert_given(&first, "t2");
}

/* Each has its own, which is gone when it was handed on. */
static void an_order_logs_in_for_itself(void **state)
{
    struct caller orders[2], account;

    (void)state;
    want_order(&orders[0], "{}");
    want_order(&orders[1], "{}");
    want(&account);
    assert_int_equal(far.count, 3);
    assert_str(far.calls[0]->url, "https://bank.test/order_token");
    assert_str(far.calls[0]->body, "000100001 1250 EUR https://pay.test");
    assert_true(far.calls[0]->plain);
    assert_str(far.calls[2]->url, "https://bank.test/token");
    far_reply("o1 1000");
    far_reply("o2 1000");
    far_reply("t1 1000");
    assert_given(&orders[0], "o1");
    assert_given(&orders[1], "o2");
    assert_given(&account, "t1");
    want_order(&orders[0], "{}");
    assert_int_equal(far.count, 4);
    far_reply("o3 1000");
    assert_given(&orders[0], "o3");
    /* A token of an order that is refused leaves the account's alone. */
    const struct secret refused = secret_of("o3");
    login_refused(logins, &orders[0].wish, &refused);
    want(&account);
    assert_given(&account, "t1");
    assert_int_equal(far.count, 4);
}

static void an_order_that_may_not_log_in_is_told(void **state)
{
    struct caller order;

    (void)state;
    want_order(&order, "{}");
    far_end(CLIENT_REPLY, CLIENT_REASON_NONE, 403, "");
    assert_given(&order, "none");
    assert_string_equal(order.why, "The login failed. The gateway refuses the credentials.");
    want_order(&order, "bad");
    assert_given(&order, "none");
    far.stopped = true;
    want_order(&order, "{}");
    assert_given(&order, "none");
    assert_string_equal(order.why, "Purser is stopping.");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_login_is_sent_as_the_adapter_built_it),
        TEST(one_login_serves_all_who_wait),
        TEST(a_token_is_renewed_before_its_end),
        TEST(a_token_without_a_life_serves_who_waited),
        TEST(a_failed_login_is_told_to_all_and_tried_again),
        TEST(a_login_that_cannot_be_built),
        TEST(nobody_sends_any_more),
        TEST(a_refused_token_is_forgotten),
        TEST(accounts_have_each_their_own),
        TEST(wanting_again_from_within),
        TEST(an_order_logs_in_for_itself),
        TEST(an_order_that_may_not_log_in_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
