/* query_operations.c - what was asked of a gateway about a payment, and every wire call. */
#include <assert.h>

#include "store/query_parts.h"

QUERY_LIST(operation_list, struct operation)
QUERY_LIST(attempt_list, struct attempt)

enum err query_payment_operations(struct db *db, const struct payment *payment,
                                  struct operation_id after, int64_t limit, struct arena *arena,
                                  struct operation_list *out)
{
    struct db_value args[] = { DB_ID(payment->invoice), DB_ID(payment->id), DB_ID(after),
                               DB_NUMBER(limit) };
    struct operation_list_load load = { arena, out };

    return db_select(db, &table_operations,
                     "invoice = $1 AND payment = $2 AND id > $3 ORDER BY id LIMIT $4",
                     QUERY_ARGS(args), arena, operation_list_load, &load);
}

enum err query_attempts(struct db *db, const struct operation *operation, struct arena *arena,
                        struct attempt_list *out)
{
    struct db_value args[] = { DB_ID(operation->invoice), DB_ID(operation->id) };
    struct attempt_list_load load = { arena, out };

    return db_select(db, &table_attempts, "invoice = $1 AND operation = $2 ORDER BY number",
                     QUERY_ARGS(args), arena, attempt_list_load, &load);
}

static enum err take_moment(void *self, const struct db_value *values, size_t count)
{
    assert(count == 1);
    *(int64_t *)self = values[0].type == DB_NULL ? 0 : values[0].number;
    return OK;
}

enum err query_payment_asked(struct db *db, const struct payment *payment, int64_t *out)
{
    struct db_value args[] = { DB_ID(payment->invoice), DB_ID(payment->id) };

    *out = 0;
    return db_query(db,
                    "SELECT max(attempts.ended_ms) FROM attempts JOIN operations"
                    " ON attempts.operation = operations.id"
                    " WHERE attempts.invoice = $1 AND operations.invoice = $1"
                    " AND operations.payment = $2",
                    QUERY_ARGS(args), take_moment, out);
}
