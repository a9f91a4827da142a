/* gateways_parts.h - between gateways.c and the stand-ins of the simulator's surroundings. */
#ifndef SIMULATION_GATEWAYS_PARTS_H
#define SIMULATION_GATEWAYS_PARTS_H

#include "net/server.h"

/* A request of net/server.h that nobody sent over a network. */
struct server_request {
    enum http_method method;
    struct str path, query, body;
    const struct http_header *headers;
    size_t header_count;
    struct arena *arena;
    int status;                      /* of the reply; 0: none yet */
    struct str reply_type, reply_body;
};

/* A line of the ledger is whole. */
void gateways_line(struct str line);
void gateways_tell(const char *gateway, struct str url, struct str headers, struct str body,
                   int64_t tries);

#endif
