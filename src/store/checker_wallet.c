/* checker_wallet.c - saved cards against their payments and operations (I21, I25). */
#include "store/checker_parts.h"

struct deactivations {
    int64_t open, done;
};

static struct deactivations count_deactivations(const struct checked *checked,
                                                const struct instrument *instrument)
{
    struct deactivations count = { 0 };

    for (size_t i = 0; i < checked->operations.count; i++) {
        const struct operation *operation = checked->operations.items[i];
        if (operation->kind != OPERATION_KIND_DEACTIVATE ||
            !payment_id_equal(operation->payment, instrument->payment))
            continue;
        count.open += operation->closed_ms == 0;
        count.done += operation->state == OPERATION_SUCCEEDED;
    }
    return count;
}

static bool check_owner(struct checker *checker, const struct instrument *instrument,
                        const struct payment *payment, struct str name)
{
    if (!merchant_id_equal(instrument->merchant, payment->merchant) ||
        instrument->live != payment->live ||
        !customer_id_equal(instrument->customer, payment->customer) ||
        !gateway_account_id_equal(instrument->gateway_account, payment->gateway_account))
        return checker_blame(checker, "I21", name,
                             "is of another merchant, mode, customer or gateway account than its "
                             "payment");
    return true;
}

/* Never forgotten before the gateway said so, and not without being asked to. */
static bool check_forgetting(const struct checked *checked, const struct instrument_fold *fold,
                             struct str name)
{
    const struct instrument *instrument = fold->instrument;
    struct deactivations count = count_deactivations(checked, instrument);
    bool asked = instrument->status == INSTRUMENT_DEACTIVATING;

    if (instrument->status == INSTRUMENT_REMOVED && !str_is_empty(instrument->token))
        return checker_blame(checked->checker, "I25", name, "is removed, but its token is here");
    if (instrument->status == INSTRUMENT_REMOVED && count.done == 0 && !fold->corrected &&
        !fold->resumed)
        return checker_blame(checked->checker, "I25", name,
                             "is removed, but no deactivation succeeded");
    if (instrument->status != INSTRUMENT_REMOVED && count.done > 0)
        return checker_blame(checked->checker, "I25", name,
                             "was forgotten by the gateway, but is %s",
                             word_text(&words_instrument_state, instrument->status));
    if (count.open != asked)
        return checker_blame(checked->checker, "I25", name, "is %s with %lld open deactivations",
                             word_text(&words_instrument_state, instrument->status),
                             (long long)count.open);
    return true;
}

bool checker_instruments(struct checked *checked)
{
    struct checker *checker = checked->checker;

    for (size_t i = 0; i < checked->instruments.count; i++) {
        const struct instrument_fold *fold = checked->instruments.items[i];
        struct str name = checker_instrument_name(checker, fold->instrument->id);
        const struct payment_fold *payment = checked_payment(checked, fold->instrument->payment);
        if (payment == NULL || !payment->payment->save_card ||
            !instrument_id_equal(payment->payment->instrument, fold->instrument->id))
            return checker_blame(checker, "I5", name, "is not what a payment here saved");
        if (!check_owner(checker, fold->instrument, payment->payment, name) ||
            !check_forgetting(checked, fold, name))
            return false;
    }
    return true;
}
