/* challenge.h - the sandbox's 3-D Secure stand-in: the payer confirms a payment, or does not.
 *
 * One page, which works without JavaScript. Its form posts to the page's own address as
 * application/x-www-form-urlencoded: decision=approve or decision=decline. Once decided, the page
 * shows how it stands and a link back. */
#ifndef PAGES_CHALLENGE_H
#define PAGES_CHALLENGE_H

#include "base/money.h"
#include "net/server.h"

enum challenge_page_state {
    CHALLENGE_PAGE_WAITING,
    CHALLENGE_PAGE_CONFIRMED,
    CHALLENGE_PAGE_NOT_CONFIRMED, /* refused by the payer, or called off before */
};

struct challenge_page {
    enum challenge_page_state state;
    struct money amount;
    struct str description; /* may be empty */
    struct str return_url;  /* shown when it is http or https; may be empty */
};

/* Whole HTML documents, text/html; charset=utf-8, at most 16 KiB when the texts are at most 2. */
void challenge_page_write(struct buf *out, const struct challenge_page *page);
/* For a token that nobody gave out; answered with 404. */
void challenge_page_write_wrong_link(struct buf *out);

/* The value of Content-Security-Policy: nothing but the page's own style and form. Browsers
 * hold a form's redirects to it too, so the place where the payer goes back to is let in;
 * `return_url` may be empty. */
void challenge_page_write_policy(struct buf *out, struct str return_url);

/* What the answer needs beside its Content-Type and that policy: nothing kept by caches, and
 * the page's address, which is its key, told to nobody. */
#define CHALLENGE_PAGE_HEADER_COUNT 3
extern const struct http_header challenge_page_headers[CHALLENGE_PAGE_HEADER_COUNT];

#endif
