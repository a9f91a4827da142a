/* checker_parts.h - what the checker_*.c files share.
 *
 * Every check returns true when it found nothing wrong, and passes a false on at once: the
 * first bad row is the one that is reported. */
#ifndef STORE_CHECKER_PARTS_H
#define STORE_CHECKER_PARTS_H

#include "core/books.h"
#include "store/checker.h"

struct checker {
    struct db *db;
    struct arena *arena; /* of the page */
    struct arena *report_arena;
    struct checker_report report;
    int64_t clock_slack_ms; /* how far the clocks of books and nodes may be apart */
};

/* How a payment's money came, when it last became captured. */
enum captured_way { CAPTURED_NEVER, CAPTURED_BY_CAPTURE, CAPTURED_BY_SALE, CAPTURED_BY_CORRECTION };

/* A payment, and what its events add up to. */
struct payment_fold {
    const struct payment *payment;
    enum payment_state status;
    int64_t version;
    int64_t captured_minor, refunded_minor, reserved_minor;
    int64_t times_authorizing, times_capturing;
    enum captured_way way;
    bool resumed; /* from a checkpoint: what was before has no operations any more */
};

struct refund_fold {
    const struct refund *refund;
    enum refund_state status;
    bool corrected;
    bool resumed;
};

struct invoice_fold {
    unsigned status;
    int64_t version;
    int64_t sequence; /* of the last event */
    int64_t number;   /* and its place in the feed */
};

struct checkout_fold {
    const struct checkout *checkout;
    enum checkout_state status;
    int64_t version;
};

struct instrument_fold {
    const struct instrument *instrument;
    enum instrument_state status;
    bool corrected;
    bool resumed;
};

LIST_TYPE(instrument_fold_list, struct instrument_fold)
LIST_TYPE(payment_fold_list, struct payment_fold)
LIST_TYPE(refund_fold_list, struct refund_fold)
LIST_TYPE(checkout_fold_list, struct checkout_fold)

/* One invoice with everything that hangs on it. */
struct checked {
    struct checker *checker;
    const struct invoice *invoice;
    struct payment_fold_list payments;
    struct refund_fold_list refunds;
    struct checkout_fold_list checkouts;
    struct instrument_fold_list instruments;
    struct operation_list operations;
    struct event_list events; /* by sequence */
    struct checkpoint_list checkpoints;
    struct invoice_fold fold;
};

struct checker checker_of(struct db *db, struct arena *arena, struct arena *report_arena);

/* A page of invoices, in the order of their ids. */
#define PAGE_INVOICES 500
struct checker_page {
    struct checker *checker;
    struct checked invoices[PAGE_INVOICES];
    struct id ids[PAGE_INVOICES];
    size_t count;
    struct attempt_list attempts; /* by operation and number */
};
/* These invoices, held until the end of the transaction if `hold`, and all that hangs on them. */
must_check enum err checker_load(struct checker_page *page, const struct id *ids, size_t count,
                                 bool hold);
/* All checks of one of them. */
bool checker_invoice(const struct checker_page *page, struct checked *checked);

/* Keeps the first finding, and returns false. */
__attribute__((format(printf, 4, 5))) bool checker_blame(struct checker *checker,
                                                         const char *invariant, struct str row,
                                                         const char *format, ...);

/* "payment pay_..." and so on, in the page's arena. */
struct str checker_invoice_name(struct checker *checker, struct invoice_id id);
struct str checker_payment_name(struct checker *checker, struct payment_id id);
struct str checker_refund_name(struct checker *checker, struct refund_id id);
struct str checker_checkout_name(struct checker *checker, struct checkout_id id);
struct str checker_instrument_name(struct checker *checker, struct instrument_id id);
struct str checker_operation_name(struct checker *checker, struct operation_id id);
struct str checker_event_name(struct checker *checker, const struct event *event);

/* NULL when it does not hang on this invoice. */
struct payment_fold *checked_payment(const struct checked *checked, struct payment_id id);
struct refund_fold *checked_refund(const struct checked *checked, struct refund_id id);
struct instrument_fold *checked_instrument(const struct checked *checked, struct instrument_id id);

/* checker_checkpoints.c: where a history goes on whose beginning was pruned; whether the
 * checkpoints say what the events until then say. `next` is the first event's sequence. */
bool checkpoints_resume(struct checked *checked, int64_t *next);
bool checkpoints_compare(struct checked *checked);
/* As the history, which was found right, adds up now: one for the invoice, each payment and each
 * refund, in the checker's arena. */
void checkpoints_make(struct checked *checked, int64_t now_ms, struct checkpoint_list *out);

/* checker_history.c: events, and the rows that they should add up to (I4, I5, I6). Fills in
 * the folds, which the rules look at. */
bool checker_history(struct checked *checked);
/* checker_rules.c: rows against each other (I2, I10, I15, I21, I22). */
bool checker_rules(struct checked *checked);
/* checker_wallet.c: the saved cards of the invoice (I21, I25). */
bool checker_instruments(struct checked *checked);
/* The operation's attempts, by number. */
bool checker_attempts(struct checker *checker, const struct operation *operation,
                      struct attempt *const *attempts, size_t count);
/* checker_claims.c: idempotency (I8). checker_orphans.c: rows that hang on nothing.
 * checker_webhooks.c: deliveries (I7). The error
 * is the store's; what was found is in the report. */
must_check enum err checker_claims(struct checker *checker);
must_check enum err checker_orphans(struct checker *checker);
must_check enum err checker_webhooks(struct checker *checker);

#endif
