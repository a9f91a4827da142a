/* hyperswitch_notices.c - the webhooks that Hyperswitch sends.
 *
 * The signature is over the raw bytes and has no time in it: an old message can be sent again
 * by whoever has seen it. So a claim says which payment to ask about, and nothing more; they
 * are not sent in order either. */
#include "base/crypto.h"
#include "gateways/hyperswitch.h"

/* HMAC-SHA512 of the body under the profile's payment_response_hash_key, in hex. */
bool hyperswitch_notice_verify(const struct gateway_notice *notice)
{
    struct arena arena = { 0 };
    uint8_t signature[SHA512_SIZE];
    struct str key = json_text(
        json_get(gateway_credentials(notice->credentials, &arena), "webhook_key"));

    struct str given = http_field_value(notice->fields, notice->field_count,
                                        "x-webhook-signature-512");

    bool good = !str_is_empty(key) && crypto_read_hex(given, signature, sizeof signature);
    if (good) {
        struct sha512 expected = crypto_hmac_sha512(key, notice->body);
        good = crypto_equal(expected.bytes, signature, sizeof signature);
    }
    arena_wipe(&arena);
    arena_done(&arena);
    return good;
}

/* Refunds carry the payment's id too; disputes nothing else that we know. */
enum err hyperswitch_notice_read(const struct gateway_notice *notice, struct arena *arena,
                                 struct gateway_claim *claims, size_t room, size_t *count)
{
    const struct json *doc;

    if (json_parse(notice->body, arena, &doc, NULL) != OK)
        return ERR_BAD_REPLY;
    struct str id = json_text(json_get(doc, "event_id"));
    const struct json *object = json_get(json_get(doc, "content"), "object");
    if (str_is_empty(id) || !json_is_object(object))
        return ERR_BAD_REPLY;

    struct str payment = json_text(json_get(object, "payment_id"));
    struct str refund = json_text(json_get(object, "refund_id"));
    struct str authorize = hyperswitch_reference(HYPERSWITCH_PAYMENT, payment, arena);
    *count = 0;
    /* Mandates, payouts, and payments that somebody else made there are not about us. */
    if (str_is_empty(authorize) || room == 0)
        return OK;
    claims[(*count)++] = (struct gateway_claim){
        .reference = str_is_empty(refund)
                         ? authorize
                         : hyperswitch_reference(HYPERSWITCH_REFUND, refund, arena),
        .gateway_reference = payment,
        .notice_id = id,
    };
    return OK;
}
