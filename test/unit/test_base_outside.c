#include "test_base_help.h"

#include "base/outside.h"

static void real_clocks_run(void **state)
{
    const struct outside *real = outside_real();

    (void)state;
    /* Between the making of this test and the last time that can be written. */
    assert_true(outside_now_ms(real) > INT64_C(1735689600000));
    assert_true(outside_now_ms(real) < INT64_C(253402300799999));
    int64_t before_us = outside_monotonic_us(real);
    usleep(2000);
    assert_true(outside_monotonic_us(real) - before_us >= 2000);
}

static void real_randomness_differs(void **state)
{
    unsigned char a[1000] = { 0 };
    unsigned char b[1000] = { 0 };
    unsigned zeros = 0;

    (void)state;
    outside_random(outside_real(), a, sizeof a);
    outside_random(outside_real(), b, sizeof b);
    outside_random(outside_real(), NULL, 0);
    assert_memory_not_equal(a, b, sizeof a);
    for (size_t i = 0; i < sizeof a; i++)
        zeros += a[i] == 0;
    assert_true(zeros < 50);
}

static void fake_clock_moves_by_hand(void **state)
{
    struct outside_fake fake;

    (void)state;
    outside_fake_init(&fake, 1000, 1);
    assert_int_equal(outside_now_ms(&fake.outside), 1000);
    assert_int_equal(outside_now_ms(&fake.outside), 1000);
    assert_int_equal(outside_monotonic_us(&fake.outside), 0);
    outside_fake_advance(&fake, 250);
    assert_int_equal(outside_now_ms(&fake.outside), 1250);
    assert_int_equal(outside_monotonic_us(&fake.outside), 250000);
}

static void fake_randomness_is_its_seed(void **state)
{
    struct outside_fake a, b, other;
    unsigned char from_a[64], from_b[64], from_other[64], next[64];

    (void)state;
    outside_fake_init(&a, 0, 42);
    outside_fake_init(&b, 99, 42);
    outside_fake_init(&other, 0, 43);
    outside_random(&a.outside, from_a, sizeof from_a);
    outside_random(&b.outside, from_b, sizeof from_b);
    outside_random(&other.outside, from_other, sizeof from_other);
    outside_random(&a.outside, next, sizeof next);
    assert_memory_equal(from_a, from_b, sizeof from_a);
    assert_memory_not_equal(from_a, from_other, sizeof from_a);
    assert_memory_not_equal(from_a, next, sizeof from_a);
}

static void reads_the_environment(void **state)
{
    (void)state;
    assert_int_equal(setenv("PURSER_TEST_VALUE", "7", 1), 0);
    assert_string_equal(outside_env("PURSER_TEST_VALUE"), "7");
    assert_null(outside_env("PURSER_TEST_NOT_SET"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_clocks_run),          cmocka_unit_test(real_randomness_differs),
        cmocka_unit_test(fake_clock_moves_by_hand), cmocka_unit_test(fake_randomness_is_its_seed),
        cmocka_unit_test(reads_the_environment),
    };
    return cmocka_run_group_tests_name("base/outside", tests, NULL, NULL);
}
