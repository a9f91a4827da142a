/* pg_sql.h - PostgreSQL's statements over whole arrays: one for all rows of a table, made from
 * its description, and the arrays in the server's binary form. Inside store only. */
#ifndef STORE_PG_SQL_H
#define STORE_PG_SQL_H

#include "store/pg_link.h"
#include "store/sqltext.h"

/* The text of any sqltext. Where db_sqlite.c takes a value per row, an array is taken:
 *
 *     write    $1, $2 ... are the columns of sqltext_columns, a row at the same place in each
 *     load     $1 is an array of ids; where pg_sql_is_bounded, $2 and $3 are the lowest and
 *              the highest of them
 *
 * WRITE_INSERT_NEW gives back the keys of the rows that it wrote. An update has to find every
 * row, a SQLTEXT_REQUIRE has to change one: else the server divides by zero, which fails the
 * transaction without anybody waiting for a count. */
void pg_sql_write(struct buf *out, const struct sqltext *what);
/* Whether a load goes by the column by which the table is parted. */
bool pg_sql_is_bounded(const struct sqltext *what);
#define PG_SQL_NOT_THERE "22012"

/* One value. `bytes` has room for a number; the param points there, or into the value. */
struct pg_param pg_param_of(const struct db_value *value, char bytes[8]);
/* Values of one column in all rows: `values` is the first, the next are `stride` apart. */
struct pg_param pg_param_array(const struct column *column, const struct db_value *values,
                               size_t stride, size_t count, struct arena *arena);
struct pg_param pg_param_ids(const struct id *ids, size_t count, struct arena *arena);

#endif
