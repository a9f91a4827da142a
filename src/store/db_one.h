/* db_one.h - queries that give one thing. */
#ifndef STORE_DB_ONE_H
#define STORE_DB_ONE_H

#include "store/db.h"

/* As db_query. `out` stays as it is when there is no row, or NULL in it. */
must_check enum err db_number(struct db *db, const char *sql, const struct db_value *args,
                              size_t arg_count, int64_t *out);

/* A db_load_f: `self` is a void ** that receives the row, and stays as it is when there is
 * none. */
enum err db_keep_row(void *self, void *row);

#endif
