/* copy.h - whole tables from one store to another, whatever engines keep them.
 *
 * Rows go in the order of their keys, a page per commit. What is there already is not copied
 * again: a copy that was cut off goes on behind the last row that the target has. Neither side
 * may be served meanwhile. */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "store/db.h"

struct copy_progress {
    void *self;
    /* After each page, and once at the end of each table. */
    void (*tell)(void *self, const struct table *table, int64_t rows, bool done);
};

/* Before the rows: the months in which they will lie, where the target has such. */
must_check enum err copy_periods(struct db *from, struct db *to);

/* Whether a table goes along: what a server's history was stays with the server. */
bool copy_takes(const struct table *table);

/* The rows of one table of the books that go along. db_error of `from` or `to` says what failed. */
must_check enum err copy_table(struct db *from, struct db *to, const struct table *table,
                               const struct copy_progress *progress);

/* Runs of the source hold nothing in the target: what they were sending is unknown there. */
must_check enum err copy_end_runs(struct db *to);

must_check enum err copy_count(struct db *db, const struct table *table, int64_t *out);

/* Whether the target was begun from other books than these: they share no row of what a first
 * start makes. */
must_check enum err copy_is_of_others(struct db *from, struct db *to, bool *out);

#endif
