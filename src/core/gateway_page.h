/* gateway_page.h - a page of ours with a script of a gateway's, in which they take the card
 * (ACTION_WIDGET). */
#ifndef CORE_GATEWAY_PAGE_H
#define CORE_GATEWAY_PAGE_H

#include "base/arena.h"
#include "core/wire.h"

struct gateway_page {
    struct str script_url;
    const char *function;            /* of the script, called with the object */
    struct str object;               /* JSON; holds the token: never in an address, never kept */
    struct str origins;              /* that the page may load and be left to, by spaces */
};

/* Out of the order login's whole reply; `language` is "en" or another of the pages'. */
typedef enum err gateway_page_f(const struct gateway_ask *ask, const struct http_reply *reply,
                                struct str language, struct arena *arena,
                                struct gateway_page *out);

#endif
