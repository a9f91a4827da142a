/* exchange.h - the HTTP of core/wire.h as that of net/client.h. Inside engine only.
 *
 * Two rooms that may not know each other have each a word for a header field; here they are
 * translated. Texts are shared, not copied. */
#ifndef ENGINE_EXCHANGE_H
#define ENGINE_EXCHANGE_H

#include "core/wire.h"
#include "net/client.h"

/* Method, url, fields and body of `call`. */
void exchange_ask(struct client_call *call, const struct http_request *request,
                  struct arena *arena);
/* What came back: valid while the call's own texts are. Of a call that ended with a reply. */
struct http_reply exchange_reply(const struct client_call *call, struct arena *arena);

#endif
