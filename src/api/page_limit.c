#include "api/page_limit.h"

#include <assert.h>

#include "api/address.h"
#include "api/call.h"
#include "base/crypto.h"

#define BUCKETS 4096
#define MINUTE_US INT64_C(60000000)

/* What was taken is counted in time: the moment at which the bucket would be full again. */
struct page_limit {
    const struct outside *outside;
    unsigned per_minute; /* 0: no limit */
    uint8_t seed[16];    /* nobody outside knows who shares a bucket */
    int64_t full_us[BUCKETS];
};

struct page_limit *page_limit_new(const struct outside *outside, unsigned per_minute)
{
    struct page_limit *limit = mem_alloc(sizeof *limit);

    limit->outside = outside;
    limit->per_minute = per_minute;
    outside_random(outside, limit->seed, sizeof limit->seed);
    return limit;
}

void page_limit_free(struct page_limit *limit)
{
    mem_free(limit);
}

static size_t bucket_of(const struct page_limit *limit, struct str peer)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    struct address address = { 0 };
    size_t kept = 8;

    if (address_parse(peer, &address) && crypto_equal(address.bytes, mapped, sizeof mapped))
        kept = sizeof address.bytes;
    struct str piece = str_make((const char *)address.bytes, kept);
    struct sha256 hash =
        crypto_hmac_sha256(str_make((const char *)limit->seed, sizeof limit->seed), &piece, 1);
    return ((size_t)hash.bytes[0] << 8 | hash.bytes[1]) % BUCKETS;
}

int64_t page_limit_take(struct page_limit *limit, const struct call *call, unsigned cost)
{
    if (limit->per_minute == 0)
        return 0;
    int64_t now_us = outside_monotonic_us(limit->outside);
    int64_t cost_us = MINUTE_US * cost / limit->per_minute;
    int64_t *full_us = &limit->full_us[bucket_of(limit, call_peer(call))];
    int64_t at_us = *full_us > now_us ? *full_us : now_us;

    /* One that costs more than a whole bucket passes when the bucket is full. */
    if (at_us > now_us && at_us + cost_us - now_us > MINUTE_US)
        return (at_us + cost_us - now_us - MINUTE_US) / 1000000 + 1;
    *full_us = at_us + cost_us;
    return 0;
}
