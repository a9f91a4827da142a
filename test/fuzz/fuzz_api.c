/* fuzz_api.c - bodies and queries of every route: whatever comes, it is either a complete
 * request for the handler, free of card numbers, or a refusal that says something and repeats
 * no card number.
 *
 * Input: one byte that chooses the route ('A' is the first that takes any), then the body or
 * the query. */
#include <stdint.h>
#include <stdlib.h>

#include "api/card.h"
#include "api/reads.h"
#include "api/resources.h"
#include "base/money.h"
#include "base/pan.h"
#include "core/keys.h"
#include "core/requests.h"
#include "store/vault.h"

#define NOW_MS INT64_C(1772366400000)

static const enum payment_method methods[] = { METHOD_CARD, METHOD_NONE };
static const struct gateway sandbox = { .name = "sandbox", .test_only = true, .methods = methods };
static const struct gateway *const gateways[] = { &sandbox, NULL };

static bool takes_input(const struct route *route)
{
    return route->turn || route->read;
}

static const struct route *choose(uint8_t byte)
{
    size_t count = 0;
    size_t chosen = 0;

    for (size_t i = 0; i < route_count; i++)
        count += takes_input(&routes[i]);
    chosen = (size_t)(uint8_t)(byte - 'A') % count;
    for (size_t i = 0; i < route_count; i++)
        if (takes_input(&routes[i]) && chosen-- == 0)
            return &routes[i];
    abort();
}

static void check_clean(struct str text)
{
    if (pan_present(text))
        abort();
}

static void check_payment(const struct turn_input *input)
{
    const struct payment_create *ask = input->ask;
    const struct str texts[] = { ask->reference,      ask->description, ask->shop,
                                 ask->customer_email, ask->return_url,  ask->metadata,
                                 ask->card_brand };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_clean(texts[i]);
    if (ask->amount.minor < (ask->verification ? 0 : 1) || ask->amount.minor > MONEY_MAX_MINOR)
        abort();
    if (ask->amount.currency == CURRENCY_NONE || ask->capture_method == CAPTURE_METHOD_NONE)
        abort();
    bool card = ask->method == METHOD_CARD;
    bool saved = ask->method == METHOD_SAVED_CARD;
    bool named = !instrument_id_is_zero(input->instrument);
    if ((named && !saved) || (card || (saved && !named)) != (ask->card != NULL))
        abort();
    if (ask->verification && (!ask->save_card || customer_id_is_zero(input->customer)))
        abort();
    if (ask->card && saved == secret_is_empty(&ask->card->saved))
        abort();
    if (ask->confirm && ask->method == METHOD_NONE)
        abort();
    if (card && (!pan_luhn_ok(secret_reveal(&ask->card->number)) || ask->card_last4.len != 4))
        abort();
}

static void check_asked(const struct desk_turn *turn)
{
    const struct turn_input *input = &turn->input;

    if (!input->handler)
        abort();
    if (input->handler == &turn_payment_create || input->handler == &turn_instrument_create)
        check_payment(input);
    if (input->handler == &turn_refund_create)
        check_clean(((const struct refund_create *)input->ask)->reason);
    if (input->handler == &turn_customer_create) {
        check_clean(((const struct customer_create *)input->ask)->fields.name);
        check_clean(((const struct customer_create *)input->ask)->fields.metadata);
    }
    if (input->handler == &turn_invoice_create)
        check_clean(((const struct invoice_create *)input->ask)->metadata);
    if (input->handler == &turn_api_key_create && ((const struct api_key *)input->ask)->scopes == 0)
        abort();
}

static void check_refused(const struct call *call, enum err err)
{
    int status = err_http_status(err);

    if (status != 422 && status != 400)
        abort();
    if (str_is_empty(call->trouble.detail))
        abort();
    check_clean(call->trouble.detail);
    check_clean(call->trouble.param);
}

static void fuzz_turn(struct call *call, struct str body)
{
    struct desk_turn *turn = desk_turn_new();
    struct errand *errand = ARENA_NEW(&turn->arena, struct errand);
    const struct json *json = NULL;
    bool parsed = json_parse(body, &turn->arena, &json, NULL) == OK && json_is_object(json);

    errand->call = call;
    turn->user = errand;
    if (call->route->body == BODY_IGNORED)
        json = NULL;
    if (parsed || call->route->body == BODY_IGNORED) {
        enum err err = call->route->turn(call, json, turn);
        if (err)
            check_refused(call, err);
        else
            check_asked(turn);
    }
    card_done(&errand->card);
    secret_done(&errand->new_key);
    arena_wipe(&turn->arena);
    desk_turn_free(turn);
}

static void fuzz_read(struct call *call, struct str query)
{
    const struct reading *reading = call->route->read;
    void *params = arena_alloc(call->arena, reading->params_size);

    enum err err = fields_read_query(reading->params, reading->param_count, query, params,
                                     &call->trouble);
    if (!err && reading->check)
        err = reading->check(call, params);
    if (err)
        check_refused(call, err);
}

static enum err read_vault_keys(void *self, struct arena *arena, struct credentials_keys *out,
                                struct str *why)
{
    (void)self;
    return credentials_keys_parse(
        STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"), out, arena, why);
}

static struct vault *open_vault(const struct outside *outside, struct arena *arena)
{
    const struct vault_source source = { NULL, read_vault_keys };
    struct vault *vault = NULL;
    struct str why;

    if (vault_open(&source, outside, arena, &vault, &why) != OK)
        abort();
    return vault;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outside_fake fake;
    struct arena arena = { 0 };
    struct secret key = secret_copy(STR("an installation key"));

    outside_fake_init(&fake, NOW_MS, 1);
    struct api api = {
        .config = { .outside = &fake.outside, .gateways = gateways, .installation_key = &key,
                    .vault = open_vault(&fake.outside, &arena) },
        .ids = { .outside = &fake.outside }
    };
    struct call call = { .api = &api, .arena = &arena, .trouble = { .arena = &arena } };
    if (size > 0) {
        struct str text = str_make((const char *)data + 1, size - 1);
        call.route = choose(data[0]);
        call.who.live = size % 2;
        if (call.route->turn)
            fuzz_turn(&call, text);
        else
            fuzz_read(&call, text);
    }
    vault_close(api.config.vault);
    secret_done(&key);
    arena_done(&arena);
    return 0;
}
