#include "sim/epay.h"
#include "sim/epay_calls.h"
#include "sim/fields.h"
#include "sim/page.h"

/* What the bank's payment-api.js is to a shop's page: the object goes to the payment page. The
 * bank puts it into the page's address; here it is posted, so that no token is in an address. */
#define SCRIPT                                                                                     \
    "(function () {\n"                                                                             \
    "    var base = document.currentScript.src.replace(/\\/payform\\/.*/, '');\n"                  \
    "    function pay(object) {\n"                                                                 \
    "        var form = document.createElement('form');\n"                                         \
    "        var field = document.createElement('input');\n"                                       \
    "        form.method = 'post';\n"                                                              \
    "        form.action = base + '/payform';\n"                                                   \
    "        field.type = 'hidden';\n"                                                             \
    "        field.name = 'object';\n"                                                             \
    "        field.value = JSON.stringify(object);\n"                                              \
    "        form.appendChild(field);\n"                                                           \
    "        document.body.appendChild(form);\n"                                                   \
    "        form.submit();\n"                                                                     \
    "    }\n"                                                                                      \
    "    window.halyk = { pay: pay, showPaymentWidget: pay };\n"                                   \
    "}());\n"

void epay_script_perform(struct exchange *exchange)
{
    reply_text(exchange, 200, "text/javascript", STR(SCRIPT));
}

static struct page page_of(const char *title)
{
    return (struct page){ .gateway = "epayment.kz", .title = title };
}

static void reply_problem(struct exchange *exchange, int status, const char *why)
{
    struct page page = page_of("The payment cannot be made");

    page.detail = str_of(why);
    page_reply(exchange, status, &page);
}

/* The widget's object: its names and where they are kept. */
static void take(struct exchange *exchange, const struct json *object, const char *name,
                 struct str *out)
{
    struct str value = fields_json_text(json_get(object, name), exchange->arena);

    if (!str_is_empty(value))
        *out = str_copy(&exchange->sim->arena, value);
}

static void take_object(struct exchange *exchange, const struct json *object,
                        struct epay_order *order)
{
    take(exchange, object, "invoiceIdAlt", &order->invoice_alt);
    take(exchange, object, "backLink", &order->back_link);
    take(exchange, object, "failureBackLink", &order->failure_back_link);
    take(exchange, object, "postLink", &order->post_link);
    take(exchange, object, "failurePostLink", &order->failure_post_link);
    take(exchange, object, "accountId", &order->account_id);
    take(exchange, object, "description", &order->description);
    take(exchange, object, "data", &order->data);
    take(exchange, object, "language", &order->language);
    take(exchange, object, "name", &order->name);
    take(exchange, object, "email", &order->email);
    take(exchange, object, "phone", &order->phone);
    (void)json_bool(json_get(object, "cardSave"), &order->save_card);
}

/* What does not agree between the object and its token, or NULL. */
static const char *check_object(struct exchange *exchange, const struct json *object,
                                const struct epay_token *token)
{
    struct str amount = fields_json_text(json_get(object, "amount"), exchange->arena);
    struct str invoice = fields_json_text(json_get(object, "invoiceId"), exchange->arena);
    const struct epay_order *order = token == NULL ? NULL : token->order;
    int64_t minor = -1;

    if (json_type(json_get(object, "auth")) == JSON_TEXT)
        return "auth must be the whole answer of the token request, not only its text";
    if (order == NULL || token->gone || token->expires_ms <= sim_now_ms(exchange->sim))
        return "auth is no valid payment token";
    if (!str_equal(invoice, order->invoice))
        return "invoiceId is not the token's";
    if (!epay_read_amount(amount, order->amount.currency, &minor) || minor != order->amount.minor)
        return "amount is not the token's";
    if (!str_equal(json_text(json_get(object, "currency")),
                   str_of(currency_code(order->amount.currency))))
        return "currency is not the token's";
    if (!str_equal(json_text(json_get(object, "terminal")), order->terminal))
        return "terminal is not the token's";
    if (json_text(json_get(object, "description")).len > 125)
        return "3298: description is longer than 125 bytes";
    return NULL;
}

void epay_widget_perform(struct exchange *exchange)
{
    const struct json *object = NULL;
    const struct epay_token *token = NULL;
    struct fields fields;

    if (!fields_read(&fields, server_request_header(exchange->request, "content-type"),
                     server_request_body(exchange->request), NULL, exchange->arena) ||
        json_parse(fields_get(&fields, "object"), exchange->arena, &object, NULL) != OK) {
        reply_problem(exchange, 400, "The payment object cannot be read.");
        return;
    }
    token = map_get(&exchange->sim->epay->tokens,
                    json_text(json_get(json_get(object, "auth"), "access_token")));
    const char *why = check_object(exchange, object, token);
    if (why != NULL) {
        reply_problem(exchange, 400, why);
        return;
    }
    take_object(exchange, object, token->order);
    reply_text(exchange, 303, "text/plain", STR("to the payment page\n"));
    reply_header(exchange, "Location",
                 str_format(exchange->arena, "%.*s/payform/%.*s",
                            STR_ARG(exchange->sim->public_url), STR_ARG(token->order->invoice)));
}

/* The page itself may also be opened by hand; then the query says where to go back to. */
static void take_query(struct exchange *exchange, struct epay_order *order)
{
    struct str back = exchange_query(exchange, "backLink");
    struct str failure = exchange_query(exchange, "failureBackLink");

    if (!str_is_empty(back))
        order->back_link = str_copy(&exchange->sim->arena, back);
    if (!str_is_empty(failure))
        order->failure_back_link = str_copy(&exchange->sim->arena, failure);
}

static struct str way_back(const struct epay_order *order, bool good)
{
    return good || str_is_empty(order->failure_back_link) ? order->back_link
                                                          : order->failure_back_link;
}

static void reply_page(struct exchange *exchange, const struct epay_order *order)
{
    static const struct page_button choices[] = {
        { "approve", "Pay" },
        { "decline", "Card declined" },
        { "3d", "Ask for 3-D Secure" },
        { "abandon", "Leave without paying" },
        { NULL, NULL },
    };
    struct page page = page_of("Payment by card");
    struct buf amount;

    buf_init(&amount, exchange->arena, 64);
    money_write(&amount, order->amount);
    page.amount = buf_str(&amount);
    page.detail = str_format(exchange->arena, "Invoice %.*s. %.*s", STR_ARG(order->invoice),
                             STR_ARG(order->description));
    if (order->tx != NULL && epay_is_over(order->tx->now.status)) {
        page.title = "The payment is over";
        page.back = order->back_link;
    } else {
        for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
            page.buttons[i] = choices[i];
    }
    if (order->tx != NULL && str_equal(order->tx->now.status, STR("3D"))) {
        page.title = "3-D Secure: is this payment yours?";
        page.buttons[2] = choices[3];
        page.buttons[3] = choices[4];
    }
    page_reply(exchange, 200, &page);
}

static struct epay_order *order_of(struct exchange *exchange)
{
    struct epay_order *order = map_get(&exchange->sim->epay->orders, exchange->ids[0]);

    if (order == NULL)
        reply_problem(exchange, 404, "No payment token was made for this invoice.");
    return order;
}

void epay_page_perform(struct exchange *exchange)
{
    struct epay_order *order = order_of(exchange);

    if (order == NULL)
        return;
    take_query(exchange, order);
    reply_page(exchange, order);
}

void epay_page_act_perform(struct exchange *exchange)
{
    struct epay_order *order = order_of(exchange);
    struct epay_act act = { 0 };
    struct fields fields;

    if (order == NULL)
        return;
    if (fields_read(&fields, server_request_header(exchange->request, "content-type"),
                    server_request_body(exchange->request), NULL, exchange->arena))
        act.action = fields_get(&fields, "action");
    if (order->tx != NULL && str_equal(order->tx->now.status, STR("3D")) &&
        str_equal(act.action, STR("decline")))
        act.reason_code = 455;
    const char *why = epay_pay(exchange->sim, order, &act, exchange);
    if (why != NULL) {
        reply_problem(exchange, 409, why);
        return;
    }
    bool good = str_equal(act.action, STR("approve"));
    struct page done = page_of(good ? "Paid" : "Not paid");
    if (str_equal(act.action, STR("3d")))
        reply_page(exchange, order);
    else
        page_send_back(exchange, way_back(order, good), &done);
}
