/* epay_calls.h - what the bank's calls and pages do, each in the file of its subject.
 *
 * A subject finds out whose payment a call is about; a perform carries it out and replies. */
#ifndef SIM_EPAY_CALLS_H
#define SIM_EPAY_CALLS_H

#include "sim/exchange.h"

void epay_token_subject(struct exchange *exchange);
void epay_token_perform(struct exchange *exchange);
void epay_status_subject(struct exchange *exchange);
void epay_status_by_id_subject(struct exchange *exchange);
void epay_status_perform(struct exchange *exchange);
void epay_operation_subject(struct exchange *exchange);
void epay_charge_perform(struct exchange *exchange);
void epay_cancel_perform(struct exchange *exchange);
void epay_refund_perform(struct exchange *exchange);
void epay_card_subject(struct exchange *exchange);
void epay_card_perform(struct exchange *exchange);
void epay_deactivate_subject(struct exchange *exchange);
void epay_deactivate_perform(struct exchange *exchange);
void epay_pay_perform(struct exchange *exchange); /* POST /sim/pay */
void epay_outsider_perform(struct exchange *exchange); /* POST /sim/outsider */
void epay_script_perform(struct exchange *exchange);
void epay_widget_perform(struct exchange *exchange);
void epay_page_perform(struct exchange *exchange);
void epay_page_act_perform(struct exchange *exchange);

#endif
