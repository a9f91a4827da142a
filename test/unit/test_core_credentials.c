/* Credentials at rest: what is sealed opens in its own row with its own key, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "core/credentials.h"

#define OLD_KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NEW_KEY "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

struct vault {
    struct arena arena;
    struct outside_fake fake;
    struct credentials_keys keys;
    struct gateway_account_id account;
};

static struct credentials_keys keys_of(struct vault *vault, const char *text)
{
    struct credentials_keys keys;
    struct str why;
    assert_int_equal(credentials_keys_parse(str_of(text), &keys, &vault->arena, &why), OK);
    return keys;
}

static void vault_open(struct vault *vault, const char *keys)
{
    *vault = (struct vault){ 0 };
    outside_fake_init(&vault->fake, 1770000000000, 3);
    vault->keys = keys_of(vault, keys);
    vault->account = gateway_account_id_make(&(struct id_maker){ &vault->fake.outside, 0, 0 }, 1);
}

static void vault_close(struct vault *vault)
{
    credentials_keys_done(&vault->keys);
    arena_done(&vault->arena);
}

static struct str seal(struct vault *vault, const char *plain)
{
    return credentials_seal(&vault->keys, &vault->fake.outside, vault->account, str_of(plain),
                            &vault->arena);
}

static bool opens(struct vault *vault, struct str sealed, const char *plain)
{
    struct secret opened = { 0 };
    if (!credentials_open(&vault->keys, vault->account, sealed, &opened))
        return false;
    bool equal = secret_equal(&opened, str_of(plain));
    secret_done(&opened);
    assert_true(equal);
    return true;
}

static void what_is_sealed_opens(void **state)
{
    struct vault vault;
    (void)state;
    vault_open(&vault, OLD_KEY);
    struct str sealed = seal(&vault, "{\"api_key\":\"snd_secret\"}");
    assert_null(memmem(sealed.ptr, sealed.len, "snd_secret", 10));
    assert_true(opens(&vault, sealed, "{\"api_key\":\"snd_secret\"}"));
    assert_true(opens(&vault, seal(&vault, ""), ""));
    /* Sealed twice it looks different: nonces are not used again. */
    assert_false(str_equal(sealed, seal(&vault, "{\"api_key\":\"snd_secret\"}")));
    vault_close(&vault);
}

static void moved_to_another_row_it_does_not_open(void **state)
{
    struct vault vault;
    (void)state;
    vault_open(&vault, OLD_KEY);
    struct str sealed = seal(&vault, "secret");
    vault.account.id.bytes[15] ^= 1;
    assert_false(opens(&vault, sealed, "secret"));
    vault_close(&vault);
}

static void any_changed_bit_is_noticed(void **state)
{
    struct vault vault;
    char plain[] = "secret";
    unsigned char key[CRYPTO_KEY_SIZE] = { 1 }, nonce[CRYPTO_NONCE_SIZE] = { 2 };
    unsigned char sealed[sizeof plain - 1 + CRYPTO_TAG_SIZE], opened[sizeof plain];
    (void)state;
    vault_open(&vault, OLD_KEY);
    crypto_encrypt(key, nonce, STR("row"), STR("secret"), sealed);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(crypto_decrypt(key, nonce, STR("row"),
                                    str_make((const char *)sealed, sizeof sealed), opened));
        sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_true(crypto_decrypt(key, nonce, STR("row"),
                               str_make((const char *)sealed, sizeof sealed), opened));
    assert_memory_equal(opened, "secret", 6);
    vault_close(&vault);
}

static void keys_are_rotated_with_an_overlap(void **state)
{
    struct vault vault;
    (void)state;
    vault_open(&vault, OLD_KEY);
    struct str before = seal(&vault, "secret");
    credentials_keys_done(&vault.keys);
    vault.keys = keys_of(&vault, "# new first\n" NEW_KEY "\n" OLD_KEY "\n");
    assert_true(opens(&vault, before, "secret"));
    assert_false(credentials_is_current(&vault.keys, before));
    struct str after = seal(&vault, "secret");
    assert_true(credentials_is_current(&vault.keys, after));
    credentials_keys_done(&vault.keys);
    vault.keys = keys_of(&vault, NEW_KEY);
    assert_false(opens(&vault, before, "secret"));
    assert_true(opens(&vault, after, "secret"));
    vault_close(&vault);
}

static void malformed_texts_are_refused(void **state)
{
    static const char *const no_keys[] = { "", "# only a comment", "00", OLD_KEY "0", "zz" };
    static const char *const no_seals[] = { "", "v1.", "v1.00000000.", "v2.00000000.AAAA",
                                            "v1.00000000.====", "v1.0000000.AAAA" };
    struct vault vault;
    struct credentials_keys keys;
    struct str why;
    (void)state;
    vault_open(&vault, OLD_KEY);
    for (size_t i = 0; i < sizeof no_keys / sizeof no_keys[0]; i++)
        assert_int_equal(credentials_keys_parse(str_of(no_keys[i]), &keys, &vault.arena, &why),
                         ERR_VALIDATION);
    for (size_t i = 0; i < sizeof no_seals / sizeof no_seals[0]; i++)
        assert_false(opens(&vault, str_of(no_seals[i]), ""));
    vault_close(&vault);
}

/* Test case 14 of the GCM specification (McGrew, Viega), AES-256. */
static void cipher_is_the_standard_one(void **state)
{
    unsigned char key[CRYPTO_KEY_SIZE] = { 0 }, nonce[CRYPTO_NONCE_SIZE] = { 0 };
    unsigned char plain[16] = { 0 }, out[16 + CRYPTO_TAG_SIZE], want[sizeof out];
    (void)state;
    assert_true(crypto_read_hex(STR("cea7403d4d606b6e074ec5d3baf39d18"
                                    "d0d1c8a799996bf0265b98b5d48ab919"), want, sizeof want));
    crypto_encrypt(key, nonce, STR(""), str_make((const char *)plain, sizeof plain), out);
    assert_memory_equal(out, want, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_opens),
        cmocka_unit_test(moved_to_another_row_it_does_not_open),
        cmocka_unit_test(any_changed_bit_is_noticed),
        cmocka_unit_test(keys_are_rotated_with_an_overlap),
        cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(cipher_is_the_standard_one),
    };
    return cmocka_run_group_tests_name("core credentials", tests, NULL, NULL);
}
