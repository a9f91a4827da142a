/* The far side of the sandbox: every card of docs/api.md, the rules of a real gateway, and a
 * ledger that tells the truth whatever was answered. */
#include "sandbox_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUM_OF_CONFLICTS "SELECT CAST(sum(conflicts) AS BIGINT) FROM sandbox_operations"

static void test_each_card(void **state)
{
    struct sandbox_fixture *far = *state;
    static const struct {
        const char *number;
        const char *authorize, *capture, *refund; /* of 1000, 1000 and 400 */
        const char *authorize_enquired, *refund_enquired;
    } cards[] = {
        { "4242424242424242", "approved 1000/0/0", "approved 1000/1000/0", "approved 1000/1000/400",
          "approved 1000/1000/400", "approved 1000/1000/400" },
        { "5555555555554444", "approved 1000/0/0", "approved 1000/1000/0", "approved 1000/1000/400",
          "approved 1000/1000/400", "approved 1000/1000/400" },
        { "4000056655665556", "approved 1000/0/0", "approved 1000/1000/0", "approved 1000/1000/400",
          "approved 1000/1000/400", "approved 1000/1000/400" },
        /* Not in the table: a good one. */
        { "378282246310005", "approved 1000/0/0", "approved 1000/1000/0", "approved 1000/1000/400",
          "approved 1000/1000/400", "approved 1000/1000/400" },
        { "4000000000000002", "declined card_declined 0/0/0", "refused not_authorized 0/0/0",
          "refused not_captured 0/0/0", "declined card_declined 0/0/0",
          "refused not_captured 0/0/0" },
        { "4000000000009995", "declined insufficient_funds 0/0/0", "refused not_authorized 0/0/0",
          "refused not_captured 0/0/0", "declined insufficient_funds 0/0/0",
          "refused not_captured 0/0/0" },
        { "4000000000000069", "declined expired_card 0/0/0", "refused not_authorized 0/0/0",
          "refused not_captured 0/0/0", "declined expired_card 0/0/0",
          "refused not_captured 0/0/0" },
        { "4000000000000127", "declined incorrect_cvc 0/0/0", "refused not_authorized 0/0/0",
          "refused not_captured 0/0/0", "declined incorrect_cvc 0/0/0",
          "refused not_captured 0/0/0" },
        { "4000000000000119", "refused processing_error 0/0/0", "refused not_authorized 0/0/0",
          "refused not_captured 0/0/0", "refused processing_error 0/0/0",
          "refused not_captured 0/0/0" },
        { "4000002500003155", "requires_action 0/0/0", "refused not_authorized 0/0/0",
          "refused not_captured 0/0/0", "requires_action 0/0/0", "refused not_captured 0/0/0" },
        { "4000000000000341", "approved 1000/0/0", "refused capture_refused 1000/0/0",
          "refused not_captured 1000/0/0", "approved 1000/0/0", "refused not_captured 1000/0/0" },
        { "4000000000005126", "approved 1000/0/0", "approved 1000/1000/0",
          "refused refund_refused 1000/1000/0", "approved 1000/1000/0",
          "refused refund_refused 1000/1000/0" },
        { "4000000000000259", "silence", "approved 1000/1000/0", "approved 1000/1000/400",
          "approved 1000/1000/400", "approved 1000/1000/400" },
        { "4000000000000267", "silence", "404 unknown_charge", "404 unknown_charge",
          "404 unknown_operation", "404 unknown_operation" },
        { "4000000000000275", "approved 1000/0/0", "approved 1000/1000/0", "silence",
          "approved 1000/1000/400", "approved 1000/1000/400" },
    };

    for (size_t i = 0; i < COUNT_OF(cards); i++) {
        const char *charge = str_format(&far->place.arena, "op_%zu", i).ptr;
        const char *capture = str_format(&far->place.arena, "cap_%zu", i).ptr;
        const char *refund = str_format(&far->place.arena, "ref_%zu", i).ptr;
        print_message("# %s\n", cards[i].number);
        assert_string_equal(sandbox_authorize(far, charge, cards[i].number, 1000),
                            cards[i].authorize);
        assert_string_equal(
            sandbox_say(far, "capture", capture, sandbox_amount_body(far, charge, 1000)),
            cards[i].capture);
        assert_string_equal(
            sandbox_say(far, "refund", refund, sandbox_amount_body(far, charge, 400)),
            cards[i].refund);
        assert_string_equal(sandbox_enquire(far, charge), cards[i].authorize_enquired);
        assert_string_equal(sandbox_enquire(far, refund), cards[i].refund_enquired);
    }
}

static void test_what_was_not_answered_was_done(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", "4000000000000259", 1000);
    sandbox_authorize(far, "op_b", "4000000000000267", 1000);
    sandbox_authorize(far, "op_c", "4000000000000275", 1000);
    sandbox_say(far, "capture", "op_d", sandbox_amount_body(far, "op_c", 1000));
    sandbox_say(far, "refund", "op_e", sandbox_amount_body(far, "op_c", 1000));
    assert_string_equal(sandbox_ledger(far), "1 authorize op_a op_a 1000 EUR\n"
                                             "2 authorize op_c op_c 1000 EUR\n"
                                             "3 capture op_c op_d 1000 EUR\n"
                                             "4 refund op_c op_e 1000 EUR\n");
}

static void test_same_reference_has_one_effect(void **state)
{
    struct sandbox_fixture *far = *state;

    for (int i = 0; i < 3; i++) {
        assert_string_equal(sandbox_authorize(far, "op_a", "4000000000000259", 1000),
                            i == 0 ? "silence" : "approved 1000/0/0");
    }
    for (int i = 0; i < 3; i++)
        assert_string_equal(sandbox_capture(far, "op_b", 800), "approved 1000/800/0");
    for (int i = 0; i < 3; i++)
        assert_string_equal(sandbox_refund(far, "op_c", 300), "approved 1000/800/300");
    assert_string_equal(sandbox_ledger(far), "1 authorize op_a op_a 1000 EUR\n"
                                             "2 capture op_a op_b 800 EUR\n"
                                             "3 refund op_a op_c 300 EUR\n");
    assert_int_equal(store_number(far->db, SUM_OF_CONFLICTS), 0);
}

static void test_refusals_are_repeated_too(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", GOOD_CARD, 1000);
    assert_string_equal(sandbox_refund(far, "op_b", 300), "refused not_captured 1000/0/0");
    sandbox_capture(far, "op_c", 1000);
    /* It would succeed now; the answer to that reference was no. */
    assert_string_equal(sandbox_refund(far, "op_b", 300), "refused not_captured 1000/1000/0");
    assert_string_equal(sandbox_refund(far, "op_d", 300), "approved 1000/1000/300");
}

static void test_reference_of_another_request(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", GOOD_CARD, 1000);
    sandbox_capture(far, "op_b", 1000);
    assert_string_equal(sandbox_capture(far, "op_b", 900), "409 reference_reused");
    assert_string_equal(sandbox_refund(far, "op_b", 1000), "409 reference_reused");
    assert_string_equal(sandbox_void(far, "op_a"), "409 reference_reused");
    assert_string_equal(sandbox_authorize(far, "op_a", GOOD_CARD, 1001), "409 reference_reused");
    assert_string_equal(
        sandbox_say(far, "capture", "op_b",
                    STR("{\"charge\":\"op_a\",\"amount\":1000,\"currency\":\"USD\"}")),
        "409 reference_reused");
    /* A checker sees that it happened. */
    assert_int_equal(store_number(far->db, SUM_OF_CONFLICTS), 5);
    assert_string_equal(sandbox_ledger(far), "1 authorize op_a op_a 1000 EUR\n"
                                             "2 capture op_a op_b 1000 EUR\n");
}

static void test_partial_capture_releases_the_rest(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", GOOD_CARD, 1000);
    assert_string_equal(sandbox_capture(far, "op_b", 1001), "refused amount_too_large 1000/0/0");
    assert_string_equal(sandbox_capture(far, "op_c", 400), "approved 1000/400/0");
    assert_string_equal(sandbox_capture(far, "op_d", 100), "refused already_captured 1000/400/0");
    assert_string_equal(sandbox_void(far, "op_e"), "refused already_captured 1000/400/0");
    assert_int_equal(store_number(far->db, "SELECT released_minor FROM sandbox_charges"), 600);
    assert_string_equal(sandbox_ledger(far), "1 authorize op_a op_a 1000 EUR\n"
                                             "2 capture op_a op_c 400 EUR\n");
}

static void test_refunds_stay_within_the_capture(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", GOOD_CARD, 1000);
    sandbox_capture(far, "op_b", 700);
    assert_string_equal(sandbox_refund(far, "op_c", 701), "refused amount_too_large 1000/700/0");
    assert_string_equal(sandbox_refund(far, "op_d", 500), "approved 1000/700/500");
    assert_string_equal(sandbox_refund(far, "op_e", 201), "refused amount_too_large 1000/700/500");
    assert_string_equal(sandbox_refund(far, "op_f", 200), "approved 1000/700/700");
    assert_string_equal(sandbox_refund(far, "op_g", 1), "refused amount_too_large 1000/700/700");
}

static const char *sell(struct sandbox_fixture *far, const char *reference, const char *number)
{
    return sandbox_say(far, "authorize", reference,
                       str_format(&far->place.arena,
                                  "{\"amount\":1000,\"currency\":\"EUR\",\"capture\":true,"
                                  "\"card\":{\"number\":\"%s\",\"exp_month\":12,"
                                  "\"exp_year\":2030,\"cvc\":\"737\"}}",
                                  number));
}

static void test_sale(void **state)
{
    struct sandbox_fixture *far = *state;

    assert_string_equal(sell(far, "op_a", GOOD_CARD), "approved 1000/1000/0");
    assert_string_equal(sell(far, "op_a", GOOD_CARD), "approved 1000/1000/0");
    assert_string_equal(sandbox_authorize(far, "op_a", GOOD_CARD, 1000), "409 reference_reused");
    assert_string_equal(sandbox_capture(far, "op_b", 1000), "refused already_captured 1000/1000/0");
    assert_string_equal(sandbox_void(far, "op_c"), "refused already_captured 1000/1000/0");
    assert_string_equal(sandbox_refund(far, "op_d", 400), "approved 1000/1000/400");
    assert_string_equal(sell(far, "op_e", "4000000000000002"), "declined card_declined 0/0/0");
    assert_string_equal(sell(far, "op_f", "4000000000000341"), "refused capture_refused 0/0/0");
    assert_string_equal(sell(far, "op_g", "4000000000000259"), "silence");
    assert_string_equal(sandbox_enquire(far, "op_g"), "approved 1000/1000/0");
    assert_string_equal(sandbox_ledger(far), "1 authorize op_a op_a 1000 EUR\n"
                                             "2 capture op_a op_a 1000 EUR\n"
                                             "3 refund op_a op_d 400 EUR\n"
                                             "4 authorize op_g op_g 1000 EUR\n"
                                             "5 capture op_g op_g 1000 EUR\n");
}

static void test_sale_that_the_payer_confirms(void **state)
{
    struct sandbox_fixture *far = *state;
    struct sandbox_challenge challenge;

    assert_string_equal(sell(far, "op_a", CHALLENGE_CARD), "requires_action 0/0/0");
    enum err err = sandbox_challenge_decide(far->sandbox, sandbox_token(far), true,
                                            &far->place.arena, &challenge);
    assert_stored(far->db, err);
    assert_string_equal(sandbox_enquire(far, "op_a"), "approved 1000/1000/0");
}

static void test_void(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", GOOD_CARD, 1000);
    assert_string_equal(sandbox_void(far, "op_b"), "approved 1000/0/0 released");
    assert_string_equal(sandbox_void(far, "op_b"), "approved 1000/0/0 released");
    assert_string_equal(sandbox_void(far, "op_c"), "refused already_cancelled 1000/0/0 released");
    assert_string_equal(sandbox_capture(far, "op_d", 1000),
                        "refused already_cancelled 1000/0/0 released");
    assert_string_equal(sandbox_refund(far, "op_e", 1), "refused not_captured 1000/0/0 released");
    assert_string_equal(sandbox_enquire(far, "op_b"), "approved 1000/0/0 released");
    assert_string_equal(sandbox_ledger(far), "1 authorize op_a op_a 1000 EUR\n"
                                             "2 void op_a op_b 1000 EUR\n");
}

static void test_currency_is_the_charges(void **state)
{
    struct sandbox_fixture *far = *state;
    struct str dollars = STR("{\"charge\":\"op_a\",\"amount\":1,\"currency\":\"USD\"}");

    sandbox_authorize(far, "op_a", GOOD_CARD, 1000);
    assert_string_equal(sandbox_say(far, "capture", "op_b", dollars),
                        "refused currency_mismatch 1000/0/0");
    sandbox_capture(far, "op_c", 1000);
    assert_string_equal(sandbox_say(far, "refund", "op_d", dollars),
                        "refused currency_mismatch 1000/1000/0");
}

static void test_unknown_charges_and_operations(void **state)
{
    struct sandbox_fixture *far = *state;

    assert_string_equal(sandbox_capture(far, "op_b", 1), "404 unknown_charge");
    assert_string_equal(sandbox_refund(far, "op_b", 1), "404 unknown_charge");
    assert_string_equal(sandbox_void(far, "op_b"), "404 unknown_charge");
    assert_string_equal(sandbox_enquire(far, "op_b"), "404 unknown_operation");
    /* A capture names a charge by its authorize, not by another operation on it. */
    sandbox_authorize(far, "op_a", GOOD_CARD, 1000);
    sandbox_capture(far, "op_b", 1000);
    assert_string_equal(sandbox_say(far, "refund", "op_c", sandbox_amount_body(far, "op_b", 1)),
                        "404 unknown_charge");
}

static void test_accounts_do_not_see_each_other(void **state)
{
    struct sandbox_fixture *far = *state;
    /* In the form of purser's own operation ids, which are keys by themselves. */
    const char *reference = "op_01h455vb4pex5vsknk084sn02q";
    struct http_field fields[] = { { STR("Sandbox-Account"), STR("ga_2") },
                                   { STR("Idempotency-Key"), STR("op_z") } };
    const struct {
        const char *call;
        struct str body;
        const char *said;
    } calls[] = {
        { "capture", sandbox_amount_body(far, reference, 1000), "404 unknown_charge" },
        { "void", str_format(&far->place.arena, "{\"charge\":\"%s\"}", reference),
          "404 unknown_charge" },
        { "enquire", str_format(&far->place.arena, "{\"operation\":\"%s\"}", reference),
          "404 unknown_operation" },
    };

    assert_string_equal(sandbox_authorize(far, reference, GOOD_CARD, 1000), "approved 1000/0/0");
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        struct http_request request = sandbox_request(far, calls[i].call, "", calls[i].body);
        const struct http_request *requests[] = { &request };
        struct http_reply reply = { 0 };
        request.fields = fields;
        enum err err = sandbox_handle(far->sandbox, requests, &reply, 1, &far->place.arena);
        assert_stored(far->db, err);
        assert_string_equal(sandbox_said(far, &reply), calls[i].said);
    }
}

/* An authorize's body; each part as JSON. */
#define AUTHORIZE(amount, currency, number, month, year, cvc)                                      \
    "{\"amount\":" amount ",\"currency\":" currency                                                \
    ",\"capture\":false,\"card\":{\"number\":" number ",\"exp_month\":" month                      \
    ",\"exp_year\":" year ",\"cvc\":" cvc "}}"
#define EUR "\"EUR\""
#define CARD "\"4242424242424242\""
#define CVC "\"123\""

static void test_malformed_requests_do_nothing(void **state)
{
    struct sandbox_fixture *far = *state;
    static const struct {
        const char *call;
        const char *reference;
        const char *body;
    } bad[] = {
        { "authorize", "op_a", "" },
        { "authorize", "op_a", "[]" },
        { "authorize", "op_a", "{\"amount\":10" },
        { "authorize", "op_a", "{}" },
        { "authorize", "op_a", "{\"amount\":10,\"currency\":\"EUR\"}" },
        { "authorize", "op_a", AUTHORIZE("0", EUR, CARD, "1", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("-5", EUR, CARD, "1", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("1.5", EUR, CARD, "1", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("\"10\"", EUR, CARD, "1", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("1000000000000001", EUR, CARD, "1", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("10", "\"XXX\"", CARD, "1", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("10", "978", CARD, "1", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("10", EUR, "\"4242424242424241\"", "1", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("10", EUR, "\"4242 4242 4242 4242\"", "1", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("10", EUR, "4242424242424242", "1", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("10", EUR, CARD, "0", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("10", EUR, CARD, "13", "2030", CVC) },
        { "authorize", "op_a", AUTHORIZE("10", EUR, CARD, "1", "null", CVC) },
        { "authorize", "op_a", AUTHORIZE("10", EUR, CARD, "1", "2030", "\"12\"") },
        { "authorize", "op_a", AUTHORIZE("10", EUR, CARD, "1", "2030", "\"12345\"") },
        { "authorize", "op_a", AUTHORIZE("10", EUR, CARD, "1", "2030", "\"12a\"") },
        { "authorize", NULL, AUTHORIZE("10", EUR, CARD, "1", "2030", CVC) },
        { "authorize", "op a", AUTHORIZE("10", EUR, CARD, "1", "2030", CVC) },
        { "capture", "op_a", "{\"amount\":10,\"currency\":\"EUR\"}" },
        { "capture", "op_a", "{\"charge\":7,\"amount\":10,\"currency\":\"EUR\"}" },
        { "void", "op_a", "{}" },
        { "enquire", NULL, "{}" },
        { "sale", "op_a", "{}" },
        { "", "op_a", "{}" },
    };

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_string_equal(sandbox_say(far, bad[i].call, bad[i].reference, str_of(bad[i].body)),
                            "400 invalid_request");
    assert_int_equal(store_number(far->db, "SELECT count(*) FROM sandbox_operations"), 0);
    assert_int_equal(store_number(far->db, "SELECT count(*) FROM sandbox_charges"), 0);
    /* And the rest of the pattern is right. */
    assert_string_equal(
        sandbox_say(far, "authorize", "op_a", STR(AUTHORIZE("10", EUR, CARD, "1", "2030", CVC))),
        "approved 10/0/0");
}

static void test_a_batch_is_done_in_order(void **state)
{
    struct sandbox_fixture *far = *state;
    const struct http_request calls[] = {
        sandbox_request(far, "authorize", "op_a", sandbox_card_body(far, GOOD_CARD, 1000)),
        sandbox_request(far, "capture", "op_b", sandbox_amount_body(far, "op_a", 1000)),
        sandbox_request(far, "capture", "op_b", sandbox_amount_body(far, "op_a", 1000)),
        sandbox_request(far, "refund", "op_c", sandbox_amount_body(far, "op_a", 600)),
        sandbox_request(far, "refund", "op_d", sandbox_amount_body(far, "op_a", 600)),
        sandbox_request(far, "enquire", NULL, STR("{\"operation\":\"op_a\"}")),
        sandbox_request(far, "nonsense", "op_e", STR("{}")),
        sandbox_request(far, "authorize", "op_f", sandbox_card_body(far, "4000000000000267", 5)),
    };
    static const char *const said[] = {
        "approved 1000/0/0",
        "approved 1000/1000/0",
        "approved 1000/1000/0",
        "approved 1000/1000/600",
        "refused amount_too_large 1000/1000/600",
        "approved 1000/1000/600",
        "400 invalid_request",
        "silence",
    };
    const struct http_request *requests[COUNT_OF(calls)];
    struct http_reply replies[COUNT_OF(calls)] = { 0 };

    for (size_t i = 0; i < COUNT_OF(calls); i++)
        requests[i] = &calls[i];
    enum err err = sandbox_handle(far->sandbox, requests, replies, COUNT_OF(calls),
                                  &far->place.arena);
    assert_stored(far->db, err);
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        assert_string_equal(sandbox_said(far, &replies[i]), said[i]);
    assert_string_equal(sandbox_ledger(far), "1 authorize op_a op_a 1000 EUR\n"
                                             "2 capture op_a op_b 1000 EUR\n"
                                             "3 refund op_a op_c 600 EUR\n");
}

static void test_reopened_it_remembers(void **state)
{
    struct sandbox_fixture *far = *state;

    sandbox_authorize(far, "op_a", GOOD_CARD, 1000);
    sandbox_capture(far, "op_b", 900);
    sandbox_fixture_reopen(far);
    assert_string_equal(sandbox_enquire(far, "op_a"), "approved 1000/900/0");
    assert_string_equal(sandbox_capture(far, "op_b", 900), "approved 1000/900/0");
    assert_string_equal(sandbox_refund(far, "op_c", 900), "approved 1000/900/900");
    sandbox_fixture_reopen(far);
    assert_string_equal(sandbox_ledger(far), "1 authorize op_a op_a 1000 EUR\n"
                                             "2 capture op_a op_b 900 EUR\n"
                                             "3 refund op_a op_c 900 EUR\n");
}

/* What was answered before kill -9 is there after it. */
static void test_killed_it_remembers(void **state)
{
    struct sandbox_fixture *far = *state;
    int status = 0;

    /* A connection does not survive a fork: each side opens its own. */
    sandbox_fixture_disconnect(far);
    pid_t child = fork();
    if (child == 0) {
        sandbox_fixture_connect(far);
        sandbox_authorize(far, "op_a", GOOD_CARD, 1000);
        sandbox_capture(far, "op_b", 1000);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    sandbox_fixture_connect(far);
    assert_string_equal(sandbox_enquire(far, "op_b"), "approved 1000/1000/0");
    assert_string_equal(sandbox_ledger(far), "1 authorize op_a op_a 1000 EUR\n"
                                             "2 capture op_a op_b 1000 EUR\n");
}

/* Whether a file of the ledger has that text; false when there is no such file. */
static bool is_stored(struct sandbox_fixture *far, const char *file, const char *text)
{
    static char bytes[1 << 20];
    char path[256];
    struct buf name;

    buf_fixed(&name, path, sizeof(path));
    buf_addf(&name, "%s/%s", far->place.dir, file);
    int fd = open(buf_c(&name), O_RDONLY);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, bytes, sizeof(bytes));
    close(fd);
    assert_true(len >= 0 && (size_t)len < sizeof(bytes));
    struct str rest = str_make(bytes, (size_t)len);
    for (size_t at = 0; at < rest.len; at++)
        if (str_starts_with(str_slice(rest, at, rest.len), str_of(text)))
            return true;
    return false;
}

static void test_no_card_number_is_stored(void **state)
{
    struct sandbox_fixture *far = *state;
    static const char *const files[] = { "sandbox.db", "sandbox.db-wal" };
    bool last4 = false;

    sandbox_authorize(far, "op_a", "378282246310005", 1000);
    sandbox_authorize(far, "op_b", "4000000000000002", 1000);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        assert_false(is_stored(far, files[i], "378282246310005"));
        assert_false(is_stored(far, files[i], "37828224"));
        assert_false(is_stored(far, files[i], "4000000000000002"));
        assert_false(is_stored(far, files[i], "737"));
        last4 |= is_stored(far, files[i], "0005");
    }
    /* The search finds what is there, where the ledger is a file. */
    assert_true(last4 || far->place.dir[0] == '\0');
}

/* A ledger that cannot be written: nobody hears of what was not committed. */
static void test_no_reply_without_a_commit(void **state)
{
    struct sandbox_fixture *far = *state;
    struct http_request request = sandbox_request(far, "authorize", "op_a",
                                                  sandbox_card_body(far, GOOD_CARD, 1000));
    const struct http_request *requests[] = { &request };
    struct http_reply reply = { .status = 200 };

    assert_stored(far->db, db_script(far->db, STR("DROP TABLE sandbox_ledger")));
    enum err err = sandbox_handle(far->sandbox, requests, &reply, 1, &far->place.arena);
    assert_int_equal(err, ERR_STORE);
    assert_int_equal(reply.status, 0);
    assert_int_equal(store_number(far->db, "SELECT count(*) FROM sandbox_charges"), 0);
}

static void test_replies_in_full(void **state)
{
    struct sandbox_fixture *far = *state;
    const struct http_request calls[] = {
        sandbox_request(far, "authorize", "op_01h455vb4pex5vsknk084sn02q",
                        sandbox_card_body(far, GOOD_CARD, 1000)),
        sandbox_request(far, "capture", "op_01h455vb4pex5vsknk084sn02r",
                        sandbox_amount_body(far, "op_01h455vb4pex5vsknk084sn02q", 900)),
        sandbox_request(far, "refund", "op_01h455vb4pex5vsknk084sn02s",
                        sandbox_amount_body(far, "op_01h455vb4pex5vsknk084sn02q", 900)),
        sandbox_request(far, "capture", "op_01h455vb4pex5vsknk084sn02t", STR("{}")),
    };
    static const char *const bodies[] = {
        "{\"operation\":\"op_01h455vb4pex5vsknk084sn02q\",\"kind\":\"authorize\","
        "\"status\":\"approved\",\"code\":null,\"message\":null,\"amount\":1000,"
        "\"currency\":\"EUR\",\"refund\":null,\"action_url\":null,"
        "\"charge\":{\"id\":\"ch_01h455vb4pex5vsknk084sn02q\",\"authorized\":1000,"
        "\"captured\":0,\"refunded\":0,\"released\":false,"
        "\"last4\":\"4242\",\"saved_card\":null}}",
        "{\"operation\":\"op_01h455vb4pex5vsknk084sn02r\",\"kind\":\"capture\","
        "\"status\":\"approved\",\"code\":null,\"message\":null,\"amount\":900,"
        "\"currency\":\"EUR\",\"refund\":null,\"action_url\":null,"
        "\"charge\":{\"id\":\"ch_01h455vb4pex5vsknk084sn02q\",\"authorized\":1000,"
        "\"captured\":900,\"refunded\":0,\"released\":false,"
        "\"last4\":\"4242\",\"saved_card\":null}}",
        "{\"operation\":\"op_01h455vb4pex5vsknk084sn02s\",\"kind\":\"refund\","
        "\"status\":\"approved\",\"code\":null,\"message\":null,\"amount\":900,"
        "\"currency\":\"EUR\",\"refund\":\"re_01h455vb4pex5vsknk084sn02s\",\"action_url\":null,"
        "\"charge\":{\"id\":\"ch_01h455vb4pex5vsknk084sn02q\",\"authorized\":1000,"
        "\"captured\":900,\"refunded\":900,\"released\":false,"
        "\"last4\":\"4242\",\"saved_card\":null}}",
        ("{\"error\":{\"code\":\"invalid_request\","
         "\"message\":\"The request is malformed. See amount.\"}}"),
    };
    const struct http_request *requests[COUNT_OF(calls)];
    struct http_reply replies[COUNT_OF(calls)] = { 0 };

    for (size_t i = 0; i < COUNT_OF(calls); i++)
        requests[i] = &calls[i];
    enum err err = sandbox_handle(far->sandbox, requests, replies, COUNT_OF(calls),
                                  &far->place.arena);
    assert_stored(far->db, err);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        assert_string_equal(str_c(&far->place.arena, replies[i].body), bodies[i]);
        assert_true(str_equal_c(http_reply_field(&replies[i], "content-type"), "application/json"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_card),
        cmocka_unit_test(test_what_was_not_answered_was_done),
        cmocka_unit_test(test_same_reference_has_one_effect),
        cmocka_unit_test(test_refusals_are_repeated_too),
        cmocka_unit_test(test_reference_of_another_request),
        cmocka_unit_test(test_partial_capture_releases_the_rest),
        cmocka_unit_test(test_refunds_stay_within_the_capture),
        cmocka_unit_test(test_sale),
        cmocka_unit_test(test_sale_that_the_payer_confirms),
        cmocka_unit_test(test_void),
        cmocka_unit_test(test_currency_is_the_charges),
        cmocka_unit_test(test_unknown_charges_and_operations),
        cmocka_unit_test(test_accounts_do_not_see_each_other),
        cmocka_unit_test(test_malformed_requests_do_nothing),
        cmocka_unit_test(test_a_batch_is_done_in_order),
        cmocka_unit_test(test_reopened_it_remembers),
        cmocka_unit_test(test_killed_it_remembers),
        cmocka_unit_test(test_no_card_number_is_stored),
        cmocka_unit_test(test_no_reply_without_a_commit),
        cmocka_unit_test(test_replies_in_full),
    };
    return sandbox_run("sandbox", tests, COUNT_OF(tests));
}
