#include "net/url.h"
#include "sim/fields.h"
#include "sim/hyper.h"
#include "sim/hyper_calls.h"
#include "sim/page.h"

static struct page page_of(const char *title)
{
    return (struct page){ .gateway = "Hyperswitch", .title = title };
}

static bool waits_for_payer(const struct hyper_payment *payment)
{
    return hyper_is(payment, "requires_payment_method") ||
           hyper_is(payment, "requires_confirmation") ||
           hyper_is(payment, "requires_customer_action");
}

/* What forbids it, or NULL when it is done. */
static const char *act(struct sim *sim, struct hyper_payment *payment, struct str action,
                       struct str code, struct exchange *cause)
{
    struct str status = { 0 };

    if (str_equal(action, STR("abandon")))
        return NULL;
    if (!waits_for_payer(payment))
        return "the payment is over";
    if (payment->expires_ms <= sim_now_ms(sim))
        return "the payment has expired";
    if (str_equal(action, STR("approve")))
        status = hyper_approved_state(payment);
    else if (str_equal(action, STR("decline")))
        status = STR("failed");
    else if (str_equal(action, STR("3d")))
        status = STR("requires_customer_action");
    else
        return "action is approve, decline, 3d or abandon";
    if (str_is_empty(payment->connector_id))
        payment->connector_id = sim_random_text(sim, &sim->arena, 20);
    hyper_come_to(sim, payment, status, code, BY_PAYER, cause);
    return NULL;
}

void hyper_pay_perform(struct exchange *exchange)
{
    const struct json *doc = exchange->doc;
    struct str id = json_text(json_get(doc, "payment_id"));
    struct hyper_payment *payment = map_get(&exchange->sim->hyper->payments, id);

    if (payment == NULL) {
        reply_refusal(exchange, 404, "there is no payment \"%.*s\"", STR_ARG(id));
        return;
    }
    const char *why = act(exchange->sim, payment, json_text(json_get(doc, "action")),
                          fields_json_text(json_get(doc, "code"), exchange->arena), exchange);
    if (why != NULL)
        reply_refusal(exchange, 409, "%s", why);
    else
        hyper_reply_payment(exchange, payment);
}

/* The pages. */

static struct hyper_payment *payment_of(struct exchange *exchange)
{
    struct hyper_payment *payment = map_get(&exchange->sim->hyper->payments, exchange->ids[0]);
    struct page page = page_of("There is no such payment");

    if (payment == NULL)
        page_reply(exchange, 404, &page);
    return payment;
}

static void reply_page(struct exchange *exchange, const struct hyper_payment *payment)
{
    struct page page = page_of("Payment by card");
    struct buf amount;

    buf_init(&amount, exchange->arena, 64);
    money_write(&amount, payment->amount);
    page.amount = buf_str(&amount);
    page.detail = json_text(hyper_member(payment, "description"));
    if (!waits_for_payer(payment)) {
        page.title = "The payment is over";
        page.back = json_text(hyper_member(payment, "return_url"));
    } else {
        page.buttons[0] = (struct page_button){ "approve", "Pay" };
        page.buttons[1] = (struct page_button){ "decline", "Card declined" };
        page.buttons[2] = (struct page_button){ "3d", "Ask for 3-D Secure" };
        page.buttons[3] = (struct page_button){ "abandon", "Leave without paying" };
    }
    page_reply(exchange, 200, &page);
}

void hyper_page_perform(struct exchange *exchange)
{
    const struct hyper_payment *payment = payment_of(exchange);

    if (payment != NULL)
        reply_page(exchange, payment);
}

/* The return address, with what Hyperswitch adds to it. */
static struct str way_back(struct exchange *exchange, const struct hyper_payment *payment)
{
    struct str url = json_text(hyper_member(payment, "return_url"));
    struct buf back;

    if (str_is_empty(url))
        return url;
    buf_init(&back, exchange->arena, 8192);
    buf_add(&back, url);
    buf_add_char(&back, str_find_char(url, '?', 0) < url.len ? '&' : '?');
    buf_add_c(&back, "payment_id=");
    url_encode(&back, payment->id);
    buf_add_c(&back, "&status=");
    url_encode(&back, payment->seen.status);
    return buf_str(&back);
}

void hyper_page_act_perform(struct exchange *exchange)
{
    struct hyper_payment *payment = payment_of(exchange);
    struct page page = page_of("The payment cannot be made");
    struct str action = { 0 };
    struct fields fields;

    if (payment == NULL)
        return;
    if (fields_read(&fields, server_request_header(exchange->request, "content-type"),
                    server_request_body(exchange->request), NULL, exchange->arena))
        action = fields_get(&fields, "action");
    const char *why = act(exchange->sim, payment, action, (struct str){ 0 }, exchange);
    if (why != NULL) {
        page.detail = str_of(why);
        page_reply(exchange, 409, &page);
        return;
    }
    page.title = str_equal(action, STR("approve")) ? "Paid" : "Not paid";
    if (str_equal(action, STR("3d")))
        reply_page(exchange, payment);
    else
        page_send_back(exchange, way_back(exchange, payment), &page);
}
