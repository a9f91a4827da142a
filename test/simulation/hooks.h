/* hooks.h - the shops' endpoints for webhooks, what they were told, and whether that was all. */
#ifndef SIMULATION_HOOKS_H
#define SIMULATION_HOOKS_H

#include "core/webhooks.h"
#include "core/wire.h"

#define HOOKS_COUNT 2                /* one takes events as they come, one in their order */
#define RECEIPTS_MAX 8192

struct world;
struct db;

struct hook {
    struct webhook_endpoint_id id;
    char secret[100];
};

/* What came to an endpoint under an id. */
struct receipt {
    size_t hook;
    struct event_id event;
    uint64_t digest;                 /* of the body, which is always the same */
    unsigned taken;                  /* as the n-th of all that were, 0: never */
};

/* Makes the endpoints: while nothing goes wrong. */
void hooks_begin(struct world *world);
void hooks_handle(struct world *world, const struct http_request *request,
                  struct http_reply *out);
/* I7: each event was taken, or its delivery says why not. */
void hooks_judge(struct world *world, struct db *db, struct arena *arena);

#endif
