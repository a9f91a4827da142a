/* api_keys.c - keys: made, listed, revoked. The text of a key is in one answer, once. */
#include <assert.h>

#include "api/address.h"
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/keys.h"

#define ADDRESSES_MAX 50
#define ADDRESS_CHARS 49 /* "ffff:...:255.255.255.255/128" */
#define OBJECT_MAX ((size_t)64 * 1024)

struct create_body {
    const struct json *scopes;
    struct str description;
    const struct json *addresses;
    int64_t expires_at;
};

static const struct field create_fields[] = {
    FIELD(struct create_body, scopes, ARRAY),
    FIELD(struct create_body, description, TEXT, .most = REFERENCE_MAX),
    FIELD(struct create_body, addresses, ARRAY),
    FIELD(struct create_body, expires_at, TIME),
};

static enum err read_scopes(struct call *call, const struct json *list, int64_t *out)
{
    struct json_cursor cursor;
    const struct json *item = NULL;
    int64_t scopes = 0;

    json_each(&cursor, list);
    while (json_next(&cursor, NULL, &item)) {
        struct str word = json_text(item);
        /* One word each: "read write" is no scope. */
        bool one = str_find_char(word, ' ', 0) == word.len &&
                   str_find_char(word, ',', 0) == word.len;
        int64_t scope = one ? key_scopes_parse(word) : 0;
        if (scope == 0 || (scopes & scope) || !(scope & KEY_SCOPES_ALL))
            return trouble_about(&call->trouble, ERR_VALIDATION, STR("scopes"),
                                 "scopes must be different ones of: read, write, refund, admin.");
        scopes |= scope;
    }
    if (list && scopes == 0)
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("scopes"),
                             "scopes must name one at least.");
    *out = list ? scopes : KEY_SCOPES_ALL;
    return OK;
}

static enum err read_addresses(struct call *call, const struct json *list, struct arena *arena,
                               struct str *out)
{
    struct json_cursor cursor;
    const struct json *item = NULL;
    struct buf text;

    if (json_count(list) > ADDRESSES_MAX)
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("addresses"),
                             "addresses may have %d items.", ADDRESSES_MAX);
    buf_init(&text, arena, ADDRESSES_MAX * (ADDRESS_CHARS + 1));
    json_each(&cursor, list);
    while (json_next(&cursor, NULL, &item)) {
        struct address_block block;
        struct str address = json_text(item);
        if (address.len > ADDRESS_CHARS || !address_block_parse(address, &block))
            return trouble_about(&call->trouble, ERR_VALIDATION, STR("addresses"),
                                 "addresses must be IP addresses or CIDR blocks, such as "
                                 "192.0.2.0/24.");
        if (buf_str(&text).len > 0)
            buf_add_char(&text, ' ');
        buf_add(&text, address);
    }
    assert(buf_ok(&text));
    *out = buf_str(&text);
    return OK;
}

static enum err check_expiry(struct call *call, int64_t expires_ms)
{
    if (expires_ms == 0 || expires_ms > call_now_ms(call))
        return OK;
    return trouble_about(&call->trouble, ERR_VALIDATION, STR("expires_at"),
                         "expires_at must be in the future.");
}

/* POST /v1/api_keys */
enum err api_key_create_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    const struct api_config *config = &call->api->config;
    struct errand *errand = turn->user;
    struct create_body body = { 0 };
    struct str addresses = { 0 };
    int64_t scopes = 0;
    int64_t now_ms = call_now_ms(call);

    enum err err = fields_read(FIELDS(create_fields), json, "", &body, &call->trouble);
    if (!err)
        err = read_scopes(call, body.scopes, &scopes);
    if (!err)
        err = read_addresses(call, body.addresses, &turn->arena, &addresses);
    if (!err)
        err = check_expiry(call, body.expires_at);
    if (err)
        return err;
    errand->new_key = key_make(config->outside, call->who.live);
    struct str text = secret_reveal(&errand->new_key);
    struct api_key *ask = ARENA_NEW(&turn->arena, struct api_key);
    *ask = (struct api_key){
        .id = api_key_id_make(&call->api->ids, now_ms),
        .merchant = call->who.merchant,
        .live = call->who.live,
        .hash = key_hash(config->installation_key, text),
        .hint = key_hint(&turn->arena, text),
        .scopes = scopes,
        .description = body.description,
        .addresses = addresses,
        .created_ms = now_ms,
        .expires_ms = body.expires_at,
    };
    turn->input.handler = &turn_api_key_create;
    turn->input.ask = ask;
    return OK;
}

/* The object again, with the key in it. What the books recorded has none, so a replay does
 * not either. In the turn's arena, which is wiped. */
struct str api_key_create_show(struct desk_turn *turn)
{
    const struct errand *errand = turn->user;
    struct json_out out;
    struct buf text;

    buf_init(&text, &turn->arena, OBJECT_MAX);
    json_begin(&out, &text);
    api_key_render(&out, NULL, turn->input.ask, secret_reveal(&errand->new_key));
    json_done(&out);
    assert(buf_ok(&text));
    return buf_str(&text);
}

/* DELETE /v1/api_keys/{id} */
enum err api_key_revoke_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct api_key_revoke *ask = ARENA_NEW(&turn->arena, struct api_key_revoke);

    assert(!json);
    ask->id = (struct api_key_id){ call->object };
    turn->input.handler = &turn_api_key_revoke;
    turn->input.ask = ask;
    return OK;
}

static enum err run_keys(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct query_page page = { ask->page->place, page_limit(ask->page) };
    struct api_key_list keys = { 0 };

    enum err err = query_api_keys(db, ask->scope, page, ask->arena, &keys);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open(out);
    for (size_t i = 0; i < page_shown(ask->page, keys.count); i++) {
        api_key_render(out, NULL, keys.items[i], (struct str){ 0 });
        last = keys.items[i]->id.id;
    }
    list_close(out, ask, keys.count, last);
    return OK;
}

/* GET /v1/api_keys */
const struct reading read_api_keys = { PAGE_ONLY, .run = run_keys };
