#include "sim/hyper.h"

/* Members that are given back as they were asked for. */
static const char *const echoed[] = {
    "billing",        "shipping",
    "description",    "setup_future_usage",
    "off_session",    "capture_on",
    "payment_token",  "email",
    "name",           "phone",
    "return_url",     "statement_descriptor_name",
    "metadata",       "statement_descriptor_suffix",
    "mandate_id",     "order_details",
    "customer_id",    "merchant_order_reference_id",
    "payment_method", "payment_method_type",
};

/* Members that this simulator has nothing to say about: the API answers null. */
static const char *const unsaid[] = {
    "shipping_cost",       "disputes",
    "mandate_data",        "payment_method_data",
    "unified_code",        "unified_message",
    "payment_experience",  "connector_label",
    "business_country",    "business_label",
    "business_sub_label",  "allowed_payment_method_types",
    "frm_message",         "connector_metadata",
    "feature_metadata",    "surcharge_details",
    "merchant_decision",   "fingerprint",
    "network_transaction_id", "connector_mandate_id",
};

static const char *currency_shown(const struct hyper_show *show, struct money money)
{
    if (show->exchange != NULL)
        money = exchange_shown(show->exchange, money);
    return currency_code(money.currency);
}

static int64_t minor_shown(const struct hyper_show *show, int64_t minor)
{
    bool wrong = show->wrong_amount || (show->exchange != NULL &&
                                        exchange_shows(show->exchange, FAULT_WRONG_AMOUNT) != NULL);

    return minor + wrong;
}

static struct str status_shown(const struct hyper_show *show, struct str status)
{
    const struct fault *odd =
        show->exchange == NULL ? NULL : exchange_shows(show->exchange, FAULT_UNKNOWN_WORD);

    if (odd == NULL)
        return status;
    return str_is_empty(odd->word) ? STR("LIMBO") : odd->word;
}

static bool is_stale(const struct hyper_show *show)
{
    return show->exchange != NULL && exchange_shows(show->exchange, FAULT_STALE_STATUS) != NULL;
}

static struct str link_of(const struct hyper_payment *payment, const struct hyper_show *show)
{
    return str_format(show->arena, "%.*s/payment_link/" HYPER_MERCHANT "/%.*s",
                      STR_ARG(show->sim->public_url), STR_ARG(payment->id));
}

static void put_link(struct json_out *out, const struct hyper_payment *payment,
                     const struct hyper_show *show)
{
    bool wanted = false;

    (void)json_bool(hyper_member(payment, "payment_link"), &wanted);
    if (!wanted) {
        json_put_null(out, "payment_link");
        return;
    }
    json_open_object(out, "payment_link");
    json_put_text(out, "link", link_of(payment, show));
    json_put_null(out, "secure_link");
    json_put_text(out, "payment_link_id",
                  str_format(show->arena, "plink_%.*s", STR_ARG(payment->id)));
    json_close_object(out);
}

static void put_next_action(struct json_out *out, const struct hyper_payment *payment,
                            const struct hyper_view *view, const struct hyper_show *show)
{
    if (!str_equal(view->status, STR("requires_customer_action"))) {
        json_put_null(out, "next_action");
        return;
    }
    json_open_object(out, "next_action");
    json_put_text(out, "type", STR("redirect_to_url"));
    json_put_text(out, "redirect_to_url", link_of(payment, show));
    json_close_object(out);
}

static void put_refunds(struct json_out *out, const struct hyper_payment *payment,
                        const struct hyper_show *show)
{
    if (payment->refunds == NULL) {
        json_put_null(out, "refunds");
        return;
    }
    json_open_array(out, "refunds");
    for (const struct hyper_refund *refund = payment->refunds; refund != NULL;
         refund = refund->next_of_its) {
        json_open_object(out, NULL);
        hyper_put_refund(out, refund, show);
        json_close_object(out);
    }
    json_close_array(out);
}

static void put_amounts(struct json_out *out, const struct hyper_payment *payment,
                        const struct hyper_view *view, const struct hyper_show *show)
{
    int64_t minor = minor_shown(show, payment->amount.minor);

    json_put_int(out, "amount", minor);
    json_put_int(out, "net_amount", minor);
    json_put_int(out, "amount_capturable", view->capturable);
    if (view->received == 0)
        json_put_null(out, "amount_received");
    else
        json_put_int(out, "amount_received", minor_shown(show, view->received));
    json_put_text(out, "currency", str_of(currency_shown(show, payment->amount)));
}

static void put_expanded(struct json_out *out, const struct hyper_payment *payment,
                         const struct hyper_view *view, const struct hyper_show *show)
{
    if (show->expand_attempts) {
        json_open_array(out, "attempts");
        json_open_object(out, NULL);
        json_put_text(out, "attempt_id", str_format(show->arena, "%.*s_%lld", STR_ARG(payment->id),
                                                    (long long)payment->attempts));
        json_put_text(out, "status", view->status);
        json_put_int(out, "amount", payment->amount.minor);
        json_put_time(out, "created_at", payment->created_ms);
        json_put_time(out, "modified_at", payment->updated_ms);
        json_close_object(out);
        json_close_array(out);
    }
    if (show->expand_captures) {
        json_open_array(out, "captures");
        for (int64_t i = 1; i <= payment->captures; i++)
            json_put_text(out, NULL, str_format(show->arena, "%.*s_%lld_%lld", STR_ARG(payment->id),
                                                (long long)payment->attempts, (long long)i));
        json_close_array(out);
    }
}

static void put_rest(struct json_out *out, const struct hyper_payment *payment)
{
    static const char *const defaults[][2] = { { "capture_method", "automatic" },
                                               { "authentication_type", "no_three_ds" },
                                               { "profile_id", "pro_sim" } };

    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        struct str given = json_text(hyper_member(payment, defaults[i][0]));
        json_put_text(out, defaults[i][0], str_is_empty(given) ? str_of(defaults[i][1]) : given);
    }
    for (size_t i = 0; i < sizeof echoed / sizeof echoed[0]; i++)
        json_put_value(out, echoed[i], hyper_member(payment, echoed[i]));
    for (size_t i = 0; i < sizeof unsaid / sizeof unsaid[0]; i++)
        json_put_null(out, unsaid[i]);
}

void hyper_put_payment(struct json_out *out, const struct hyper_payment *payment,
                       const struct hyper_show *show)
{
    const struct hyper_view *view = is_stale(show) ? &payment->before : &payment->seen;
    bool begun = !str_is_empty(payment->connector_id);

    json_put_text(out, "payment_id", payment->id);
    json_put_text(out, "merchant_id", STR(HYPER_MERCHANT));
    json_put_text(out, "processor_merchant_id", STR(HYPER_MERCHANT));
    json_put_text(out, "status", status_shown(show, view->status));
    put_amounts(out, payment, view, show);
    json_put_text_or_null(out, "connector", begun ? STR(HYPER_CONNECTOR) : (struct str){ 0 });
    json_put_text(out, "client_secret", payment->client_secret);
    json_put_time(out, "created", payment->created_ms);
    json_put_time(out, "modified_at", payment->updated_ms);
    json_put_time(out, "updated", payment->updated_ms);
    json_put_time(out, "expires_on", payment->expires_ms);
    put_refunds(out, payment, show);
    put_expanded(out, payment, view, show);
    put_next_action(out, payment, view, show);
    json_put_text_or_null(out, "cancellation_reason", payment->cancel_reason);
    json_put_text_or_null(out, "error_code", view->error_code);
    json_put_text_or_null(out, "error_message", view->error_message);
    json_put_bool(out, "manual_retry_allowed", false);
    json_put_text_or_null(out, "connector_transaction_id", payment->connector_id);
    json_put_text_or_null(out, "reference_id", begun ? payment->id : (struct str){ 0 });
    put_link(out, payment, show);
    json_put_int(out, "attempt_count", payment->attempts);
    put_rest(out, payment);
}

void hyper_put_refund(struct json_out *out, const struct hyper_refund *refund,
                      const struct hyper_show *show)
{
    struct str status = is_stale(show) ? refund->status_before : refund->status;

    json_put_text(out, "refund_id", refund->id);
    json_put_text(out, "payment_id", refund->payment->id);
    json_put_int(out, "amount", minor_shown(show, refund->minor));
    json_put_text(out, "currency", str_of(currency_shown(show, refund->payment->amount)));
    json_put_text(out, "status", status_shown(show, status));
    json_put_text_or_null(out, "reason", refund->reason);
    json_put_value(out, "metadata", json_get(refund->request, "metadata"));
    json_put_text_or_null(out, "error_message",
                          str_is_empty(refund->error_code) ? (struct str){ 0 }
                                                           : STR("The refund was not made"));
    json_put_text_or_null(out, "error_code", refund->error_code);
    json_put_null(out, "unified_code");
    json_put_null(out, "unified_message");
    json_put_time(out, "created_at", refund->created_ms);
    json_put_time(out, "updated_at", refund->updated_ms);
    json_put_text(out, "connector", STR(HYPER_CONNECTOR));
    json_put_text(out, "profile_id", STR("pro_sim"));
    json_put_null(out, "merchant_connector_id");
}

static struct hyper_show show_of(struct exchange *exchange)
{
    return (struct hyper_show){
        .sim = exchange->sim,
        .arena = exchange->arena,
        .exchange = exchange,
        .expand_attempts = str_equal(exchange_query(exchange, "expand_attempts"), STR("true")),
        .expand_captures = str_equal(exchange_query(exchange, "expand_captures"), STR("true")),
    };
}

void hyper_reply_payment(struct exchange *exchange, const struct hyper_payment *payment)
{
    struct hyper_show show = show_of(exchange);

    hyper_put_payment(reply_json(exchange, 200), payment, &show);
    reply_done(exchange);
    reply_header(exchange, "x-request-id", sim_random_uuid(exchange->sim, exchange->arena));
}

void hyper_reply_refund(struct exchange *exchange, const struct hyper_refund *refund)
{
    struct hyper_show show = show_of(exchange);

    hyper_put_refund(reply_json(exchange, 200), refund, &show);
    reply_done(exchange);
    reply_header(exchange, "x-request-id", sim_random_uuid(exchange->sim, exchange->arena));
}
