/* history.h - books that lost their last commits: a server that was replaced by a standby which
 * had not got them yet, or books that were restored from a backup.
 *
 * What was lost cannot be known here, and not everybody has forgotten it: a gateway has seen order
 * numbers, and a reader of the feed the numbers of events, that the books would now give once
 * more. So after a cut the counters that others may have seen go on well beyond. Inside store,
 * and for the commands. */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "store/db.h"

/* How far: more than a server can have lost, less than the gateways' numbers take to come again. */
#define HISTORY_SKIPS_FEED 10000000
#define HISTORY_SKIPS_OTHERS 50000

/* In a transaction: compares the server's history with the one that the books know. A cut is
 * recorded, and `cut` is true for the one who did it. `history` is the server's, in `arena`. */
must_check enum err history_go_on(struct db *db, int64_t now_ms, struct arena *arena,
                                  struct str *history, bool *cut);

/* In a transaction: somebody says that there was a cut, such as a restored backup. */
must_check enum err history_cut(struct db *db, int64_t now_ms, struct arena *arena);

/* The last cut. `newest_ms`: when the newest invoice from before it was made; 0: none was. */
struct history_last_cut {
    bool found;
    int64_t noticed_ms, newest_ms;
};
must_check enum err history_last_cut(struct db *db, struct history_last_cut *out);

#endif
