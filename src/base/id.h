/* id.h - identifiers: a UUIDv7 in the books, a TypeID in the API.
 *
 * In text an id is `pay_01h455vb4pex5vsknk084sn02q`: a prefix that tells its kind,
 * and the 128 bits in lower-case Crockford base32 (TypeID specification 0.3). In
 * C each kind has a type of its own, so that a refund's id cannot be passed for a
 * payment's. The bytes order by time of making. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/outside.h"
#include "base/str.h"

/* X(kind, prefix) */
#define ID_KINDS(X)                                                                  \
    X(merchant, "mer") X(api_key, "key") X(gateway_account, "ga") X(invoice, "inv")  \
    X(payment, "pay") X(operation, "op") X(refund, "ref") X(event, "evt")            \
    X(customer, "cus") X(instrument, "ins")                                          \
    X(request, "req") X(run, "run") X(drift, "drf") X(task, "tsk")                   \
    X(reconciliation, "rec") X(settlement, "stl")                                    \
    X(notice, "ntc") X(webhook_endpoint, "we") X(webhook_key, "wk")                  \
    X(webhook_message, "wm") X(webhook_delivery, "whd") X(checkout, "cs") \
    X(webhook_replay, "whr")

struct id {
    uint8_t bytes[16];
};

#define ID_TEXT_SUFFIX_LEN 26
#define ID_TEXT_MAX 96              /* room for any TypeID and a NUL */

/* UUIDv7 (RFC 9562): 48 bits of time, then randomness. Ids made by one maker in
 * one millisecond still increase: the 12 bits after the time count up. */
struct id_maker {
    const struct outside *outside;
    int64_t last_ms;
    unsigned count;
};
struct id id_make(struct id_maker *maker, int64_t now_ms);

/* Inline: asked so often that the calls would cost more than the work. */
static inline int id_compare(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes);
}

static inline bool id_equal(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

static inline bool id_is_zero(struct id id)
{
    return id_equal(id, (struct id){ { 0 } });
}

int64_t id_time_ms(struct id id);
/* The least id that one made then can be. */
struct id id_first_at(int64_t time_ms);

/* General TypeID text; the prefix may be empty. id_parse is strict: exactly this
 * prefix, lower case, 26 characters, no value beyond 128 bits. */
void id_write(struct buf *out, const char *prefix, struct id id);
bool id_parse(struct str text, const char *prefix, struct id *out);
/* Any well-formed TypeID: splits it into prefix and id. */
bool id_parse_any(struct str text, struct str *prefix, struct id *out);

/* For each kind: struct payment_id { struct id id; }, payment_id_make, payment_id_write,
 * payment_id_parse, payment_id_equal, payment_id_is_zero. */
#define X(kind, prefix)                                                                        \
    struct kind##_id {                                                                         \
        struct id id;                                                                          \
    };                                                                                         \
    static inline struct kind##_id kind##_id_make(struct id_maker *maker, int64_t now_ms)      \
    {                                                                                          \
        return (struct kind##_id){ id_make(maker, now_ms) };                                   \
    }                                                                                          \
    static inline void kind##_id_write(struct buf *out, struct kind##_id id)                   \
    {                                                                                          \
        id_write(out, prefix, id.id);                                                          \
    }                                                                                          \
    static inline bool kind##_id_parse(struct str text, struct kind##_id *out)                 \
    {                                                                                          \
        return id_parse(text, prefix, &out->id);                                               \
    }                                                                                          \
    static inline bool kind##_id_equal(struct kind##_id a, struct kind##_id b)                 \
    {                                                                                          \
        return id_equal(a.id, b.id);                                                           \
    }                                                                                          \
    static inline bool kind##_id_is_zero(struct kind##_id id)                                  \
    {                                                                                          \
        return id_is_zero(id.id);                                                              \
    }
ID_KINDS(X)
#undef X

#endif
