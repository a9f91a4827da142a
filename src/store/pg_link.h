/* pg_link.h - one connection to a PostgreSQL server, as a pipeline: statements go out without
 * waiting for each other, their answers are taken later and in the same order.
 *
 * pg_link.c is the only file that knows libpq. A link belongs to one thread at a time. Once the
 * connection is lost it stays lost, and every answer that is still owed is PG_LOST; whoever
 * holds the link closes it and opens another. Inside store only. */
#ifndef STORE_PG_LINK_H
#define STORE_PG_LINK_H

#include "store/db.h"

struct pg_link;

/* Blocks until the server lets us in or refuses. `conninfo` is libpq's, a URI or key = value
 * pairs. A server that is silent for longer than `patience_ms` is lost; 0: none is. NULL with the
 * reason in `why`, which never holds the password. */
struct pg_link *pg_link_open(const char *conninfo, int patience_ms, struct arena *arena,
                             struct str *why);
void pg_link_close(struct pg_link *link);        /* accepts NULL */
/* False when the server has gone meanwhile. Only while no answer is owed; does not wait. */
bool pg_link_is_alive(struct pg_link *link);

/* The process that serves this link, by what was said when it was opened. A pooler says what it
 * likes. */
int pg_link_pid(const struct pg_link *link);

/* PostgreSQL's numbers of the types that purser uses. */
enum pg_type {
    PG_UNKNOWN = 0,
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_NAME = 19,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_BYTEA_ARRAY = 1001,
    PG_TEXT_ARRAY = 1009,
    PG_INT8_ARRAY = 1016,
    PG_VARCHAR = 1043,
    PG_UUID = 2950,
    PG_UUID_ARRAY = 2951,
};

/* A value for $1, $2 ..., in the server's binary form. NULL has no bytes. */
struct pg_param {
    enum pg_type type;
    const char *bytes;
    size_t len;
};

/* Each owes one answer. The texts and bytes may go when the call returns. */
void pg_link_prepare(struct pg_link *link, const char *name, const char *sql,
                     const struct pg_param *types, size_t count);
void pg_link_run_prepared(struct pg_link *link, const char *name, const struct pg_param *params,
                          size_t count);
void pg_link_run(struct pg_link *link, const char *sql, const struct pg_param *params,
                 size_t count);
/* Ends what belongs together: after a refusal everything up to here is skipped. Owes an answer
 * too, PG_SYNCED. What was sent is on its way when this returns, or with pg_link_take. */
void pg_link_sync(struct pg_link *link);

enum pg_outcome {
    PG_ROWS,
    PG_DONE,                 /* no rows by its nature */
    PG_REFUSED,
    PG_SKIPPED,              /* something before it was refused */
    PG_SYNCED,
    PG_LOST,
};

struct pg_answer {
    enum pg_outcome outcome;
    size_t row_count, column_count;
    int64_t changed;         /* rows inserted, updated, deleted or given back */
    char sqlstate[6];        /* of a refusal, "" when the server did not say */
    void *result;            /* pg_link.c's */
};

/* Waits for the next answer; to be ended with pg_answer_done. */
void pg_link_take(struct pg_link *link, struct pg_answer *out);
void pg_answer_done(struct pg_answer *answer);   /* accepts a zeroed one, and one that is done */
/* Bytes live until pg_answer_done. */
struct db_value pg_answer_value(const struct pg_answer *answer, size_t row, size_t column);

/* After LISTEN: waits until the server says something or `fd` can be read; -1 is without end.
 * Without a link (NULL) only for the latter. False when the connection is lost. Only while no
 * answer is owed. */
bool pg_link_wait(struct pg_link *link, int fd, int timeout_ms);
/* The next word that another connection notified us of, and that has been read; false when there
 * is none. The text lives until the next call. */
bool pg_link_heard(struct pg_link *link, struct str *out);

/* Any number of statements at once, outside of the pipeline: only while no answer is owed. */
void pg_link_script(struct pg_link *link, const char *sql, struct pg_answer *out);

/* The server's words, or libpq's, about the last PG_REFUSED or PG_LOST; without a newline. */
struct str pg_link_error(const struct pg_link *link);

#endif
