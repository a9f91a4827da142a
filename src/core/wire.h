/* wire.h - what is asked of a gateway, the HTTP in between, and what it answered.
 *
 * The vocabulary of core/gateway.h: a gateway turns a struct gateway_ask into a struct
 * http_request, and a struct http_reply into a struct gateway_answer. */
#ifndef CORE_WIRE_H
#define CORE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

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
#define X(name, meaning) GW_TOKEN_##name,
enum gateway_token_use { GATEWAY_TOKENS(X) GW_TOKEN_USE_COUNT };
#undef X

const char *gateway_outcome_text(enum gateway_outcome outcome);
const char *gateway_lost_text(enum gateway_lost lost);
const char *gateway_capture_text(enum gateway_capture capture);

/* Card details: in memory only, from the request to the gateway call. Of a SAVED_CARD there
 * is nothing but `saved`. */
struct card {
    struct secret number;
    struct secret cvc;
    struct str holder_name;
    int exp_month;
    int exp_year;
    struct secret saved;             /* the gateway's token for a card that it keeps */
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
    const struct card *card;         /* authorize with a card, or a saved one, and DEACTIVATE;
                                        else NULL */
    bool save_card;                  /* authorize: keep the card, and say by what token */
    bool verification;               /* authorize of nothing: whether the card is good */
    struct str customer;             /* ours, of the payer; empty when unknown */
    const struct secret *credentials;    /* the account's, a JSON object; NULL when it has none */
    const struct secret *token;      /* from the gateway's login; NULL where there is none */
    enum payment_method method;
    struct str description;
    struct str return_url;           /* where the payer comes back to us */
    struct str public_url;           /* of this purser, for pages of its own */
    struct str account_id;           /* the gateway account's id text */
    bool live;                       /* the account's mode: real money */
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
    bool refunds_unsaid;             /* refunded_minor is 0 because they do not say */
    bool released;                   /* the reservation was given back */
    /* Of a card that they keep; its token is a secret. Brand and the rest as they say. */
    struct str card_token;
    struct str card_brand;
    struct str card_last4;
};

/* Cards that a gateway keeps, and charges and forgets by a token. */
struct gateway_cards {
    const enum payment_method *keeps;    /* whose; METHOD_NONE ends it; NULL: none */
    bool verifies;                   /* without a payment too: looks at one with an amount of 0 */
    bool hides_tokens;               /* nobody but purser is told them */
    bool forgets_once;               /* a second call is refused, whatever the first one did */
};

/* The header's value, empty when absent; names compare without case. */
struct str http_field_value(const struct http_field *fields, size_t count, const char *name);
struct str http_reply_field(const struct http_reply *reply, const char *name);

/* Cuts texts of theirs to what the books and every object of ours have room for, and drops
 * references and addresses that are longer. */
void gateway_answer_limit(struct gateway_answer *answer);

#endif
