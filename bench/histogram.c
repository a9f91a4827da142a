/* histogram.c - see histogram.h */
#include "histogram.h"

#include <stddef.h>

static size_t bucket_of(int64_t us)
{
    uint64_t value = us > 0 ? (uint64_t)us : 0;
    if (value < HISTOGRAM_STEPS)
        return (size_t)value;
    unsigned shift = 63U - (unsigned)__builtin_clzll(value) - 5U;
    size_t place = (size_t)shift * (HISTOGRAM_STEPS / 2) + (size_t)(value >> shift);
    return place < HISTOGRAM_BUCKETS ? place : HISTOGRAM_BUCKETS - 1;
}

/* The middle of the values that fall into it. */
static double bucket_ms(size_t bucket)
{
    if (bucket < HISTOGRAM_STEPS)
        return (double)bucket / 1000;
    size_t shift = bucket / (HISTOGRAM_STEPS / 2) - 1;
    uint64_t low = (uint64_t)(bucket - shift * (HISTOGRAM_STEPS / 2)) << shift;
    return ((double)low + (double)((uint64_t)1 << shift) / 2) / 1000;
}

void histogram_note(struct histogram *histogram, int64_t us)
{
    histogram->buckets[bucket_of(us)]++;
    histogram->count++;
    if (us > histogram->max_us)
        histogram->max_us = us;
}

double histogram_ms(const struct histogram *histogram, double share)
{
    uint64_t below = 0, wanted = (uint64_t)((double)histogram->count * share);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += histogram->buckets[i];
        if (below > wanted)
            return bucket_ms(i);
    }
    return (double)histogram->max_us / 1000;
}
