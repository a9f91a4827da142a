/* gateways.h - every gateway that purser speaks. To add one: gateways/README.md. */
#ifndef GATEWAYS_GATEWAYS_H
#define GATEWAYS_GATEWAYS_H

#include "core/gateway.h"

/* NULL-terminated. */
extern const struct gateway *const gateways[];

/* By its name ("sandbox"); NULL when there is none. */
const struct gateway *gateway_named(struct str name);

extern const struct gateway gateway_epayment, gateway_hyperswitch, gateway_sandbox;

#endif
