/* due.h - of work that several nodes find due at once, each piece is given to one of them.
 *
 * It saves the others a turn, and is no lock: what a turn does is decided under the lock of its
 * invoice, whoever runs it. */
#ifndef STORE_DUE_H
#define STORE_DUE_H

#include "store/db.h"

#define DUE_CLAIM_MAX 400

/* Within a transaction of a connection that reads, until the end of which the pieces are held, or
 * until the node has been silent for 10 s. `mine` tells of each whether this node has it. On books
 * that are not shared all are. */
must_check enum err due_claim(struct db *db, const struct id *pieces, size_t count, bool *mine);

#endif
