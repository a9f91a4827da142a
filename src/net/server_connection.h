/* server_connection.h - a connection as its own file and server_deadline.c see it. */
#ifndef NET_SERVER_CONNECTION_H
#define NET_SERVER_CONNECTION_H

#include "net/server_parts.h"

enum phase {
    PHASE_FRESH,   /* accepted; nothing has come yet */
    PHASE_IDLE,    /* between requests */
    PHASE_HEADERS, /* a request has begun */
    PHASE_BODY,    /* its headers are complete */
    PHASE_WORK,    /* a handler has it */
    PHASE_WRITE,   /* the answer waits for the client to read */
    PHASE_LINGER,  /* answered for the last time; what still comes is read and dropped */
    PHASE_CLOSED,  /* waits for libuv to let go of the handle */
};

struct connection {
    struct server *server;
    struct link in_server; /* server.connections */
    struct link in_bucket; /* server.buckets[] */
    struct connection_peer peer;
    int listener;
    uv_tcp_t tcp;
    enum phase phase;
    uint64_t deadline_ms;
    struct server_request *request; /* while HEADERS, BODY or WORK */
    bool over_cap;                  /* accepted only to be told so */
    bool consuming;                 /* `consume` is on the stack */
    bool close_after;               /* the answer in work is the last one */
    bool saw_end;                   /* the client has sent all that it will send */
    char *rest;                     /* input that came while an answer was pending; no more */
    size_t rest_len;                /* is read before it is used up */
    size_t rest_used;
    size_t dropped_bytes; /* while lingering */
    uv_write_t write;
    char *unsent; /* while WRITE */
};

#endif
