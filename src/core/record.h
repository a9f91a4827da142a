/* record.h - how handlers write down what they decided: the only ways in which a
 * state changes. Inside core only.
 *
 * Set an object's members first, then move it: the event's data is the object as it
 * is at that moment, and the last event of a turn must show what the row will hold. */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H

#include "core/account.h"
#include "core/requests.h"
#include "core/turn.h"

struct operation_answer;

/* Moves along an edge of the table and records its event. What the table does not
 * list is ERR_CONFLICT and changes nothing. */
must_check enum err payment_move(struct turn *turn, struct payment *payment,
                                 enum payment_event event);
must_check enum err refund_move(struct turn *turn, struct refund *refund, enum refund_event event);
must_check enum err invoice_move(struct turn *turn, enum invoice_event event);
must_check enum err instrument_move(struct turn *turn, struct instrument *instrument,
                                    enum instrument_event event);
must_check enum err checkout_move(struct turn *turn, struct checkout *checkout,
                                  enum checkout_event event);
/* Operations have no events of their own; a move that the table refuses returns false. */
bool operation_move(struct turn *turn, struct operation *operation, enum operation_event event);
/* Where the caller knows that it may be sent: under the turn's run, from now on. */
void operation_send(struct turn *turn, struct operation *operation);

/* New objects in their first state, with their first event. */
struct invoice *invoice_begin(struct turn *turn, struct invoice fields);
struct payment *payment_begin(struct turn *turn, struct payment fields);
struct checkout *checkout_begin(struct turn *turn, struct checkout fields);
struct refund *refund_begin(struct turn *turn, const struct payment *payment,
                            struct refund fields);

/* To be kept with the payment, which names it. */
struct instrument *instrument_begin(struct turn *turn, struct payment *payment);

/* A new operation on the payment, already sending under the turn's run, and the call
 * that will be made after the commit. One that moves money becomes the active one. */
struct operation *operation_begin(struct turn *turn, struct payment *payment,
                                  enum operation_kind kind, int64_t amount_minor,
                                  const struct card *card);
/* The same operation over the wire again, or an enquiry about it. */
void operation_call(struct turn *turn, struct payment *payment, struct operation *operation,
                    enum operation_kind call, const struct card *card);
/* No further work on it. Frees the payment for the next one. */
void operation_close(struct turn *turn, struct payment *payment, struct operation *operation);
/* Our reference at the gateway: of an operation, and of a payment, which is that of its last
 * authorize operation. As committed: a gateway that wants digits gets them after the handler. */
struct str operation_reference(struct arena *arena, const struct operation *operation);
struct str payment_order_reference(struct arena *arena, const struct payment *payment);

/* The drift is the caller's to say more in, until the turn ends. */
struct drift *drift_record(struct turn *turn, const struct payment *payment,
                           struct operation_id operation, enum drift_kind kind,
                           struct str detail);
/* It ended as it was found: our status went where theirs is. */
void drift_follow(struct turn *turn, struct drift *drift);
void task_record(struct turn *turn, const struct payment *payment,
                 const struct operation *operation, enum task_kind kind, struct str detail);

/* The reason of a refund that no merchant asked for: money that came too late. */
#define REFUND_REASON_LATE "late_success"

/* The account of the payment and its gateway, always there for a payment of the books. */
struct payment_place {
    struct gateway_account *account;
    const struct gateway *gateway;
};
struct payment_place payment_place(const struct turn *turn, const struct payment *payment);
/* That account's. They are read out of its JSON, so who needs none does not ask. */
struct account_settings payment_settings(const struct turn *turn, const struct payment *payment);

/* Steps that several handlers take. */
/* Whom it is for, and with what saved card: the merchant's own, or not there. */
must_check enum err payment_check_wallet(struct turn *turn, const struct payment_create *ask);
/* Where it would go: the account that it names, or the first route that can do what is asked. */
must_check enum err payment_find_account(struct turn *turn, const struct payment_create *ask,
                                         struct gateway_account **out);
/* Checked against the invoice, the account and its gateway, and recorded; nothing is sent. */
must_check enum err payment_make(struct turn *turn, const struct payment_create *ask,
                                 struct payment **out);
void payment_authorize(struct turn *turn, struct payment *payment, const struct card *card);
void payment_begin_capture(struct turn *turn, struct payment *payment, int64_t amount_minor);
void payment_begin_cancel(struct turn *turn, struct payment *payment);
struct operation *payment_begin_refund(struct turn *turn, struct payment *payment,
                                       int64_t amount_minor, struct str reason);
/* A wire call of the operation has ended so, or a person says how it ended. */
struct operation_answer;
must_check enum err operation_hear(struct turn *turn, struct operation *operation,
                                   const struct operation_answer *heard);
void payment_end_invoice(struct turn *turn, const struct payment *payment);
/* The money was taken when nobody wanted it any more: by the account's policy it is kept or goes
 * back. Without an active operation. */
void payment_return_late(struct turn *turn, struct payment *payment);
void payment_enquire(struct turn *turn, struct payment *payment);
/* ERR_OPERATION_IN_PROGRESS while something that moves money is not finished. */
must_check enum err payment_must_be_idle(struct turn *turn, const struct payment *payment);

/* The card that the payment saves, or NULL. */
struct instrument *payment_saves(const struct turn *turn, const struct payment *payment);
/* instruments.c: what becomes of it, after the payment moved or the gateway said more. */
void instrument_follow(struct turn *turn, const struct payment *payment);
/* They say by what name they keep the card that the payment saves. */
void instrument_learn(struct turn *turn, const struct payment *payment,
                      const struct operation_answer *said);
/* What they made of forgetting it: only when they did it is it forgotten here. */
void instrument_deactivated(struct turn *turn, const struct payment *payment, bool done,
                            const struct gateway_answer *answer);
/* An earlier try of what they then refused had been done. */
void instrument_found_removed(struct turn *turn, const struct payment *payment,
                              struct operation_id operation);
/* What the payment knows of its card. */
void instrument_take_card(struct instrument *instrument, const struct payment *payment);
/* Whether the card of the payment can be kept, at that account and by that method. */
must_check enum err instrument_check_save(struct turn *turn, const struct gateway *gateway,
                                          enum payment_method method);
/* Whether turn->instrument can be charged by the payer named, if one is. */
must_check enum err instrument_check_charge(struct turn *turn, struct customer_id customer);

/* What a gateway's answer means for the payment (verdict.c). */
void payment_on_authorize(struct turn *turn, struct payment *payment, struct operation *operation,
                          const struct gateway_answer *answer, enum operation_event verdict);
void failure_from_answer(struct failure *failure, const struct gateway_answer *answer);

#endif
