/* query_events.c - the feed of events, one of them, and those of a payment. */
#include "store/query_parts.h"

QUERY_LIST(event_list, struct event)

enum err query_event(struct db *db, struct query_scope scope, int64_t number, struct arena *arena,
                     struct event **out)
{
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_NUMBER(number) };
    void *row = NULL;

    enum err err = query_one(db, &table_events, "merchant = $1 AND live = $2 AND number = $3",
                             QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

/* Numbers are taken in the order of commits (db_take_numbers): what is seen here has no
 * gap that a slower transaction could still fill. */
enum err query_events(struct db *db, struct query_scope scope, int64_t after_number, int64_t limit,
                      struct arena *arena, struct event_list *out)
{
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live),
                               DB_NUMBER(after_number), DB_NUMBER(limit) };
    struct event_list_load load = { arena, out };

    return db_select(db, &table_events,
                     "merchant = $1 AND live = $2 AND number > $3 ORDER BY number LIMIT $4",
                     QUERY_ARGS(args), arena, event_list_load, &load);
}

enum err query_payment_events(struct db *db, const struct payment *payment, int64_t after_sequence,
                              int64_t limit, struct arena *arena, struct event_list *out)
{
    struct db_value args[] = { DB_ID(payment->invoice), DB_ID(payment->id),
                               DB_NUMBER(after_sequence), DB_NUMBER(limit) };
    struct event_list_load load = { arena, out };

    return db_select(db, &table_events,
                     "invoice = $1 AND payment = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
                     QUERY_ARGS(args), arena, event_list_load, &load);
}

enum err query_last_events(struct db *db, struct query_scope scope, int64_t limit,
                           struct arena *arena, struct event_list *out)
{
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_NUMBER(limit) };
    struct event_list_load load = { arena, out };

    return db_select(db, &table_events,
                     "merchant = $1 AND live = $2 ORDER BY number DESC LIMIT $3", QUERY_ARGS(args),
                     arena, event_list_load, &load);
}
