/* hyper_calls.h - what Hyperswitch's calls and pages do, each in the file of its subject.
 *
 * A subject finds out whose payment a call is about; a perform carries it out and replies. */
#ifndef SIM_HYPER_CALLS_H
#define SIM_HYPER_CALLS_H

#include "sim/exchange.h"

void hyper_create_subject(struct exchange *exchange);
void hyper_create_perform(struct exchange *exchange);
void hyper_payment_subject(struct exchange *exchange);
void hyper_get_perform(struct exchange *exchange);
void hyper_update_perform(struct exchange *exchange);
void hyper_confirm_perform(struct exchange *exchange);
void hyper_capture_perform(struct exchange *exchange);
void hyper_cancel_perform(struct exchange *exchange);
void hyper_refund_subject(struct exchange *exchange);
void hyper_refund_perform(struct exchange *exchange);
void hyper_refund_get_subject(struct exchange *exchange);
void hyper_refund_get_perform(struct exchange *exchange);
void hyper_list_perform(struct exchange *exchange);
void hyper_refund_list_perform(struct exchange *exchange);
void hyper_page_perform(struct exchange *exchange);
void hyper_page_act_perform(struct exchange *exchange);
void hyper_pay_perform(struct exchange *exchange); /* POST /sim/pay */
void hyper_outsider_perform(struct exchange *exchange); /* POST /sim/outsider */

#endif
