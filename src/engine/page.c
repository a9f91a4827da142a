#include "engine/page.h"

#include "base/log.h"
#include "core/account.h"
#include "core/record.h"
#include "engine/exchange.h"

/* A payer waits, who can load the page again. */
#define DEADLINE_US INT64_C(10000000)

struct page_errand {
    struct client_call wire;
    struct desk_page *page;
    struct gateway_ask ask;
};

static void finish(struct page_errand *errand, enum err err, const char *why)
{
    struct desk_page *page = errand->page;

    page->err = err;
    if (err)
        log_event(LOG_WARN, "gateway.no_page", LOG_STR("gateway_account", errand->ask.account_id),
                  LOG_C("detail", why), LOG_END);
    if (page->over)
        page->over(page->over_self);
    page->done(page);
}

static void on_done(struct client_call *wire)
{
    struct page_errand *errand = LINK_OWNER(wire, struct page_errand, wire);
    struct desk_page *page = errand->page;

    if (wire->end != CLIENT_REPLY) {
        finish(errand, ERR_UNAVAILABLE, client_reason_text(wire->reason));
        return;
    }
    struct http_reply reply = exchange_reply(wire, &page->arena);
    enum err err = page->gateway->page(&errand->ask, &reply, page->language, &page->arena,
                                       &page->page);
    finish(errand, err, "The gateway gave no token for the order.");
}

static struct gateway_ask ask_of(struct desk_page *page, const struct outside *outside)
{
    const struct payment *payment = page->payment;
    struct str reference = payment_order_reference(&page->arena, payment);
    struct buf account, customer;

    buf_init(&account, &page->arena, ID_TEXT_MAX);
    gateway_account_id_write(&account, page->account->id);
    buf_init(&customer, &page->arena, ID_TEXT_MAX);
    if (!customer_id_is_zero(payment->customer))
        customer_id_write(&customer, payment->customer);
    return (struct gateway_ask){
        .call = OPERATION_KIND_AUTHORIZE,
        .about = OPERATION_KIND_AUTHORIZE,
        .reference = reference,
        .payment_reference = reference,
        .amount = { payment->amount_minor, payment->currency },
        .credentials = secret_is_empty(&page->credentials) ? NULL : &page->credentials,
        .method = payment->method,
        .save_card = payment->save_card,
        .customer = buf_str(&customer),
        .description = payment->description,
        .return_url = payment->return_url,
        .public_url = page->public_url,
        .account_id = buf_str(&account),
        .live = payment->live,
        .settings = page->account->settings,
        .now_ms = outside_now_ms(outside),
    };
}

void page_run(struct client *client, const struct outside *outside, struct desk_page *page)
{
    struct page_errand *errand = ARENA_NEW(&page->arena, struct page_errand);
    struct account_settings settings = account_settings(page->account, page->gateway,
                                                        &page->arena);
    struct http_request request;

    errand->page = page;
    errand->ask = ask_of(page, outside);
    if (page->gateway->order_login.build(&errand->ask, &page->arena, &request) != OK) {
        finish(errand, ERR_INTERNAL, "The request could not be built.");
        return;
    }
    errand->wire = (struct client_call){
        .deadline_us = outside_monotonic_us(outside) + DEADLINE_US,
        .account = errand->ask.account_id,
        .limits = { (unsigned)settings.calls_at_once, (unsigned)settings.calls_per_minute },
        .plain = !page->account->live,
        .done = on_done,
    };
    exchange_ask(&errand->wire, &request, &page->arena);
    if (!client_send(client, &errand->wire))
        finish(errand, ERR_UNAVAILABLE, "Purser is stopping.");
}
