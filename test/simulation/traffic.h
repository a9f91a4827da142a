/* traffic.h - what is on its way in a simulated world: calls out of the node, and notifications to
 * it. */
#ifndef SIMULATION_TRAFFIC_H
#define SIMULATION_TRAFFIC_H

#include "accounts.h"
#include "engine/call.h"

#define PACKETS_MAX 512

/* Who answers: the sandbox's bank, the gateways over the network, a shop that is told. */
enum far_side { TO_BANK, TO_GATEWAYS, TO_SHOP };

/* A request on its way, and its caller while there is one: of the bank, or over the network. */
struct packet {
    bool is_used, has_arrived, is_garbled;
    enum far_side to;
    struct call *call;
    struct client_call *wire;
    int64_t deadline_us;                 /* of the caller, */
    int64_t window_us;                   /* and how much later it may still arrive */
    struct arena arena;
    struct http_request request;
    struct http_reply reply;
    int64_t arrives_us, replies_us;      /* 0: never */
    int64_t visible_us;                  /* what it does, to enquiries */
};

/* A notification on its way to the node. */
#define POSTS_MAX 256
struct post {
    bool is_used, is_forged, is_under_way;
    const struct account *account;
    struct arena arena;
    struct str headers, body;
    int64_t due_us, tries;
};

#endif
