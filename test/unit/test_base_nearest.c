#include "test_base_help.h"

#include "base/nearest.h"

static const char *const names[] = { "amount", "amounts", NULL, "currency", "id", "reference" };

static void finds_typing_errors(void **state)
{
    static const struct {
        const char *typed;
        const char *name;
    } cases[] = {
        { "amount", "amount" },
        { "amuont", "amount" },
        { "amout", "amount" },
        { "ammount", "amount" },
        { "emount", "amount" },
        { "amountss", "amounts" },
        { "currenzy", "currency" },
        { "curency", "currency" },
        { "refrence", "reference" },
        { "referrences", "reference" },
        { "ix", "id" },
        { "di", "id" },
        { "", NULL },
        { "xy", NULL },
        { "zzzzzz", NULL },
        { "amxxnt", "amount" },
        { "axxxnt", NULL },
        { "idempotency", NULL },
        { "AMOUNT", NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *found = nearest_name(str_of(cases[i].typed), names, COUNT_OF(names));
        if (cases[i].name == NULL ? found != NULL
                                  : found == NULL || strcmp(found, cases[i].name) != 0)
            fail_msg("%s gives %s", cases[i].typed, found == NULL ? "nothing" : found);
    }
}

static void long_texts_are_no_typing_errors(void **state)
{
    static const char long_name[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmno";
    const char *const only_long[] = { long_name };

    (void)state;
    assert_int_equal(strlen(long_name), 41);
    assert_null(nearest_name(str_of(long_name), names, COUNT_OF(names)));
    assert_null(nearest_name(str_make(long_name, 40), only_long, 1));
    assert_string_equal(nearest_name(str_make(long_name, 40), &(const char *){ long_name + 1 }, 1),
                        long_name + 1);
    assert_null(nearest_name(STR("amount"), names, 0));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_typing_errors),
        cmocka_unit_test(long_texts_are_no_typing_errors),
    };
    return cmocka_run_group_tests_name("base/nearest", tests, NULL, NULL);
}
