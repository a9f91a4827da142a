/* listing.c - see listing.h. Charges are ordered by their ids, which begin with their time. */
#include "sandbox/listing.h"

#include "base/json.h"
#include "base/time.h"
#include "sandbox/ledger.h"

#define PAGE_ROWS 500
#define REPLY_MAX ((size_t)512 << 10)

struct listing {
    struct json_out json;
    size_t count;
    struct id last;
};

static struct id id_in(const struct db_value *value)
{
    struct id id = { { 0 } };

    for (size_t i = 0; i < sizeof id.bytes && i < value->bytes.len; i++)
        id.bytes[i] = (uint8_t)value->bytes.ptr[i];
    return id;
}

static void put_id(struct json_out *json, const char *name, struct id id)
{
    char bytes[ID_TEXT_MAX];
    struct buf text;

    buf_fixed(&text, bytes, sizeof bytes);
    id_write(&text, "ch", id);
    json_put_text(json, name, buf_str(&text));
}

/* id, reference, state, amount, currency, authorized, captured, refunded, created */
static enum err put_charge(void *self, const struct db_value *values, size_t count)
{
    struct listing *listing = self;
    struct json_out *json = &listing->json;

    (void)count;
    listing->last = id_in(&values[0]);
    listing->count++;
    json_open_object(json, NULL);
    put_id(json, "id", listing->last);
    json_put_text(json, "reference", values[1].bytes);
    json_put_text(json, "state", values[2].bytes);
    json_put_int(json, "amount", values[3].number);
    json_put_text(json, "currency", values[4].bytes);
    json_put_int(json, "authorized", values[5].number);
    json_put_int(json, "captured", values[6].number);
    json_put_int(json, "refunded", values[7].number);
    json_put_bool(json, "released", str_equal_c(values[2].bytes, "voided"));
    json_put_time(json, "created_at", values[8].number);
    json_close_object(json);
    return OK;
}

static void write_error(struct arena *arena, const char *code, int status, struct http_reply *out)
{
    *out = (struct http_reply){
        .status = status,
        .body = str_format(arena, "{\"error\":{\"code\":\"%s\",\"message\":\"See from, to and "
                                  "after.\"}}", code),
    };
}

static struct str account_of(const struct http_request *request)
{
    return http_field_value(request->fields, request->field_count, "Sandbox-Account");
}

enum err listing_answer(struct db *ledger, const struct http_request *request, struct arena *arena,
                        struct http_reply *out)
{
    const struct json *doc = NULL;
    int64_t from_ms, to_ms;
    struct id after;
    struct buf body;

    if (json_parse(request->body, arena, &doc, NULL) != OK
        || time_parse(json_text(json_get(doc, "from")), &from_ms) != OK
        || time_parse(json_text(json_get(doc, "to")), &to_ms) != OK
        || (json_type(json_get(doc, "after")) != JSON_MISSING
            && !id_parse(json_text(json_get(doc, "after")), "ch", &after))) {
        write_error(arena, "invalid_request", 400, out);
        return OK;
    }
    if (json_type(json_get(doc, "after")) == JSON_MISSING)
        after = id_first_at(from_ms);
    struct id end = id_first_at(to_ms + 1);
    struct listing listing = { .count = 0 };
    buf_init(&body, arena, REPLY_MAX);
    json_begin(&listing.json, &body);
    json_open_object(&listing.json, NULL);
    json_open_array(&listing.json, "charges");
    struct db_value args[] = { DB_STR(account_of(request)), DB_ID(after), DB_ID(end),
                               DB_NUMBER(PAGE_ROWS) };
    enum err err = db_query(ledger,
                            "SELECT id, reference, state, amount_minor, currency,"
                            " authorized_minor, captured_minor, refunded_minor, created_ms"
                            " FROM sandbox_charges WHERE account = $1 AND id > $2 AND id < $3"
                            " ORDER BY id LIMIT $4",
                            args, 4, put_charge, &listing);
    json_close_array(&listing.json);
    if (listing.count == PAGE_ROWS)
        put_id(&listing.json, "next", listing.last);
    else
        json_put_null(&listing.json, "next");
    json_close_object(&listing.json);
    json_done(&listing.json);
    *out = (struct http_reply){ .status = 200, .body = buf_str(&body) };
    return err ? err : buf_ok(&body) ? OK : ERR_INTERNAL;
}
