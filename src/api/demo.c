/* demo.c - the demo shop: makes sessions of the merchant "default" in test mode, without a key.
 *
 * It is there only where the setting `demo` says so: whoever reaches the server can make test
 * sessions with it and sees test events. */
#include <assert.h>

#include "api/checkout_parts.h"
#include "base/time.h"
#include "core/render.h"
#include "core/requests.h"
#include "net/url.h"
#include "pages/card_form.h"
#include "pages/demo.h"

#define PRICE ((struct money){ 1250, CURRENCY_EUR })
#define EVENTS_SHOWN 20
#define LOOK_AGAIN_MS 250

struct demo_visit {
    struct call *call;
    void (*answer)(struct demo_visit *visit);
    bool wants_events;
    bool held;                   /* answered when the newest event is not `after` any more */
    struct str after;
    struct server_timer timer;
    struct checkout_id session;  /* of whoever comes back; zero: nobody does */
    /* From the reader, in the read's arena. */
    enum err err;
    struct merchant_id merchant;
    struct checkout *checkout;
    struct event_list events;
};

static enum err run(struct desk_read *read, struct db *db)
{
    struct demo_visit *visit = read->user;
    struct arena *arena = &read->arena;
    struct query_scope scope = { .live = false };

    visit->checkout = NULL;
    visit->events = (struct event_list){ 0 };
    visit->err = query_merchant(db, STR("default"), arena, &visit->merchant);
    scope.merchant = visit->merchant;
    if (!visit->err && !checkout_id_is_zero(visit->session))
        visit->err = query_checkout(db, scope, visit->session, arena, &visit->checkout);
    if (!visit->err && visit->wants_events)
        visit->err = query_last_events(db, scope, EVENTS_SHOWN, arena, &visit->events);
    return visit->err;
}

static void answer_html(struct call *call, const struct buf *page)
{
    assert(buf_ok(page));
    call_add_header(call, STR("Content-Security-Policy"), demo_page_policy);
    call_add_header(call, STR("Referrer-Policy"), STR("no-referrer"));
    call_add_header(call, STR("X-Content-Type-Options"), STR("nosniff"));
    call_answer(call, 200, STR("text/html; charset=utf-8"), buf_str(page));
}

static enum err begin_read(struct demo_visit *visit);

static struct str newest(const struct demo_visit *visit)
{
    struct buf id;

    buf_init(&id, visit->call->arena, ID_TEXT_MAX);
    if (visit->events.count > 0)
        event_id_write(&id, event_id_of(visit->events.items[0]));
    return buf_str(&id);
}

static bool is_waited_for(const struct demo_visit *visit)
{
    struct call *call = visit->call;
    int64_t now_us = outside_monotonic_us(call->api->config.outside);

    return visit->held && str_equal(newest(visit), visit->after) &&
           now_us - server_request_started_us(call->request) < CHECKOUT_HELD_US &&
           !server_is_stopping(server_of(call->request));
}

static void look_again(void *arg)
{
    struct demo_visit *visit = arg;
    enum err err = begin_read(visit);

    if (err)
        call_fail(visit->call, err);
}

static void read_is_back(void *arg)
{
    struct desk_read *read = arg;
    struct demo_visit *visit = read->user;

    if (visit->err)
        call_fail(visit->call, visit->err);
    else if (is_waited_for(visit))
        server_timer_start(server_of(visit->call->request), &visit->timer, LOOK_AGAIN_MS,
                           look_again, visit);
    else
        visit->answer(visit);
    desk_read_free(read);
}

static void read_done(struct desk_read *read)
{
    const struct demo_visit *visit = read->user;

    server_post(atomic_load(&visit->call->api->server), read_is_back, read);
}

static enum err begin_read(struct demo_visit *visit)
{
    const struct desk *desk = visit->call->api->config.desk;
    struct desk_read *read = desk_read_new();

    read->user = visit;
    read->run = run;
    read->done = read_done;
    if (desk->read(desk->self, read))
        return OK;
    desk_read_free(read);
    return trouble_say(&visit->call->trouble, ERR_UNAVAILABLE,
                       "This node takes no more work now.");
}

static enum err begin(struct call *call, struct demo_visit visit)
{
    visit.call = call;
    if (call->api->config.demo)
        return begin_read(arena_copy(call->arena, &visit, sizeof visit));
    return trouble_say(&call->trouble, ERR_NOT_FOUND,
                       "The demo shop is off; start with --demo on.");
}

/* --- the shop --- */

static void answer_shop(struct demo_visit *visit)
{
    struct demo_page page = { .price = PRICE };
    struct buf out;

    if (visit->checkout) {
        page.session = checkout_id_text(visit->call, visit->checkout->id);
        page.status = word_str(&words_checkout_state, visit->checkout->status);
    }
    buf_init(&out, visit->call->arena, DEMO_PAGE_MAX);
    demo_page_write(&out, &page);
    answer_html(visit->call, &out);
}

/* GET /demo, and ?checkout_session=cs_... for those who come back */
enum err demo_show(struct call *call)
{
    struct demo_visit visit = { .answer = answer_shop };
    struct str query = server_request_query(call->request);
    struct str name;
    struct str value;

    while (url_next_pair(&query, call->arena, &name, &value) > 0)
        if (str_equal_c(name, "checkout_session") && !checkout_id_parse(value, &visit.session))
            return trouble_say(&call->trouble, ERR_NOT_FOUND, "There is no such session.");
    return begin(call, visit);
}

/* --- the events --- */

static void write_object(struct buf *out, const struct event *event)
{
    if (!checkout_id_is_zero(event->checkout))
        checkout_id_write(out, event->checkout);
    else if (!refund_id_is_zero(event->refund))
        refund_id_write(out, event->refund);
    else if (!payment_id_is_zero(event->payment))
        payment_id_write(out, event->payment);
    else
        invoice_id_write(out, event->invoice);
}

static void answer_events(struct demo_visit *visit)
{
    struct demo_event events[EVENTS_SHOWN];
    struct call *call = visit->call;
    struct buf out;

    assert(visit->events.count <= EVENTS_SHOWN);
    for (size_t i = 0; i < visit->events.count; i++) {
        const struct event *event = visit->events.items[i];
        buf_init(&out, call->arena, ID_TEXT_MAX);
        write_object(&out, event);
        events[i] = (struct demo_event){ word_str(&words_event_type, event->type), buf_str(&out),
                                         event->data, event->occurred_ms };
    }
    buf_init(&out, call->arena, DEMO_PAGE_MAX);
    demo_events_write(&out, newest(visit), events, visit->events.count);
    answer_html(call, &out);
}

/* GET /demo/events, and ?after=evt_... for what came after what is shown */
enum err demo_events_show(struct call *call)
{
    struct demo_visit visit = { .answer = answer_events, .wants_events = true };
    struct str query = server_request_query(call->request);
    struct str name;
    struct str value;

    while (url_next_pair(&query, call->arena, &name, &value) > 0)
        if (str_equal_c(name, "after")) {
            visit.held = true;
            visit.after = value;
        }
    return begin(call, visit);
}

/* --- buying --- */

static void turn_is_back(void *arg)
{
    struct desk_turn *turn = arg;
    struct call *call = turn->user;
    struct checkout_id id;
    struct buf url;

    if (turn->err) {
        call_fail(call, trouble_about(&call->trouble, turn->err, turn->param, "%.*s",
                                      STR_ARG(turn->detail)));
    } else {
        bool is_ours = checkout_id_of(turn->answer.body, &id);
        assert(is_ours);
        buf_init(&url, call->arena, 2048);
        buf_addf(&url, "%.*s/pay/", STR_ARG(call->api->config.public_url));
        checkout_token_write(call->api, id, &url);
        call_add_header(call, STR("Location"), buf_str(&url));
        call_answer(call, 303, (struct str){ 0 }, (struct str){ 0 });
    }
    desk_turn_free(turn);
}

static void turn_done(struct desk_turn *turn)
{
    const struct call *call = turn->user;

    server_post(atomic_load(&call->api->server), turn_is_back, turn);
}

/* What a shop asks for with POST /v1/checkout_sessions. */
static void answer_bought(struct demo_visit *visit)
{
    struct call *call = visit->call;
    const struct desk *desk = call->api->config.desk;
    struct desk_turn *turn = desk_turn_new();
    struct checkout_create *ask = ARENA_NEW(&turn->arena, struct checkout_create);

    *ask = (struct checkout_create){
        .card_form = card_form_is_here(),
        .has_amount = true,
        .amount = PRICE,
        .capture_method = CAPTURE_METHOD_AUTOMATIC,
        .expires_ms = CHECKOUT_MINUTES * MINUTE_MS,
        .description = STR("Two cups"),
        .shop = STR("Demo shop"),
        .return_url = str_format(&turn->arena, "%.*s/demo",
                                 STR_ARG(call->api->config.public_url)),
    };
    turn->input = (struct turn_input){
        .handler = &turn_checkout_create,
        .merchant = visit->merchant,
        .origin = ORIGIN_API,
        .actor = STR("demo shop"),
        .ask = ask,
    };
    turn->done = turn_done;
    turn->user = call;
    if (desk->submit(desk->self, turn))
        return;
    desk_turn_free(turn);
    call_fail(call, trouble_say(&call->trouble, ERR_UNAVAILABLE,
                                "This node takes no more work now."));
}

/* POST /demo */
enum err demo_buy(struct call *call)
{
    return begin(call, (struct demo_visit){ .answer = answer_bought });
}
