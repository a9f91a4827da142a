/* orders.h - what a simulated world's shops sell, and what they ask of the node about it. */
#ifndef SIMULATION_ORDERS_H
#define SIMULATION_ORDERS_H

#include "accounts.h"
#include "base/id.h"
#include "scenario.h"

#define ORDERS_MAX 24
#define REQUESTS_MAX 160

enum request_state { REQUEST_ASKS, REQUEST_WAITS, REQUEST_DONE };

struct request {
    enum request_kind kind;
    enum request_state state;
    size_t order;
    int64_t amount_minor;
    enum payer_way payer;
    struct id key;                       /* of its claim */
    unsigned under_way;                  /* turns of it that are with the node */
    int64_t next_us;                     /* when it is asked (again) */
    unsigned tries, looks;
    unsigned wanted;                     /* times that it is asked however well it goes */
    bool is_told;                        /* that it is in the books, under its key */
    int final_status;                    /* 0: none yet */
    uint64_t final_digest;               /* of the first final answer */
};

struct order {
    int64_t amount_minor;
    enum currency currency;
    const struct account *account;
    enum payment_method method;
    const char *card;                    /* or the gateway's token of one */
    bool manual;
    bool is_known;
    struct checkout_id session;          /* of an order on a page of ours; payment is zero then */
    struct payment_id payment;
};

#endif
