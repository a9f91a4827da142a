#include "sim/epay.h"
#include "sim/epay_calls.h"
#include "sim/fields.h"

struct epay_card *epay_card_new(struct sim *sim, const struct epay_order *order)
{
    struct epay_card *card = ARENA_NEW(&sim->arena, struct epay_card);

    card->id = sim_random_uuid(sim, &sim->arena);
    card->invoice = order->invoice;
    card->account_id = order->account_id;
    card->mask = STR("440563...5096");
    card->before = sim->epay->last_card;
    sim->epay->last_card = card;
    map_put(&sim->epay->cards, card->id, card);
    return card;
}

void epay_cards_show(struct exchange *exchange)
{
    struct json_out *out = reply_json(exchange, 200);

    json_open_array(out, "cards");
    for (const struct epay_card *card = exchange->sim->epay->last_card; card != NULL;
         card = card->before) {
        json_open_object(out, NULL);
        json_put_text(out, "id", card->id);
        json_put_text(out, "invoice", card->invoice);
        json_put_text(out, "account_id", card->account_id);
        json_put_text(out, "mask", card->mask);
        json_put_bool(out, "deactivated", card->deactivated);
        json_close_object(out);
    }
    json_close_array(out);
    reply_done(exchange);
}

static struct str text_of(const struct exchange *exchange, const char *name)
{
    return fields_json_text(json_get(exchange->doc, name), exchange->arena);
}

void epay_card_subject(struct exchange *exchange)
{
    exchange->reference = text_of(exchange, "invoiceId");
    exchange->amount.currency = currency_of(text_of(exchange, "currency"));
    (void)epay_read_amount(text_of(exchange, "amount"), exchange->amount.currency,
                           &exchange->amount.minor);
    exchange->total = exchange->amount;
}

/* What does not agree with the payment token, or NULL. */
static const char *check(const struct exchange *exchange, const struct epay_token *token)
{
    const struct epay_order *order = token->order;

    if (!str_equal(exchange->reference, order->invoice))
        return "the token is for another invoice";
    if (exchange->amount.minor != order->amount.minor ||
        exchange->amount.currency != order->amount.currency)
        return "the token is for another amount";
    if (!str_equal(text_of(exchange, "terminalId"), order->terminal))
        return "the token is for another terminal";
    if (!str_equal(text_of(exchange, "paymentType"), STR("cardId")))
        return "paymentType must be cardId";
    return order->tx != NULL ? "invoiceId was used" : NULL;
}

static void take(struct exchange *exchange, const char *name, struct str *out)
{
    struct str value = text_of(exchange, name);

    if (!str_is_empty(value))
        *out = str_copy(&exchange->sim->arena, value);
}

static void take_details(struct exchange *exchange, struct epay_order *order)
{
    take(exchange, "invoiceIdAlt", &order->invoice_alt);
    take(exchange, "description", &order->description);
    take(exchange, "accountId", &order->account_id);
    take(exchange, "name", &order->name);
    take(exchange, "email", &order->email);
    take(exchange, "phone", &order->phone);
    take(exchange, "postLink", &order->post_link);
    take(exchange, "failurePostLink", &order->failure_post_link);
    take(exchange, "data", &order->data);
    take(exchange, "language", &order->language);
}

static void put_secure(struct exchange *exchange, const struct epay_tx *tx)
{
    struct json_out *out = &exchange->out;

    if (epay_is_over(tx->now.status)) {
        json_put_null(out, "secure3D");
        return;
    }
    json_open_object(out, "secure3D");
    json_put_text(out, "paReq", tx->int_reference);
    json_put_text(out, "md", tx->id);
    json_put_text(out, "action",
                  str_format(exchange->arena, "%.*s/payform/%.*s",
                             STR_ARG(exchange->sim->public_url), STR_ARG(tx->order->invoice)));
    json_put_text(out, "termUrl", STR(""));
    json_close_object(out);
}

static void reply_paid(struct exchange *exchange, const struct epay_tx *tx)
{
    const struct epay_order *order = tx->order;
    struct money shown = exchange_shown(exchange, order->amount);
    const struct fault *odd = exchange_shows(exchange, FAULT_UNKNOWN_WORD);
    struct json_out *out = reply_json(exchange, 200);

    json_put_text(out, "id", tx->id);
    json_put_text(out, "accountId", order->account_id);
    json_put_raw(out, "amount", epay_amount_text(exchange->arena, shown));
    json_put_int(out, "amountBonus", 0);
    json_put_text(out, "currency", str_of(currency_code(shown.currency)));
    json_put_text(out, "description", order->description);
    json_put_text(out, "email", order->email);
    json_put_text(out, "invoiceID", order->invoice);
    json_put_text(out, "language", order->language);
    json_put_text(out, "phone", order->phone);
    json_put_text(out, "reference", tx->reference);
    json_put_text(out, "intReference", tx->int_reference);
    put_secure(exchange, tx);
    json_put_text(out, "cardID", tx->card->id);
    json_put_text(out, "cardMask", tx->card->mask);
    json_put_text(out, "cardType", STR("VISA"));
    json_put_text(out, "issuer", STR("SIM BANK"));
    json_put_int(out, "fee", 0);
    json_put_text(out, "status",
                  odd == NULL               ? tx->now.status
                  : str_is_empty(odd->word) ? STR("LIMBO")
                                            : odd->word);
    json_put_text(out, "code", STR("ok"));
    json_put_text(out, "approvalCode", tx->approval_code);
    json_put_text(out, "terminal", order->terminal);
    reply_done(exchange);
}

/* To the state that the plan wants; the card's bank says yes when it wants none. */
static void decide(struct exchange *exchange, struct epay_tx *tx)
{
    struct str word = exchange_outcome(exchange);
    int64_t code = 0;

    if (str_is_empty(word) || str_equal(word, STR("CHARGE")) || str_equal(word, STR("AUTH"))) {
        epay_approve(exchange->sim, tx, BY_MERCHANT);
        epay_callback(exchange->sim, tx, true, exchange);
        reply_paid(exchange, tx);
    } else if (!epay_is_over(word)) {
        tx->before = tx->now;
        tx->now.status = str_copy(&exchange->sim->arena, word);
        reply_paid(exchange, tx);
    } else {
        (void)str_to_i64(exchange_shows(exchange, FAULT_OUTCOME)->code, &code);
        epay_tx_fail(exchange->sim, tx, word, code);
        epay_callback(exchange->sim, tx, false, exchange);
        epay_reply_no(exchange, tx->now.reason_code, epay_reason_text(tx->now.reason_code));
    }
}

void epay_card_perform(struct exchange *exchange)
{
    struct epay_token *token = epay_token_of(exchange);
    struct str id = fields_json_text(json_get(json_get(exchange->doc, "cardId"), "id"),
                                     exchange->arena);
    struct epay_card *card = map_get(&exchange->sim->epay->cards, id);

    if (token == NULL || token->order == NULL) {
        exchange->face->fail(exchange, 401);
        return;
    }
    const char *why = check(exchange, token);
    if (why == NULL && (card == NULL || card->deactivated))
        why = "card not found";
    if (why != NULL) {
        epay_reply_no(exchange, 100, why);
        return;
    }
    token->gone = true; /* one order, one use */
    take_details(exchange, token->order);
    struct epay_tx *tx = epay_tx_new(exchange->sim, token->order);
    tx->card = card;
    decide(exchange, tx);
}

void epay_deactivate_subject(struct exchange *exchange)
{
    const struct epay_card *card = map_get(&exchange->sim->epay->cards, exchange->ids[0]);

    if (card != NULL)
        exchange->reference = card->invoice;
}

void epay_deactivate_perform(struct exchange *exchange)
{
    struct epay_card *card = map_get(&exchange->sim->epay->cards, exchange->ids[0]);

    if (epay_service_token(exchange) == NULL)
        return;
    if (card == NULL || card->deactivated) {
        epay_reply_no(exchange, 100, "card not found");
        return;
    }
    card->deactivated = true;
    struct json_out *out = reply_json(exchange, 200);
    json_put_int(out, "code", 0);
    json_put_text(out, "message", STR("success"));
    reply_done(exchange);
}
