/* checkouts.c - the payer's page of an invoice: made, paid, left, ended, and how it follows its
 * attempts. */
#include "core/checkout.h"

#include <assert.h>

#include "core/checkout_settings.h"
#include "core/record.h"
#include "core/requests.h"

static struct checkout *checkout_of(const struct turn *turn)
{
    struct checkout *checkout = books_checkout(turn->books, turn->input->checkout);
    assert(checkout);
    return checkout;
}

/* For a merchant: the session as its last event shows it. */
static void answer(struct turn *turn, int status, const struct checkout *checkout)
{
    turn->answer = (struct turn_answer){
        .status = status,
        .body = render_checkout_text(turn->arena, checkout, turn->books->invoice),
        .final = true,
    };
    if (!turn->claim)
        return;
    turn->claim->invoice = checkout->invoice;
    turn->claim->checkout = checkout->id;
    turn->claim->success_status = status;
}

static bool is_ended(const struct checkout *checkout)
{
    return machine_is_final(&machine_checkout, checkout->status);
}

static struct checkout *open_session(const struct books *books)
{
    for (size_t i = 0; books && i < books->checkouts.count; i++)
        if (!is_ended(books->checkouts.items[i]))
            return books->checkouts.items[i];
    return NULL;
}

static bool is_same(const struct turn *turn, const struct checkout *checkout,
                    const struct checkout_create *ask)
{
    return (gateway_account_id_is_zero(ask->gateway_account)
            || gateway_account_id_equal(checkout->gateway_account, ask->gateway_account))
           && checkout->capture_method == ask->capture_method
           && str_equal(checkout->language, ask->language)
           && str_equal(checkout->customer_email, ask->customer_email)
           && customer_id_equal(checkout->customer, turn->input->customer)
           && checkout->save_card == ask->save_card
           && str_equal(checkout->return_url, ask->return_url)
           && str_equal(checkout->cancel_url, ask->cancel_url);
}

/* A session of its own makes an invoice; one for an invoice must be able to get it paid. Two
 * pages for one debt could both be paid. */
static enum err check_invoice(struct turn *turn)
{
    const struct books *books = turn->books;
    if (!books)
        return OK;
    if (books->invoice->status != INVOICE_UNPAID)
        return turn_fail(turn, ERR_CONFLICT, "The invoice is %s.",
                         word_text(&words_invoice_state, books->invoice->status));
    if (open_session(books))
        return turn_fail(turn, ERR_CONFLICT,
                         "The invoice has an open checkout session of other terms; expire it "
                         "first.");
    return OK;
}

bool checkout_page_takes_card(const struct gateway *gateway)
{
    return gateway->test_only && gateway_takes(gateway, METHOD_CARD);
}

/* A token for each order goes with a script of theirs, for which there is a page or not. */
static enum err check_page(struct turn *turn, const struct checkout_create *ask,
                           const struct gateway *gateway)
{
    bool by_card = ask->card_form && checkout_page_takes_card(gateway);

    if (gateway->order_login.build && !gateway->page)
        return turn_fail_param(turn, ERR_PAYMENT_METHOD_NOT_SUPPORTED, "gateway_account",
                               "The payer's page does not show this gateway's widget.");
    if (!by_card && !gateway_takes(gateway, METHOD_GATEWAY_PAGE))
        return turn_fail_param(turn, ERR_PAYMENT_METHOD_NOT_SUPPORTED, "gateway_account",
                               "The gateway %s has no page of its own, and in this build the "
                               "payer's page takes no card.", gateway->name);
    return OK;
}

/* Chosen here and not when the payer pays: the page is made for one gateway. */
static enum err choose_account(struct turn *turn, const struct checkout_create *ask,
                               struct gateway_account **out)
{
    const struct books *books = turn->books;
    const struct payment_create payment = {
        .amount = books ? (struct money){ books->invoice->amount_minor, books->invoice->currency }
                        : ask->amount,
        .capture_method = ask->capture_method,
        .gateway_account = ask->gateway_account,
        .save_card = ask->save_card,
    };
    enum err err = payment_check_wallet(turn, &payment);
    if (!err)
        err = payment_find_account(turn, &payment, out);
    return err ? err : check_page(turn, ask, turn_gateway(turn, (*out)->gateway));
}

static enum err checkout_create(struct turn *turn)
{
    const struct checkout_create *ask = turn->input->ask;
    struct gateway_account *account = NULL;
    bool own = !turn->books;
    const struct checkout *open = open_session(turn->books);
    /* Whoever asks again for the same gets the page that the payer may already have. */
    if (open && open->expires_ms > turn->now_ms && is_same(turn, open, ask)) {
        turn_answer_now(turn, 200, render_checkout_text(turn->arena, open, turn->books->invoice));
        return OK;
    }
    enum err err = check_invoice(turn);
    if (!err)
        err = checkout_check_return(turn, "return_url", ask->return_url);
    if (!err)
        err = checkout_check_return(turn, "cancel_url", ask->cancel_url);
    if (!err)
        err = choose_account(turn, ask, &account);
    if (err)
        return err;
    assert(own == ask->has_amount);
    if (own)
        invoice_begin(turn, (struct invoice){
            .amount_minor = ask->amount.minor,
            .currency = ask->amount.currency,
            .reference = ask->reference,
            .description = ask->description,
            .shop = ask->shop,
            .metadata = ask->metadata,
        });
    struct checkout *checkout = checkout_begin(turn, (struct checkout){
        .own_invoice = own,
        .gateway_account = account->id,
        .capture_method = ask->capture_method,
        .language = ask->language,
        .customer_email = ask->customer_email,
        .customer = turn->input->customer,
        .save_card = ask->save_card,
        .return_url = ask->return_url,
        .cancel_url = ask->cancel_url,
        .expires_ms = turn->now_ms + ask->expires_ms,
    });
    answer(turn, 201, checkout);
    return OK;
}

/* What was made for the session is owed by nobody any more. */
static void end_invoice(struct turn *turn, const struct checkout *checkout)
{
    if (!checkout->own_invoice || turn->books->invoice->status != INVOICE_UNPAID)
        return;
    enum err err = invoice_move(turn, INVOICE_ON_CANCEL);
    assert(err == OK);
    (void)err;
}

static enum err end(struct turn *turn, struct checkout *checkout, enum checkout_event event)
{
    if (checkout->status == CHECKOUT_PROCESSING) {
        turn->retry_after_s = 1;
        return turn_fail(turn, ERR_OPERATION_IN_PROGRESS,
                         "The payer's attempt is under way; cancel its payment first.");
    }
    enum err err = checkout_move(turn, checkout, event);
    if (!err)
        end_invoice(turn, checkout);
    return err;
}

static enum err checkout_cancel(struct turn *turn)
{
    struct checkout *checkout = checkout_of(turn);
    enum err err = end(turn, checkout, CHECKOUT_ON_CANCEL);
    if (!err)
        answer(turn, 200, checkout);
    return err;
}

static enum err checkout_expire(struct turn *turn)
{
    struct checkout *checkout = checkout_of(turn);
    enum err err = end(turn, checkout, CHECKOUT_ON_EXPIRE);
    if (!err)
        answer(turn, 200, checkout);
    return err;
}

/* The clock, or a payer who comes when it has not looked yet. */
static bool expire_if_due(struct turn *turn, struct checkout *checkout)
{
    if (checkout->status != CHECKOUT_OPEN || checkout->expires_ms > turn->now_ms)
        return false;
    enum err err = end(turn, checkout, CHECKOUT_ON_TIME_UP);
    assert(err == OK);
    return err == OK;
}

static enum err checkout_due(struct turn *turn)
{
    struct checkout *checkout = checkout_of(turn);
    if (checkout->due_ms != 0 && checkout->due_ms <= turn->now_ms)
        expire_if_due(turn, checkout);
    return OK;
}

/* The attempt ends with the page at the latest, unless the gateway has something to say. */
static void bound_attempt(struct payment *payment, const struct checkout *checkout)
{
    if (payment->expires_ms > checkout->expires_ms)
        payment->expires_ms = checkout->expires_ms;
}

static enum err checkout_pay(struct turn *turn)
{
    const struct checkout_pay *ask = turn->input->ask;
    struct checkout *checkout = checkout_of(turn);
    const struct invoice *invoice = turn->books->invoice;
    struct payment *payment = NULL;

    turn_answer_nothing(turn);
    if (expire_if_due(turn, checkout) || checkout->status != CHECKOUT_OPEN
        || checkout->attempts != ask->attempts)
        return OK;
    enum err err = payment_make(turn,
                                &(struct payment_create){
                                    .amount = { invoice->amount_minor, invoice->currency },
                                    .capture_method = checkout->capture_method,
                                    .method = ask->card ? METHOD_CARD : METHOD_NONE,
                                    .card = ask->card,
                                    .card_brand = ask->card_brand,
                                    .card_last4 = ask->card_last4,
                                    .confirm = true,
                                    .gateway_account = checkout->gateway_account,
                                    .save_card = checkout->save_card && ask->save_card,
                                    .reference = invoice->reference,
                                    .description = invoice->description,
                                    .shop = invoice->shop,
                                    .customer_email = checkout->customer_email,
                                    .return_url = ask->return_url,
                                    .metadata = invoice->metadata,
                                },
                                &payment);
    if (err)
        return err;
    bound_attempt(payment, checkout);
    checkout->attempts++;
    checkout->payment = payment->id;
    err = checkout_move(turn, checkout, CHECKOUT_ON_PAY);
    assert(err == OK);
    payment_authorize(turn, payment, ask->card);
    return OK;
}

/* While the payer's bank waits for them the attempt can be called off; while the gateway is
 * being asked it cannot, and the page shows what comes of it. */
static enum err checkout_leave(struct turn *turn)
{
    struct checkout *checkout = checkout_of(turn);

    turn_answer_nothing(turn);
    if (expire_if_due(turn, checkout) || is_ended(checkout))
        return OK;
    if (checkout->status == CHECKOUT_OPEN)
        return end(turn, checkout, CHECKOUT_ON_CANCEL);
    struct payment *payment = books_payment(turn->books, checkout->payment);
    assert(payment);
    if (payment->status != PAYMENT_REQUIRES_ACTION || payment_must_be_idle(turn, payment) != OK)
        return OK;
    payment->cancel_reason = CANCEL_REASON_PAYER;
    payment_begin_cancel(turn, payment);
    return payment_move(turn, payment, PAYMENT_ON_CANCEL);
}

static bool has_paid(const struct payment *payment)
{
    return payment->status == PAYMENT_CAPTURED
           || (payment->status == PAYMENT_AUTHORIZED
               && payment->capture_method == CAPTURE_METHOD_MANUAL);
}

static void attempt_ended(struct turn *turn, struct checkout *checkout)
{
    enum err err = checkout_move(turn, checkout, CHECKOUT_ON_ATTEMPT_NO);
    assert(err == OK);
    (void)err;
    expire_if_due(turn, checkout);
}

static void attempt_paid(struct turn *turn, struct checkout *checkout,
                         const struct payment *payment)
{
    bool own = payment_id_equal(checkout->payment, payment->id)
               && checkout->status == CHECKOUT_PROCESSING;
    enum checkout_event event = own ? CHECKOUT_ON_ATTEMPT_YES : CHECKOUT_ON_FOUND_PAID;
    if (machine_next(&machine_checkout, checkout->status, event) == CHECKOUT_NOWHERE)
        return;
    checkout->payment = payment->id;
    enum err err = checkout_move(turn, checkout, event);
    assert(err == OK);
    (void)err;
}

void checkout_follow(struct turn *turn, const struct payment *payment)
{
    for (size_t i = 0; i < turn->books->checkouts.count; i++) {
        struct checkout *checkout = turn->books->checkouts.items[i];
        bool ended = payment->status == PAYMENT_FAILED || payment->status == PAYMENT_CANCELLED;
        if (has_paid(payment))
            attempt_paid(turn, checkout, payment);
        else if (ended && checkout->status == CHECKOUT_PROCESSING
                 && payment_id_equal(checkout->payment, payment->id))
            attempt_ended(turn, checkout);
    }
}

const struct turn_handler turn_checkout_create = { "checkout.create", TARGET_INVOICE_IF_NAMED,
                                                   .scoped = true,
                                                   .wants_checkout_settings = true,
                                                   .handle = checkout_create };
const struct turn_handler turn_checkout_cancel = { "checkout.cancel", TARGET_CHECKOUT,
                                                   .scoped = true, .handle = checkout_cancel };
const struct turn_handler turn_checkout_expire = { "checkout.expire", TARGET_CHECKOUT,
                                                   .scoped = true, .handle = checkout_expire };
const struct turn_handler turn_checkout_pay = { "checkout.pay", TARGET_CHECKOUT, .scoped = true,
                                                .handle = checkout_pay };
const struct turn_handler turn_checkout_leave = { "checkout.leave", TARGET_CHECKOUT,
                                                  .scoped = true, .handle = checkout_leave };
const struct turn_handler turn_checkout_due = { "checkout.due", TARGET_CHECKOUT,
                                                .handle = checkout_due };
