/* Webhooks: the vectors of Standard Webhooks 1.0.0, RSA with a published key, schedules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "core/webhook_format.h"
#include "core/webhook_rules.h"

#define MESSAGE STR("msg_p5jXN8AQM9LWM0D4loKWxJek")
#define MESSAGE_TIME 1614265330
#define MESSAGE_BODY STR("{\"test\": 2432232314}")

static int setup(void **state)
{
    *state = mem_alloc(sizeof(struct arena));
    return 0;
}

static int teardown(void **state)
{
    arena_done(*state);
    mem_free(*state);
    return 0;
}

static struct str bytes_of(struct arena *arena, const char *base64)
{
    struct buf out;
    buf_init(&out, arena, 4096);
    assert_true(crypto_read_base64(str_of(base64), &out));
    return buf_str(&out);
}

static void assert_str(struct str have, const char *want)
{
    assert_int_equal(have.len, str_of(want).len);
    assert_memory_equal(have.ptr, want, have.len);
}

static void test_v1(void **state)
{
    struct arena *arena = *state;
    struct str secret;

    assert_true(webhook_secret_bytes(STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), arena,
                                     &secret));
    assert_str(webhook_sign_v1(secret, MESSAGE, MESSAGE_TIME, MESSAGE_BODY, arena),
               "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void test_secrets_of_the_wrong_size_are_refused(void **state)
{
    struct arena *arena = *state;
    char bytes[65] = { 0 };
    struct str out;

    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct str text = webhook_key_text(arena, "whsec_", str_make(bytes, len));
        assert_int_equal(webhook_secret_bytes(text, arena, &out), len >= 24 && len <= 64);
    }
    assert_false(webhook_secret_bytes(STR("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), arena, &out));
}

static void check_v1a(struct arena *arena, const char *pair, const char *public_key,
                      const char *signature)
{
    struct str seed = str_slice(bytes_of(arena, pair), 0, CRYPTO_ED25519_KEY_SIZE);
    char made[CRYPTO_ED25519_KEY_SIZE];

    crypto_ed25519_public(seed.ptr, made);
    assert_str(webhook_key_text(arena, "whpk_", str_make(made, sizeof made)), public_key);
    assert_str(webhook_sign_v1a(seed, MESSAGE, MESSAGE_TIME, MESSAGE_BODY, arena), signature);
}

static void test_v1a(void **state)
{
    check_v1a(*state,
              "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6K"
              "vg==",
              "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
              "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM"
              "+m7TBAg==");
    /* RFC 8032, test 1. */
    check_v1a(*state,
              "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdR"
              "Gg==",
              "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
              "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlH"
              "FG2NVAw==");
}

static void test_rsa_signs_and_one_bit_breaks_it(void **state)
{
    struct arena *arena = *state;
    static const size_t lengths[] = { 0, 1, 55, 56, 64 };
    struct buf private_der, public_der;
    char body[64] = "a body of sixty-four bytes, as long as a block of the hash is .";

    buf_init(&private_der, arena, CRYPTO_RSA_DER_MAX);
    buf_init(&public_der, arena, CRYPTO_RSA_DER_MAX);
    crypto_rsa_make(2048, &private_der, &public_der);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct str text = str_make(body, lengths[i]);
        struct buf signature, again;
        buf_init(&signature, arena, CRYPTO_RSA_SIGNATURE_MAX);
        buf_init(&again, arena, CRYPTO_RSA_SIGNATURE_MAX);
        assert_true(crypto_rsa_sign(buf_str(&private_der), text, &signature));
        assert_true(crypto_rsa_sign(buf_str(&private_der), text, &again));
        assert_true(str_equal(buf_str(&signature), buf_str(&again)));
        assert_true(crypto_rsa_verify(buf_str(&public_der), text, buf_str(&signature)));
        signature.ptr[17] ^= 1;
        assert_false(crypto_rsa_verify(buf_str(&public_der), text, buf_str(&signature)));
    }
    struct buf none;
    buf_init(&none, arena, CRYPTO_RSA_SIGNATURE_MAX);
    assert_false(crypto_rsa_sign(STR("no key"), STR("x"), &none));
}

static int64_t total_ms(enum webhook_retries retries, int64_t *count, struct id id)
{
    int64_t sum = 0, delay;
    *count = 0;
    while ((delay = webhook_retry_ms(retries, *count + 1, id)) != 0) {
        sum += delay;
        (*count)++;
    }
    return sum;
}

static void test_schedules(void **state)
{
    struct id id = { { 1, 2, 3 } }, other = { { 1, 2, 4 } };
    int64_t count;
    (void)state;

    assert_int_equal(total_ms(RETRIES_HOOKER, &count, id), 91230 * SECOND_MS);
    assert_int_equal(count, 28);
    int64_t standard_ms = total_ms(RETRIES_STANDARD, &count, id);
    assert_int_equal(count, 14);
    /* A receiver that is down from Friday evening to Monday morning, 63 hours, is survived. */
    assert_true(standard_ms > 63 * HOUR_MS && standard_ms < 91 * HOUR_MS);
    assert_int_equal(webhook_retry_ms(RETRIES_STANDARD, 1, id),
                     webhook_retry_ms(RETRIES_STANDARD, 1, id));
    assert_int_not_equal(webhook_retry_ms(RETRIES_STANDARD, 1, id),
                         webhook_retry_ms(RETRIES_STANDARD, 1, other));
    (void)total_ms(RETRIES_CALLBACK, &count, id);
    assert_int_equal(count, 5);
}

static void test_success(void **state)
{
    struct webhook_endpoint endpoint = { .success = SUCCESS_ANY_2XX };
    (void)state;

    for (int status = 0; status < 600; status++)
        assert_int_equal(webhook_is_success(&endpoint, status), status / 100 == 2);
    endpoint.success = SUCCESS_ONLY_200;
    assert_true(webhook_is_success(&endpoint, 200));
    assert_false(webhook_is_success(&endpoint, 204));
}

static void test_dates_of_http(void **state)
{
    int64_t time_ms = 0;
    (void)state;

    assert_true(time_parse_http(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &time_ms));
    assert_int_equal(time_ms, 784111777 * SECOND_MS);
    assert_false(time_parse_http(STR("Sun, 06 Nov 1994 08:49:37 UTC"), &time_ms));
    assert_false(time_parse_http(STR("Sun, 06 Nox 1994 08:49:37 GMT"), &time_ms));
    assert_false(time_parse_http(STR("Sun, 41 Nov 1994 08:49:37 GMT"), &time_ms));
    assert_false(time_parse_http(STR("120"), &time_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_v1, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets_of_the_wrong_size_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_v1a, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rsa_signs_and_one_bit_breaks_it, setup, teardown),
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_dates_of_http),
    };
    return cmocka_run_group_tests_name("core webhooks", tests, NULL, NULL);
}
