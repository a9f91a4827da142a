/* pg_link.c - see pg_link.h. Surprises of libpq:
 *
 *   - A large pipeline over a blocking socket can hang for ever: the server stops reading while
 *     it waits for us to read its answers, and we would not read before all is written. So the
 *     socket is non-blocking, and what arrives is read while we write.
 *   - It prints notices to stderr unless it is told not to.
 *   - A server that goes down says so in an answer of severity FATAL, and only the next read
 *     finds the connection closed. */
#include "store/pg_link.h"

#include <assert.h>
#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

#include "base/buf.h"
#include "store/table.h"

#define ERROR_MAX 1024

struct pg_link {
    PGconn *conn;
    int patience_ms;         /* of poll: -1 is without end */
    bool lost;
    size_t owed;
    PGnotify *heard;         /* the last that was handed out */
    char error_text[ERROR_MAX];
    size_t error_len;
};

/* Errors. */

static void say(struct pg_link *link, const char *text)
{
    struct str words = str_of(text);

    while (words.len > 0 && words.ptr[words.len - 1] == '\n')
        words.len--;
    words = str_slice(words, 0, ERROR_MAX);
    memcpy(link->error_text, words.ptr, words.len);
    link->error_len = words.len;
}

struct str pg_link_error(const struct pg_link *link)
{
    return str_make(link->error_text, link->error_len);
}

static void lose(struct pg_link *link)
{
    if (!link->lost)
        say(link, PQerrorMessage(link->conn));
    link->lost = true;
}

static void ignore_notice(void *self, const PGresult *notice)
{
    (void)self;
    (void)notice;
}

/* Opening and closing. */

/* What stands before "dbname" gives way to what the operator wrote. The timeouts find out
 * within ten seconds that a server or the network to it is gone. */
static PGconn *connect_to(const char *conninfo)
{
    static const char *const names[] = {
        "connect_timeout", "tcp_user_timeout",   "keepalives_idle", "keepalives_interval",
        "keepalives_count", "fallback_application_name", "dbname",  "client_encoding", NULL,
    };
    const char *const values[] = { "3", "6000", "3", "2", "3", "purser", conninfo, "UTF8", NULL };

    _Static_assert(sizeof names / sizeof names[0] == sizeof values / sizeof values[0], "");
    return PQconnectdbParams(names, values, 1);
}

struct pg_link *pg_link_open(const char *conninfo, int patience_ms, struct arena *arena,
                             struct str *why)
{
    struct pg_link *link = mem_alloc(sizeof *link);

    link->patience_ms = patience_ms > 0 ? patience_ms : -1;
    link->conn = connect_to(conninfo);
    if (PQstatus(link->conn) == CONNECTION_OK && PQsetnonblocking(link->conn, 1) == 0 &&
        PQenterPipelineMode(link->conn) == 1) {
        PQsetNoticeReceiver(link->conn, ignore_notice, NULL);
        return link;
    }
    lose(link);
    *why = str_copy(arena, pg_link_error(link));
    pg_link_close(link);
    return NULL;
}

void pg_link_close(struct pg_link *link)
{
    if (link == NULL)
        return;
    PQfreemem(link->heard);
    PQfinish(link->conn);
    mem_free(link);
}

bool pg_link_is_alive(struct pg_link *link)
{
    struct pollfd news = { .fd = PQsocket(link->conn), .events = POLLIN };

    assert(link->owed == 0);
    /* Between statements a server speaks only about its settings, or to say goodbye; that the
     * connection has ended comes after the goodbye. */
    while (!link->lost && poll(&news, 1, 0) > 0)
        if (!PQconsumeInput(link->conn) || PQstatus(link->conn) != CONNECTION_OK)
            lose(link);
    return !link->lost;
}

int pg_link_pid(const struct pg_link *link)
{
    return PQbackendPID(link->conn);
}

/* Sending. */

static void note_sent(struct pg_link *link, int sent)
{
    link->owed++;
    if (sent != 1)
        lose(link);
}

void pg_link_prepare(struct pg_link *link, const char *name, const char *sql,
                     const struct pg_param *types, size_t count)
{
    Oid oids[TABLE_COLUMNS_MAX];

    assert(count <= TABLE_COLUMNS_MAX);
    for (size_t i = 0; i < count; i++)
        oids[i] = (Oid)types[i].type;
    note_sent(link, link->lost ? 0 : PQsendPrepare(link->conn, name, sql, (int)count, oids));
}

/* The parallel arrays that libpq wants. */
struct arrays {
    Oid types[TABLE_COLUMNS_MAX];
    const char *values[TABLE_COLUMNS_MAX];
    int lengths[TABLE_COLUMNS_MAX];
    int formats[TABLE_COLUMNS_MAX];
};

static void to_arrays(const struct pg_param *params, size_t count, struct arrays *out)
{
    assert(count <= TABLE_COLUMNS_MAX);
    for (size_t i = 0; i < count; i++) {
        assert(params[i].len < INT32_MAX);
        out->types[i] = (Oid)params[i].type;
        out->values[i] = params[i].bytes;
        out->lengths[i] = (int)params[i].len;
        out->formats[i] = 1;
    }
}

void pg_link_run_prepared(struct pg_link *link, const char *name, const struct pg_param *params,
                          size_t count)
{
    struct arrays all;

    to_arrays(params, count, &all);
    note_sent(link, link->lost ? 0
                               : PQsendQueryPrepared(link->conn, name, (int)count, all.values,
                                                     all.lengths, all.formats, 1));
}

void pg_link_run(struct pg_link *link, const char *sql, const struct pg_param *params,
                 size_t count)
{
    struct arrays all;

    to_arrays(params, count, &all);
    note_sent(link, link->lost ? 0
                               : PQsendQueryParams(link->conn, sql, (int)count, all.types,
                                                   all.values, all.lengths, all.formats, 1));
}

void pg_link_sync(struct pg_link *link)
{
    note_sent(link, link->lost ? 0 : PQpipelineSync(link->conn));
}

/* Waits until something can be read, or written if `writes`; reads what there is. */
static void wait_for_news(struct pg_link *link, bool writes)
{
    struct pollfd news = {
        .fd = PQsocket(link->conn), .events = writes ? POLLIN | POLLOUT : POLLIN,
    };
    int ready = poll(&news, 1, link->patience_ms);

    if (ready == 0) {
        say(link, "The server is silent.");
        link->lost = true;
    } else if (ready > 0 && (news.revents & ~POLLOUT) != 0 && !PQconsumeInput(link->conn)) {
        lose(link);
    }
}

/* Writes what waits to be written, and reads what comes meanwhile. */
static void flush(struct pg_link *link)
{
    while (!link->lost) {
        int left = PQflush(link->conn);
        if (left == 0)
            return;
        if (left < 0)
            lose(link);
        else
            wait_for_news(link, true);
    }
}

/* Taking. */

static enum pg_outcome outcome_of(const PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        return PG_ROWS;
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        return PG_DONE;
    case PGRES_PIPELINE_SYNC:
        return PG_SYNCED;
    case PGRES_PIPELINE_ABORTED:
        return PG_SKIPPED;
    default:
        return PG_REFUSED;
    }
}

static bool ends_connection(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    return severity == NULL || strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

static int64_t changed_by(PGresult *result)
{
    int64_t changed = 0;

    return str_to_i64(str_of(PQcmdTuples(result)), &changed) ? changed : 0;
}

static void describe(struct pg_link *link, PGresult *result, struct pg_answer *out)
{
    *out = (struct pg_answer){
        .outcome = outcome_of(result),
        .row_count = (size_t)PQntuples(result),
        .column_count = (size_t)PQnfields(result),
        .changed = changed_by(result),
        .result = result,
    };
    if (out->outcome != PG_REFUSED)
        return;
    const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    say(link, words != NULL ? words : PQresultErrorMessage(result));
    for (size_t i = 0; state != NULL && i + 1 < sizeof out->sqlstate && state[i] != '\0'; i++)
        out->sqlstate[i] = state[i];
    if (ends_connection(result)) {
        link->lost = true;
        out->outcome = PG_LOST;
    }
}

/* After the answer of a statement libpq gives a NULL, after that of a sync it does not. */
static void end_of_answer(struct pg_link *link)
{
    for (PGresult *more = PQgetResult(link->conn); more != NULL; more = PQgetResult(link->conn)) {
        PQclear(more);
        if (PQstatus(link->conn) != CONNECTION_OK)
            break;
    }
}

void pg_link_take(struct pg_link *link, struct pg_answer *out)
{
    assert(link->owed > 0);
    link->owed--;
    *out = (struct pg_answer){ .outcome = PG_LOST };
    flush(link);
    while (!link->lost && PQisBusy(link->conn))
        wait_for_news(link, false);
    if (link->lost)
        return;
    PGresult *result = PQgetResult(link->conn);
    if (result == NULL) {
        lose(link);
        return;
    }
    describe(link, result, out);
    if (out->outcome != PG_SYNCED && !link->lost)
        end_of_answer(link);
}

void pg_answer_done(struct pg_answer *answer)
{
    PQclear(answer->result);
    *answer = (struct pg_answer){ 0 };
}

static int64_t number_of(const unsigned char *bytes, size_t len)
{
    uint64_t number = len > 0 && (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;

    for (size_t i = 0; i < len; i++)
        number = number << 8 | bytes[i];
    return (int64_t)number;
}

struct db_value pg_answer_value(const struct pg_answer *answer, size_t row, size_t column)
{
    const PGresult *result = answer->result;
    const char *bytes = PQgetvalue(result, (int)row, (int)column);
    size_t len = (size_t)PQgetlength(result, (int)row, (int)column);

    if (PQgetisnull(result, (int)row, (int)column))
        return (struct db_value){ DB_NULL, 0, { 0 } };
    switch (PQftype(result, (int)column)) {
    case PG_BOOL:
    case PG_INT2:
    case PG_INT4:
    case PG_INT8:
        return DB_NUMBER(number_of((const unsigned char *)bytes, len));
    case PG_TEXT:
    case PG_VARCHAR:
    case PG_NAME:
        return DB_STR(str_make(bytes, len));
    default:
        /* A number with a fraction comes as bytes too: no column takes it for something else. */
        return (struct db_value){ DB_BYTES, 0, str_make(bytes, len) };
    }
}

/* Listening. */

bool pg_link_wait(struct pg_link *link, int fd, int timeout_ms)
{
    struct pollfd news[] = {
        { .fd = fd, .events = POLLIN },
        { .fd = link != NULL ? PQsocket(link->conn) : -1, .events = POLLIN },
    };

    assert(link == NULL || link->owed == 0);
    if (link != NULL && link->lost)
        return false;
    int ready = poll(news, 2, timeout_ms);
    /* A server that says goodbye does so in words, and closes the connection after them. */
    if (ready > 0 && news[1].revents != 0 && !PQconsumeInput(link->conn))
        lose(link);
    return link == NULL || !link->lost;
}

bool pg_link_heard(struct pg_link *link, struct str *out)
{
    do {
        PQfreemem(link->heard);
        link->heard = PQnotifies(link->conn);
    } while (link->heard != NULL && link->heard->be_pid == PQbackendPID(link->conn));
    if (link->heard != NULL)
        *out = str_of(link->heard->extra);
    return link->heard != NULL;
}

/* Scripts. */

/* The first refusal, or the last answer; all are read. */
static void take_script(struct pg_link *link, struct pg_answer *out)
{
    for (PGresult *next = PQgetResult(link->conn); next != NULL;
         next = PQgetResult(link->conn)) {
        if (out->outcome == PG_REFUSED || out->outcome == PG_LOST) {
            PQclear(next);
        } else {
            pg_answer_done(out);
            describe(link, next, out);
        }
        if (PQstatus(link->conn) != CONNECTION_OK)
            break;
    }
}

void pg_link_script(struct pg_link *link, const char *sql, struct pg_answer *out)
{
    assert(link->owed == 0);
    *out = (struct pg_answer){ .outcome = PG_DONE };
    if (link->lost || PQexitPipelineMode(link->conn) != 1 || PQsendQuery(link->conn, sql) != 1) {
        lose(link);
        out->outcome = PG_LOST;
        return;
    }
    flush(link);
    take_script(link, out);
    if (link->lost || PQenterPipelineMode(link->conn) != 1) {
        lose(link);
        pg_answer_done(out);
        out->outcome = PG_LOST;
    }
}
