/* check.h - whether a gateway account is ready: the harmless calls, one after the other.
 *
 * The login where there is one, the gateway's probe, and purser's own test message to the address
 * that the gateway is given. Nothing of it moves money or leaves a row. */
#ifndef ENGINE_CHECK_H
#define ENGINE_CHECK_H

#include "net/client.h"
#include "store/desk.h"

/* Ends with `done`, on the client's thread, or before it returns. At most CHECK_CALL_MS a call,
 * and there are three. */
#define CHECK_CALL_MS 10000
void check_run(struct client *client, const struct outside *outside, struct desk_check *check);

#endif
