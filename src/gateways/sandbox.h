/* sandbox.h - what the parts of the sandbox's near side share; nothing for others. */
#ifndef GATEWAYS_SANDBOX_H
#define GATEWAYS_SANDBOX_H

#include "core/gateway.h"

#define SANDBOX_LIST_URL "http://sandbox.invalid/v1/list"

/* sandbox_lists.c */
enum err sandbox_list_build(const struct gateway_list_ask *ask, struct arena *arena,
                            struct http_request *out);
enum err sandbox_list_parse(const struct gateway_list_ask *ask, const struct http_reply *reply,
                            struct arena *arena, struct gateway_list_page *out);

#endif
