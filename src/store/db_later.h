/* db_later.h - what is asked for now and waited for together.
 *
 * To a server every answer that is waited for is a way there and back. In a transaction what is
 * asked for here is only sent, after what was sent before, and its rows come with db_await, in
 * the order of the asking. An engine without a server gives them at once. What fails is told by
 * db_await, or by whatever is waited for before it. Inside store and sandbox only. */
#ifndef STORE_DB_LATER_H
#define STORE_DB_LATER_H

#include "store/db.h"

/* As db_load. `ids` may go when it returns; the arena and `self` must live until db_await. */
must_check enum err db_load_later(struct db *db, const struct table *table, const char *column,
                                  const struct id *ids, size_t count, const char *and_where,
                                  bool lock, struct arena *arena, db_load_f *load, void *self);
/* As db_now. */
must_check enum err db_now_later(struct db *db, int64_t *out_ms);
/* Must come before db_commit where something was asked for. The functions that get the rows may
 * ask for nothing themselves. */
must_check enum err db_await(struct db *db);

/* As db_commit, but where the disk would be waited for it is left to the next db_commit on the same
 * server, whoever makes it: a server's log has one order, so what that says is never on the disk
 * without this. For what is told to nobody but such a commit. If the server falls before, this is
 * undone, and db_era_sql another. */
must_check enum err db_commit_with_next(struct db *db);
/* A number, as an expression of SQL: another one as soon as commits which were not waited for may
 * have been undone. Shared books only. */
const char *db_era_sql(const struct db *db);

/* Inserts rows that get numbers of the named counter (db_take_numbers), in their order, as their
 * column "number". Unless `told`, the rows here may have 0 for it afterwards: then nobody waits
 * for the counter's answer. */
must_check enum err db_insert_numbered(struct db *db, const struct table *table, void *const *rows,
                                       size_t count, const char *name, bool told);

#endif
