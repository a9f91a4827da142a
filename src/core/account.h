/* account.h - a gateway account's settings, read from its JSON.
 *
 * What is not set has the gateway's default. */
#ifndef CORE_ACCOUNT_H
#define CORE_ACCOUNT_H

#include "core/gateway.h"
#include "core/tenants.h"

struct account_settings {
    enum gateway_capture capture;
    int64_t authorization_ms;        /* "authorization_hours": a reservation is cancelled then */
    int64_t payment_ms;              /* "payment_minutes": an unfinished payment ends; 90 */
    int64_t refund_age_ms;           /* "refund_days": 0 for ever */
    int64_t capture_retry_ms;        /* "capture_retry_minutes": default 60 */
    int64_t capture_tries;           /* "capture_tries": default 96 */
    bool refund_late;                /* "late_success": "refund" gives back what came too late */
    int64_t refund_stuck_ms;         /* "refund_stuck_minutes": default 30 */
    int64_t refund_orphan_ms;        /* "refund_orphan_minutes": without their reference; 5 */
    int64_t list_ms;                 /* "list_days": of what is listed there; default 30; 0 off */
    int64_t settlement_ms;           /* "settlement_days": then money is in a file; default 7 */
    int64_t calls_at_once;           /* "calls_at_once": on the wire together; default 50 */
    int64_t calls_per_minute;        /* "calls_per_minute": 0, the default, for no limit */
    int64_t reference_from;          /* the first where orders are numbered: default 100001 */
    int64_t priority;                /* "priority": place among the routes, 1 first; 0 unset */
    int64_t amount_from, amount_to;  /* what it takes, in minor units of any of */
    const struct json *currencies;   /* these; NULL for all */
};

#define ACCOUNT_PRIORITY_MAX 1000

/* Settings as stored are valid; anything else asserts. */
struct account_settings account_settings(const struct gateway_account *account,
                                         const struct gateway *gateway, struct arena *arena);

/* From what age on an unfinished payment is asked about: "stuck_minutes_" with its method,
 * "stuck_minutes", or 30 minutes. */
int64_t account_stuck_ms(const struct gateway_account *account, enum payment_method method,
                         struct arena *arena);

/* "notification_addresses": CIDR blocks from which the gateway's notifications may come,
 * separated by spaces; empty: from anywhere. Their syntax is the API's to check. */
#define ACCOUNT_ADDRESSES_MAX 50
#define ACCOUNT_ADDRESS_CHARS 49             /* "ffff:...:255.255.255.255/128" */
struct str account_notification_addresses(const struct gateway_account *account,
                                          struct arena *arena);
/* "notification_domains": or from hosts whose name, looked up backwards and confirmed forwards, is
 * one of these or below it; separated by spaces. */
#define ACCOUNT_DOMAINS_MAX 20
#define ACCOUNT_DOMAIN_CHARS 253
struct str account_notification_domains(const struct gateway_account *account,
                                        struct arena *arena);

/* How long a payment waits to be finished: payment_minutes, or the default. `settings` may
 * be NULL. */
#define ACCOUNT_PAYMENT_MINUTES 90
int64_t account_payment_ms(const struct json *settings);

/* Checks what an operator sends, before it is stored, against what is common to all
 * accounts and the gateway's own table: ERR_VALIDATION or ERR_UNKNOWN_MEMBER with the member
 * ("settings.base_url") in `param` and a sentence in `why`. `settings` is NULL for none. */
must_check enum err account_settings_check(const struct gateway *gateway, bool live,
                                           const struct json *settings, struct arena *arena,
                                           struct str *param, struct str *why);

/* The same for credentials ("credentials.api_key"): texts, exactly the members that the gateway
 * needs. No sentence repeats a value. */
#define ACCOUNT_CREDENTIAL_MAX 4096          /* bytes of one member */
must_check enum err account_credentials_check(const struct gateway *gateway,
                                              const struct json *credentials,
                                              struct arena *arena, struct str *param,
                                              struct str *why);

#endif
