/* checker_webhooks.c - webhooks out (I7): each event is owed to each endpoint that subscribed to
 * it, and what is owed ends as a success or a dead letter that the tries bear out.
 *
 * An endpoint that was changed may have had another filter, so what it is owed is checked for
 * those that never were and filter nothing; and for the events of the last day, because older
 * ones may have been pruned. What was made within the first seconds of an endpoint may have been
 * on its way already. */
#include <string.h>

#include "base/time.h"
#include "store/checker_parts.h"

#define OWED_FOR_MS DAY_MS
#define SETTLED_MS (10 * SECOND_MS)

struct found {
    struct checker *checker;
    struct str name;
};

static enum err take(void *self, const struct db_value *values, size_t count)
{
    struct found *found = self;
    struct buf text;
    struct id id;

    if (count != 1 || values[0].type != DB_BYTES || values[0].bytes.len != sizeof id.bytes)
        return ERR_STORE;
    memcpy(id.bytes, values[0].bytes.ptr, sizeof id.bytes);
    buf_init(&text, found->checker->arena, 2 * ID_TEXT_MAX);
    buf_add_c(&text, "webhook delivery ");
    id_write(&text, "whd", id);
    found->name = buf_str(&text);
    return OK;
}

#define TRIES "(SELECT count(*) FROM webhook_attempts AS a WHERE a.delivery = d.id"
/* When a delivery first succeeded; far away while it has not. */
#define NEVER "9000000000000000"
#define FIRST                                                                                      \
    "COALESCE((SELECT min(a.started_ms) FROM webhook_attempts AS a"                                \
    " WHERE a.delivery = d.id AND a.outcome = 'delivered'), " NEVER ")"
/* Tries have only the clock's word for their order. Where both succeeded it is not taken if the
 * clock was set back between them: then an event of an earlier time follows one of a later time
 * in the feed, or something was tried before it was made. */
#define CLOCK_WAS_SET_BACK                                                                         \
    "(EXISTS (SELECT 1 FROM set_back AS s WHERE s.low < lane.before AND s.high > lane.first)"      \
    " OR EXISTS (SELECT 1 FROM webhook_attempts AS a WHERE a.delivery = lane.id"                   \
    " AND a.started_ms < lane.made))"

static const struct {
    const char *wrong;
    const char *sql;
} rules[] = {
    { "is pending, but not due, or has ended and is due",
      "SELECT d.id FROM webhook_deliveries AS d"
      " WHERE (d.status = 'pending') <> (d.due_ms IS NOT NULL)"
      " OR (d.status = 'pending') <> (d.ended_ms IS NULL) ORDER BY d.id LIMIT 1" },
    { "counts other tries than are recorded",
      "SELECT d.id FROM webhook_deliveries AS d WHERE d.attempts <> " TRIES ")"
      " ORDER BY d.id LIMIT 1" },
    { "is delivered, but no try succeeded",
      "SELECT d.id FROM webhook_deliveries AS d WHERE d.status = 'delivered'"
      " AND " TRIES " AND a.outcome = 'delivered') = 0 ORDER BY d.id LIMIT 1" },
    { "is a dead letter that was not tried",
      "SELECT d.id FROM webhook_deliveries AS d WHERE d.status = 'dead' AND d.attempts = 0"
      " ORDER BY d.id LIMIT 1" },
    { "has nothing to send",
      "SELECT d.id FROM webhook_deliveries AS d WHERE d.status = 'pending' AND NOT EXISTS"
      " (SELECT 1 FROM webhook_messages AS m WHERE m.id = d.message) ORDER BY d.id LIMIT 1" },
    { "went before an earlier event of its invoice",
      "WITH set_back AS (SELECT low, high FROM (SELECT occurred_ms AS low, max(occurred_ms) OVER"
      " (ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS high FROM events)"
      " AS fed WHERE low < high)"
      " SELECT id FROM (SELECT d.id AS id, d.created_ms AS made, " FIRST " AS first,"
      " max(" FIRST ") OVER (PARTITION BY d.endpoint, d.invoice ORDER BY d.sequence"
      " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before"
      " FROM webhook_deliveries AS d JOIN webhook_endpoints AS e ON e.id = d.endpoint"
      " WHERE e.ordering = 'per_invoice' AND e.updated_ms = e.created_ms AND d.sequence > 0"
      " AND d.skipped = 0 AND d.status <> 'cancelled') AS lane"
      " WHERE first < before AND (before = " NEVER " OR NOT " CLOCK_WAS_SET_BACK ")"
      " ORDER BY id LIMIT 1" },
};

static enum err take_event(void *self, const struct db_value *values, size_t count)
{
    struct found *found = self;
    struct event event = { .sequence = values[1].number };

    if (count != 2 || values[0].type != DB_BYTES || values[0].bytes.len != sizeof event.invoice)
        return ERR_STORE;
    memcpy(&event.invoice, values[0].bytes.ptr, sizeof event.invoice);
    found->name = checker_event_name(found->checker, &event);
    return OK;
}

static enum err check_owed(struct checker *checker, int64_t now_ms)
{
    static const char sql[] =
        "SELECT v.invoice, v.sequence FROM webhook_endpoints AS e JOIN events AS v"
        " ON v.merchant = e.merchant AND v.live = e.live LEFT JOIN webhook_deliveries AS d"
        " ON d.endpoint = e.id AND d.invoice = v.invoice AND d.sequence = v.sequence"
        " WHERE e.status = 'enabled' AND e.updated_ms = e.created_ms"
        " AND COALESCE(e.filter, '') = ''"
        " AND e.format IN ('standard', 'stripe-like', 'hmac-body')"
        " AND v.occurred_ms > e.created_ms + $1 AND v.occurred_ms > $2"
        " AND d.id IS NULL ORDER BY v.number LIMIT 1";
    struct db_value args[] = { DB_NUMBER(SETTLED_MS), DB_NUMBER(now_ms - OWED_FOR_MS) };
    struct found found = { .checker = checker };

    enum err err = db_query(checker->db, sql, args, 2, take_event, &found);
    if (err == OK && found.name.len > 0)
        checker_blame(checker, "I7", found.name, "is owed to an endpoint, but has no delivery");
    return err;
}

enum err checker_webhooks(struct checker *checker)
{
    int64_t now_ms = 0;

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct found found = { .checker = checker };
        enum err err = db_query(checker->db, rules[i].sql, NULL, 0, take, &found);
        if (err != OK)
            return err;
        if (found.name.len > 0) {
            checker_blame(checker, "I7", found.name, "%s", rules[i].wrong);
            return OK;
        }
    }
    enum err err = db_now(checker->db, &now_ms);
    return err == OK ? check_owed(checker, now_ms) : err;
}
