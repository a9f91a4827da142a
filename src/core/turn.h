/* turn.h - one input, decided over the books, recorded in one commit, followed by effects.
 *
 * A handler checks, decides, records, plans and answers, top to bottom. It runs no SQL, does no
 * I/O, never sleeps, and reads neither clock nor randomness: the turn carries the loaded books,
 * one reading of the clock, a maker of ids and an arena. It leaves changes in the books, or an
 * error and no change: what it changed before failing is thrown away by the executor.
 *
 * Who fills what: the caller the input; the executor now_ms to gateways; the handler the rest.
 * Effects are released only after the commit. */
#ifndef CORE_TURN_H
#define CORE_TURN_H
#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "core/books.h"
#include "core/checkout_settings.h"
#include "core/effects.h"
#include "core/job.h"
#include "core/tenants.h"
#include "core/webhooks.h"

struct turn;
struct payment_rest;

/* The list of handlers, and what the executor has to load for each. */
enum turn_target {
    TARGET_NOTHING,          /* the handler makes what it needs */
    TARGET_INVOICE,          /* input->invoice */
    TARGET_PAYMENT,          /* input->payment, to its invoice */
    TARGET_REFUND,           /* input->refund, to its invoice */
    TARGET_OPERATION,        /* input->operation, to its invoice */
    TARGET_INSTRUMENT,       /* input->instrument, to the invoice that it hangs on */
    TARGET_INVOICE_IF_NAMED, /* input->invoice when it is not zero */
    TARGET_CHECKOUT,         /* input->checkout, to its invoice */
    TARGET_NOTICE,           /* input->notice, to the invoice that it is about, if there is one */
    TARGET_DRIFT,            /* input->drift, to its invoice */
    TARGET_TASK,             /* input->task, to its invoice */
};

/* What of turn->webhooks the executor loads, held against other writers. */
enum turn_webhooks_wanted {
    WEBHOOKS_NONE = 0,
    WEBHOOKS_OF_MERCHANT,    /* endpoints and keys of the input's merchant and mode */
    WEBHOOKS_NAMED,          /* what the ask's struct webhook_names names (webhook_rules.h) */
};

struct turn_handler {
    const char *name;                /* "payment.capture": for logs and metrics */
    enum turn_target target;
    bool loads_keys;                 /* wants turn->keys */
    bool changes_accounts;           /* turn->accounts are held against other writers */
    bool wants_checkout_settings;
    bool wants_job;                  /* turn->job: the row of input->job */
    enum turn_webhooks_wanted webhooks;
    bool counts_instruments;         /* wants turn->customer_instruments */
    bool scoped;                     /* NOT_FOUND unless it is the input's merchant's and mode's */
    enum err (*handle)(struct turn *turn);
};

struct turn_input {
    const struct turn_handler *handler;
    struct merchant_id merchant;     /* whose books; checked against the target when scoped */
    bool live;
    enum origin origin;
    struct str actor;
    struct run_id run;               /* the node's lease: operations are sent under it */
    struct id claim_key;             /* of the Idempotency-Key; zero: none */
    struct sha256 claim_fingerprint;

    struct invoice_id invoice;
    struct payment_id payment;
    struct refund_id refund;
    struct checkout_id checkout;
    struct operation_id operation;
    struct notice_id notice;
    struct webhook_replay_id replay;
    struct customer_id customer;     /* turn->customer; zero: none is wanted */
    struct instrument_id instrument; /* of TARGET_INSTRUMENT, else turn->instrument */
    struct drift_id drift;
    struct task_id task;
    enum job_kind job;               /* that handed it in, or that it is about */
    struct gateway_account_id account;   /* whose calls it makes, where a job knows; or zero */
    const void *ask;                 /* the handler's own request, core/requests.h */
};

struct turn {
    const struct turn_input *input;
    void *user;                      /* the caller's, untouched */

    /* From the executor. */
    struct arena *arena;             /* until the effects are released */
    int64_t now_ms;
    int64_t even_since_ms;           /* the clock has run without a step since then */
    struct id_maker *ids;
    struct books *books;             /* NULL when nothing was loaded and none made */
    struct gateway_account_list accounts;    /* of the input's merchant and mode */
    struct api_key_list keys;        /* of the merchant and mode, when the handler wants them */
    struct checkout_settings *checkout_settings;   /* when wanted; NULL: never set */
    struct turn_webhooks webhooks;
    struct customer *customer;       /* of the input's; held against other writers; or NULL */
    const struct instrument *instrument;     /* likewise: to be charged, not changed */
    struct customer_list customers;  /* new ones */
    size_t customer_instruments;     /* that are not over; for counts_instruments */
    struct notice *notice;           /* of TARGET_NOTICE */
    struct drift *drift;             /* of TARGET_DRIFT */
    struct task *task;               /* of TARGET_TASK */
    struct job_row *job;             /* when wanted; held against other writers */
    struct notice_list notices;      /* new ones that the handler keeps */
    const struct gateway *const *gateways;   /* NULL-terminated */

    /* From the handler. */
    enum err err;
    struct str detail;               /* one sentence, first writer wins */
    struct str param;                /* the member of the request that it is about */
    int64_t retry_after_s;           /* 0: the default of the error */
    struct payment_rest *rendered;   /* of its last event about a payment (render.h) */
    struct turn_answer answer;       /* for the caller of this turn */
    struct turn_answer_list wakes;   /* for callers who wait for earlier ones */
    struct turn_call_list calls;
    struct reconciliation_list reconciliations;  /* new or changed */
    struct drift_list drifts;        /* new ones, with a reference, that are in no books */
    struct audit_entry_list audit;   /* new ones (audit.h) */
    struct look_mark mark;          /* of a look of the reconciler */
    enum look_result look;
    int64_t look_since_ms;          /* how long the payment had stood still when it was answered */
    struct claim *claim;             /* its own claim, NEW, or as found for a replay */
};

/* Sets the sentence (first writer wins) and returns `err`. */
__attribute__((format(printf, 3, 4)))
enum err turn_fail(struct turn *turn, enum err err, const char *format, ...);
__attribute__((format(printf, 4, 5)))
enum err turn_fail_param(struct turn *turn, enum err err, const char *param, const char *format,
                         ...);
/* The answer of a turn for which no gateway is asked: final, and recorded with its claim. */
void turn_answer_now(struct turn *turn, int status, struct str body);
/* That it is done, of a turn whose caller wants to know no more. */
void turn_answer_nothing(struct turn *turn);
/* Runs the handler over what was loaded, then settles the claims whose operations have ended:
 * records their answers and wakes their callers. Called by the executor. */
void turn_run(struct turn *turn);

/* Of turn->accounts and turn->gateways, or NULL. */
struct gateway_account *turn_account(const struct turn *turn, struct gateway_account_id id);
const struct gateway *turn_gateway(const struct turn *turn, struct str name);

#endif
