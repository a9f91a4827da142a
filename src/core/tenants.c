/* tenants.c - turns about API keys and gateway accounts.
 *
 * They are about no invoice, so no event carries their answer: a claim keeps it itself. */
#include "core/tenants.h"

#include <assert.h>

#include "base/json.h"
#include "core/account.h"
#include "core/audit.h"
#include "core/keys.h"
#include "core/render.h"
#include "core/turn.h"

#define OBJECT_MAX ((size_t)128 * 1024)

static void answer_key(struct turn *turn, int status, const struct api_key *key)
{
    struct buf text;
    struct json_out out;

    buf_init(&text, turn->arena, OBJECT_MAX);
    json_begin(&out, &text);
    api_key_render(&out, NULL, key, (struct str){ 0 });
    json_done(&out);
    assert(buf_ok(&text));
    AUDIT(turn, turn->input->handler->name, api_key, key->id, buf_str(&text));
    turn_answer_now(turn, status, buf_str(&text));
}

static void answer_account(struct turn *turn, int status, const char *action,
                           const struct gateway_account *account)
{
    struct buf text;
    struct json_out out;

    buf_init(&text, turn->arena, OBJECT_MAX);
    json_begin(&out, &text);
    render_gateway_account(&out, NULL, account);
    json_done(&out);
    assert(buf_ok(&text));
    AUDIT(turn, action, gateway_account, account->id, buf_str(&text));
    turn_answer_now(turn, status, buf_str(&text));
}

static enum err api_key_create(struct turn *turn)
{
    const struct api_key *ask = turn->input->ask;
    assert(merchant_id_equal(ask->merchant, turn->input->merchant));
    assert(ask->live == turn->input->live && ask->scopes != 0);

    struct api_key *key = arena_copy(turn->arena, ask, sizeof *ask);
    key->row = ROW_NEW;
    api_key_list_add(turn->arena, &turn->keys, key);
    answer_key(turn, 201, key);
    return OK;
}

static enum err api_key_revoke(struct turn *turn)
{
    const struct api_key_revoke *ask = turn->input->ask;

    for (size_t i = 0; i < turn->keys.count; i++) {
        struct api_key *key = turn->keys.items[i];
        if (!api_key_id_equal(key->id, ask->id))
            continue;
        if (key->revoked_ms == 0) {
            key->revoked_ms = turn->now_ms;
            row_touch(&key->row);
        }
        answer_key(turn, 200, key);
        return OK;
    }
    return turn_fail(turn, ERR_NOT_FOUND, "There is no such API key in this mode.");
}

/* There is one default per merchant and mode. */
static void make_default(struct turn *turn, struct gateway_account *chosen)
{
    for (size_t i = 0; i < turn->accounts.count; i++) {
        struct gateway_account *account = turn->accounts.items[i];
        if (account == chosen || !account->is_default)
            continue;
        account->is_default = false;
        account->updated_ms = turn->now_ms;
        row_touch(&account->row);
    }
    chosen->is_default = true;
}

/* Here and not in the API, which does not know the gateway of an account that is changed. */
static enum err check_settings(struct turn *turn, const struct gateway_account *account,
                               struct str settings)
{
    const struct gateway *gateway = turn_gateway(turn, account->gateway);
    const struct json *json = NULL;
    struct str param = { 0 };
    struct str why = { 0 };

    assert(gateway);
    enum err err = str_is_empty(settings) ? OK : json_parse(settings, turn->arena, &json, &why);
    if (!err)
        err = account_settings_check(gateway, account->live, json, turn->arena, &param, &why);
    return err ? turn_fail_param(turn, err, str_c(turn->arena, param), "%.*s", STR_ARG(why)) : OK;
}

static enum err check_credentials(struct turn *turn, const struct gateway_account *account,
                                  const struct json *credentials)
{
    struct str param = { 0 };
    struct str why = { 0 };

    enum err err = account_credentials_check(turn_gateway(turn, account->gateway), credentials,
                                             turn->arena, &param, &why);
    return err ? turn_fail_param(turn, err, str_c(turn->arena, param), "%.*s", STR_ARG(why)) : OK;
}

static enum err gateway_account_create(struct turn *turn)
{
    const struct gateway_account_create *create = turn->input->ask;
    const struct gateway_account *ask = &create->row;
    assert(merchant_id_equal(ask->merchant, turn->input->merchant));
    assert(ask->live == turn->input->live && turn_gateway(turn, ask->gateway));
    enum err err = check_settings(turn, ask, ask->settings);
    if (!err)
        err = check_credentials(turn, ask, create->credentials);
    if (err)
        return err;

    struct gateway_account *account = arena_copy(turn->arena, ask, sizeof *ask);
    account->row = ROW_NEW;
    gateway_account_list_add(turn->arena, &turn->accounts, account);
    if (account->is_default)
        make_default(turn, account);
    answer_account(turn, 201, turn->input->handler->name, account);
    return OK;
}

static enum err gateway_account_change(struct turn *turn)
{
    const struct gateway_account_change *ask = turn->input->ask;
    struct gateway_account *account = turn_account(turn, ask->id);

    if (!account)
        return turn_fail(turn, ERR_NOT_FOUND, "There is no such gateway account in this mode.");
    enum err err = ask->has_settings ? check_settings(turn, account, ask->settings) : OK;
    if (!err && ask->has_credentials)
        err = check_credentials(turn, account, ask->credentials);
    if (err)
        return err;
    if (ask->has_description)
        account->description = ask->description;
    if (ask->has_disabled)
        account->disabled = ask->disabled;
    if (ask->has_settings)
        account->settings = ask->settings;
    if (ask->has_credentials)
        account->credentials = ask->sealed;
    if (ask->has_default && ask->is_default)
        make_default(turn, account);
    else if (ask->has_default)
        account->is_default = false;
    account->updated_ms = turn->now_ms;
    row_touch(&account->row);
    /* What is new about credentials is not shown, so the log says that they are. */
    answer_account(turn, 200, ask->has_credentials ? "gateway_account.change_credentials"
                                                   : turn->input->handler->name, account);
    return OK;
}

const struct turn_handler turn_api_key_create = { "api_key.create", TARGET_NOTHING,
                                                  .loads_keys = true, .handle = api_key_create };
const struct turn_handler turn_api_key_revoke = { "api_key.revoke", TARGET_NOTHING,
                                                  .loads_keys = true, .handle = api_key_revoke };
const struct turn_handler turn_gateway_account_create = { "gateway_account.create", TARGET_NOTHING,
                                                          .changes_accounts = true,
                                                          .handle = gateway_account_create };
const struct turn_handler turn_gateway_account_change = { "gateway_account.change", TARGET_NOTHING,
                                                          .changes_accounts = true,
                                                          .handle = gateway_account_change };
