/* client_names.h - two small tools of the client: circles, and tables of things with names.
 * Inside net only. */
#ifndef NET_CLIENT_NAMES_H
#define NET_CLIENT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* A place in a circle; a circle of one is empty. */
struct ring {
    struct ring *next, *prev;
};

void ring_init(struct ring *ring);
bool ring_is_empty(const struct ring *ring);
void ring_put_last(struct ring *ring, struct ring *item);
void ring_take(struct ring *item);             /* and leaves it a circle of its own */

/* A table of things that begin with a struct named. Names are copied. */
struct named {
    struct named *next;
    struct str name;
};

#define NAMES_CHAINS 512
#define NAMES_ROOM 2048                        /* from there on, idle ones make room */

struct names {
    struct named *chains[NAMES_CHAINS];
    size_t count;
    size_t sweep_at;
    bool (*is_idle)(const struct named *named, int64_t now_us);
};

void names_init(struct names *names, bool (*is_idle)(const struct named *named, int64_t now_us));
void names_done(struct names *names);
/* The one of that name; made, `size` zeroed bytes, when there is none. A new one is idle until
 * the caller makes it busy, which it must do before the next find. */
struct named *names_find(struct names *names, struct str name, size_t size, int64_t now_us);
uint32_t names_hash(struct str name);

#endif
