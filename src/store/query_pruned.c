#include "store/db_one.h"
#include "store/query_pruned.h"

#include <assert.h>

#include "store/query_parts.h"

struct str query_pruned_counter(struct merchant_id merchant, bool live, struct arena *arena)
{
    struct buf name;

    buf_init(&name, arena, ID_TEXT_MAX);
    buf_add_c(&name, live ? "pruned:live:" : "pruned:test:");
    merchant_id_write(&name, merchant);
    return buf_str(&name);
}

enum err query_events_pruned(struct db *db, struct query_scope scope, struct arena *arena,
                             int64_t *out)
{
    struct str name = query_pruned_counter(scope.merchant, scope.live, arena);
    struct db_value args[] = { DB_STR(name) };

    *out = 0;
    return db_number(db, "SELECT value FROM counters WHERE name = $1", QUERY_ARGS(args), out);
}

/* The events of an invoice go together: without the first one those until the checkpoint went. */
enum err query_payment_pruned(struct db *db, const struct payment *payment, bool *out)
{
    struct db_value args[] = { DB_ID(payment->invoice), DB_ID(payment->id) };
    int64_t found = 0;
    enum err err = db_number(db,
                             "SELECT 1 FROM checkpoints WHERE invoice = $1 AND object = $2 AND NOT"
                             " EXISTS (SELECT 1 FROM events WHERE invoice = $1 AND sequence = 1)",
                             QUERY_ARGS(args), &found);

    *out = found != 0;
    return err;
}
