/* server_parts.h - what the files of the server share; the only one that includes uv.h.
 *
 * server.c             open, run, stop, close
 * server_listen.c      addresses, accepting, the caps on connections
 * server_connection.c  one connection: its phases, bytes in, answers out
 * server_deadline.c    one timer for the deadlines of all connections
 * server_request.c     the requests' pool, and what handlers ask of them
 * server_later.c       posts from other threads, rests, signals, timers
 *
 * A connection lives as long as its socket, a request from its first byte until it is answered.
 * Each may lose the other (a request whose client has gone has no connection, an idle connection
 * has no request), so memory follows the work in hand and not the number of connections.
 * Everything belongs to the loop's thread, but for `struct later`. */
#ifndef NET_SERVER_PARTS_H
#define NET_SERVER_PARTS_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <uv.h>

#include "net/http_parse.h"
#include "net/server.h"

/* A ring: an object is in a list by a link in it, and the list itself is a link. */
struct link {
    struct link *next, *previous;
};

static inline void link_init(struct link *link)
{
    link->next = link->previous = link;
}

static inline void link_append(struct link *list, struct link *link)
{
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

static inline void link_remove(struct link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link_init(link);
}

#define LINK_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

struct server_request {
    struct server *server;
    struct connection *connection; /* NULL: the client has gone */
    struct link in_server;         /* server.requests */
    struct server_request *next_free;
    struct arena arena;
    struct http_parse parse;
    int64_t started_us;
    int listener;
    char peer[INET6_ADDRSTRLEN];
    void *user;
    bool in_work; /* between the handler's call and server_answer */
};

#define ADDRESS_BUCKETS 1024

/* The other side of a connection. */
struct connection_peer {
    uint8_t address[16]; /* what counts as one address: an IPv4 one, or an IPv6 /64 */
    unsigned bucket;
    char text[INET6_ADDRSTRLEN];
};

struct server {
    struct server_config config;
    struct http_limits http_limits;
    uv_loop_t loop;
    struct listener *listeners;
    struct later *later;
    struct link connections;
    struct link buckets[ADDRESS_BUCKETS]; /* the same connections by address */
    struct link requests;                 /* all, the pooled ones too */
    struct server_request *free_requests;
    unsigned free_count;
    uv_timer_t deadline_timer;
    uint64_t deadline_due_ms;
    uint64_t deadline_tick_ms;
    atomic_bool stop_asked;
    bool stopping; /* the loop has acted on it */
    uv_timer_t stop_timer;
    int64_t date_second;
    char date[32];
    struct server_counts counts;
    char input[64 * 1024]; /* for one read at a time, of any connection */
};

/* server.c */
void server_begin_stop(struct server *server, int64_t grace_ms);
void server_check_stopped(struct server *server);

/* server_listen.c */
void listeners_close(struct server *server);

/* server_connection.c */
unsigned connections_from(const struct server *server, const struct connection_peer *peer);
/* Takes the socket over. `refusal` is HTTP_REFUSAL_NONE, or why it is answered 503 at once. */
void connection_open(struct server *server, int fd, const struct connection_peer *peer,
                     int listener, enum http_refusal refusal);
void connection_answer(struct connection *connection, const struct server_answer *answer);
void connection_drop(struct connection *connection, struct str bytes);
/* Its time is over. */
void connection_expire(struct connection *connection);
void connections_stop(struct server *server);
void connections_close(struct server *server);

/* server_deadline.c */
void deadlines_init(struct server *server);
/* A connection has a new deadline (by uv_now; UINT64_MAX: none). */
void deadlines_note(struct server *server, uint64_t at_ms);

/* server_request.c */
struct server_request *request_take(struct server *server);
void request_release(struct server_request *request);
void requests_free(struct server *server);

/* server_later.c */
struct later *later_open(struct server *server);
void later_run_posts(struct later *later);
void later_close(struct later *later); /* its handles; before the loop ends */
void later_free(struct later *later);  /* after that */

#endif
