/* query_wallet.c - customers and their saved cards, one and many. */
#include "store/query_wallet.h"

#include "store/query_parts.h"

QUERY_LIST(customer_list, struct customer)
QUERY_LIST(instrument_list, struct instrument)

enum err query_customer(struct db *db, struct query_scope scope, struct customer_id id,
                        struct arena *arena, struct customer **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_customers, "id = $1 AND merchant = $2 AND live = $3",
                             QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_customers(struct db *db, struct query_scope scope, struct str reference,
                         struct query_page page, struct arena *arena, struct customer_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_ID(before),
                               DB_NUMBER(page.limit), DB_STR(reference) };
    struct customer_list_load load = { arena, out };
    /* Apart, so that each can be answered from its index. */
    bool any = str_is_empty(reference);

    return db_select(db, &table_customers,
                     any ? "merchant = $1 AND live = $2 AND id < $3 AND deleted_ms IS NULL"
                           " ORDER BY id DESC LIMIT $4"
                         : "merchant = $1 AND live = $2 AND reference = $5 AND id < $3"
                           " AND deleted_ms IS NULL ORDER BY id DESC LIMIT $4",
                     args, any ? 4 : 5, arena, customer_list_load, &load);
}

enum err query_instrument(struct db *db, struct query_scope scope, struct instrument_id id,
                          struct arena *arena, struct instrument **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_instruments, "id = $1 AND merchant = $2 AND live = $3",
                             QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_instruments(struct db *db, struct query_scope scope, struct customer_id customer,
                           struct str status, struct query_page page, struct arena *arena,
                           struct instrument_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_ID(before),
                               DB_STR(status), DB_NUMBER(page.limit), DB_ID(customer) };
    struct instrument_list_load load = { arena, out };
    bool any = customer_id_is_zero(customer);

    return db_select(db, &table_instruments,
                     any ? "merchant = $1 AND live = $2 AND id < $3 AND ($4 = '' OR status = $4)"
                           " ORDER BY id DESC LIMIT $5"
                         : "customer = $6 AND merchant = $1 AND live = $2 AND id < $3"
                           " AND ($4 = '' OR status = $4) ORDER BY id DESC LIMIT $5",
                     args, any ? 5 : 6, arena, instrument_list_load, &load);
}
