/* histogram.h - how long many things took, in little memory.
 *
 * Log-linear: 64 steps to each power of two, so that a value is known to 1.6 %. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 64
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 36)

/* Empty when it is all zeros. */
struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count;
    int64_t max_us;
};

void histogram_note(struct histogram *histogram, int64_t us);
/* The value below which that share of them is, 0 to 1. */
double histogram_ms(const struct histogram *histogram, double share);

#endif
