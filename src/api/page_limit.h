/* page_limit.h - how often one address may come to payers' pages.
 *
 * A bucket for each of the addresses seen lately, filled steadily and emptied by what they ask
 * for. Memory is fixed: two addresses may fall into one bucket, and share it then. Of IPv6 the
 * first 64 bits count: who has one address there has them all. Behind a proxy all payers have
 * its address; then the proxy has to limit them. */
#ifndef API_PAGE_LIMIT_H
#define API_PAGE_LIMIT_H

#include <stdint.h>

#include "base/outside.h"

struct call;
struct page_limit;

struct page_limit *page_limit_new(const struct outside *outside, unsigned per_minute);
void page_limit_free(struct page_limit *limit); /* accepts NULL */

/* Takes `cost` out of the bucket of whoever calls: 0, or the seconds after which there is
 * enough in it again, and nothing is taken. */
int64_t page_limit_take(struct page_limit *limit, const struct call *call, unsigned cost);

#endif
