/* webhook_send.c - the header of a try: ids, signatures, and the endpoint's own fields.
 *
 * Whatever the format, webhook-id and webhook-timestamp are there, and webhook-signature too:
 * old receivers ignore them, new ones can tell a repetition and an old message by them. */
#include <assert.h>

#include "base/json.h"
#include "base/time.h"
#include "core/webhook_format.h"

#define SIGNED_MAX ((size_t)512 * 1024)
#define SIGNATURES_MAX 1024

struct format_rule {
    const char *content_type;
    bool rsa;
    const char *open_header;     /* where the endpoint chooses the header; NULL: it does not */
    enum webhook_retries retries;
    int64_t deadline_ms;
    bool (*sign)(const struct webhook_send *send, struct arena *arena, struct webhook_field *out);
};

static struct str hex_of(struct arena *arena, struct sha256 mac)
{
    struct buf out;
    buf_init(&out, arena, 2 * SHA256_SIZE + 1);
    buf_add_hex(&out, mac.bytes, SHA256_SIZE);
    return buf_str(&out);
}

static bool sign_stripe(const struct webhook_send *send, struct arena *arena,
                        struct webhook_field *out)
{
    long long time_s = send->now_ms / SECOND_MS;
    struct buf text, value;

    buf_init(&text, arena, SIGNED_MAX);
    buf_addf(&text, "%lld.", time_s);
    buf_add(&text, send->body);
    struct sha256 mac = crypto_hmac_sha256_plain(secret_reveal(&send->secret), buf_str(&text));
    buf_init(&value, arena, SIGNATURES_MAX);
    buf_addf(&value, "t=%lld,v1=%.*s", time_s, STR_ARG(hex_of(arena, mac)));
    if (!secret_is_empty(&send->old_secret)) {
        mac = crypto_hmac_sha256_plain(secret_reveal(&send->old_secret), buf_str(&text));
        buf_addf(&value, ",v1=%.*s", STR_ARG(hex_of(arena, mac)));
    }
    *out = (struct webhook_field){ send->endpoint->signature_header, buf_str(&value) };
    return buf_ok(&text);
}

static bool sign_hmac_body(const struct webhook_send *send, struct arena *arena,
                           struct webhook_field *out)
{
    struct sha256 mac = crypto_hmac_sha256_plain(secret_reveal(&send->secret), send->body);

    *out = (struct webhook_field){
        send->endpoint->signature_header,
        str_format(arena, "sha256=%.*s", STR_ARG(hex_of(arena, mac))),
    };
    return true;
}

static bool sign_rsa(const struct webhook_send *send, struct arena *arena, struct str *out)
{
    struct buf signature, text;

    if (send->rsa && !str_is_empty(*send->rsa)) {
        *out = *send->rsa;
        return true;
    }
    buf_init(&signature, arena, CRYPTO_RSA_SIGNATURE_MAX);
    if (!crypto_rsa_sign(secret_reveal(&send->private_key), send->body, &signature))
        return false;
    buf_init(&text, arena, 2 * CRYPTO_RSA_SIGNATURE_MAX);
    crypto_write_base64(&text, buf_str(&signature).ptr, buf_str(&signature).len);
    *out = buf_str(&text);
    if (send->rsa)
        *send->rsa = *out;
    return buf_ok(&text);
}

static bool sign_flat(const struct webhook_send *send, struct arena *arena,
                      struct webhook_field *out)
{
    out->name = STR("X-Signature");
    return sign_rsa(send, arena, &out->value);
}

/* The alphabet for URLs, but with the padding: so hooker writes it. */
static bool sign_envelope(const struct webhook_send *send, struct arena *arena,
                          struct webhook_field *out)
{
    struct str base64 = { 0 };
    struct buf value;

    if (!sign_rsa(send, arena, &base64))
        return false;
    buf_init(&value, arena, SIGNATURES_MAX);
    buf_add_c(&value, "alg=RS256; digest=");
    for (size_t i = 0; i < base64.len; i++) {
        char c = base64.ptr[i];
        buf_add_char(&value, (char)(c == '+' ? '-' : c == '/' ? '_' : c));
    }
    *out = (struct webhook_field){ STR("Content-Signature"), buf_str(&value) };
    return buf_ok(&value);
}

#define JSON_TYPE "application/json"
#define JSON_TYPE_UTF8 "application/json; charset=utf-8"
static const struct format_rule rules[WEBHOOK_FORMAT_COUNT] = {
    [WEBHOOK_FORMAT_STANDARD] = { JSON_TYPE, false, NULL, RETRIES_STANDARD, 15000, NULL },
    [WEBHOOK_FORMAT_HOOKER_FLAT] = { JSON_TYPE_UTF8, true, NULL, RETRIES_HOOKER, 10000, sign_flat },
    [WEBHOOK_FORMAT_HOOKER_ENVELOPE] = { JSON_TYPE_UTF8, true, NULL, RETRIES_HOOKER, 10000,
                                         sign_envelope },
    [WEBHOOK_FORMAT_STRIPE_LIKE] = { JSON_TYPE, false, "X-Webhook-Signature", RETRIES_STANDARD,
                                     15000, sign_stripe },
    [WEBHOOK_FORMAT_HMAC_BODY] = { JSON_TYPE, false, "X-Hub-Signature-256", RETRIES_STANDARD,
                                   15000, sign_hmac_body },
};

static const struct format_rule *rule_of(enum webhook_format format)
{
    assert(format > WEBHOOK_FORMAT_NONE && format < WEBHOOK_FORMAT_COUNT);
    return &rules[format];
}

bool webhook_has_rsa(enum webhook_format format)
{
    return rule_of(format)->rsa;
}

struct str webhook_default_header(enum webhook_format format)
{
    return str_of(rule_of(format)->open_header);
}

enum webhook_retries webhook_default_retries(enum webhook_format format)
{
    return rule_of(format)->retries;
}

int64_t webhook_deadline_ms(enum webhook_format format)
{
    return rule_of(format)->deadline_ms;
}

struct str webhook_key_text(struct arena *arena, const char *prefix, struct str bytes)
{
    struct buf out;
    buf_init(&out, arena, 16 + 2 * bytes.len);
    buf_add_c(&out, prefix);
    crypto_write_base64(&out, bytes.ptr, bytes.len);
    assert(buf_ok(&out));
    return buf_str(&out);
}

bool webhook_secret_bytes(struct str text, struct arena *arena, struct str *out)
{
    static const struct str prefix = STR_INIT("whsec_");
    struct buf bytes;

    buf_init(&bytes, arena, 66);
    if (!str_starts_with(text, prefix) ||
        !crypto_read_base64(str_slice(text, prefix.len, text.len), &bytes))
        return false;
    *out = buf_str(&bytes);
    return out->len >= 24 && out->len <= 64;
}

static struct str signed_text(struct str id, int64_t time_s, struct str body, struct arena *arena)
{
    struct buf text;
    buf_init(&text, arena, SIGNED_MAX);
    buf_add(&text, id);
    buf_addf(&text, ".%lld.", (long long)time_s);
    buf_add(&text, body);
    assert(buf_ok(&text));
    return buf_str(&text);
}

struct str webhook_sign_v1(struct str secret, struct str id, int64_t time_s, struct str body,
                           struct arena *arena)
{
    struct sha256 mac =
        crypto_hmac_sha256_plain(secret, signed_text(id, time_s, body, arena));
    return webhook_key_text(arena, "v1,", str_make((const char *)mac.bytes, SHA256_SIZE));
}

struct str webhook_sign_v1a(struct str seed, struct str id, int64_t time_s, struct str body,
                            struct arena *arena)
{
    char signature[CRYPTO_ED25519_SIGNATURE_SIZE];
    assert(seed.len >= CRYPTO_ED25519_KEY_SIZE);
    crypto_ed25519_sign(seed.ptr, signed_text(id, time_s, body, arena), signature);
    return webhook_key_text(arena, "v1a,", str_make(signature, sizeof signature));
}

struct str webhook_id(const struct webhook_delivery *delivery, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, ID_TEXT_MAX);
    if (event_id_is_zero(delivery->event))
        webhook_delivery_id_write(&out, delivery->id);
    else
        event_id_write(&out, delivery->event);
    return buf_str(&out);
}

static struct str standard_signature(const struct webhook_send *send, struct str id,
                                     struct arena *arena)
{
    int64_t time_s = send->now_ms / SECOND_MS;
    struct buf out;

    buf_init(&out, arena, SIGNATURES_MAX);
    buf_add(&out, webhook_sign_v1(secret_reveal(&send->secret), id, time_s, send->body, arena));
    if (!secret_is_empty(&send->old_secret))
        buf_addf(&out, " %.*s",
                 STR_ARG(webhook_sign_v1(secret_reveal(&send->old_secret), id, time_s, send->body,
                                         arena)));
    if (!secret_is_empty(&send->signing_key))
        buf_addf(&out, " %.*s",
                 STR_ARG(webhook_sign_v1a(secret_reveal(&send->signing_key), id, time_s,
                                          send->body, arena)));
    assert(buf_ok(&out));
    return buf_str(&out);
}

static size_t add_own(const struct webhook_send *send, struct arena *arena,
                      struct webhook_field *fields, size_t count)
{
    const struct json *headers = NULL;
    struct json_cursor cursor;
    const struct json *value;
    struct str name;

    if (str_is_empty(send->endpoint->headers) ||
        json_parse(send->endpoint->headers, arena, &headers, NULL) != OK)
        return count;
    json_each(&cursor, headers);
    while (count < WEBHOOK_FIELDS_MAX && json_next(&cursor, &name, &value))
        fields[count++] = (struct webhook_field){ name, json_text(value) };
    return count;
}

size_t webhook_fields(const struct webhook_send *send, struct arena *arena,
                      struct webhook_field *fields)
{
    const struct format_rule *rule = rule_of(send->endpoint->format);
    struct str id = webhook_id(send->delivery, arena);
    size_t count = 0;

    fields[count++] = (struct webhook_field){ STR("Content-Type"), str_of(rule->content_type) };
    fields[count++] = (struct webhook_field){ STR("webhook-id"), id };
    fields[count++] = (struct webhook_field){
        STR("webhook-timestamp"), str_format(arena, "%lld", (long long)(send->now_ms / SECOND_MS)),
    };
    fields[count++] = (struct webhook_field){ STR("webhook-signature"),
                                              standard_signature(send, id, arena) };
    if (send->delivery->replayed)
        fields[count++] =
            (struct webhook_field){ STR("webhook-attempt-reason"), STR("replay") };
    if (rule->sign && !rule->sign(send, arena, &fields[count++]))
        return 0;
    return add_own(send, arena, fields, count);
}
