/* books.h - one invoice with everything that hangs on it: what a turn loads,
 * decides over and leaves changed.
 *
 * The structs are the rows of the store (store/tables.def maps every member to its
 * column). Texts and objects live in the arena of the batch that loaded them.
 * Times are milliseconds (base/time.h), 0 for none; amounts are minor units of the
 * payment's currency. */
#ifndef CORE_BOOKS_H
#define CORE_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/id.h"
#include "base/list.h"
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
    struct str gateway_reference; /* theirs, once they said it */
    struct str reference;         /* the merchant's */
    struct str description;
    struct str shop;
    struct str customer_email;
    struct str return_url;
    struct str metadata;
    enum payment_method method;
    struct str card_brand;
    struct str card_last4;
    int64_t card_exp_month;
    int64_t card_exp_year;
    enum next_action action;      /* what the payer must do while requires_action */
    struct str action_url;
    struct failure failure;
    enum cancel_reason cancel_reason;
    struct operation_id authorization;      /* the last authorize operation, or zero */
    struct operation_id active_operation;   /* the one that moves money now, or zero */
    int64_t capture_tries;        /* captures begun for it */
    int64_t version;              /* counts its events, its refunds' included */
    int64_t created_ms;
    int64_t updated_ms;
    int64_t expires_ms;           /* when it ends by itself unless it moves on */
    int64_t due_ms;               /* when the clock has to look at it; 0 never */
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
    int64_t tries;                /* steps taken in the schedule of its present state */
    struct str gateway_code;      /* their last word about it */
    struct str gateway_message;
    int64_t created_ms;
    int64_t sent_ms;              /* when it last became sending */
    int64_t due_ms;               /* when the clock has to look at it; 0 never */
    int64_t closed_ms;            /* when it ended for good; 0 while open */
};

/* One wire call of an operation; written when its end is known. */
struct attempt {
    enum row_change row;
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
    int64_t version;              /* of the payment, or of the invoice for its own */
    int64_t occurred_ms;
    enum origin origin;
    struct str actor;             /* "key_...", "payer", "gateway", "clock" */
    struct str data;              /* the object as it was then, JSON; frozen */
};

/* One idempotency key in use. Its answer is an event's data (invoice, sequence), or
 * `body` where no event carries it. */
struct claim {
    enum row_change row;
    struct id key;                /* of merchant, mode and key; see claim_key */
    struct sha256 fingerprint;    /* HMAC of route and body under the installation key */
    struct merchant_id merchant;
    bool live;
    struct invoice_id invoice;    /* zero when the request is about no invoice */
    struct payment_id payment;
    struct refund_id refund;      /* zero unless the request made one */
    int64_t status;               /* HTTP status once answered, 0 before */
    int64_t success_status;       /* what to answer when it ends: 200 or 201 */
    int64_t answer_sequence;      /* the event in the invoice whose data is the answer */
    struct str body;
    int64_t created_ms;
};

/* What contradicts the books: stored as evidence, never acted upon by itself. */
struct drift {
    enum row_change row;
    struct drift_id id;
    struct merchant_id merchant;
    bool live;
    struct str kind;              /* "amount_mismatch", "duplicate_payment", "unexpected_answer", ... */
    struct payment_id payment;
    struct operation_id operation;
    struct str detail;
    int64_t created_ms;
    int64_t closed_ms;
};

/* What a person must decide. */
struct task {
    enum row_change row;
    struct task_id id;
    struct merchant_id merchant;
    bool live;
    struct str kind;              /* "operation_unknown", "capture_exhausted" */
    struct payment_id payment;
    struct operation_id operation;
    struct str detail;
    int64_t created_ms;
    int64_t closed_ms;
};

struct gateway_account {
    enum row_change row;
    struct gateway_account_id id;
    struct merchant_id merchant;
    bool live;
    struct str gateway;
    struct str description;
    bool is_default;
    bool disabled;
    struct str settings;          /* JSON object: what the operator may set, see core/account.h */
    struct str credentials;       /* sealed; empty when the gateway needs none */
    int64_t created_ms;
    int64_t updated_ms;
};

LIST_TYPE(payment_list, struct payment)
LIST_TYPE(refund_list, struct refund)
LIST_TYPE(operation_list, struct operation)
LIST_TYPE(attempt_list, struct attempt)
LIST_TYPE(event_list, struct event)
LIST_TYPE(claim_list, struct claim)
LIST_TYPE(drift_list, struct drift)
LIST_TYPE(task_list, struct task)
LIST_TYPE(gateway_account_list, struct gateway_account)

struct books {
    struct invoice *invoice;
    struct payment_list payments;
    struct refund_list refunds;
    struct operation_list operations;      /* the open ones, and new ones */
    struct claim_list claims;              /* unanswered, that an open operation answers to */
    struct attempt_list attempts;          /* new ones only */
    struct event_list events;              /* new ones only */
    struct drift_list drifts;              /* new ones only */
    struct task_list tasks;                /* new ones only */
};

struct payment *books_payment(const struct books *books, struct payment_id id);
struct refund *books_refund(const struct books *books, struct refund_id id);
struct operation *books_operation(const struct books *books, struct operation_id id);

/* A deep copy of objects and lists (texts are shared), to go back to when a
 * handler fails. */
struct books *books_copy(struct arena *arena, const struct books *books);

/* ROW_CLEAN becomes ROW_CHANGED; a new row stays new. */
void row_touch(enum row_change *row);

#endif
