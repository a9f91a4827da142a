#include "test_base_help.h"

#include "base/secret.h"

static void holds_a_copy(void **state)
{
    char text[] = "hunter2";

    (void)state;
    struct secret secret = secret_copy(str_of(text));
    secret_wipe(text, strlen(text));
    assert_memory_equal(text, "\0\0\0\0\0\0\0", 7);
    assert_str(secret_reveal(&secret), "hunter2");
    assert_false(secret_is_empty(&secret));
    secret_done(&secret);
    assert_true(secret_is_empty(&secret));
    assert_str(secret_reveal(&secret), "");
    secret_done(&secret);
}

static void compares(void **state)
{
    struct secret secret = secret_copy(STR("abc"));
    struct secret none = secret_copy((struct str){ 0 });

    (void)state;
    assert_true(secret_equal(&secret, STR("abc")));
    assert_false(secret_equal(&secret, STR("abd")));
    assert_false(secret_equal(&secret, STR("xbc")));
    assert_false(secret_equal(&secret, STR("ab")));
    assert_false(secret_equal(&secret, STR("abcd")));
    assert_false(secret_equal(&secret, STR("")));
    assert_true(secret_is_empty(&none));
    assert_true(secret_equal(&none, STR("")));
    assert_false(secret_equal(&none, STR("a")));
    secret_done(&secret);
    secret_done(&none);
}

static void holds_more_than_a_page(void **state)
{
    static char text[10000];

    (void)state;
    memset(text, 'q', sizeof text);
    struct secret secret = secret_copy(str_make(text, sizeof text));
    assert_true(secret_equal(&secret, str_make(text, sizeof text)));
    text[9999] = 'r';
    assert_false(secret_equal(&secret, str_make(text, sizeof text)));
    secret_done(&secret);
}

/* The flags that the kernel shows for the mapping: "dd" is left out of core dumps. */
static void is_left_out_of_core_dumps(void **state)
{
    struct secret secret = secret_copy(STR("canary"));
    unsigned long address = (unsigned long)(uintptr_t)secret_reveal(&secret).ptr;
    bool inside = false;
    bool left_out = false;
    char line[512];
    FILE *maps = fopen("/proc/self/smaps", "r");

    (void)state;
    if (maps == NULL)
        skip();
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from = 0;
        unsigned long to = 0;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = address >= from && address < to;
        if (inside && strncmp(line, "VmFlags:", 8) == 0)
            left_out = strstr(line, " dd") != NULL;
    }
    fclose(maps);
    assert_true(left_out);
    secret_done(&secret);
}

/* More than the pool holds, given back in another order, never two in one place. */
static void many_at_once_do_not_share_a_place(void **state)
{
    enum { COUNT = 33000 };
    static struct secret secrets[COUNT];
    char text[64];

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            (void)snprintf(text, sizeof text, "secret %d of round %d", i, round);
            secrets[i] = secret_copy(str_of(text));
        }
        for (int i = 0; i < COUNT; i++) {
            (void)snprintf(text, sizeof text, "secret %d of round %d", i, round);
            assert_true(secret_equal(&secrets[i], str_of(text)));
        }
        for (int i = 0; i < COUNT; i++)
            secret_done(&secrets[(i * 7) % COUNT]);
    }
}

/* What was there is gone before the place is used again. */
static void a_place_is_wiped_before_it_is_given_back(void **state)
{
    (void)state;
    struct secret secret = secret_copy(STR("4242424242424242"));
    const char *place = secret_reveal(&secret).ptr;
    secret_done(&secret);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(place[i], 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_a_copy),
        cmocka_unit_test(compares),
        cmocka_unit_test(holds_more_than_a_page),
        cmocka_unit_test(is_left_out_of_core_dumps),
        cmocka_unit_test(many_at_once_do_not_share_a_place),
        cmocka_unit_test(a_place_is_wiped_before_it_is_given_back),
    };
    return cmocka_run_group_tests_name("base/secret", tests, NULL, NULL);
}
