#include "test_base_help.h"

#include "base/money.h"

static void currencies_are_isos(void **state)
{
    (void)state;
    assert_int_equal(currency_of(STR("KZT")), CURRENCY_KZT);
    assert_int_equal(currency_number(CURRENCY_KZT), 398);
    assert_int_equal(currency_of_number(398), CURRENCY_KZT);
    assert_int_equal(currency_of_number(8), CURRENCY_ALL);
    assert_string_equal(currency_code(CURRENCY_EUR), "EUR");
    assert_string_equal(currency_name(CURRENCY_EUR), "Euro");
    assert_int_equal(currency_exponent(CURRENCY_JPY), 0);
    assert_int_equal(currency_exponent(CURRENCY_EUR), 2);
    assert_int_equal(currency_exponent(CURRENCY_KWD), 3);
    assert_int_equal(currency_exponent(CURRENCY_CLF), 4);
    assert_int_equal(CURRENCY_COUNT - 1, 165);
}

static void every_currency_is_found(void **state)
{
    (void)state;
    for (int i = CURRENCY_NONE + 1; i < CURRENCY_COUNT; i++) {
        enum currency currency = (enum currency)i;
        const char *code = currency_code(currency);

        assert_int_equal(strlen(code), 3);
        assert_int_equal(strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 3);
        assert_int_equal(currency_of(str_of(code)), currency);
        assert_int_equal(currency_of_number(currency_number(currency)), currency);
        assert_in_range(currency_exponent(currency), 0, 4);
        assert_true(strlen(currency_name(currency)) > 0);
        assert_true(strcmp(currency_code((enum currency)(i - 1)), code) < 0);
    }
}

static void unknown_currencies_are_none(void **state)
{
    static const char *const codes[] = { "",    "E",   "EU",  "EURO", "eur", "Eur",
                                         "XXX", "ZZZ", "AAA", "XAU",  "978" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        assert_int_equal(currency_of(str_of(codes[i])), CURRENCY_NONE);
    assert_int_equal(currency_of((struct str){ 0 }), CURRENCY_NONE);
    assert_int_equal(currency_of_number(0), CURRENCY_NONE);
    assert_int_equal(currency_of_number(-1), CURRENCY_NONE);
    assert_int_equal(currency_of_number(999), CURRENCY_NONE);
    assert_int_equal(currency_of_number(1000), CURRENCY_NONE);
    assert_int_equal(currency_of_number(INT32_MIN), CURRENCY_NONE);
    assert_string_equal(currency_code(CURRENCY_NONE), "");
}

static void sums_are_checked(void **state)
{
    int64_t out = 4711;

    (void)state;
    assert_false(money_add(INT64_MAX, 1, &out));
    assert_false(money_add(INT64_MIN, -1, &out));
    assert_false(money_sub(INT64_MIN, 1, &out));
    assert_false(money_sub(0, INT64_MIN, &out));
    assert_true(out == 4711);
    assert_true(money_add(INT64_MAX - 1, 1, &out));
    assert_true(out == INT64_MAX);
    assert_true(money_add(INT64_MIN, INT64_MAX, &out));
    assert_true(out == -1);
    assert_true(money_sub(INT64_MIN + 1, 1, &out));
    assert_true(out == INT64_MIN);
    assert_true(money_sub(-1, INT64_MIN, &out));
    assert_true(out == INT64_MAX);
}

struct decimal_case {
    const char *text;
    int exponent;
    int64_t minor;
};

/* Text and amount are each other's only form. */
static void decimals_go_both_ways(void **state)
{
    static const struct decimal_case cases[] = {
        { "0", 0, 0 },
        { "0.00", 2, 0 },
        { "0.01", 2, 1 },
        { "-0.01", 2, -1 },
        { "0.10", 2, 10 },
        { "1.00", 2, 100 },
        { "12.50", 2, 1250 },
        { "-12.50", 2, -1250 },
        { "1250", 0, 1250 },
        { "1.250", 3, 1250 },
        { "0.1250", 4, 1250 },
        { "0.0001", 4, 1 },
        { "10000000000000.00", 2, MONEY_MAX_MINOR },
        { "9223372036854775807", 0, INT64_MAX },
        { "-9223372036854775808", 0, INT64_MIN },
        { "92233720368547758.07", 2, INT64_MAX },
        { "-92233720368547758.08", 2, INT64_MIN },
        { "9.223372036854775807", 18, INT64_MAX },
        { "-9.223372036854775808", 18, INT64_MIN },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char array[64];
        struct buf buf;
        int64_t minor = 4711;

        buf_fixed(&buf, array, sizeof array);
        money_write_decimal(&buf, cases[i].minor, cases[i].exponent);
        assert_string_equal(buf_c(&buf), cases[i].text);
        assert_int_equal(money_parse_decimal(str_of(cases[i].text), cases[i].exponent, &minor), OK);
        assert_true(minor == cases[i].minor);
    }
}

static void reads_other_ways_of_writing_it(void **state)
{
    static const struct decimal_case cases[] = {
        { "12", 2, 1200 },
        { "12.5", 2, 1250 },
        { "012.50", 2, 1250 },
        { "12.5000", 2, 1250 },
        { "12.000", 0, 12 },
        { "-0", 2, 0 },
        { "-0.00", 2, 0 },
        { "0.000000", 3, 0 },
        { "00000000000000000000000001", 0, 1 },
        { "5", 4, 50000 },
        { "7.0000000000000000000000", 2, 700 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t minor = 4711;
        assert_int_equal(money_parse_decimal(str_of(cases[i].text), cases[i].exponent, &minor), OK);
        assert_true(minor == cases[i].minor);
    }
}

static void refuses_what_is_no_amount(void **state)
{
    static const struct {
        const char *text;
        int exponent;
    } cases[] = {
        { "", 2 },
        { "-", 2 },
        { ".", 2 },
        { ".5", 2 },
        { "5.", 2 },
        { "-.5", 2 },
        { "+5", 2 },
        { "--5", 2 },
        { "5-", 2 },
        { " 5", 2 },
        { "5 ", 2 },
        { "5 0", 2 },
        { "5,00", 2 },
        { "1,000.00", 2 },
        { "1'000", 2 },
        { "1e3", 2 },
        { "1E3", 2 },
        { "0x10", 2 },
        { "NaN", 2 },
        { "inf", 2 },
        { "1.2.3", 2 },
        { "1..2", 2 },
        { "1.005", 2 },
        { "1.001", 2 },
        { "1.5", 0 },
        { "0.00001", 4 },
        { "1.-5", 2 },
        { "5.0a", 2 },
        { "5.00a", 2 },
        { "a", 2 },
        { "9223372036854775808", 0 },
        { "-9223372036854775809", 0 },
        { "92233720368547758.08", 2 },
        { "-92233720368547758.09", 2 },
        { "92233720368547759", 2 },
        { "99999999999999999999999", 0 },
        { "10", 18 },
        { "\xef\xbc\x91", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t minor = 4711;
        enum err err = money_parse_decimal(str_of(cases[i].text), cases[i].exponent, &minor);
        if (err != ERR_VALIDATION || minor != 4711)
            fail_msg("accepted: %s", cases[i].text);
    }
    int64_t minor = 4711;
    assert_int_equal(money_parse_decimal(STR("5\0"), 2, &minor), ERR_VALIDATION);
}

static void writes_for_people(void **state)
{
    char array[64];
    struct buf buf;

    (void)state;
    buf_fixed(&buf, array, sizeof array);
    money_write(&buf, (struct money){ 1250, CURRENCY_EUR });
    buf_add_c(&buf, ", ");
    money_write(&buf, (struct money){ 1250, CURRENCY_JPY });
    buf_add_c(&buf, ", ");
    money_write(&buf, (struct money){ -1250, CURRENCY_KWD });
    buf_add_c(&buf, ", ");
    money_write(&buf, (struct money){ 5, CURRENCY_UYW });
    assert_string_equal(buf_c(&buf), "12.50 EUR, 1250 JPY, -1.250 KWD, 0.0005 UYW");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(currencies_are_isos),
        cmocka_unit_test(every_currency_is_found),
        cmocka_unit_test(unknown_currencies_are_none),
        cmocka_unit_test(sums_are_checked),
        cmocka_unit_test(decimals_go_both_ways),
        cmocka_unit_test(reads_other_ways_of_writing_it),
        cmocka_unit_test(refuses_what_is_no_amount),
        cmocka_unit_test(writes_for_people),
    };
    return cmocka_run_group_tests_name("base/money", tests, NULL, NULL);
}
