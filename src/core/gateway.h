/* gateway.h - what a gateway is to purser: a pure translator.
 *
 * An operation is a pair of functions: build turns what we ask into the HTTP request
 * of their protocol, parse turns their reply into an answer. No I/O, no clock, no
 * memory of their own; the transport between the two is the engine's business. An
 * operation without a pair is one that this gateway cannot do, and that is the only
 * place which says so. Adding a gateway: gateways/README.md. */
#ifndef CORE_GATEWAY_H
#define CORE_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/money.h"
#include "base/secret.h"
#include "base/str.h"
#include "core/gateway.def"
#include "core/words.h"

#define X(name, text, meaning) GW_##name,
enum gateway_outcome { GATEWAY_OUTCOMES(X) GW_OUTCOME_COUNT };
enum gateway_lost { GATEWAY_LOST(X) GW_LOST_COUNT };
#undef X
#define X(name, text, meaning) GW_CAPTURE_##name,
enum gateway_capture { GATEWAY_CAPTURES(X) GW_CAPTURE_WAY_COUNT };
#undef X

const char *gateway_outcome_text(enum gateway_outcome outcome);
const char *gateway_lost_text(enum gateway_lost lost);
const char *gateway_capture_text(enum gateway_capture capture);

/* Card details: in memory only, from the request to the gateway call. */
struct card {
    struct secret number;
    struct secret cvc;
    struct str holder_name;
    int exp_month;
    int exp_year;
};

/* Everything that a build or parse may look at. Texts live as long as the ask. */
struct gateway_ask {
    enum operation_kind call;        /* what is sent: a kind, or ENQUIRE about `about` */
    enum operation_kind about;       /* the operation asked about; equals call unless ENQUIRE */
    struct str reference;            /* ours, of the operation asked about: stable over repeats */
    struct str payment_reference;    /* ours, of the payment's authorize operation */
    struct str gateway_reference;    /* theirs, of the payment; empty until known */
    struct money amount;             /* of the operation asked about */
    bool capture_now;                /* authorize: take the money in the same step */
    const struct card *card;         /* authorize with a card; else NULL */
    enum payment_method method;
    struct str description;
    struct str return_url;           /* where the payer comes back to us */
    struct str public_url;           /* of this purser, for pages of its own */
    struct str account_id;           /* the gateway account's id text */
    struct str settings;             /* the gateway account's settings, a JSON object */
    int64_t now_ms;
};

/* Header lines and body are complete as they go over the wire, Content-Length and
 * the connection's own headers apart. */
struct http_field {
    struct str name;
    struct str value;
};

struct http_request {
    const char *method;
    struct str url;
    const struct http_field *fields;
    size_t field_count;
    struct str body;
};

struct http_reply {
    int status;                      /* 0: no reply */
    const struct http_field *fields;
    size_t field_count;
    struct str body;
};

/* A zeroed answer is "unknown, ask again". Texts live in the arena given to parse. */
struct gateway_answer {
    enum gateway_outcome outcome;    /* of the operation asked about */
    struct money amount;             /* as they state it; currency NONE when they do not */
    struct str gateway_reference;    /* theirs, of the payment */
    struct str refund_reference;     /* theirs, of the refund */
    struct str failure_code;         /* ours, when DECLINED or REFUSED: "card_declined" */
    struct str gateway_code;         /* theirs, as it came */
    struct str gateway_message;
    enum next_action action;         /* when NEEDS_PAYER */
    struct str action_url;
    /* Where the payment's money is by their books; an enquiry may state it. */
    bool has_position;
    int64_t authorized_minor;
    int64_t captured_minor;
    int64_t refunded_minor;
    bool released;                   /* the reservation was given back */
};

struct gateway_call {
    enum err (*build)(const struct gateway_ask *ask, struct arena *arena,
                      struct http_request *out);
    enum err (*parse)(const struct gateway_ask *ask, const struct http_reply *reply,
                      struct arena *arena, struct gateway_answer *out);
    enum gateway_lost lost;
};

struct gateway {
    const char *name;                /* "sandbox" */
    const char *title;               /* for people */
    bool test_only;                  /* refused on live accounts */
    bool in_process;                 /* its far side is the built-in one: no network */
    enum gateway_capture capture;
    const enum payment_method *methods;      /* METHOD_NONE ends it; the first is the default */
    int64_t visibility_ms;           /* from then on, "absent" proves that they never saw it */
    int64_t deadline_ms;             /* of one wire call */
    int64_t authorization_ms;        /* how long a reservation holds by default */
    int64_t refund_age_ms;           /* refunds only that long after the capture; 0 for ever */
    struct gateway_call calls[OPERATION_KIND_COUNT];
};

bool gateway_can(const struct gateway *gateway, enum operation_kind kind);
bool gateway_takes(const struct gateway *gateway, enum payment_method method);

/* The one check of amounts for all gateways: an approval of another amount or
 * currency than was asked becomes UNKNOWN. Returns false when it had to. */
bool gateway_check_amount(const struct gateway_ask *ask, struct gateway_answer *answer);

/* Their words for outcomes, an adapter's table; not listed is GW_UNKNOWN. */
struct gateway_word {
    const char *word;                /* NULL ends the table */
    enum gateway_outcome outcome;
};
enum gateway_outcome gateway_outcome_of(const struct gateway_word *words, struct str word);

/* The header's value, empty when absent; names compare without case. */
struct str http_reply_field(const struct http_reply *reply, const char *name);

#endif
