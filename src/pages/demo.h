/* demo.h - the demo shop: one button to buy, and the events that a webhook endpoint would get.
 *
 * For whoever tries purser on their own machine; in English only. The events are a frame that
 * renews itself. Works without JavaScript, and has none. */
#ifndef PAGES_DEMO_H
#define PAGES_DEMO_H

#include "base/money.h"

struct demo_event {
    struct str type, object; /* "payment.captured", "pay_..." */
    struct str data;         /* the object in JSON */
    int64_t at_ms;
};

struct demo_page {
    struct money price;
    struct str session, status; /* of whoever comes back; empty: nobody does */
};

#define DEMO_PAGE_MAX ((size_t)512 * 1024)
extern const struct str demo_page_policy; /* Content-Security-Policy of both */
void demo_page_write(struct buf *out, const struct demo_page *page);
/* From new to old. `newest` is the id of the first: the frame asks for what comes after it, and
 * is answered when there is something. */
void demo_events_write(struct buf *out, struct str newest, const struct demo_event *events,
                       size_t count);

#endif
