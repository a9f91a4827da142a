/* query_invoices.c - one invoice, many, and the payments of one. */
#include "store/query_parts.h"

QUERY_LIST(invoice_list, struct invoice)
QUERY_LIST(payment_list, struct payment)

enum err query_invoice(struct db *db, struct query_scope scope, struct invoice_id id,
                       struct arena *arena, struct invoice **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_invoices, "id = $1 AND merchant = $2 AND live = $3",
                             QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_invoices(struct db *db, struct query_scope scope, struct str status,
                        struct query_page page, struct arena *arena, struct invoice_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_ID(before),
                               DB_STR(status), DB_NUMBER(page.limit) };
    struct invoice_list_load load = { arena, out };

    return db_select(db, &table_invoices,
                     "merchant = $1 AND live = $2 AND id < $3 AND ($4 = '' OR status = $4)"
                     " ORDER BY id DESC LIMIT $5",
                     QUERY_ARGS(args), arena, invoice_list_load, &load);
}

enum err query_invoice_payments(struct db *db, struct invoice_id invoice, struct arena *arena,
                                struct payment_list *out)
{
    struct db_value args[] = { DB_ID(invoice) };
    struct payment_list_load load = { arena, out };

    return db_select(db, &table_payments, "invoice = $1 ORDER BY id", QUERY_ARGS(args), arena,
                     payment_list_load, &load);
}
