/* pg_sql.h - PostgreSQL's statements over whole arrays: one for all rows of a table, made from
 * its description, and the arrays in the server's binary form. Inside store only. */
#ifndef STORE_PG_SQL_H
#define STORE_PG_SQL_H

#include "store/pg_link.h"
#include "store/sqltext.h"

/* The text of any sqltext. Where db_sqlite.c takes a value per row, an array is taken:
 *
 *     write    $1, $2 ... are the columns of sqltext_columns, a row at the same place in each
 *     load     $1 is an array of ids
 *
 * Where there is a pg_sql_period, two more follow: the lowest and the highest id of that column.
 * The server looks for rows in the months between them, and not into an array for what they are.
 *
 * WRITE_INSERT_NEW gives back the keys of the rows that it wrote. WRITE_INSERT_NUMBERED takes two
 * more, the counter's name and how many rows there are, leaves the array of numbers alone, and
 * gives back the number before the first. An update has to find every
 * row, a SQLTEXT_REQUIRE has to change one: else the server divides by zero, which fails the
 * transaction without anybody waiting for a count. */
void pg_sql_write(struct buf *out, const struct sqltext *what);
/* The column by which the table is parted, where rows are looked for by it; else NULL. */
const struct column *pg_sql_period(const struct sqltext *what);
#define PG_SQL_NOT_THERE "22012"

/* One value. `bytes` has room for a number; the param points there, or into the value. */
struct pg_param pg_param_of(const struct db_value *value, char bytes[8]);
/* Values of one column in all rows: `values` is the first, the next are `stride` apart. NULL when
 * all are. */
struct pg_param pg_param_array(const struct column *column, const struct db_value *values,
                               size_t stride, size_t count, struct arena *arena);
struct pg_param pg_param_ids(const struct id *ids, size_t count, struct arena *arena);

#endif
