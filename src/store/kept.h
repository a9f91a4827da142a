/* kept.h - rows that the last commits left behind, for the turns that are about them next.
 *
 * While a gateway is asked about a payment, its books are about to be wanted again: the three
 * turns of a payment follow each other within milliseconds, and SQLite takes every row apart
 * column by column. So the rows of books with an operation that is being sent are kept as they
 * were committed. What is not here is loaded.
 *
 * They are never stale, whoever writes:
 *   - What is kept is copied after a commit of this store, and is what that commit left in the
 *     books. A batch that fails forgets everything.
 *   - Every commit, of whichever connection and process, changes the books' edition (db_one.h).
 *     What is kept is believed in a transaction that has the edition which the last copy was made
 *     at, and in no other: somebody else's commit forgets everything too.
 *   - Books that many nodes write have no edition that is known here. Of them nothing is kept.
 * Builds with sanitizers and the simulation load all the same, and hold one against the other.
 *
 * A row has no more in it than the books have on the disk: no card's details. One thread's.
 * Inside store only. */
#ifndef STORE_KEPT_H
#define STORE_KEPT_H

#include "store/store.h"

#ifndef KEPT_PROVES
#define KEPT_PROVES 0            /* 1: load.c loads what is kept as well, and compares */
#endif

#define KEPT_ROWS_MAX 16         /* of one invoice; larger books are not kept */
#define KEPT_BYTES_MAX ((size_t)4 << 20)
#define KEPT_PLACES 4096         /* two invoices that share one: the later one is kept */

struct batch;

struct kept_row {
    const struct table *table;
    const void *row;
};

/* The rows of one invoice, itself first. One block, texts included. */
struct kept_books {
    struct kept_books *next;
    struct invoice_id invoice;
    size_t bytes;
    size_t count;
    struct kept_row rows[KEPT_ROWS_MAX];
};

/* Zeroed it is empty. */
struct kept {
    struct kept_books *places[KEPT_PLACES];
    size_t count, bytes;
    uint32_t edition;            /* at which all of them are what the books have */
    uint64_t found;              /* books that were not loaded, since the start */
    /* Taken off while a batch ran, but what was made of them may still be read. A ring. */
    struct kept_books *spent[STORE_BATCHES];
    size_t batch;                /* the one that runs */
};

/* In a transaction, before anything is read from it: forgets all unless it still holds. */
void kept_begin(struct kept *kept, const struct db *db);
/* NULL: to be loaded. */
const struct kept_books *kept_find(const struct kept *kept, struct invoice_id invoice);
/* After the commit, at once: the batch's books take the place of what was kept of them. */
void kept_committed(struct kept *kept, const struct db *db, const struct batch *batch);
void kept_forget(struct kept *kept);
/* Before a batch is run: frees what was taken off during the one of which nothing is read any
 * more, STORE_BATCHES ago, as what came of it was found by that batch at the latest. */
void kept_sweep(struct kept *kept);
void kept_done(struct kept *kept);
/* By their columns. */
bool kept_rows_equal(const struct table *table, const void *a, const void *b);

#endif
