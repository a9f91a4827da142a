/* epayment.c - epayment.kz, the acquiring of Halyk Bank ("ePay v2"; its documents, its SDK and
 * what others met were read 2026-11; docs/gateways/epayment.md is the operator's page).
 *
 * What their documents do not say, or not plainly:
 *   - Amounts are major units, with decimals. Numbers come as numbers and as texts.
 *   - An order's number is digits only, 6 to 15, and compared by its last six.
 *   - The payer acts in a widget on the merchant's page, for which a token is made that knows
 *     this one order. It is not the token of the account, which would let anyone pay anything,
 *     or ask about it. So the first call of a payment makes such a token, to see that they
 *     would take the order; the page fetches its own.
 *   - Nothing is known there of an order before its payer acts.
 *   - Whether a terminal takes the money at once or holds it first is set by the bank.
 *   - Charge, cancel and refund have no key: after silence the status is asked for. externalID
 *     of a refund is kept there, but nobody says that a second one is not done.
 *   - Nor has the deactivation of a card. Asked again after silence, they may refuse because it
 *     was done: then nobody but a person can tell. What their answer is for a card that they do
 *     not know is not documented; 522 is their "not found" elsewhere.
 *   - Their test and live hosts, and even paths, differ between their own pages.
 * A doubled slash in an address, which one of their pages has, is another path to some servers:
 * joins are made with exactly one. */
#include <assert.h>

#include "base/origin.h"
#include "base/time.h"
#include "gateways/epayment.def"
#include "gateways/epayment.h"
#include "gateways/gateways.h"

#define BODY_MAX ((size_t)16 << 10)
#define URL_MAX 1024
/* Of the description; they count bytes and refuse a longer one. */
#define DESCRIPTION_MOST 125

/* --- settings --- */

struct place {
#define X(name, kind, test, live, what) struct str name;
    EPAYMENT_SETTINGS(X)
#undef X
};

static struct str setting(const struct json *settings, const char *name, const char *otherwise)
{
    struct str text = json_text(json_get(settings, name));
    return str_is_empty(text) ? str_of(otherwise) : text;
}

static struct place place_of(const struct gateway_ask *ask, struct arena *arena)
{
    const struct json *settings = gateway_settings(ask, arena);

    return (struct place){
#define X(name, kind, test, live_, what) \
    .name = setting(settings, #name, ask->live ? (live_) : (test)),
        EPAYMENT_SETTINGS(X)
#undef X
    };
}

struct str epayment_page_url(const struct gateway_ask *ask, struct arena *arena)
{
    return place_of(ask, arena).page_url;
}

/* base "/" path, and "/" part when there is one. */
static struct str join(struct arena *arena, struct str base, struct str path, struct str part)
{
    while (str_ends_with(base, STR("/")))
        base.len--;
    while (str_starts_with(path, STR("/")))
        path = str_slice(path, 1, path.len);
    while (str_ends_with(path, STR("/")))
        path.len--;
    return str_format(arena, "%.*s/%.*s%s%.*s", STR_ARG(base), STR_ARG(path),
                      str_is_empty(part) ? "" : "/", STR_ARG(part));
}

/* --- parts of requests --- */

static struct str notify_url(const struct gateway_ask *ask, struct arena *arena)
{
    return str_format(arena, "%.*s/v1/notifications/epayment/%.*s", STR_ARG(ask->public_url),
                      STR_ARG(ask->account_id));
}

static void form_put(struct buf *form, const char *name, struct str value)
{
    struct str plain = STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~");

    buf_addf(form, "%s%s=", form->len > 0 ? "&" : "", name);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (str_find_char(plain, c, 0) < plain.len)
            buf_add_char(form, c);
        else
            buf_addf(form, "%%%02X", (unsigned char)c);
    }
}

/* The longest beginning that they take, in whole characters. */
static struct str description_of(const struct gateway_ask *ask)
{
    size_t len = 0;

    for (size_t step; len < ask->description.len; len += step) {
        step = str_utf8_step(ask->description, len);
        if (step == 0 || len + step > DESCRIPTION_MOST)
            break;
    }
    return str_slice(ask->description, 0, len);
}

/* With the token of the account or of the order, whichever came with the ask. */
static enum err finish(const struct gateway_ask *ask, const char *method, struct str url,
                       struct str json, struct arena *arena, struct http_request *out)
{
    struct http_field *fields = ARENA_ARRAY(arena, struct http_field, 3);
    size_t count = 0;

    if (!ask->token || !str_is_visible_ascii(secret_reveal(ask->token)))
        return ERR_FORBIDDEN;
    struct str token = secret_reveal(ask->token);
    fields[count++] = (struct http_field){ STR("Accept"), STR("application/json") };
    fields[count++] = (struct http_field){
        STR("Authorization"), str_format(arena, "Bearer %.*s", STR_ARG(token))
    };
    if (!str_is_empty(json))
        fields[count++] = (struct http_field){ STR("Content-Type"), STR("application/json") };
    *out = (struct http_request){
        .method = method, .url = url, .fields = fields, .field_count = count, .body = json
    };
    return OK;
}

/* --- tokens --- */

static enum err finish_token(const struct place *place, const struct buf *form,
                             struct arena *arena, struct http_request *out)
{
    struct http_field *fields = ARENA_ARRAY(arena, struct http_field, 2);

    fields[0] = (struct http_field){ STR("Accept"), STR("application/json") };
    fields[1] = (struct http_field){ STR("Content-Type"),
                                     STR("application/x-www-form-urlencoded") };
    *out = (struct http_request){ .method = "POST", .url = place->oauth_url, .fields = fields,
                                  .field_count = 2, .body = buf_str(form) };
    return buf_ok(form) ? OK : ERR_INTERNAL;
}

static void begin_token(const struct place *place, const struct json *credentials,
                        struct arena *arena, struct buf *form)
{
    buf_init(form, arena, BODY_MAX);
    form_put(form, "grant_type", STR("client_credentials"));
    form_put(form, "scope", place->scope);
    form_put(form, "client_id", json_text(json_get(credentials, "client_id")));
    form_put(form, "client_secret", json_text(json_get(credentials, "client_secret")));
    form_put(form, "terminal", json_text(json_get(credentials, "terminal")));
}

/* The account's: it names no order, and is good for all but paying one. */
static enum err build_login(const struct gateway_ask *ask, struct arena *arena,
                            struct http_request *out)
{
    struct place place = place_of(ask, arena);
    struct buf form;

    begin_token(&place, gateway_credentials(ask->credentials, arena), arena, &form);
    return finish_token(&place, &form, arena, out);
}

/* An order's: bound to its number, amount, currency and terminal. */
static enum err build_order_login(const struct gateway_ask *ask, struct arena *arena,
                                  struct http_request *out)
{
    const struct json *credentials = gateway_credentials(ask->credentials, arena);
    struct place place = place_of(ask, arena);
    struct buf form, amount;

    if (!epayment_is_order(ask->payment_reference))
        return ERR_VALIDATION;
    buf_init(&amount, arena, 64);
    epayment_amount_write(&amount, ask->amount);
    begin_token(&place, credentials, arena, &form);
    form_put(&form, "invoiceID", ask->payment_reference);
    form_put(&form, "amount", buf_str(&amount));
    form_put(&form, "currency", str_of(currency_code(ask->amount.currency)));
    form_put(&form, "postLink", notify_url(ask, arena));
    form_put(&form, "failurePostLink", notify_url(ask, arena));
    form_put(&form, "secret_hash",
             epayment_order_secret(credentials, ask->payment_reference, arena));
    return finish_token(&place, &form, arena, out);
}

static enum gateway_token_use token_use(const struct gateway_ask *ask)
{
    if (ask->call != OPERATION_KIND_AUTHORIZE)
        return GW_TOKEN_ACCOUNT;
    return ask->method == METHOD_SAVED_CARD ? GW_TOKEN_ORDER : GW_TOKEN_NONE;
}

/* --- authorize --- */

static void put_card_payment(struct json_out *json, const struct gateway_ask *ask,
                             struct str amount, struct arena *arena)
{
    const struct json *credentials = gateway_credentials(ask->credentials, arena);

    json_put_raw(json, "amount", amount);
    json_put_text(json, "currency", str_of(currency_code(ask->amount.currency)));
    json_put_text(json, "terminalId", json_text(json_get(credentials, "terminal")));
    json_put_text(json, "invoiceId", ask->payment_reference);
    json_put_text(json, "description", description_of(ask));
    if (!str_is_empty(ask->customer))
        json_put_text(json, "accountId", ask->customer);
    json_put_text(json, "postLink", notify_url(ask, arena));
    json_put_text(json, "failurePostLink", notify_url(ask, arena));
    json_put_text(json, "paymentType", STR("cardId"));
    json_open_object(json, "cardId");
    json_put_text(json, "id", secret_reveal(&ask->card->saved));
    json_close_object(json);
}

static enum err build_card_payment(const struct gateway_ask *ask, struct arena *arena,
                                   struct http_request *out)
{
    struct place place = place_of(ask, arena);
    struct buf amount, body;
    struct json_out json;

    if (!ask->card || secret_is_empty(&ask->card->saved) ||
        !epayment_is_order(ask->payment_reference))
        return ERR_VALIDATION;
    buf_init(&amount, arena, 64);
    epayment_amount_write(&amount, ask->amount);
    buf_init(&body, arena, BODY_MAX);
    json_begin(&json, &body);
    json_open_object(&json, NULL);
    put_card_payment(&json, ask, buf_str(&amount), arena);
    json_close_object(&json);
    json_done(&json);
    if (!buf_ok(&body))
        return ERR_INTERNAL;
    struct str url = join(arena, place.api_url, place.card_path, (struct str){ 0 });
    return finish(ask, "POST", url, buf_str(&body), arena, out);
}

static enum err build_authorize(const struct gateway_ask *ask, struct arena *arena,
                                struct http_request *out)
{
    return ask->method == METHOD_SAVED_CARD ? build_card_payment(ask, arena, out)
                                            : build_order_login(ask, arena, out);
}

/* --- the payer's page --- */

/* Their own and no others: a setting with something else in it lets nothing in. */
static struct str page_origins(const struct place *place, struct arena *arena)
{
    struct str rest = place->page_origins, text, origin;
    struct buf out;

    buf_init(&out, arena, BODY_MAX);
    if (origin_of(place->page_url, arena, &origin))
        buf_add(&out, origin);
    while (str_cut(&rest, ' ', &text))
        if (origin_of(text, arena, &origin))
            buf_addf(&out, " %.*s", STR_ARG(origin));
    return buf_str(&out);
}

static const char *language_of(struct str language)
{
    return str_equal_c(language, "ru") ? "rus" : str_equal_c(language, "kk") ? "kaz" : "eng";
}

/* The widget's object. `auth` is the whole reply, not only the token in it. */
static enum err make_page(const struct gateway_ask *ask, const struct http_reply *reply,
                          struct str language, struct arena *arena, struct gateway_page *out)
{
    const struct json *credentials = gateway_credentials(ask->credentials, arena);
    struct place place = place_of(ask, arena);
    struct gateway_token token;
    struct json_out json;
    struct buf text, amount;

    enum err err = epayment_parse_login(reply, arena, &token);
    if (err)
        return err;
    buf_init(&amount, arena, 64);
    epayment_amount_write(&amount, ask->amount);
    buf_init(&text, arena, BODY_MAX + reply->body.len);
    json_begin(&json, &text);
    json_open_object(&json, NULL);
    json_put_text(&json, "invoiceId", ask->payment_reference);
    json_put_raw(&json, "amount", buf_str(&amount));
    json_put_text(&json, "currency", str_of(currency_code(ask->amount.currency)));
    json_put_text(&json, "terminal", json_text(json_get(credentials, "terminal")));
    json_put_text(&json, "backLink", ask->return_url);
    json_put_text(&json, "failureBackLink", ask->return_url);
    json_put_bool(&json, "autoBackLink", true);
    json_put_text(&json, "postLink", notify_url(ask, arena));
    json_put_text(&json, "failurePostLink", notify_url(ask, arena));
    json_put_text(&json, "language", str_of(language_of(language)));
    json_put_text(&json, "description", description_of(ask));
    if (!str_is_empty(ask->customer))
        json_put_text(&json, "accountId", ask->customer);
    if (ask->save_card)
        json_put_bool(&json, "cardSave", true);
    json_put_raw(&json, "auth", reply->body);
    json_close_object(&json);
    json_done(&json);
    *out = (struct gateway_page){ place.page_url, "halyk.pay", buf_str(&text),
                                  page_origins(&place, arena) };
    return buf_ok(&text) ? OK : ERR_INTERNAL;
}

/* --- charge, cancel, refund, status --- */

static enum err build_status(const struct gateway_ask *ask, struct arena *arena,
                             struct http_request *out)
{
    struct place place = place_of(ask, arena);

    if (!epayment_is_order(ask->payment_reference))
        return ERR_VALIDATION;
    struct str url = join(arena, place.api_url, place.status_path, ask->payment_reference);
    return finish(ask, "GET", url, (struct str){ 0 }, arena, out);
}

/* An order that nobody made: our numbers have nine digits. */
#define NO_ORDER STR("999999999999999")

static enum err build_probe(const struct gateway_ask *ask, struct arena *arena,
                            struct http_request *out)
{
    struct gateway_ask about = *ask;

    about.payment_reference = NO_ORDER;
    return build_status(&about, arena, out);
}

/* `query` is what follows the name of the change, or empty. */
static enum err build_change(const struct gateway_ask *ask, const char *name, struct str query,
                             struct arena *arena, struct http_request *out)
{
    struct place place = place_of(ask, arena);

    if (!epayment_is_id(ask->gateway_reference))
        return ERR_VALIDATION;
    struct str part = str_format(arena, "%.*s/%s%.*s", STR_ARG(ask->gateway_reference), name,
                                 STR_ARG(query));
    struct str url = join(arena, place.api_url, place.operation_path, part);
    return finish(ask, "POST", url, (struct str){ 0 }, arena, out);
}

/* The amount is always stated: without one they take, or return, whatever there is. */
static enum err build_charge(const struct gateway_ask *ask, struct arena *arena,
                             struct http_request *out)
{
    struct buf query;

    buf_init(&query, arena, URL_MAX);
    buf_add_c(&query, "?amount=");
    epayment_amount_write(&query, ask->amount);
    return build_change(ask, "charge", buf_str(&query), arena, out);
}

static enum err build_refund(const struct gateway_ask *ask, struct arena *arena,
                             struct http_request *out)
{
    struct buf query;

    if (!str_is_visible_ascii(ask->reference))
        return ERR_VALIDATION;
    buf_init(&query, arena, URL_MAX);
    buf_add_c(&query, "?amount=");
    epayment_amount_write(&query, ask->amount);
    form_put(&query, "externalID", ask->reference);
    return build_change(ask, "refund", buf_str(&query), arena, out);
}

/* Before the payer acts there is no transaction that could be cancelled, and they may have acted
 * without our hearing of it. So then the cancel begins with a question; what it finds held is
 * cancelled when the same operation goes again. */
static bool cancel_asks(const struct gateway_ask *ask)
{
    return str_is_empty(ask->gateway_reference);
}

static enum err build_cancel(const struct gateway_ask *ask, struct arena *arena,
                             struct http_request *out)
{
    return cancel_asks(ask) ? build_status(ask, arena, out)
                            : build_change(ask, "cancel", (struct str){ 0 }, arena, out);
}

static enum err parse_cancel(const struct gateway_ask *ask, const struct http_reply *reply,
                             struct arena *arena, struct gateway_answer *out)
{
    return cancel_asks(ask) ? epayment_parse_status(ask, reply, arena, out)
                            : epayment_parse_change(ask, reply, arena, out);
}

static enum err build_deactivate(const struct gateway_ask *ask, struct arena *arena,
                                 struct http_request *out)
{
    struct place place = place_of(ask, arena);

    if (!ask->card || !epayment_is_id(secret_reveal(&ask->card->saved)))
        return ERR_VALIDATION;
    struct str url = join(arena, place.api_url, place.deactivate_path,
                          secret_reveal(&ask->card->saved));
    return finish(ask, "POST", url, (struct str){ 0 }, arena, out);
}

/* --- the gateway --- */

static const enum payment_method methods[] = { METHOD_GATEWAY_PAGE, METHOD_SAVED_CARD,
                                               METHOD_NONE };
static const enum payment_method keeps[] = { METHOD_GATEWAY_PAGE, METHOD_NONE };
static const char *const credentials[] = { "client_id", "client_secret", "terminal",
                                           "notify_secret", NULL };
/* Of what they send: never kept. */
static const char *const secret_members[] = { "secret_hash", "cardId", "email", "phone",
                                              "name", NULL };
static const struct money refund_least[] = { { 1000, CURRENCY_KZT }, { 0, CURRENCY_NONE } };
static const struct gateway_setting settings[] = {
#define X(name_, kind_, test, live, what_) \
    { .name = #name_, .kind = GW_SETTING_##kind_, .what = (what_) },
    EPAYMENT_SETTINGS(X)
#undef X
    { .name = NULL },
};

const struct gateway gateway_epayment = {
    .name = "epayment",
    .title = "epayment.kz (Halyk Bank)",
    .capture = GW_CAPTURE_SALE,
    .methods = methods,
    .cards = { .keeps = keeps, .verifies = true, .forgets_once = true },
    /* Their own notices come minutes late. */
    .visibility_ms = 10 * MINUTE_MS,
    .deadline_ms = 30 * SECOND_MS,
    .authorization_ms = 5 * DAY_MS,
    .refund_age_ms = 180 * DAY_MS,
    .refund_least = refund_least,
    .cancels_holds_only = true,
    .references = GW_REFERENCE_DIGITS,
    .credentials = credentials,
    .settings = settings,
    .login = { build_login, epayment_parse_login },
    .order_login = { build_order_login, epayment_parse_login },
    .page = make_page,
    .token_use = token_use,
    .notices = { epayment_notice_verify, epayment_notice_read, secret_members },
    .probe = { build_probe, epayment_parse_probe },
    .calls = {
        [OPERATION_KIND_AUTHORIZE] = { build_authorize, epayment_parse_authorize,
                                       GW_ENQUIRE_FIRST },
        [OPERATION_KIND_CAPTURE] = { build_charge, epayment_parse_change, GW_ENQUIRE_FIRST },
        [OPERATION_KIND_CANCEL] = { build_cancel, parse_cancel, GW_ENQUIRE_FIRST },
        [OPERATION_KIND_REFUND] = { build_refund, epayment_parse_change, GW_NEVER_REPEAT },
        [OPERATION_KIND_DEACTIVATE] = { build_deactivate, epayment_parse_deactivate,
                                        GW_REPEAT_SAME_KEY },
        [OPERATION_KIND_ENQUIRE] = { build_status, epayment_parse_status, GW_REPEAT_SAME_KEY },
    },
};
