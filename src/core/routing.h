/* routing.h - which gateway account a payment goes to when its merchant names none. Inside core
 * only.
 *
 * The routes are the enabled accounts that are the default or have a priority, the smallest
 * first; a default without one comes before all of them. An account takes the currencies and
 * amounts of its settings. A payment goes to the first route that takes it. It goes on to the
 * next only when the call to the one before is proven not to have left this node: the payer may
 * have paid there otherwise. */
#ifndef CORE_ROUTING_H
#define CORE_ROUTING_H

#include "core/account.h"
#include "core/turn.h"

bool account_takes(const struct account_settings *settings, struct money amount);

/* The next route that takes the amount after `before`, whatever it takes; NULL begins. NULL
 * when there is none. */
struct gateway_account *route_next(const struct turn *turn, const struct gateway_account *before,
                                   struct money amount);

/* The next that could take over the payment just as it was asked for. */
struct gateway_account *route_elsewhere(const struct turn *turn, const struct payment *payment);

#endif
