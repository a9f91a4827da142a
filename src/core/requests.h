/* requests.h - what each handler is asked, validated by the API before it gets here.
 *
 * Texts are valid UTF-8, within their lengths and free of card numbers; amounts are
 * 1..MONEY_MAX_MINOR unless said otherwise. They live until the turn's effects are
 * released. */
#ifndef CORE_REQUESTS_H
#define CORE_REQUESTS_H

#include "core/gateway.h"
#include "core/turn.h"

struct invoice_create {
    struct money amount;
    struct str reference, description, shop, metadata;
};

/* The handlers find what it names in turn->customer and turn->instrument. */
struct payment_create {
    struct money amount;
    enum capture_method capture_method;
    enum payment_method method;              /* NONE: the gateway's default, unconfirmed */
    const struct card *card;                 /* when the method is CARD */
    struct str card_brand, card_last4;
    bool confirm;
    struct gateway_account_id gateway_account;   /* zero: the merchant's default */
    bool save_card;
    bool verification;                       /* of nothing, and implies save_card */
    struct str reference, description, shop, customer_email, return_url, metadata;
};

struct payment_confirm {
    enum payment_method method;              /* NONE: as it was created */
    const struct card *card;
    struct str card_brand, card_last4;
    struct str return_url;
};

struct payment_capture {
    int64_t amount_minor;                    /* 0: all that is authorised */
};

struct payment_cancel {
    enum cancel_reason reason;               /* PAYER, MERCHANT, DUPLICATE or RISK */
};

struct refund_create {
    int64_t amount_minor;                    /* 0: all that is refundable */
    struct str reason;
    bool has_expected_refundable;
    int64_t expected_refundable_minor;       /* 412 unless it is so */
};

/* The clock found work. `lapsed_run` is the lease that is over, when that is why. */
struct operation_due {
    struct run_id lapsed_run;
};

/* A payment's time to be held against the gateway's books has come, or somebody asked. */
struct payment_check {
    struct reconciliation_id reconciliation; /* that asked; zero: none */
    bool asked;                              /* it need not be due */
    bool dry_run;
    bool hinted;                             /* listed otherwise there: whatever its age */
    int64_t interval_ms;                     /* between looks at what is stuck; 0: an hour */
};

/* What a person decides about a difference or a task; the note is the evidence. */
struct decision {
    enum drift_resolution resolution;        /* of a difference: ACCEPTED or SETTLED */
    enum task_action action;                 /* of a task */
    struct str note;
};

/* Verified notifications of one message, as rows to be kept. */
struct notices_keep {
    const struct notice *const *notices;
    size_t count;
};

/* Made complete by the API but for its id and times. */
struct customer_create {
    struct customer fields;
};

struct customer_change {
    bool has_reference, has_name, has_email, has_phone, has_description, has_metadata;
    struct str reference, name, email, phone, description, metadata;
};

/* A wire call has ended. */
struct operation_answer {
    enum operation_kind call;                /* what was sent */
    struct gateway_answer answer;            /* NOT_SENT and UNKNOWN included */
    int http_status;
    int64_t started_ms;
    int64_t ended_ms;
    int64_t asked_us;                        /* of the built-in gateway: monotonic; else 0 */
    struct look_mark mark;                  /* of the question */
    bool amount_differs;                     /* gateway_check_amount had to step in */
    struct str card_sealed;                  /* answer.card_token, sealed for the instrument */
    struct card *card;                       /* of a call proven not sent that may go elsewhere */
};

/* One handler each. */
extern const struct turn_handler turn_invoice_create, turn_invoice_cancel, turn_invoice_fulfil,
    turn_payment_create, turn_payment_confirm, turn_payment_capture, turn_payment_cancel,
    turn_refund_create, turn_operation_answered, turn_operation_due, turn_payment_due,
    turn_payer_done, turn_notices_keep, turn_notice_due, turn_payment_look, turn_payment_check,
    turn_reconciliation_ask, turn_reconciliation_note, turn_listing_missing, turn_drift_resolve,
    turn_task_resolve,
    turn_instrument_create, turn_instrument_deactivate, turn_customer_create, turn_customer_change,
    turn_customer_delete;

#endif
