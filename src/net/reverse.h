/* reverse.h - the name of an address: looked up backwards, and believed only when the name leads
 * back to the address. Whoever owns an address can give it any name; only who owns the name can
 * make it lead there.
 *
 * Looking up blocks, so it is done on a thread of its own, which begins with the first ask.
 * What was found is kept for a while, also that there is nothing. */
#ifndef NET_REVERSE_H
#define NET_REVERSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/list.h"
#include "base/outside.h"
#include "base/str.h"
#include "net/reverse.def"

struct reverse;

#define X(name, meaning) REVERSE_##name,
enum reverse_end { REVERSE_ENDS(X) REVERSE_END_COUNT };
#undef X

#define REVERSE_ADDRESS_MAX 46         /* "ffff:...:255.255.255.255" and its NUL */
#define REVERSE_NAME_MAX 256           /* of DNS, and its NUL */
#define REVERSE_WAITING_MAX 64         /* asks at once */
#define REVERSE_KEPT_MS 300000         /* a name */
#define REVERSE_NONE_KEPT_MS 60000
#define REVERSE_UNKNOWN_KEPT_MS 5000   /* so that those who wait do not all wait as long */

/* Who is asked: the machine's own resolver, or a test. Both may block. */
struct reverse_system {
    void *self;
    /* NAMED: `name` has room for REVERSE_NAME_MAX. */
    enum reverse_end (*name_of)(void *self, const char *address, char *name);
    /* NAMED: the name leads to the address. */
    enum reverse_end (*leads_to)(void *self, const char *name, const char *address);
};
extern const struct reverse_system reverse_of_machine;

struct reverse_ask {
    char address[REVERSE_ADDRESS_MAX];
    void (*done)(struct reverse_ask *ask);
    void *user;

    enum reverse_end end;
    char name[REVERSE_NAME_MAX];       /* when NAMED: lower case, no dot at its end */
    struct link link;                  /* the resolver's, until `done` */
};

struct reverse *reverse_open(const struct outside *outside, const struct reverse_system *system);
/* `done` comes on the resolver's thread, or before this returns. False when too many wait or it was
 * stopped: then it does not come. */
bool reverse_find(struct reverse *reverse, struct reverse_ask *ask);
/* Those who wait are told UNKNOWN; a lookup under way ends first, after some seconds at worst. */
void reverse_stop(struct reverse *reverse);
void reverse_close(struct reverse *reverse);       /* after reverse_stop; accepts NULL */

/* Whether a name is that domain or below it, in any case. */
bool reverse_is_below(struct str name, struct str domain);

#endif
