/* server.h - HTTP/1.1 in: bytes from the network to requests, answers to bytes.
 *
 * One thread runs the loop (server_run); handlers are called on it and must not
 * block. A handler answers at once or later; later, from another thread, it goes
 * through server_post. Other threads may call only that, server_stop and
 * server_is_stopping. What is no valid HTTP/1.1, or beyond the limits, is answered
 * here and never reaches a handler (RFC 9112; docs/http.md lists the refusals).
 *
 * A request object belongs to the handler from the call until server_answer. It
 * stays valid when its client goes away; the answer is then dropped. Its texts
 * live in its arena until answered. Requests of one connection are answered in
 * order: the next is not parsed before the answer to the one before is queued. */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/outside.h"
#include "base/str.h"

struct server;
struct server_request;

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER,
};

struct http_header {
    struct str name;
    struct str value;
};

/* What a refusal of the server itself looks like (400, 408, 413, 431, 503 ...) is
 * the API's business: it renders `err` and `detail` into the arena. */
struct server_answer {
    int status;
    struct str content_type; /* empty: no Content-Type */
    struct str body;
    const struct http_header *headers; /* beside Date, Content-Length, Connection, Content-Type */
    size_t header_count;
    bool close; /* close the connection after it */
};

/* All times are total, not idle, except idle_ms. */
struct server_limits {
    size_t header_bytes;              /* 16384, with the request line */
    size_t header_lines;              /* 100 */
    size_t body_bytes;                /* 65536: what body_limit says when it is NULL */
    size_t drain_bytes;               /* 1 MiB read and dropped after an early refusal */
    int64_t header_ms;                /* 10000 */
    int64_t body_ms;                  /* 30000 */
    int64_t idle_ms;                  /* 65000: between requests */
    int64_t write_ms;                 /* 30000: for a client to take an answer */
    unsigned connections;             /* 10000 in all; beyond: 503 and close */
    unsigned connections_per_address; /* 0: no limit */
};
#define SERVER_LIMITS_DEFAULT                                                                      \
    ((struct server_limits){ 16384, 100, 65536, 1 << 20, 10000, 30000, 65000, 30000, 10000, 0 })

struct server_config {
    const struct outside *outside;
    struct server_limits limits;
    void *self; /* given to all below */
    void (*handle)(void *self, struct server_request *request);
    /* Bytes of body that it may have, asked when its headers are complete. May be NULL. */
    size_t (*body_limit)(void *self, const struct server_request *request);
    /* Renders a refusal made here; `request` has no method or path when it could not be parsed. */
    void (*refuse)(void *self, struct server_request *request, enum err err, int status,
                   const char *detail, struct server_answer *out);
};

must_check enum err server_open(const struct server_config *config, struct server **out);
/* `address` is "127.0.0.1:8080" or "[::1]:8080"; port 0 takes a free one. `listener`
 * is handed back by server_request_listener. ERR_IO with a sentence in `why`. The
 * address in effect, with its port, is written to `bound` (may be NULL). */
must_check enum err server_listen(struct server *server, struct str address, int listener,
                                  struct arena *arena, struct str *bound, struct str *why);
void server_run(struct server *server);   /* until server_stop's work or time is over */
void server_close(struct server *server); /* after server_run; accepts NULL */

/* Stops accepting; idle connections are closed, requests in work finish within `grace_ms`,
 * new ones on open connections get 503 with Connection: close. Safe from any thread. */
void server_stop(struct server *server, int64_t grace_ms);
bool server_is_stopping(const struct server *server);

/* Calls `f(arg)` on the loop's thread soon, in the order of the posts. Any thread; never
 * blocks, never fails. What is posted after server_run has ended is called by server_close. */
void server_post(struct server *server, void (*f)(void *arg), void *arg);
/* The same whenever all that had come is done. Before server_run; one such function. */
void server_on_rest(struct server *server, void (*f)(void *arg), void *arg);
/* Calls `f(arg)` on the loop's thread when `signal_number` arrives. Before server_run. */
void server_on_signal(struct server *server, int signal_number, void (*f)(void *arg), void *arg);

/* A one-shot timer on the loop's thread. Embed it, zeroed; it must outlive its end or its
 * cancelling. Starting a running one moves its end. */
struct server_timer {
    void *hidden;
    void (*f)(void *arg);
    void *arg;
};
void server_timer_start(struct server *server, struct server_timer *timer, int64_t after_ms,
                        void (*f)(void *arg), void *arg);
void server_timer_cancel(struct server_timer *timer);

/* The request. */
struct server *server_of(const struct server_request *request);
int server_request_listener(const struct server_request *request);
enum http_method server_request_method(const struct server_request *request);
/* Still percent-encoded, beginning with '/', without the query; always valid visible ASCII. */
struct str server_request_path(const struct server_request *request);
struct str server_request_query(const struct server_request *request); /* without '?' */
/* By its name in any case; empty when absent. Repeated ones are joined with ", ". */
struct str server_request_header(const struct server_request *request, const char *name);
/* One after the other, as they came; without a name after the last. */
struct http_header server_request_header_at(const struct server_request *request, size_t place);
struct str server_request_body(const struct server_request *request);
struct str server_request_peer(const struct server_request *request); /* "192.0.2.7", no port */
struct arena *server_request_arena(struct server_request *request);
int64_t server_request_started_us(const struct server_request *request); /* the first byte */
/* A place for the handler's own state about the request. */
void server_request_set_user(struct server_request *request, void *user);
void *server_request_user(const struct server_request *request);

/* Ends the request: everything in its arena may be gone when this returns. The answer's
 * bytes are copied. For HEAD the body is not sent, its length is. */
void server_answer(struct server_request *request, const struct server_answer *answer);
/* Ends it with these bytes as they are (may be none) and closes, as a bad peer does. */
void server_drop(struct server_request *request, struct str bytes);

struct server_counts {
    uint64_t connections_accepted;
    uint64_t connections_refused;
    uint64_t requests;
    uint64_t refusals;
    unsigned connections_open;
    unsigned requests_open;
};
struct server_counts server_counts(const struct server *server);

#endif
