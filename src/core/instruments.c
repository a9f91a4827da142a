/* instruments.c - saved cards: kept with a payment, charged, and forgotten once the gateway did.
 *
 * Making one is making its payment (payments.c); what the gateway says of it is in answers.c. */
#include <assert.h>

#include "core/record.h"
#include "core/render.h"
#include "core/requests.h"

enum err instrument_check_save(struct turn *turn, const struct gateway *gateway,
                               enum payment_method method)
{
    if (gateway_keeps(gateway, method))
        return OK;
    return turn_fail_param(turn, ERR_PAYMENT_METHOD_NOT_SUPPORTED, "save_card",
                           "The gateway %s does not keep the card of a payment by %s.",
                           gateway->name, word_text(&words_payment_method, method));
}

enum err instrument_check_charge(struct turn *turn, struct customer_id customer)
{
    static const char param[] = "payment_method.instrument";
    const struct instrument *instrument = turn->instrument;
    if (!instrument)
        return turn_fail_param(turn, ERR_VALIDATION, param,
                               "There is no such saved card in this mode.");
    if (!customer_id_is_zero(customer) && !customer_id_equal(customer, instrument->customer))
        return turn_fail_param(turn, ERR_VALIDATION, param,
                               "The saved card is another customer's.");
    if (instrument->status != INSTRUMENT_ACTIVE)
        return turn_fail_param(turn, ERR_CONFLICT, param,
                               "The saved card is %s; only an active one is charged.",
                               word_text(&words_instrument_state, instrument->status));
    return OK;
}

void instrument_take_card(struct instrument *instrument, const struct payment *payment)
{
    instrument->card_brand = payment->card_brand;
    instrument->card_last4 = payment->card_last4;
    instrument->card_exp_month = payment->card_exp_month;
    instrument->card_exp_year = payment->card_exp_year;
    row_touch(&instrument->row);
}

static void move(struct turn *turn, struct instrument *instrument, enum instrument_event event)
{
    enum err err = instrument_move(turn, instrument, event);
    assert(err == OK);
    (void)err;
}

/* The bank that took the money, or looked at the card, has seen that it is good. */
static bool is_good(const struct payment *payment)
{
    if (payment->verification)
        return payment->status == PAYMENT_VERIFIED;
    return payment->status == PAYMENT_AUTHORIZED || payment->status == PAYMENT_CAPTURING
           || payment->status == PAYMENT_CAPTURED;
}

static void fail(struct turn *turn, struct instrument *instrument, const struct payment *payment)
{
    instrument->failure = payment->failure;
    if (instrument->failure.type == FAILURE_NONE)
        instrument->failure = (struct failure){
            .type = FAILURE_GATEWAY_ERROR,
            .code = STR("card_not_kept"),
            .message = is_good(payment) ? STR("The gateway did not say that it keeps the card.")
                                        : STR("The payment ended without the card being used."),
        };
    instrument->token = (struct str){ 0 };
    move(turn, instrument, INSTRUMENT_ON_NOT_KEPT);
}

static void show_action(struct turn *turn, struct instrument *instrument,
                        const struct payment *payment)
{
    bool same = instrument->action == payment->action
                && str_equal(instrument->action_url, payment->action_url);
    if (!payment->verification || same)
        return;
    instrument->action = payment->action;
    instrument->action_url = payment->action_url;
    row_touch(&instrument->row);
    if (payment->action != ACTION_NONE)
        move(turn, instrument, INSTRUMENT_ON_NEEDS_PAYER);
}

void instrument_follow(struct turn *turn, const struct payment *payment)
{
    struct instrument *instrument = payment_saves(turn, payment);
    if (!instrument)
        return;
    bool known = !str_is_empty(instrument->token);
    if (instrument->status == INSTRUMENT_FAILED && known && is_good(payment)) {
        instrument->failure = (struct failure){ 0 };
        move(turn, instrument, INSTRUMENT_ON_FOUND_KEPT);
    }
    if (instrument->status != INSTRUMENT_PENDING)
        return;
    show_action(turn, instrument, payment);
    if (known && is_good(payment))
        move(turn, instrument, INSTRUMENT_ON_KEPT);
    else if (machine_is_final(&machine_payment, payment->status))
        fail(turn, instrument, payment);
}

void instrument_learn(struct turn *turn, const struct payment *payment,
                      const struct operation_answer *said)
{
    const struct gateway_answer *answer = &said->answer;
    struct instrument *instrument = payment_saves(turn, payment);
    if (!instrument || answer->outcome != GW_APPROVED || str_is_empty(said->card_sealed)
        || !str_is_empty(instrument->token) || instrument->status == INSTRUMENT_REMOVED)
        return;
    instrument->token = said->card_sealed;
    if (str_is_empty(instrument->card_brand))
        instrument->card_brand = answer->card_brand;
    if (str_is_empty(instrument->card_last4))
        instrument->card_last4 = answer->card_last4;
    row_touch(&instrument->row);
}

void instrument_deactivated(struct turn *turn, const struct payment *payment, bool done,
                            const struct gateway_answer *answer)
{
    struct instrument *instrument = payment_saves(turn, payment);
    assert(instrument);
    if (done)
        instrument->token = (struct str){ 0 };
    else
        failure_from_answer(&instrument->failure, answer);
    move(turn, instrument, done ? INSTRUMENT_ON_DEACTIVATE_YES : INSTRUMENT_ON_DEACTIVATE_NO);
}

void instrument_found_removed(struct turn *turn, const struct payment *payment,
                              struct operation_id operation)
{
    struct instrument *instrument = payment_saves(turn, payment);
    assert(instrument);
    if (instrument->status != INSTRUMENT_ACTIVE)
        return;
    drift_record(turn, payment, operation, DRIFT_CARD_FORGOTTEN, (struct str){ 0 });
    instrument->token = (struct str){ 0 };
    instrument->failure = (struct failure){ 0 };
    move(turn, instrument, INSTRUMENT_ON_FOUND_REMOVED);
}

static enum err instrument_deactivate(struct turn *turn)
{
    struct instrument *instrument = books_instrument(turn->books, turn->input->instrument);
    struct payment *payment = books_payment(turn->books, instrument->payment);
    assert(payment);
    if (instrument->status == INSTRUMENT_REMOVED) {
        turn_answer_now(turn, 200, render_instrument_text(turn->arena, instrument));
        return OK;
    }
    if (instrument->status == INSTRUMENT_PENDING || instrument->status == INSTRUMENT_DEACTIVATING) {
        turn->retry_after_s = 1;
        return turn_fail(turn, ERR_OPERATION_IN_PROGRESS, "The saved card is %s.",
                         word_text(&words_instrument_state, instrument->status));
    }
    if (instrument->status != INSTRUMENT_ACTIVE)
        return turn_fail(turn, ERR_CONFLICT, "The card was not kept: there is nothing to forget.");
    struct operation *operation = operation_begin(turn, payment, OPERATION_KIND_DEACTIVATE, 0,
                                                  NULL);
    if (turn->claim) {
        operation->claim = turn->claim->key;
        turn->claim->invoice = payment->invoice;
        turn->claim->payment = payment->id;
        turn->claim->instrument = instrument->id;
    }
    instrument->failure = (struct failure){ 0 };
    return instrument_move(turn, instrument, INSTRUMENT_ON_DEACTIVATE);
}

const struct turn_handler turn_instrument_deactivate = { "instrument.deactivate",
                                                         TARGET_INSTRUMENT, .scoped = true,
                                                         .handle = instrument_deactivate };
