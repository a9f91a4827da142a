/* checkout.h - the payer's page: what it shows in each state of a checkout session.
 *
 * Whole HTML documents, which work in any browser and have no script but a gateway's that gives no
 * other way. Forms are posted to the page's own address as application/x-www-form-urlencoded. Their
 * fields: form (proves that the page was shown), do=review, do=pay or do=leave; with review
 * number, expiry, cvc and name of a card, and with pay the card that was reviewed, as `card`
 * gave it; with both save=yes of payers who let it be kept. */
#ifndef PAGES_CHECKOUT_H
#define PAGES_CHECKOUT_H

#include "base/err.h"
#include "base/money.h"
#include "core/gateway.h"
#include "net/server.h"

enum checkout_view {
    CHECKOUT_VIEW_CARD,      /* the sandbox's card form */
    CHECKOUT_VIEW_CONFIRM,   /* what will be paid and how, and the button that does it */
    CHECKOUT_VIEW_GATEWAY,   /* one button: the payer goes to the gateway's page */
    CHECKOUT_VIEW_BANK,      /* the payer must act elsewhere */
    CHECKOUT_VIEW_WIDGET,    /* a script of the gateway's leads to its page */
    CHECKOUT_VIEW_WAITING,
    CHECKOUT_VIEW_CHECKING,  /* waits for long: the outcome is not known */
    CHECKOUT_VIEW_PAID,
    CHECKOUT_VIEW_RESERVED,
    CHECKOUT_VIEW_CANCELLED,
    CHECKOUT_VIEW_EXPIRED,
    CHECKOUT_VIEW_RECEIPT,
    CHECKOUT_VIEW_WRONG,
    CHECKOUT_VIEW_AWAY,      /* what was pressed could not be done */
    CHECKOUT_VIEW_BUSY,      /* too many requests from there */
};

/* What is wrong with the form that was sent; bits. */
enum checkout_fault {
    CHECKOUT_FAULT_NUMBER = 1,
    CHECKOUT_FAULT_EXPIRY = 2,
    CHECKOUT_FAULT_CODE = 4,
    CHECKOUT_FAULT_NAME = 8,
};

/* What was paid, and what went back. */
struct receipt_refund {
    struct money amount;
    int64_t at_ms;
};
struct receipt {
    struct str number;
    struct str reference;    /* the merchant's; may be empty */
    int64_t paid_ms;
    int64_t captured_minor, refunded_minor;
    const struct receipt_refund *refunds;
    size_t refund_count;
};

struct checkout_page {
    enum checkout_view view;
    struct str language;     /* one of the page's own; others are English */
    bool live;
    bool declined;           /* the attempt before was */
    unsigned faults;
    struct money amount;
    struct str shop, description;
    struct str merchant;     /* the name to show; may be empty */
    struct str logo;         /* a PNG in base64; may be empty */
    struct str colour;       /* "#rrggbb" of the button; may be empty */
    struct str nonce;        /* of this answer: its style and scripts, and no others, count */
    struct str form;         /* goes back with the form */
    bool asks_to_save;       /* whether the card may be kept: a box that is empty at first */
    bool save;               /* the payer ticked it */
    struct str card;         /* likewise, of CHECKOUT_VIEW_CONFIRM */
    struct str reference;    /* of the payment, once there is one */
    struct str card_brand, card_last4;
    struct str bank_url;     /* of CHECKOUT_VIEW_BANK, and of WAITING for those who came back */
    struct str back_url;     /* at an end; may be empty */
    const struct gateway_page *widget; /* of CHECKOUT_VIEW_WIDGET; NULL: they cannot be reached */
    struct str receipt_path; /* of CHECKOUT_VIEW_PAID; may be empty */
    const struct receipt *receipt; /* of CHECKOUT_VIEW_RECEIPT */
    struct str here;         /* "?" or "?more": addresses of a page that waits begin so */
    bool still;              /* it does not change by itself */
    int64_t expires_ms;
};

#define CHECKOUT_PAGE_MAX ((size_t)64 * 1024)
void checkout_page_write(struct buf *out, const struct checkout_page *page);

/* The page of CHECKOUT_VIEW_RECEIPT as a PDF, set in the font of that file: ERR_IO when it cannot
 * be used. Texts are cut to the width of the sheet. */
must_check enum err receipt_write_pdf(struct buf *out, const struct checkout_page *page,
                                      const char *font_path);

/* The code of the first language that the page speaks of "fr-CA, en;q=0.5"; "en" for none.
 * What was wished for in `language`, when it is one, goes before. */
struct str checkout_page_language(struct str language, struct str accept_language);
bool checkout_page_speaks(struct str language);

/* 1250 EUR -> "12,50 EUR" as the language writes it. */
void checkout_page_write_amount(struct buf *out, struct money amount, struct str language);

/* In each page of a payer; the demo shop links it. */
#define CHECKOUT_STYLE_PATH "/pages/checkout.css"
extern const struct str checkout_page_style;
/* The value of Content-Security-Policy. */
void checkout_page_write_policy(struct buf *out, const struct checkout_page *page);

#endif
