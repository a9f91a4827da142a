/* listing.c - what a listed payment or refund is against the books, and what the gateway alone
 * has. A difference is a reason to ask: the answer to an enquiry is what counts. */
#include "core/listing.h"

#include "core/books.h"
#include "core/requests.h"

static bool took_nothing(enum payment_state status)
{
    return status == PAYMENT_CANCELLED || status == PAYMENT_FAILED;
}

static enum listed_is judge_payment(const struct gateway_listed *listed,
                                    const struct payment *payment)
{
    if (!listed->has_position)
        return LISTED_SAME;
    bool differs = listed->captured_minor != payment->captured_minor
                   || (!listed->refunds_unsaid
                       && listed->refunded_minor != payment->refunded_minor)
                   || (listed->holds && took_nothing(payment->status))
                   || (listed->released && payment->status == PAYMENT_AUTHORIZED)
                   || listed->amount.minor != payment->amount_minor
                   || listed->amount.currency != payment->currency;
    return differs ? LISTED_ASK : LISTED_SAME;
}

static enum listed_is judge_refund(const struct gateway_listed *listed,
                                   const struct refund *refund)
{
    if (!listed->holds)
        return refund && refund->status == REFUND_SUCCEEDED ? LISTED_ASK : LISTED_SAME;
    return refund && refund->status == REFUND_SUCCEEDED
                   && refund->amount_minor == listed->amount.minor
               ? LISTED_SAME : LISTED_ASK;
}

enum listed_is listing_judge(enum gateway_list list, const struct gateway_listed *listed,
                             const struct payment *payment, const struct refund *refund)
{
    if (!payment)
        return listed->holds ? LISTED_MISSING : LISTED_NOTHING;
    /* Something is under way: its answer tells. */
    if (!operation_id_is_zero(payment->active_operation))
        return LISTED_NOTHING;
    return list == GW_LIST_REFUNDS ? judge_refund(listed, refund) : judge_payment(listed, payment);
}

/* Only the gateway has it: the difference is all there is to write. */
static enum err listing_missing(struct turn *turn)
{
    const struct drift *found = turn->input->ask;
    struct drift *drift = arena_copy(turn->arena, found, sizeof(*found));
    drift->row = ROW_NEW;
    drift->id = drift_id_make(turn->ids, turn->now_ms);
    drift->times = 1;
    drift->created_ms = drift->seen_ms = turn->now_ms;
    drift_list_add(turn->arena, &turn->drifts, drift);
    turn_answer_nothing(turn);
    return OK;
}

const struct turn_handler turn_listing_missing = { "listing.missing", TARGET_NOTHING,
                                                   .handle = listing_missing };
