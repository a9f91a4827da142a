#include "api/wait.h"

#include <assert.h>

/* By their marks, so that those of a mark are in one bucket. */
static size_t bucket_of(uint32_t mark)
{
    return mark % WAIT_BUCKETS;
}

void waiters_add(struct waiters *waiters, struct waiter *waiter)
{
    struct waiter **bucket = &waiters->buckets[bucket_of(turn_mark_of(waiter->claim_key))];

    assert(!waiter->listed && !id_is_zero(waiter->claim_key));
    waiter->next = *bucket;
    waiter->listed = true;
    *bucket = waiter;
}

void waiters_remove(struct waiters *waiters, struct waiter *waiter)
{
    if (!waiter->listed)
        return;
    struct waiter **at = &waiters->buckets[bucket_of(turn_mark_of(waiter->claim_key))];
    while (*at != waiter) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = waiter->next;
    waiter->listed = false;
}

struct waiter *waiters_marked(const struct waiters *waiters, uint32_t mark,
                              const struct waiter *after)
{
    struct waiter *at = after ? after->next : waiters->buckets[bucket_of(mark)];

    while (at && turn_mark_of(at->claim_key) != mark)
        at = at->next;
    return at;
}

struct waiter *waiters_find(const struct waiters *waiters, struct id claim_key,
                            const struct waiter *after)
{
    uint32_t mark = turn_mark_of(claim_key);
    struct waiter *at = waiters_marked(waiters, mark, after);

    while (at && !id_equal(at->claim_key, claim_key))
        at = waiters_marked(waiters, mark, at);
    return at;
}

/* "wait=10" or "wait = "10"": the seconds; false when it is another preference, or nonsense. */
static bool parse_wait(struct str preference, int64_t *out_s)
{
    size_t equals = str_find_char(preference, '=', 0);
    struct str name = str_trim(str_slice(preference, 0, equals));
    struct str value = str_trim(str_slice(preference, equals + 1, preference.len));

    if (!str_equal_nocase(name, STR("wait")))
        return false;
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = str_slice(value, 1, value.len - 2);
    int64_t seconds = 0;
    if (!str_to_i64(value, &seconds) || seconds < 0)
        return false;
    *out_s = seconds;
    return true;
}

/* With both, the one about time is the more exact wish. */
int64_t prefer_wait_ms(struct str prefer)
{
    struct str preference;
    bool async = false;

    while (str_cut(&prefer, ',', &preference)) {
        int64_t seconds = 0;
        /* What follows a ';' are parameters of the preference; none is known. */
        preference = str_trim(str_slice(preference, 0, str_find_char(preference, ';', 0)));
        if (parse_wait(preference, &seconds))
            return seconds >= WAIT_MAX_MS / 1000 ? WAIT_MAX_MS : seconds * 1000;
        if (str_equal_nocase(preference, STR("respond-async")))
            async = true;
    }
    return async ? 0 : WAIT_DEFAULT_MS;
}
