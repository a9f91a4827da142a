/* payments.c - what a merchant asks of a payment: create, confirm, capture, cancel. */
#include <assert.h>

#include "core/record.h"
#include "core/requests.h"
#include "core/schedule.h"
#include "core/routing.h"

/* All of them are loaded with each turn, and the invoice's object names all. */
#define INVOICE_PAYMENTS_MAX 1000

/* The claim's answer is this payment, once nothing is in flight for it any more. */
static void claim_is_about(struct turn *turn, const struct payment *payment, int success_status)
{
    if (!turn->claim)
        return;
    turn->claim->invoice = payment->invoice;
    turn->claim->payment = payment->id;
    turn->claim->success_status = success_status;
}

enum err payment_must_be_idle(struct turn *turn, const struct payment *payment)
{
    if (operation_id_is_zero(payment->active_operation))
        return OK;
    turn->retry_after_s = 1;
    return turn_fail(turn, ERR_OPERATION_IN_PROGRESS,
                     "The payment is %s: another operation on it is not finished.",
                     word_text(&words_payment_state, payment->status));
}

static enum err check_enabled(struct turn *turn, const struct gateway_account *account)
{
    return account->disabled ? turn_fail_param(turn, ERR_NO_GATEWAY_ACCOUNT, "gateway_account",
                                               "The gateway account is disabled.") : OK;
}

/* An invoice is paid in full, in its currency, by one payment at a time. */
static enum err check_invoice(struct turn *turn, const struct payment_create *ask)
{
    if (!turn->books)
        return OK;
    const struct invoice *invoice = turn->books->invoice;
    if (invoice->currency != ask->amount.currency)
        return turn_fail_param(turn, ERR_INVOICE_MISMATCH, "currency", "The invoice is in %s.",
                               currency_code(invoice->currency));
    if (invoice->amount_minor != ask->amount.minor)
        return turn_fail_param(turn, ERR_INVOICE_MISMATCH, "amount",
                               "The invoice's amount is %lld.", (long long)invoice->amount_minor);
    if (invoice->status != INVOICE_UNPAID)
        return turn_fail(turn, ERR_CONFLICT, "The invoice is %s.",
                         word_text(&words_invoice_state, invoice->status));
    if (turn->books->payments.count >= INVOICE_PAYMENTS_MAX)
        return turn_fail(turn, ERR_CONFLICT, "The invoice has had %d payments; make another.",
                         INVOICE_PAYMENTS_MAX);
    for (size_t i = 0; i < turn->books->payments.count; i++)
        if (!machine_is_final(&machine_payment, turn->books->payments.items[i]->status))
            return turn_fail(turn, ERR_CONFLICT,
                             "Another payment of this invoice is not finished.");
    return OK;
}

static enum err check_method(struct turn *turn, const struct gateway *gateway,
                             enum payment_method method, const struct card *card)
{
    bool by_token = method == METHOD_SAVED_CARD && card;
    if (gateway_takes(gateway, method) && !(by_token && gateway->cards.hides_tokens))
        return OK;
    return turn_fail_param(turn, ERR_PAYMENT_METHOD_NOT_SUPPORTED, "payment_method.type",
                           "The gateway %s does not take this type.", gateway->name);
}

static enum err check_card(struct turn *turn, enum payment_method method, const struct card *card)
{
    bool given = card || (method == METHOD_SAVED_CARD && turn->instrument);
    if (method != METHOD_GATEWAY_PAGE && !given)
        return turn_fail_param(turn, ERR_VALIDATION, "payment_method",
                               method == METHOD_CARD
                                   ? "The card's details are needed to confirm the payment."
                                   : "The saved card is needed to confirm the payment.");
    return OK;
}

/* Whether the account can do what is asked, before anything is recorded. */
static enum err check_account(struct turn *turn, const struct payment_create *ask,
                              const struct gateway_account *account)
{
    const struct gateway *gateway = turn_gateway(turn, account->gateway);
    struct account_settings settings = account_settings(account, gateway, turn->arena);
    enum payment_method method = ask->method ? ask->method : gateway->methods[0];
    enum err err = check_enabled(turn, account);
    if (err)
        return err;
    if (!account_takes(&settings, ask->amount))
        return turn_fail_param(turn, ERR_NO_GATEWAY_ACCOUNT, "gateway_account",
                               "By its settings the gateway account does not take %lld %s.",
                               (long long)ask->amount.minor, currency_code(ask->amount.currency));
    if (ask->capture_method == CAPTURE_METHOD_MANUAL && settings.capture == GW_CAPTURE_SALE)
        return turn_fail_param(turn, ERR_CAPTURE_METHOD_NOT_SUPPORTED, "capture_method",
                               "This gateway account takes the money in one step.");
    if (ask->method || ask->confirm)
        err = check_method(turn, gateway, method, ask->card);
    if (!err && ask->confirm)
        err = check_card(turn, method, ask->card);
    if (!err && ask->save_card)
        err = instrument_check_save(turn, gateway, method);
    if (!err && ask->verification && !gateway->cards.verifies)
        err = turn_fail_param(turn, ERR_PAYMENT_METHOD_NOT_SUPPORTED, "gateway_account",
                              "The gateway %s keeps a card only with a payment.", gateway->name);
    return err;
}

static enum err no_route(struct turn *turn, struct money amount)
{
    const struct gateway_account *account = NULL;
    for (size_t i = 0; !account && i < turn->accounts.count; i++)
        if (turn->accounts.items[i]->is_default)
            account = turn->accounts.items[i];
    if (!account)
        return turn_fail_param(turn, ERR_NO_GATEWAY_ACCOUNT, "gateway_account",
                               "There is no default gateway account in this mode.");
    enum err err = check_enabled(turn, account);
    return err ? err
               : turn_fail_param(turn, ERR_NO_GATEWAY_ACCOUNT, "gateway_account",
                                 "By their settings no gateway account takes %lld %s.",
                                 (long long)amount.minor, currency_code(amount.currency));
}

/* The first that can do what is asked; when none can, what is in the way of the first counts. */
static enum err find_route(struct turn *turn, const struct payment_create *ask,
                           struct gateway_account **out)
{
    struct gateway_account *account = route_next(turn, NULL, ask->amount);
    if (!account)
        return no_route(turn, ask->amount);
    enum err first = OK;
    for (; account; account = route_next(turn, account, ask->amount)) {
        enum err err = check_account(turn, ask, account);
        if (!err) {
            turn->detail = turn->param = (struct str){ 0 };
            *out = account;
            return OK;
        }
        first = first ? first : err;
    }
    return first;
}

enum err payment_find_account(struct turn *turn, const struct payment_create *ask,
                              struct gateway_account **out)
{
    struct gateway_account_id named = ask->gateway_account;
    /* A saved card is the account's that keeps it. */
    if (turn->instrument && gateway_account_id_is_zero(named))
        named = turn->instrument->gateway_account;
    if (gateway_account_id_is_zero(named))
        return find_route(turn, ask, out);
    struct gateway_account *account = turn_account(turn, named);
    if (!account)
        return turn_fail_param(turn, ERR_NO_GATEWAY_ACCOUNT, "gateway_account",
                               "There is no such gateway account in this mode.");
    if (turn->instrument
        && !gateway_account_id_equal(account->id, turn->instrument->gateway_account))
        return turn_fail_param(turn, ERR_VALIDATION, "gateway_account",
                               "The saved card is kept at another gateway account.");
    enum err err = check_account(turn, ask, account);
    if (!err)
        *out = account;
    return err;
}

enum err payment_check_wallet(struct turn *turn, const struct payment_create *ask)
{
    const struct turn_input *input = turn->input;
    bool named = !customer_id_is_zero(input->customer);
    if (named && (!turn->customer || turn->customer->deleted_ms != 0))
        return turn_fail_param(turn, ERR_VALIDATION, "customer",
                               "There is no such customer in this mode.");
    if (ask->save_card && !named)
        return turn_fail_param(turn, ERR_VALIDATION, "customer",
                               "A card is kept for a customer: name one.");
    return instrument_id_is_zero(input->instrument)
               ? OK : instrument_check_charge(turn, input->customer);
}

/* What a saved card says of itself goes into the payment that it pays. */
static void take_instrument(const struct turn *turn, struct payment *payment)
{
    const struct instrument *instrument = turn->instrument;
    if (!instrument)
        return;
    payment->instrument = instrument->id;
    payment->customer = instrument->customer;
    payment->card_brand = instrument->card_brand;
    payment->card_last4 = instrument->card_last4;
    payment->card_exp_month = instrument->card_exp_month;
    payment->card_exp_year = instrument->card_exp_year;
}

static struct payment *record_payment(struct turn *turn, const struct payment_create *ask,
                                      const struct gateway_account *account,
                                      const struct account_settings *settings)
{
    if (!turn->books)
        invoice_begin(turn, (struct invoice){
            .amount_minor = ask->amount.minor,
            .currency = ask->amount.currency,
            .implicit = true,
            .reference = ask->reference,
            .description = ask->description,
            .shop = ask->shop,
            .metadata = ask->metadata,
        });
    struct payment fields = {
        .amount_minor = ask->amount.minor,
        .currency = ask->amount.currency,
        .capture_method = ask->capture_method,
        .gateway_account = account->id,
        .gateway = account->gateway,
        .routed = gateway_account_id_is_zero(ask->gateway_account) && !turn->instrument,
        .reference = ask->reference,
        .description = ask->description,
        .shop = ask->shop,
        .customer_email = ask->customer_email,
        .return_url = ask->return_url,
        .metadata = ask->metadata,
        .method = ask->method,
        .save_card = ask->save_card,
        .verification = ask->verification,
        .customer = turn->input->customer,
        .card_brand = ask->card_brand,
        .card_last4 = ask->card_last4,
        .card_exp_month = ask->card ? ask->card->exp_month : 0,
        .card_exp_year = ask->card ? ask->card->exp_year : 0,
        .expires_ms = turn->now_ms + settings->payment_ms,
        .due_ms = turn->now_ms + settings->payment_ms,
    };
    take_instrument(turn, &fields);
    if (ask->save_card)
        fields.instrument = instrument_id_make(turn->ids, turn->now_ms);
    struct payment *payment = payment_begin(turn, fields);
    if (ask->save_card)
        instrument_begin(turn, payment);
    return payment;
}

void payment_authorize(struct turn *turn, struct payment *payment, const struct card *card)
{
    struct operation *operation = operation_begin(turn, payment, OPERATION_KIND_AUTHORIZE,
                                                  payment->amount_minor, card);
    if (turn->claim)
        operation->claim = turn->claim->key;
    payment->due_ms = 0;
    payment_check_from_now(turn, payment);
    enum err err = payment_move(turn, payment, PAYMENT_ON_AUTHORIZE);
    assert(err == OK);
    (void)err;
}

enum err payment_make(struct turn *turn, const struct payment_create *ask, struct payment **out)
{
    struct gateway_account *account = NULL;
    enum err err = payment_check_wallet(turn, ask);
    if (!err)
        err = check_invoice(turn, ask);
    if (!err)
        err = payment_find_account(turn, ask, &account);
    if (err)
        return err;

    const struct gateway *gateway = turn_gateway(turn, account->gateway);
    struct account_settings settings = account_settings(account, gateway, turn->arena);
    *out = record_payment(turn, ask, account, &settings);
    return OK;
}

static enum err create(struct turn *turn, struct payment **out)
{
    const struct payment_create *ask = turn->input->ask;
    struct payment *payment = NULL;
    enum err err = payment_make(turn, ask, &payment);
    if (err)
        return err;

    claim_is_about(turn, payment, 201);
    if (ask->confirm)
        payment_authorize(turn, payment, ask->card);
    *out = payment;
    return OK;
}

static enum err payment_create(struct turn *turn)
{
    struct payment *payment;
    return create(turn, &payment);
}

/* A verification: a payment of nothing, of which the caller wants to hear as of the card. */
static enum err instrument_create(struct turn *turn)
{
    struct payment *payment;
    enum err err = create(turn, &payment);
    if (!err && turn->claim)
        turn->claim->instrument = payment->instrument;
    return err;
}

/* What the payment was made with binds what it is confirmed with. */
static enum err check_confirm(struct turn *turn, const struct payment *payment,
                              const struct payment_place *place, enum payment_method method)
{
    if (payment->save_card)
        return instrument_check_save(turn, place->gateway, method);
    if (instrument_id_is_zero(turn->input->instrument))
        return OK;
    enum err err = instrument_check_charge(turn, payment->customer);
    if (!err && !gateway_account_id_equal(place->account->id, turn->instrument->gateway_account))
        err = turn_fail_param(turn, ERR_VALIDATION, "payment_method.instrument",
                              "The saved card is kept at another gateway account than the "
                              "payment's.");
    return err;
}

/* What it was made to be paid with may be another card. */
static void take_card(struct turn *turn, struct payment *payment,
                      const struct payment_confirm *ask)
{
    struct instrument *saved = payment_saves(turn, payment);
    if (!saved)
        payment->instrument = (struct instrument_id){ { { 0 } } };
    take_instrument(turn, payment);
    if (!ask->card)
        return;
    payment->card_brand = ask->card_brand;
    payment->card_last4 = ask->card_last4;
    payment->card_exp_month = ask->card->exp_month;
    payment->card_exp_year = ask->card->exp_year;
    if (saved)
        instrument_take_card(saved, payment);
}

static enum err payment_confirm(struct turn *turn)
{
    const struct payment_confirm *ask = turn->input->ask;
    struct payment *payment = books_payment(turn->books, turn->input->payment);
    if (machine_next(&machine_payment, payment->status, PAYMENT_ON_AUTHORIZE) == PAYMENT_NOWHERE)
        return turn_fail(turn, ERR_CONFLICT, "The payment is %s; only a created one is confirmed.",
                         word_text(&words_payment_state, payment->status));
    struct payment_place place = payment_place(turn, payment);
    enum payment_method method = ask->method ? ask->method
                                 : payment->method ? payment->method
                                                   : place.gateway->methods[0];
    enum err err = check_enabled(turn, place.account);
    if (!err)
        err = check_method(turn, place.gateway, method, ask->card);
    if (!err)
        err = check_card(turn, method, ask->card);
    if (!err)
        err = check_confirm(turn, payment, &place, method);
    if (err)
        return err;

    payment->method = method;
    take_card(turn, payment, ask);
    if (!str_is_empty(ask->return_url))
        payment->return_url = ask->return_url;
    claim_is_about(turn, payment, 200);
    payment_authorize(turn, payment, ask->card);
    return OK;
}

void payment_begin_capture(struct turn *turn, struct payment *payment, int64_t amount_minor)
{
    struct operation *operation = operation_begin(turn, payment, OPERATION_KIND_CAPTURE,
                                                  amount_minor, NULL);
    if (turn->claim)
        operation->claim = turn->claim->key;
    payment->capture_tries++;
    payment->due_ms = 0;
    enum err err = payment_move(turn, payment, PAYMENT_ON_CAPTURE);
    assert(err == OK);
    (void)err;
}

static enum err payment_capture(struct turn *turn)
{
    const struct payment_capture *ask = turn->input->ask;
    struct payment *payment = books_payment(turn->books, turn->input->payment);
    enum err err = payment_must_be_idle(turn, payment);
    if (err)
        return err;
    if (machine_next(&machine_payment, payment->status, PAYMENT_ON_CAPTURE) == PAYMENT_NOWHERE)
        return turn_fail(turn, ERR_CONFLICT,
                         "The payment is %s; only an authorized one is captured.",
                         word_text(&words_payment_state, payment->status));
    int64_t amount_minor = ask->amount_minor ? ask->amount_minor : payment->authorized_minor;
    if (amount_minor == 0 || amount_minor > payment->authorized_minor)
        return turn_fail_param(turn, ERR_CAPTURE_EXCEEDS_AUTHORIZED, "amount",
                               "At most %lld can be captured.",
                               (long long)payment->authorized_minor);

    claim_is_about(turn, payment, 200);
    /* A refused cancel that is still wanted is wanted no more. */
    payment->cancel_reason = CANCEL_REASON_NONE;
    payment->cancel_tries = 0;
    payment_begin_capture(turn, payment, amount_minor);
    return OK;
}

void payment_begin_cancel(struct turn *turn, struct payment *payment)
{
    struct operation *operation = operation_begin(turn, payment, OPERATION_KIND_CANCEL,
                                                  payment->authorized_minor, NULL);
    if (turn->claim)
        operation->claim = turn->claim->key;
    payment->cancel_tries++;
    payment->due_ms = 0;
}

/* A cancelled or failed payment takes the invoice that was made for it along. */
void payment_end_invoice(struct turn *turn, const struct payment *payment)
{
    const struct invoice *invoice = turn->books->invoice;
    bool ended = payment->status == PAYMENT_CANCELLED || payment->status == PAYMENT_FAILED
                 || payment->status == PAYMENT_VERIFIED;
    if (!ended || !invoice->implicit || invoice->status != INVOICE_UNPAID)
        return;
    enum err err = invoice_move(turn, INVOICE_ON_CANCEL);
    assert(err == OK);
    (void)err;
}

static enum err payment_cancel(struct turn *turn)
{
    const struct payment_cancel *ask = turn->input->ask;
    struct payment *payment = books_payment(turn->books, turn->input->payment);
    enum err err = payment_must_be_idle(turn, payment);
    if (err)
        return err;
    /* A payer's answer is being fetched: what it says decides what can be cancelled. */
    if (payment->status == PAYMENT_AUTHORIZING) {
        turn->retry_after_s = 1;
        return turn_fail(turn, ERR_OPERATION_IN_PROGRESS,
                         "The gateway is being asked for the payer's answer.");
    }
    if (machine_next(&machine_payment, payment->status, PAYMENT_ON_CANCEL) == PAYMENT_NOWHERE)
        return turn_fail(turn, ERR_CONFLICT, "The payment is %s and cannot be cancelled.%s",
                         word_text(&words_payment_state, payment->status),
                         payment->status == PAYMENT_CAPTURED ? " Refund it instead." : "");

    payment->cancel_reason = ask->reason;
    claim_is_about(turn, payment, 200);
    if (payment->status != PAYMENT_CREATED)
        payment_begin_cancel(turn, payment);
    err = payment_move(turn, payment, PAYMENT_ON_CANCEL);
    if (!err)
        payment_end_invoice(turn, payment);
    return err;
}

const struct turn_handler turn_payment_create = { "payment.create", TARGET_INVOICE_IF_NAMED,
                                                  .scoped = true, .handle = payment_create };
const struct turn_handler turn_payment_confirm = { "payment.confirm", TARGET_PAYMENT,
                                                   .scoped = true, .handle = payment_confirm };
const struct turn_handler turn_payment_capture = { "payment.capture", TARGET_PAYMENT,
                                                   .scoped = true, .handle = payment_capture };
const struct turn_handler turn_payment_cancel = { "payment.cancel", TARGET_PAYMENT,
                                                  .scoped = true, .handle = payment_cancel };
const struct turn_handler turn_instrument_create = { "instrument.create", TARGET_NOTHING,
                                                     .scoped = true,
                                                     .handle = instrument_create };
