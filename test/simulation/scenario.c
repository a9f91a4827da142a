/* scenario.c - the table of small lives. */
#include "scenario.h"

#define PLAIN "4242424242424242"
#define DECLINED "4000000000000002"
#define REFUSED "4000000000000119"
#define CHALLENGED "4000000000003155"
#define UNCAPTURED "4000000000000341"
#define UNREFUNDED "4000000000005126"
#define ALL SCENARIO_AMOUNT
#define SOON_MS 1000

/* Name, card, whether it is captured by hand, times, steps, race, the end, captured, refunded. */
const struct scenario scenarios[] = {
    { "create", PLAIN, false, 1, { { 0 } },
      false, PAYMENT_CAPTURED, ALL, 0 },
    { "create_declined", DECLINED, false, 1, { { 0 } },
      false, PAYMENT_FAILED, 0, 0 },
    { "create_refused", REFUSED, false, 1, { { 0 } },
      false, PAYMENT_FAILED, 0, 0 },
    { "create_twice", PLAIN, false, 2, { { 0 } },
      false, PAYMENT_CAPTURED, ALL, 0 },
    { "capture", PLAIN, true, 1, { { ASK_CAPTURE, SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, 0 },
    { "capture_part", PLAIN, true, 1, { { ASK_CAPTURE, SOON_MS, 4000, 0 } },
      false, PAYMENT_CAPTURED, 4000, 0 },
    { "captures_at_once", PLAIN, true, 1,
      { { ASK_CAPTURE, SOON_MS, 4000, 0 }, { ASK_CAPTURE, SOON_MS, 4000, 0 } },
      false, PAYMENT_CAPTURED, 4000, 0 },
    { "capture_refused", UNCAPTURED, false, 1, { { ASK_CANCEL, SOON_MS, 0, 0 } },
      false, PAYMENT_CANCELLED, 0, 0 },
    { "expiry", PLAIN, true, 1, { { 0 } },
      false, PAYMENT_CANCELLED, 0, 0 },
    { "cancel", PLAIN, true, 1, { { ASK_CANCEL, SOON_MS, 0, 0 } },
      false, PAYMENT_CANCELLED, 0, 0 },
    { "capture_and_cancel", PLAIN, true, 1,
      { { ASK_CANCEL, SOON_MS, 0, 0 }, { ASK_CAPTURE, SOON_MS, 0, 0 } },
      true, PAYMENT_CANCELLED, 0, 0 },
    { "refund", PLAIN, false, 1, { { ASK_REFUND, SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, ALL },
    { "refund_twice", PLAIN, false, 2, { { ASK_REFUND, SOON_MS, 4000, 0 } },
      false, PAYMENT_CAPTURED, ALL, 4000 },
    { "refund_refused", UNREFUNDED, false, 1, { { ASK_REFUND, SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, 0 },
    { "refunds_in_parts", PLAIN, false, 1,
      { { ASK_REFUND, SOON_MS, 2000, 0 }, { ASK_REFUND, 2 * SOON_MS, 3000, 0 },
        { ASK_REFUND, 3 * SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, ALL },
    { "refunds_at_once", PLAIN, false, 1,
      { { ASK_REFUND, SOON_MS, 6000, 0 }, { ASK_REFUND, SOON_MS, 6000, 0 } },
      false, PAYMENT_CAPTURED, ALL, 6000 },
    { "payer_pays", CHALLENGED, false, 1, { { ASK_PAYER, SOON_MS, 0, PAYER_PAYS } },
      false, PAYMENT_CAPTURED, ALL, 0 },
    { "payer_leaves", CHALLENGED, false, 1, { { ASK_PAYER, SOON_MS, 0, PAYER_PAYS_AND_LEAVES } },
      false, PAYMENT_CAPTURED, ALL, 0 },
    { "payer_refuses", CHALLENGED, false, 1, { { ASK_PAYER, SOON_MS, 0, PAYER_REFUSES } },
      false, PAYMENT_FAILED, 0, 0 },
    { "payer_never_comes", CHALLENGED, false, 1, { { 0 } },
      false, PAYMENT_CANCELLED, 0, 0 },
    { "payer_is_looked_for", CHALLENGED, false, 1,
      { { ASK_PAYER, SOON_MS, 0, PAYER_PAYS_AND_LEAVES }, { ASK_LOOK, 2 * SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, 0 },
    { "late_success", CHALLENGED, false, 1,
      { { ASK_CANCEL, SOON_MS, 0, 0 }, { ASK_PAYER, SOON_MS, 0, PAYER_PAYS } },
      true, PAYMENT_CANCELLED, 0, 0 },
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
