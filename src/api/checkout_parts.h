/* checkout_parts.h - a visit to the payer's page: what checkout_page.c, which leads it,
 * checkout_show.c, which shows it, and checkout_form.c, which takes what was pressed, share. */
#ifndef API_CHECKOUT_PARTS_H
#define API_CHECKOUT_PARTS_H

#include "api/card.h"
#include "api/resources.h"
#include "core/checkout.h"
#include "core/checkout_settings.h"
#include "pages/checkout.h"

/* In the query: of those who come back from the bank; of a page that is answered when there is
 * something new to show; of a page that does not change by itself. */
#define CHECKOUT_RETURNED "returned"
#define CHECKOUT_WAIT "wait"
#define CHECKOUT_STILL "still"
#define CHECKOUT_HELD_US (25 * SECOND_MS * 1000) /* proxies wait for 30 seconds and more */
#define CHECKOUT_COOKIE "purser_checkout"

struct visit {
    struct call *call;
    struct server_timer timer;
    struct checkout_id id;
    bool posted;
    bool returned;               /* from the bank or the gateway: its page may be stale */
    bool held;                   /* answered when there is news, or after a while */
    bool still;
    int64_t asked_us;            /* when this visit asked the gateway; 0: not yet */
    /* From the reader, in the read's arena. */
    enum err err;
    bool is_old;                 /* what we know of the attempt */
    struct checkout *checkout;
    struct invoice *invoice;
    struct payment *payment;     /* the last attempt, or NULL */
    struct gateway_account *account;
    struct checkout_settings *settings;      /* or NULL */
    bool knows_customer;         /* and may keep a card for them: not deleted meanwhile */
    struct desk_page *page;      /* to be made: the attempt waits for a script of the gateway's */
    struct desk_read *read;      /* kept while that is made */
    const struct gateway_page *widget;
    /* From the form. */
    unsigned faults;
    struct str card;             /* reviewed and sealed: what is shown asks to confirm it */
    struct str card_last4;
    bool save;                   /* the payer ticked the box */
};

/* checkout_page.c */
bool checkout_query_has(struct str query, struct str word);
/* What a right cookie of ours among them says, and whose it is; empty without one. */
struct str checkout_cookie_token(const struct api *api, struct str cookies,
                                 struct checkout_id *out);
/* False: answered, this address has come too often. A wrong token costs more than a right one. */
bool checkout_may_come(struct call *call, bool right);

/* checkout_show.c */
void checkout_show(struct visit *visit);
enum checkout_view checkout_view_of(const struct visit *visit);
struct str checkout_language_of(const struct visit *visit);
struct str checkout_address(struct call *call, const char *path, struct str rest);
struct str checkout_id_text(struct call *call, struct checkout_id id);
void checkout_send_to(struct call *call, struct str address);
/* To the page as it stands now. */
void checkout_send_to_page(struct call *call, struct str token);
void checkout_answer_wrong(struct call *call);
void checkout_answer_page(struct call *call, int status, struct checkout_page *page);
/* `settings` may be NULL. */
void checkout_fill_look(const struct checkout_settings *settings, struct checkout_page *page);
/* The token as a cookie that only the way back gets. */
void checkout_add_cookie(struct visit *visit);
struct str checkout_back_address(const struct visit *visit);
/* What proves that this page, as it was after so many attempts, was shown. */
struct str checkout_form_proof(const struct visit *visit);
/* Whether the page takes a card itself: the sandbox's, in test mode. */
bool checkout_takes_cards(const struct visit *visit);


/* checkout_card.c: a card between the page that took it and the page that confirms it. It is in
 * nobody's memory then but the payer's browser's, sealed for this session and this attempt. A build
 * without the sandbox's form has checkout_card_none.c: no field, nothing to seal or open. */
struct card_form {
    struct str number, expiry, cvc, name;
};
/* Where the value of the field of that name goes; NULL: it is none of the form's. */
struct str *checkout_card_field(struct card_form *form, struct str name);
/* False when something is wrong with it: visit->faults then. Else visit->card. */
bool checkout_card_seal(struct visit *visit, const struct card_form *form, struct arena *arena);
/* False when it is not what was sealed here, or too old. The card is the caller's to end. */
bool checkout_card_open(const struct visit *visit, struct str sealed, struct arena *arena,
                        struct card_given *out);

/* Whether the payer is asked if the card may be kept. */
bool checkout_asks_to_save(const struct visit *visit);

/* checkout_form.c */
struct pressed {
    struct str deed, form, card, website, save;
    struct card_form fields;
};
/* The last of a name counts; what it does not know it leaves. ERR_MALFORMED_REQUEST. */
must_check enum err checkout_read_form(struct str body, struct arena *arena, struct pressed *out);
must_check enum err checkout_take(struct visit *visit);

#endif
