/* schedule.h - when to look again at what is not finished. Inside core, and for
 * the store, which closes the tasks about it. */
#ifndef CORE_SCHEDULE_H
#define CORE_SCHEDULE_H

#include "core/turn.h"

/* How long to wait for the next look at an operation that `tries` looks did not end:
 * 5 s, 30 s, 2 min, 10 min, 1 h, 6 h, and from then on 24 h. */
int64_t schedule_unknown_ms(int64_t tries);
/* Looks after which a person is told as well. */
#define SCHEDULE_UNKNOWN_TRIES 7

/* The operation that follows in the same request answers to the same caller. */
void payment_inherit_claim(struct turn *turn, const struct payment *payment, struct id claim);

/* Asks what became of an unknown operation, or sends it again where that is allowed. */
void operation_look(struct turn *turn, struct payment *payment, struct operation *operation);

/* When the reconciler looks: from its authorize on, and anew from each refund on. */
void payment_check_from_now(struct turn *turn, struct payment *payment);
void payment_check_refund(struct turn *turn, struct payment *payment);

/* When the clock has to look at a payment that is authorised or waits for its payer. */
int64_t payment_next_look_ms(const struct turn *turn, const struct payment *payment);

/* Whether an enquiry about the payment itself is not finished. */
bool payment_is_enquired(const struct books *books, const struct payment *payment);

/* Holds the payment against what an enquiry says of its money; corrects its state where they
 * differ (true), reports where only amounts do. */
bool payment_compare(struct turn *turn, struct payment *payment,
                     const struct gateway_answer *answer);

/* A cancel was refused: the wish stands, in payment->cancel_reason, and is tried again as a
 * refused capture is, then once a day, and a person is told. */
void payment_cancel_later(struct turn *turn, struct payment *payment);

/* The gateway was asked about a payment that waits or is authorised: corrections first, and
 * then, if its time is up, its end. */
void payment_end_of_time(struct turn *turn, struct payment *payment,
                         const struct gateway_answer *answer);

#endif
