/* query_webhooks.c - endpoints, deliveries and their tries; and what is due at an endpoint. */
#include "store/db_one.h"
#include "store/query_parts.h"
#include "store/query_webhooks.h"

QUERY_LIST(webhook_endpoint_list, struct webhook_endpoint)
QUERY_LIST(webhook_delivery_list, struct webhook_delivery)
QUERY_LIST(webhook_attempt_list, struct webhook_attempt)
QUERY_LIST(webhook_key_list, struct webhook_key)
QUERY_LIST(webhook_replay_list, struct webhook_replay)
QUERY_LIST(webhook_message_list, struct webhook_message)

enum err query_webhook_endpoint(struct db *db, struct query_scope scope,
                                struct webhook_endpoint_id id, struct arena *arena,
                                struct webhook_endpoint **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_webhook_endpoints,
                             "id = $1 AND merchant = $2 AND live = $3 AND status <> 'deleted'",
                             QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_webhook_endpoints(struct db *db, struct query_scope scope, struct query_page page,
                                 struct arena *arena, struct webhook_endpoint_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_ID(before),
                               DB_NUMBER(page.limit) };
    struct webhook_endpoint_list_load load = { arena, out };

    return db_select(db, &table_webhook_endpoints,
                     "merchant = $1 AND live = $2 AND id < $3 AND status <> 'deleted'"
                     " ORDER BY id DESC LIMIT $4",
                     QUERY_ARGS(args), arena, webhook_endpoint_list_load, &load);
}

enum err query_webhook_keys(struct db *db, struct query_scope scope, struct arena *arena,
                            struct webhook_key_list *out)
{
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    struct webhook_key_list_load load = { arena, out };

    return db_select(db, &table_webhook_keys, "merchant = $1 AND live = $2", QUERY_ARGS(args),
                     arena, webhook_key_list_load, &load);
}

enum err query_webhook_delivery(struct db *db, struct query_scope scope,
                                struct webhook_delivery_id id, struct arena *arena,
                                struct webhook_delivery **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_webhook_deliveries,
                             "id = $1 AND merchant = $2 AND live = $3",
                             QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_webhook_delivery_by_id(struct db *db, struct webhook_delivery_id id,
                                      struct arena *arena, struct webhook_delivery **out)
{
    struct db_value args[] = { DB_ID(id) };
    void *row = NULL;

    enum err err = query_one(db, &table_webhook_deliveries, "id = $1", QUERY_ARGS(args), arena,
                             &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_webhook_deliveries(struct db *db, struct query_scope scope,
                                  const struct webhook_delivery_filter *filter,
                                  struct query_page page, struct arena *arena,
                                  struct webhook_delivery_list *out)
{
    struct id before = query_before(page);
    bool any_endpoint = webhook_endpoint_id_is_zero(filter->endpoint);
    struct db_value args[] = {
        DB_ID(scope.merchant),
        DB_NUMBER(scope.live),
        DB_ID(before),
        DB_NUMBER(page.limit),
        DB_NUMBER(any_endpoint),
        DB_ID(filter->endpoint),
        DB_STR(filter->status),
        DB_STR(filter->type),
        DB_NUMBER(filter->created_from_ms),
        DB_NUMBER(filter->created_to_ms ? filter->created_to_ms : INT64_MAX),
    };
    struct webhook_delivery_list_load load = { arena, out };

    return db_select(db, &table_webhook_deliveries,
                     "merchant = $1 AND live = $2 AND id < $3 AND ($5 = 1 OR endpoint = $6)"
                     " AND ($7 = '' OR status = $7) AND ($8 = '' OR type = $8)"
                     " AND created_ms >= $9 AND created_ms < $10 ORDER BY id DESC LIMIT $4",
                     QUERY_ARGS(args), arena, webhook_delivery_list_load, &load);
}

enum err query_webhook_attempts(struct db *db, struct webhook_delivery_id delivery,
                                struct arena *arena, struct webhook_attempt_list *out)
{
    struct db_value args[] = { DB_ID(delivery) };
    struct webhook_attempt_list_load load = { arena, out };

    return db_select(db, &table_webhook_attempts, "delivery = $1 ORDER BY number",
                     QUERY_ARGS(args), arena, webhook_attempt_list_load, &load);
}

static enum err take_ids(void *self, void *row)
{
    *(struct webhook_endpoint **)self = row;
    return OK;
}

enum err query_webhook_target(struct db *db, struct webhook_endpoint_id id, struct arena *arena,
                              struct webhook_endpoint **endpoint, struct webhook_key **key)
{
    struct db_value args[] = { DB_ID(id) };
    void *row = NULL;

    *endpoint = NULL;
    *key = NULL;
    enum err err = db_select(db, &table_webhook_endpoints, "id = $1", QUERY_ARGS(args), arena,
                             take_ids, endpoint);
    if (err || !*endpoint || webhook_key_id_is_zero((*endpoint)->rsa_key))
        return err;
    struct db_value key_args[] = { DB_ID((*endpoint)->rsa_key) };
    err = db_select(db, &table_webhook_keys, "id = $1", QUERY_ARGS(key_args), arena,
                    db_keep_row, &row);
    *key = row;
    return err;
}

/* An event waits for those before it of its invoice that have not ended. */
#define LANE_IS_FREE                                                                               \
    " AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS earlier"                                 \
    " WHERE earlier.endpoint = webhook_deliveries.endpoint"                                        \
    " AND earlier.invoice = webhook_deliveries.invoice"                                            \
    " AND earlier.sequence < webhook_deliveries.sequence AND earlier.due_ms IS NOT NULL)"

#define DUE_BEHIND                                                                                 \
    "endpoint = $1 AND due_ms <= $2 AND (due_ms, id) > ($3, $4)"

enum err query_webhooks_due(struct db *db, struct webhook_endpoint_id endpoint, bool in_order,
                            int64_t now_ms, const struct webhook_due_place *after, int64_t limit,
                            struct arena *arena, struct webhook_delivery_list *out)
{
    struct db_value args[] = { DB_ID(endpoint), DB_NUMBER(now_ms), DB_NUMBER(after->due_ms),
                               DB_ID(after->id), DB_NUMBER(limit) };
    struct webhook_delivery_list_load load = { arena, out };

    if (in_order)
        return db_select(db, &table_webhook_deliveries,
                         DUE_BEHIND LANE_IS_FREE " ORDER BY due_ms, id LIMIT $5",
                         QUERY_ARGS(args), arena, webhook_delivery_list_load, &load);
    return db_select(db, &table_webhook_deliveries, DUE_BEHIND " ORDER BY due_ms, id LIMIT $5",
                     QUERY_ARGS(args), arena, webhook_delivery_list_load, &load);
}

/* The newest that are due are looked for among so many of the newest: behind them may be a million
 * that failed and are not due, which one look must not read. */
#define NEWEST_LOOKED_AT "512"

enum err query_webhooks_due_newest(struct db *db, struct webhook_endpoint_id endpoint,
                                   int64_t now_ms, int64_t limit, struct arena *arena,
                                   struct webhook_delivery_list *out)
{
    struct db_value args[] = { DB_ID(endpoint), DB_NUMBER(now_ms), DB_NUMBER(limit) };
    struct webhook_delivery_list_load load = { arena, out };

    /* The plus keeps the planner at the index by time of making. */
    return db_select(db, &table_webhook_deliveries,
                     "endpoint = $1 AND due_ms IS NOT NULL AND +due_ms <= $2 AND created_ms >="
                     " COALESCE((SELECT last.created_ms FROM webhook_deliveries AS last"
                     " WHERE last.endpoint = $1 AND last.due_ms IS NOT NULL"
                     " ORDER BY last.created_ms DESC LIMIT 1 OFFSET " NEWEST_LOOKED_AT "), 0)"
                     " ORDER BY created_ms DESC LIMIT $3",
                     QUERY_ARGS(args), arena, webhook_delivery_list_load, &load);
}

enum err query_webhooks_next(struct db *db, struct webhook_endpoint_id endpoint, int64_t after_ms,
                             int64_t *out)
{
    struct db_value args[] = { DB_ID(endpoint), DB_NUMBER(after_ms) };

    *out = 0;
    return db_number(db,
                     "SELECT due_ms FROM webhook_deliveries WHERE endpoint = $1 AND due_ms > $2"
                     " ORDER BY due_ms LIMIT 1",
                     QUERY_ARGS(args), out);
}

enum err query_webhook_messages(struct db *db, const struct id *ids, size_t count,
                                struct arena *arena, struct webhook_message_list *out)
{
    struct webhook_message_list_load load = { arena, out };

    return db_load(db, &table_webhook_messages, "id", ids, count, NULL, false, arena,
                   webhook_message_list_load, &load);
}

/* From one endpoint to the next along the index, however much each has. */
#define WAITING                                                                                    \
    "WITH RECURSIVE waiting(endpoint) AS ("                                                        \
    " SELECT * FROM (SELECT endpoint FROM webhook_deliveries"                                      \
    " WHERE due_ms IS NOT NULL ORDER BY endpoint LIMIT 1) AS first"                                \
    " UNION ALL SELECT (SELECT d.endpoint FROM webhook_deliveries AS d"                            \
    " WHERE d.due_ms IS NOT NULL AND d.endpoint > waiting.endpoint"                                \
    " ORDER BY d.endpoint LIMIT 1) FROM waiting WHERE waiting.endpoint IS NOT NULL)"

enum err query_webhooks_waiting(struct db *db, db_row_f *row, void *self)
{
    return db_query(db,
                    WAITING
                    " SELECT e.id, (SELECT d.due_ms FROM webhook_deliveries AS d"
                    " WHERE d.endpoint = e.id AND d.due_ms IS NOT NULL"
                    " ORDER BY d.due_ms LIMIT 1)"
                    " FROM waiting JOIN webhook_endpoints AS e ON e.id = waiting.endpoint"
                    " WHERE e.status <> 'disabled'",
                    NULL, 0, row, self);
}

/* An endpoint that fails, has a rate or keeps an order may have reasons to let one wait. */
enum err query_webhooks_backlogs(struct db *db, int64_t now_ms, db_row_f *row, void *self)
{
    struct db_value args[] = { DB_NUMBER(now_ms) };

    return db_query(db,
                    WAITING
                    " SELECT e.id, (SELECT d.created_ms FROM webhook_deliveries AS d"
                    " WHERE d.endpoint = e.id AND d.due_ms IS NOT NULL"
                    " ORDER BY d.created_ms LIMIT 1),"
                    " CASE WHEN e.failing_since_ms IS NULL AND e.per_minute = 0"
                    " AND e.ordering = 'none'"
                    " THEN (SELECT d.created_ms FROM webhook_deliveries AS d"
                    " WHERE d.endpoint = e.id AND d.due_ms <= $1 AND d.attempts = 0"
                    " ORDER BY d.due_ms LIMIT 1) END, e.updated_ms"
                    " FROM waiting JOIN webhook_endpoints AS e ON e.id = waiting.endpoint"
                    " WHERE e.status = 'enabled'",
                    QUERY_ARGS(args), row, self);
}

static enum err take_backlog(void *self, const struct db_value *values, size_t count)
{
    struct webhook_backlog *out = self;
    (void)count;
    *out = (struct webhook_backlog){
        .count = values[0].number,
        .oldest_ms = values[1].type == DB_INT ? values[1].number : 0,
        .untried_ms = values[2].type == DB_INT ? values[2].number : 0,
    };
    return OK;
}

#define BACKLOG "FROM webhook_deliveries WHERE endpoint = $1 AND due_ms IS NOT NULL "

enum err query_webhook_backlog(struct db *db, struct webhook_endpoint_id endpoint,
                               struct webhook_backlog *out)
{
    struct db_value args[] = { DB_ID(endpoint), DB_NUMBER(WEBHOOK_BACKLOG_COUNTED) };

    return db_query(db,
                    "SELECT (SELECT count(*) FROM (SELECT 1 " BACKLOG "LIMIT $2) AS counted),"
                    " (SELECT created_ms " BACKLOG "ORDER BY created_ms LIMIT 1),"
                    " (SELECT created_ms " BACKLOG
                    "AND attempts = 0 ORDER BY created_ms LIMIT 1)",
                    QUERY_ARGS(args), take_backlog, out);
}

enum err query_webhook_replay(struct db *db, struct query_scope scope, struct webhook_replay_id id,
                              struct arena *arena, struct webhook_replay **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_webhook_replays, "id = $1 AND merchant = $2 AND live = $3",
                             QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_webhook_replay_by_id(struct db *db, struct webhook_replay_id id,
                                    struct arena *arena, struct webhook_replay **out)
{
    struct db_value args[] = { DB_ID(id) };
    void *row = NULL;

    enum err err = query_one(db, &table_webhook_replays, "id = $1", QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

enum err query_webhook_replays(struct db *db, struct query_scope scope, struct query_page page,
                               struct arena *arena, struct webhook_replay_list *out)
{
    struct id before = query_before(page);
    struct db_value args[] = { DB_ID(scope.merchant), DB_NUMBER(scope.live), DB_ID(before),
                               DB_NUMBER(page.limit) };
    struct webhook_replay_list_load load = { arena, out };

    return db_select(db, &table_webhook_replays,
                     "merchant = $1 AND live = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
                     QUERY_ARGS(args), arena, webhook_replay_list_load, &load);
}

enum err query_webhook_replays_due(struct db *db, int64_t now_ms, int64_t after_ms,
                                   struct id after, int64_t limit, struct arena *arena,
                                   struct webhook_replay_list *out)
{
    struct db_value args[] = { DB_NUMBER(now_ms), DB_NUMBER(after_ms), DB_ID(after),
                               DB_NUMBER(limit) };
    struct webhook_replay_list_load load = { arena, out };

    return db_select(db, &table_webhook_replays,
                     "due_ms IS NOT NULL AND due_ms <= $1 AND due_ms >= $2"
                     " AND (due_ms > $2 OR id > $3) ORDER BY due_ms, id LIMIT $4",
                     QUERY_ARGS(args), arena, webhook_replay_list_load, &load);
}

enum err query_webhook_replay_next(struct db *db, const struct webhook_replay *replay,
                                   int64_t limit, struct arena *arena,
                                   struct webhook_delivery_list *out)
{
    struct db_value args[] = {
        DB_ID(replay->merchant),
        DB_NUMBER(replay->live),
        DB_ID(replay->last),
        DB_NUMBER(limit),
        DB_ID(replay->endpoint),
        DB_STR(word_str(&words_delivery_status, replay->delivery_status)),
        DB_STR(replay->type),
        DB_NUMBER(replay->created_from_ms),
        DB_NUMBER(replay->created_to_ms),
    };
    struct webhook_delivery_list_load load = { arena, out };

    return db_select(db, &table_webhook_deliveries,
                     "merchant = $1 AND live = $2 AND id > $3 AND endpoint = $5"
                     " AND due_ms IS NULL AND ($6 = '' OR status = $6) AND ($7 = '' OR type = $7)"
                     " AND created_ms >= $8 AND created_ms < $9 ORDER BY id LIMIT $4",
                     QUERY_ARGS(args), arena, webhook_delivery_list_load, &load);
}
