/* scenario.c - the table of small lives. */
#include "scenario.h"

#define PLAIN "4242424242424242"
#define DECLINED "4000000000000002"
#define REFUSED "4000000000000119"
#define CHALLENGED "4000000000003155"
#define UNCAPTURED "4000000000000341"
#define UNREFUNDED "4000000000005126"
#define ALL SCENARIO_AMOUNT
#define SAVED "cus_1:pm_2"
#define SOON_MS 1000
#define AT_BANK ACCOUNT_SANDBOX, false, false
#define AT_HYPERSWITCH ACCOUNT_HYPERSWITCH, false, false
#define AT_EPAYMENT ACCOUNT_EPAYMENT_SALE, false, false
#define AT_EPAYMENT_HELD ACCOUNT_EPAYMENT_HOLD, false, false
#define ON_OUR_PAGE ACCOUNT_SANDBOX, false, true
#define AND_WEBHOOKS ACCOUNT_SANDBOX, true, false

/* Name, card, whether it is captured by hand, times, steps, race, the end, captured, refunded. */
const struct scenario scenarios[] = {
    { "create", PLAIN, false, 1, { { 0 } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_BANK },
    { "create_declined", DECLINED, false, 1, { { 0 } },
      false, PAYMENT_FAILED, 0, 0, AT_BANK },
    { "create_refused", REFUSED, false, 1, { { 0 } },
      false, PAYMENT_FAILED, 0, 0, AT_BANK },
    { "create_twice", PLAIN, false, 2, { { 0 } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_BANK },
    { "capture", PLAIN, true, 1, { { ASK_CAPTURE, SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_BANK },
    { "capture_part", PLAIN, true, 1, { { ASK_CAPTURE, SOON_MS, 4000, 0 } },
      false, PAYMENT_CAPTURED, 4000, 0, AT_BANK },
    { "captures_at_once", PLAIN, true, 1,
      { { ASK_CAPTURE, SOON_MS, 4000, 0 }, { ASK_CAPTURE, SOON_MS, 4000, 0 } },
      false, PAYMENT_CAPTURED, 4000, 0, AT_BANK },
    { "capture_refused", UNCAPTURED, false, 1, { { ASK_CANCEL, SOON_MS, 0, 0 } },
      false, PAYMENT_CANCELLED, 0, 0, AT_BANK },
    { "expiry", PLAIN, true, 1, { { 0 } },
      false, PAYMENT_CANCELLED, 0, 0, AT_BANK },
    { "cancel", PLAIN, true, 1, { { ASK_CANCEL, SOON_MS, 0, 0 } },
      false, PAYMENT_CANCELLED, 0, 0, AT_BANK },
    { "capture_and_cancel", PLAIN, true, 1,
      { { ASK_CANCEL, SOON_MS, 0, 0 }, { ASK_CAPTURE, SOON_MS, 0, 0 } },
      true, PAYMENT_CANCELLED, 0, 0, AT_BANK },
    { "refund", PLAIN, false, 1, { { ASK_REFUND, SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, ALL, AT_BANK },
    { "refund_twice", PLAIN, false, 2, { { ASK_REFUND, SOON_MS, 4000, 0 } },
      false, PAYMENT_CAPTURED, ALL, 4000, AT_BANK },
    { "refund_refused", UNREFUNDED, false, 1, { { ASK_REFUND, SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_BANK },
    { "refunds_in_parts", PLAIN, false, 1,
      { { ASK_REFUND, SOON_MS, 2000, 0 }, { ASK_REFUND, 2 * SOON_MS, 3000, 0 },
        { ASK_REFUND, 3 * SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, ALL, AT_BANK },
    { "refunds_at_once", PLAIN, false, 1,
      { { ASK_REFUND, SOON_MS, 6000, 0 }, { ASK_REFUND, SOON_MS, 6000, 0 } },
      false, PAYMENT_CAPTURED, ALL, 6000, AT_BANK },
    { "payer_pays", CHALLENGED, false, 1, { { ASK_PAYER, SOON_MS, 0, PAYER_PAYS } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_BANK },
    { "payer_leaves", CHALLENGED, false, 1, { { ASK_PAYER, SOON_MS, 0, PAYER_PAYS_AND_LEAVES } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_BANK },
    { "payer_refuses", CHALLENGED, false, 1, { { ASK_PAYER, SOON_MS, 0, PAYER_REFUSES } },
      false, PAYMENT_FAILED, 0, 0, AT_BANK },
    { "payer_never_comes", CHALLENGED, false, 1, { { 0 } },
      false, PAYMENT_CANCELLED, 0, 0, AT_BANK },
    { "payer_is_looked_for", CHALLENGED, false, 1,
      { { ASK_PAYER, SOON_MS, 0, PAYER_PAYS_AND_LEAVES }, { ASK_LOOK, 2 * SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_BANK },
    { "late_success", CHALLENGED, false, 1,
      { { ASK_CANCEL, SOON_MS, 0, 0 }, { ASK_PAYER, SOON_MS, 0, PAYER_PAYS } },
      true, PAYMENT_CANCELLED, 0, 0, AT_BANK },
    { "webhooks", PLAIN, false, 1, { { ASK_REFUND, SOON_MS, 4000, 0 } },
      false, PAYMENT_CAPTURED, ALL, 4000, AND_WEBHOOKS },
    { "checkout", PLAIN, false, 1, { { ASK_PRESS, SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, 0, ON_OUR_PAGE },
    { "checkout_pressed_twice", PLAIN, false, 1,
      { { ASK_PRESS, SOON_MS, 0, 0 }, { ASK_PRESS, SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, 0, ON_OUR_PAGE },
    { "checkout_declined", DECLINED, false, 1, { { ASK_PRESS, SOON_MS, 0, 0 } },
      false, PAYMENT_FAILED, 0, 0, ON_OUR_PAGE },
    /* Learned from their notification, for the payer does not come back. */
    { "notification", NULL, false, 1, { { ASK_PAYER, SOON_MS, 0, PAYER_PAYS_AND_LEAVES } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_HYPERSWITCH },
    { "notification_of_refusal", NULL, false, 1, { { ASK_PAYER, SOON_MS, 0, PAYER_REFUSES } },
      false, PAYMENT_FAILED, 0, 0, AT_HYPERSWITCH },
    { "saved_card", SAVED, false, 1, { { 0 } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_HYPERSWITCH },
    { "saved_card_capture", SAVED, true, 1, { { ASK_CAPTURE, SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_HYPERSWITCH },
    { "saved_card_cancel", SAVED, true, 1, { { ASK_CANCEL, SOON_MS, 0, 0 } },
      false, PAYMENT_CANCELLED, 0, 0, AT_HYPERSWITCH },
    { "saved_card_refunds", SAVED, false, 1,
      { { ASK_REFUND, SOON_MS, 4000, 0 }, { ASK_REFUND, SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, ALL, AT_HYPERSWITCH },
    { "page_of_the_bank", NULL, false, 1, { { ASK_PAYER, SOON_MS, 0, PAYER_PAYS } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_EPAYMENT },
    { "page_held_and_charged", NULL, true, 1,
      { { ASK_PAYER, SOON_MS, 0, PAYER_PAYS }, { ASK_CAPTURE, 9 * SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, 0, AT_EPAYMENT_HELD },
    { "page_held_and_cancelled", NULL, true, 1,
      { { ASK_PAYER, SOON_MS, 0, PAYER_PAYS }, { ASK_CANCEL, 9 * SOON_MS, 0, 0 } },
      false, PAYMENT_CANCELLED, 0, 0, AT_EPAYMENT_HELD },
    { "page_refunded", NULL, false, 1,
      { { ASK_PAYER, SOON_MS, 0, PAYER_PAYS }, { ASK_REFUND, 9 * SOON_MS, 0, 0 } },
      false, PAYMENT_CAPTURED, ALL, ALL, AT_EPAYMENT },
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
