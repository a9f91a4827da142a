/* login.h - the tokens of gateway accounts that must log in first. Inside engine only.
 *
 * Per account, one login at a time: who wants its token meanwhile waits for the same one. A token
 * is kept in memory only, given out until shortly before its end, and forgotten when the
 * gateway no longer takes it. Other settings or credentials of an account are another login.
 *
 * An order's token (GW_TOKEN_ORDER) has a login to itself: it is handed on, and not kept.
 *
 * From any thread. `ready` is called on the one that wanted the token, or on the client's. */
#ifndef ENGINE_LOGIN_H
#define ENGINE_LOGIN_H

#include "base/crypto.h"
#include "core/gateway.h"
#include "net/client.h"

struct logins;

/* Who makes the calls: client_send, or a test. Returns false when nobody does any more. */
struct login_sender {
    void *self;
    bool (*send)(void *self, struct client_call *call);
};

struct logins *logins_open(const struct outside *outside, const struct login_sender *sender);
void logins_close(struct logins *logins);      /* no login is under way; accepts NULL */

struct login_wish {
    /* `token` lives until it returns; NULL when there is none, and `why` is a sentence. */
    void (*ready)(struct login_wish *wish, const struct secret *token, struct str why);
    struct sha256 key;                         /* the login's */
    struct link link;
};

/* Of the ask: account_id, live, settings, credentials and now_ms. It is copied. */
void login_want(struct logins *logins, const struct gateway *gateway,
                const struct client_limits *limits, const struct gateway_ask *ask,
                struct login_wish *wish);
/* For the order of the ask, by the gateway's order_login. */
void login_want_order(struct logins *logins, const struct gateway *gateway,
                      const struct client_limits *limits, const struct gateway_ask *ask,
                      struct login_wish *wish);
/* The gateway does not take this token any more, which `wish` was given. Only if it is still the
 * one that is kept: others may have learnt the same before. */
void login_refused(struct logins *logins, const struct login_wish *wish,
                   const struct secret *token);

#endif
