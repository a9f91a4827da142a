/* Pieces of due work whose turns failed: for how long each is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/setbacks.h"

#define NOW_MS INT64_C(1000000)

static struct id piece(uint32_t number)
{
    struct id id = { { 1 } };
    memcpy(id.bytes + 12, &number, sizeof number);
    return id;
}

static void each_failure_doubles_the_pause_up_to_a_minute(void **state)
{
    static const int64_t pauses_ms[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
    struct setbacks setbacks = { 0 };
    (void)state;
    assert_null(setback_of(&setbacks, piece(1)));
    for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
        assert_int_equal(setback_note(&setbacks, piece(1), NOW_MS, 0), NOW_MS + pauses_ms[i]);
        assert_int_equal(setback_of(&setbacks, piece(1))->until_ms, NOW_MS + pauses_ms[i]);
        assert_int_equal(setback_of(&setbacks, piece(1))->noted_ms, NOW_MS);
    }
    assert_null(setback_of(&setbacks, piece(2)));
}

static void chance_adds_up_to_a_quarter(void **state)
{
    struct setbacks setbacks = { 0 };
    (void)state;
    assert_int_equal(setback_note(&setbacks, piece(1), NOW_MS, 128), NOW_MS + 1125);
    assert_in_range(setback_note(&setbacks, piece(1), NOW_MS, 255) - NOW_MS, 2400, 2500);
}

static void what_succeeds_is_forgotten(void **state)
{
    struct setbacks setbacks = { 0 };
    (void)state;
    setback_note(&setbacks, piece(1), NOW_MS, 0);
    setback_note(&setbacks, piece(1), NOW_MS, 0);
    setback_clear(&setbacks, piece(1));
    setback_clear(&setbacks, piece(1));
    assert_null(setback_of(&setbacks, piece(1)));
    assert_int_equal(setbacks.count, 0);
    assert_int_equal(setback_note(&setbacks, piece(1), NOW_MS, 0), NOW_MS + 1000);
}

static void there_is_room_for_many_and_the_rest_is_tried_early(void **state)
{
    struct setbacks setbacks = { 0 };
    (void)state;
    for (uint32_t i = 0; i < SETBACKS_MAX; i++)
        setback_note(&setbacks, piece(i), NOW_MS + i, 0);
    assert_int_equal(setbacks.count, SETBACKS_MAX);
    for (uint32_t i = 0; i < SETBACKS_MAX; i++)
        assert_non_null(setback_of(&setbacks, piece(i)));
    /* The newcomer takes the place of the one in reach that ends first. */
    setback_note(&setbacks, piece(SETBACKS_MAX), NOW_MS + SETBACKS_MAX, 0);
    assert_non_null(setback_of(&setbacks, piece(SETBACKS_MAX)));
    assert_null(setback_of(&setbacks, piece(0)));
    assert_int_equal(setbacks.count, SETBACKS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_doubles_the_pause_up_to_a_minute),
        cmocka_unit_test(chance_adds_up_to_a_quarter),
        cmocka_unit_test(what_succeeds_is_forgotten),
        cmocka_unit_test(there_is_room_for_many_and_the_rest_is_tried_early),
    };
    return cmocka_run_group_tests_name("setbacks", tests, NULL, NULL);
}
