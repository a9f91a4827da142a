/* query_gateway_accounts.c - one gateway account, and those of a merchant. */
#include "store/query_parts.h"

QUERY_LIST(gateway_account_list, struct gateway_account)

enum err query_gateway_account(struct db *db, struct query_scope scope,
                               struct gateway_account_id id, struct arena *arena,
                               struct gateway_account **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_gateway_accounts, "id = $1 AND merchant = $2 AND live = $3",
                             QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_gateway_account_by_id(struct db *db, struct gateway_account_id id,
                                     struct arena *arena, struct gateway_account **out)
{
    struct db_value args[] = { DB_ID(id) };
    void *row = NULL;

    enum err err = query_one(db, &table_gateway_accounts, "id = $1", QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_gateway_accounts(struct db *db, struct query_scope scope, struct query_page page,
                                struct arena *arena, struct gateway_account_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_ID(before),
                               DB_NUMBER(page.limit) };
    struct gateway_account_list_load load = { arena, out };

    return db_select(db, &table_gateway_accounts,
                     "merchant = $1 AND live = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
                     QUERY_ARGS(args), arena, gateway_account_list_load, &load);
}
