/* webhook_endpoints.c - where a merchant wants to be told, and how.
 *
 * Secrets and keys are made here, sealed before they are part of a turn, and shown once. */
#include <assert.h>

#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/webhook_format.h"
#include "core/webhook_rules.h"

#define FILTER_MAX ((size_t)32 * 1024)
#define HEADERS_MOST 10
#define AT_ONCE_DEFAULT 32
#define AT_ONCE_MOST 256

struct create_body {
    struct str url;
    struct str description;
    enum webhook_format format;
    const struct json *filter;
    const struct json *headers;
    struct str signature_header;
    enum webhook_ordering ordering;
    enum webhook_success success;
    enum webhook_retries retries;
    int64_t at_once;
    int64_t per_minute;
    bool sign_v1a;
    int64_t rsa_bits;
};

#define SHARED_FIELDS(type, prefix, more)                                                          \
    { .name = "url", .kind = FIELD_URL, .offset = offsetof(type, prefix url), more(url) },         \
    { .name = "description", .kind = FIELD_TEXT, .most = DESCRIPTION_MAX, .nullable = true,        \
      .offset = offsetof(type, prefix description), more(description) },                           \
    { .name = "signature_header", .kind = FIELD_TEXT, .most = 64,                                  \
      .offset = offsetof(type, prefix signature_header), more(signature_header) },                 \
    { .name = "ordering", .kind = FIELD_WORD, .words = &words_webhook_ordering,                    \
      .offset = offsetof(type, prefix ordering), more(ordering) },                                 \
    { .name = "success", .kind = FIELD_WORD, .words = &words_webhook_success,                      \
      .offset = offsetof(type, prefix success), more(success) },                                   \
    { .name = "retries", .kind = FIELD_WORD, .words = &words_webhook_retries,                      \
      .offset = offsetof(type, prefix retries), more(retries) },                                   \
    { .name = "at_once", .kind = FIELD_INT, .least = 1, .most = AT_ONCE_MOST,                      \
      .offset = offsetof(type, prefix at_once), more(at_once) },                                   \
    { .name = "per_minute", .kind = FIELD_INT, .least = 0, .most = 1000000,                        \
      .offset = offsetof(type, prefix per_minute), more(per_minute) }

/* clang-format off */
#define NO_MORE(member) .given = 0
static const struct field create_fields[] = {
    SHARED_FIELDS(struct create_body, , NO_MORE),
    FIELD(struct create_body, format, WORD, .words = &words_webhook_format),
    FIELD(struct create_body, filter, OBJECT),
    FIELD(struct create_body, headers, OBJECT),
    FIELD(struct create_body, sign_v1a, BOOL),
    FIELD(struct create_body, rsa_bits, INT, .least = 1024, .most = 4096),
};

struct change_body {
    struct webhook_endpoint_change change;
    const struct json *headers;
};

#define GIVEN(member) .given = offsetof(struct change_body, change.has_##member)
static const struct field change_fields[] = {
    SHARED_FIELDS(struct change_body, change.values., GIVEN),
    { .name = "filter", .kind = FIELD_OBJECT, .offset = offsetof(struct change_body, change.filter),
      GIVEN(filter) },
    { .name = "headers", .kind = FIELD_OBJECT, .offset = offsetof(struct change_body, headers),
      GIVEN(headers) },
};
/* clang-format on */

/* Whether the addresses behind it are public is asked when a connection is made, each time:
 * names lead anywhere, and change. */
static enum err check_url(struct call *call, struct str url)
{
    bool is_https = str_starts_with(url, STR("https://"));
    struct str rest = str_slice(url, is_https ? 8 : 7, url.len);
    struct str authority = str_slice(rest, 0, str_find_char(rest, '/', 0));

    if (call->who.live && !is_https)
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("url"),
                             "url must begin with https in live mode.");
    if (str_find_char(authority, '@', 0) < authority.len)
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("url"),
                             "url must have no user and no password.");
    if (str_find_char(url, '#', 0) < url.len)
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("url"),
                             "url must have no fragment.");
    return OK;
}

static bool is_field_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return name.len > 0 && name.len <= 64;
}

static bool is_reserved(struct str name)
{
    static const char *const names[] = {
        "host",       "connection",        "content-length",  "content-type",
        "user-agent", "transfer-encoding", "accept-encoding", "content-encoding",
        "expect",     "webhook-id",        "webhook-timestamp", "webhook-signature",
        "te",         "trailer",           "upgrade",         "x-signature",
        "keep-alive", "content-signature", "proxy-authorization",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_equal_nocase(name, str_of(names[i])))
            return true;
    return false;
}

static bool is_field_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < ' ' || value.ptr[i] > '~')
            return false;
    return value.len > 0 && value.len <= 500;
}

static enum err check_headers(struct call *call, const struct json *headers)
{
    struct json_cursor cursor;
    const struct json *value;
    struct str name;

    if (json_count(headers) > HEADERS_MOST)
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("headers"),
                             "headers may have %d members.", HEADERS_MOST);
    json_each(&cursor, headers);
    while (json_next(&cursor, &name, &value))
        if (!is_field_name(name) || is_reserved(name) || !is_field_value(json_text(value)))
            return trouble_about(&call->trouble, ERR_VALIDATION, STR("headers"),
                                 "headers must be names of header fields that purser does not set "
                                 "itself, with values of 1 to 500 visible characters.");
    return OK;
}

static enum err check_signature_header(struct call *call, enum webhook_format format,
                                       struct str header)
{
    if (str_is_empty(header))
        return OK;
    if (format != WEBHOOK_FORMAT_NONE && str_is_empty(webhook_default_header(format)))
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("signature_header"),
                             "The format %s has a signature header of its own.",
                             word_text(&words_webhook_format, format));
    if (!is_field_name(header) || is_reserved(header))
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("signature_header"),
                             "signature_header must be the name of a header field that purser does "
                             "not set itself.");
    return OK;
}

static struct str object_text(const struct json *object, struct arena *arena)
{
    struct json_out json;
    struct buf text;

    if (!object || json_count(object) == 0)
        return (struct str){ 0 };
    buf_init(&text, arena, FILTER_MAX);
    json_begin(&json, &text);
    json_put_value(&json, NULL, object);
    json_done(&json);
    return buf_str(&text);
}

static enum err check_filter(struct call *call, const struct json *filter,
                             enum webhook_format format)
{
    struct str param = { 0 }, why = { 0 };

    enum err err = webhook_filter_check(filter, format, call->arena, &param, &why);
    return err ? trouble_about(&call->trouble, err, param, "%.*s", STR_ARG(why)) : OK;
}

/* Shown once, by webhook_endpoint_secret_show. */
static struct str make_secret(struct call *call, struct desk_turn *turn,
                              struct webhook_endpoint_id id)
{
    const struct api_config *config = &call->api->config;
    struct errand *errand = turn->user;
    char bytes[WEBHOOK_SECRET_BYTES];

    outside_random(config->outside, bytes, sizeof bytes);
    struct str text = webhook_key_text(&turn->arena, "whsec_", str_make(bytes, sizeof bytes));
    errand->new_key = secret_copy(text);
    secret_wipe(bytes, sizeof bytes);
    return vault_seal_at(config->vault, webhook_secret_place(id, "secret", &turn->arena), text,
                         &turn->arena);
}

static struct str seal_bytes(struct call *call, struct desk_turn *turn, struct str place,
                             struct str bytes)
{
    return vault_seal_at(call->api->config.vault, place,
                         webhook_key_text(&turn->arena, "", bytes), &turn->arena);
}

static void make_signing_key(struct call *call, struct desk_turn *turn,
                             struct webhook_endpoint *row)
{
    char seed[CRYPTO_ED25519_KEY_SIZE], public_key[CRYPTO_ED25519_KEY_SIZE];

    outside_random(call->api->config.outside, seed, sizeof seed);
    crypto_ed25519_public(seed, public_key);
    row->public_key =
        webhook_key_text(&turn->arena, "whpk_", str_make(public_key, sizeof public_key));
    row->signing_key = seal_bytes(call, turn,
                                  webhook_secret_place(row->id, "signing_key", &turn->arena),
                                  str_make(seed, sizeof seed));
    secret_wipe(seed, sizeof seed);
}

/* For a merchant's first endpoint with RSA, on a reader's thread: a key takes 100 ms and more.
 * The turn leaves it when another made one meanwhile. */
static enum err make_rsa_key(struct desk_turn *turn, struct db *db)
{
    struct webhook_endpoint_create *ask = (void *)(uintptr_t)turn->input.ask;
    const struct errand *errand = turn->user;
    struct vault *vault = errand->call->api->config.vault;
    struct query_scope scope = { turn->input.merchant, turn->input.live };
    struct webhook_key_list keys = { 0 };
    struct buf private_der, public_der;

    enum err err = query_webhook_keys(db, scope, &turn->arena, &keys);
    if (err)
        return err;
    for (size_t i = 0; i < keys.count; i++)
        if (keys.items[i]->bits == ask->key.bits)
            return OK;
    buf_init(&private_der, &turn->arena, 2 * CRYPTO_RSA_DER_MAX);
    buf_init(&public_der, &turn->arena, CRYPTO_RSA_DER_MAX);
    crypto_rsa_make((unsigned)ask->key.bits, &private_der, &public_der);
    ask->key.private_key = vault_seal_at(vault, webhook_key_place(ask->key.id, &turn->arena),
                                         webhook_key_text(&turn->arena, "", buf_str(&private_der)),
                                         &turn->arena);
    ask->key.public_key = webhook_key_text(&turn->arena, "", buf_str(&public_der));
    return OK;
}

static void want_rsa_key(struct call *call, struct desk_turn *turn, int64_t bits,
                         struct webhook_key *key)
{
    struct errand *errand = turn->user;

    *key = (struct webhook_key){
        .id = webhook_key_id_make(&call->api->ids, call_now_ms(call)),
        .merchant = call->who.merchant,
        .live = call->who.live,
        .bits = bits,
        .created_ms = call_now_ms(call),
    };
    errand->prepare = make_rsa_key;
}

static enum err check_create(struct call *call, const struct create_body *body)
{
    if (str_is_empty(body->url))
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("url"), "url is required.");
    enum err err = check_url(call, body->url);
    if (!err)
        err = check_headers(call, body->headers);
    if (!err)
        err = check_signature_header(call, body->format, body->signature_header);
    if (!err)
        err = check_filter(call, body->filter, body->format);
    if (!err && body->rsa_bits != 0 && body->rsa_bits != 1024 && body->rsa_bits != 2048 &&
        body->rsa_bits != 4096)
        err = trouble_about(&call->trouble, ERR_VALIDATION, STR("rsa_bits"),
                            "rsa_bits must be 1024, 2048 or 4096.");
    if (!err && body->rsa_bits != 0 && !webhook_has_rsa(body->format))
        err = trouble_about(&call->trouble, ERR_VALIDATION, STR("rsa_bits"),
                            "rsa_bits goes with the formats of hooker only.");
    return err;
}

static void fill_row(struct call *call, const struct create_body *body, struct desk_turn *turn,
                     struct webhook_endpoint *row)
{
    int64_t now_ms = call_now_ms(call);

    *row = (struct webhook_endpoint){
        .id = webhook_endpoint_id_make(&call->api->ids, now_ms),
        .merchant = call->who.merchant,
        .live = call->who.live,
        .url = body->url,
        .description = body->description,
        .filter = object_text(body->filter, &turn->arena),
        .headers = object_text(body->headers, &turn->arena),
        .format = body->format,
        .signature_header = str_is_empty(body->signature_header)
                                ? webhook_default_header(body->format)
                                : body->signature_header,
        .ordering = body->ordering,
        .success = body->success,
        .retries = body->retries ? body->retries : webhook_default_retries(body->format),
        .at_once = body->at_once,
        .per_minute = body->per_minute,
        .created_ms = now_ms,
        .updated_ms = now_ms,
    };
    row->secret = make_secret(call, turn, row->id);
    if (body->sign_v1a)
        make_signing_key(call, turn, row);
}

/* POST /v1/webhook_endpoints */
enum err webhook_endpoint_create_ask(struct call *call, const struct json *json,
                                     struct desk_turn *turn)
{
    struct webhook_endpoint_create *ask = ARENA_NEW(&turn->arena, struct webhook_endpoint_create);
    struct create_body body = {
        .format = WEBHOOK_FORMAT_STANDARD,
        .ordering = ORDERING_FREE,
        .success = SUCCESS_ANY_2XX,
        .at_once = AT_ONCE_DEFAULT,
    };

    enum err err = fields_read(FIELDS(create_fields), json, "", &body, &call->trouble);
    if (!err)
        err = check_create(call, &body);
    if (err)
        return err;
    fill_row(call, &body, turn, &ask->row);
    if (webhook_has_rsa(body.format))
        want_rsa_key(call, turn, body.rsa_bits ? body.rsa_bits : 2048, &ask->key);
    turn->input.handler = &turn_webhook_endpoint_create;
    turn->input.ask = ask;
    return OK;
}

/* The object again, with the secret in it. What the books recorded has none. */
struct str webhook_endpoint_secret_show(struct desk_turn *turn)
{
    const struct errand *errand = turn->user;

    return webhook_endpoint_show(turn->answer.body, secret_reveal(&errand->new_key), &turn->arena);
}

/* PATCH /v1/webhook_endpoints/{id} */
enum err webhook_endpoint_change_ask(struct call *call, const struct json *json,
                                     struct desk_turn *turn)
{
    struct change_body *body = ARENA_NEW(&turn->arena, struct change_body);
    struct webhook_endpoint_change *change = &body->change;

    enum err err = fields_read(FIELDS(change_fields), json, "", body, &call->trouble);
    if (!err && change->has_url)
        err = check_url(call, change->values.url);
    if (!err)
        err = check_headers(call, body->headers);
    if (!err)
        err = check_signature_header(call, WEBHOOK_FORMAT_NONE, change->values.signature_header);
    change->id = (struct webhook_endpoint_id){ call->object };
    change->values.filter = object_text(change->filter, &turn->arena);
    change->values.headers = object_text(body->headers, &turn->arena);
    turn->input.handler = &turn_webhook_endpoint_change;
    turn->input.ask = change;
    return err;
}

static enum err act(struct call *call, const struct json *json, struct desk_turn *turn,
                    const struct turn_handler *handler)
{
    struct webhook_endpoint_act *ask = ARENA_NEW(&turn->arena, struct webhook_endpoint_act);

    ask->id = (struct webhook_endpoint_id){ call->object };
    if (handler == &turn_webhook_endpoint_rotate)
        ask->sealed = make_secret(call, turn, ask->id);
    turn->input.handler = handler;
    turn->input.ask = ask;
    return json ? fields_read(NULL, 0, json, "", NULL, &call->trouble) : OK;
}

#define ACT(name, handler)                                                                         \
    enum err webhook_endpoint_##name##_ask(struct call *call, const struct json *json,             \
                                           struct desk_turn *turn)                                 \
    {                                                                                              \
        return act(call, json, turn, &turn_webhook_endpoint_##handler);                            \
    }
ACT(delete, delete)
ACT(disable, disable)
ACT(enable, enable)
ACT(rotate, rotate)
ACT(test, test)
#undef ACT

static const struct webhook_key *key_of(const struct webhook_key_list *keys,
                                        const struct webhook_endpoint *endpoint)
{
    for (size_t i = 0; i < keys->count; i++)
        if (webhook_key_id_equal(keys->items[i]->id, endpoint->rsa_key))
            return keys->items[i];
    return NULL;
}

static enum err run_endpoint(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct webhook_endpoint *endpoint = NULL;
    struct webhook_key_list keys = { 0 };
    struct webhook_backlog backlog;

    enum err err = query_webhook_endpoint(
        db, ask->scope, (struct webhook_endpoint_id){ ask->object }, ask->arena, &endpoint);
    if (!err)
        err = query_webhook_keys(db, ask->scope, ask->arena, &keys);
    if (!err)
        err = query_webhook_backlog(db, endpoint->id, &backlog);
    if (!err)
        webhook_endpoint_render(out, NULL, endpoint, key_of(&keys, endpoint), &backlog);
    return err;
}

/* GET /v1/webhook_endpoints/{id} */
const struct reading read_webhook_endpoint = { .run = run_endpoint };

static enum err run_endpoints(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct query_page page = { ask->page->place, page_limit(ask->page) };
    struct webhook_endpoint_list endpoints = { 0 };
    struct webhook_key_list keys = { 0 };

    enum err err = query_webhook_endpoints(db, ask->scope, page, ask->arena, &endpoints);
    if (!err)
        err = query_webhook_keys(db, ask->scope, ask->arena, &keys);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open(out);
    for (size_t i = 0; !err && i < page_shown(ask->page, endpoints.count); i++) {
        const struct webhook_endpoint *endpoint = endpoints.items[i];
        struct webhook_backlog backlog = { 0 };
        err = query_webhook_backlog(db, endpoint->id, &backlog);
        webhook_endpoint_render(out, NULL, endpoint, key_of(&keys, endpoint), &backlog);
        last = endpoint->id.id;
    }
    list_close(out, ask, endpoints.count, last);
    return err;
}

/* GET /v1/webhook_endpoints */
const struct reading read_webhook_endpoints = { PAGE_ONLY, .run = run_endpoints };
