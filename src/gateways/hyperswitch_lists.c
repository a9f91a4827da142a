/* hyperswitch_lists.c - the payments and refunds that Hyperswitch has of a window of time.
 *
 * What their documents do not say:
 *   - A listed payment lacks its refunds, and is not synchronised with the processor: a listing
 *     shows where to ask, no more.
 *   - Pages go by offset, from new to old. The window ends in the past, so nothing comes in.
 *   - What a merchant without permission to list gets is 401 or 403, as with a wrong key. */
#include "base/time.h"
#include "gateways/hyperswitch.h"

#define PAGE_ITEMS 100
#define BODY_MAX 1024

static void put_time(struct json_out *json, const char *name, int64_t time_ms)
{
    char bytes[32];
    struct buf text;

    buf_fixed(&text, bytes, sizeof bytes);
    time_write(&text, time_ms);
    json_put_text(json, name, buf_str(&text));
}

static int64_t offset_of(const struct gateway_list_ask *ask)
{
    int64_t offset = 0;

    return str_to_i64(ask->cursor, &offset) ? offset : 0;
}

enum err hyperswitch_list_build(const struct gateway_list_ask *ask, struct arena *arena,
                                struct http_request *out)
{
    bool refunds = ask->list == GW_LIST_REFUNDS;
    struct str profile = json_text(json_get(gateway_settings(ask->ask, arena), "profile_id"));
    struct json_out json;
    struct buf body;

    buf_init(&body, arena, BODY_MAX);
    json_begin(&json, &body);
    json_open_object(&json, NULL);
    json_put_int(&json, "limit", PAGE_ITEMS);
    json_put_int(&json, "offset", offset_of(ask));
    if (!str_is_empty(profile))
        json_put_text(&json, "profile_id", profile);
    if (!refunds)
        json_open_object(&json, "time_range");
    put_time(&json, "start_time", ask->from_ms);
    put_time(&json, "end_time", ask->to_ms);
    if (!refunds)
        json_close_object(&json);
    return hyperswitch_finish(ask->ask, refunds ? "/refunds/list" : "/payments/list", &json, arena,
                              out);
}

static bool read_created(const struct json *doc, const char *name, int64_t *out)
{
    struct str text = json_text(json_get(doc, name));

    *out = 0;
    return str_is_empty(text) || time_parse(text, out) == OK;
}

/* Their refund's id is ours, unless somebody else made it. */
static bool read_refund(const struct json *doc, struct arena *arena, struct gateway_listed *out)
{
    struct str status = json_text(json_get(doc, "status"));

    *out = (struct gateway_listed){
        .gateway_reference = json_text(json_get(doc, "payment_id")),
        .refund_reference = json_text(json_get(doc, "refund_id")),
        .amount = hyperswitch_amount_read(json_get(doc, "amount"),
                                          json_text(json_get(doc, "currency"))),
        .holds = str_equal_c(status, "succeeded"),
    };
    out->reference = hyperswitch_reference(HYPERSWITCH_REFUND, out->refund_reference, arena);
    return !str_is_empty(out->gateway_reference) && !str_is_empty(out->refund_reference)
           && !str_is_empty(status) && out->amount.currency != CURRENCY_NONE
           && read_created(doc, "created_at", &out->created_ms);
}

static bool read_payment(const struct json *doc, struct arena *arena, struct gateway_listed *out)
{
    if (!hyperswitch_listed_read(doc, out))
        return false;
    out->gateway_reference = json_text(json_get(doc, "payment_id"));
    out->reference = hyperswitch_reference(HYPERSWITCH_PAYMENT, out->gateway_reference, arena);
    return !str_is_empty(out->gateway_reference)
           && read_created(doc, "created", &out->created_ms);
}

enum err hyperswitch_list_parse(const struct gateway_list_ask *ask, const struct http_reply *reply,
                                struct arena *arena, struct gateway_list_page *out)
{
    bool refunds = ask->list == GW_LIST_REFUNDS;
    struct gateway_list_page page = { 0 };
    const struct json *doc, *item;
    struct json_cursor cursor;

    if (reply->status != 200 || json_parse(reply->body, arena, &doc, NULL) != OK)
        return ERR_BAD_REPLY;
    const struct json *data = json_get(doc, "data");
    if (json_type(data) != JSON_ARRAY || json_count(data) > GATEWAY_PAGE_MAX)
        return ERR_BAD_REPLY;
    page.items = ARENA_ARRAY(arena, struct gateway_listed, json_count(data));
    json_each(&cursor, data);
    while (json_next(&cursor, NULL, &item)) {
        struct gateway_listed *listed = &page.items[page.count++];
        if (!(refunds ? read_refund(item, arena, listed) : read_payment(item, arena, listed)))
            return ERR_BAD_REPLY;
    }
    /* A page that is not full is the last; so is an empty one. */
    if (page.count >= PAGE_ITEMS)
        page.next = str_format(arena, "%lld",
                               (long long)(offset_of(ask) + (int64_t)page.count));
    *out = page;
    return OK;
}
