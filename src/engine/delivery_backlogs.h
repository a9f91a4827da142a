/* delivery_backlogs.h - how far behind endpoints are. Inside engine only. */
#ifndef ENGINE_DELIVERY_BACKLOGS_H
#define ENGINE_DELIVERY_BACKLOGS_H

#include "base/id.h"

struct deliveries;

#define BACKLOGS_SHOWN 20
struct backlog {
    struct webhook_endpoint_id endpoint;
    int64_t oldest_ms, untried_ms;   /* when the oldest was made, of all and of untried ones */
};
struct backlogs {
    struct backlog worst[BACKLOGS_SHOWN];
    size_t count;
    uint64_t endpoints;
    int64_t untried_ms;              /* the least of all */
    int64_t looked_ms;               /* when that was so, by the books' clock */
};

/* Looks it up, and says when to look again. */
void backlogs_look(struct deliveries *deliveries);

#endif
