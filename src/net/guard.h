/* guard.h - may a connection be made to this address, when somebody else chose the host?
 *
 * A merchant's webhook URL may name our own network: a metadata service, a database, an
 * admin page. The URL does not tell: names lead anywhere and change between a check and its
 * use. So the address itself is asked about, after the lookup, by whoever connects to it
 * (net/client.h does for guarded calls). Fails closed: what is not known to be public is
 * refused. Hosts of gateways are the operator's choice and not guarded. */
#ifndef NET_GUARD_H
#define NET_GUARD_H

struct sockaddr;

/* NULL when it is public, else what it is ("loopback"), a static text. */
const char *guard_refuses(const struct sockaddr *address);
/* The same of an address as text, "192.0.2.7" or "2001:db8::1"; a name is refused. */
const char *guard_refuses_text(const char *address);

#endif
