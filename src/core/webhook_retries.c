/* webhook_retries.c - whether a try was well, and when the next one is. */
#include <assert.h>

#include "base/time.h"
#include "core/webhook_rules.h"

#define RETRIES_MAX 40

struct profile {
    int64_t jitter;              /* per cent, both ways */
    int64_t delays_s[RETRIES_MAX];
};

static const struct profile profiles[RETRIES_COUNT] = {
#define X(name, text, jitter, ...) [RETRIES_##name] = { jitter, { __VA_ARGS__ } },
    WEBHOOK_RETRIES(X)
#undef X
};

bool webhook_is_success(const struct webhook_endpoint *endpoint, int64_t http_status)
{
    if (endpoint->success == SUCCESS_ONLY_200)
        return http_status == 200;
    return http_status >= 200 && http_status <= 299;
}

int64_t webhook_retry_ms(enum webhook_retries retries, int64_t tries, struct id delivery)
{
    assert(retries > RETRIES_UNSAID && retries < RETRIES_COUNT && tries > 0);
    const struct profile *profile = &profiles[retries];
    if (tries > RETRIES_MAX || profile->delays_s[tries - 1] == 0)
        return 0;
    int64_t delay_ms = profile->delays_s[tries - 1] * SECOND_MS;
    char number = (char)tries;
    struct str seed = str_make((const char *)delivery.bytes, sizeof delivery.bytes);
    struct sha256 hash = crypto_hmac_sha256_plain(str_make(&number, 1), seed);
    int64_t random = (int64_t)hash.bytes[0] << 8 | hash.bytes[1];       /* 0..65535 */
    int64_t spread_ms = delay_ms * profile->jitter / 100;
    return delay_ms - spread_ms + 2 * spread_ms * random / 65535;
}
