/* history.h - how the objects came to be as they are: operations and their wire calls,
 * events, claimed idempotency keys. Rows as in objects.h. */
#ifndef CORE_HISTORY_H
#define CORE_HISTORY_H

#include "base/crypto.h"
#include "core/claim.h"
#include "core/objects.h"

struct operation {
    enum row_change row;
    struct operation_id id;
    struct invoice_id invoice;
    struct payment_id payment;
    struct refund_id refund;      /* of a refund, or zero */
    struct gateway_account_id gateway_account;
    enum operation_kind kind;
    enum operation_state state;
    int64_t amount_minor;
    struct str reference;         /* ours at the gateway; empty: the id's text */
    struct id claim;              /* the idempotency claim that it answers to, or zero */
    struct run_id run;            /* the lease while sending */
    int64_t attempts;             /* wire calls made with it, enquiries included */
    int64_t tries;                /* looks that did not end it (schedule.h) */
    struct str gateway_code;      /* their last word about it */
    struct str gateway_message;
    int64_t created_ms;
    int64_t sent_ms;              /* when it last became sending */
    int64_t silent_ms;            /* when its last call had ended without a word; 0 never */
    int64_t due_ms;               /* when the clock has to look at it; 0 never */
    int64_t closed_ms;            /* when it ended for good; 0 while open */
};

/* One wire call of an operation; written when its end is known. */
struct attempt {
    enum row_change row;
    struct invoice_id invoice;
    struct operation_id operation;
    int64_t number;               /* from 1 */
    enum operation_kind call;     /* the operation's own kind, or enquire */
    struct str outcome;           /* "approved", "declined", "unknown", ... (core/gateway.def) */
    int64_t http_status;          /* 0 when there was no reply */
    struct str gateway_code;
    struct str gateway_message;
    int64_t started_ms;
    int64_t ended_ms;
};

struct event {
    enum row_change row;
    struct invoice_id invoice;
    int64_t sequence;             /* within the invoice, from 1, without gaps */
    int64_t number;               /* position in the feed; given by the store at flush */
    struct merchant_id merchant;
    bool live;
    enum event_type type;
    struct payment_id payment;    /* zero for the invoice's own */
    struct refund_id refund;      /* zero unless a refund's */
    struct instrument_id instrument;  /* zero unless a saved card's */
    struct checkout_id checkout;  /* zero unless a checkout session's */
    int64_t version;              /* of the payment, the session, or the invoice for its own */
    int64_t occurred_ms;
    enum origin origin;
    struct str actor;             /* "key_...", "payer", "gateway", "clock" */
    struct str data;              /* the object as it was then, JSON; frozen */
};

/* The invoice itself (object is its id), or a payment, refund, checkout or saved card of it, as
 * its events up to `sequence` add up: what is left of them when they are pruned. */
struct checkpoint {
    enum row_change row;
    struct invoice_id invoice;
    struct id object;
    struct str status;
    int64_t version;              /* of the invoice or payment */
    int64_t captured_minor;       /* of a payment, as the next two */
    int64_t refunded_minor;
    int64_t reserved_minor;
    int64_t sequence;             /* of the last event in it, within the invoice */
    int64_t number;               /* and its place in the feed */
    int64_t made_ms;
};

/* What a gateway sent by itself, kept before it was answered 2xx, one row per claim in it.
 * It says which payment to ask about; nothing in it is believed. */
struct notice {
    enum row_change row;
    struct notice_id id;
    struct gateway_account_id gateway_account;
    struct merchant_id merchant;
    bool live;
    struct sha256 digest;         /* of the account and their id for it, or its body: unique */
    struct str reference;         /* ours, when it names an operation */
    struct str gateway_reference; /* theirs, when it names a payment */
    struct str body;              /* as it came, card numbers masked */
    int64_t tries;                /* looks that found nothing to apply it to yet */
    int64_t received_ms;
    int64_t due_ms;               /* when to look; 0 once it was applied or given up */
    int64_t applied_ms;           /* 0: not applied */
};

#endif
