/* payments.c - what a merchant asks of a payment: create, confirm, capture, cancel. */
#include <assert.h>

#include "core/record.h"
#include "core/requests.h"
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
                             enum payment_method method)
{
    if (gateway_takes(gateway, method))
        return OK;
    return turn_fail_param(turn, ERR_PAYMENT_METHOD_NOT_SUPPORTED, "payment_method.type",
                           "The gateway %s does not take this type.", gateway->name);
}

static enum err check_card(struct turn *turn, enum payment_method method, const struct card *card)
{
    if (method != METHOD_GATEWAY_PAGE && !card)
        return turn_fail_param(turn, ERR_VALIDATION, "payment_method",
                               method == METHOD_CARD
                                   ? "The card's details are needed to confirm the payment."
                                   : "The saved card's token is needed to confirm the payment.");
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
        err = check_method(turn, gateway, method);
    if (!err && ask->confirm)
        err = check_card(turn, method, ask->card);
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
    if (gateway_account_id_is_zero(ask->gateway_account))
        return find_route(turn, ask, out);
    struct gateway_account *account = turn_account(turn, ask->gateway_account);
    if (!account)
        return turn_fail_param(turn, ERR_NO_GATEWAY_ACCOUNT, "gateway_account",
                               "There is no such gateway account in this mode.");
    enum err err = check_account(turn, ask, account);
    if (!err)
        *out = account;
    return err;
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
        .routed = gateway_account_id_is_zero(ask->gateway_account),
        .reference = ask->reference,
        .description = ask->description,
        .shop = ask->shop,
        .customer_email = ask->customer_email,
        .return_url = ask->return_url,
        .metadata = ask->metadata,
        .method = ask->method,
        .card_brand = ask->card_brand,
        .card_last4 = ask->card_last4,
        .card_exp_month = ask->card ? ask->card->exp_month : 0,
        .card_exp_year = ask->card ? ask->card->exp_year : 0,
        .expires_ms = turn->now_ms + settings->payment_ms,
        .due_ms = turn->now_ms + settings->payment_ms,
    };
    return payment_begin(turn, fields);
}

void payment_authorize(struct turn *turn, struct payment *payment, const struct card *card)
{
    struct operation *operation = operation_begin(turn, payment, OPERATION_KIND_AUTHORIZE,
                                                  payment->amount_minor, card);
    if (turn->claim)
        operation->claim = turn->claim->key;
    payment->due_ms = 0;
    enum err err = payment_move(turn, payment, PAYMENT_ON_AUTHORIZE);
    assert(err == OK);
    (void)err;
}

enum err payment_make(struct turn *turn, const struct payment_create *ask, struct payment **out)
{
    struct gateway_account *account = NULL;
    enum err err = check_invoice(turn, ask);
    if (!err)
        err = payment_find_account(turn, ask, &account);
    if (err)
        return err;

    const struct gateway *gateway = turn_gateway(turn, account->gateway);
    struct account_settings settings = account_settings(account, gateway, turn->arena);
    *out = record_payment(turn, ask, account, &settings);
    return OK;
}

static enum err payment_create(struct turn *turn)
{
    const struct payment_create *ask = turn->input->ask;
    struct payment *payment = NULL;
    enum err err = payment_make(turn, ask, &payment);
    if (err)
        return err;

    claim_is_about(turn, payment, 201);
    if (ask->confirm)
        payment_authorize(turn, payment, ask->card);
    return OK;
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
        err = check_method(turn, place.gateway, method);
    if (!err)
        err = check_card(turn, method, ask->card);
    if (err)
        return err;

    payment->method = method;
    if (ask->card) {
        payment->card_brand = ask->card_brand;
        payment->card_last4 = ask->card_last4;
        payment->card_exp_month = ask->card->exp_month;
        payment->card_exp_year = ask->card->exp_year;
    }
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
    bool ended = payment->status == PAYMENT_CANCELLED || payment->status == PAYMENT_FAILED;
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
