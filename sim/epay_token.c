#include <string.h>

#include "base/time.h"
#include "sim/epay.h"
#include "sim/epay_calls.h"
#include "sim/fields.h"

#define TOKEN_LEN 700 /* about what a JWT of the bank has */

static bool read(const struct exchange *exchange, struct fields *fields)
{
    return fields_read(fields, server_request_header(exchange->request, "content-type"),
                       server_request_body(exchange->request), exchange->doc, exchange->arena);
}

void epay_token_subject(struct exchange *exchange)
{
    struct fields fields;

    if (!read(exchange, &fields))
        return;
    exchange->reference = fields_get(&fields, "invoiceID");
    if (str_is_empty(exchange->reference))
        return;
    exchange->name = "payment_token";
    exchange->role = "token";
    exchange->amount.currency = currency_of(fields_get(&fields, "currency"));
    (void)epay_read_amount(fields_get(&fields, "amount"), exchange->amount.currency,
                           &exchange->amount.minor);
    exchange->total = exchange->amount;
}

static void refuse(struct exchange *exchange, int status, const char *error, const char *why)
{
    struct json_out *out = reply_json(exchange, status);

    json_put_text(out, "error", str_of(error));
    json_put_text(out, "error_description", str_of(why));
    reply_done(exchange);
}

/* NULL, or what is wrong with the number. */
static const char *check_invoice(struct exchange *exchange, struct str invoice, struct str terminal)
{
    struct epay *epay = exchange->sim->epay;
    const struct epay_order *order = map_get(&epay->orders, invoice);
    const struct epay_order *other = NULL;

    if (invoice.len < 6 || invoice.len > 15)
        return "invoiceID must have 6 to 15 digits";
    for (size_t i = 0; i < invoice.len; i++) {
        if (invoice.ptr[i] < '0' || invoice.ptr[i] > '9')
            return "invoiceID must be digits";
    }
    if (order != NULL && order->tx != NULL)
        return "invoiceID was used: one invoice is one attempt";
    other = map_get(&epay->last_six,
                    str_format(exchange->arena, "%.*s %.*s", STR_ARG(terminal),
                               STR_ARG(str_slice(invoice, invoice.len - 6, 6))));
    if (other != NULL && !str_equal(other->invoice, invoice))
        return "the last six digits of invoiceID were used";
    return NULL;
}

static bool is_currency_of_the_bank(enum currency currency)
{
    return currency == CURRENCY_KZT || currency == CURRENCY_USD || currency == CURRENCY_EUR ||
           currency == CURRENCY_RUB;
}

static void fill_order(struct sim *sim, struct epay_order *order, const struct fields *fields)
{
    order->terminal = str_copy(&sim->arena, fields_get(fields, "terminal"));
    order->post_link = str_copy(&sim->arena, fields_get(fields, "postLink"));
    order->failure_post_link = str_copy(&sim->arena, fields_get(fields, "failurePostLink"));
    order->secret_hash = str_copy(&sim->arena, fields_get(fields, "secret_hash"));
}

/* The order of a payment token, or NULL with a reply that says why not. */
static struct epay_order *take_order(struct exchange *exchange, const struct fields *fields)
{
    struct sim *sim = exchange->sim;
    struct str invoice = fields_get(fields, "invoiceID");
    struct str terminal = fields_get(fields, "terminal");
    enum currency currency = currency_of(fields_get(fields, "currency"));
    int64_t minor = 0;
    const char *why = check_invoice(exchange, invoice, terminal);

    if (why == NULL && str_is_empty(terminal))
        why = "terminal is missing";
    if (why == NULL && !is_currency_of_the_bank(currency))
        why = "currency is not one of the contract's";
    if (why == NULL && !epay_read_amount(fields_get(fields, "amount"), currency, &minor))
        why = "amount is not a decimal number";
    if (why != NULL) {
        refuse(exchange, 400, "invalid_request", why);
        return NULL;
    }
    struct epay_order *order = map_get(&sim->epay->orders, invoice);
    if (order == NULL) {
        order = ARENA_NEW(&sim->arena, struct epay_order);
        order->invoice = str_copy(&sim->arena, invoice);
        map_put(&sim->epay->orders, order->invoice, order);
    }
    order->amount = (struct money){ minor, currency };
    fill_order(sim, order, fields);
    map_put(&sim->epay->last_six,
            str_format(&sim->arena, "%.*s %.*s", STR_ARG(order->terminal),
                       STR_ARG(str_slice(invoice, invoice.len - 6, 6))),
            order);
    return order;
}

static void grant(struct exchange *exchange, const struct fields *fields, struct epay_order *order)
{
    struct sim *sim = exchange->sim;
    struct epay_token *token = ARENA_NEW(&sim->arena, struct epay_token);
    int64_t seconds = order == NULL ? sim->settings.token_seconds
                                    : sim->settings.payment_token_seconds;
    bool as_text = sim->settings.expires_in_text ||
                   exchange_shows(exchange, FAULT_EXPIRES_IN_TEXT) != NULL;

    token->text = sim_random_text(sim, &sim->arena, TOKEN_LEN);
    token->terminal = str_copy(&sim->arena, fields_get(fields, "terminal"));
    token->scope = str_copy(&sim->arena, fields_get(fields, "scope"));
    token->order = order;
    token->expires_ms = sim_now_ms(sim) + seconds * SECOND_MS;
    map_put(&sim->epay->tokens, token->text, token);

    struct json_out *out = reply_json(exchange, 200);
    json_put_text(out, "access_token", token->text);
    if (as_text)
        json_put_text(out, "expires_in",
                      str_format(exchange->arena, "%lld", (long long)seconds));
    else
        json_put_int(out, "expires_in", seconds);
    json_put_text(out, "refresh_token", STR(""));
    json_put_text(out, "scope", token->scope);
    json_put_text(out, "token_type", STR("Bearer"));
    reply_done(exchange);
}

void epay_token_perform(struct exchange *exchange)
{
    const struct settings *settings = &exchange->sim->settings;
    struct epay_order *order = NULL;
    struct fields fields;

    if (!read(exchange, &fields)) {
        refuse(exchange, 400, "invalid_request", "the body cannot be read");
        return;
    }
    if (!str_equal(fields_get(&fields, "grant_type"), STR("client_credentials"))) {
        refuse(exchange, 400, "unsupported_grant_type", "grant_type must be client_credentials");
        return;
    }
    if (!str_equal(fields_get(&fields, "client_id"), settings->client_id) ||
        !str_equal(fields_get(&fields, "client_secret"), settings->client_secret)) {
        refuse(exchange, 401, "invalid_client", "Client authentication failed");
        return;
    }
    if (str_is_empty(fields_get(&fields, "scope"))) {
        refuse(exchange, 400, "invalid_scope", "scope is missing");
        return;
    }
    if (!str_is_empty(fields_get(&fields, "invoiceID"))) {
        order = take_order(exchange, &fields);
        if (order == NULL)
            return;
    }
    grant(exchange, &fields, order);
}
