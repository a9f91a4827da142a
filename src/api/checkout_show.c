/* checkout_show.c - what the payer's page shows of a visit, and its addresses. */
#include <assert.h>

#include "api/checkout_parts.h"
#include "base/time.h"
#include "pages/card_form.h"

#define PAGE_TYPE STR("text/html; charset=utf-8")
#define CHECKING_MS (20 * SECOND_MS)   /* from then on we say that we do not know */

static void add_headers(struct call *call, const struct checkout_page *page)
{
    struct buf policy;

    buf_init(&policy, call->arena, 1024);
    checkout_page_write_policy(&policy, page);
    assert(buf_ok(&policy));
    call_add_header(call, STR("Content-Security-Policy"), buf_str(&policy));
    call_add_header(call, STR("Referrer-Policy"), STR("no-referrer"));
    call_add_header(call, STR("X-Content-Type-Options"), STR("nosniff"));
}

static struct str make_nonce(struct call *call)
{
    uint8_t bytes[16];
    struct buf out;

    outside_random(call->api->config.outside, bytes, sizeof bytes);
    buf_init(&out, call->arena, 2 * sizeof bytes + 1);
    buf_add_hex(&out, bytes, sizeof bytes);
    return buf_str(&out);
}

void checkout_answer_page(struct call *call, int status, struct checkout_page *page)
{
    struct buf out;

    if (str_is_empty(page->language))
        page->language = checkout_page_language(
            (struct str){ 0 }, server_request_header(call->request, "Accept-Language"));
    buf_init(&out, call->arena, CHECKOUT_PAGE_MAX);
    page->nonce = make_nonce(call);
    checkout_page_write(&out, page);
    assert(buf_ok(&out));
    add_headers(call, page);
    call_answer(call, status, PAGE_TYPE, buf_str(&out));
}

void checkout_answer_wrong(struct call *call)
{
    struct checkout_page page = { .view = CHECKOUT_VIEW_WRONG, .live = true };

    checkout_answer_page(call, 404, &page);
}

struct str checkout_form_proof(const struct visit *visit)
{
    const struct api *api = visit->call->api;
    const struct checkout *checkout = visit->checkout;
    struct str attempts = str_format(visit->call->arena, "%lld", (long long)checkout->attempts);
    const struct str pieces[] = {
        STR("purser checkout form"),
        str_make((const char *)checkout->id.id.bytes, sizeof checkout->id.id.bytes),
        attempts,
    };
    struct sha256 proof = crypto_hmac_sha256(secret_reveal(api->config.installation_key), pieces,
                                             3);
    struct buf out;

    buf_init(&out, visit->call->arena, 128);
    buf_addf(&out, "%.*s-", STR_ARG(attempts));
    for (size_t i = 0; i < 16; i++)
        buf_addf(&out, "%02x", proof.bytes[i]);
    return buf_str(&out);
}

/* The page is told nothing: the merchant asks the API. */
static struct str back_url_of(const struct visit *visit)
{
    const struct checkout *checkout = visit->checkout;
    bool left = checkout->status == CHECKOUT_CANCELLED && !str_is_empty(checkout->cancel_url);
    struct str url = left ? checkout->cancel_url : checkout->return_url;
    size_t hash = str_find_char(url, '#', 0);
    struct str before = str_slice(url, 0, hash);
    char text[ID_TEXT_MAX + 1];
    struct buf id;

    if (!machine_is_final(&machine_checkout, checkout->status))
        return (struct str){ 0 };
    buf_fixed(&id, text, sizeof text);
    checkout_id_write(&id, checkout->id);
    return str_format(visit->call->arena, "%.*s%scheckout_session=%.*s%.*s", STR_ARG(before),
                      str_find_char(before, '?', 0) < before.len ? "&" : "?",
                      STR_ARG(buf_str(&id)), STR_ARG(str_slice(url, hash, url.len)));
}

bool checkout_takes_cards(const struct visit *visit)
{
    const struct gateway *gateway = gateway_of(visit->call, visit->account->gateway);

    return card_form_is_here() && gateway && checkout_page_takes_card(gateway) &&
           !visit->checkout->live;
}

bool checkout_asks_to_save(const struct visit *visit)
{
    return visit->checkout->save_card && visit->knows_customer;
}

static enum checkout_view view_of_attempt(const struct visit *visit)
{
    const struct payment *payment = visit->payment;
    int64_t since_ms = call_now_ms(visit->call) - payment->updated_ms;

    if (payment->status == PAYMENT_REQUIRES_ACTION && !str_is_empty(payment->action_url))
        return visit->returned                    ? CHECKOUT_VIEW_WAITING
               : payment->action == ACTION_WIDGET ? CHECKOUT_VIEW_WIDGET
                                                  : CHECKOUT_VIEW_BANK;
    return since_ms < CHECKING_MS ? CHECKOUT_VIEW_WAITING : CHECKOUT_VIEW_CHECKING;
}

/* A session of the sandbox may have been made by a build that has a form for it. */
static enum checkout_view view_of_payable(const struct visit *visit)
{
    const struct gateway *gateway = gateway_of(visit->call, visit->account->gateway);

    if (checkout_takes_cards(visit))
        return CHECKOUT_VIEW_CARD;
    return gateway && gateway_takes(gateway, METHOD_GATEWAY_PAGE) ? CHECKOUT_VIEW_GATEWAY
                                                                  : CHECKOUT_VIEW_AWAY;
}

enum checkout_view checkout_view_of(const struct visit *visit)
{
    if (!str_is_empty(visit->card))
        return CHECKOUT_VIEW_CONFIRM;
    switch (visit->checkout->status) {
    case CHECKOUT_PAID:
        return visit->payment && visit->payment->status == PAYMENT_AUTHORIZED
                   ? CHECKOUT_VIEW_RESERVED : CHECKOUT_VIEW_PAID;
    case CHECKOUT_CANCELLED:
        return CHECKOUT_VIEW_CANCELLED;
    case CHECKOUT_PROCESSING:
        return view_of_attempt(visit);
    case CHECKOUT_OPEN:
        if (visit->checkout->expires_ms > call_now_ms(visit->call))
            return view_of_payable(visit);
        break;
    case CHECKOUT_EXPIRED:
    case CHECKOUT_NOWHERE:
    case CHECKOUT_STATE_COUNT:
        break;
    }
    return CHECKOUT_VIEW_EXPIRED;
}

struct str checkout_address(struct call *call, const char *path, struct str rest)
{
    return str_format(call->arena, "%.*s%s%.*s", STR_ARG(call->api->config.public_url), path,
                      STR_ARG(rest));
}

static void fill_attempt(const struct visit *visit, struct checkout_page *page)
{
    const struct payment *payment = visit->payment;
    struct buf id;

    if (!payment)
        return;
    buf_init(&id, visit->call->arena, ID_TEXT_MAX);
    payment_id_write(&id, payment->id);
    page->reference = buf_str(&id);
    page->card_last4 = payment->card_last4;
    if (payment->status == PAYMENT_REQUIRES_ACTION)
        page->bank_url = payment->action == ACTION_WIDGET
                             ? checkout_address(visit->call, "/pay/", visit->call->segment)
                             : payment->action_url;
    page->declined = payment->status == PAYMENT_FAILED;
}

void checkout_fill_look(const struct checkout_settings *settings, struct checkout_page *page)
{
    if (!settings)
        return;
    page->merchant = settings->name;
    page->logo = settings->logo;
    page->colour = settings->colour;
}

struct str checkout_language_of(const struct visit *visit)
{
    return checkout_page_language(visit->checkout->language,
                                  server_request_header(visit->call->request, "Accept-Language"));
}

/* The next address of a page that waits. Those who came back from the bank stay so. */
static void fill_renewal(const struct visit *visit, struct checkout_page *page)
{
    page->still = visit->still;
    page->here = visit->returned ? STR("?" CHECKOUT_RETURNED) : STR("?");
}

void checkout_show(struct visit *visit)
{
    struct call *call = visit->call;
    const struct invoice *invoice = visit->invoice;
    struct checkout_page page = {
        .view = checkout_view_of(visit),
        .language = checkout_language_of(visit),
        .live = visit->checkout->live,
        .faults = visit->faults,
        .amount = { invoice->amount_minor, invoice->currency },
        .shop = invoice->shop,
        .description = invoice->description,
        .form = checkout_form_proof(visit),
        .back_url = back_url_of(visit),
        .expires_ms = visit->checkout->expires_ms,
        .widget = visit->widget,
        .asks_to_save = checkout_asks_to_save(visit),
        .save = visit->save,
    };

    if (page.view == CHECKOUT_VIEW_PAID && visit->payment->status == PAYMENT_CAPTURED)
        page.receipt_path = str_format(call->arena, "/pay/%.*s/receipt", STR_ARG(call->segment));
    fill_renewal(visit, &page);
    checkout_fill_look(visit->settings, &page);
    fill_attempt(visit, &page);
    if (page.view == CHECKOUT_VIEW_CONFIRM) {
        page.card = visit->card;
        page.card_last4 = visit->card_last4;
    }
    checkout_answer_page(call, visit->faults ? 422 : 200, &page);
}

struct str checkout_id_text(struct call *call, struct checkout_id id)
{
    struct buf text;

    buf_init(&text, call->arena, ID_TEXT_MAX);
    checkout_id_write(&text, id);
    return buf_str(&text);
}

struct str checkout_back_address(const struct visit *visit)
{
    return checkout_address(visit->call, "/pay/back/", checkout_id_text(visit->call, visit->id));
}

void checkout_send_to(struct call *call, struct str address)
{
    call_add_header(call, STR("Location"), address);
    add_headers(call, &(struct checkout_page){ .nonce = make_nonce(call) });
    call_answer(call, 303, (struct str){ 0 }, (struct str){ 0 });
}

void checkout_send_to_page(struct call *call, struct str token)
{
    checkout_send_to(call, checkout_address(call, "/pay/", token));
}

void checkout_add_cookie(struct visit *visit)
{
    struct call *call = visit->call;
    bool secure = str_starts_with(call->api->config.public_url, STR("https://"));

    call_add_header(call, STR("Set-Cookie"),
                    str_format(call->arena,
                               "%s=%.*s; Path=/pay/back/%.*s; HttpOnly; SameSite=Lax%s",
                               CHECKOUT_COOKIE, STR_ARG(call->segment),
                               STR_ARG(checkout_id_text(call, visit->id)),
                               secure ? "; Secure" : ""));
}
