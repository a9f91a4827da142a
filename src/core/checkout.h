/* checkout.h - checkout sessions: the payer's page of an invoice, and its attempts to pay it.
 *
 * A session is written with its invoice's books and by their turns. It has at most one attempt
 * under way: a payment of the invoice, which it follows (checkout_follow). The address of its
 * page is made from its id and the installation's key and is kept nowhere. */
#ifndef CORE_CHECKOUT_H
#define CORE_CHECKOUT_H

#include "base/arena.h"
#include "base/list.h"
#include "core/gateway.h"
#include "core/objects.h"
#include "core/words.h"

#define CHECKOUT_MINUTES 90
#define CHECKOUT_MINUTES_MOST (30 * 24 * 60)

struct checkout {
    enum row_change row;
    struct checkout_id id;
    struct invoice_id invoice;
    struct merchant_id merchant;
    bool live;
    enum checkout_state status;
    bool own_invoice;             /* made for it, and cancelled with it */
    struct gateway_account_id gateway_account;
    enum capture_method capture_method;
    struct str language;          /* "en"; empty: as the payer's browser asks */
    struct str customer_email;
    struct customer_id customer;  /* who pays; zero: not said */
    bool save_card;               /* the payer is asked whether it may be kept for the customer */
    struct str return_url;        /* where the payer goes at the end */
    struct str cancel_url;        /* empty: return_url */
    struct payment_id payment;    /* the last attempt, or what paid it; zero */
    int64_t attempts;
    int64_t version;              /* counts its events */
    int64_t created_ms;
    int64_t updated_ms;
    int64_t expires_ms;
    int64_t due_ms;               /* when the clock has to look at it; 0 never */
};
LIST_TYPE(checkout_list, struct checkout)

struct turn;
struct turn_handler;
struct card;

/* Whether the page's own form may take a card for it. */
bool checkout_page_takes_card(const struct gateway *gateway);

/* The customer is the turn's. */
struct checkout_create {
    bool card_form;               /* the page has one of its own (pages/card_form.h) */
    bool has_amount;              /* as when no invoice is named */
    struct money amount;
    enum capture_method capture_method;
    struct gateway_account_id gateway_account;
    int64_t expires_ms;           /* how long it is open */
    struct str reference, description, shop, customer_email, metadata;
    struct str language, return_url, cancel_url;
    bool save_card;
};

/* The payer presses the button. A second press, of whichever copy of the page, finds another
 * number of attempts and changes nothing. */
struct checkout_pay {
    struct checkout_id id;
    int64_t attempts;             /* as the page showed them */
    const struct card *card;      /* NULL: on the gateway's page */
    struct str card_brand, card_last4;
    bool save_card;               /* the payer has said yes to what the session asks */
    struct str return_url;        /* where the gateway sends the payer back to: a page of ours */
};

/* The payer turns back. */
struct checkout_leave {
    struct checkout_id id;
};

extern const struct turn_handler turn_checkout_create, turn_checkout_cancel, turn_checkout_expire,
    turn_checkout_pay, turn_checkout_leave, turn_checkout_due;

/* The payment has moved: its session follows. */
void checkout_follow(struct turn *turn, const struct payment *payment);

/* The object of the API, without the address of its page. */
struct str render_checkout_text(struct arena *arena, const struct checkout *checkout,
                                const struct invoice *invoice);

#endif
