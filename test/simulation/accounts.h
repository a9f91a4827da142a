/* accounts.h - a merchant's accounts at the gateways of a simulated world. */
#ifndef SIMULATION_ACCOUNTS_H
#define SIMULATION_ACCOUNTS_H

#include "core/gateway.h"
#include "core/tenants.h"

/* The default, which the books make themselves, and those over the network. */
enum account_name { ACCOUNT_SANDBOX, ACCOUNT_EPAYMENT_SALE, ACCOUNT_EPAYMENT_HOLD,
                    ACCOUNT_HYPERSWITCH, ACCOUNT_COUNT };

struct account {
    const struct gateway *gateway;
    struct gateway_account row;      /* its texts live as long as the process */
};

#endif
