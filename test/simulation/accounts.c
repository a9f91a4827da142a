/* accounts.c - gateway accounts in the books that every world begins with. */
#include <assert.h>

#include "base/json.h"
#include "core/keys.h"
#include "gateways/gateways.h"
#include "store/vault.h"
#include "world.h"

#define ONE_STEP "00000000-0000-4000-8000-000000000001"
#define TWO_STEP "00000000-0000-4000-8000-000000000002"
#define AT_BANK "http://epayment.test/epayment"
/* Two accounts share the bank's order numbers, so one counts from elsewhere. */
#define EPAYMENT_SETTINGS_OF(capture, from)                                                    \
    "{\"oauth_url\":\"" AT_BANK "/oauth2/token\",\"api_url\":\"" AT_BANK "\","                  \
    "\"page_url\":\"http://epayment.test/payform/payment-api.js\",\"capture\":\"" capture "\"," \
    "\"reference_from\":" from "}"
#define EPAYMENT_CREDENTIALS_OF(terminal)                                                      \
    "{\"client_id\":\"sim\",\"client_secret\":\"sim-secret\",\"terminal\":\"" terminal "\","     \
    "\"notify_secret\":\"a-secret-for-notifications\"}"

static const struct {
    const struct gateway *gateway;
    const char *settings, *credentials;
} wanted[ACCOUNT_COUNT] = {
    [ACCOUNT_EPAYMENT_SALE] = { &gateway_epayment, EPAYMENT_SETTINGS_OF("sale", "100001"),
                                EPAYMENT_CREDENTIALS_OF(ONE_STEP) },
    [ACCOUNT_EPAYMENT_HOLD] = { &gateway_epayment, EPAYMENT_SETTINGS_OF("separate", "500001"),
                                EPAYMENT_CREDENTIALS_OF(TWO_STEP) },
    [ACCOUNT_HYPERSWITCH] = { &gateway_hyperswitch,
                              "{\"base_url\":\"http://hyperswitch.test/hyperswitch\"}",
                              "{\"api_key\":\"snd_sim_key\","
                              "\"webhook_key\":\"sim_payment_response_hash_key\"}" },
};

/* They live as long as the process, and so does the vault. */
static struct arena kept;

static enum err read_keys(void *self, struct arena *arena, struct credentials_keys *out,
                          struct str *why)
{
    (void)self;
    return credentials_keys_parse(
        STR("0001020304050607080900010203040506070809000102030405060708090001"), out, arena, why);
}

static void make(struct world *world, enum account_name name, struct id_maker *ids)
{
    struct account *account = &world->accounts[name];
    struct desk_turn *turn = desk_turn_new();
    struct gateway_account_create *ask = ARENA_NEW(&turn->arena, struct gateway_account_create);
    int64_t now_ms = outside_now_ms(&world->outside);
    struct gateway_account_id id = gateway_account_id_make(ids, now_ms);
    struct str plain = str_of(wanted[name].credentials);

    account->gateway = wanted[name].gateway;
    account->row = (struct gateway_account){
        .id = id,
        .merchant = world->merchant,
        .gateway = str_of(account->gateway->name),
        .settings = str_of(wanted[name].settings),
        .credentials = vault_seal(world->vault, id, plain, &kept),
        .created_ms = now_ms,
        .updated_ms = now_ms,
    };
    ask->row = account->row;
    enum err err = json_parse(plain, &turn->arena, &ask->credentials, NULL);
    assert(err == OK);
    (void)err;
    node_do(world, turn, &turn_gateway_account_create, ask);
}

void accounts_open_vault(struct world *world)
{
    static const struct vault_source source = { NULL, read_keys };
    struct str why;
    enum err err = vault_open(&source, &world->outside, &kept, &world->vault, &why);
    assert(err == OK);
    (void)err;
}

void accounts_make(struct world *world)
{
    struct id_maker ids = { .outside = &world->outside };

    world->accounts[ACCOUNT_SANDBOX].gateway = &gateway_sandbox;
    for (enum account_name name = ACCOUNT_SANDBOX + 1; name < ACCOUNT_COUNT; name++)
        make(world, name, &ids);
}
