#include "sim/control.h"

#include "sim/epay.h"
#include "sim/epay_calls.h"
#include "sim/hyper.h"
#include "sim/hyper_calls.h"

static void reply_lines(struct exchange *exchange, struct str kinds, const char *name)
{
    struct ledger_filter filter = {
        .kind = kinds,
        .gateway = exchange_query(exchange, "gateway"),
        .reference = exchange_query(exchange, "reference"),
    };
    struct json_out *out = reply_json(exchange, 200);

    (void)str_to_i64(exchange_query(exchange, "after"), &filter.after);
    ledger_read(&exchange->sim->ledger, &filter, exchange->arena, out, name);
    reply_done(exchange);
}

static void get_ledger(struct exchange *exchange)
{
    struct str kind = exchange_query(exchange, "kind");

    reply_lines(exchange,
                str_is_empty(kind)
                    ? STR("authorize,capture,void,refund,refund_reversed,refused,notification")
                    : kind,
                "entries");
}

static void get_requests(struct exchange *exchange)
{
    reply_lines(exchange, STR("request,reply"), "requests");
}

static void reply_ok(struct exchange *exchange)
{
    json_put_bool(reply_json(exchange, 200), "ok", true);
    reply_done(exchange);
}

static void post_reset(struct exchange *exchange)
{
    sim_begin(exchange->sim);
    ledger_reset(&exchange->sim->ledger);
    reply_ok(exchange);
}

/* The plan. */

static void post_plan(struct exchange *exchange)
{
    struct str why = { 0 };
    int64_t rule = 0;

    if (exchange->doc == NULL) {
        reply_refusal(exchange, 400, "the body is no JSON object");
        return;
    }
    rule = plan_add(&exchange->sim->plan, exchange->doc, exchange->arena, &why);
    if (rule == 0) {
        reply_refusal(exchange, 400, "%.*s", STR_ARG(why));
        return;
    }
    json_put_int(reply_json(exchange, 201), "rule", rule);
    reply_done(exchange);
}

static void get_plan(struct exchange *exchange)
{
    plan_write(&exchange->sim->plan, reply_json(exchange, 200), "rules");
    reply_done(exchange);
}

static void delete_plan(struct exchange *exchange)
{
    plan_clear(&exchange->sim->plan);
    reply_ok(exchange);
}

/* The settings. */

static void get_settings(struct exchange *exchange)
{
    settings_write(&exchange->sim->settings, reply_json(exchange, 200));
    reply_done(exchange);
}

static void post_settings(struct exchange *exchange)
{
    struct sim *sim = exchange->sim;
    struct str why = STR("the body is no JSON object");

    if (exchange->doc == NULL ||
        !settings_change(&sim->settings, exchange->doc, &sim->arena, &why))
        reply_refusal(exchange, 400, "%.*s", STR_ARG(why));
    else
        get_settings(exchange);
}

/* The payer and the outsider. */

static void by_gateway(struct exchange *exchange, void (*epay)(struct exchange *exchange),
                       void (*hyper)(struct exchange *exchange))
{
    struct str gateway = json_text(json_get(exchange->doc, "gateway"));

    if (str_equal(gateway, STR(EPAY)))
        epay(exchange);
    else if (str_equal(gateway, STR(HYPER)))
        hyper(exchange);
    else
        reply_refusal(exchange, 400, "gateway is " EPAY " or " HYPER);
}

static void post_pay(struct exchange *exchange)
{
    by_gateway(exchange, epay_pay_perform, hyper_pay_perform);
}

static void post_outsider(struct exchange *exchange)
{
    by_gateway(exchange, epay_outsider_perform, hyper_outsider_perform);
}

static const struct call calls[] = {
    { HTTP_GET, "/sim/health", "", "", NULL, reply_ok, false },
    { HTTP_POST, "/sim/reset", "", "", NULL, post_reset, false },
    { HTTP_POST, "/sim/plan", "", "", NULL, post_plan, false },
    { HTTP_GET, "/sim/plan", "", "", NULL, get_plan, false },
    { HTTP_DELETE, "/sim/plan", "", "", NULL, delete_plan, false },
    { HTTP_GET, "/sim/settings", "", "", NULL, get_settings, false },
    { HTTP_POST, "/sim/settings", "", "", NULL, post_settings, false },
    { HTTP_GET, "/sim/ledger", "", "", NULL, get_ledger, false },
    { HTTP_GET, "/sim/cards", "", "", NULL, epay_cards_show, false },
    { HTTP_GET, "/sim/requests", "", "", NULL, get_requests, false },
    { HTTP_POST, "/sim/pay", "", "", NULL, post_pay, false },
    { HTTP_POST, "/sim/outsider", "", "", NULL, post_outsider, false },
};

const struct face control_face = { "", calls, sizeof calls / sizeof calls[0], NULL, NULL, NULL };
