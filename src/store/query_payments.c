/* query_payments.c - one payment, and the search for payments. */
#include <assert.h>

#include "base/time.h"
#include "store/query_parts.h"
#include "store/query_payments.h"

QUERY_LIST(payment_list, struct payment)

enum err query_payment(struct db *db, struct query_scope scope, struct payment_id id,
                       struct arena *arena, struct payment **out)
{
    struct db_value args[] = { DB_ID(id), DB_ID(scope.merchant), DB_NUMBER(scope.live) };
    void *row = NULL;

    enum err err = query_one(db, &table_payments, "id = $1 AND merchant = $2 AND live = $3",
                             QUERY_ARGS(args), arena, &row);
    if (!err)
        *out = row;
    return err;
}

struct payments_asked {
    const struct payment_ask *asks;
    size_t count;
    const struct payment_shown **out;
};

static bool is_for(const struct payment_ask *ask, const struct payment *payment)
{
    return payment_id_equal(ask->id, payment->id) && ask->scope.live == payment->live
           && merchant_id_equal(ask->scope.merchant, payment->merchant);
}

static enum err hand_out(void *self, void *row)
{
    const struct payments_asked *asked = self;
    const struct payment_shown *shown = row;

    for (size_t i = 0; i < asked->count; i++)
        if (is_for(&asked->asks[i], &shown->payment))
            asked->out[i] = shown;
    return OK;
}

enum err query_payments_shown(struct db *db, const struct payment_ask *asks, size_t count,
                              struct arena *arena, const struct payment_shown **out)
{
    struct payments_asked asked = { asks, count, out };
    struct id ids[QUERY_PAYMENTS_MOST];

    assert(count <= QUERY_PAYMENTS_MOST);
    for (size_t i = 0; i < count; i++) {
        ids[i] = asks[i].id.id;
        out[i] = NULL;
    }
    return db_load(db, &table_payments_shown, "id", ids, count, NULL, false, arena, hand_out,
                   &asked);
}

/* A moment as the lowest id that could have been made in it. */
static struct id lowest_id_at(int64_t time_ms)
{
    struct id id = { { 0 } };

    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)((uint64_t)time_ms >> (40 - 8 * i));
    return id;
}

static struct id lower_id(struct id a, struct id b)
{
    return id_compare(a, b) < 0 ? a : b;
}

/* An id's time is never before its object's, and after it only by what a clock was set back:
 * so the ids bound the search, with a day to spare, and the times decide. */
#define SET_BACK_MAX_MS DAY_MS

/* The same for every way in, so that all have the same arguments. */
#define FILTERS                                                                                    \
    "merchant = $1 AND live = $2 AND id >= $3 AND id < $4"                                         \
    " AND created_ms >= $5 AND created_ms < $6 AND amount_minor BETWEEN $7 AND $8"                 \
    " AND ($9 = '' OR status = $9) AND ($10 = '' OR gateway = $10)"                                \
    " AND ($11 = '' OR reference = $11) AND ($12 = '' OR gateway_reference = $12)"
#define NEWEST_FIRST " ORDER BY id DESC LIMIT $13"

/* The planner cannot know which filters are empty; each of these leads it to an index. */
static const char by_owner[] = FILTERS NEWEST_FIRST;
static const char by_reference[] = "reference = $11 AND " FILTERS NEWEST_FIRST;
static const char by_gateway_reference[] =
    "gateway_reference = $12 AND gateway_account IN"
    " (SELECT a.id FROM gateway_accounts a WHERE a.merchant = $1 AND a.live = $2)"
    " AND " FILTERS NEWEST_FIRST;

static const char *way_in(const struct payment_filter *filter)
{
    if (!str_is_empty(filter->gateway_reference))
        return by_gateway_reference;
    if (!str_is_empty(filter->reference))
        return by_reference;
    return by_owner;
}

enum err query_payments(struct db *db, struct query_scope scope,
                        const struct payment_filter *filter, struct query_page page,
                        struct arena *arena, struct payment_list *out)
{
    int64_t to_ms = filter->created_to_ms ? filter->created_to_ms : TIME_MAX_MS;
    int64_t least = filter->amount_minor;
    int64_t most = filter->amount_minor ? filter->amount_minor : INT64_MAX;
    struct id from = lowest_id_at(filter->created_from_ms);
    struct id before = query_before(page);

    if (filter->created_to_ms)
        before = lower_id(before, lowest_id_at(to_ms + SET_BACK_MAX_MS));
    struct db_value args[] = {
        DB_ID(scope.merchant),
        DB_NUMBER(scope.live),
        DB_ID(from),
        DB_ID(before),
        DB_NUMBER(filter->created_from_ms),
        DB_NUMBER(to_ms),
        DB_NUMBER(least),
        DB_NUMBER(most),
        DB_STR(filter->status),
        DB_STR(filter->gateway),
        DB_STR(filter->reference),
        DB_STR(filter->gateway_reference),
        DB_NUMBER(page.limit),
    };
    struct payment_list_load load = { arena, out };
    return db_select(db, &table_payments, way_in(filter), QUERY_ARGS(args), arena,
                     payment_list_load, &load);
}
