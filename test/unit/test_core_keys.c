/* API keys as text: what is made is well-formed, and one wrong character is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/keys.h"

struct bench {
    struct outside_fake fake;
    struct arena arena;
    struct secret installation_key;
};

static int setup(void **state)
{
    struct bench *bench = mem_alloc(sizeof *bench);

    outside_fake_init(&bench->fake, 1770000000000, 3);
    bench->installation_key = secret_copy(STR("an installation key"));
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    secret_done(&bench->installation_key);
    arena_done(&bench->arena);
    mem_free(bench);
    return 0;
}

static struct str new_key(struct bench *bench, bool live)
{
    struct secret key = key_make(&bench->fake.outside, live);
    struct str text = str_copy(&bench->arena, secret_reveal(&key));

    secret_done(&key);
    return text;
}

static void a_new_key_is_well_formed(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < 200; i++) {
        bool live = i % 2;
        bool found = !live;
        struct str text = new_key(bench, live);
        assert_int_equal(text.len, KEY_TEXT_LEN);
        assert_true(str_starts_with(text, live ? STR("psk_live_") : STR("psk_test_")));
        assert_true(key_is_well_formed(text, &found));
        assert_int_equal(found, live);
    }
}

static void two_keys_differ(void **state)
{
    struct bench *bench = *state;
    struct str a = new_key(bench, false);
    struct str b = new_key(bench, false);

    assert_false(str_equal(a, b));
}

/* All 62 characters come, and none nearly twice as often as another. */
static void the_characters_are_spread_evenly(void **state)
{
    struct bench *bench = *state;
    unsigned counts[256] = { 0 };
    unsigned least = UINT32_MAX, most = 0, kinds = 0;

    for (int i = 0; i < 4000; i++) {
        struct secret key = key_make(&bench->fake.outside, false);
        struct str text = str_slice(secret_reveal(&key), 9, 33);
        for (size_t at = 0; at < text.len; at++)
            counts[(unsigned char)text.ptr[at]]++;
        secret_done(&key);
    }
    for (int c = 0; c < 256; c++) {
        if (counts[c] == 0)
            continue;
        kinds++;
        least = counts[c] < least ? counts[c] : least;
        most = counts[c] > most ? counts[c] : most;
    }
    assert_int_equal(kinds, 62);
    assert_true(most < least * 3 / 2);
}

static void one_wrong_character_is_noticed(void **state)
{
    struct bench *bench = *state;
    struct str text = new_key(bench, false);
    char wrong[KEY_TEXT_LEN];
    bool live = true;

    for (size_t at = 0; at < KEY_TEXT_LEN; at++) {
        memcpy(wrong, text.ptr, KEY_TEXT_LEN);
        wrong[at] = wrong[at] == 'a' ? 'b' : 'a';
        assert_false(key_is_well_formed(str_make(wrong, KEY_TEXT_LEN), &live));
    }
    assert_true(live);
}

static void what_is_no_key_is_refused(void **state)
{
    struct bench *bench = *state;
    struct str text = new_key(bench, false);
    struct str other_mode = str_format(&bench->arena, "psk_live_%.*s",
                                       STR_ARG(str_slice(text, 9, text.len)));
    bool live;

    assert_false(key_is_well_formed(str_slice(text, 0, text.len - 1), &live));
    assert_false(key_is_well_formed(str_format(&bench->arena, "%.*s0", STR_ARG(text)), &live));
    assert_false(key_is_well_formed(other_mode, &live));
    assert_false(key_is_well_formed((struct str){ 0 }, &live));
}

/* A key made before must stay good: this text is fixed. */
static void the_format_does_not_change(void **state)
{
    (void)state;
    struct str text = STR("psk_test_0123456789ABCDEFGHIJKLMNOPQRSTUVW2JmUZo");
    bool live = true;

    assert_true(key_is_well_formed(text, &live));
    assert_false(live);
}

static void a_hash_depends_on_key_use_and_installation(void **state)
{
    struct bench *bench = *state;
    struct secret other = secret_copy(STR("another installation key"));
    struct sha256 hash = key_hash(&bench->installation_key, STR("text"));
    struct sha256 again = key_hash(&bench->installation_key, STR("text"));
    struct sha256 elsewhere = key_hash(&other, STR("text"));
    struct sha256 claim = claim_fingerprint(&bench->installation_key, STR("text"), STR(""));

    assert_memory_equal(hash.bytes, again.bytes, sizeof hash.bytes);
    assert_memory_not_equal(hash.bytes, elsewhere.bytes, sizeof hash.bytes);
    assert_memory_not_equal(hash.bytes, claim.bytes, sizeof hash.bytes);
    secret_done(&other);
}

static void a_fingerprint_keeps_route_and_body_apart(void **state)
{
    struct bench *bench = *state;
    struct sha256 a = claim_fingerprint(&bench->installation_key, STR("POST /a"), STR("bc"));
    struct sha256 b = claim_fingerprint(&bench->installation_key, STR("POST /ab"), STR("c"));

    assert_memory_not_equal(a.bytes, b.bytes, sizeof a.bytes);
}

static void a_hint_shows_mode_and_last_four(void **state)
{
    struct bench *bench = *state;
    struct str text = new_key(bench, true);
    struct str hint = key_hint(&bench->arena, text);

    assert_int_equal(hint.len, 9 + 3 + 4);
    assert_true(str_starts_with(hint, STR("psk_live_...")));
    assert_true(str_ends_with(hint, str_slice(text, KEY_TEXT_LEN - 4, 4)));
}

static void scopes_are_read_and_written(void **state)
{
    (void)state;
    char array[64];
    struct buf text;

    assert_int_equal(key_scopes_parse(STR("read")), KEY_SCOPE_READ);
    assert_int_equal(key_scopes_parse(STR("refund,read")), KEY_SCOPE_READ | KEY_SCOPE_REFUND);
    assert_int_equal(key_scopes_parse(STR(" write  admin, ")), KEY_SCOPE_WRITE | KEY_SCOPE_ADMIN);
    assert_int_equal(key_scopes_parse(STR("read root")), 0);
    assert_int_equal(key_scopes_parse(STR("Read")), 0);
    assert_int_equal(key_scopes_parse(STR("")), 0);
    assert_int_equal(key_scopes_parse(STR(" , ")), 0);
    buf_fixed(&text, array, sizeof array);
    key_scopes_write(&text, KEY_SCOPES_ALL);
    assert_string_equal(buf_c(&text), "read write refund admin");
    assert_int_equal(key_scopes_parse(buf_str(&text)), KEY_SCOPES_ALL);
}

static void a_key_as_an_object(void **state)
{
    struct bench *bench = *state;
    struct api_key key = {
        .hint = STR("psk_test_...x7Qp"),
        .scopes = KEY_SCOPE_READ | KEY_SCOPE_REFUND,
        .addresses = STR("192.0.2.0/24 2001:db8::1"),
        .created_ms = 1770000000000,
    };
    struct json_out out;
    struct buf text;

    buf_init(&text, &bench->arena, 4096);
    json_begin(&out, &text);
    api_key_render(&out, NULL, &key, (struct str){ 0 });
    json_done(&out);
    assert_string_equal(
        buf_c(&text),
        "{\"id\":\"key_00000000000000000000000000\",\"object\":\"api_key\",\"key\":null,"
        "\"hint\":\"psk_test_...x7Qp\",\"scopes\":[\"read\",\"refund\"],\"description\":null,"
        "\"addresses\":[\"192.0.2.0/24\",\"2001:db8::1\"],\"live\":false,"
        "\"created_at\":\"2026-02-02T02:40:00.000Z\",\"expires_at\":null,\"revoked_at\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_is_well_formed),
        cmocka_unit_test(two_keys_differ),
        cmocka_unit_test(the_characters_are_spread_evenly),
        cmocka_unit_test(one_wrong_character_is_noticed),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(the_format_does_not_change),
        cmocka_unit_test(a_hash_depends_on_key_use_and_installation),
        cmocka_unit_test(a_fingerprint_keeps_route_and_body_apart),
        cmocka_unit_test(a_hint_shows_mode_and_last_four),
        cmocka_unit_test(scopes_are_read_and_written),
        cmocka_unit_test(a_key_as_an_object),
    };

    return cmocka_run_group_tests_name("keys", tests, setup, teardown);
}
