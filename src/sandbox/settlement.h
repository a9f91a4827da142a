/* settlement.h - the sandbox's settlement file: what a gateway would send for the money that it
 * moved. docs/settlement.md shows its columns. */
#ifndef SANDBOX_SETTLEMENT_H
#define SANDBOX_SETTLEMENT_H

#include "store/db.h"

/* Gives the file line by line, each with its end: the header, the captures and refunds of the
 * gateway account (its id's text) in the order in which they happened, then the payouts, one a
 * day and currency. Reads the ledger page by page. */
typedef void sandbox_line_f(void *self, struct str line);
must_check enum err sandbox_settlement(struct db *ledger, struct str account,
                                       sandbox_line_f *write, void *self);

#endif
