/* books.h - one invoice with everything that hangs on it: what a turn loads,
 * decides over and leaves changed. */
#ifndef CORE_BOOKS_H
#define CORE_BOOKS_H

#include "base/list.h"
#include "core/checkout.h"
#include "core/findings.h"
#include "core/history.h"
#include "core/objects.h"
#include "core/wallet.h"

LIST_TYPE(payment_list, struct payment)
LIST_TYPE(refund_list, struct refund)
LIST_TYPE(operation_list, struct operation)
LIST_TYPE(attempt_list, struct attempt)
LIST_TYPE(event_list, struct event)
LIST_TYPE(checkpoint_list, struct checkpoint)
LIST_TYPE(claim_list, struct claim)
LIST_TYPE(drift_list, struct drift)
LIST_TYPE(task_list, struct task)
LIST_TYPE(notice_list, struct notice)
LIST_TYPE(reconciliation_list, struct reconciliation)
LIST_TYPE(audit_entry_list, struct audit_entry)

struct books {
    struct invoice *invoice;
    struct payment_list payments;
    struct refund_list refunds;
    struct checkout_list checkouts;
    struct instrument_list instruments;    /* kept with one of the payments */
    struct operation_list operations;      /* the open ones, and new ones */
    struct claim_list claims;              /* unanswered, that an open operation answers to */
    struct attempt_list attempts;          /* new ones only */
    struct event_list events;              /* new ones only */
    struct drift_list drifts;              /* new ones only */
    struct payment_id agreed;              /* the gateway's amounts are its, or zero */
    struct task_list tasks;                /* new ones only */
};

struct payment *books_payment(const struct books *books, struct payment_id id);
struct checkout *books_checkout(const struct books *books, struct checkout_id id);
struct refund *books_refund(const struct books *books, struct refund_id id);
struct instrument *books_instrument(const struct books *books, struct instrument_id id);
struct operation *books_operation(const struct books *books, struct operation_id id);

/* A deep copy of objects and lists (texts are shared), to go back to when a
 * handler fails. */
struct books *books_copy(struct arena *arena, const struct books *books);

/* ROW_CLEAN becomes ROW_CHANGED; a new row stays new. */
void row_touch(enum row_change *row);

#endif
