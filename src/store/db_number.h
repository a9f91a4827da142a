/* db_number.h - a query that gives one number. */
#ifndef STORE_DB_NUMBER_H
#define STORE_DB_NUMBER_H

#include "store/db.h"

/* As db_query. `out` stays as it is when there is no row, or NULL in it. */
must_check enum err db_number(struct db *db, const char *sql, const struct db_value *args,
                              size_t arg_count, int64_t *out);

#endif
