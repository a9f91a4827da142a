/* epayment_notices.c - their callback (postLink), which is not signed.
 *
 * What proves it is a secret per order: given with the order's token, it comes back in the body.
 * It shows that the sender has seen this order, no more, so a notice says whom to ask about and
 * nothing else that is in it is believed. */
#include "base/crypto.h"
#include "gateways/epayment.h"

static const struct json *order_of(const struct gateway_notice *notice, struct arena *arena,
                                   struct str *order)
{
    const struct json *doc = NULL;

    if (json_parse_exact(notice->body, arena, &doc, NULL) != OK)
        return NULL;
    *order = epayment_text(doc, "invoiceId");
    return epayment_is_order(*order) ? doc : NULL;
}

bool epayment_notice_verify(const struct gateway_notice *notice)
{
    struct arena arena = { 0 };
    struct str order;
    const struct json *doc = order_of(notice, &arena, &order);
    const struct json *credentials = gateway_credentials(notice->credentials, &arena);
    struct str given = epayment_text(doc, "secret_hash");
    struct str ours = doc ? epayment_order_secret(credentials, order, &arena)
                          : (struct str){ 0 };
    bool equal = ours.len > 0 && given.len == ours.len &&
                 crypto_equal(given.ptr, ours.ptr, ours.len);

    arena_wipe(&arena);
    arena_done(&arena);
    return equal;
}

enum err epayment_notice_read(const struct gateway_notice *notice, struct arena *arena,
                              struct gateway_claim *claims, size_t room, size_t *count)
{
    struct str order;
    const struct json *doc = order_of(notice, arena, &order);

    if (!doc || room == 0)
        return ERR_BAD_REPLY;
    struct str id = epayment_text(doc, "id");
    claims[0] = (struct gateway_claim){
        .reference = order,
        .gateway_reference = epayment_is_id(id) ? id : (struct str){ 0 },
    };
    *count = 1;
    return OK;
}
