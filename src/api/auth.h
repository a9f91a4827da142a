/* auth.h - who asks: API keys, found in the books by their hash.
 *
 * What was read of a key is believed for one second, so that a revoked one stops working
 * within it. A text that is no well-formed key never reaches the books, and calls that
 * come with a key whose reading is under way wait for that one. */
#ifndef API_AUTH_H
#define API_AUTH_H

#include "api/call.h"

struct auth *auth_new(void);
void auth_free(struct auth *auth); /* accepts NULL */

/* Goes on with call_proceed, or call_fail; now or later. */
void auth_begin(struct auth *auth, struct call *call);

#endif
