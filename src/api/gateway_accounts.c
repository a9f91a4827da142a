/* gateway_accounts.c - a merchant's settings at one gateway. */
#include "api/address.h"
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/account.h"
#include "core/keys.h"
#include "core/render.h"

#define SETTINGS_MAX ((size_t)64 * 1024)

const struct gateway *gateway_of(const struct call *call, struct str name)
{
    for (const struct gateway *const *at = call->api->config.gateways; *at; at++)
        if (str_equal_c(name, (*at)->name))
            return *at;
    return NULL;
}

enum err gateway_check_name(struct call *call, struct str name)
{
    struct buf names;

    if (gateway_of(call, name))
        return OK;
    buf_init(&names, call->arena, 1024);
    for (const struct gateway *const *at = call->api->config.gateways; *at; at++)
        buf_addf(&names, "%s%s", buf_str(&names).len > 0 ? ", " : "", (*at)->name);
    return trouble_about(&call->trouble, ERR_VALIDATION, STR("gateway"),
                         "gateway must be one of: %s.", buf_c(&names));
}

/* What an address is is known here and not to the turn, which checks the rest. */
static enum err check_addresses(struct call *call, const struct json *settings)
{
    struct json_cursor cursor;
    const struct json *item = NULL;
    struct address_block block;

    json_each(&cursor, json_get(settings, "notification_addresses"));
    while (json_next(&cursor, NULL, &item))
        if (!address_block_parse(json_text(item), &block))
            return trouble_about(&call->trouble, ERR_VALIDATION,
                                 STR("settings.notification_addresses"),
                                 "notification_addresses must be IP addresses or CIDR blocks, "
                                 "such as 192.0.2.0/24.");
    return OK;
}

/* As the text that the books keep; empty when `settings` is NULL or {}. The turn checks it. */
static struct str settings_text(const struct json *settings, struct arena *arena)
{
    struct json_out json;
    struct buf text;

    if (!settings || json_count(settings) == 0)
        return (struct str){ 0 };
    buf_init(&text, arena, SETTINGS_MAX);
    json_begin(&json, &text);
    json_put_value(&json, NULL, settings);
    json_done(&json);
    return buf_str(&text);
}

/* What goes into the books: empty when there is nothing to keep. Whether the members are right
 * is for the turn to say; what is larger than any that are is never sealed. */
static enum err seal(struct call *call, struct gateway_account_id account,
                     const struct json *credentials, struct arena *arena, struct str *out)
{
    struct json_out json;
    struct buf text;

    *out = (struct str){ 0 };
    if (!credentials || json_count(credentials) == 0)
        return OK;
    buf_init(&text, arena, CREDENTIALS_MAX_BYTES);
    json_begin(&json, &text);
    json_put_value(&json, NULL, credentials);
    json_done(&json);
    if (!buf_ok(&text))
        return trouble_about(&call->trouble, ERR_VALIDATION, STR("credentials"),
                             "credentials may have %d bytes.", CREDENTIALS_MAX_BYTES);
    *out = vault_seal(call->api->config.vault, account, buf_str(&text), arena);
    return OK;
}

struct create_body {
    struct str gateway;
    struct str description;
    bool is_default;
    bool disabled;
    const struct json *settings;
    const struct json *credentials;
};

static const struct field create_fields[] = {
    FIELD(struct create_body, gateway, TEXT, .required = true, .most = REFERENCE_MAX),
    FIELD(struct create_body, description, TEXT, .most = DESCRIPTION_MAX),
    FIELD(struct create_body, is_default, BOOL),
    FIELD(struct create_body, disabled, BOOL),
    FIELD(struct create_body, settings, OBJECT),
    FIELD(struct create_body, credentials, OBJECT),
};

static enum err check_gateway(struct call *call, struct str name)
{
    enum err err = gateway_check_name(call, name);

    if (!err && call->who.live && gateway_of(call, name)->test_only)
        err = trouble_about(&call->trouble, ERR_VALIDATION, STR("gateway"),
                            "This gateway is for test mode only.");
    return err;
}

/* POST /v1/gateway_accounts */
enum err gateway_account_create_ask(struct call *call, const struct json *json,
                                    struct desk_turn *turn)
{
    int64_t now_ms = call_now_ms(call);
    struct gateway_account_create *ask = ARENA_NEW(&turn->arena, struct gateway_account_create);
    struct gateway_account_id id = gateway_account_id_make(&call->api->ids, now_ms);
    struct create_body body = { 0 };
    struct str sealed = { 0 };

    enum err err = fields_read(FIELDS(create_fields), json, "", &body, &call->trouble);
    if (!err)
        err = check_gateway(call, body.gateway);
    if (!err)
        err = check_addresses(call, body.settings);
    if (!err)
        err = seal(call, id, body.credentials, &turn->arena, &sealed);
    if (err)
        return err;
    ask->credentials = body.credentials;
    ask->row = (struct gateway_account){
        .id = id,
        .merchant = call->who.merchant,
        .live = call->who.live,
        .gateway = body.gateway,
        .description = body.description,
        .is_default = body.is_default,
        .disabled = body.disabled,
        .settings = settings_text(body.settings, &turn->arena),
        .credentials = sealed,
        .created_ms = now_ms,
        .updated_ms = now_ms,
    };
    turn->input.handler = &turn_gateway_account_create;
    turn->input.ask = ask;
    return OK;
}

struct change_body {
    struct gateway_account_change change;
    const struct json *settings;
};

static const struct field change_fields[] = {
    { .name = "description",
      .kind = FIELD_TEXT,
      .most = DESCRIPTION_MAX,
      .nullable = true,
      .offset = offsetof(struct change_body, change.description),
      .given = offsetof(struct change_body, change.has_description) },
    { .name = "is_default",
      .kind = FIELD_BOOL,
      .offset = offsetof(struct change_body, change.is_default),
      .given = offsetof(struct change_body, change.has_default) },
    { .name = "disabled",
      .kind = FIELD_BOOL,
      .offset = offsetof(struct change_body, change.disabled),
      .given = offsetof(struct change_body, change.has_disabled) },
    FIELD(struct change_body, settings, OBJECT,
          .given = offsetof(struct change_body, change.has_settings)),
    { .name = "credentials",
      .kind = FIELD_OBJECT,
      .offset = offsetof(struct change_body, change.credentials),
      .given = offsetof(struct change_body, change.has_credentials) },
};

/* PATCH /v1/gateway_accounts/{id} */
enum err gateway_account_change_ask(struct call *call, const struct json *json,
                                    struct desk_turn *turn)
{
    struct change_body *body = ARENA_NEW(&turn->arena, struct change_body);

    body->change.id = (struct gateway_account_id){ call->object };
    turn->input.handler = &turn_gateway_account_change;
    turn->input.ask = &body->change;
    enum err err = fields_read(FIELDS(change_fields), json, "", body, &call->trouble);
    if (!err)
        err = check_addresses(call, body->settings);
    if (!err)
        body->change.settings = settings_text(body->settings, &turn->arena);
    if (!err && body->change.has_credentials)
        err = seal(call, body->change.id, body->change.credentials, &turn->arena,
                   &body->change.sealed);
    return err;
}

static enum err run_account(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct gateway_account *account = NULL;

    enum err err = query_gateway_account(db, ask->scope, (struct gateway_account_id){ ask->object },
                                         ask->arena, &account);
    if (!err)
        render_gateway_account(out, NULL, account);
    return err;
}

/* GET /v1/gateway_accounts/{id} */
const struct reading read_gateway_account = { .run = run_account };

static enum err run_accounts(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct query_page page = { ask->page->place, page_limit(ask->page) };
    struct gateway_account_list accounts = { 0 };

    enum err err = query_gateway_accounts(db, ask->scope, page, ask->arena, &accounts);
    if (err)
        return err;
    struct id last = { { 0 } };
    list_open(out);
    for (size_t i = 0; i < page_shown(ask->page, accounts.count); i++) {
        render_gateway_account(out, NULL, accounts.items[i]);
        last = accounts.items[i]->id.id;
    }
    list_close(out, ask, accounts.count, last);
    return OK;
}

/* GET /v1/gateway_accounts */
const struct reading read_gateway_accounts = { PAGE_ONLY, .run = run_accounts };
