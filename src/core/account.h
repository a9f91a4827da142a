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
};

/* Settings as stored are valid; anything else asserts. */
struct account_settings account_settings(const struct gateway_account *account,
                                         const struct gateway *gateway, struct arena *arena);

/* Checks what an operator sends, before it is stored: ERR_VALIDATION or
 * ERR_UNKNOWN_MEMBER with the member in `param` and a sentence in `why`. */
struct json;
must_check enum err account_settings_check(const struct json *settings, struct arena *arena,
                                           struct str *param, struct str *why);

#endif
