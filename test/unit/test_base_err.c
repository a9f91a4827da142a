#include "test_base_help.h"

#include "base/err.h"

static bool is_code(const char *code)
{
    return code[0] != '\0' && strspn(code, "abcdefghijklmnopqrstuvwxyz_") == strlen(code);
}

static void every_row_can_be_answered(void **state)
{
    (void)state;
    for (int i = OK + 1; i < ERR_COUNT; i++) {
        enum err err = (enum err)i;
        size_t title_len = strlen(err_title(err));

        assert_true(is_code(err_code(err)));
        assert_in_range(err_http_status(err), 400, 599);
        assert_true(title_len > 0 && err_title(err)[title_len - 1] != '.');
        assert_true(strlen(err_advice(err)) > 0);
        for (int j = i + 1; j < ERR_COUNT; j++)
            assert_string_not_equal(err_code(err), err_code((enum err)j));
    }
}

static void rows_are_the_tables(void **state)
{
    (void)state;
    assert_string_equal(err_code(OK), "ok");
    assert_int_equal(err_http_status(OK), 200);
    assert_false(err_is_retryable(OK));
    assert_string_equal(err_code(ERR_VALIDATION), "validation_failed");
    assert_int_equal(err_http_status(ERR_VALIDATION), 422);
    assert_false(err_is_retryable(ERR_VALIDATION));
    assert_int_equal(err_http_status(ERR_STORE_BUSY), 503);
    assert_true(err_is_retryable(ERR_STORE_BUSY));
    assert_string_equal(err_code(ERR_BAD_REPLY), "bad_reply");
}

/* "Nothing was recorded" is said with 429 and 503, so the same request may come again. */
static void what_was_not_started_may_be_sent_again(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        int status = err_http_status((enum err)i);
        if (status == 429 || status == 503)
            assert_true(err_is_retryable((enum err)i));
        if (status == 422 || status == 400)
            assert_false(err_is_retryable((enum err)i));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_can_be_answered),
        cmocka_unit_test(rows_are_the_tables),
        cmocka_unit_test(what_was_not_started_may_be_sent_again),
    };
    return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
