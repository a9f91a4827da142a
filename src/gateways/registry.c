/* registry.c - the list of gateways: one line each. */
#include "gateways/gateways.h"

const struct gateway *const gateways[] = {
    &gateway_sandbox,
    &gateway_epayment,
    &gateway_hyperswitch,
    NULL,
};

const struct gateway *gateway_named(struct str name)
{
    for (size_t i = 0; gateways[i] != NULL; i++)
        if (str_equal_c(name, gateways[i]->name))
            return gateways[i];
    return NULL;
}
