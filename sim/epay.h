/* epay.h - epayment.kz (Halyk Bank's ePay v2) as its clients see it.
 *
 *   epay.c            the objects, tokens of calls, errors; the list of calls
 *   epay_token.c      POST /oauth2/token
 *   epay_status.c     GET  /check-status/...
 *   epay_operation.c  charge, cancel, refund
 *   epay_card.c       saved cards
 *   epay_pay.c        what a payer does, by hand or for a test
 *   epay_page.c       the payment page
 *   epay_callback.c   postLink and failurePostLink
 *   epay_outsider.c   what somebody does at the bank
 *
 * An order is known from its payment token on; a transaction (`epay_tx`) begins when the payer or
 * a saved card pays. Amounts are kept in minor units and spoken in major ones. */
#ifndef SIM_EPAY_H
#define SIM_EPAY_H

#include "sim/epay.def"
#include "sim/exchange.h"

#define EPAY "epayment"

enum epay_result {
#define X(name, code, message) EPAY_RESULT_##name = code,
    EPAY_RESULTS(X)
#undef X
};

struct epay_order {
    struct str invoice, invoice_alt;
    struct money amount;
    struct str terminal;
    struct str post_link, failure_post_link, secret_hash;
    /* Of the page. */
    struct str back_link, failure_back_link, account_id, description, data, language;
    struct str name, email, phone;
    bool save_card;
    struct epay_tx *tx; /* NULL: nobody has paid yet */
};

struct epay_token {
    struct str text;
    struct str terminal, scope;
    struct epay_order *order; /* NULL: a token for operations */
    int64_t expires_ms;
    bool gone; /* used up, or revoked by a fault */
};

struct epay_card {
    struct str id, mask;
    struct str invoice, account_id; /* of the order that it was saved with */
    bool deactivated;
    struct epay_card *before; /* the one saved before it */
};

/* What a query shows. */
struct epay_view {
    struct str status;
    int64_t amount_minor;
    int64_t reason_code;
    struct str reason;
};

struct epay_tx {
    struct str id, reference, int_reference, approval_code;
    struct epay_order *order;
    struct epay_view now, before;
    struct funds funds;
    struct epay_card *card; /* NULL: not saved */
    int64_t created_ms;
};

struct epay {
    struct map orders;     /* by invoice */
    struct map last_six;   /* by terminal and the invoice's last six digits */
    struct map txs;        /* by id */
    struct map tokens;     /* by text */
    struct map cards;      /* by id */
    struct map externals;  /* by transaction and externalID */
    struct epay_card *last_card;
};

extern const struct face epay_face, epay_pages;

struct epay *epay_new(struct sim *sim);

/* epay.c */
const char *epay_state_text(const char *name); /* asserts that it is one */
bool epay_is_over(struct str status);
bool epay_is_two_step(const struct sim *sim, struct str terminal);
const char *epay_reason_text(int64_t code);
/* The token of the call; NULL when there is none or it is worth nothing. */
struct epay_token *epay_token_of(const struct exchange *exchange);
/* The same for operations; otherwise replies 401 and is NULL. */
struct epay_token *epay_service_token(struct exchange *exchange);
/* 400 {"code", "message"}, the bank's way to say no to an operation. */
void epay_reply_no(struct exchange *exchange, int64_t code, const char *message);
struct epay_tx *epay_tx_new(struct sim *sim, struct epay_order *order);
void epay_tx_show(struct epay_tx *tx, const char *status);
void epay_tx_fail(struct sim *sim, struct epay_tx *tx, struct str status, int64_t reason_code);
void epay_record(struct sim *sim, const struct epay_tx *tx, const char *kind, int64_t minor,
                 struct str second, const char *by, enum wrong wrong);
struct effect epay_effect(const struct epay_tx *tx, const char *kind, int64_t minor,
                          struct str second, const char *by, enum wrong wrong);
/* "100", "12.5": a JSON number in major units. */
struct str epay_amount_text(struct arena *arena, struct money money);
bool epay_read_amount(struct str text, enum currency currency, int64_t *out_minor);
/* RFC 3339 with nanoseconds and the country's offset. */
struct str epay_time_text(struct arena *arena, int64_t time_ms);

/* epay_status.c: `tx` is NULL when the result has none. */
void epay_reply_result(struct exchange *exchange, int64_t code, const struct epay_tx *tx);
/* epay_operation.c: what a refund leaves to see, by the setting partial_refund. */
void epay_show_refund(struct sim *sim, struct epay_tx *tx);
/* epay_card.c */
struct epay_card *epay_card_new(struct sim *sim, const struct epay_order *order);
/* All saved cards, newest first: for the control API. */
void epay_cards_show(struct exchange *exchange);

/* epay_pay.c */
struct epay_act {
    struct str action;     /* approve, decline, 3d, abandon, new, fingerprint */
    struct str status;     /* of a decline: REJECT, or what is given here */
    int64_t reason_code;   /* of a decline; 0: the default */
    bool save_card;
    bool late;             /* approve although it had failed */
};
/* What forbids it, or NULL when it is done. */
const char *epay_pay(struct sim *sim, struct epay_order *order, const struct epay_act *act,
                     struct exchange *cause);
/* Takes the money of a new transaction: a hold, or at once, as the terminal does. */
void epay_approve(struct sim *sim, struct epay_tx *tx, const char *by);

/* epay_callback.c */
void epay_callback(struct sim *sim, const struct epay_tx *tx, bool good, struct exchange *cause);

#endif
