/* api_fixture_server.h - the inside of the fixture's server, shared by its two files. */
#ifndef API_FIXTURE_SERVER_H
#define API_FIXTURE_SERVER_H

#include "net/server.h"

#define API_QUEUE 64

struct post {
    void (*f)(void *arg);
    void *arg;
};

struct timer {
    struct server_timer *timer;
    int64_t ends_us;
};

struct server {
    const struct outside *outside;
    struct post posts[API_QUEUE];
    size_t post_count;
    struct post rest;
    struct timer timers[API_QUEUE];
    size_t timer_count;
    bool stopping;
    size_t open; /* requests that are not answered */
};

struct server_request {
    struct server *server;
    enum http_method method;
    struct str path, query, body, peer;
    struct http_header headers[16];
    size_t header_count;
    struct arena arena;
    int64_t started_us;
    struct answer *answer;
};

struct answer {
    int status;
    struct str content_type, body, request_body;
    struct http_header headers[16];
    size_t header_count;
    struct arena *arena;
};

#endif
