/* sandbox_lists.c - what the sandbox has: its charges say what was refunded, so one list does. */
#include "base/json.h"
#include "base/time.h"
#include "gateways/gateways.h"
#include "gateways/sandbox.h"

static void put_time(struct json_out *json, const char *name, int64_t time_ms)
{
    json_put_time(json, name, time_ms > 0 ? time_ms : 1);
}

enum err sandbox_list_build(const struct gateway_list_ask *ask, struct arena *arena,
                            struct http_request *out)
{
    struct http_field *fields = ARENA_ARRAY(arena, struct http_field, 2);
    struct json_out json;
    struct buf body;

    buf_init(&body, arena, 1024);
    json_begin(&json, &body);
    json_open_object(&json, NULL);
    put_time(&json, "from", ask->from_ms);
    put_time(&json, "to", ask->to_ms);
    if (!str_is_empty(ask->cursor))
        json_put_text(&json, "after", ask->cursor);
    json_close_object(&json);
    json_done(&json);
    fields[0] = (struct http_field){ STR("Content-Type"), STR("application/json") };
    fields[1] = (struct http_field){ STR("Sandbox-Account"), ask->ask->account_id };
    *out = (struct http_request){
        .method = "POST",
        .url = STR(SANDBOX_LIST_URL),
        .fields = fields,
        .field_count = 2,
        .body = buf_str(&body),
    };
    return OK;
}

static bool read_charge(const struct json *doc, struct gateway_listed *out)
{
    int64_t authorized_minor = 0;
    bool known = json_int(json_get(doc, "amount"), &out->amount.minor)
                 && json_int(json_get(doc, "authorized"), &authorized_minor)
                 && json_int(json_get(doc, "captured"), &out->captured_minor)
                 && json_int(json_get(doc, "refunded"), &out->refunded_minor)
                 && json_bool(json_get(doc, "released"), &out->released);

    out->amount.currency = currency_of(json_text(json_get(doc, "currency")));
    out->reference = json_text(json_get(doc, "reference"));
    out->gateway_reference = json_text(json_get(doc, "id"));
    out->has_position = true;
    out->holds = authorized_minor > 0 && !out->released;
    return known && out->amount.minor >= 0 && authorized_minor >= 0 && out->captured_minor >= 0
           && out->refunded_minor >= 0 && out->amount.currency != CURRENCY_NONE
           && !str_is_empty(out->gateway_reference)
           && time_parse(json_text(json_get(doc, "created_at")), &out->created_ms) == OK;
}

enum err sandbox_list_parse(const struct gateway_list_ask *ask, const struct http_reply *reply,
                            struct arena *arena, struct gateway_list_page *out)
{
    struct gateway_list_page page = { 0 };
    const struct json *doc, *item;
    struct json_cursor cursor;

    (void)ask;
    if (reply->status != 200 || json_parse(reply->body, arena, &doc, NULL) != OK)
        return ERR_BAD_REPLY;
    const struct json *charges = json_get(doc, "charges");
    if (json_type(charges) != JSON_ARRAY || json_count(charges) > GATEWAY_PAGE_MAX)
        return ERR_BAD_REPLY;
    page.items = ARENA_ARRAY(arena, struct gateway_listed, json_count(charges));
    json_each(&cursor, charges);
    while (json_next(&cursor, NULL, &item))
        if (!read_charge(item, &page.items[page.count++]))
            return ERR_BAD_REPLY;
    page.next = json_text(json_get(doc, "next"));
    *out = page;
    return OK;
}
