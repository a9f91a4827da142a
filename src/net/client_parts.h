/* client_parts.h - struct client, for the files that make it up. Inside net only.
 *
 *   client.c           the thread: takes calls in, gives them up at their deadlines, ends them
 *   client_lanes.c     accounts: who may start now, who waits
 *   client_breakers.c  hosts: which of them are not tried for now
 *   client_names.c     the table in which both are found by name
 *   client_request.c   what a request must be to be made
 *   client_wire.c      the wire itself; the only file that knows libcurl
 *   client_heap.c      the memory that libcurl gets
 *
 * Everything here belongs to the client's thread, `inbox` and the tally apart. Times are those
 * of outside_monotonic_us; 0 is "never". */
#ifndef NET_CLIENT_PARTS_H
#define NET_CLIENT_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "net/client.h"
#include "net/client_names.h"

/* Groups of hosts on the wire, with connections of their own. */
#define CLIENT_SHARDS 16

/* One account's calls. */
struct lane {
    struct named named;
    struct client_limits limits;
    unsigned running;
    int64_t paid_until_us;                     /* by its rate, the past is used up to there */
    struct ring waiting;                       /* of flights, first come first */
    struct ring turn;                          /* among the lanes where calls wait */
};

/* One host: "https://api.example.com". */
struct host {
    struct named named;
    unsigned flights;
    unsigned failures;                         /* in a row */
    int64_t shut_until_us;                     /* the breaker is open */
    bool probing;                              /* one call tries whether it is back */
    bool http1;                                /* asked to repeat what it got by HTTP/2 */
};

/* A call under way. */
struct flight {
    struct ring all;
    struct ring wait;                          /* in its lane, until it starts */
    struct client *client;
    struct client_call *call;
    struct lane *lane;
    struct host *host;
    int64_t deadline_us;
    int64_t started_us;                /* on the wire; 0: not yet */
    bool started;                              /* holds a place of its lane */
    bool is_probe;                             /* of its host's breaker */

    /* client_wire.c's. */
    unsigned requests;                         /* that may have begun to leave us: 0 is the proof */
    enum client_reason refused;                /* by one of our own checks while it ran */
    bool met_special;                          /* an address that the guard refused */
    struct handle *handle;
    void *header_list;                         /* in the arena, as are the lines */
    struct wire_shard *shard;
    struct arena arena;                        /* the reply's */
    struct client_field *fields;
    size_t field_count, field_cap;
    struct buf body;
    size_t header_bytes;
    bool header_is_whole;
    int status;
};

struct client_tally {
#define X(name, help) _Atomic uint64_t name;
    CLIENT_COUNTERS(X)
    CLIENT_GAUGES(X)
#undef X
};

struct client {
    struct client_config config;
    struct arena arena;                        /* the client's lifetime */
    pthread_t thread;
    bool started;
    int epoll_fd, wake_fd;

    pthread_mutex_t lock;                      /* for what other threads touch: */
    struct link *inbox_first, *inbox_last;
    bool stopping;

    struct ring flights, kept;                 /* those under way; old ones, for the next */
    unsigned kept_count;
    int64_t deadline_us;                       /* no flight's deadline is before it */
    size_t on_wire;
    struct names lanes, hosts;
    struct ring turns;                         /* lanes where calls wait, the next one first */
    int64_t lanes_due_us;                      /* a lane's rate lets one start then */
    struct wires *wires;
    struct client_tally tally;
};

/* client.c: the wire's work on it is over. NONE is a reply. Frees it. */
void flight_end(struct flight *flight, enum client_reason reason);
/* The header of a reply is whole, a 1xx too. */
void flight_head_came(struct flight *flight, int status);

/* client_request.c */
bool client_call_is_well_formed(const struct client_call *call);
/* Scheme, host and port of its URL; false when that is malformed. */
bool client_call_host(const struct client_call *call, struct str *out);
bool client_call_has_field(const struct client_call *call, struct str name);

/* client_lanes.c */
void lanes_init(struct client *client);
void lane_enter(struct flight *flight, int64_t now_us);
void lane_leave(struct flight *flight);        /* wherever in it it is */
/* Calls `start` for each flight that may start now, in turns; `start` may end it. */
void lanes_start(struct client *client, int64_t now_us, void (*start)(struct flight *flight));

/* client_breakers.c */
void breakers_init(struct client *client);
void host_enter(struct flight *flight, struct str name, int64_t now_us);
bool host_may_be_tried(struct flight *flight, int64_t now_us);
void host_leave(struct flight *flight, enum client_reason reason, int64_t now_us);

/* client_heap.c: as the C library's of these names */
void *wire_alloc(size_t size);
void wire_free(void *bytes);
void *wire_realloc(void *bytes, size_t size);
char *wire_strdup(const char *text);
void *wire_calloc(size_t count, size_t size);

/* client_wire.c */
must_check enum err wires_open(struct client *client, struct arena *arena, struct str *why);
void wires_close(struct client *client);
void wire_start(struct flight *flight);
void wire_note(struct flight *flight);         /* what is known of it now: status, peer, times */
void wire_stop(struct flight *flight);
void wires_event(struct client *client, uint64_t tag, uint32_t events);
void wires_timers(struct client *client, int64_t now_us);
int64_t wires_due_us(const struct client *client);

#endif
