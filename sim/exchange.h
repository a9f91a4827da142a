/* exchange.h - one request and its reply, with what the plan does to them.
 *
 *   find the call -> whose payment is it (subject) -> ledger: request -> the plan
 *   -> wait -> carry it out (perform) -> replace the reply -> wait -> ledger: reply -> answer
 *
 * A handler (`perform`) knows no faults but those of the stage SHOW, and always leaves a reply. An
 * exchange lives in its request's arena until it is answered. */
#ifndef SIM_EXCHANGE_H
#define SIM_EXCHANGE_H

#include "sim/sim.h"

struct exchange;

/* A way in. `path` has {} for what differs; `subject` may be NULL. */
struct call {
    enum http_method method;
    const char *path;
    const char *name, *role;
    void (*subject)(struct exchange *exchange);
    void (*perform)(struct exchange *exchange);
    bool secret; /* its body holds credentials */
};

/* A family of calls: a gateway, or the pages and the control API, which know no faults. */
struct face {
    const char *name; /* "epayment"; empty: no gateway */
    const struct call *calls;
    size_t count;
    /* The reply to what fails with this HTTP status, and to the fault error_code. */
    void (*fail)(struct exchange *exchange, int status);
    void (*error)(struct exchange *exchange, struct str code);
    void (*forget_token)(struct exchange *exchange); /* may be NULL */
};

struct exchange {
    struct sim *sim;
    struct server_request *request;
    struct arena *arena;
    const struct face *face;
    const struct call *call;
    const char *name, *role; /* the call's, unless its subject knows better */
    struct str ids[2];       /* what stands for {} in the path */
    const struct json *doc;  /* the body, when it is a JSON object */

    struct str reference, second;
    struct money amount, total;
    struct fault faults[FAULT_STAGE_COUNT];
    int64_t number; /* of its line in the ledger */

    int status; /* the reply; 0: the connection is just closed */
    const char *type;
    struct buf body;
    struct json_out out;
    struct http_header headers[4];
    size_t header_count;
    bool cut;

    unsigned notices; /* that have to be answered before it is */
    bool performed;
    struct server_timer timer;
};

void exchange_begin(struct sim *sim, const struct face *face, const struct call *call,
                    struct server_request *request, const struct str ids[2]);
/* One of its notices was answered. */
void exchange_noticed(struct exchange *exchange);

/* Replies. A new one takes the place of the one before. */
struct json_out *reply_json(struct exchange *exchange, int status); /* an object, open */
void reply_done(struct exchange *exchange);                         /* ... and closed */
void reply_text(struct exchange *exchange, int status, const char *type, struct str body);
void reply_header(struct exchange *exchange, const char *name, struct str value);
/* {"error": "..."}: the control API's way to say no. */
void reply_refusal(struct exchange *exchange, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The SHOW fault of this call, if it is that one. */
const struct fault *exchange_shows(const struct exchange *exchange, enum fault_kind kind);
/* The word that the plan wants this call to come to; empty when it has none. */
struct str exchange_outcome(const struct exchange *exchange);
/* An amount and a currency as the reply is to show them. */
struct money exchange_shown(const struct exchange *exchange, struct money money);
/* The value of a name in the query; empty when absent. */
struct str exchange_query(const struct exchange *exchange, const char *name);

#endif
