#include "sim/epay.h"
#include "sim/epay_calls.h"

void epay_status_subject(struct exchange *exchange)
{
    const struct epay_order *order = map_get(&exchange->sim->epay->orders, exchange->ids[0]);

    exchange->reference = exchange->ids[0];
    if (order != NULL)
        exchange->amount = exchange->total = order->amount;
}

void epay_status_by_id_subject(struct exchange *exchange)
{
    const struct epay_tx *tx = map_get(&exchange->sim->epay->txs, exchange->ids[0]);

    if (tx == NULL)
        return;
    exchange->reference = tx->order->invoice;
    exchange->amount = exchange->total = tx->order->amount;
}

static const char *result_message(int64_t code)
{
    switch (code) {
#define X(name, number, message)                                                                   \
    case number:                                                                                   \
        return message;
        EPAY_RESULTS(X)
#undef X
    default:
        return "";
    }
}

static void put_amount(struct exchange *exchange, const char *name, int64_t minor,
                       enum currency currency)
{
    json_put_raw(&exchange->out, name,
                 epay_amount_text(exchange->arena, (struct money){ minor, currency }));
}

static void put_amounts(struct exchange *exchange, const struct epay_tx *tx,
                        const struct epay_view *view)
{
    struct money shown = exchange_shown(
        exchange, (struct money){ view->amount_minor, tx->order->amount.currency });

    put_amount(exchange, "amount", shown.minor, shown.currency);
    put_amount(exchange, "amountBonus", 0, shown.currency);
    put_amount(exchange, "payoutAmount", 0, shown.currency);
    put_amount(exchange, "orgAmount", tx->order->amount.minor, shown.currency);
    json_put_text(&exchange->out, "currency", str_of(currency_code(shown.currency)));
}

/* Where the payer was: the bank fills these in from the payer's connection. */
static void put_place(struct json_out *out)
{
    static const char *const names[] = { "ipCountry",  "ipCity",     "ipRegion",
                                         "ipDistrict", "ipLatitude", "ipLongitude" };

    json_put_text(out, "ip", STR("127.0.0.1"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_put_text(out, names[i], STR(""));
}

static void put_payer(struct json_out *out, const struct epay_tx *tx)
{
    const struct epay_order *order = tx->order;

    json_put_text(out, "accountID", order->account_id);
    json_put_text(out, "description", order->description);
    json_put_text(out, "data", order->data);
    json_put_text(out, "language", order->language);
    json_put_text(out, "name", order->name);
    json_put_text(out, "email", order->email);
    json_put_text(out, "phone", order->phone);
    json_put_text(out, "cardMask", tx->card != NULL ? tx->card->mask : STR("440563...5096"));
    json_put_text(out, "cardType", STR("VISA"));
    json_put_text(out, "cardID", tx->card != NULL ? tx->card->id : STR(""));
    json_put_text(out, "issuer", STR("SIM BANK"));
}

static void put_transaction(struct exchange *exchange, const struct epay_tx *tx)
{
    struct json_out *out = &exchange->out;
    const struct epay_view *view =
        exchange_shows(exchange, FAULT_STALE_STATUS) != NULL ? &tx->before : &tx->now;
    const struct fault *odd = exchange_shows(exchange, FAULT_UNKNOWN_WORD);
    struct str status = view->status;

    if (odd != NULL)
        status = str_is_empty(odd->word) ? STR("LIMBO") : odd->word;
    json_open_object(out, "transaction");
    json_put_text(out, "id", tx->id);
    json_put_text(out, "createdDate", epay_time_text(exchange->arena, tx->created_ms));
    json_put_text(out, "invoiceID", tx->order->invoice);
    put_amounts(exchange, tx, view);
    json_put_text(out, "terminal", STR("99999999"));
    json_put_text(out, "terminalID", tx->order->terminal);
    put_payer(out, tx);
    json_put_text(out, "approvalCode", tx->approval_code);
    json_put_text(out, "reference", tx->reference);
    json_put_text(out, "intReference", tx->int_reference);
    json_put_bool(out, "secure", false);
    json_put_text(out, "secureDetails", STR(""));
    json_put_text(out, "statusName", status);
    json_put_text(out, "reason", view->reason);
    json_put_text(out, "reasonCode",
                  str_format(exchange->arena, "%lld", (long long)view->reason_code));
    put_place(out);
    json_put_text(out, "tokenRecipient", STR(""));
    json_close_object(out);
}

void epay_reply_result(struct exchange *exchange, int64_t code, const struct epay_tx *tx)
{
    struct json_out *out = reply_json(exchange, 200);

    json_put_text(out, "resultCode", str_format(exchange->arena, "%lld", (long long)code));
    json_put_text(out, "resultMessage", str_of(result_message(code)));
    if (tx == NULL)
        json_put_null(out, "transaction");
    else
        put_transaction(exchange, tx);
    reply_done(exchange);
}

void epay_status_perform(struct exchange *exchange)
{
    const struct epay_order *order = map_get(&exchange->sim->epay->orders, exchange->reference);
    const struct settings *settings = &exchange->sim->settings;
    const struct epay_token *token = epay_service_token(exchange);

    if (token == NULL)
        return;
    if (str_is_empty(token->terminal))
        epay_reply_result(exchange, EPAY_RESULT_NO_TERMINAL, NULL);
    else if (!str_equal(token->terminal, settings->terminal) &&
             !str_equal(token->terminal, settings->terminal_two_step))
        epay_reply_result(exchange, EPAY_RESULT_OTHER_TERMINAL, NULL);
    else if (order == NULL || order->tx == NULL ||
             exchange_shows(exchange, FAULT_NOT_FOUND) != NULL)
        epay_reply_result(exchange, EPAY_RESULT_NOT_FOUND, NULL);
    else
        epay_reply_result(exchange, EPAY_RESULT_DONE, order->tx);
}
