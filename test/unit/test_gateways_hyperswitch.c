/* Amounts of every ISO currency on their way to Hyperswitch and back, and what each of its words
 * and errors means for each call, held to tables that were not made from our code. Whole
 * exchanges are in test/gateways/hyperswitch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateways/gateways.h"

#define ID "01h455vb4pex5vsknk084sn02q"
#define MAJOR 123 /* whole units: every number of decimals can say them */

static int64_t in_minor(int exponent)
{
    int64_t minor = MAJOR;
    while (exponent-- > 0)
        minor *= 10;
    return minor;
}

static struct gateway_ask ask_for(enum operation_kind kind, enum currency currency,
                                  const struct secret *credentials)
{
    return (struct gateway_ask){
        .call = kind,
        .about = kind,
        .reference = STR("op_" ID),
        .payment_reference = STR("op_" ID),
        .amount = { in_minor(currency_exponent(currency)), currency },
        .capture_now = true,
        .method = METHOD_GATEWAY_PAGE,
        .credentials = credentials,
        .settings = STR("{\"base_url\":\"https://hs.test\"}"),
    };
}

/* The number in the request under that name; -1 when it cannot be built. */
static int64_t amount_sent(const struct gateway_ask *ask, const char *name, struct arena *arena)
{
    struct http_request request;
    const struct json *json = NULL;
    int64_t amount = -1;

    if (gateway_hyperswitch.calls[ask->call].build(ask, arena, &request) != OK)
        return -1;
    assert_int_equal(json_parse(request.body, arena, &json, NULL), OK);
    assert_true(json_int(json_get(json, name), &amount));
    return amount;
}

static void read_back(const struct gateway_ask *ask, int64_t wire, struct arena *arena)
{
    const char *code = currency_code(ask->amount.currency);
    const struct http_reply reply = {
        .status = 200,
        .body = str_format(arena,
                           "{\"payment_id\":\"pay_" ID "\",\"refund_id\":\"ref_" ID "\","
                           "\"status\":\"succeeded\",\"amount\":%lld,\"amount_received\":%lld,"
                           "\"currency\":\"%s\"}",
                           (long long)wire, (long long)wire, code),
    };
    struct gateway_answer answer = { 0 };

    assert_int_equal(gateway_hyperswitch.calls[ask->call].parse(ask, &reply, arena, &answer), OK);
    assert_true(gateway_check_amount(ask, &answer));
    assert_int_equal(answer.outcome, GW_APPROVED);
    assert_true(answer.amount.minor == ask->amount.minor);
    assert_int_equal(answer.amount.currency, ask->amount.currency);
}

static void there_and_back(enum currency currency, struct str golden)
{
    static const struct {
        enum operation_kind kind;
        const char *name;
    } calls[] = {
        { OPERATION_KIND_AUTHORIZE, "amount" },
        { OPERATION_KIND_CAPTURE, "amount_to_capture" },
        { OPERATION_KIND_REFUND, "amount" },
    };
    struct arena arena = { 0 };
    struct secret credentials = secret_copy(STR("{\"api_key\":\"k\",\"webhook_key\":\"w\"}"));
    int64_t exponent = currency_exponent(currency);

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct gateway_ask ask = ask_for(calls[i].kind, currency, &credentials);
        int64_t sent = amount_sent(&ask, calls[i].name, &arena);
        if (str_equal_c(golden, "differ")) {
            assert_true(sent == -1);
            continue;
        }
        assert_true(str_to_i64(golden, &exponent) || str_equal_c(golden, "none"));
        assert_true(sent == in_minor((int)exponent));
        read_back(&ask, sent, &arena);
    }
    secret_done(&credentials);
    arena_done(&arena);
}

static void every_currency_there_and_back(void **state)
{
    (void)state;
    static char text[16 << 10];
    FILE *file = fopen("test/data/hyperswitch/exponents.txt", "rb");
    unsigned next = CURRENCY_NONE + 1;

    assert_non_null(file);
    struct str rest = str_make(text, fread(text, 1, sizeof(text), file));
    fclose(file);
    struct str line;
    while (str_cut(&rest, '\n', &line)) {
        if (str_starts_with(line, STR("#")))
            continue;
        enum currency currency = currency_of(str_slice(line, 0, 3));
        assert_int_equal(currency, next++);
        there_and_back(currency, str_slice(line, 4, line.len));
    }
    assert_int_equal(next, CURRENCY_COUNT);
}

/* --- answers --- */

/* "approved", "unknown", "pending", "needs_payer", or our failure code of a no. */
static struct str meaning_of(const struct gateway_answer *answer)
{
    bool no = answer->outcome == GW_REFUSED || answer->outcome == GW_DECLINED;
    return no ? answer->failure_code : str_of(gateway_outcome_text(answer->outcome));
}

static void assert_meaning(const struct gateway_ask *ask, int status, struct str body,
                           struct str wanted, struct arena *arena)
{
    const struct http_reply reply = { .status = status, .body = body };
    struct gateway_answer answer = { 0 };

    if (gateway_hyperswitch.calls[ask->call].parse(ask, &reply, arena, &answer) != OK)
        answer = (struct gateway_answer){ 0 };
    gateway_check_amount(ask, &answer);
    if (!str_equal(meaning_of(&answer), wanted))
        fail_msg("call %d, HTTP %d, %.*s: %.*s, not %.*s", (int)ask->call, status, STR_ARG(body),
                 STR_ARG(meaning_of(&answer)), STR_ARG(wanted));
}

static struct str word(struct str *line)
{
    struct str text = { 0 };
    assert_true(str_cut(line, ' ', &text));
    return text;
}

static int64_t number(struct str *line)
{
    int64_t value = 0;
    assert_true(str_to_i64(word(line), &value));
    return value;
}

static const enum operation_kind orders[] = { OPERATION_KIND_AUTHORIZE, OPERATION_KIND_CAPTURE,
                                              OPERATION_KIND_CANCEL, OPERATION_KIND_REFUND };

/* Of a payment that they have spoken of, unless it is being made. */
static struct gateway_ask order_of(enum operation_kind kind)
{
    struct gateway_ask ask = ask_for(kind, CURRENCY_EUR, NULL);

    ask.amount.minor = 1250;
    ask.capture_now = false;
    if (kind != OPERATION_KIND_AUTHORIZE)
        ask.gateway_reference = STR("pay_" ID);
    return ask;
}

static void check_error(struct str line, struct arena *arena)
{
    struct str code = word(&line);
    int status = (int)number(&line);
    struct str body = str_format(arena, "{\"error\":{\"type\":\"x\",\"message\":\"said\",\"code\":"
                                        "\"%.*s\"}}", STR_ARG(code));

    for (size_t i = 0; i < 4; i++) {
        struct gateway_ask ask = order_of(orders[i]);
        assert_meaning(&ask, status, body, word(&line), arena);
        ask.call = OPERATION_KIND_ENQUIRE;
        assert_meaning(&ask, status, body, STR("unknown"), arena);
        /* Turned away is 4xx, or 501; a 5xx may have been done. */
        ask.call = ask.about;
        assert_meaning(&ask, 500, body, STR("unknown"), arena);
    }
}

static void check_status(struct str line, struct arena *arena)
{
    struct str status = word(&line);
    int64_t capturable = number(&line), received = number(&line);
    struct str body = str_format(
        arena, "{\"payment_id\":\"pay_" ID "\",\"status\":\"%.*s\",\"amount\":1250,"
               "\"amount_capturable\":%lld,\"amount_received\":%lld,\"currency\":\"EUR\","
               "\"payment_link\":{\"link\":\"https://hs.test/link\"}}",
        STR_ARG(status), (long long)capturable, (long long)received);

    for (size_t i = 0; i < 3; i++) {
        const struct gateway_ask ask = order_of(orders[i]);
        assert_meaning(&ask, 200, body, word(&line), arena);
    }
}

static void check_refund(struct str line, struct arena *arena)
{
    struct gateway_ask ask = order_of(OPERATION_KIND_REFUND);
    struct str status = word(&line), wanted = word(&line);
    struct str body = str_format(
        arena, "{\"refund_id\":\"ref_" ID "\",\"payment_id\":\"pay_" ID "\",\"status\":\"%.*s\","
               "\"amount\":1250,\"currency\":\"EUR\"}", STR_ARG(status));

    assert_meaning(&ask, 200, body, wanted, arena);
    ask.call = OPERATION_KIND_ENQUIRE;
    assert_meaning(&ask, 200, body, wanted, arena);
}

static void every_word_and_every_error_to_every_call(void **state)
{
    (void)state;
    static char text[16 << 10];
    FILE *file = fopen("test/data/hyperswitch/answers.txt", "rb");
    struct arena arena = { 0 };
    unsigned errors = 0, statuses = 0;

    assert_non_null(file);
    struct str rest = str_make(text, fread(text, 1, sizeof(text), file));
    fclose(file);
    for (struct str line; str_cut(&rest, '\n', &line); arena_reset(&arena)) {
        struct str sort = word(&line);
        if (str_equal_c(sort, "error")) {
            errors++;
            check_error(line, &arena);
        } else if (str_equal_c(sort, "status")) {
            statuses++;
            check_status(line, &arena);
        } else if (str_equal_c(sort, "refund")) {
            check_refund(line, &arena);
        } else {
            assert_true(str_starts_with(sort, STR("#")));
        }
    }
    assert_true(errors == 61 && statuses == 18);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_currency_there_and_back),
        cmocka_unit_test(every_word_and_every_error_to_every_call),
    };

    return cmocka_run_group_tests_name("hyperswitch", tests, NULL, NULL);
}
