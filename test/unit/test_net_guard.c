/* Every range of the guard by its edges: the first and the last address within, and the public
 * neighbours on both sides. */
#include "test_base_help.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "net/guard.h"

/* NULL for "public". `what` is compared as far as it goes. */
struct guard_case {
    const char *address;
    const char *what;
};

static const struct guard_case cases4[] = {
    { "0.0.0.0", "this network" },
    { "0.255.255.255", "this network" },
    { "1.0.0.0", NULL },
    { "9.255.255.255", NULL },
    { "10.0.0.0", "private" },
    { "10.255.255.255", "private" },
    { "11.0.0.0", NULL },
    { "100.63.255.255", NULL },
    { "100.64.0.0", "shared" },
    { "100.127.255.255", "shared" },
    { "100.128.0.0", NULL },
    { "126.255.255.255", NULL },
    { "127.0.0.0", "loopback" },
    { "127.0.0.1", "loopback" },
    { "127.255.255.255", "loopback" },
    { "128.0.0.0", NULL },
    { "169.253.255.255", NULL },
    { "169.254.0.0", "link-local" },
    { "169.254.169.254", "link-local" },
    { "169.254.255.255", "link-local" },
    { "169.255.0.0", NULL },
    { "172.15.255.255", NULL },
    { "172.16.0.0", "private" },
    { "172.31.255.255", "private" },
    { "172.32.0.0", NULL },
    { "191.255.255.255", NULL },
    { "192.0.0.0", "protocol" },
    { "192.0.0.255", "protocol" },
    { "192.0.1.0", NULL },
    { "192.0.1.255", NULL },
    { "192.0.2.0", "documentation" },
    { "192.0.2.255", "documentation" },
    { "192.0.3.0", NULL },
    { "192.31.195.255", NULL },
    { "192.31.196.0", "AS112" },
    { "192.31.196.255", "AS112" },
    { "192.31.197.0", NULL },
    { "192.52.192.255", NULL },
    { "192.52.193.0", "AMT" },
    { "192.52.193.255", "AMT" },
    { "192.52.194.0", NULL },
    { "192.88.98.255", NULL },
    { "192.88.99.0", "6to4" },
    { "192.88.99.255", "6to4" },
    { "192.88.100.0", NULL },
    { "192.167.255.255", NULL },
    { "192.168.0.0", "private" },
    { "192.168.255.255", "private" },
    { "192.169.0.0", NULL },
    { "192.175.47.255", NULL },
    { "192.175.48.0", "AS112" },
    { "192.175.48.255", "AS112" },
    { "192.175.49.0", NULL },
    { "198.17.255.255", NULL },
    { "198.18.0.0", "benchmarks" },
    { "198.19.255.255", "benchmarks" },
    { "198.20.0.0", NULL },
    { "198.51.99.255", NULL },
    { "198.51.100.0", "documentation" },
    { "198.51.100.255", "documentation" },
    { "198.51.101.0", NULL },
    { "203.0.112.255", NULL },
    { "203.0.113.0", "documentation" },
    { "203.0.113.255", "documentation" },
    { "203.0.114.0", NULL },
    { "223.255.255.255", NULL },
    { "224.0.0.0", "multicast" },
    { "239.255.255.255", "multicast" },
    { "240.0.0.0", "reserved" },
    { "255.255.255.255", "reserved" },
    { "8.8.8.8", NULL },
};

static const struct guard_case cases6[] = {
    { "::", "not public" },
    { "::1", "not public" },
    { "::7f00:1", "not public" },
    { "::8.8.8.8", "not public" },
    { "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "not public" },
    { "64:ff9b::1:8.8.8.8", "not public" },
    { "64:ff9b:1::8.8.8.8", "not public" },
    { "100::1", "not public" },
    { "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not public" },
    { "2000::", NULL },
    { "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
    { "2001::", "protocol" },
    { "2001:0:53aa:64c::1", "protocol" },
    { "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "protocol" },
    { "2001:200::", NULL },
    { "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
    { "2001:db8::", "documentation" },
    { "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation" },
    { "2001:db9::", NULL },
    { "2001:4860:4860::8888", NULL },
    { "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
    { "2002::", "6to4" },
    { "2002:7f00:1::1", "6to4" },
    { "2002:808:808::1", "6to4" },
    { "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4" },
    { "2003::", NULL },
    { "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", NULL },
    { "2620:4f:8000::", "AS112" },
    { "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "AS112" },
    { "2620:4f:8001::", NULL },
    { "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
    { "3fff::", "documentation" },
    { "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation" },
    { "3fff:1000::", NULL },
    { "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
    { "4000::", "not public" },
    { "5f00::1", "not public" },
    { "fc00::", "not public" },
    { "fd12:3456::1", "not public" },
    { "fe80::1", "not public" },
    { "febf::1", "not public" },
    { "fec0::1", "not public" },
    { "ff02::1", "not public" },
    { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not public" },
};

static void assert_refused(const char *address, const char *what, const char *said)
{
    if (what == NULL && said != NULL)
        fail_msg("%s was refused: %s", address, said);
    if (what != NULL && said == NULL)
        fail_msg("%s was let through", address);
    if (what != NULL && strncmp(said, what, strlen(what)) != 0)
        fail_msg("%s is \"%s\", not \"%s\"", address, said, what);
}

static const char *refuses6(const char *text)
{
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(443) };

    assert_int_equal(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
    return guard_refuses((const struct sockaddr *)(const void *)&address);
}

static void ipv4(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases4); i++) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(443) };

        assert_int_equal(inet_pton(AF_INET, cases4[i].address, &address.sin_addr), 1);
        assert_refused(cases4[i].address, cases4[i].what,
                       guard_refuses((const struct sockaddr *)(const void *)&address));
        assert_refused(cases4[i].address, cases4[i].what, guard_refuses_text(cases4[i].address));
    }
}

static void ipv6(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases6); i++) {
        assert_refused(cases6[i].address, cases6[i].what, refuses6(cases6[i].address));
        assert_refused(cases6[i].address, cases6[i].what, guard_refuses_text(cases6[i].address));
    }
}

/* Every IPv4 case again, as IPv6 carries it. */
static void ipv4_within_ipv6(void **state)
{
    static const char *const carriers[] = { "::ffff:%s", "64:ff9b::%s" };

    (void)state;
    for (size_t c = 0; c < COUNT_OF(carriers); c++) {
        for (size_t i = 0; i < COUNT_OF(cases4); i++) {
            char text[64];
            struct buf buf;
            struct str prefix = str_slice(str_of(carriers[c]), 0, strlen(carriers[c]) - 2);

            buf_fixed(&buf, text, sizeof text);
            buf_add(&buf, prefix);
            buf_add_c(&buf, cases4[i].address);
            assert_refused(text, cases4[i].what, refuses6(buf_c(&buf)));
            assert_refused(text, cases4[i].what, guard_refuses_text(text));
        }
    }
}

/* A byte's bits on both sides of each edge: a range is exactly as long as it says. */
static void lengths_are_exact(void **state)
{
    unsigned refused = 0;

    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr = { htonl(first << 24 | 0x010203) } };
        if (guard_refuses((const struct sockaddr *)(const void *)&address) != NULL)
            refused++;
    }
    /* 0, 10, 127, 224 to 255: no other whole first byte. */
    assert_int_equal(refused, 3 + 32);
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const texts[] = {
        "", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "8.8.8.8 ", "8.8.8", "fe80::1%lo",
        "[2000::1]", "example.com",
    };
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    struct sockaddr none = { .sa_family = AF_UNSPEC };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_refused(texts[i], "no internet address", guard_refuses_text(texts[i]));
    assert_non_null(guard_refuses((const struct sockaddr *)(const void *)&local));
    assert_non_null(guard_refuses(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4),
        cmocka_unit_test(ipv6),
        cmocka_unit_test(ipv4_within_ipv6),
        cmocka_unit_test(lengths_are_exact),
        cmocka_unit_test(what_is_no_address_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
