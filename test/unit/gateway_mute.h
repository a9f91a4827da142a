/* gateway_mute.h - calls of a gateway that nobody makes: for tests of what is recorded. */
#ifndef GATEWAY_MUTE_H
#define GATEWAY_MUTE_H

#include "core/gateway.h"

static inline enum err mute_build(const struct gateway_ask *ask, struct arena *arena,
                                  struct http_request *out)
{
    (void)ask, (void)arena, (void)out;
    return ERR_INTERNAL;
}

static inline enum err mute_parse(const struct gateway_ask *ask, const struct http_reply *reply,
                                  struct arena *arena, struct gateway_answer *out)
{
    (void)ask, (void)reply, (void)arena, (void)out;
    return ERR_INTERNAL;
}

#define MUTE_CALL { mute_build, mute_parse, GW_ENQUIRE_FIRST }

#endif
