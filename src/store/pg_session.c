/* pg_session.c - see pg_session.h. Surprises:
 *
 *   - Everything works behind pgbouncer in transaction mode. No connection is ours there from
 *     one transaction to the next: settings are made within each, and nothing is prepared. A
 *     pooler is known by the process that it says is ours, which is not the one that answers.
 *     Should one know better how to hide, a prepared statement is one day gone, or there
 *     already. Their names are hashes of their texts, so what is found is never another
 *     statement; when one is missing, the transaction is to be run again, and this session
 *     prepares nothing any more.
 *   - When the connection is lost in a commit nobody can say whether it was done:
 *     ERR_STORE_IN_DOUBT. Lost at any other moment nothing was done: ERR_STORE_RETRY.
 *   - A server that cannot be reached is tried again with the next transaction, but not before
 *     RECONNECT_GAP_MS have passed. */
#include "store/pg_session.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "store/pg_sql.h"
#include "store/pg_text.h"

#define RECONNECT_GAP_MS 200
/* A writer waits for locks at most 5 s, and a batch is written in far less. Whoever reads may
 * have asked for much. */
#define WRITER_PATIENCE_MS 20000
#define OWED_MAX 256
#define ERROR_MAX 1024

enum transaction { TRANSACTION_NONE, TRANSACTION_OPEN, TRANSACTION_FAILED };

/* An answer that will come. */
struct owed {
    enum owed_kind {
        OWED_SYNC,
        OWED_PREPARE,
        OWED_SETTING,            /* its answer tells nothing */
        OWED_STATEMENT,
        OWED_COMMIT,
        OWED_ROLLBACK,
    } kind;
    struct pg_text *text;
    enum err otherwise;
    struct pg_answer *answer;    /* where it goes; NULL: nobody asks for it */
};

struct pg_session {
    struct pg_session_config config;
    struct pg_link *link;        /* NULL when there is no connection */
    unsigned connection;         /* counts them, from 1 */
    int64_t tried_us;            /* when the last was tried; 0 never */
    bool names;                  /* prepared statements are kept for us */
    struct db_value commit_mode; /* synchronous_commit, for each transaction */
    char commit_mode_text[32];
    enum transaction transaction;
    enum err failed_with;
    struct owed owed[OWED_MAX];
    size_t owed_count;
    struct pg_texts texts;
    char error_text[ERROR_MAX];
    size_t error_len;
};

/* Errors. */

#define IS_STANDBY                                                                               \
    "takes no writing, so it is a standby: name the primary, or all hosts with "                 \
    "target_session_attrs=read-write"

static const struct refusal {
    const char *sqlstate;        /* its beginning */
    enum err err;
    const char *advice;          /* after "The PostgreSQL server " */
} refusals[] = {
    { "40001", ERR_STORE_RETRY, "saw two transactions in each other's way" },
    { "40P01", ERR_STORE_RETRY, "saw two transactions wait for each other" },
    { "26000", ERR_STORE_RETRY, "does not keep prepared statements" },
    { "42P05", ERR_STORE_RETRY, "does not keep prepared statements apart" },
    { "55P03", ERR_STORE_BUSY, "waited 5 seconds for what another transaction holds" },
    { "25006", ERR_STORE_AWAY, IS_STANDBY },
    { "53", ERR_STORE_AWAY, "has no room left (disk, memory or connections)" },
    { "42501", ERR_STORE, "does not permit that to this role: see what to grant in "
                          "docs/operating.md" },
    { "42P01", ERR_STORE, "misses a table: bring the schema up with purser migrate" },
    { "23", ERR_STORE, "has a rule against that row" },
    { "", ERR_STORE, "refused" },
};

__attribute__((format(printf, 2, 0))) static void sayv(struct pg_session *session,
                                                       const char *format, va_list args)
{
    struct buf buf;

    buf_fixed(&buf, session->error_text, sizeof session->error_text);
    buf_addfv(&buf, format, args);
    session->error_len = buf.len;
}

__attribute__((format(printf, 2, 3))) static void say(struct pg_session *session,
                                                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sayv(session, format, args);
    va_end(args);
}

struct str pg_session_error(const struct pg_session *session)
{
    return str_make(session->error_text, session->error_len);
}

static enum err fail(struct pg_session *session, enum err err)
{
    if (session->transaction == TRANSACTION_OPEN) {
        session->transaction = TRANSACTION_FAILED;
        session->failed_with = err;
    }
    return err;
}

enum err pg_session_fail(struct pg_session *session, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sayv(session, format, args);
    va_end(args);
    return fail(session, ERR_STORE);
}

static bool is_state(const char *sqlstate, const char *expected)
{
    return str_equal_c(str_of(sqlstate), expected);
}

static enum err refused(struct pg_session *session, const struct owed *owed, const char *sqlstate)
{
    const struct refusal *refusal = refusals;

    if (is_state(sqlstate, PG_SQL_NOT_THERE) && owed->otherwise != OK) {
        say(session, "A row is not there to be changed: %.100s", owed->text->sql);
        return owed->otherwise;
    }
    while (!str_starts_with(str_of(sqlstate), str_of(refusal->sqlstate)))
        refusal++;
    say(session, "The PostgreSQL server %s. (%s: %.*s)", refusal->advice, sqlstate,
        STR_ARG(pg_link_error(session->link)));
    if (is_state(sqlstate, "26000") || is_state(sqlstate, "42P05"))
        session->names = false;
    /* It was us who told the server that this connection only reads. */
    if (is_state(sqlstate, "25006") && session->config.access == DB_READ)
        return ERR_STORE;
    return refusal->err;
}

/* Answers. */

static void disconnect(struct pg_session *session)
{
    pg_link_close(session->link);
    session->link = NULL;
    session->owed_count = 0;
}

static bool owes_commit(const struct pg_session *session)
{
    for (size_t i = 0; i < session->owed_count; i++)
        if (session->owed[i].kind == OWED_COMMIT)
            return true;
    return false;
}

static enum err lost(struct pg_session *session)
{
    bool in_doubt = owes_commit(session) && session->config.access == DB_WRITE;

    say(session, "The connection to the PostgreSQL server was lost%s. (%.*s)",
        in_doubt ? " in a commit" : "", STR_ARG(pg_link_error(session->link)));
    disconnect(session);
    return in_doubt ? ERR_STORE_IN_DOUBT : ERR_STORE_RETRY;
}

static void owe(struct pg_session *session, enum owed_kind kind, struct pg_text *text,
                enum err otherwise)
{
    assert(session->owed_count < OWED_MAX);
    session->owed[session->owed_count++] = (struct owed){ kind, text, otherwise, NULL };
}

/* Of what was posted last. */
static void keep_answer(struct pg_session *session, struct pg_answer *out)
{
    *out = (struct pg_answer){ 0 };
    session->owed[session->owed_count - 1].answer = out;
}

/* One answer of those owed. */
static enum err take(struct pg_session *session, const struct owed *owed)
{
    struct pg_answer answer;
    enum err err = OK;

    pg_link_take(session->link, &answer);
    bool failed = answer.outcome == PG_REFUSED || answer.outcome == PG_SKIPPED;
    if (answer.outcome == PG_LOST)
        err = lost(session);
    else if (failed && owed->kind == OWED_PREPARE)
        owed->text->known_to = 0;
    /* That there was no transaction to roll back is no news. */
    if (answer.outcome == PG_REFUSED && owed->kind != OWED_ROLLBACK)
        err = refused(session, owed, answer.sqlstate);
    if (owed->answer != NULL && !failed && err == OK)
        *owed->answer = answer;
    else
        pg_answer_done(&answer);
    return err;
}

/* Waits for all that is owed. The first error counts: what follows it is skipped. */
static enum err settle(struct pg_session *session)
{
    enum err first = OK;

    pg_link_sync(session->link);
    owe(session, OWED_SYNC, NULL, OK);
    for (size_t i = 0; i < session->owed_count; i++) {
        enum err err = take(session, &session->owed[i]);
        if (first == OK)
            first = err;
    }
    session->owed_count = 0;
    return first == OK ? OK : fail(session, first);
}

/* Statements. */

static void post(struct pg_session *session, const struct sqltext *what,
                 const struct pg_params *params, enum owed_kind kind)
{
    struct pg_text *text = pg_text_of(&session->texts, what, params->items, params->count);

    if (!session->names || !pg_text_takes(text, params->items, params->count)) {
        pg_link_run(session->link, text->sql, params->items, params->count);
        owe(session, kind, text, params->otherwise);
        return;
    }
    if (text->known_to != session->connection) {
        pg_link_prepare(session->link, text->name, text->sql, text->types, text->type_count);
        owe(session, OWED_PREPARE, text, OK);
        text->known_to = session->connection;
    }
    pg_link_run_prepared(session->link, text->name, params->items, params->count);
    owe(session, kind, text, params->otherwise);
}

static bool has_room(const struct pg_session *session)
{
    return session->owed_count + 16 < OWED_MAX;
}

static void post_literal(struct pg_session *session, const char *sql, enum owed_kind kind)
{
    const struct sqltext what = { .kind = SQLTEXT_QUERY, .text = sql };
    const struct pg_params none = { 0 };

    post(session, &what, &none, kind);
}

/* Connecting. */

static void read_commit_mode(struct pg_session *session, const struct pg_answer *answer)
{
    struct str mode = pg_answer_value(answer, 0, 0).bytes;
    struct buf text;

    if (!session->config.durable)
        mode = STR("off");
    else if (str_equal_c(mode, "off"))
        mode = STR("on");
    buf_fixed(&text, session->commit_mode_text, sizeof session->commit_mode_text);
    buf_add(&text, mode);
    session->commit_mode = DB_STR(buf_str(&text));
}

/* As server_version_num counts: the first with pg_stat_wal, which db_era_sql looks at. */
#define OLDEST_SERVER 140000

static enum err check_server(struct pg_session *session, const struct pg_answer *answer)
{
    bool is_standby = pg_answer_value(answer, 0, 2).number != 0;

    if (pg_answer_value(answer, 0, 4).number < OLDEST_SERVER) {
        say(session, "PostgreSQL %d or newer is needed; the server is older.",
            OLDEST_SERVER / 10000);
        return ERR_STORE_AWAY;
    }
    read_commit_mode(session, answer);
    session->names = pg_answer_value(answer, 0, 3).number == pg_link_pid(session->link);
    if (is_standby && session->config.access == DB_WRITE) {
        say(session, "The PostgreSQL server " IS_STANDBY ".");
        return ERR_STORE_AWAY;
    }
    if (!str_equal_c(pg_answer_value(answer, 0, 1).bytes, "UTF8")) {
        say(session, "The database must have the encoding UTF8: make another one.");
        return ERR_STORE_AWAY;
    }
    return OK;
}

/* What the server is like; it may be another than before. */
static enum err meet(struct pg_session *session)
{
    struct pg_answer answer;

    session->names = false;
    post_literal(session,
                 "SELECT current_setting('synchronous_commit'), current_setting('server_encoding'),"
                 " pg_is_in_recovery(), pg_backend_pid(),"
                 " current_setting('server_version_num')::int",
                 OWED_STATEMENT);
    keep_answer(session, &answer);
    enum err err = settle(session);
    if (err == OK)
        err = check_server(session, &answer);
    pg_answer_done(&answer);
    return err;
}

static enum err connect(struct pg_session *session)
{
    int64_t now_us = outside_monotonic_us(session->config.outside);
    struct arena scratch = { 0 };
    struct str why = { 0 };

    if (session->tried_us != 0 && now_us - session->tried_us < RECONNECT_GAP_MS * INT64_C(1000))
        return ERR_STORE_AWAY;
    session->tried_us = now_us;
    session->link = pg_link_open(session->config.conninfo,
                                 session->config.access == DB_WRITE ? WRITER_PATIENCE_MS : 0,
                                 &scratch, &why);
    if (session->link == NULL)
        say(session, "The PostgreSQL server cannot be reached, or refuses us. (%.*s)",
            STR_ARG(why));
    arena_done(&scratch);
    if (session->link == NULL)
        return ERR_STORE_AWAY;
    session->connection++;
    enum err err = meet(session);
    if (err == OK)
        session->tried_us = 0;
    else if (session->link != NULL)
        disconnect(session);
    return err == OK ? OK : ERR_STORE_AWAY;
}

/* A server that was started again meanwhile costs nobody an error. */
static enum err be_connected(struct pg_session *session)
{
    enum err of_the_last = OK;

    if (session->link != NULL && session->owed_count > 0)
        of_the_last = settle(session);
    (void)of_the_last;
    if (session->link != NULL && !pg_link_is_alive(session->link))
        disconnect(session);
    return session->link != NULL ? OK : connect(session);
}

/* Transactions. */

/* Rows are found by their keys, and an array of rows is written in its own order: one of them
 * may give up what a later one takes. So the planner gets no other choice, also not while it
 * believes that a table is still small (which index, it may then choose badly, until the
 * server's autovacuum has counted the rows). Nor are plans compiled: where there is no index, one
 * without the choice looks so dear that the server would spend a tenth of a second on that, each
 * time it is run. And a plan is made once, not anew for each array: making it took the server
 * longer than a small batch itself. A node that is stopped must not hold its rows for longer than
 * others wait for them. */
static const char begin_writing[] = "BEGIN ISOLATION LEVEL READ COMMITTED";
static const char settings[] =
    "SELECT set_config('synchronous_commit', $1, true), set_config('lock_timeout', '5s', true),"
    " set_config('idle_in_transaction_session_timeout', '3s', true),"
    " set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true),"
    " set_config('plan_cache_mode', 'force_generic_plan', true)";
/* A snapshot, as of its first query. */
static const char begin_reading[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

static void post_settings(struct pg_session *session)
{
    const struct sqltext what = { .kind = SQLTEXT_QUERY, .text = settings };
    char unused[8];
    const struct pg_param mode = pg_param_of(&session->commit_mode, unused);
    const struct pg_params params = { &mode, 1, OK };

    post(session, &what, &params, OWED_SETTING);
}

enum err pg_session_begin(struct pg_session *session)
{
    bool reads = session->config.access == DB_READ;

    assert(session->transaction == TRANSACTION_NONE);
    enum err err = be_connected(session);
    if (err != OK)
        return err;
    session->transaction = TRANSACTION_OPEN;
    post_literal(session, reads ? begin_reading : begin_writing, OWED_SETTING);
    if (!reads)
        post_settings(session);
    return OK;
}

enum err pg_session_commit(struct pg_session *session)
{
    assert(session->transaction != TRANSACTION_NONE);
    if (session->transaction == TRANSACTION_FAILED)
        return session->failed_with;
    post_literal(session, "COMMIT", OWED_COMMIT);
    enum err err = settle(session);
    if (err == OK)
        session->transaction = TRANSACTION_NONE;
    return err;
}

enum err pg_session_commit_with_next(struct pg_session *session)
{
    if (session->transaction == TRANSACTION_OPEN)
        post_literal(session, "SET LOCAL synchronous_commit = off", OWED_SETTING);
    return pg_session_commit(session);
}

/* Sent and not waited for. After a sync of its own: with a refusal before it, it would be
 * skipped too. */
void pg_session_rollback(struct pg_session *session)
{
    bool was_open = session->transaction != TRANSACTION_NONE;

    session->transaction = TRANSACTION_NONE;
    for (size_t i = 0; i < session->owed_count; i++)
        session->owed[i].answer = NULL;
    if (!was_open || session->link == NULL)
        return;
    pg_link_sync(session->link);
    owe(session, OWED_SYNC, NULL, OK);
    post_literal(session, "ROLLBACK", OWED_ROLLBACK);
    pg_link_sync(session->link);
    owe(session, OWED_SYNC, NULL, OK);
}

bool pg_session_is_open(const struct pg_session *session)
{
    return session->transaction != TRANSACTION_NONE;
}

/* A statement on its own, in one round trip all the same. */
static enum err ask_once(struct pg_session *session, const struct sqltext *what,
                          const struct pg_params *params, struct pg_answer *out)
{
    enum err err = pg_session_begin(session);

    if (err != OK)
        return err;
    post(session, what, params, OWED_STATEMENT);
    keep_answer(session, out);
    post_literal(session, "COMMIT", OWED_COMMIT);
    err = settle(session);
    if (err == OK)
        session->transaction = TRANSACTION_NONE;
    else
        pg_session_rollback(session);
    return err;
}

/* Once more when it was refused only for its name, which is not used again then. */
static enum err ask_alone(struct pg_session *session, const struct sqltext *what,
                          const struct pg_params *params, struct pg_answer *out)
{
    bool had_names = session->names;
    enum err err = ask_once(session, what, params, out);

    if (err != ERR_STORE_RETRY || session->link == NULL || had_names == session->names)
        return err;
    pg_answer_done(out);
    return ask_once(session, what, params, out);
}

enum err pg_session_ask(struct pg_session *session, const struct sqltext *what,
                        const struct pg_params *params, struct pg_answer *out)
{
    *out = (struct pg_answer){ 0 };
    if (session->transaction == TRANSACTION_NONE)
        return ask_alone(session, what, params, out);
    if (session->transaction == TRANSACTION_FAILED)
        return session->failed_with;
    post(session, what, params, OWED_STATEMENT);
    keep_answer(session, out);
    return settle(session);
}

enum err pg_session_post(struct pg_session *session, const struct sqltext *what,
                         const struct pg_params *params, struct pg_answer *out)
{
    *out = (struct pg_answer){ 0 };
    assert(session->transaction != TRANSACTION_NONE);
    if (session->transaction == TRANSACTION_FAILED)
        return session->failed_with;
    if (!has_room(session))
        return pg_session_ask(session, what, params, out);
    post(session, what, params, OWED_STATEMENT);
    keep_answer(session, out);
    return OK;
}

enum err pg_session_await(struct pg_session *session)
{
    assert(session->transaction != TRANSACTION_NONE);
    return session->transaction == TRANSACTION_FAILED ? session->failed_with : settle(session);
}

enum err pg_session_send(struct pg_session *session, const struct sqltext *what,
                         const struct pg_params *params)
{
    if (session->transaction == TRANSACTION_OPEN && has_room(session)) {
        post(session, what, params, OWED_STATEMENT);
        return OK;
    }
    struct pg_answer unused;
    enum err err = pg_session_ask(session, what, params, &unused);
    pg_answer_done(&unused);
    return err;
}

enum err pg_session_script(struct pg_session *session, struct str sql)
{
    struct arena scratch = { 0 };
    struct pg_answer answer;

    assert(session->transaction != TRANSACTION_NONE || session->config.access == DB_WRITE);
    if (session->transaction == TRANSACTION_FAILED)
        return session->failed_with;
    enum err err = session->transaction == TRANSACTION_NONE ? be_connected(session)
                                                            : settle(session);
    if (err != OK)
        return err;
    pg_link_script(session->link, str_c(&scratch, sql), &answer);
    arena_done(&scratch);
    if (answer.outcome == PG_LOST)
        err = lost(session);
    else if (answer.outcome == PG_REFUSED)
        err = refused(session, &(struct owed){ .otherwise = OK }, answer.sqlstate);
    pg_answer_done(&answer);
    return err == OK ? OK : fail(session, err);
}

/* Opening and closing. */

enum err pg_session_open(const struct pg_session_config *config, struct arena *arena,
                         struct pg_session **out, struct str *why)
{
    struct pg_session *session = mem_alloc(sizeof *session);

    session->config = *config;
    enum err err = connect(session);
    if (err == OK) {
        *out = session;
        return OK;
    }
    *why = str_copy(arena, pg_session_error(session));
    pg_session_close(session);
    return err;
}

void pg_session_close(struct pg_session *session)
{
    if (session == NULL)
        return;
    pg_link_close(session->link);
    pg_texts_done(&session->texts);
    mem_free(session);
}
