/* query_checkouts.c - one checkout session; by its id alone for its page, whose address is the
 * key to it. */
#include "store/query_parts.h"

enum err query_checkout_by_id(struct db *db, struct checkout_id id, struct arena *arena,
                              struct checkout **out)
{
    struct db_value args[] = { DB_ID(id) };
    void *row = NULL;

    enum err err = db_select(db, &table_checkouts, "id = $1", QUERY_ARGS(args), arena,
                             db_keep_row, &row);
    if (err)
        return err;
    if (!row)
        return ERR_NOT_FOUND;
    *out = row;
    return OK;
}

enum err query_checkout(struct db *db, struct query_scope scope, struct checkout_id id,
                        struct arena *arena, struct checkout **out)
{
    struct checkout *checkout = NULL;

    enum err err = query_checkout_by_id(db, id, arena, &checkout);
    if (err)
        return err;
    if (!merchant_id_equal(checkout->merchant, scope.merchant) || checkout->live != scope.live)
        return ERR_NOT_FOUND;
    *out = checkout;
    return OK;
}

enum err query_checkout_settings(struct db *db, struct query_scope scope, struct arena *arena,
                                 struct checkout_settings **out)
{
    struct id id = checkout_settings_id(scope.merchant, scope.live);
    struct db_value args[] = { DB_ID(id) };
    void *row = NULL;

    enum err err = db_select(db, &table_checkout_settings, "id = $1", QUERY_ARGS(args), arena,
                             db_keep_row, &row);
    *out = row;
    return err;
}
