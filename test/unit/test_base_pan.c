#include "test_base_help.h"

#include "base/pan.h"

/* One row for finding and for masking; `masked` is NULL when there is no card number. */
static const struct {
    const char *text;
    const char *found;
    const char *masked;
} cases[] = {
    /* Plain, of every length. */
    { "4242424242424242", "4242424242424242", "************4242" },
    { "57777777772", NULL, NULL }, /* 11 digits */
    { "577777777779", "577777777779", "********7779" },
    { "5111111111118", "5111111111118", "*********1118" },
    { "378282246310005", "378282246310005", "***********0005" },
    { "5333333333333333337", "5333333333333333337", "***************3337" },
    { "54444444444444444441", NULL, NULL }, /* 20 digits */
    { "ref 4242424242424242, thanks", "4242424242424242", "ref ************4242, thanks" },
    { "x4242424242424242y", "4242424242424242", "x************4242y" },
    /* Luhn, and the first digit. */
    { "4242424242424241", NULL, NULL },
    { "0777777777777776", NULL, NULL },
    { "1666666666666665", NULL, NULL },
    { "2999999999999990", "2999999999999990", "************9990" },
    { "3222222222222222", "3222222222222222", "************2222" },
    { "6777777777777773", "6777777777777773", "************7773" },
    { "7999999999999999", NULL, NULL },
    { "8777777777777779", "8777777777777779", "************7779" },
    { "9666666666666668", "9666666666666668", "************6668" },
    /* Grouped. */
    { "4242 4242 4242 4242", "4242 4242 4242 4242", "**** **** **** 4242" },
    { "4242-4242-4242-4242", "4242-4242-4242-4242", "****-****-****-4242" },
    { "4242.4242 4242-4242", "4242.4242 4242-4242", "****.**** ****-4242" },
    { "3782 822463 10005", "3782 822463 10005", "**** ****** *0005" },
    { "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2", "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
      "* * * * * * * * * * * * 4 2 4 2" },
    { "5555  5555 5555 4444", NULL, NULL }, /* two spaces end it */
    { "4242,4242,4242,4242", NULL, NULL },
    { "4242_4242_4242_4242", NULL, NULL },
    { "4242424242424242.", "4242424242424242", "************4242." },
    { "4242424242424242 - ok", "4242424242424242", "************4242 - ok" },
    /* Among other digits: whole groups only. */
    { "12 4242424242424242 7", "4242424242424242", "12 ************4242 7" },
    { "2026-03-01 4242 4242 4242 4242", "4242 4242 4242 4242", "2026-03-01 **** **** **** 4242" },
    { "14242424242424242", NULL, NULL },
    { "42424242424242421", NULL, NULL },
    { "99994242424242424242", NULL, NULL },
    /* Two, and two that overlap: "20 5555 5555 5555" is one as well. */
    { "4242424242424242/5555555555554444", "4242424242424242",
      "************4242/************4444" },
    { "4242424242424242 5555555555554444", "4242424242424242",
      "************4242 ************4444" },
    { "20 5555 5555 5555 4444", "20 5555 5555 5555", "** **** **** **** 4444" },
    /* Other scripts' digits. */
    { "\xef\xbc\x94\xef\xbc\x92\xef\xbc\x94\xef\xbc\x92 4242 4242 4242",
      "\xef\xbc\x94\xef\xbc\x92\xef\xbc\x94\xef\xbc\x92 4242 4242 4242", "**** **** **** 4242" },
    { "424242424242424\xef\xbc\x92", "424242424242424\xef\xbc\x92", "************424\xef\xbc\x92" },
    { "\xd9\xa4\xd9\xa2"
      "42424242424242",
      "\xd9\xa4\xd9\xa2"
      "42424242424242",
      "************4242" },
    { "\xdb\xb4\xdb\xb2"
      "42424242424242",
      "\xdb\xb4\xdb\xb2"
      "42424242424242",
      "************4242" },
    { "\xd9\xa4\xd9"
      "242424242424242",
      NULL, NULL },
    /* Nothing like one. */
    { "", NULL, NULL },
    { "no digits", NULL, NULL },
    { "1772366400000", NULL, NULL }, /* a time in milliseconds */
    { "pay_01h455vb4pex5vsknk084sn02q", NULL, NULL },
    { "000000000000", NULL, NULL },
};

static void finds_card_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str text = str_of(cases[i].text);
        size_t at = 0;
        size_t len = 0;
        bool found = pan_find(text, &at, &len);

        if (found != (cases[i].found != NULL))
            fail_msg("%s: found %d", cases[i].text, found);
        if (found)
            assert_str(str_slice(text, at, len), cases[i].found);
        assert_int_equal(pan_present(text), found);
    }
}

static void masks_all_but_the_last_four(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char array[128];
        struct buf buf;

        buf_fixed(&buf, array, sizeof array);
        pan_write_masked(&buf, str_of(cases[i].text));
        assert_true(buf_ok(&buf));
        assert_str(buf_str(&buf), cases[i].masked == NULL ? cases[i].text : cases[i].masked);
        assert_false(pan_present(buf_str(&buf)));
    }
}

/* Every number that differs from a right one in one digit, or by two neighbours, is wrong. */
static void luhn_finds_typing_errors(void **state)
{
    char digits[] = "378282246310005";

    (void)state;
    assert_true(pan_luhn_ok(str_of(digits)));
    for (size_t i = 0; digits[i] != '\0'; i++) {
        char right = digits[i];
        for (char other = '0'; other <= '9'; other++) {
            digits[i] = other;
            assert_int_equal(pan_luhn_ok(str_of(digits)), other == right);
        }
        digits[i] = right;
    }
    assert_true(pan_luhn_ok(STR("0")));
    assert_true(pan_luhn_ok(STR("18")));
    assert_false(pan_luhn_ok(STR("81")));
    assert_false(pan_luhn_ok(STR("")));
    assert_false(pan_luhn_ok(STR("4242 4242 4242 4242")));
    assert_false(pan_luhn_ok(STR("424242424242424a")));
}

static void long_texts_are_searched_to_the_end(void **state)
{
    static char text[65536];
    static const char pan[] = "4242 4242 4242 4242";
    size_t at = 0;
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 == 0 ? '1' : ' ';
    assert_false(pan_present(str_make(text, sizeof text)));
    memcpy(text + sizeof text - strlen(pan), pan, strlen(pan));
    text[sizeof text - strlen(pan) - 1] = 'x';
    assert_true(pan_find(str_make(text, sizeof text), &at, &len));
    assert_int_equal(at, sizeof text - strlen(pan));
    assert_int_equal(len, strlen(pan));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_card_numbers),
        cmocka_unit_test(masks_all_but_the_last_four),
        cmocka_unit_test(luhn_finds_typing_errors),
        cmocka_unit_test(long_texts_are_searched_to_the_end),
    };
    return cmocka_run_group_tests_name("base/pan", tests, NULL, NULL);
}
