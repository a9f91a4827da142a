/* page.h - the pages that a payer sees: plain HTML, no script needed. */
#ifndef SIM_PAGE_H
#define SIM_PAGE_H

#include "sim/exchange.h"

struct page_button {
    const char *action, *label;
};

struct page {
    const char *gateway; /* whose page it plays */
    const char *title;
    struct str amount;   /* for people; empty: not shown */
    struct str detail;
    struct page_button buttons[6]; /* ends with a NULL */
    struct str back;     /* a link back to the shop; may be empty */
};

void page_reply(struct exchange *exchange, int status, const struct page *page);
/* 303 to a web address; a page that says `done` when it is none. */
void page_send_back(struct exchange *exchange, struct str url, const struct page *done);

#endif
