/* sqltext.h - what a driver runs, as text in the common dialect: SQL written by hand as it
 * is, and the statements over a table's rows, made from its description.
 *
 * A struct sqltext also is the key under which a prepared statement is found again. Its
 * texts are literals and are compared as pointers. */
#ifndef STORE_SQLTEXT_H
#define STORE_SQLTEXT_H

#include "base/buf.h"
#include "store/db_driver.h"

struct sqltext {
    enum sqltext_kind {
        SQLTEXT_QUERY,  /* `text` */
        SQLTEXT_WRITE,  /* rows, by `write` */
        SQLTEXT_LOAD,   /* rows whose column `text` is one of `rows` ids, `and_where` */
        SQLTEXT_SELECT, /* rows that the condition `text` selects */
        SQLTEXT_REQUIRE, /* `text`, which has to change a row */
    } kind;
    enum db_write write;
    const struct table *table;
    const char *text;
    const char *and_where; /* NULL for none */
    bool lock;             /* a SQLTEXT_LOAD that holds its rows, where engines lock rows */
    const char *give;      /* the function that gets the columns of each row of a SQLTEXT_LOAD;
                            * NULL: they are those of its result */
    size_t rows;           /* where engines have no arrays: rows of a SQLTEXT_WRITE, more than one
                            * of an insert only; ids of a SQLTEXT_LOAD, $1, $2 ..., or NULL */
};

void sqltext_write(struct buf *out, const struct sqltext *what);
/* The columns that a SQLTEXT_WRITE takes of each row as $1, $2 ..., in that order. Returns how
 * many; `out` has room for TABLE_COLUMNS_MAX. */
size_t sqltext_columns(const struct sqltext *what, const struct column **out);
/* How many of so many rows one SQLTEXT_WRITE takes: to begin and to end it costs as much as half
 * a row. */
size_t sqltext_rows_at_once(enum db_write write, size_t left);
/* How many places for ids a SQLTEXT_LOAD has, when so many are left to be looked up. */
#define SQLTEXT_IDS_MAX 16
size_t sqltext_ids_at_once(size_t left);

/* A prepared statement of a driver. */
struct statement {
    struct statement *next;
    struct sqltext what;
    void *prepared; /* the driver's */
    size_t arg_count;
    int places[TABLE_COLUMNS_MAX]; /* of $1, $2 ..., where an engine numbers them itself */
    bool running;
};

/* Those of one connection. Zeroed: none yet. */
#define STATEMENT_BUCKETS 128
struct statements {
    struct statement *buckets[STATEMENT_BUCKETS];
};

/* NULL when it was not added before. */
struct statement *statements_find(const struct statements *statements, const struct sqltext *what);
struct statement *statements_add(struct statements *statements, const struct sqltext *what,
                                 void *prepared);
/* Calls `finish` for each and forgets them. */
void statements_done(struct statements *statements, void (*finish)(void *prepared));

#endif
