/* hyperswitch.c - Juspay Hyperswitch, REST API v1 (its documents and its router's source read
 * 2026-11; docs/gateways/hyperswitch.md is the operator's page).
 *
 * What their documents do not say, or not plainly:
 *   - Idempotency-Key is not honoured. Their payment_id and refund_id are ours, and a second
 *     create with one of them is HE_01, or, for refunds of some versions, what the first came
 *     to. Captures and cancels have no id: the state of the payment is what guards them.
 *   - So "it is in the wrong state" (IR_14, IR_16) may mean that an earlier try was done.
 *   - A capture or void that the processor refuses ends their payment as "failed", although
 *     the reservation may live on at the processor.
 *   - HE_02 (404) is also the answer when it is a profile or connector account that is not
 *     found, and for a known payment when their database fails over its lists. Only the message
 *     tells the first; the second is why a payment that they spoke of is never believed absent.
 *   - A busy lock is 429, or 422 HE_00 with a text about webhooks. What was busy may be us.
 *   - Their decimals are ISO's but for the currencies of `exponents`.
 *   - "failed" can turn into "succeeded" days later. */
#include "gateways/hyperswitch.h"

#include "base/id.h"
#include "base/time.h"
#include "core/account.h"
#include "gateways/gateways.h"

#define BODY_MAX ((size_t)64 << 10)

/* Decimals that they count with where ISO 4217 has others. CLF has four in one of their
 * tables and two in another, so an amount in it would be a guess. */
#define NOT_TAKEN (-1)
static const struct {
    enum currency currency;
    int exponent;
} exponents[] = {
    { CURRENCY_CLF, NOT_TAKEN },
    { CURRENCY_IRR, 0 },
    { CURRENCY_ISK, 2 },
    { CURRENCY_MGA, 0 },
};

/* --- amounts and ids --- */

static int exponent_of(enum currency currency)
{
    for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++)
        if (exponents[i].currency == currency)
            return exponents[i].exponent;
    return currency_exponent(currency);
}

/* The same money with other decimals; false when they cannot express it. */
static bool rescale(int64_t minor, int from, int to, int64_t *out)
{
    if (from == NOT_TAKEN || to == NOT_TAKEN)
        return false;
    for (; from < to; from++)
        if (__builtin_mul_overflow(minor, 10, &minor))
            return false;
    for (; from > to; from--) {
        if (minor % 10 != 0)
            return false;
        minor /= 10;
    }
    *out = minor;
    return true;
}

bool hyperswitch_amount_write(struct money ours, int64_t *out)
{
    return rescale(ours.minor, currency_exponent(ours.currency), exponent_of(ours.currency), out);
}

struct money hyperswitch_amount_read(const struct json *amount, struct str currency)
{
    struct money ours = { 0, currency_of(currency) };
    int64_t theirs = 0;

    if (ours.currency == CURRENCY_NONE || !json_int(amount, &theirs) || theirs < 0 ||
        !rescale(theirs, exponent_of(ours.currency), currency_exponent(ours.currency),
                 &ours.minor) ||
        ours.minor > MONEY_MAX_MINOR)
        return (struct money){ 0 };
    return ours;
}

struct str hyperswitch_id(const char *prefix, struct str reference, struct arena *arena)
{
    struct operation_id id;

    if (!operation_id_parse(reference, &id))
        return (struct str){ 0 };
    struct str suffix = str_slice(reference, reference.len - ID_TEXT_SUFFIX_LEN, reference.len);
    return str_format(arena, "%s%.*s", prefix, STR_ARG(suffix));
}

struct str hyperswitch_reference(const char *prefix, struct str theirs, struct arena *arena)
{
    struct operation_id id;

    if (!str_starts_with(theirs, str_of(prefix)))
        return (struct str){ 0 };
    struct str suffix = str_slice(theirs, str_of(prefix).len, theirs.len);
    struct str reference = str_format(arena, "op_%.*s", STR_ARG(suffix));
    return operation_id_parse(reference, &id) ? reference : (struct str){ 0 };
}

/* --- requests --- */

static void begin(struct json_out *json, struct buf *body, struct arena *arena)
{
    buf_init(body, arena, BODY_MAX);
    json_begin(json, body);
    json_open_object(json, NULL);
}

/* What is empty is left out. */
static void put(struct json_out *json, const char *name, struct str value)
{
    if (!str_is_empty(value))
        json_put_text(json, name, value);
}

enum err hyperswitch_finish(const struct gateway_ask *ask, const char *path,
                            struct json_out *json, struct arena *arena,
                            struct http_request *out)
{
    struct http_field *fields = ARENA_ARRAY(arena, struct http_field, 3);
    struct str base = json_text(json_get(gateway_settings(ask, arena), "base_url"));
    struct str key = json_text(json_get(gateway_credentials(ask->credentials, arena), "api_key"));
    size_t count = 0;

    if (str_is_empty(base) || !str_is_visible_ascii(key))
        return ERR_FORBIDDEN;
    while (str_ends_with(base, STR("/")))
        base.len--;
    fields[count++] = (struct http_field){ STR("Accept"), STR("application/json") };
    fields[count++] = (struct http_field){ STR("api-key"), key };
    *out = (struct http_request){
        .method = json ? "POST" : "GET",
        .url = str_format(arena, "%.*s%s", STR_ARG(base), path),
        .fields = fields,
    };
    if (json) {
        json_close_object(json);
        json_done(json);
        if (!buf_ok(json->buf))
            return ERR_INTERNAL;
        fields[count++] = (struct http_field){ STR("Content-Type"), STR("application/json") };
        out->body = buf_str(json->buf);
    }
    out->field_count = count;
    return OK;
}

/* The payer pays on their page, whose link lives as long as our payment waits. */
static void put_page(struct json_out *json, const struct json *settings)
{
    json_put_bool(json, "confirm", false);
    json_put_bool(json, "payment_link", true);
    json_put_int(json, "session_expiry", account_payment_ms(settings) / SECOND_MS);
}

/* Our token of a saved card is "CUSTOMER:METHOD": their ids of the customer, without which they
 * charge no saved method, and of the method. */
static bool put_saved(struct json_out *json, const struct card *card)
{
    struct str token = card ? secret_reveal(&card->saved) : (struct str){ 0 };
    size_t colon = str_find_char(token, ':', 0);
    struct str customer = str_slice(token, 0, colon);
    struct str method = str_slice(token, colon + 1, token.len);

    if (str_is_empty(customer) || str_is_empty(method))
        return false;
    json_put_bool(json, "confirm", true);
    json_put_bool(json, "off_session", true);
    json_put_text(json, "customer_id", customer);
    json_open_object(json, "recurring_details");
    json_put_text(json, "type", STR("payment_method_id"));
    json_put_text(json, "data", method);
    json_close_object(json);
    return true;
}

static enum err build_authorize(const struct gateway_ask *ask, struct arena *arena,
                                struct http_request *out)
{
    const struct json *settings = gateway_settings(ask, arena);
    struct str id = hyperswitch_id(HYPERSWITCH_PAYMENT, ask->reference, arena);
    struct json_out json;
    struct buf body;
    int64_t amount;

    if (str_is_empty(id) || !hyperswitch_amount_write(ask->amount, &amount))
        return ERR_VALIDATION;
    begin(&json, &body, arena);
    json_put_text(&json, "payment_id", id);
    json_put_int(&json, "amount", amount);
    json_put_text(&json, "currency", str_of(currency_code(ask->amount.currency)));
    json_put_text(&json, "capture_method", ask->capture_now ? STR("automatic") : STR("manual"));
    if (ask->method != METHOD_SAVED_CARD)
        put_page(&json, settings);
    else if (!put_saved(&json, ask->card))
        return ERR_VALIDATION;
    put(&json, "description", ask->description);
    put(&json, "return_url", ask->return_url);
    put(&json, "profile_id", json_text(json_get(settings, "profile_id")));
    put(&json, "authentication_type", json_text(json_get(settings, "authentication_type")));
    return hyperswitch_finish(ask, "/payments", &json, arena, out);
}

/* "/payments/pay_..." and the rest; NULL when the reference is not one of ours. */
static const char *path_of(const char *folder, struct str id, const char *rest,
                           struct arena *arena)
{
    if (str_is_empty(id))
        return NULL;
    return str_format(arena, "/%s/%.*s%s", folder, STR_ARG(id), rest).ptr;
}

static const char *payment_path(const struct gateway_ask *ask, const char *rest,
                                struct arena *arena)
{
    struct str id = hyperswitch_id(HYPERSWITCH_PAYMENT, ask->payment_reference, arena);
    return path_of("payments", id, rest, arena);
}

static const char *refund_path(const struct gateway_ask *ask, const char *rest,
                               struct arena *arena)
{
    struct str id = hyperswitch_id(HYPERSWITCH_REFUND, ask->reference, arena);
    return path_of("refunds", id, rest, arena);
}

static enum err build_capture(const struct gateway_ask *ask, struct arena *arena,
                              struct http_request *out)
{
    const char *path = payment_path(ask, "/capture", arena);
    struct json_out json;
    struct buf body;
    int64_t amount;

    if (!path || !hyperswitch_amount_write(ask->amount, &amount))
        return ERR_VALIDATION;
    begin(&json, &body, arena);
    json_put_int(&json, "amount_to_capture", amount);
    return hyperswitch_finish(ask, path, &json, arena, out);
}

static enum err build_cancel(const struct gateway_ask *ask, struct arena *arena,
                             struct http_request *out)
{
    const char *path = payment_path(ask, "/cancel", arena);
    struct json_out json;
    struct buf body;

    if (!path)
        return ERR_VALIDATION;
    begin(&json, &body, arena);
    return hyperswitch_finish(ask, path, &json, arena, out);
}

static enum err build_refund(const struct gateway_ask *ask, struct arena *arena,
                             struct http_request *out)
{
    struct str payment = hyperswitch_id(HYPERSWITCH_PAYMENT, ask->payment_reference, arena);
    struct str refund = hyperswitch_id(HYPERSWITCH_REFUND, ask->reference, arena);
    struct json_out json;
    struct buf body;
    int64_t amount;

    if (str_is_empty(payment) || str_is_empty(refund) ||
        !hyperswitch_amount_write(ask->amount, &amount))
        return ERR_VALIDATION;
    begin(&json, &body, arena);
    json_put_text(&json, "payment_id", payment);
    json_put_text(&json, "refund_id", refund);
    json_put_int(&json, "amount", amount);
    json_put_text(&json, "refund_type", STR("instant"));
    return hyperswitch_finish(ask, "/refunds", &json, arena, out);
}

/* Without force_sync they answer from their own books, which may lag behind the processor. */
static enum err build_enquire(const struct gateway_ask *ask, struct arena *arena,
                              struct http_request *out)
{
    static const char query[] = "?force_sync=true";
    const char *path = ask->about == OPERATION_KIND_REFUND ? refund_path(ask, query, arena)
                                                           : payment_path(ask, query, arena);

    return path ? hyperswitch_finish(ask, path, NULL, arena, out) : ERR_VALIDATION;
}

/* A payment that nobody made: no moment has this id. */
static enum err build_probe(const struct gateway_ask *ask, struct arena *arena,
                            struct http_request *out)
{
    static const char path[] = "/payments/" HYPERSWITCH_PAYMENT "00000000000000000000000000";

    return hyperswitch_finish(ask, path, NULL, arena, out);
}

static const enum payment_method methods[] = { METHOD_GATEWAY_PAGE, METHOD_SAVED_CARD,
                                               METHOD_NONE };

static const char *const credentials[] = { "api_key", "webhook_key", NULL };

/* With the first a browser can act on the payment, with the next ones a saved card is charged (our
 * token is made of two of them); the rest is about the payer. Card numbers are masked anyway. */
static const char *const notice_secrets[] = {
    "client_secret", "customer_id", "payment_method_id", "payment_token", "mandate_id",
    "connector_mandate_id", "customer", "payment_method_data", "billing", "shipping", "name",
    "email", "phone", NULL,
};

static const char *const authentication_types[] = { "three_ds", "no_three_ds", NULL };

static const struct gateway_setting settings[] = {
    { .name = "base_url", GW_SETTING_URL, .required = true,
      .what = "The address of the API: https://sandbox.hyperswitch.io, https://api.hyperswitch.io,"
              " or your own router's." },
    { .name = "profile_id", GW_SETTING_TEXT,
      .what = "The business profile, when the merchant has several." },
    { .name = "authentication_type", GW_SETTING_WORD, .words = authentication_types,
      .what = "Whether payments ask for 3-D Secure; theirs to choose unless set." },
    { .name = NULL },
};

/* Two minutes are four of their own time-outs towards processors. Refunds have no age limit
 * here: theirs (a year unless they set another) is enforced by them. */
const struct gateway gateway_hyperswitch = {
    .name = "hyperswitch",
    .title = "Juspay Hyperswitch",
    .capture = GW_CAPTURE_BOTH,
    .methods = methods,
    .visibility_ms = 2 * MINUTE_MS,
    .deadline_ms = 30 * SECOND_MS,
    .authorization_ms = 5 * DAY_MS,
    .refund_age_ms = 0,
    .credentials = credentials,
    .settings = settings,
    .notices = { .verify = hyperswitch_notice_verify,
                 .read = hyperswitch_notice_read,
                 .secret_members = notice_secrets },
    .probe = { build_probe, hyperswitch_parse_probe },
    .listing = { { true, true }, hyperswitch_list_build, hyperswitch_list_parse },
    .calls = {
        [OPERATION_KIND_AUTHORIZE] = { build_authorize, hyperswitch_parse, GW_ENQUIRE_FIRST },
        [OPERATION_KIND_CAPTURE] = { build_capture, hyperswitch_parse, GW_ENQUIRE_FIRST },
        [OPERATION_KIND_CANCEL] = { build_cancel, hyperswitch_parse, GW_ENQUIRE_FIRST },
        [OPERATION_KIND_REFUND] = { build_refund, hyperswitch_parse, GW_ENQUIRE_FIRST },
        [OPERATION_KIND_ENQUIRE] = { build_enquire, hyperswitch_parse, GW_REPEAT_SAME_KEY },
    },
};
