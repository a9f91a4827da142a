/* gateway.h - what a gateway is to purser: a pure translator.
 *
 * An operation is a pair of functions: build turns what we ask into the HTTP request of their
 * protocol, parse turns their reply into an answer. No I/O, no clock, no memory of their own;
 * the transport between the two is the engine's business. An operation without a pair is one
 * that this gateway cannot do, and that is the only place which says so. Adding a gateway:
 * gateways/README.md. */
#ifndef CORE_GATEWAY_H
#define CORE_GATEWAY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "core/gateway_page.h"
#include "core/listing.h"

struct check_report;

struct gateway_call {
    enum err (*build)(const struct gateway_ask *ask, struct arena *arena,
                      struct http_request *out);
    enum err (*parse)(const struct gateway_ask *ask, const struct http_reply *reply,
                      struct arena *arena, struct gateway_answer *out);
    enum gateway_lost lost;
};

/* A login (OAuth and the like) whose token the caller keeps in memory: one request at a
 * time per account, fetched anew before it ends, dropped on HTTP 401. */
struct gateway_token {
    struct str text;
    int64_t lives_ms;                /* from the moment of the reply */
};

/* An order's token (GW_TOKEN_ORDER) comes from a login of its own, whose build sees the ask of
 * the order. While it is not there nothing of the order was sent. */
struct gateway_login {
    enum err (*build)(const struct gateway_ask *ask, struct arena *arena,
                      struct http_request *out);
    /* ERR_FORBIDDEN: the credentials are wrong; ERR_BAD_REPLY: anything else. */
    enum err (*parse)(const struct http_reply *reply, struct arena *arena,
                      struct gateway_token *out);
};

/* What a gateway sends by itself. There is no default verifier: a gateway without one takes
 * no notifications. A claim never moves money by itself; it says which payment to ask about. */
struct gateway_notice {
    const struct http_field *fields;
    size_t field_count;
    struct str body;                 /* the raw bytes: signatures are over these */
    const struct secret *credentials;
};

struct gateway_claim {
    struct str reference;            /* ours, of an operation; empty when they do not say it */
    struct str gateway_reference;    /* theirs, of the payment */
    struct str notice_id;            /* theirs, for telling repetitions; empty: the body's hash */
};

struct gateway_notices {
    bool (*verify)(const struct gateway_notice *notice);
    /* At most `room` claims; ERR_BAD_REPLY when it cannot be understood. */
    enum err (*read)(const struct gateway_notice *notice, struct arena *arena,
                     struct gateway_claim *claims, size_t room, size_t *count);
    const char *const *secret_members;   /* of their JSON, at any depth: not kept. NULL: none */
};

/* A call that changes nothing, about what cannot be there: its answer shows whether the account is
 * taken (core/check.h). parse finds TERMINAL and, without a login, CREDENTIALS, if it can. */
struct gateway_probe {
    enum err (*build)(const struct gateway_ask *ask, struct arena *arena,
                      struct http_request *out);
    /* ERR_BAD_REPLY when it is no answer of theirs: nothing was found then. */
    enum err (*parse)(const struct gateway_ask *ask, const struct http_reply *reply,
                      struct arena *arena, struct check_report *out);
};

/* What an operator sets for an account at this gateway, beside what account.h knows for all.
 * Settings are shown to whoever may read the account: a secret is a credential. */
#define X(name, meaning) GW_SETTING_##name,
enum gateway_setting_kind { GATEWAY_SETTING_KINDS(X) };
#undef X

struct gateway_setting {
    const char *name;                /* "base_url"; NULL ends the table */
    enum gateway_setting_kind kind;
    bool required;
    const char *const *words;        /* of a WORD; NULL ends them */
    const char *what;                /* for people */
};

/* How our references at the gateway look. */
enum gateway_reference {
    GW_REFERENCE_ID,                 /* the operation's id as text */
    GW_REFERENCE_DIGITS,             /* digits from a counter of the account, kept in the books */
};

struct gateway {
    const char *name;                /* "sandbox" */
    const char *title;               /* for people */
    bool test_only;                  /* refused on live accounts */
    bool in_process;                 /* its far side is the built-in one: no network */
    enum gateway_capture capture;
    const enum payment_method *methods;      /* METHOD_NONE ends it; the first is the default */
    struct gateway_cards cards;      /* that it keeps for payers, if it does */
    int64_t visibility_ms;           /* from then on, "absent" proves that they never saw it */
    int64_t deadline_ms;             /* of one wire call */
    int64_t authorization_ms;        /* how long a reservation holds by default */
    int64_t refund_age_ms;           /* refunds only that long after the payment; 0 for ever */
    const struct money *refund_least;    /* currency NONE ends it; NULL: any amount is refunded */
    bool cancels_holds_only;         /* before money is held there is nothing to cancel there */
    enum gateway_reference references;
    const char *const *credentials;  /* the members that the credentials must have; NULL: none */
    const struct gateway_setting *settings;  /* NULL: none of its own */
    struct gateway_login login;      /* build NULL: it needs none */
    struct gateway_login order_login;
    gateway_page_f *page;            /* of its orders; NULL: the payer's page cannot be used */
    /* NULL: with the account's, where there is a login. */
    enum gateway_token_use (*token_use)(const struct gateway_ask *ask);
    struct gateway_notices notices;  /* verify NULL: it takes none */
    const char *settlement;          /* how its settlement files look (settlement.h); or NULL */
    struct gateway_listing listing;  /* build NULL: it cannot say what it has */
    struct gateway_probe probe;      /* every gateway over the network has one */
    struct gateway_call calls[OPERATION_KIND_COUNT];
};

bool gateway_can(const struct gateway *gateway, enum operation_kind kind);
bool gateway_takes(const struct gateway *gateway, enum payment_method method);
bool gateway_keeps(const struct gateway *gateway, enum payment_method method);
enum gateway_token_use gateway_token_use(const struct gateway *gateway,
                                         const struct gateway_ask *ask);
/* The least that is refunded in a currency, in minor units; 0: any amount is. */
int64_t gateway_refund_least(const struct gateway *gateway, enum currency currency);

/* The account's settings and credentials as JSON, for build, parse and verify; NULL, which
 * json_get takes for an object without members, when there are none. What is read from credentials
 * is secret and lives in the arena: it belongs into the request only. */
const struct json *gateway_settings(const struct gateway_ask *ask, struct arena *arena);
const struct json *gateway_credentials(const struct secret *credentials, struct arena *arena);

/* An approval of another amount or currency than was asked becomes UNKNOWN; false when it was. */
bool gateway_check_amount(const struct gateway_ask *ask, struct gateway_answer *answer);

/* Their words for outcomes, an adapter's table; not listed is GW_UNKNOWN. */
struct gateway_word {
    const char *word;                /* NULL ends the table */
    enum gateway_outcome outcome;
};
enum gateway_outcome gateway_outcome_of(const struct gateway_word *words, struct str word);

#endif
