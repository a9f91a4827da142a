/* query_payments.h - payments that several ask for at the same time, each its own: all together
 * cost the database little more than one of them. */
#ifndef STORE_QUERY_PAYMENTS_H
#define STORE_QUERY_PAYMENTS_H

#include "store/queries.h"

#define QUERY_PAYMENTS_MOST 16

struct payment_ask {
    struct query_scope scope;
    struct payment_id id;
};

/* A payment of which only what it shows was loaded (PAYMENTS_INNER of tables.def): for
 * render_payment, but for no turn. */
struct payment_shown {
    struct payment payment;
};

/* As query_payment for each of the `count` asks, at most QUERY_PAYMENTS_MOST: out[i] is NULL where
 * that would be ERR_NOT_FOUND. Who asks for the same one may get the same row. */
must_check enum err query_payments_shown(struct db *db, const struct payment_ask *asks,
                                         size_t count, struct arena *arena,
                                         const struct payment_shown **out);

#endif
