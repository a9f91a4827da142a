/* api.h - the HTTP API: a table of routes over net/server.h.
 *
 * Runs on the server's thread: authenticates, validates, hands turns and queries to
 * a desk (store/desk.h), and answers when they come back. One file per resource; a
 * route is one line in routes.c. The contract is api/openapi.yaml. */
#ifndef API_API_H
#define API_API_H

#include "base/secret.h"
#include "core/turn.h"
#include "net/reverse.h"
#include "net/server.h"
#include "store/desk.h"
#include "store/vault.h"

struct api;

/* The numbers of the server's listeners (server_listen). Operators' answers only the routes that
 * are theirs: it stands where no merchant comes, and no key is asked for there. */
enum api_listener { API_LISTENER_MERCHANTS, API_LISTENER_OPERATORS };

/* The built-in gateway's challenge, for its page (pages/challenge.h). */
struct api_challenge {
    struct money amount;
    struct str description;
    struct str operation_reference;      /* ours: the id text of the authorize operation */
    struct str return_url;               /* the merchant's; may be empty */
    enum { CHALLENGE_OPEN, CHALLENGE_APPROVED, CHALLENGE_DECLINED } state;
};
struct api_challenges {
    void *self;
    /* False when there is no such token. Texts live in the arena. */
    bool (*get)(void *self, struct str token, struct arena *arena, struct api_challenge *out);
    bool (*decide)(void *self, struct str token, bool approve);
};

struct api_config {
    const struct outside *outside;
    struct desk *desk;
    const struct gateway *const *gateways;
    const struct secret *installation_key;   /* for idempotency fingerprints and API keys */
    struct vault *vault;                     /* for the credentials of gateway accounts */
    struct api_challenges challenges;
    struct str public_url;
    unsigned page_requests;                  /* of one address in a minute; 0: no limit */
    const char *receipt_font;                /* a TrueType file, for receipts as PDF */
    struct str trusted_proxies;              /* blocks, by spaces: whose X-Forwarded-For counts */
    /* reverse_find, or a test; NULL: no name is ever found out. */
    bool (*find_name)(void *self, struct reverse_ask *ask);
    void *names;
    bool demo;                               /* the demo shop is there */
    bool is_shared;                          /* other nodes may bring what callers wait for */
    /* Appends the engine's lines to GET /metrics; may be NULL. */
    void (*metrics)(void *self, struct buf *out);
    void *metrics_self;
};

must_check enum err api_open(const struct api_config *config, struct api **out);
void api_close(struct api *api);                 /* accepts NULL */
/* The server to answer through; before server_run. */
void api_attach(struct api *api, struct server *server);

/* Callbacks of struct server_config, with `self` the api. */
void api_handle(void *self, struct server_request *request);
size_t api_body_limit(void *self, const struct server_request *request);
void api_refuse(void *self, struct server_request *request, enum err err, int status,
                const char *detail, struct server_answer *out);

/* Wakes callers who wait (engine.h, wake); from any thread. */
void api_wake(void *self, const struct turn_answer *const *answers, size_t count);
/* Looks into the books for those who wait for claims with these marks (engine.h, heard); from any
 * thread. */
void api_look(void *self, const uint32_t *marks, size_t count);

#endif
