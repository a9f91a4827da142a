/* resources.h - what the files of the resources give to the table of routes.
 *
 * *_ask fill in a turn from a request's body (a JSON object, or NULL where the route
 * takes none): input->handler, what it is about, and input->ask, all in the turn's arena.
 * read_* say what is read and written out, reads.h. The others answer by themselves. */
#ifndef API_RESOURCES_H
#define API_RESOURCES_H

#include "api/call.h"
#include "base/json.h"
#include "store/desk.h"

/* Characters of free texts that several requests have. */
#define REFERENCE_MAX 255
#define DESCRIPTION_MAX 1000
#define SHOP_MAX 100

typedef enum err turn_ask_f(struct call *call, const struct json *body, struct desk_turn *turn);

/* payments.c */
turn_ask_f payment_create_ask, payment_confirm_ask, payment_capture_ask, payment_cancel_ask;
extern const struct reading read_payments, read_payment_operations;
/* payment_show.c */
enum err payment_show(struct call *call);
void payment_show_begin(struct api *api); /* when no more has come */
/* refunds.c */
turn_ask_f refund_create_ask;
extern const struct reading read_payment_refunds, read_refund;
/* customers.c, instruments.c */
turn_ask_f customer_create_ask, customer_change_ask, customer_delete_ask, instrument_create_ask,
    instrument_deactivate_ask;
extern const struct reading read_customers, read_customer, read_instruments, read_instrument;
/* invoices.c */
turn_ask_f invoice_create_ask, invoice_cancel_ask, invoice_fulfil_ask;
extern const struct reading read_invoices, read_invoice;
/* events.c */
extern const struct reading read_events, read_event, read_payment_events;
/* gateway_accounts.c */
turn_ask_f gateway_account_create_ask, gateway_account_change_ask;
extern const struct reading read_gateway_accounts, read_gateway_account;
/* NULL when there is none of this name. */
const struct gateway *gateway_of(const struct call *call, struct str name);
/* ERR_VALIDATION about the member `gateway` unless there is one of this name. */
enum err gateway_check_name(struct call *call, struct str name);
/* account_checks.c; `test` is the value of the header CHECK_HEADER */
enum err gateway_account_check(struct call *call);
enum err notification_test(struct call *call, struct str test);
/* api_keys.c */
turn_ask_f api_key_create_ask, api_key_revoke_ask;
struct str api_key_create_show(struct desk_turn *turn);
extern const struct reading read_api_keys;

/* webhook_endpoints.c */
turn_ask_f webhook_endpoint_create_ask, webhook_endpoint_change_ask, webhook_endpoint_delete_ask,
    webhook_endpoint_disable_ask, webhook_endpoint_enable_ask, webhook_endpoint_rotate_ask,
    webhook_endpoint_test_ask;
struct str webhook_endpoint_secret_show(struct desk_turn *turn);
extern const struct reading read_webhook_endpoints, read_webhook_endpoint;
/* webhook_deliveries.c */
turn_ask_f webhook_redeliver_ask;
extern const struct reading read_webhook_deliveries, read_webhook_delivery;
/* webhook_replays.c */
turn_ask_f webhook_replay_create_ask, webhook_replay_pause_ask, webhook_replay_resume_ask,
    webhook_replay_cancel_ask;
extern const struct reading read_webhook_replays, read_webhook_replay;

/* checkouts.c */
turn_ask_f checkout_create_ask, checkout_cancel_ask, checkout_expire_ask;
extern const struct reading read_checkout;
struct str checkout_add_url(const struct call *call, struct str body);
/* "cs_...-" and 32 hexadecimal digits: what stands in the page's address. It is made from the
 * id under the installation's key and kept nowhere. */
void checkout_token_write(const struct api *api, struct checkout_id id, struct buf *out);
/* The id of a session rendered as JSON. */
bool checkout_id_of(struct str body, struct checkout_id *out);
bool checkout_token_read(const struct api *api, struct str token, struct checkout_id *out);
/* demo.c */
enum err demo_show(struct call *call);
enum err demo_buy(struct call *call);
enum err demo_events_show(struct call *call);
/* receipts.c */
enum err receipt_show(struct call *call);
enum err receipt_page_show(struct call *call);
/* checkout_settings.c */
turn_ask_f checkout_settings_change_ask;
extern const struct reading read_checkout_settings;
/* checkout_page.c */
enum err checkout_page_show(struct call *call);
enum err checkout_page_take(struct call *call);
enum err checkout_page_back(struct call *call);
enum err checkout_page_posted_back(struct call *call);
enum err checkout_style_show(struct call *call);

/* findings.c */
turn_ask_f reconciliation_ask, drift_resolve_ask, task_resolve_ask;
extern const struct reading read_audit;
extern const struct reading read_reconciliations, read_reconciliation, read_drifts, read_drift,
    read_tasks, read_task;

/* jobs.c */
turn_ask_f job_pause_ask, job_resume_ask, job_run_ask;
extern const struct reading read_jobs, read_job;

/* notifications.c */
#define NOTIFICATIONS_PATH "/v1/notifications/"
enum err notification_take(struct call *call);

/* challenge.c, problem.c, openapi.c, health.c, metrics.c */
enum err challenge_show(struct call *call);
enum err challenge_decide(struct call *call);
enum err problem_page(struct call *call);
enum err openapi_show(struct call *call);
enum err health_show(struct call *call);
enum err readiness_show(struct call *call);
enum err metrics_show(struct call *call);

#endif
