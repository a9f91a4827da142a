/* claim.h - an idempotency key in use. */
#ifndef CORE_CLAIM_H
#define CORE_CLAIM_H

#include "base/crypto.h"
#include "core/objects.h"

/* One idempotency key in use. Its answer is an event's data (invoice, sequence), or
 * `body` where no event carries it. */
struct claim {
    enum row_change row;
    struct id key;                /* of merchant, mode and key; see claim_key */
    struct sha256 fingerprint;    /* HMAC of route and body under the installation key */
    struct merchant_id merchant;
    bool live;
    struct invoice_id invoice;    /* zero when the request is about no invoice */
    struct payment_id payment;
    struct refund_id refund;      /* zero unless the request made one */
    struct instrument_id instrument;  /* zero unless it is about one */
    struct checkout_id checkout;  /* zero unless it is about a checkout session */
    int64_t status;               /* HTTP status once answered, 0 before */
    int64_t success_status;       /* what to answer when it ends: 200 or 201 */
    int64_t answer_sequence;      /* the event in the invoice whose data is the answer */
    struct str body;
    int64_t created_ms;
};

/* (merchant, mode, key) -> the claim's primary key. */
struct id claim_key(struct merchant_id merchant, bool live, struct str idempotency_key);
/* The beginning of the claim's key, by which nodes tell each other of it: few share one. */
static inline uint32_t turn_mark_of(struct id claim_key)
{
    const uint8_t *bytes = claim_key.bytes;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

#endif
