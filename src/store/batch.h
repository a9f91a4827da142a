/* batch.h - one batch of turns between begin and commit. Inside store only. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "store/store.h"

LIST_TYPE(books_list, struct books)

struct kept;

struct batch {
    struct db *db;
    struct kept *kept;                       /* what need not be loaded */
    struct arena *arena;
    struct id_maker *ids;
    const struct gateway *const *gateways;
    int64_t now_ms;
    int64_t even_since_ms;                   /* struct turn's */

    struct turn *const *turns;
    struct invoice_id *targets;              /* the invoice of each turn, zero for none */
    struct operation_id *named;              /* what each names is loaded even if closed */
    struct notice **notices;                 /* of each turn that is about one, else NULL */
    size_t count;

    struct books **books;                    /* loaded, ordered by invoice id */
    size_t books_count;
    struct books_list made;                  /* by handlers of this batch */
    struct claim_list claims;                /* found for the turns' keys, ordered by key */
    struct claim_list claims_made;           /* new ones of turns without books */
    struct notice_list notices_kept;         /* new ones */
    struct drift **drifts;                   /* of each turn that is about one, else NULL */
    struct task **tasks;                     /* likewise */
    struct reconciliation_list reconciliations;  /* new or changed */
    struct drift_list found;                 /* new ones that are in no books */
    struct audit_entry_list audit;           /* new ones */
    bool has_exhausted;                      /* batch_load_exhausted found one */
    struct job_row *jobs[JOB_COUNT];         /* that turns are about, else NULL */
    struct gateway_account_list accounts;    /* of all merchants in the batch */
    struct api_key_list keys;
    struct checkout_settings_list checkout_settings;
    struct customer_list customers;          /* that turns name, and new ones */
    struct instrument_list charged;          /* named by turns, of books that are not here */
    struct instrument_list counted;          /* not over, of customers to be deleted */
    struct turn_webhooks webhooks;           /* likewise, named ones and new ones */
    struct webhook_delivery_list due;        /* pending ones that are new or were changed */
};

/* load.c: what the turns need, in a few statements for all of them. */
must_check enum err batch_load(struct batch *batch);
/* The loaded books of an invoice: their place, so that a turn can replace them. NULL when
 * there are none. */
struct books **batch_books(struct batch *batch, struct invoice_id id);
/* The claim that was found for a key, or NULL. */
struct claim *batch_claim(const struct batch *batch, struct id key);
/* notices.c: the notices that turns are about, and where in the books they lead. */
must_check enum err batch_load_notices(struct batch *batch);

/* wallet.c: the customers and saved cards that turns name. */
must_check enum err batch_load_wallet(struct batch *batch);
void batch_give_wallet(struct batch *batch, struct turn *turn);
void batch_take_wallet(struct batch *batch, const struct turn *turn);
/* findings.c: differences and tasks that turns are about, and where in the books they lead; then
 * again, under the lock of their invoices; the audit log. */
must_check enum err batch_locate_findings(struct batch *batch);
must_check enum err batch_load_findings(struct batch *batch);
/* Whether payments that may end have open tasks which end with them. */
must_check enum err batch_load_exhausted(struct batch *batch);
void batch_give_findings(struct batch *batch, size_t at);
void batch_take_findings(struct batch *batch, size_t at);
must_check enum err batch_flush_findings(struct batch *batch);

/* jobs.c: the rows of jobs that turns are about, held against other writers. */
must_check enum err batch_load_jobs(struct batch *batch);
void batch_give_job(const struct batch *batch, struct turn *turn);
void batch_take_job(struct batch *batch, const struct turn *turn);
must_check enum err batch_flush_jobs(struct batch *batch);

/* webhooks.c: endpoints of the merchants and what turns name; deliveries of the new events, once
 * these have their numbers; all their rows. */
must_check enum err batch_load_webhooks(struct batch *batch);
void batch_give_webhooks(struct batch *batch, struct turn *turn);
void batch_take_webhooks(struct batch *batch, const struct turn *turn);
must_check enum err batch_flush_webhooks(struct batch *batch);

/* replay.c: the answer that was recorded, or the present state. */
must_check enum err batch_replay(struct batch *batch, struct turn *turn, const struct claim *claim);

/* references.c: what a turn that succeeded wants to send to a gateway that knows orders by
 * numbers gets one, before the next turn sees it. */
must_check enum err batch_give_references(struct batch *batch, struct turn *turn);

/* flush.c: all changes, one statement per table. */
must_check enum err batch_flush(struct batch *batch);

#endif
