/* method.c - how a payment is to be paid: with a card, at the gateway's page, or with a card
 * that the gateway keeps, which is named by our id or by the gateway's token. */
#include "api/method.h"

#include "api/card.h"
#include "api/fields.h"

struct method_body {
    enum payment_method type;
    const struct json *card;
    struct id instrument;
    struct str token;
};

static const struct field method_fields[] = {
    FIELD(struct method_body, type, WORD, .required = true, .words = &words_payment_method),
    FIELD(struct method_body, card, OBJECT),
    FIELD(struct method_body, instrument, ID, .prefix = "ins"),
    FIELD(struct method_body, token, TEXT, .most = 255),
};

static enum err check_members(const struct method_body *body, struct trouble *trouble)
{
    bool wants_card = body->type == METHOD_CARD;
    bool wants_saved = body->type == METHOD_SAVED_CARD;
    bool has_instrument = !id_is_zero(body->instrument);
    bool has_token = !str_is_empty(body->token);

    if (wants_card != (body->card != NULL))
        return trouble_about(trouble, ERR_VALIDATION, STR("payment_method.card"),
                             wants_card ? "card is required with the type card."
                                        : "card goes with the type card only.");
    if (!wants_saved && (has_instrument || has_token))
        return trouble_about(trouble, ERR_VALIDATION,
                             has_token ? STR("payment_method.token")
                                       : STR("payment_method.instrument"),
                             "instrument and token go with the type saved_card only.");
    if (wants_saved && has_instrument == has_token)
        return trouble_about(trouble, ERR_VALIDATION,
                             has_token ? STR("payment_method.instrument")
                                       : STR("payment_method.token"),
                             "The type saved_card takes either instrument or token.");
    return OK;
}

enum err method_read(struct call *call, const struct json *object, struct desk_turn *turn,
                     struct method_given *out)
{
    struct errand *errand = turn->user;
    struct method_body body = { 0 };
    struct card_given card = { 0 };

    if (!object)
        return OK;
    enum err err = fields_read(FIELDS(method_fields), object, "payment_method.", &body,
                               &call->trouble);
    if (!err)
        err = check_members(&body, &call->trouble);
    if (!err && body.card)
        err = card_read(body.card, "payment_method.card.", call_now_ms(call), &turn->arena, &card,
                        &call->trouble);
    if (err)
        return err;
    errand->card = card.card;
    if (!str_is_empty(body.token))
        errand->card.saved = secret_copy(body.token);
    *out = (struct method_given){
        .method = body.type,
        .card = body.card || !str_is_empty(body.token) ? &errand->card : NULL,
        .card_brand = card.brand,
        .card_last4 = card.last4,
        .instrument = { body.instrument },
    };
    return OK;
}
