/* findings.h - what needs a look: differences with a gateway's books, tasks for people, and the
 * reconciliations that look for them. Rows as in objects.h. */
#ifndef CORE_FINDINGS_H
#define CORE_FINDINGS_H

#include "base/crypto.h"
#include "core/objects.h"

/* A difference between our books and a gateway's: evidence, never acted upon by itself. One is
 * open per payment and kind or, where it has a reference, per account, kind and reference; what
 * is seen again counts up and shows the latest. */
struct drift {
    enum row_change row;
    struct drift_id id;
    struct merchant_id merchant;
    bool live;
    enum drift_kind kind;
    struct gateway_account_id gateway_account;
    struct str gateway;
    struct invoice_id invoice;
    struct payment_id payment;    /* zero: the books have none */
    struct refund_id refund;
    struct operation_id operation;
    struct str reference;         /* theirs, or ours, where more than one may be open; or empty */
    struct str our_status;        /* the payment's, when it was last seen */
    struct str gateway_status;    /* their word, where it is about that */
    int64_t our_minor;            /* where it is about amounts; else both are 0 */
    int64_t gateway_minor;
    enum currency currency;
    struct str detail;
    int64_t times;                /* looks that saw it */
    int64_t created_ms;
    int64_t seen_ms;
    enum drift_resolution resolution;        /* NONE: it is open */
    struct str resolved_by;       /* "key_...", "reconciler" */
    struct str note;
    int64_t closed_ms;
};

/* What a person must decide. */
struct task {
    enum row_change row;
    struct task_id id;
    struct merchant_id merchant;
    bool live;
    enum task_kind kind;
    struct invoice_id invoice;
    struct payment_id payment;
    struct operation_id operation;
    struct str detail;
    int64_t created_ms;
    enum task_action action;      /* what was done about it; NONE: it is open */
    struct str resolved_by;
    struct str note;
    int64_t closed_ms;
};

/* One reconciliation: how many payments were looked at and what came of it, so that "nothing
 * found" is told apart from "nothing checked". Written when it was asked for, and by its end. */
struct reconciliation {
    enum row_change row;
    struct reconciliation_id id;
    struct merchant_id merchant;  /* zero: all, because their time had come */
    bool live;
    struct str gateway;           /* these payments only; empty: any */
    struct gateway_account_id gateway_account;   /* what this one has was listed; or zero */
    int64_t since_ms;             /* created since; 0: those that wait for a look */
    int64_t listed_to_ms;         /* up to then all that it has was seen; 0: not all */
    bool dry_run;
    struct str actor;
    int64_t checked;              /* payments that the gateway was asked about */
    int64_t agreed;
    int64_t moved;                /* whose status the answer moved on */
    int64_t drifted;              /* whose answer contradicts the books */
    int64_t failed;               /* no answer, or none that says something */
    int64_t skipped;              /* too young, under way, or not to be asked about */
    int64_t created_ms;
    int64_t started_ms;
    int64_t ended_ms;
};

/* Who decided what (audit.h). */
struct audit_entry {
    enum row_change row;
    int64_t number;               /* from 1, in the order of commits; given by the store */
    struct merchant_id merchant;
    bool live;
    int64_t at_ms;
    struct str actor;             /* "key_..." */
    struct str action;            /* "task.capture" */
    struct str object;            /* the id of what it was about */
    struct str detail;            /* that object as it was then, JSON; or empty */
    struct sha256 previous;       /* of the entry before; zero for the first */
    struct sha256 hash;           /* over all of this */
};

#endif
