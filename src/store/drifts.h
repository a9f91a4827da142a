/* drifts.h - differences that have a reference: one is open per account, kind and reference. */
#ifndef STORE_DRIFTS_H
#define STORE_DRIFTS_H

#include "core/books.h"
#include "store/db.h"

/* Within a transaction: a new row or, where one is open, counted there with the latest amounts. */
must_check enum err drift_note(struct db *db, const struct drift *seen, struct arena *arena);
/* Whether a person has decided it or, if `open_too`, one is open: it needs no telling again. */
must_check enum err drift_is_told(struct db *db, const struct drift *drift, bool open_too,
                                  bool *told);

#endif
