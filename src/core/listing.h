/* listing.h - what a gateway says it has: payments and refunds of a window of time, page by page.
 *
 * Windows are of the time of making, which never changes, and end in the past: pages of one
 * window do not shift under the reader. A listing is a hint of where to look: what it says moves
 * no money and no status here. */
#ifndef CORE_LISTING_H
#define CORE_LISTING_H

#include "base/arena.h"
#include "base/err.h"
#include "core/wire.h"

/* X(NAME, text) */
#define GATEWAY_LISTS(X) X(PAYMENTS, "payments") X(REFUNDS, "refunds")
#define X(name, text) GW_LIST_##name,
enum gateway_list { GATEWAY_LISTS(X) GW_LIST_COUNT };
#undef X
const char *gateway_list_text(enum gateway_list list);

struct gateway_list_ask {
    const struct gateway_ask *ask;   /* account, settings, credentials, token; nothing else */
    enum gateway_list list;
    int64_t from_ms, to_ms;          /* made then, both included */
    struct str cursor;               /* next of the page before; empty for the first */
};

struct gateway_listed {
    struct str reference;            /* ours of the authorize or refund; empty: not of our making */
    struct str gateway_reference;    /* theirs, of the payment */
    struct str refund_reference;     /* theirs, of a refund */
    struct money amount;             /* of the refund, or of the payment as it was made */
    bool holds;                      /* money was held, taken, or given back for it */
    bool has_position;               /* of payments */
    int64_t captured_minor;
    int64_t refunded_minor;
    bool refunds_unsaid;             /* as in struct gateway_answer */
    bool released;
    int64_t created_ms;              /* 0: they do not say */
};

#define GATEWAY_PAGE_MAX 1000
struct gateway_list_page {
    struct gateway_listed *items;
    size_t count;                    /* at most GATEWAY_PAGE_MAX */
    struct str next;                 /* empty: that was the last */
};

struct gateway_listing {
    bool lists[GW_LIST_COUNT];
    enum err (*build)(const struct gateway_list_ask *ask, struct arena *arena,
                      struct http_request *out);
    /* ERR_BAD_REPLY when it is no such page: nothing was learnt, and the window stays. An item
     * that cannot be understood makes the page one. */
    enum err (*parse)(const struct gateway_list_ask *ask, const struct http_reply *reply,
                      struct arena *arena, struct gateway_list_page *out);
};

/* What a listed one is. ASK: the books say otherwise, or the listing does not say enough. */
struct payment;
struct refund;
enum listed_is { LISTED_SAME, LISTED_ASK, LISTED_MISSING, LISTED_NOTHING };
/* `payment` and `refund` are what its references lead to, or NULL. */
enum listed_is listing_judge(enum gateway_list list, const struct gateway_listed *listed,
                             const struct payment *payment, const struct refund *refund);

#endif
