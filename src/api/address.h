/* address.h - IP addresses and CIDR blocks as text: from where an API key may be used.
 *
 * IPv4 in dotted decimals, IPv6 as RFC 4291 writes it. An IPv4 address inside IPv6
 * (::ffff:192.0.2.1), as a socket for both reports it, is that IPv4 address. */
#ifndef API_ADDRESS_H
#define API_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct address {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct address_block {
    struct address first;
    unsigned bits; /* of the 128 that have to be equal */
};

bool address_parse(struct str text, struct address *out);
/* "192.0.2.0/24", or an address alone, which is a block of one. */
bool address_block_parse(struct str text, struct address_block *out);
bool address_in_block(const struct address *address, const struct address_block *block);

/* Whether `peer` is in one of the blocks, which spaces separate; an empty list holds everyone.
 * A peer that is no address, such as a local socket's, is in no block. */
bool address_is_listed(struct str blocks, struct str peer);

/* Whose address it is behind our own proxies: `peer` connected, and each proxy added whom it heard
 * to the end of `forwarded` (X-Forwarded-For). Only what the blocks of `proxies` vouch for is
 * believed; with none, or from elsewhere, it is the peer. */
struct str address_behind(struct str peer, struct str forwarded, struct str proxies);

#endif
