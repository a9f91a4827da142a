/* paging.h - cursors: where the next page begins, for whom, and with which filters. */
#ifndef API_PAGING_H
#define API_PAGING_H

#include "api/reads.h"

/* Fills in place and filters of a page whose limit and cursor were read.
 * ERR_INVALID_CURSOR when the cursor is not one of ours, or of another query. */
must_check enum err page_begin(struct call *call, struct page *page);

/* 48 characters. Any thread. */
void cursor_write(struct buf *out, const struct call *call, const struct page *page,
                  struct id last);

#endif
