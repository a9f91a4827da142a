/* checkouts.c - checkout sessions for merchants: made, read, ended; and their page's address. */
#include <assert.h>

#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "base/time.h"
#include "core/requests.h"
#include "net/url.h"
#include "pages/card_form.h"
#include "pages/checkout.h"

#define PROOF_BYTES 16
#define TOKEN_MAX (ID_TEXT_MAX + 1 + 2 * PROOF_BYTES)
#define OBJECT_MAX ((size_t)128 * 1024)

void checkout_token_write(const struct api *api, struct checkout_id id, struct buf *out)
{
    const struct str pieces[] = {
        STR("purser checkout page"),
        str_make((const char *)id.id.bytes, sizeof id.id.bytes),
    };
    struct sha256 proof = crypto_hmac_sha256(secret_reveal(api->config.installation_key), pieces,
                                             2);
    checkout_id_write(out, id);
    buf_add_char(out, '-');
    for (size_t i = 0; i < PROOF_BYTES; i++)
        buf_addf(out, "%02x", proof.bytes[i]);
}

bool checkout_token_read(const struct api *api, struct str token, struct checkout_id *out)
{
    char text[TOKEN_MAX + 1];
    struct checkout_id id;
    struct buf right;

    if (!checkout_id_parse(str_slice(token, 0, str_find_char(token, '-', 0)), &id))
        return false;
    buf_fixed(&right, text, sizeof text);
    checkout_token_write(api, id, &right);
    assert(buf_ok(&right));
    if (token.len != right.len || !crypto_equal(token.ptr, buf_str(&right).ptr, token.len))
        return false;
    *out = id;
    return true;
}

static struct str with_url(const struct api *api, struct arena *arena, struct checkout_id id,
                           struct str body)
{
    struct buf out;

    buf_init(&out, arena, OBJECT_MAX);
    buf_add(&out, str_slice(body, 0, body.len - 1));
    buf_addf(&out, ",\"url\":\"%.*s/pay/", STR_ARG(api->config.public_url));
    checkout_token_write(api, id, &out);
    buf_add_c(&out, "\"}");
    assert(buf_ok(&out));
    return buf_str(&out);
}

/* It is the first member of every object of ours (core/render.h). */
bool checkout_id_of(struct str body, struct checkout_id *out)
{
    static const struct str lead = STR_INIT("{\"id\":\"");
    struct str text = str_slice(body, lead.len, body.len);

    return str_starts_with(body, lead) &&
           checkout_id_parse(str_slice(text, 0, str_find_char(text, '"', 0)), out);
}

struct str checkout_add_url(const struct call *call, struct str body)
{
    struct checkout_id id;

    bool is_ours = checkout_id_of(body, &id);
    assert(is_ours);
    (void)is_ours;
    return with_url(call->api, call->arena, id, body);
}

struct create_body {
    struct id invoice;
    int64_t amount;
    enum currency currency;
    enum capture_method capture_method;
    struct id gateway_account;
    int64_t expires_in_minutes;
    struct str reference, description, shop, customer_email, metadata;
    struct str language, return_url, cancel_url;
    struct id customer;
    bool save_card;
};

static const struct field create_fields[] = {
    FIELD(struct create_body, invoice, ID, .prefix = "inv"),
    FIELD(struct create_body, amount, AMOUNT, .least = 1),
    FIELD(struct create_body, currency, CURRENCY),
    FIELD(struct create_body, capture_method, WORD, .words = &words_capture_method),
    FIELD(struct create_body, gateway_account, ID, .prefix = "ga"),
    FIELD(struct create_body, expires_in_minutes, INT, .least = 1,
          .most = CHECKOUT_MINUTES_MOST),
    FIELD(struct create_body, reference, TEXT, .most = REFERENCE_MAX),
    FIELD(struct create_body, description, TEXT, .most = DESCRIPTION_MAX),
    FIELD(struct create_body, shop, TEXT, .most = SHOP_MAX),
    FIELD(struct create_body, customer_email, EMAIL),
    FIELD(struct create_body, customer, ID, .prefix = "cus"),
    FIELD(struct create_body, save_card, BOOL),
    FIELD(struct create_body, metadata, METADATA),
    FIELD(struct create_body, language, TEXT, .most = 2),
    FIELD(struct create_body, return_url, URL, .required = true),
    FIELD(struct create_body, cancel_url, URL),
};

/* An invoice says itself what is owed and what for. */
static enum err check_owed(const struct create_body *body, struct trouble *trouble)
{
    bool named = !id_is_zero(body->invoice);
    bool told = body->amount != 0 && body->currency != CURRENCY_NONE;
    bool more = body->amount != 0 || body->currency != CURRENCY_NONE ||
                !str_is_empty(body->reference) || !str_is_empty(body->description) ||
                !str_is_empty(body->shop) || !str_is_empty(body->metadata);

    if (named && more)
        return trouble_about(trouble, ERR_VALIDATION, STR("invoice"),
                             "With an invoice leave out amount, currency, reference, description, "
                             "shop and metadata: the invoice says them.");
    if (!named && !told)
        return trouble_about(trouble, ERR_VALIDATION, STR("amount"),
                             "Send amount and currency, or an invoice.");
    return OK;
}

static enum err check_create(struct call *call, const struct create_body *body)
{
    enum err err = check_owed(body, &call->trouble);
    if (!err && !str_is_empty(body->language) && !checkout_page_speaks(body->language))
        err = trouble_about(&call->trouble, ERR_VALIDATION, STR("language"),
                            "language must be en, ru, kk, fr, de or cy.");
    return err;
}

/* POST /v1/checkout_sessions */
enum err checkout_create_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct create_body body = { .capture_method = CAPTURE_METHOD_AUTOMATIC,
                                .expires_in_minutes = CHECKOUT_MINUTES };

    enum err err = fields_read(FIELDS(create_fields), json, "", &body, &call->trouble);
    if (!err)
        err = check_create(call, &body);
    if (err)
        return err;
    struct checkout_create *ask = ARENA_NEW(&turn->arena, struct checkout_create);
    *ask = (struct checkout_create){
        .card_form = card_form_is_here(),
        .has_amount = id_is_zero(body.invoice),
        .amount = { body.amount, body.currency },
        .capture_method = body.capture_method,
        .gateway_account = { body.gateway_account },
        .expires_ms = body.expires_in_minutes * MINUTE_MS,
        .reference = body.reference,
        .description = body.description,
        .shop = body.shop,
        .customer_email = body.customer_email,
        .metadata = str_copy(&turn->arena, body.metadata),
        .save_card = body.save_card,
        .language = body.language,
        .return_url = body.return_url,
        .cancel_url = body.cancel_url,
    };
    turn->input.handler = &turn_checkout_create;
    turn->input.invoice = (struct invoice_id){ body.invoice };
    turn->input.customer = (struct customer_id){ body.customer };
    turn->input.ask = ask;
    return OK;
}

/* POST /v1/checkout_sessions/{id}/cancel */
enum err checkout_cancel_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    turn->input.handler = &turn_checkout_cancel;
    turn->input.checkout = (struct checkout_id){ call->object };
    return fields_read(NULL, 0, json, "", NULL, &call->trouble);
}

/* POST /v1/checkout_sessions/{id}/expire */
enum err checkout_expire_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    turn->input.handler = &turn_checkout_expire;
    turn->input.checkout = (struct checkout_id){ call->object };
    return fields_read(NULL, 0, json, "", NULL, &call->trouble);
}

static enum err run_checkout(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct checkout *checkout = NULL;
    struct invoice *invoice = NULL;

    enum err err = query_checkout(db, ask->scope, (struct checkout_id){ ask->object }, ask->arena,
                                  &checkout);
    if (!err)
        err = query_invoice(db, ask->scope, checkout->invoice, ask->arena, &invoice);
    if (err)
        return err;
    struct str body = render_checkout_text(ask->arena, checkout, invoice);
    json_put_raw(out, NULL, with_url(ask->call->api, ask->arena, checkout->id, body));
    return OK;
}

/* GET /v1/checkout_sessions/{id} */
const struct reading read_checkout = { .run = run_checkout };
