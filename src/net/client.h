/* client.h - HTTP out: many calls at once, each with one deadline and one of three ends.
 *
 * A call ends as exactly one of
 *   CLIENT_REPLY     a whole reply came: status, fields and body are filled;
 *   CLIENT_NOT_SENT  proven: no byte of the request left us (the name was not found, the
 *                    connection was refused, TLS was not finished, it still waited);
 *   CLIENT_NO_REPLY  everything else. The slightest doubt ends here.
 * and `reason` says why. A redirect, a 5xx, an empty body are replies: what they mean is the
 * caller's business. A body whose length was not stated ends with its connection; whether it was
 * cut off only its reader can see, as a reader of JSON does.
 *
 * One thread makes all calls; `done` is called on it and must not block. Certificates are
 * always verified. Nothing of the environment is heard: no proxy, no .netrc, no key log.
 * Redirects are not followed, compressed replies neither asked for nor unpacked. HTTP/2 is
 * spoken where the host offers it over TLS, HTTP/1.1 elsewhere.
 *
 * The client keeps no copy of a request or a reply: its own are wiped when the call ends
 * (HTTP/2's are kept by a library that frees without wiping before libcurl 8). */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/outside.h"
#include "base/str.h"
#include "net/client.def"

struct client;

#define X(name, code, meaning) CLIENT_##name,
enum client_end { CLIENT_ENDS(X) CLIENT_END_COUNT };
#undef X
#define X(name, code, host_failed, sentence) CLIENT_REASON_##name,
enum client_reason { CLIENT_REASONS(X) CLIENT_REASON_COUNT };
#undef X

const char *client_end_code(enum client_end end);
const char *client_reason_code(enum client_reason reason);
const char *client_reason_text(enum client_reason reason);    /* one sentence */

struct client_field {
    struct str name;
    struct str value;
};

#define CLIENT_TIMEOUT_MS 30000
#define CLIENT_FIELDS_MAX 128          /* of a reply; more are too large */

/* What calls of one account may do together; 0 for no limit. The latest call's are in force. */
struct client_limits {
    unsigned at_once;
    unsigned per_minute;               /* evenly; a second's worth may come at once */
};

/* How long each phase took; 0: it was not needed, or not reached. */
struct client_times {
    int64_t dns_us, connect_us, tls_us;
    int64_t first_byte_us;             /* from the request to the reply's first byte */
    int64_t total_us;
};

/* Zero it and fill the first part. Everything that it points to lives until `done`, which
 * may free the call. */
struct client_call {
    const char *method;                /* "POST" */
    struct str url;                    /* absolute, visible ASCII, no user and password */
    const struct client_field *fields; /* Host, Content-Length, Connection are put by the client */
    size_t field_count;
    struct str body;
    int64_t deadline_us;               /* by outside_monotonic_us, waiting included;
                                          0: CLIENT_TIMEOUT_MS from now */
    struct str account;                /* whose limits; empty: none */
    struct client_limits limits;
    bool once;                         /* moves money: a connection of its own, never repeated.
                                          Others may be sent again when a kept connection died */
    bool guarded;                      /* somebody else chose the host: public addresses only,
                                          never through the proxy (net/guard.h) */
    bool plain;                        /* http:// is allowed */
    int64_t body_ms;                   /* a REPLY once its header is whole, with what came of the
                                          body in that time, however it ends; 0: all of it must */
    /* Asked on the client's thread when the connection stands and before the first byte: false
     * withdraws the call. NULL: nobody withdraws it. */
    bool (*may_begin)(const struct client_call *call);
    void (*done)(struct client_call *call);
    void *user;

    /* Filled when `done` is called; texts live until it returns. */
    enum client_end end;
    enum client_reason reason;
    int status;                        /* of a REPLY, else 0 */
    const struct client_field *reply_fields;
    size_t reply_field_count;
    struct str reply_body;
    struct client_times times;
    char peer[56];                     /* address and port; empty: there was no connection */
    struct link link;                  /* the client's, from client_send to done */
};

struct client_config {
    const struct outside *outside;     /* its monotonic clock must run */
    struct str ca_file;                /* PEM, instead of the system's; empty: the system's */
    unsigned trust_s;                  /* then it is read again: authorities change */
    struct str proxy;                  /* "http://host:port"; empty: none */
    unsigned connections;              /* calls on the wire at once, all accounts together */
    unsigned kept;                     /* connections to a sixteenth of all hosts from which on
                                          idle ones are closed; fewer where descriptors are few */
    bool keeps_handles;                /* what a POST needs of libcurl serves a later one; until
                                          then its URL and its reply stay in memory */
    int64_t connect_ms;                /* lookup, TCP and TLS together */
    size_t reply_bytes;                /* header and body */
    unsigned breaker_failures;         /* so many in a row open a host's breaker; 0: never */
    int64_t breaker_ms;                /* until one call may try the host again */
};
#define CLIENT_CONFIG_DEFAULT(real)                                                               \
    ((struct client_config){ .outside = (real), .connections = 1000, .kept = 64,                  \
                             .connect_ms = 10000, .reply_bytes = 256 << 10, .trust_s = 300,       \
                             .breaker_failures = 5, .breaker_ms = 10000 })

/* ERR_IO with a sentence in `why`, as when ca_file cannot be read. */
must_check enum err client_open(const struct client_config *config, struct arena *arena,
                                struct client **out, struct str *why);
/* Any thread, also from `done`. False when the client was stopped: `done` is not called. */
bool client_send(struct client *client, struct client_call *call);
/* Ends all calls (CLIENT_REASON_STOPPED) and the thread; later ones are refused. */
void client_stop(struct client *client);
void client_close(struct client *client);      /* after client_stop; accepts NULL */

/* Counters since the start, and gauges. X(name, help) */
#define CLIENT_COUNTERS(X)                                                                        \
    X(replies_total, "Calls out that ended with a reply.")                                        \
    X(not_sent_total, "Calls out of which no byte was sent.")                                     \
    X(no_reply_total, "Calls out that may have been sent and had no reply.")                      \
    X(breakers_opened_total, "Times that a host was given up for a while.")
#define CLIENT_GAUGES(X)                                                                          \
    X(calls_waiting, "Calls out that wait for their turn.")                                       \
    X(calls_on_wire, "Calls out on the wire.")
struct client_counts {
#define X(name, help) uint64_t name;
    CLIENT_COUNTERS(X)
    CLIENT_GAUGES(X)
#undef X
};
struct client_counts client_counts(struct client *client);

#endif
