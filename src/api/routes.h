/* routes.h - the table of routes: one line is one call of the API.
 *
 * A route is of one of three sorts, by which of its last members is set:
 *   plain   answers by itself, at once or later;
 *   turn    fills in a turn from the body; turns.c does everything around it;
 *   read    reads the books on a reader's thread; reads.c does everything around it. */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "base/err.h"
#include "core/tenants.h"
#include "net/server.h"

struct call;
struct desk_turn;
struct json;
struct reading;

enum route_access {
    ROUTE_OPEN = 0, /* no key; query parameters nobody knows are ignored */
    ROUTE_READ = KEY_SCOPE_READ,
    ROUTE_WRITE = KEY_SCOPE_WRITE,
    ROUTE_REFUND = KEY_SCOPE_REFUND,
    ROUTE_ADMIN = KEY_SCOPE_ADMIN,
    ROUTE_OPERATOR = KEY_SCOPE_OPERATOR,
};

/* What an Idempotency-Key is to the call. */
enum route_claim { CLAIM_IGNORED = 0, CLAIM_OPTIONAL, CLAIM_REQUIRED };

/* A JSON object as body; OPTIONAL: none is as good as {}. */
enum route_body { BODY_IGNORED = 0, BODY_OPTIONAL, BODY_REQUIRED };

struct route {
    enum http_method method;
    const char *pattern;   /* "/v1/payments/{id}/capture" */
    const char *id_prefix; /* of {id}; NULL when {...} is no id of ours */
    enum route_access access;
    enum route_claim claim;
    enum route_body body;
    enum err (*plain)(struct call *call);
    enum err (*turn)(struct call *call, const struct json *body, struct desk_turn *turn);
    /* The body to answer with, when it is not the turn's own. */
    struct str (*show)(struct desk_turn *turn);
    /* The body as it is answered, of a replay too: what is kept nowhere is put in. May be NULL. */
    struct str (*finish)(const struct call *call, struct str body);
    const struct reading *read;
    bool operators; /* also where only operators come (api.h, API_LISTENER_OPERATORS) */
};

extern const struct route routes[];
extern const size_t route_count;

/* A segment is what stands in the place of {...}. NULL when no route of that method has
 * such a path; then `allow` names the methods of those that have, empty for none. HEAD is
 * GET here. */
const struct route *route_find(enum http_method method, struct str path, struct arena *arena,
                               struct str *segment, struct str *allow);
const char *method_text(enum http_method method);

#endif
