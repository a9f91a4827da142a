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

/* As query_payment for each of the `count` asks, at most QUERY_PAYMENTS_MOST: out[i] is NULL where
 * that would be ERR_NOT_FOUND. Who asks for the same one may get the same row. */
must_check enum err query_payments_by_id(struct db *db, const struct payment_ask *asks,
                                         size_t count, struct arena *arena, struct payment **out);

#endif
