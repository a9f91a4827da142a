/* query_refunds.c - one refund, and the refunds of a payment. */
#include "store/query_parts.h"

QUERY_LIST(refund_list, struct refund)

enum err query_refund(struct db *db, struct query_scope scope, struct refund_id id,
                      struct arena *arena, struct refund **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_refunds, "id = $1 AND merchant = $2 AND live = $3",
                             QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

/* By the invoice, which has the index. */
enum err query_payment_refunds(struct db *db, const struct payment *payment, struct query_page page,
                               struct arena *arena, struct refund_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(payment->invoice), DB_ID(payment->id), DB_ID(before),
                               DB_NUMBER(page.limit) };
    struct refund_list_load load = { arena, out };

    return db_select(db, &table_refunds,
                     "invoice = $1 AND payment = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
                     QUERY_ARGS(args), arena, refund_list_load, &load);
}
