/* guard.c - the table of special addresses, compared bit by bit. */
#include "net/guard.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "net/guard.def"

struct range {
    const char *address;
    unsigned bits;
    const char *what;
};

#define X(address, bits, what) { (address), (bits), (what) },
static const struct range ranges4[] = { GUARD_IPV4(X) { NULL, 0, NULL } };
static const struct range ranges6[] = { GUARD_IPV6(X) { NULL, 0, NULL } };
#undef X
#define X(address, bits) { (address), (bits), "carries IPv4" },
static const struct range carriers[] = { GUARD_CARRIERS(X) { NULL, 0, NULL } };
#undef X
static const struct range public6 = { "2000::", 3, "public" };

static bool begins_alike(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned mask = 0xffu << (8 - bits % 8) & 0xffu;

    return memcmp(a, b, whole) == 0 && (mask == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static bool is_in(const struct range *range, int family, const unsigned char *address)
{
    unsigned char first[sizeof(struct in6_addr)] = { 0 };

    int is_valid = inet_pton(family, range->address, first);
    assert(is_valid == 1);
    return begins_alike(address, first, range->bits);
}

/* The range of the list that it is in, or NULL. */
static const struct range *find(const struct range *list, int family, const unsigned char *address)
{
    for (; list->address != NULL; list++)
        if (is_in(list, family, address))
            return list;
    return NULL;
}

static const char *refuses4(const unsigned char *address)
{
    const struct range *range = find(ranges4, AF_INET, address);

    return range != NULL ? range->what : NULL;
}

static const char *refuses6(const unsigned char *address)
{
    if (find(carriers, AF_INET6, address) != NULL)
        return refuses4(address + 12);
    if (!is_in(&public6, AF_INET6, address))
        return "not public";
    const struct range *range = find(ranges6, AF_INET6, address);
    return range != NULL ? range->what : NULL;
}

const char *guard_refuses(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    /* Copied: what a library hands over need not be aligned for these. */
    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        return refuses4((const unsigned char *)&v4.sin_addr);
    }
    if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        return refuses6((const unsigned char *)&v6.sin6_addr);
    }
    return "no internet address";
}

const char *guard_refuses_text(const char *address)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, address, bytes) == 1)
        return refuses4(bytes);
    if (inet_pton(AF_INET6, address, bytes) == 1)
        return refuses6(bytes);
    return "no internet address";
}
