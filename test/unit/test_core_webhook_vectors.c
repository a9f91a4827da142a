/* RSA signatures of both of hooker's formats against ones that openssl made and that are frozen:
 * test/data/webhooks. What a receiver of ten years ago takes must not change by a byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/webhook_format.h"

#define FOLDER "test/data/webhooks/"
#define FILE_MAX 8192

static struct str read_file(struct arena *arena, const char *name)
{
    FILE *file = fopen(str_format(arena, FOLDER "%s", name).ptr, "rb");
    char *bytes = ARENA_ARRAY(arena, char, FILE_MAX);

    assert_non_null(file);
    size_t len = fread(bytes, 1, FILE_MAX, file);
    assert_true(len < FILE_MAX);
    fclose(file);
    return str_make(bytes, len);
}

static struct secret key_of(struct arena *arena, struct str name)
{
    struct str rest = read_file(arena, str_format(arena, "%.*s.pem", STR_ARG(name)).ptr), line;
    struct buf base64, der;

    buf_init(&base64, arena, FILE_MAX);
    buf_init(&der, arena, FILE_MAX);
    while (str_cut(&rest, '\n', &line))
        if (!str_starts_with(line, STR("-----")))
            buf_add(&base64, line);
    assert_true(crypto_read_base64(buf_str(&base64), &der));
    return secret_copy(buf_str(&der));
}

static struct str signed_by(struct webhook_send *send, enum webhook_format format,
                            struct arena *arena, const char *header)
{
    struct webhook_endpoint endpoint = { .format = format };
    struct webhook_field fields[WEBHOOK_FIELDS_MAX];

    send->endpoint = &endpoint;
    size_t count = webhook_fields(send, arena, fields);
    for (size_t i = 0; i < count; i++)
        if (str_equal_c(fields[i].name, header))
            return fields[i].value;
    fail_msg("no %s", header);
    return (struct str){ 0 };
}

static void check_vector(struct str line, struct arena *arena)
{
    struct webhook_delivery delivery = { .event = { { { 1 } } } };
    struct str key = { 0 }, hex = { 0 };
    struct buf url;

    assert_true(str_cut(&line, ' ', &key) && str_cut(&line, ' ', &hex));
    size_t len = str_equal_c(hex, "-") ? 0 : hex.len / 2;
    char *body = ARENA_ARRAY(arena, char, len + 1);
    assert_true(len == 0 || crypto_read_hex(hex, body, len));
    struct webhook_send send = {
        .delivery = &delivery,
        .body = str_make(body, len),
        .secret = secret_copy(STR("0123456789abcdef0123456789abcdef")),
        .private_key = key_of(arena, key),
    };
    struct str flat = signed_by(&send, WEBHOOK_FORMAT_HOOKER_FLAT, arena, "X-Signature");
    if (!str_equal(flat, line))
        fail_msg("%.*s: %.*s", STR_ARG(hex), STR_ARG(flat));
    buf_init(&url, arena, 1024);
    buf_add_c(&url, "alg=RS256; digest=");
    for (size_t i = 0; i < line.len; i++)
        buf_add_char(&url, line.ptr[i] == '+' ? '-' : line.ptr[i] == '/' ? '_' : line.ptr[i]);
    assert_true(str_equal(buf_str(&url), signed_by(&send, WEBHOOK_FORMAT_HOOKER_ENVELOPE, arena,
                                                   "Content-Signature")));
    secret_done(&send.secret);
    secret_done(&send.private_key);
}

static void test_frozen_signatures(void **state)
{
    struct arena arena = { 0 };
    struct str rest = read_file(&arena, "rsa_vectors.txt"), line;
    size_t count = 0;

    (void)state;
    while (str_cut(&rest, '\n', &line)) {
        if (str_starts_with(line, STR("#")))
            continue;
        check_vector(line, &arena);
        count++;
    }
    assert_int_equal(count, 10);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_frozen_signatures) };
    return cmocka_run_group_tests_name("core webhook vectors", tests, NULL, NULL);
}
