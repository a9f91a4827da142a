/* checkout_page.c - the payer's page: who may see it, and what it shows.
 *
 *   checkout_page_show, _take   on the loop: the address is proven, a reader looks it up
 *   run                         on a reader's thread: session, invoice, last attempt, account
 *   go_on                       shown; or shown a little later, while an attempt is under way or
 *                               the gateway is asked about an old one; or what was pressed is
 *                               taken (checkout_form.c)
 *
 * A page that waits for the outcome (?wait) is answered when there is one: the browser shows the
 * page before meanwhile. So nothing is loaded again every few seconds, which takes the page away
 * from whoever reads it slowly, and no script is needed (WCAG 2.2.1; technique H76). `?still` is
 * that page for those who do not want it to change by itself.
 *
 * The token in the address is the key to the page. Gateways send payers back to an address
 * without it, which is kept with the payment; a cookie that only goes there has it. */
#include <assert.h>

#include "api/checkout_parts.h"
#include "api/look.h"
#include "api/page_limit.h"
#include "base/time.h"
#include "store/query_wallet.h"

#define US_PER_MS 1000
#define READ_AGAIN_LEAST_MS 50
#define READ_AGAIN_MOST_MS 1000
#define ASK_AGAIN_US (5 * SECOND_MS * US_PER_MS)
#define PATIENCE_US (1500 * US_PER_MS)              /* for an attempt that ends at once */

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

/* An attempt is asked about again by a visit that lasts; how often is look_is_due's. */
static bool may_ask(const struct visit *visit)
{
    int64_t now_us = outside_monotonic_us(visit->call->api->config.outside);

    return visit->asked_us == 0 || now_us - visit->asked_us > ASK_AGAIN_US;
}

static enum err run(struct desk_read *read, struct db *db)
{
    struct visit *visit = read->user;
    struct arena *arena = &read->arena;

    visit->payment = NULL;
    visit->err = query_checkout_by_id(db, visit->id, arena, &visit->checkout);
    if (visit->err)
        return visit->err;
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
    if (!visit->err && visit->payment && !visit->posted && may_ask(visit))
        visit->err = look_is_due(db, visit->payment, call_now_ms(visit->call), &visit->is_old);
    return visit->err;
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

static int64_t age_us(const struct visit *visit)
{
    struct call *call = visit->call;

    return outside_monotonic_us(call->api->config.outside) -
           server_request_started_us(call->request);
}

static bool is_waited_for(const struct visit *visit)
{
    enum checkout_view view = checkout_view_of(visit);

    if (visit->still)
        return false;
    if (view == CHECKOUT_VIEW_CHECKING)
        return visit->held && age_us(visit) < CHECKOUT_HELD_US;
    return view == CHECKOUT_VIEW_WAITING &&
           age_us(visit) < (visit->held ? CHECKOUT_HELD_US : PATIENCE_US);
}

/* The longer it takes already, the less a moment more is felt. */
static void read_soon(struct visit *visit)
{
    int64_t after_ms = age_us(visit) / US_PER_MS / 8;

    if (after_ms < READ_AGAIN_LEAST_MS)
        after_ms = READ_AGAIN_LEAST_MS;
    if (after_ms > READ_AGAIN_MOST_MS)
        after_ms = READ_AGAIN_MOST_MS;
    server_timer_start(server_of(visit->call->request), &visit->timer, after_ms, read_again, visit);
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
    visit->asked_us = outside_monotonic_us(visit->call->api->config.outside);
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

    if (visit->err || !page || checkout_view_of(visit) != CHECKOUT_VIEW_WIDGET)
        return false;
    visit->read = read;
    page->gateway = gateway_of(visit->call, visit->account->gateway);
    page->account = visit->account;
    page->payment = visit->payment;
    page->public_url = config->public_url;
    page->language = checkout_language_of(visit);
    page->done = page_done;
    page->user = visit;
    return config->desk->page(config->desk->self, page);
}

/* The browser keeps the page that it shows while this node goes. */
static void wait_on(struct visit *visit)
{
    struct call *call = visit->call;

    if (visit->held && server_is_stopping(server_of(call->request)))
        call_answer(call, 204, (struct str){ 0 }, (struct str){ 0 });
    else
        read_soon(visit);
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
    else if (!err && is_waited_for(visit))
        wait_on(visit);
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

bool checkout_query_has(struct str query, struct str word)
{
    struct str part;

    while (str_cut(&query, '&', &part))
        if (str_equal(part, word))
            return true;
    return false;
}

static enum err begin(struct call *call, bool posted)
{
    struct visit *visit = ARENA_NEW(call->arena, struct visit);
    bool right = checkout_token_read(call->api, call->segment, &visit->id);

    visit->call = call;
    visit->posted = posted;
    struct str query = server_request_query(call->request);
    visit->returned = checkout_query_has(query, STR(CHECKOUT_RETURNED));
    visit->held = checkout_query_has(query, STR(CHECKOUT_WAIT));
    visit->still = checkout_query_has(query, STR(CHECKOUT_STILL));
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

struct str checkout_cookie_token(const struct api *api, struct str cookies, struct checkout_id *out)
{
    static const struct str name = STR_INIT(CHECKOUT_COOKIE "=");
    struct str cookie;

    while (str_cut(&cookies, ';', &cookie)) {
        cookie = str_trim(cookie);
        struct str token = str_slice(cookie, name.len, cookie.len);
        if (str_starts_with(cookie, name) && checkout_token_read(api, token, out))
            return token;
    }
    return (struct str){ 0 };
}

/* Of the session in the address; browsers send others' cookies for none of them. */
static struct str token_of_cookie(struct call *call)
{
    struct checkout_id id;
    struct str cookies = server_request_header(call->request, "Cookie");
    struct str token = checkout_cookie_token(call->api, cookies, &id);

    return !str_is_empty(token) && str_equal(checkout_id_text(call, id), call->segment)
               ? token : (struct str){ 0 };
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
        checkout_send_to(call, checkout_address(call, "/pay/",
                                                str_format(call->arena, "%.*s?" CHECKOUT_RETURNED,
                                                           STR_ARG(token))));
    return OK;
}

/* POST /pay/back/{id}: some gateways post. Browsers keep the cookie from what another site
 * posts, and give it to what is fetched next. */
enum err checkout_page_posted_back(struct call *call)
{
    if (may_come(call, COST_LOOK))
        checkout_send_to(call, checkout_address(call, "/pay/back/", call->segment));
    return OK;
}

/* GET /pages/checkout.css */
enum err checkout_style_show(struct call *call)
{
    call_answer(call, 200, STR("text/css; charset=utf-8"), checkout_page_style);
    return OK;
}
