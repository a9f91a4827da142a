/* checker.h - whether the books hold the invariants: `purser doctor --deep`, the crash runs.
 *
 * Reads everything once, in the order of the invoices' ids, in one snapshot: it may run beside
 * a server. What the books can tell is checked: I2, I4 to I8, I10 and I15, and of I21 and
 * I22 what belongs to whom and in which currency (docs/operating.md lists them). Memory is
 * bounded by a page of invoices, however large the books are. */
#ifndef STORE_CHECKER_H
#define STORE_CHECKER_H

#include "store/db.h"

/* X(name): what was read and checked. */
#define CHECKER_COUNTS(X)                                                                          \
    X(invoices) X(payments) X(refunds) X(operations) X(attempts) X(events) X(claims)

struct checker_report {
    const char *invariant; /* the first that is broken: "I5"; NULL when none is */
    struct str row;        /* where: "payment pay_01h..." */
    struct str wrong;      /* one sentence */
#define X(name) int64_t name;
    CHECKER_COUNTS(X)
#undef X
};

/* OK when everything could be read, whatever was found; then `out` says what. The texts live
 * in `arena`. On an error of the store nothing is known; db_error says why. `db` is in no
 * transaction and is left in none. */
must_check enum err checker_run(struct db *db, struct arena *arena, struct checker_report *out);

#endif
