/* Turns about API keys and gateway accounts, over lists in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json.h"
#include "core/keys.h"
#include "core/turn.h"

#define NOW_MS INT64_C(1770000000000)

struct bench {
    struct outside_fake fake;
    struct id_maker ids;
    struct arena arena;
    struct merchant_id merchant;
    struct gateway gateway;
    const struct gateway *gateways[2];
    struct claim claim;
    struct turn_input input;
    struct turn turn;
};

static int setup(void **state)
{
    struct bench *bench = mem_alloc(sizeof *bench);

    outside_fake_init(&bench->fake, NOW_MS, 5);
    bench->ids.outside = &bench->fake.outside;
    bench->merchant = merchant_id_make(&bench->ids, NOW_MS);
    bench->gateway.name = "sandbox";
    bench->gateways[0] = &bench->gateway;
    bench->turn = (struct turn){
        .input = &bench->input,
        .arena = &bench->arena,
        .now_ms = NOW_MS,
        .ids = &bench->ids,
        .gateways = bench->gateways,
    };
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    arena_done(&bench->arena);
    mem_free(bench);
    return 0;
}

static enum err run(struct bench *bench, const struct turn_handler *handler, const void *ask)
{
    bench->input = (struct turn_input){ .handler = handler,
                                        .merchant = bench->merchant,
                                        .ask = ask };
    bench->turn.answer = (struct turn_answer){ 0 };
    bench->turn.detail = (struct str){ 0 };
    bench->turn.param = (struct str){ 0 };
    turn_run(&bench->turn);
    return bench->turn.err;
}

static struct gateway_account *add_account(struct bench *bench, bool is_default)
{
    struct gateway_account *account = ARENA_NEW(&bench->arena, struct gateway_account);

    account->id = gateway_account_id_make(&bench->ids, NOW_MS);
    account->gateway = STR("sandbox");
    account->is_default = is_default;
    gateway_account_list_add(&bench->arena, &bench->turn.accounts, account);
    return account;
}

static const struct json *answered(struct bench *bench, int status)
{
    const struct json *json = NULL;

    assert_int_equal(bench->turn.answer.status, status);
    assert_true(bench->turn.answer.final);
    assert_int_equal(json_parse(bench->turn.answer.body, &bench->arena, &json, NULL), OK);
    return json;
}

static struct api_key key_row(struct bench *bench)
{
    return (struct api_key){ .id = api_key_id_make(&bench->ids, NOW_MS),
                             .merchant = bench->merchant,
                             .hint = STR("psk_test_...abcd"),
                             .scopes = KEY_SCOPE_READ,
                             .created_ms = NOW_MS };
}

static void a_key_is_added_and_not_shown(void **state)
{
    struct bench *bench = *state;
    struct api_key ask = key_row(bench);

    assert_int_equal(run(bench, &turn_api_key_create, &ask), OK);
    assert_int_equal(bench->turn.keys.count, 1);
    assert_int_equal(bench->turn.keys.items[0]->row, ROW_NEW);
    assert_ptr_not_equal(bench->turn.keys.items[0], &ask);
    const struct json *json = answered(bench, 201);
    assert_int_equal(json_type(json_get(json, "key")), JSON_NULL);
}

static void a_claim_keeps_the_answer(void **state)
{
    struct bench *bench = *state;
    struct api_key ask = key_row(bench);

    bench->claim = (struct claim){ .row = ROW_NEW };
    bench->turn.claim = &bench->claim;
    assert_int_equal(run(bench, &turn_api_key_create, &ask), OK);
    assert_int_equal(bench->claim.status, 201);
    assert_int_equal(bench->claim.row, ROW_NEW);
    assert_true(str_equal(bench->claim.body, bench->turn.answer.body));
}

static void revoking_sets_the_moment_once(void **state)
{
    struct bench *bench = *state;
    struct api_key key = key_row(bench);
    struct api_key_revoke ask = { key.id };

    api_key_list_add(&bench->arena, &bench->turn.keys, &key);
    assert_int_equal(run(bench, &turn_api_key_revoke, &ask), OK);
    assert_int_equal(key.revoked_ms, NOW_MS);
    assert_int_equal(key.row, ROW_CHANGED);
    answered(bench, 200);

    key.row = ROW_CLEAN;
    bench->turn.now_ms = NOW_MS + 1000;
    assert_int_equal(run(bench, &turn_api_key_revoke, &ask), OK);
    assert_int_equal(key.revoked_ms, NOW_MS);
    assert_int_equal(key.row, ROW_CLEAN);
}

static void a_key_of_nobody_is_not_found(void **state)
{
    struct bench *bench = *state;
    struct api_key_revoke ask = { api_key_id_make(&bench->ids, NOW_MS) };

    assert_int_equal(run(bench, &turn_api_key_revoke, &ask), ERR_NOT_FOUND);
}

static struct gateway_account_create account_row(struct bench *bench, bool is_default)
{
    return (struct gateway_account_create){ .row = {
        .id = gateway_account_id_make(&bench->ids, NOW_MS),
        .merchant = bench->merchant,
        .gateway = STR("sandbox"),
        .is_default = is_default,
        .created_ms = NOW_MS,
    } };
}

static void a_new_account_that_is_no_default_changes_nothing_else(void **state)
{
    struct bench *bench = *state;
    struct gateway_account *old = add_account(bench, true);
    struct gateway_account_create ask = account_row(bench, false);

    assert_int_equal(run(bench, &turn_gateway_account_create, &ask), OK);
    assert_int_equal(bench->turn.accounts.count, 2);
    assert_true(old->is_default);
    assert_int_equal(old->row, ROW_CLEAN);
    answered(bench, 201);
}

/* Written in the order of the list, no two rows are ever the default at once. */
static void a_new_default_takes_the_mark_and_is_written_last(void **state)
{
    struct bench *bench = *state;
    struct gateway_account *old = add_account(bench, true);
    struct gateway_account_create ask = account_row(bench, true);

    assert_int_equal(run(bench, &turn_gateway_account_create, &ask), OK);
    assert_false(old->is_default);
    assert_int_equal(old->row, ROW_CHANGED);
    assert_int_equal(old->updated_ms, NOW_MS);
    assert_ptr_equal(bench->turn.accounts.items[0], old);
    assert_true(bench->turn.accounts.items[1]->is_default);
}

static void an_older_account_becomes_the_default(void **state)
{
    struct bench *bench = *state;
    struct gateway_account *first = add_account(bench, false);
    struct gateway_account *second = add_account(bench, true);
    struct gateway_account_change ask = { .id = first->id,
                                          .has_default = true,
                                          .is_default = true };

    assert_int_equal(run(bench, &turn_gateway_account_change, &ask), OK);
    assert_true(first->is_default);
    assert_false(second->is_default);
    assert_int_equal(second->row, ROW_CHANGED);
    const struct json *json = answered(bench, 200);
    bool is_default = false;
    assert_true(json_bool(json_get(json, "is_default"), &is_default) && is_default);
}

static void a_change_leaves_what_it_does_not_name(void **state)
{
    struct bench *bench = *state;
    struct gateway_account *account = add_account(bench, true);
    struct gateway_account_change ask = { .id = account->id,
                                          .has_disabled = true,
                                          .disabled = true };

    account->description = STR("kept");
    account->settings = STR("{\"capture\":\"sale\"}");
    assert_int_equal(run(bench, &turn_gateway_account_change, &ask), OK);
    assert_true(account->disabled && account->is_default);
    assert_true(str_equal_c(account->description, "kept"));
    assert_true(str_equal_c(account->settings, "{\"capture\":\"sale\"}"));
    assert_int_equal(account->row, ROW_CHANGED);

    ask = (struct gateway_account_change){
        .id = account->id, .has_description = true, .has_settings = true, .has_default = true
    };
    assert_int_equal(run(bench, &turn_gateway_account_change, &ask), OK);
    assert_true(str_is_empty(account->description) && str_is_empty(account->settings));
    assert_true(account->disabled && !account->is_default);
}

static const struct gateway_setting needed[] = {
    { .name = "base_url", GW_SETTING_URL, .required = true, .what = "The address of the API." },
    { .name = NULL },
};

static void what_its_gateway_needs_must_be_set(void **state)
{
    struct bench *bench = *state;
    struct gateway_account_create ask = account_row(bench, false);

    bench->gateway.settings = needed;
    assert_int_equal(run(bench, &turn_gateway_account_create, &ask), ERR_VALIDATION);
    assert_true(str_equal_c(bench->turn.param, "settings.base_url"));
    assert_int_equal(bench->turn.accounts.count, 0);
    ask.row.settings = STR("{\"base_url\":\"http://acme.test\"}");
    assert_int_equal(run(bench, &turn_gateway_account_create, &ask), OK);
}

static void a_change_is_checked_as_a_whole(void **state)
{
    struct bench *bench = *state;
    struct gateway_account *account = add_account(bench, false);
    struct gateway_account_change ask = { .id = account->id, .has_settings = true,
                                          .has_disabled = true, .disabled = true };

    bench->gateway.settings = needed;
    account->live = true;
    account->settings = STR("{\"base_url\":\"https://acme.test\"}");
    assert_int_equal(run(bench, &turn_gateway_account_change, &ask), ERR_VALIDATION);
    ask.settings = STR("{\"base_url\":\"http://acme.test\"}");
    assert_int_equal(run(bench, &turn_gateway_account_change, &ask), ERR_VALIDATION);
    ask.settings = STR("{\"base_url\":\"https://acme.test\",\"colour\":\"red\"}");
    assert_int_equal(run(bench, &turn_gateway_account_change, &ask), ERR_UNKNOWN_MEMBER);
    assert_false(account->disabled);
    assert_true(str_equal_c(account->settings, "{\"base_url\":\"https://acme.test\"}"));
    ask.settings = STR("{\"base_url\":\"https://new.test\"}");
    assert_int_equal(run(bench, &turn_gateway_account_change, &ask), OK);
    assert_true(account->disabled);
}

static void an_account_of_nobody_is_not_found(void **state)
{
    struct bench *bench = *state;
    struct gateway_account_change ask = { .id = gateway_account_id_make(&bench->ids, NOW_MS) };

    add_account(bench, true);
    assert_int_equal(run(bench, &turn_gateway_account_change, &ask), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_added_and_not_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(a_claim_keeps_the_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(revoking_sets_the_moment_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_of_nobody_is_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_account_that_is_no_default_changes_nothing_else,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_default_takes_the_mark_and_is_written_last, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_older_account_becomes_the_default, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_leaves_what_it_does_not_name, setup, teardown),
        cmocka_unit_test_setup_teardown(what_its_gateway_needs_must_be_set, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_is_checked_as_a_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(an_account_of_nobody_is_not_found, setup, teardown),
    };

    return cmocka_run_group_tests_name("tenants", tests, NULL, NULL);
}
