/* Addresses and blocks: from where an API key may be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/address.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void addresses_that_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t bytes[16];
    } cases[] = {
        { "0.0.0.0", { [10] = 0xff, [11] = 0xff } },
        { "192.0.2.255", { [10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 255 } },
        { "::", { 0 } },
        { "::1", { [15] = 1 } },
        { "2001:db8::", { 0x20, 0x01, 0x0d, 0xb8 } },
        { "2001:DB8:0:0:1::8", { 0x20, 1, 0xd, 0xb8, [9] = 1, [15] = 8 } },
        { "1:2:3:4:5:6:7:8", { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8 } },
        { "1::8", { [1] = 1, [15] = 8 } },
        { "::ffff:192.0.2.1", { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 } },
        { "64:ff9b::1.2.3.4", { 0, 0x64, 0xff, 0x9b, [12] = 1, [13] = 2, [14] = 3, [15] = 4 } },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct address address;
        if (!address_parse(str_of(cases[i].text), &address))
            fail_msg("%s", cases[i].text);
        assert_memory_equal(address.bytes, cases[i].bytes, 16);
    }
}

static void texts_that_are_no_address(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.-1",
        "01.2.3.4",
        "1.2.3.",
        ".1.2.3",
        "1.2.3.4 ",
        " 1.2.3.4",
        "a.b.c.d",
        ":",
        ":::",
        "1:2",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "12345::",
        "g::",
        "1.2.3.4::",
        "::1.2.3.4:1",
        "::1.2.3",
        "1:2:3:4:5:6:7:1.2.3.4",
        "fe80::1%eth0",
        "[::1]",
        "/",
        "localhost",
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct address address;
        if (address_parse(str_of(cases[i]), &address))
            fail_msg("\"%s\" was read", cases[i]);
    }
}

static void blocks_with_wrong_bits(void **state)
{
    (void)state;
    static const char *const cases[] = { "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/8/8",
                                         "::1/129",  "::/x",       "/8",         "1.2.3/24" };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct address_block block;
        if (address_block_parse(str_of(cases[i]), &block))
            fail_msg("\"%s\" was read", cases[i]);
    }
}

static void who_is_listed(void **state)
{
    (void)state;
    static const struct {
        const char *blocks, *peer;
        bool listed;
    } cases[] = {
        { "", "192.0.2.7", true },
        { "", "", true },
        { "192.0.2.7", "192.0.2.7", true },
        { "192.0.2.7", "192.0.2.8", false },
        { "192.0.2.0/24", "192.0.2.200", true },
        { "192.0.2.0/24", "192.0.3.0", false },
        { "192.0.2.0/25", "192.0.2.127", true },
        { "192.0.2.0/25", "192.0.2.128", false },
        { "192.0.2.77/31", "192.0.2.76", true },
        { "0.0.0.0/0", "8.8.8.8", true },
        { "0.0.0.0/0", "2001:db8::1", false },
        { "::/0", "8.8.8.8", true },
        { "2001:db8::/33", "2001:db8:7fff::1", true },
        { "2001:db8::/33", "2001:db8:8000::1", false },
        { "10.0.0.0/8 192.0.2.7", "192.0.2.7", true },
        { "10.0.0.0/8 192.0.2.7", "172.16.0.1", false },
        { "192.0.2.0/24", "::ffff:192.0.2.9", true },
        { "192.0.2.0/24", "not an address", false },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (address_is_listed(str_of(cases[i].blocks), str_of(cases[i].peer)) != cases[i].listed)
            fail_msg("%s in %s", cases[i].peer, cases[i].blocks);
}

static void who_is_behind_proxies(void **state)
{
    (void)state;
    static const struct {
        const char *proxies, *peer, *forwarded, *behind;
    } cases[] = {
        /* Without proxies of ours, what the peer says is its own invention. */
        { "", "192.0.2.7", "", "192.0.2.7" },
        { "", "192.0.2.7", "203.0.113.1", "192.0.2.7" },
        { "10.0.0.0/8", "192.0.2.7", "203.0.113.1", "192.0.2.7" },
        { "10.0.0.0/8", "10.0.0.7", "203.0.113.1", "203.0.113.1" },
        { "10.0.0.0/8", "10.0.0.7", "", "10.0.0.7" },
        /* What came before the last one was written by whoever it names. */
        { "10.0.0.0/8", "10.0.0.7", "198.51.100.1, 203.0.113.1", "203.0.113.1" },
        { "10.0.0.0/8", "10.0.0.7", "198.51.100.1,10.0.0.9", "198.51.100.1" },
        { "10.0.0.0/8 192.0.2.1", "10.0.0.7", "1.2.3.4, 203.0.113.1 ,  192.0.2.1", "203.0.113.1" },
        { "10.0.0.0/8", "10.0.0.7", "10.0.0.9", "10.0.0.9" },
        { "10.0.0.0/8", "10.0.0.7", "10.0.0.9, 10.0.0.8", "10.0.0.9" },
        { "10.0.0.0/8", "::ffff:10.0.0.7", "2001:db8::1", "2001:db8::1" },
        { "::1", "::1", "203.0.113.1", "203.0.113.1" },
        /* No addresses. */
        { "10.0.0.0/8", "10.0.0.7", "unknown", "10.0.0.7" },
        { "10.0.0.0/8", "10.0.0.7", "203.0.113.1, unknown", "10.0.0.7" },
        { "10.0.0.0/8", "10.0.0.7", "203.0.113.1:443", "10.0.0.7" },
        { "10.0.0.0/8", "10.0.0.7", ",", "10.0.0.7" },
        { "10.0.0.0/8", "10.0.0.7", "203.0.113.1,", "10.0.0.7" },
        { "10.0.0.0/8", "", "203.0.113.1", "" },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str behind = address_behind(str_of(cases[i].peer), str_of(cases[i].forwarded),
                                           str_of(cases[i].proxies));
        if (!str_equal_c(behind, cases[i].behind))
            fail_msg("%s behind %s: %.*s", cases[i].forwarded, cases[i].peer, STR_ARG(behind));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_are_read),
        cmocka_unit_test(texts_that_are_no_address),
        cmocka_unit_test(blocks_with_wrong_bits),
        cmocka_unit_test(who_is_listed),
        cmocka_unit_test(who_is_behind_proxies),
    };

    return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
