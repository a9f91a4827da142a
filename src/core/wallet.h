/* wallet.h - payers whom a merchant knows, and the cards of theirs that a gateway keeps.
 *
 * An instrument hangs on the payment that it was kept with, or on the verification, which is a
 * payment of nothing: its operations and events are in the books of that payment's invoice. Rows
 * as in objects.h. */
#ifndef CORE_WALLET_H
#define CORE_WALLET_H

#include "base/list.h"
#include "core/objects.h"

struct customer {
    enum row_change row;
    struct customer_id id;
    struct merchant_id merchant;
    bool live;
    struct str reference;         /* the merchant's */
    struct str name;
    struct str email;
    struct str phone;
    struct str description;
    struct str metadata;          /* a JSON object as text, or empty */
    int64_t created_ms;
    int64_t updated_ms;
    int64_t deleted_ms;           /* 0: not; from then on nothing personal is in the row */
};
LIST_TYPE(customer_list, struct customer)

struct instrument {
    enum row_change row;
    struct instrument_id id;
    struct invoice_id invoice;    /* of the payment: whose books it is in */
    struct payment_id payment;    /* that it is kept with */
    struct customer_id customer;
    struct merchant_id merchant;
    bool live;
    struct gateway_account_id gateway_account;
    struct str gateway;
    enum instrument_state status;
    struct str token;             /* the gateway's word for it, sealed; empty until known, and
                                     once it is removed */
    struct str card_brand;
    struct str card_last4;
    int64_t card_exp_month;       /* 0: the gateway does not say */
    int64_t card_exp_year;
    enum next_action action;      /* of its verification, while the payer must act */
    struct str action_url;
    struct failure failure;
    int64_t created_ms;
    int64_t updated_ms;
};
LIST_TYPE(instrument_list, struct instrument)

#endif
