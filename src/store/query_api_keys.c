/* query_api_keys.c - a key by its hash, for every request that comes in; and a merchant's keys. */
#include "store/query_parts.h"

QUERY_LIST(api_key_list, struct api_key)

enum err query_api_key_by_hash(struct db *db, const struct sha256 *hash, struct arena *arena,
                               struct api_key *out)
{
    struct db_value args[] = {
        { DB_BYTES, 0, str_make((const char *)hash->bytes, sizeof hash->bytes) },
    };
    void *row = NULL;

    enum err err = query_one(db, &table_api_keys, "hash = $1", QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = *(const struct api_key *)row;
    return err;
}

enum err query_api_keys(struct db *db, struct query_scope scope, struct query_page page,
                        struct arena *arena, struct api_key_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_ID(before),
                               DB_NUMBER(page.limit) };
    struct api_key_list_load load = { arena, out };

    return db_select(db, &table_api_keys,
                     "merchant = $1 AND live = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
                     QUERY_ARGS(args), arena, api_key_list_load, &load);
}

enum err query_merchant(struct db *db, struct str name, struct arena *arena,
                        struct merchant_id *out)
{
    struct db_value args[] = { DB_STR(name) };
    void *row = NULL;

    enum err err = query_one(db, &table_merchants, "name = $1", QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = ((const struct merchant *)row)->id;
    return err;
}
