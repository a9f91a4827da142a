/* db_one.h - queries that give one thing. */
#ifndef STORE_DB_ONE_H
#define STORE_DB_ONE_H

#include "store/db.h"

/* As db_query. `out` stays as it is when there is no row, or NULL in it. */
must_check enum err db_number(struct db *db, const char *sql, const struct db_value *args,
                              size_t arg_count, int64_t *out);

/* A number that every commit to the books changes, whoever makes it: in a transaction as of what
 * that sees, after a commit of this connection as of that. False where it cannot be known. */
bool db_edition(const struct db *db, uint32_t *out);

/* A db_load_f: `self` is a void ** that receives the row, and stays as it is when there is
 * none. */
enum err db_keep_row(void *self, void *row);

#endif
