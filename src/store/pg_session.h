/* pg_session.h - transactions on a PostgreSQL server: a link that is opened again when it was
 * lost, statements that are prepared once, answers that are waited for together.
 *
 * Between pg_session_begin and its end, pg_session_send only sends. What is refused is told by
 * a later pg_session_ask or by pg_session_commit; from the refusal on the server skips
 * everything, and so does this side once it knows. Outside of a transaction each statement is
 * one of its own. The rules are those of db.h. Inside store only. */
#ifndef STORE_PG_SESSION_H
#define STORE_PG_SESSION_H

#include "store/pg_link.h"
#include "store/sqltext.h"

struct pg_session;

struct pg_session_config {
    const char *conninfo;        /* lives as long as the session */
    const struct outside *outside;
    enum db_access access;
    bool durable;
};

must_check enum err pg_session_open(const struct pg_session_config *config, struct arena *arena,
                                    struct pg_session **out, struct str *why);
void pg_session_close(struct pg_session *session);       /* accepts NULL */
struct str pg_session_error(const struct pg_session *session);

must_check enum err pg_session_begin(struct pg_session *session);
must_check enum err pg_session_commit(struct pg_session *session);
/* db_commit_with_next */
must_check enum err pg_session_commit_with_next(struct pg_session *session);
void pg_session_rollback(struct pg_session *session);
bool pg_session_is_open(const struct pg_session *session);       /* in a transaction */

struct pg_params {
    const struct pg_param *items;
    size_t count;
    enum err otherwise;          /* when nothing, or not enough, was there to be changed */
};

must_check enum err pg_session_send(struct pg_session *session, const struct sqltext *what,
                                    const struct pg_params *params);
/* To be ended with pg_answer_done, on an error too. */
must_check enum err pg_session_ask(struct pg_session *session, const struct sqltext *what,
                                   const struct pg_params *params, struct pg_answer *out);
/* Only sends; `out` gets the answer by pg_session_await, or whatever is waited for before it, and
 * is to be ended with pg_answer_done then. After pg_session_rollback it gets none any more. */
must_check enum err pg_session_post(struct pg_session *session, const struct sqltext *what,
                                    const struct pg_params *params, struct pg_answer *out);
must_check enum err pg_session_await(struct pg_session *session);
/* Any number of statements, unprepared, waited for. */
must_check enum err pg_session_script(struct pg_session *session, struct str sql);

/* Something that this side found wrong: sets the sentence, fails the transaction, returns
 * ERR_STORE. */
__attribute__((format(printf, 2, 3))) enum err pg_session_fail(struct pg_session *session,
                                                               const char *format, ...);

#endif
