/* settlements.h - settlement files into the books: rows in, matched one to one, held against
 * payments and refunds, differences told.
 *
 * Rows come in groups, each a transaction of its own, so that a long file holds up nobody. An
 * import that was cut off goes on behind its last row; until its end its status says so. */
#ifndef STORE_SETTLEMENTS_H
#define STORE_SETTLEMENTS_H

#include "core/books.h"
#include "core/settlement.h"
#include "store/queries.h"

#define SETTLEMENT_GROUP_ROWS 500

struct settlement_import {
    struct db *db;                       /* for writing */
    struct id_maker *ids;
    struct settlement *row;              /* its counts are of what is in */
    struct arena *arena;                 /* of one group: the caller resets it between */
};

/* The import of that content into that account: a new one, or one that was begun. `known` when
 * it was imported whole before. The row lives in `arena`. */
must_check enum err settlement_begin(struct settlement_import *import,
                                     const struct settlement *fields, struct arena *arena,
                                     bool *known);
/* At most SETTLEMENT_GROUP_ROWS, their numbers beyond the last row's, in order. */
must_check enum err settlement_add(struct settlement_import *import,
                                   const struct settlement_line_list *lines);
/* All are in: totals of payouts, and what should be in some file by now. `settlement_ms` is how
 * long after its payment money may come; 0: nothing is ever missed. */
must_check enum err settlement_end(struct settlement_import *import, int64_t settlement_ms);

/* From new to old; one; and its rows from a number on, only those that are not matched or noted
 * when `only_wrong`. */
must_check enum err query_settlements(struct db *db, struct query_scope scope,
                                      struct query_page page, struct arena *arena,
                                      struct settlement_list *out);
must_check enum err query_settlement(struct db *db, struct query_scope scope,
                                     struct settlement_id id, struct arena *arena,
                                     struct settlement **out);
must_check enum err query_settlement_lines(struct db *db, struct settlement_id id, int64_t after,
                                           bool only_wrong, int64_t limit, struct arena *arena,
                                           struct settlement_line_list *out);

#endif
