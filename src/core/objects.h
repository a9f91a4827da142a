/* objects.h - what merchants see: invoices, payments, refunds.
 *
 * The structs are the rows of the store (store/tables.def maps every member to its
 * column). Times are milliseconds (base/time.h), 0 for none; amounts are minor units
 * of the object's currency. Texts live as long as the arena that the row was loaded
 * into. */
#ifndef CORE_OBJECTS_H
#define CORE_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/money.h"
#include "base/str.h"
#include "core/words.h"

/* What a flush has to do with a row. */
enum row_change { ROW_CLEAN = 0, ROW_CHANGED, ROW_NEW };

struct invoice {
    enum row_change row;
    struct invoice_id id;
    struct merchant_id merchant;
    bool live;
    enum invoice_state status;
    int64_t amount_minor;
    enum currency currency;
    bool implicit;                /* made for a payment that named none; ends with it */
    struct str reference;
    struct str description;
    struct str shop;
    struct str metadata;          /* a JSON object as text, or empty */
    int64_t version;              /* counts the events of the invoice itself */
    int64_t sequence;             /* counts all events of these books, without gaps */
    bool checkpointed;            /* there are checkpoints for it, its payments and refunds */
    bool late;                    /* and events that are not in them */
    int64_t created_ms;
    int64_t updated_ms;
};

/* Why the gateway, or a rule of ours, said no. All empty when nothing did. */
struct failure {
    enum failure_type type;
    struct str code;              /* ours: "card_declined" */
    struct str message;           /* for people */
    struct str gateway_code;      /* theirs, as it came */
    struct str gateway_message;
};

struct payment {
    enum row_change row;
    struct payment_id id;
    struct invoice_id invoice;
    struct merchant_id merchant;
    bool live;
    enum payment_state status;
    int64_t amount_minor;
    enum currency currency;
    int64_t authorized_minor;     /* what the gateway reserved */
    int64_t captured_minor;
    int64_t refunded_minor;       /* sum of refunds succeeded */
    int64_t reserved_minor;       /* sum of refunds not failed; at most captured_minor */
    enum capture_method capture_method;
    struct gateway_account_id gateway_account;
    struct str gateway;           /* "sandbox" */
    bool routed;                  /* the merchant named no account (core/routing.h) */
    struct str gateway_reference; /* theirs, once they said it */
    struct str order_reference;   /* ours at the gateway; empty: the authorize operation's id */
    struct str reference;         /* the merchant's */
    struct str description;
    struct str shop;
    struct str customer_email;
    struct str return_url;
    struct str metadata;
    enum payment_method method;
    bool save_card;               /* the gateway is asked to keep the card, for the customer */
    bool verification;            /* of nothing: it shows that the card is good */
    struct customer_id customer;  /* or zero */
    struct instrument_id instrument;  /* that it is paid with or, with save_card, that it makes */
    struct str card_brand;
    struct str card_last4;
    int64_t card_exp_month;
    int64_t card_exp_year;
    enum next_action action;      /* what the payer must do while requires_action */
    struct str action_url;
    struct failure failure;
    enum cancel_reason cancel_reason;       /* while authorized: a cancel is still wanted */
    struct operation_id authorization;      /* the last authorize operation, or zero */
    struct operation_id active_operation;   /* the one that moves money now, or zero */
    int64_t capture_tries;        /* captures begun for it */
    int64_t cancel_tries;         /* cancels begun since the last capture */
    int64_t version;              /* counts its events, its refunds' included */
    int64_t created_ms;
    int64_t updated_ms;
    int64_t expires_ms;           /* when it ends by itself unless it moves on */
    int64_t due_ms;               /* when the clock has to look at it; 0 never */
    int64_t check_ms;             /* when it is held against the gateway's books; 0 never */
    int64_t checks;               /* of its final state, made so far */
};

struct refund {
    enum row_change row;
    struct refund_id id;
    struct payment_id payment;
    struct invoice_id invoice;
    struct merchant_id merchant;
    bool live;
    enum refund_state status;
    int64_t amount_minor;
    enum currency currency;
    struct str reason;
    struct failure failure;
    struct str gateway_reference;
    int64_t overdrawn_minor;      /* a correction beyond the captured amount: outside every sum */
    int64_t created_ms;
    int64_t updated_ms;
};

#endif
