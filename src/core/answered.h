/* answered.h - a wire call has ended: the case in hand, for the files that decide it. Inside
 * core only. */
#ifndef CORE_ANSWERED_H
#define CORE_ANSWERED_H

#include "core/record.h"
#include "core/requests.h"

/* The case in hand, so that the steps below need not pass six arguments on. */
struct answered {
    struct turn *turn;
    const struct operation_answer *said;
    struct operation *operation;
    struct payment *payment;
    struct payment_place place;
};

/* An event that the payment's state does not allow is kept as drift, and changes nothing. */
void answered_move_payment(const struct answered *a, enum payment_event event);
/* Returns false when another payment has paid it. */
bool answered_move_invoice(const struct answered *a, enum invoice_event event);
/* The money is ours: the invoice is paid, whatever part of it was captured. */
void answered_captured(const struct answered *a, enum payment_event event, int64_t amount_minor);

/* The operation ended so (answer_ends.c). */
void answered_end_capture(const struct answered *a, enum operation_event verdict);
void answered_end_cancel(const struct answered *a, enum operation_event verdict);
void answered_end_refund(const struct answered *a, enum operation_event verdict);

/* Asked before our own last step was done: what they had then is no news. Money that they took
 * stays taken, so that counts whenever it was asked. */
bool answered_is_outdated(const struct answered *a);

#endif
