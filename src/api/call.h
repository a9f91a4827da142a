/* call.h - one request on its way through this room, and how it is answered.
 *
 * A call lives in its request's arena and belongs to the loop's thread. While a turn or
 * a read is out, the other thread only reads `who`, `object` and what that sort of
 * route says; nothing else moves it on, so there is nothing to lock. Whoever answers
 * ends it: after call_answer, call_fail or an error returned from a route's function,
 * the call is gone. */
#ifndef API_CALL_H
#define API_CALL_H

#include <stdatomic.h>

#include "api/api.h"
#include "api/routes.h"
#include "api/trouble.h"
#include "api/wait.h"
#include "store/queries.h"

#define API_BODY_MAX ((size_t)64 * 1024)
#define API_ANSWER_MAX ((size_t)32 * 1024 * 1024)
#define CALL_HEADERS 8

struct auth;
struct metrics;
struct page_limit;

struct api {
    struct api_config config;
    struct arena arena; /* as long as the api */
    _Atomic(struct server *) server;
    struct id_maker ids;
    struct auth *auth;
    struct metrics *metrics;
    struct page_limit *page_limit;
    struct waiters waiters;
    struct server_timer poll_timer;
    bool polls; /* poll.c's */
    struct desk_read *looks; /* payment_show.c's, that was not handed over yet; or NULL */
    struct call *probing; /* calls that wait for the probe under way, by next */
    enum err probed;      /* how it ended */
};

/* Who asks: what a key gives. */
struct caller {
    struct merchant_id merchant;
    bool live;
    struct api_key_id key;
    int64_t scopes;
};

struct call {
    struct api *api;
    struct server_request *request;
    struct arena *arena;       /* the request's */
    const struct route *route; /* NULL: no such address, or not with that method */
    struct request_id id;
    struct str id_text;
    struct str segment; /* of the path, for {...} */
    struct id object;   /* the segment, where it is an id */
    struct str allow;
    struct caller who;
    struct trouble trouble;
    int64_t retry_after_s; /* 0: as the error says */
    struct call *next;     /* waits for the same key, or the same probe, as this one */

    /* Headers that the answer gets beside those of every answer. */
    struct http_header headers[CALL_HEADERS];
    size_t header_count;

    /* turns.c */
    struct str idempotency_key;
    int64_t wait_ms;
    struct waiter waiter;
};

/* What goes along with a turn, in its arena: desk_turn.user of all that call_turn makes. Its
 * secrets end with the turn. */
struct errand {
    struct call *call;
    struct card card;
    struct secret new_key;
    /* What takes too long for the loop: run on a reader's thread before the turn is handed in.
     * NULL: nothing does. Run again when the connection was lost meanwhile. */
    enum err (*prepare)(struct desk_turn *turn, struct db *db);
};

/* The way of a call: routed, then authenticated, then the route's own. */
void call_begin(struct api *api, struct server_request *request);
void call_proceed(struct call *call);

/* A new Request-Id, and its text in the arena. */
struct request_id call_request_id(struct api *api, struct arena *arena, struct str *text);
/* Who asks: the address that connected, or the one behind our own proxies. */
struct str call_peer(const struct call *call);
/* The moment, by the wall clock. */
int64_t call_now_ms(const struct call *call);

/* `name` and `value` live until the call is answered. */
void call_add_header(struct call *call, struct str name, struct str value);
/* Ends the call. The bytes are copied. */
void call_answer(struct call *call, int status, struct str content_type, struct str body);
void call_answer_json(struct call *call, int status, struct str body);
/* The problem, from `err`, the call's trouble and retry_after_s. Ends the call. */
void call_fail(struct call *call, enum err err);

/* Turns and reads (turns.c, reads.c). An error means that nothing was handed in. */
must_check enum err call_turn(struct call *call);
must_check enum err call_read(struct call *call);
/* From the loop: a wait has an end, or news. */
void call_woken(struct call *call, const struct turn_answer *answer);

#endif
