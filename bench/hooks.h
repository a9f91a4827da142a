/* hooks.h - what the programs of hooks.c share: peers over TCP or TLS, whole messages. */
#ifndef BENCH_HOOKS_H
#define BENCH_HOOKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

#define REQUEST_MAX 65536
#define EVENTS_MAX 256
#define PATHS_MAX 4096                 /* "/hook/17": the number at a path's end */
#define LAG_US 100                     /* a bucket of lags */
#define LAGS_MAX 100000
#define ASKED_MAX 262144

/* What the sink has seen, in a file that others map. */
struct seen {
    int64_t port;
    int64_t count;
    int64_t first_us, last_us;         /* by the monotonic clock */
    int64_t paths[PATHS_MAX];
    int64_t lags[LAGS_MAX + 1];        /* from the body's "timestamp" to its arrival */
    int64_t answer_lags[LAGS_MAX + 1]; /* from its invoice's answer; 0 when that came later */
    _Atomic int64_t answered_us[ASKED_MAX]; /* `ask` fills it, by the number in the metadata */
};

struct tls;                            /* a side of it: what connections are made with */
struct peer {
    int fd;
    void *tls;                         /* NULL: plain */
    int64_t came_us;                   /* the first byte of what is in `bytes`, UTC */
    size_t len;                        /* bytes of a request or an answer that came so far */
    char bytes[REQUEST_MAX];
};

/* Ends the program when the result is below 0. */
int must(int result, const char *what);
int64_t utc_us(void);

/* hooks_peer.c */
struct tls *tls_server(const char *certificate, const char *key);
struct tls *tls_client(void);
struct peer *peer_accept(int listener, struct tls *tls);
struct peer *peer_dial(int port, struct tls *tls);
void peer_watch(int poll, struct peer *peer);
void peer_close(struct peer *peer);
/* As read: 0 at the end, below 0 when nothing more is there for now. */
ssize_t peer_read(struct peer *peer);
void peer_write(struct peer *peer, struct str text);
/* Length of the whole message at the beginning, 0 while it is not whole; its header. */
size_t peer_message(const struct peer *peer, struct str *head);
void peer_drop(struct peer *peer, size_t len);

/* hooks_sink.c */
struct seen *seen_map(const char *file);
int sink(const char *file, struct tls *tls);
/* hooks_send.c: a line of JSON with the time and the processor time that it took */
int send_bare(int port, struct tls *tls, int connections, int64_t count, size_t body_len);
int send_library(struct str url, struct str ca_file, int connections, int64_t count,
                 size_t body_len);
/* hooks_ask.c: invoices at a rate that no answer slows down; 0: as fast as it goes */
int ask(int port, const char *key, const char *file, int64_t seconds, int64_t rate);

#endif
