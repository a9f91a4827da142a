/* webhook_verify.h - the receiver's side: whether a request that came is ours and as we sent it.
 *
 * For `purser webhook verify`, which tells a developer why a signature does not fit. Every byte
 * that is read here comes from outside. */
#ifndef CORE_WEBHOOK_VERIFY_H
#define CORE_WEBHOOK_VERIFY_H

#include "core/webhook_format.h"

struct webhook_receipt {
    const struct webhook_field *fields;
    size_t field_count;
    struct str body;
};

#define WEBHOOK_RECEIPT_FIELDS_MAX 128
#define WEBHOOK_RECEIPT_MAX ((size_t)384 * 1024)

/* A request as it came: a request line or none, header fields, an empty line, the body, which
 * Content-Length cuts off when it is there; WEBHOOK_RECEIPT_MAX bytes at most.
 * ERR_VALIDATION with a sentence in `why`. */
must_check enum err webhook_receipt_read(struct str text, struct arena *arena,
                                         struct webhook_receipt *out, struct str *why);

/* The bytes of a key that is written as PEM, or as their base64 alone. */
bool webhook_key_der(struct str text, struct arena *arena, struct str *out);

struct webhook_check {
    struct str key;             /* "whsec_...", "whpk_...", a public RSA key as PEM or its base64 */
    struct str header;          /* where stripe-like or hmac-body sign; empty: not asked about */
    int64_t now_ms;
    int64_t tolerance_s;        /* how far its time may be from now; 0: any time is well */
};

/* True when a signature fits; `said` is a sentence either way. */
bool webhook_verify(const struct webhook_receipt *receipt, const struct webhook_check *check,
                    struct arena *arena, struct str *said);

#endif
