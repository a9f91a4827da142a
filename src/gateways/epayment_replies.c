/* epayment_replies.c - what epayment answers to orders: tokens, payments with a saved card,
 * changes of a transaction (charge, cancel, refund), and of the cards that they keep.
 *
 * Their documents give a refusal of these calls as HTTP 400 with a code and say nothing of other
 * ways to fail. So 200 is yes, 400 with a code is no, 401 is no because nobody was let in to do
 * it, and all else is unknown: the status tells. */
#include "gateways/epayment.h"

/* A refusal that says so in JSON. */
static bool read_error(const struct http_reply *reply, struct arena *arena, struct str *code,
                       struct str *message)
{
    const struct json *doc = NULL;

    if (json_parse_exact(reply->body, arena, &doc, NULL) != OK)
        return false;
    struct str theirs = epayment_text(doc, "code");
    if (str_is_empty(theirs))
        theirs = epayment_text(doc, "error");
    if (str_is_empty(theirs))
        return false;
    *code = theirs;
    *message = epayment_text(doc, "message");
    if (str_is_empty(*message))
        *message = epayment_text(doc, "error_description");
    return true;
}

/* Nobody was let in: whatever was asked for was certainly not done. */
static enum err not_let_in(const struct http_reply *reply, struct arena *arena,
                           struct gateway_answer *out)
{
    out->outcome = GW_REFUSED;
    out->failure_code = STR("gateway_login_refused");
    (void)read_error(reply, arena, &out->gateway_code, &out->gateway_message);
    return OK;
}

/* --- tokens --- */

static bool read_token(const struct http_reply *reply, struct arena *arena, struct str *token,
                       struct str *expires_in)
{
    const struct json *doc = NULL;

    if (reply->status != 200 || json_parse_exact(reply->body, arena, &doc, NULL) != OK)
        return false;
    *token = epayment_text(doc, "access_token");
    *expires_in = epayment_text(doc, "expires_in");
    return str_is_visible_ascii(*token);
}

/* How long it lives comes as a number by their documents and as a text in the field, and
 * differs from token to token: it is never assumed. One of no known life is not kept. */
enum err epayment_parse_login(const struct http_reply *reply, struct arena *arena,
                              struct gateway_token *out)
{
    struct str token, expires_in, code, message;
    int64_t seconds = 0;

    if (reply->status == 401)
        return ERR_FORBIDDEN;
    if (reply->status == 400 || reply->status == 403)
        return read_error(reply, arena, &code, &message) ? ERR_FORBIDDEN : ERR_BAD_REPLY;
    if (!read_token(reply, arena, &token, &expires_in))
        return ERR_BAD_REPLY;
    if (!str_to_i64(expires_in, &seconds) || seconds < 0 || seconds > INT32_MAX)
        seconds = 0;
    *out = (struct gateway_token){ token, seconds * 1000 };
    return OK;
}

/* The token of an order: they would let the payer pay it. The payer's page fetches another one
 * when it is shown; this one is forgotten here. */
static enum err parse_page(const struct gateway_ask *ask, const struct http_reply *reply,
                           struct arena *arena, struct gateway_answer *out)
{
    struct str token, expires_in;

    if (reply->status == 401)
        return not_let_in(reply, arena, out);
    if (reply->status == 400 || reply->status == 403) {
        if (!read_error(reply, arena, &out->gateway_code, &out->gateway_message))
            return ERR_BAD_REPLY;
        out->outcome = GW_REFUSED;
        out->failure_code = STR("invalid_request");
        return OK;
    }
    if (!read_token(reply, arena, &token, &expires_in))
        return ERR_BAD_REPLY;
    out->outcome = GW_NEEDS_PAYER;
    out->action = ACTION_WIDGET;
    out->action_url = epayment_page_url(ask, arena);
    return OK;
}

/* --- a saved card --- */

/* What they call the payment right after it; other words are left to the status. */
static bool has_succeeded(struct str word, bool *taken)
{
    *taken = str_equal_c(word, "CHARGE");
    return *taken || str_equal_c(word, "AUTH");
}

static enum err read_card_payment(const struct gateway_ask *ask, const struct json *doc,
                                  struct gateway_answer *out)
{
    struct gateway_answer answer = { 0 };
    struct str id = epayment_text(doc, "id");
    bool taken = false;

    if (!str_equal(epayment_text(doc, "invoiceID"), ask->payment_reference) ||
        !epayment_is_id(id))
        return ERR_BAD_REPLY;
    answer.gateway_reference = id;
    if (json_is_object(epayment_member(doc, "secure3D"))) {
        /* The issuer wants the payer, who is not there. Nobody gets the form that would go on
         * with it, so it cannot come to a payment any more. */
        answer.outcome = GW_DECLINED;
        answer.failure_code = STR("authentication_required");
        *out = answer;
        return OK;
    }
    bool stated = epayment_amount_read(epayment_text(doc, "amount"),
                                       epayment_text(doc, "currency"), &answer.amount);
    if (stated && has_succeeded(epayment_text(doc, "status"), &taken)) {
        answer.outcome = GW_APPROVED;
        answer.has_position = true;
        answer.authorized_minor = answer.amount.minor;
        answer.captured_minor = taken ? answer.amount.minor : 0;
    }
    *out = answer;
    return OK;
}

/* Nothing says how this call tells a decline, so only the status does, seconds later. */
static enum err parse_card(const struct gateway_ask *ask, const struct http_reply *reply,
                           struct arena *arena, struct gateway_answer *out)
{
    const struct json *doc = NULL;

    if (reply->status == 401)
        return not_let_in(reply, arena, out);
    if (reply->status == 400)
        return read_error(reply, arena, &out->gateway_code, &out->gateway_message)
                   ? OK : ERR_BAD_REPLY;
    if (reply->status != 200 || json_parse_exact(reply->body, arena, &doc, NULL) != OK)
        return ERR_BAD_REPLY;
    return read_card_payment(ask, doc, out);
}

enum err epayment_parse_authorize(const struct gateway_ask *ask, const struct http_reply *reply,
                                  struct arena *arena, struct gateway_answer *out)
{
    return ask->method == METHOD_SAVED_CARD ? parse_card(ask, reply, arena, out)
                                            : parse_page(ask, reply, arena, out);
}

/* --- charge, cancel, refund --- */

static enum err parse_done(const struct http_reply *reply, struct arena *arena,
                           struct gateway_answer *out)
{
    struct str code, message;

    if (str_is_empty(str_trim(reply->body))) {
        out->outcome = GW_APPROVED;
        return OK;
    }
    if (!read_error(reply, arena, &code, &message))
        return ERR_BAD_REPLY;
    if (str_equal_c(code, "0")) {
        out->outcome = GW_APPROVED;
        return OK;
    }
    /* Done, and yet an error: that is no answer. */
    out->gateway_code = code;
    out->gateway_message = message;
    return OK;
}

static enum err parse_refused(const struct gateway_ask *ask, const struct http_reply *reply,
                              struct arena *arena, struct gateway_answer *out)
{
    struct gateway_answer answer = { 0 };

    if (!read_error(reply, arena, &answer.gateway_code, &answer.gateway_message) ||
        str_equal_c(answer.gateway_code, "0"))
        return ERR_BAD_REPLY;
    struct epayment_reason reason = epayment_reason_of(answer.gateway_code);
    /* They refuse to cancel where nothing is held, and we knew of no hold: what the status says
     * decides whether that is so. */
    bool unclear = ask->call == OPERATION_KIND_CANCEL && ask->amount.minor == 0;
    if (reason.outcome != GW_UNKNOWN && !unclear) {
        answer.outcome = GW_REFUSED;
        answer.failure_code = reason.outcome == GW_REFUSED ? reason.failure_code
                                                           : STR("processing_error");
    }
    *out = answer;
    return OK;
}

enum err epayment_parse_change(const struct gateway_ask *ask, const struct http_reply *reply,
                               struct arena *arena, struct gateway_answer *out)
{
    if (reply->status == 200)
        return parse_done(reply, arena, out);
    if (reply->status == 400)
        return parse_refused(ask, reply, arena, out);
    return reply->status == 401 ? not_let_in(reply, arena, out) : ERR_BAD_REPLY;
}

/* --- saved cards --- */

#define NOT_FOUND "522"

enum err epayment_parse_deactivate(const struct gateway_ask *ask, const struct http_reply *reply,
                                   struct arena *arena, struct gateway_answer *out)
{
    struct gateway_answer answer = { 0 };

    (void)ask;
    if (reply->status == 200)
        return parse_done(reply, arena, out);
    if (reply->status == 401)
        return not_let_in(reply, arena, out);
    if (reply->status != 400 ||
        !read_error(reply, arena, &answer.gateway_code, &answer.gateway_message) ||
        str_equal_c(answer.gateway_code, "0"))
        return ERR_BAD_REPLY;
    bool unknown = str_equal_c(answer.gateway_code, NOT_FOUND);
    answer.outcome = unknown ? GW_ABSENT : GW_REFUSED;
    if (!unknown)
        answer.failure_code = STR("deactivate_refused");
    *out = answer;
    return OK;
}

/* Their words for what is on a card, in whatever case. */
static struct str brand_of(struct str type)
{
    static const char *const brands[][2] = {
        { "VISA", "visa" },         { "MASTERCARD", "mastercard" }, { "MC", "mastercard" },
        { "AMEX", "amex" },         { "MAESTRO", "maestro" },       { "MIR", "mir" },
        { "UNIONPAY", "unionpay" }, { "CUP", "unionpay" },          { "JCB", "jcb" },
        { "DINERS", "diners" },
    };

    for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++)
        if (str_equal_nocase(type, str_of(brands[i][0])))
            return str_of(brands[i][1]);
    return (struct str){ 0 };
}

/* The four digits that a mask ends with ("440563...5096"); empty when it does not. */
static struct str last4_of(struct str mask)
{
    if (mask.len < 4)
        return (struct str){ 0 };
    struct str last4 = str_slice(mask, mask.len - 4, mask.len);
    for (size_t i = 0; i < last4.len; i++)
        if (last4.ptr[i] < '0' || last4.ptr[i] > '9')
            return (struct str){ 0 };
    return last4;
}

void epayment_put_card(const struct gateway_ask *ask, const struct json *transaction,
                       struct gateway_answer *out)
{
    struct str id = epayment_text(transaction, "cardID");

    if (!ask->save_card || out->outcome != GW_APPROVED || !epayment_is_id(id))
        return;
    out->card_token = id;
    out->card_brand = brand_of(epayment_text(transaction, "cardType"));
    out->card_last4 = last4_of(epayment_text(transaction, "cardMask"));
}
