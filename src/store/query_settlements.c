/* query_settlements.c - imports of settlement files, from new to old, and their rows. */
#include "store/query_parts.h"
#include "store/settlements.h"

QUERY_LIST(settlement_list, struct settlement)
QUERY_LIST(settlement_line_list, struct settlement_line)

enum err query_settlements(struct db *db, struct query_scope scope, struct query_page page,
                           struct arena *arena, struct settlement_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_ID(before),
                               DB_NUMBER(page.limit) };
    struct settlement_list_load load = { arena, out };
    return db_select(db, &table_settlements,
                     "merchant = $1 AND live = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
                     QUERY_ARGS(args), arena, settlement_list_load, &load);
}

enum err query_settlement(struct db *db, struct query_scope scope, struct settlement_id id,
                          struct arena *arena, struct settlement **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;
    enum err err = query_one(db, &table_settlements, "id = $1 AND merchant = $2 AND live = $3",
                             QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_settlement_lines(struct db *db, struct settlement_id id, int64_t after,
                                bool only_wrong, int64_t limit, struct arena *arena,
                                struct settlement_line_list *out)
{
    struct db_value args[] = { DB_ID(id), DB_NUMBER(after), DB_NUMBER(only_wrong),
                               DB_NUMBER(limit) };
    struct settlement_line_list_load load = { arena, out };
    return db_select(db, &table_settlement_lines,
                     "settlement = $1 AND number > $2 AND ($3 = 0 OR result NOT IN ('matched',"
                     " 'noted')) ORDER BY number LIMIT $4",
                     QUERY_ARGS(args), arena, settlement_line_list_load, &load);
}
