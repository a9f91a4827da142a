#include "sim/hyper.h"
#include "sim/hyper_calls.h"

#include "base/time.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX 100

/* What is asked for, from the query of a GET or the body of a POST. */
struct list {
    int64_t limit, offset;
    int64_t from_ms, to_ms; /* of creation, both inclusive */
    struct str payment_id, refund_id;
    const struct json *states; /* an array of words; NULL: all */
};

static void read_query(const struct exchange *exchange, struct list *list)
{
    struct str from = exchange_query(exchange, "created.gte");
    struct str to = exchange_query(exchange, "created.lte");

    (void)str_to_i64(exchange_query(exchange, "limit"), &list->limit);
    (void)str_to_i64(exchange_query(exchange, "offset"), &list->offset);
    if (time_parse(from, &list->from_ms) != OK)
        list->from_ms = 0;
    if (time_parse(to, &list->to_ms) != OK)
        list->to_ms = TIME_MAX_MS;
}

static void read_body(const struct json *doc, const char *states, struct list *list)
{
    const struct json *range = json_get(doc, "time_range");

    (void)json_int(json_get(doc, "limit"), &list->limit);
    (void)json_int(json_get(doc, "offset"), &list->offset);
    list->payment_id = json_text(json_get(doc, "payment_id"));
    list->refund_id = json_text(json_get(doc, "refund_id"));
    list->states = json_get(doc, states);
    if (range == NULL)
        range = doc; /* the refunds' request has them at its top */
    if (time_parse(json_text(json_get(range, "start_time")), &list->from_ms) != OK)
        list->from_ms = 0;
    if (time_parse(json_text(json_get(range, "end_time")), &list->to_ms) != OK)
        list->to_ms = TIME_MAX_MS;
}

static struct list list_of(const struct exchange *exchange, const char *states)
{
    struct list list = { .limit = LIMIT_DEFAULT };

    if (server_request_method(exchange->request) == HTTP_GET)
        read_query(exchange, &list);
    else
        read_body(exchange->doc, states, &list);
    if (list.limit < 1 || list.limit > LIMIT_MAX)
        list.limit = list.limit < 1 ? LIMIT_DEFAULT : LIMIT_MAX;
    return list;
}

static bool has_state(const struct list *list, struct str state)
{
    struct json_cursor cursor;
    const struct json *value = NULL;

    if (json_count(list->states) == 0)
        return true;
    json_each(&cursor, list->states);
    while (json_next(&cursor, NULL, &value)) {
        if (str_equal(json_text(value), state))
            return true;
    }
    return false;
}

static bool is_in(const struct list *list, struct str payment_id, struct str refund_id,
                  struct str state, int64_t created_ms)
{
    return (str_is_empty(list->payment_id) || str_equal(list->payment_id, payment_id)) &&
           (str_is_empty(list->refund_id) || str_equal(list->refund_id, refund_id)) &&
           created_ms >= list->from_ms && created_ms <= list->to_ms && has_state(list, state);
}

/* Whether the item with this number (from 0) among those that fit is on the page. */
static bool is_on_page(const struct list *list, int64_t number)
{
    return number >= list->offset && number < list->offset + list->limit;
}

static void put_counts(struct json_out *out, bool old_form, int64_t shown, int64_t total)
{
    if (old_form) {
        json_put_int(out, "size", shown);
        return;
    }
    json_put_int(out, "count", shown);
    json_put_int(out, "total_count", total);
}

void hyper_list_perform(struct exchange *exchange)
{
    struct list list = list_of(exchange, "status");
    struct hyper_show show = { .sim = exchange->sim, .arena = exchange->arena,
                               .exchange = exchange };
    bool old_form = server_request_method(exchange->request) == HTTP_GET;
    int64_t total = 0, shown = 0;

    if (!hyper_is_allowed(exchange))
        return;
    struct json_out *out = reply_json(exchange, 200);
    json_open_array(out, "data");
    for (const struct hyper_payment *payment = exchange->sim->hyper->newest; payment != NULL;
         payment = payment->next) {
        if (!is_in(&list, payment->id, list.refund_id, payment->seen.status, payment->created_ms))
            continue;
        if (is_on_page(&list, total++)) {
            json_open_object(out, NULL);
            hyper_put_payment(out, payment, &show);
            json_close_object(out);
            shown++;
        }
    }
    json_close_array(out);
    put_counts(out, old_form, shown, total);
    reply_done(exchange);
}

void hyper_refund_list_perform(struct exchange *exchange)
{
    struct list list = list_of(exchange, "refund_status");
    struct hyper_show show = { .sim = exchange->sim, .arena = exchange->arena,
                               .exchange = exchange };
    int64_t total = 0, shown = 0;

    if (!hyper_is_allowed(exchange))
        return;
    struct json_out *out = reply_json(exchange, 200);
    json_open_array(out, "data");
    for (const struct hyper_refund *refund = exchange->sim->hyper->newest_refund; refund != NULL;
         refund = refund->next) {
        if (!is_in(&list, refund->payment->id, refund->id, refund->status, refund->created_ms))
            continue;
        if (is_on_page(&list, total++)) {
            json_open_object(out, NULL);
            hyper_put_refund(out, refund, &show);
            json_close_object(out);
            shown++;
        }
    }
    json_close_array(out);
    put_counts(out, false, shown, total);
    reply_done(exchange);
}
