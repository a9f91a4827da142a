/* listing.h - the sandbox tells what it has: charges of a window of time, page by page.
 * docs/gateways/sandbox.md has the call. */
#ifndef SANDBOX_LISTING_H
#define SANDBOX_LISTING_H

#include "core/wire.h"
#include "store/db.h"

/* Reads the ledger, outside of a transaction. The reply lives in the arena. */
must_check enum err listing_answer(struct db *ledger, const struct http_request *request,
                                   struct arena *arena, struct http_reply *out);

#endif
