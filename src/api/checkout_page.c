/* checkout_page.c - the payer's page: who may see it, and what it shows.
 *
 *   checkout_page_show, _take   on the loop: the address is proven, a reader looks it up
 *   run                         on a reader's thread: session, invoice, last attempt, account
 *   go_on                       shown; or shown a little later, while an attempt is under way or
 *                               the gateway is asked about an old one; or what was pressed is
 *                               taken (checkout_form.c)
 *
 * The token in the address is the key to the page. Gateways send payers back to an address
 * without it, which is kept with the payment; a cookie that only goes there has it. */
#include <assert.h>

#include "api/checkout_parts.h"
#include "api/look.h"
#include "api/page_limit.h"
#include "base/time.h"
#include "pages/card_form.h"
#include "store/query_wallet.h"

#define PAGE_TYPE STR("text/html; charset=utf-8")
#define READ_AGAIN_MS 50
#define PATIENCE_US (SECOND_MS * 1500) /* for an attempt that ends at once */
#define CHECKING_MS (20 * SECOND_MS)   /* from then on we say that we do not know */
#define COOKIE "purser_checkout"
#define RETURNED "returned" /* in the query of those who come back */

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

static enum checkout_view view_of(const struct visit *visit)
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

static struct str address_of(struct call *call, const char *path, struct str rest)
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
                             ? address_of(visit->call, "/pay/", visit->call->segment)
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

static struct str language_of(const struct visit *visit)
{
    return checkout_page_language(visit->checkout->language,
                                  server_request_header(visit->call->request, "Accept-Language"));
}

void checkout_show(struct visit *visit)
{
    struct call *call = visit->call;
    const struct invoice *invoice = visit->invoice;
    struct checkout_page page = {
        .view = view_of(visit),
        .language = language_of(visit),
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
    checkout_fill_look(visit->settings, &page);
    fill_attempt(visit, &page);
    if (page.view == CHECKOUT_VIEW_CONFIRM) {
        page.card = visit->card;
        page.card_last4 = visit->card_last4;
    }
    checkout_answer_page(call, visit->faults ? 422 : 200, &page);
}

static struct str id_text(struct call *call, struct checkout_id id)
{
    struct buf text;

    buf_init(&text, call->arena, ID_TEXT_MAX);
    checkout_id_write(&text, id);
    return buf_str(&text);
}

struct str checkout_back_address(const struct visit *visit)
{
    return address_of(visit->call, "/pay/back/", id_text(visit->call, visit->id));
}

static void send_to(struct call *call, struct str address)
{
    call_add_header(call, STR("Location"), address);
    add_headers(call, &(struct checkout_page){ 0 });
    call_answer(call, 303, (struct str){ 0 }, (struct str){ 0 });
}

void checkout_send_to_page(struct call *call, struct str token)
{
    send_to(call, address_of(call, "/pay/", token));
}

void checkout_add_cookie(struct visit *visit)
{
    struct call *call = visit->call;
    bool secure = str_starts_with(call->api->config.public_url, STR("https://"));

    call_add_header(call, STR("Set-Cookie"),
                    str_format(call->arena,
                               COOKIE "=%.*s; Path=/pay/back/%.*s; HttpOnly; SameSite=Lax%s",
                               STR_ARG(call->segment), STR_ARG(id_text(call, visit->id)),
                               secure ? "; Secure" : ""));
}

/* --- the books --- */

/* Whoever looks at an attempt that waits for the gateway's script gets a token of their own. */
static void prepare_page(struct visit *visit)
{
    struct vault *vault = visit->call->api->config.vault;
    const struct gateway *gateway = gateway_of(visit->call, visit->account->gateway);
    const struct gateway_account *account = visit->account;

    desk_page_free(visit->page);
    visit->page = NULL;
    if (visit->posted || !visit->payment || !gateway || !gateway->page ||
        visit->payment->status != PAYMENT_REQUIRES_ACTION)
        return;
    visit->page = desk_page_new();
    if (!str_is_empty(account->credentials) &&
        (!vault || !vault_unseal(vault, account->id, account->credentials,
                                 &visit->page->credentials)))
        visit->page->credentials = (struct secret){ 0 };
}

/* Who is not there any more is not named: the payer may pay all the same. */
static enum err find_customer(struct visit *visit, struct db *db, struct query_scope scope,
                              struct arena *arena)
{
    struct customer *customer = NULL;

    visit->knows_customer = false;
    if (customer_id_is_zero(visit->checkout->customer))
        return OK;
    enum err err = query_customer(db, scope, visit->checkout->customer, arena, &customer);
    visit->knows_customer = !err && customer->deleted_ms == 0;
    return err == ERR_NOT_FOUND ? OK : err;
}

static void run(struct desk_read *read, struct db *db)
{
    struct visit *visit = read->user;
    struct arena *arena = &read->arena;

    visit->payment = NULL;
    visit->err = query_checkout_by_id(db, visit->id, arena, &visit->checkout);
    if (visit->err)
        return;
    struct query_scope scope = { visit->checkout->merchant, visit->checkout->live };
    visit->err = query_invoice(db, scope, visit->checkout->invoice, arena, &visit->invoice);
    if (!visit->err && !payment_id_is_zero(visit->checkout->payment))
        visit->err = query_payment(db, scope, visit->checkout->payment, arena, &visit->payment);
    if (!visit->err)
        visit->err = query_gateway_account(db, scope, visit->checkout->gateway_account, arena,
                                           &visit->account);
    if (!visit->err)
        visit->err = query_checkout_settings(db, scope, arena, &visit->settings);
    if (!visit->err)
        visit->err = find_customer(visit, db, scope, arena);
    if (!visit->err)
        prepare_page(visit);
    visit->is_old = false;
    if (!visit->err && visit->payment && !visit->posted && !visit->asked)
        visit->err = look_is_due(db, visit->payment, call_now_ms(visit->call), &visit->is_old);
}

/* --- the way of a visit --- */

static enum err begin_read(struct visit *visit);

static void read_again(void *arg)
{
    struct visit *visit = arg;

    enum err err = begin_read(visit);
    if (err)
        call_fail(visit->call, err);
}

static bool may_end_at_once(const struct visit *visit)
{
    struct call *call = visit->call;
    int64_t now_us = outside_monotonic_us(call->api->config.outside);

    return view_of(visit) == CHECKOUT_VIEW_WAITING &&
           now_us - server_request_started_us(call->request) < PATIENCE_US;
}

static void read_soon(struct visit *visit)
{
    server_timer_start(server_of(visit->call->request), &visit->timer, READ_AGAIN_MS, read_again,
                       visit);
}

/* Whatever became of it: the books are read again. */
static void look_is_back(void *arg)
{
    struct desk_turn *turn = arg;
    struct visit *visit = turn->user;

    desk_turn_free(turn);
    read_soon(visit);
}

static void look_done(struct desk_turn *turn)
{
    const struct visit *visit = turn->user;

    server_post(atomic_load(&visit->call->api->server), look_is_back, turn);
}

static bool is_asked_now(struct visit *visit)
{
    const struct query_scope scope = { visit->checkout->merchant, visit->checkout->live };

    if (!visit->is_old)
        return false;
    visit->asked = true;
    return look_ask(visit->call, scope, visit->payment->id, look_done, visit);
}

static void page_is_back(void *arg)
{
    struct desk_page *page = arg;
    struct visit *visit = page->user;
    struct desk_read *read = visit->read;

    visit->widget = page->err ? NULL : &page->page;
    checkout_show(visit);
    desk_page_free(page);
    desk_read_free(read);
}

static void page_done(struct desk_page *page)
{
    const struct visit *visit = page->user;

    server_post(atomic_load(&visit->call->api->server), page_is_back, page);
}

/* False: the gateway is not asked now, and the page says that it cannot be reached. */
static bool is_page_begun(struct visit *visit, struct desk_read *read)
{
    const struct api_config *config = &visit->call->api->config;
    struct desk_page *page = visit->page;

    if (visit->err || !page || view_of(visit) != CHECKOUT_VIEW_WIDGET)
        return false;
    visit->read = read;
    page->gateway = gateway_of(visit->call, visit->account->gateway);
    page->account = visit->account;
    page->payment = visit->payment;
    page->public_url = config->public_url;
    page->language = language_of(visit);
    page->done = page_done;
    page->user = visit;
    return config->desk->page(config->desk->self, page);
}

static void go_on(struct visit *visit)
{
    struct call *call = visit->call;
    enum err err = visit->err;

    if (err == ERR_NOT_FOUND) {
        checkout_answer_wrong(call);
        return;
    }
    if (!err && visit->posted)
        err = checkout_take(visit);
    else if (!err && may_end_at_once(visit))
        read_soon(visit);
    else if (!err)
        checkout_show(visit);
    if (err)
        call_fail(call, err);
}

static void read_is_back(void *arg)
{
    struct desk_read *read = arg;
    struct visit *visit = read->user;
    struct desk_page *page = visit->page;

    bool asked = !visit->err && !visit->posted && is_asked_now(visit);
    if (!asked && is_page_begun(visit, read))
        return;
    visit->page = NULL;
    if (!asked)
        go_on(visit);
    desk_page_free(page);
    desk_read_free(read);
}

static void read_done(struct desk_read *read)
{
    const struct visit *visit = read->user;

    server_post(atomic_load(&visit->call->api->server), read_is_back, read);
}

static enum err begin_read(struct visit *visit)
{
    const struct desk *desk = visit->call->api->config.desk;
    struct desk_read *read = desk_read_new();

    read->run = run;
    read->done = read_done;
    read->user = visit;
    if (desk->read(desk->self, read))
        return OK;
    desk_read_free(read);
    return trouble_say(&visit->call->trouble, ERR_UNAVAILABLE,
                       "This node takes no more work now.");
}

/* A wrong address and a form cost more than a look: both are what guessing is made of. */
#define COST_LOOK 1
#define COST_TRY  10

static bool may_come(struct call *call, unsigned cost)
{
    struct checkout_page page = { .view = CHECKOUT_VIEW_BUSY, .live = true };
    int64_t wait_s = page_limit_take(call->api->page_limit, call, cost);

    if (wait_s == 0)
        return true;
    call_add_header(call, STR("Retry-After"),
                    str_format(call->arena, "%lld", (long long)wait_s));
    checkout_answer_page(call, 429, &page);
    return false;
}

bool checkout_may_come(struct call *call, bool right)
{
    return may_come(call, right ? COST_LOOK : COST_TRY);
}

static bool has_returned(const struct call *call)
{
    return str_equal_c(server_request_query(call->request), RETURNED);
}

static enum err begin(struct call *call, bool posted)
{
    struct visit *visit = ARENA_NEW(call->arena, struct visit);
    bool right = checkout_token_read(call->api, call->segment, &visit->id);

    visit->call = call;
    visit->posted = posted;
    visit->returned = has_returned(call);
    if (!may_come(call, posted || !right ? COST_TRY : COST_LOOK))
        return OK;
    if (right)
        return begin_read(visit);
    checkout_answer_wrong(call);
    return OK;
}

/* GET /pay/{token} */
enum err checkout_page_show(struct call *call)
{
    return begin(call, false);
}

/* POST /pay/{token} */
enum err checkout_page_take(struct call *call)
{
    return begin(call, true);
}

/* The token of the session, out of the cookie that this browser has; empty without one. */
static struct str token_of_cookie(struct call *call)
{
    struct str cookies = server_request_header(call->request, "Cookie");
    struct str cookie;
    struct checkout_id id;

    while (str_cut(&cookies, ';', &cookie)) {
        cookie = str_trim(cookie);
        struct str token = str_slice(cookie, sizeof(COOKIE "=") - 1, cookie.len);
        if (str_starts_with(cookie, STR(COOKIE "=")) &&
            checkout_token_read(call->api, token, &id) &&
            str_equal(id_text(call, id), call->segment))
            return token;
    }
    return (struct str){ 0 };
}

/* GET /pay/back/{id}: from the bank. Without the cookie it is another browser: nothing is shown
 * to it. */
enum err checkout_page_back(struct call *call)
{
    struct str token = token_of_cookie(call);

    if (!may_come(call, str_is_empty(token) ? COST_TRY : COST_LOOK))
        return OK;
    if (str_is_empty(token))
        checkout_answer_wrong(call);
    else
        send_to(call, address_of(call, "/pay/", str_format(call->arena, "%.*s?" RETURNED,
                                                           STR_ARG(token))));
    return OK;
}

/* POST /pay/back/{id}: some gateways post. Browsers keep the cookie from what another site
 * posts, and give it to what is fetched next. */
enum err checkout_page_posted_back(struct call *call)
{
    if (may_come(call, COST_LOOK))
        send_to(call, address_of(call, "/pay/back/", call->segment));
    return OK;
}

/* GET /pages/checkout.css */
enum err checkout_style_show(struct call *call)
{
    call_answer(call, 200, STR("text/css; charset=utf-8"), checkout_page_style);
    return OK;
}
