/* Requests as tables: what each kind takes, what it refuses, and what the refusal says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "api/card.h"
#include "api/fields.h"
#include "base/id.h"
#include "base/money.h"
#include "base/pan.h"
#include "base/time.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct all {
    bool given;
    struct str text;
    struct str digits;
    int64_t number;
    int64_t amount;
    enum currency currency;
    enum capture_method word;
    enum cancel_reason some;
    bool flag;
    int64_t time;
    struct str email;
    struct str url;
    struct id id;
    struct str metadata;
    const struct json *object;
    const struct json *array;
};

static const struct field fields[] = {
    FIELD(struct all, text, TEXT, .most = 5, .nullable = true),
    FIELD(struct all, digits, DIGITS, .least = 2, .most = 3),
    FIELD(struct all, number, INT, .least = -1, .most = 9),
    FIELD(struct all, amount, AMOUNT, .least = 1),
    FIELD(struct all, currency, CURRENCY),
    FIELD(struct all, word, WORD, .words = &words_capture_method),
    FIELD(struct all, some, WORD, .words = &words_cancel_reason,
          .allowed = 1u << CANCEL_REASON_PAYER | 1u << CANCEL_REASON_RISK),
    FIELD(struct all, flag, BOOL),
    FIELD(struct all, time, TIME),
    FIELD(struct all, email, EMAIL),
    FIELD(struct all, url, URL),
    FIELD(struct all, id, ID, .prefix = "pay"),
    FIELD(struct all, metadata, METADATA),
    FIELD(struct all, object, OBJECT),
    FIELD(struct all, array, ARRAY),
};

struct bench {
    struct arena arena;
    struct trouble trouble;
    struct all all;
};

static int setup(void **state)
{
    struct bench *bench = mem_alloc(sizeof *bench);

    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    arena_done(&bench->arena);
    mem_free(bench);
    return 0;
}

static const struct json *parsed(struct bench *bench, const char *text)
{
    const struct json *json = NULL;
    struct str why = { 0 };

    if (json_parse(str_of(text), &bench->arena, &json, &why) != OK)
        fail_msg("%s: %.*s", text, STR_ARG(why));
    return json;
}

static enum err read(struct bench *bench, const char *text)
{
    bench->all = (struct all){ 0 };
    bench->trouble = (struct trouble){ .arena = &bench->arena };
    return fields_read(FIELDS(fields), parsed(bench, text), "", &bench->all, &bench->trouble);
}

/* Refused as not valid, about this member, in a sentence that does not repeat the value. */
static void assert_refused(struct bench *bench, enum err expected, const char *text,
                           const char *param)
{
    enum err err = read(bench, text);

    if (err != expected)
        fail_msg("%s: %s, %.*s", text, err == OK ? "taken" : err_code(err),
                 STR_ARG(bench->trouble.detail));
    assert_string_equal(str_c(&bench->arena, bench->trouble.param), param);
    assert_true(bench->trouble.detail.len > 0);
}

static void what_is_taken(void **state)
{
    struct bench *bench = *state;
    struct all *all = &bench->all;

    assert_int_equal(read(bench, "{\"text\":\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\","
                                 "\"digits\":\"042\",\"number\":-1,\"amount\":1000000000000000,"
                                 "\"currency\":\"KZT\",\"word\":\"manual\",\"some\":\"risk\","
                                 "\"flag\":true,\"time\":\"2026-08-01T09:30:00Z\","
                                 "\"email\":\"a@b\",\"url\":\"https://shop.example\","
                                 "\"id\":\"pay_01h455vb4pex5vsknk084sn02q\","
                                 "\"metadata\":{\"a\":\"\",\"b\":\"x\\\"y\"},"
                                 "\"object\":{\"x\":1},\"array\":[1]}"),
                     OK);
    assert_int_equal(all->text.len, 10);
    assert_true(str_equal_c(all->digits, "042"));
    assert_int_equal(all->number, -1);
    assert_int_equal(all->amount, MONEY_MAX_MINOR);
    assert_int_equal(all->currency, CURRENCY_KZT);
    assert_int_equal(all->word, CAPTURE_METHOD_MANUAL);
    assert_int_equal(all->some, CANCEL_REASON_RISK);
    assert_true(all->flag);
    assert_int_equal(all->time, 1785576600000);
    assert_true(str_equal_c(all->metadata, "{\"a\":\"\",\"b\":\"x\\\"y\"}"));
    assert_true(json_get(all->object, "x") && json_count(all->array) == 1);
}

static void what_is_not_sent_stays(void **state)
{
    struct bench *bench = *state;

    bench->trouble = (struct trouble){ .arena = &bench->arena };
    bench->all = (struct all){ .word = CAPTURE_METHOD_AUTOMATIC, .amount = 7 };
    assert_int_equal(
        fields_read(FIELDS(fields), parsed(bench, "{}"), "", &bench->all, &bench->trouble), OK);
    assert_int_equal(bench->all.word, CAPTURE_METHOD_AUTOMATIC);
    assert_int_equal(bench->all.amount, 7);
}

static void what_each_kind_refuses(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *member;
        const char *values[16];
    } cases[] = {
        { "text", { "\"\"", "\"123456\"", "1", "true", "[]", "{}" } },
        { "digits",
          { "\"1\"", "\"1234\"", "\"1a\"", "\" 12\"", "12", "null", "\"\xd9\xa1\xd9\xa2\"" } },
        { "number", { "-2", "10", "1.0", "1e0", "\"1\"", "null", "false" } },
        { "amount",
          { "0", "-1", "1000000000000001", "9223372036854775807", "1.5", "1e3", "\"100\"", "null",
            "true", "[1]" } },
        { "currency", { "\"eur\"", "\"EURO\"", "\"XYZ\"", "\"\"", "978", "null" } },
        { "word", { "\"Manual\"", "\"\"", "\"none\"", "1", "null" } },
        { "some", { "\"merchant\"", "\"expired\"", "\"\"" } },
        { "flag", { "0", "1", "\"true\"", "null" } },
        { "time",
          { "\"2026-08-01\"", "\"2026-13-01T00:00:00Z\"", "\"now\"", "1785576600000", "null" } },
        { "email",
          { "\"a\"", "\"@b\"", "\"a@\"", "\"a@b@c\"", "\"a b@c\"", "\"a@b\\nc\"", "null" } },
        { "url",
          { "\"shop.example\"", "\"ftp://a\"", "\"https://\"", "\"https:///a\"", "\"https://a b\"",
            "\"https://\xc3\xa4.example\"", "\"javascript:alert(1)\"",
            "\"http://a\\r\\nSet-Cookie: x\"", "\"HTTPS://a\"", "\"https://?x\"", "null" } },
        { "id",
          { "\"pay_\"", "\"ref_01h455vb4pex5vsknk084sn02q\"", "\"pay_01H455VB4PEX5VSKNK084SN02Q\"",
            "\"\"", "1", "null" } },
        { "metadata",
          { "[]", "\"\"", "null", "{\"a\":1}", "{\"a\":null}", "{\"a\":{}}", "{\"\":\"x\"}" } },
        { "object", { "[]", "\"\"", "null", "1" } },
        { "array", { "{}", "\"\"", "null", "1" } },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t v = 0; v < COUNT_OF(cases[i].values) && cases[i].values[v]; v++) {
            struct str text = str_format(&bench->arena, "{\"%s\":%s}", cases[i].member,
                                         cases[i].values[v]);
            assert_refused(bench, ERR_VALIDATION, str_c(&bench->arena, text), cases[i].member);
        }
    }
}

static void the_sentence_says_what_it_may_be(void **state)
{
    struct bench *bench = *state;

    assert_refused(bench, ERR_VALIDATION, "{\"amount\":0}", "amount");
    assert_string_equal(str_c(&bench->arena, bench->trouble.detail),
                        "amount must be an integer from 1 to 1000000000000000, in the minor unit "
                        "of the currency.");
    assert_refused(bench, ERR_VALIDATION, "{\"some\":\"expired\"}", "some");
    assert_string_equal(str_c(&bench->arena, bench->trouble.detail),
                        "some must be one of: payer, risk.");
}

static void null_where_it_may_be(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(read(bench, "{\"text\":null}"), OK);
    assert_true(str_is_empty(bench->all.text));
}

static void limits_of_metadata(void **state)
{
    struct bench *bench = *state;
    struct buf text;

    for (int count = 50; count <= 51; count++) {
        buf_init(&text, &bench->arena, 1 << 16);
        buf_add_c(&text, "{\"metadata\":{");
        for (int i = 0; i < count; i++)
            buf_addf(&text, "%s\"k%d\":\"v\"", i > 0 ? "," : "", i);
        buf_add_c(&text, "}}");
        assert_int_equal(read(bench, buf_c(&text)), count == 50 ? OK : ERR_VALIDATION);
    }
    for (int length = 64; length <= 65; length++) {
        struct str member = str_format(&bench->arena, "{\"metadata\":{\"%0*d\":\"v\"}}", length, 1);
        assert_int_equal(read(bench, str_c(&bench->arena, member)),
                         length == 64 ? OK : ERR_VALIDATION);
    }
    for (int length = 500; length <= 501; length++) {
        struct str member = str_format(&bench->arena, "{\"metadata\":{\"k\":\"%0*d\"}}", length, 1);
        assert_int_equal(read(bench, str_c(&bench->arena, member)),
                         length == 500 ? OK : ERR_VALIDATION);
    }
    /* Within all limits and the body's, but six times as long in what we would have to keep. */
    buf_init(&text, &bench->arena, 64 * 1024);
    buf_add_c(&text, "{\"metadata\":{");
    for (int i = 0; i < 50; i++) {
        buf_addf(&text, "%s\"m%d\":\"", i > 0 ? "," : "", i);
        for (int j = 0; j < 500; j++)
            buf_add_char(&text, 0x7f);
        buf_add_c(&text, "\"");
    }
    buf_add_c(&text, "}}");
    assert_true(buf_ok(&text));
    assert_int_equal(read(bench, buf_c(&text)), ERR_VALIDATION);
    assert_int_equal(read(bench, "{\"metadata\":{}}"), OK);
    assert_true(str_is_empty(bench->all.metadata));
}

static void card_numbers_are_found_in_every_free_text(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *text, *param;
    } cases[] = {
        { "{\"email\":\"4242424242424242@shop.example\"}", "email" },
        { "{\"url\":\"https://shop.example/4242424242424242\"}", "url" },
        { "{\"metadata\":{\"a\":\"4242 4242 4242 4242\"}}", "metadata" },
        { "{\"metadata\":{\"4242-4242-4242-4242\":\"a\"}}", "metadata" },
    };
    static const struct field long_text[] = { FIELD(struct all, text, TEXT, .most = 255) };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(bench, ERR_CARD_NUMBER_IN_FIELD, cases[i].text, cases[i].param);
    bench->trouble = (struct trouble){ .arena = &bench->arena };
    assert_int_equal(fields_read(FIELDS(long_text),
                                 parsed(bench, "{\"text\":\"my card is 4242424242424242\"}"), "",
                                 &bench->all, &bench->trouble),
                     ERR_CARD_NUMBER_IN_FIELD);
    assert_false(str_find_char(bench->trouble.detail, '4', 0) < bench->trouble.detail.len);
}

static void an_unknown_member_is_told_with_what_was_meant(void **state)
{
    struct bench *bench = *state;

    assert_refused(bench, ERR_UNKNOWN_MEMBER, "{\"amonut\":1}", "amonut");
    assert_string_equal(str_c(&bench->arena, bench->trouble.detail),
                        "There is no member of this name here. Did you mean amount?");
    assert_refused(bench, ERR_UNKNOWN_MEMBER, "{\"whatever\":1}", "whatever");
    assert_string_equal(str_c(&bench->arena, bench->trouble.detail),
                        "There is no member of this name here.");
    assert_refused(bench, ERR_UNKNOWN_MEMBER, "{\"\":1}", "");
}

static void an_unknown_name_is_never_a_way_out_for_a_card_number(void **state)
{
    struct bench *bench = *state;

    assert_refused(bench, ERR_UNKNOWN_MEMBER, "{\"4242424242424242\":1}", "************4242");
}

static void members_that_are_missing(void **state)
{
    struct bench *bench = *state;
    static const struct field two[] = {
        FIELD(struct all, amount, AMOUNT, .required = true, .least = 1,
              .given = offsetof(struct all, flag)),
        FIELD(struct all, currency, CURRENCY, .required = true),
    };

    bench->trouble = (struct trouble){ .arena = &bench->arena };
    assert_int_equal(fields_read(FIELDS(two), parsed(bench, "{\"amount\":5}"), "where.",
                                 &bench->all, &bench->trouble),
                     ERR_VALIDATION);
    assert_string_equal(str_c(&bench->arena, bench->trouble.param), "where.currency");
    assert_true(bench->all.flag);
}

static enum err read_query(struct bench *bench, const char *query)
{
    bench->all = (struct all){ 0 };
    bench->trouble = (struct trouble){ .arena = &bench->arena };
    return fields_read_query(FIELDS(fields), str_of(query), &bench->all, &bench->trouble);
}

static void queries(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(read_query(bench, ""), OK);
    assert_int_equal(read_query(bench, "text=a%20b+c&number=9&amount=12&word=manual"
                                       "&time=2026-08-01T09:30:00Z"
                                       "&id=pay_01h455vb4pex5vsknk084sn02q"),
                     OK);
    assert_true(str_equal_c(bench->all.text, "a b c"));
    assert_int_equal(bench->all.number, 9);
    assert_int_equal(bench->all.amount, 12);
    assert_int_equal(bench->all.word, CAPTURE_METHOD_MANUAL);
    assert_int_equal(read_query(bench, "text="), ERR_VALIDATION);
    assert_int_equal(read_query(bench, "number=9x"), ERR_VALIDATION);
    assert_int_equal(read_query(bench, "number=10"), ERR_VALIDATION);
    assert_int_equal(read_query(bench, "text=a&text=b"), ERR_VALIDATION);
    assert_int_equal(read_query(bench, "text=%f0"), ERR_MALFORMED_REQUEST);
    assert_int_equal(read_query(bench, "txt=a"), ERR_UNKNOWN_MEMBER);
    assert_string_equal(str_c(&bench->arena, bench->trouble.param), "txt");
}

/* Cards. */

#define NOW_MS INT64_C(1772366400000) /* 2026-03-01 */
#define CARD(number, month, year, cvc)                                                             \
    "{\"number\":\"" number "\",\"exp_month\":" month ",\"exp_year\":" year ",\"cvc\":\"" cvc "\"}"

static enum err read_card(struct bench *bench, const char *text, struct card_given *card)
{
    bench->trouble = (struct trouble){ .arena = &bench->arena };
    return card_read(parsed(bench, text), "card.", NOW_MS, &bench->arena, card, &bench->trouble);
}

static void a_good_card(void **state)
{
    struct bench *bench = *state;
    struct card_given card = { 0 };

    assert_int_equal(read_card(bench, CARD("4242424242424242", "3", "2026", "0123"), &card), OK);
    assert_true(secret_equal(&card.card.number, STR("4242424242424242")));
    assert_true(secret_equal(&card.card.cvc, STR("0123")));
    assert_int_equal(card.card.exp_month, 3);
    assert_int_equal(card.card.exp_year, 2026);
    assert_true(str_equal_c(card.brand, "visa") && str_equal_c(card.last4, "4242"));
    card_done(&card.card);
    assert_true(secret_is_empty(&card.card.number));
}

static void cards_that_are_refused(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *text, *param;
    } cases[] = {
        { CARD("4242424242424241", "3", "2034", "123"), "card.number" },
        { CARD("4242 4242 4242 4242", "3", "2034", "123"), "card.number" },
        { CARD("42424242424", "3", "2034", "123"), "card.number" },
        { CARD("42424242424242424242", "3", "2034", "123"), "card.number" },
        { CARD("4242424242424242", "0", "2034", "123"), "card.exp_month" },
        { CARD("4242424242424242", "13", "2034", "123"), "card.exp_month" },
        { CARD("4242424242424242", "2", "2026", "123"), "card.exp_month" },
        { CARD("4242424242424242", "12", "2025", "123"), "card.exp_year" },
        { CARD("4242424242424242", "3", "34", "123"), "card.exp_year" },
        { CARD("4242424242424242", "3", "2034", "12"), "card.cvc" },
        { CARD("4242424242424242", "3", "2034", "12345"), "card.cvc" },
        { CARD("4242424242424242", "3", "2034", "12a"), "card.cvc" },
        { "{\"number\":\"4242424242424242\",\"exp_month\":3,\"exp_year\":2034}", "card.cvc" },
        { "{\"number\":4242424242424242,\"exp_month\":3,\"exp_year\":2034,\"cvc\":\"123\"}",
          "card.number" },
        { "{}", "card.number" },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct card_given card = { 0 };
        assert_int_equal(read_card(bench, cases[i].text, &card), ERR_VALIDATION);
        assert_string_equal(str_c(&bench->arena, bench->trouble.param), cases[i].param);
        assert_true(secret_is_empty(&card.card.number));
        assert_false(pan_present(bench->trouble.detail));
    }
}

static void brands(void **state)
{
    (void)state;
    static const struct {
        const char *number, *brand;
    } cases[] = {
        { "4000056655665556", "visa" },       { "5555555555554444", "mastercard" },
        { "2221000000000009", "mastercard" }, { "2720990000000007", "mastercard" },
        { "2200000000000004", "mir" },        { "378282246310005", "amex" },
        { "6011111111111117", "discover" },   { "3530111333300000", "jcb" },
        { "30569309025904", "diners" },       { "6200000000000005", "unionpay" },
        { "5018000000000009", "maestro" },    { "9999999999999995", "" },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (!str_equal_c(card_brand(str_of(cases[i].number)), cases[i].brand))
            fail_msg("%s", cases[i].number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken),
        cmocka_unit_test(what_is_not_sent_stays),
        cmocka_unit_test(what_each_kind_refuses),
        cmocka_unit_test(the_sentence_says_what_it_may_be),
        cmocka_unit_test(null_where_it_may_be),
        cmocka_unit_test(limits_of_metadata),
        cmocka_unit_test(card_numbers_are_found_in_every_free_text),
        cmocka_unit_test(an_unknown_member_is_told_with_what_was_meant),
        cmocka_unit_test(an_unknown_name_is_never_a_way_out_for_a_card_number),
        cmocka_unit_test(members_that_are_missing),
        cmocka_unit_test(queries),
        cmocka_unit_test(a_good_card),
        cmocka_unit_test(cards_that_are_refused),
        cmocka_unit_test(brands),
    };

    return cmocka_run_group_tests_name("fields", tests, setup, teardown);
}
