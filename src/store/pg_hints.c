/* pg_hints.c - hints over LISTEN and NOTIFY. Surprises:
 *
 *   - A transaction that notifies holds a lock of the whole server until its commit is on the
 *     disk. So no batch notifies: this connection does, after the commit, and its own commits
 *     wait for no disk.
 *   - A channel is the database's and not the schema's, whose name is therefore in it.
 *   - A pooler takes LISTEN and says yes; what is heard goes to whoever comes next. */
#include "store/pg_hints.h"

#include <assert.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "store/pg_link.h"

#define RECONNECT_GAP_MS 1000
#define PATIENCE_MS 10000

struct hints {
    struct arena arena;          /* as long as the hints */
    const char *conninfo;
    struct pg_link *link;        /* NULL when there is no connection */
    struct arena of_link;
    struct str channel;
    bool pooled;
    int nudged;                  /* an eventfd */
};

static void disconnect(struct hints *hints)
{
    pg_link_close(hints->link);
    hints->link = NULL;
    arena_reset(&hints->of_link);
}

/* One statement; to be ended with pg_answer_done. */
static bool ask(struct hints *hints, const char *sql, const struct pg_param *params, size_t count,
                struct pg_answer *out)
{
    struct pg_answer synced;

    pg_link_run(hints->link, sql, params, count);
    pg_link_sync(hints->link);
    pg_link_take(hints->link, out);
    pg_link_take(hints->link, &synced);
    bool done = out->outcome == PG_ROWS && synced.outcome == PG_SYNCED;
    pg_answer_done(&synced);
    return done;
}

/* Who we are, behind what. */
static bool meet(struct hints *hints)
{
    struct pg_answer answer;
    bool met = ask(hints,
                   "SELECT 'purser_' || to_hex(hashtext(current_schema())), pg_backend_pid()",
                   NULL, 0, &answer);

    if (met) {
        struct db_value channel = pg_answer_value(&answer, 0, 0);
        met = channel.type == DB_TEXT;
        hints->channel = met ? str_copy(&hints->of_link, channel.bytes) : (struct str){ 0 };
        hints->pooled = pg_answer_value(&answer, 0, 1).number != pg_link_pid(hints->link);
    }
    pg_answer_done(&answer);
    return met;
}

static bool listen_on(struct hints *hints)
{
    struct pg_answer answer;
    struct str script = str_format(&hints->of_link, "SET synchronous_commit = off; LISTEN %.*s",
                                   STR_ARG(hints->channel));

    pg_link_script(hints->link, script.ptr, &answer);
    bool done = answer.outcome == PG_DONE;
    pg_answer_done(&answer);
    return done;
}

static void connect(struct hints *hints)
{
    struct arena scratch = { 0 };
    struct str why;

    hints->link = pg_link_open(hints->conninfo, PATIENCE_MS, &scratch, &why);
    arena_done(&scratch);
    if (hints->link != NULL && (!meet(hints) || hints->pooled || !listen_on(hints)))
        disconnect(hints);
}

static void deliver(struct hints *hints, void (*heard)(void *self, struct str text), void *self)
{
    struct str text;

    while (pg_link_heard(hints->link, &text))
        heard(self, text);
}

static enum hints_state state_of(const struct hints *hints)
{
    return hints->link != NULL ? HINTS_HEARD : hints->pooled ? HINTS_POOLED : HINTS_AWAY;
}

enum hints_state hints_wait(struct hints *hints, void (*heard)(void *self, struct str text),
                            void *self)
{
    eventfd_t count;

    if (hints->link == NULL && !hints->pooled) {
        connect(hints);
        if (hints->link != NULL || hints->pooled)
            return state_of(hints);
    }
    /* What came with the answer to a statement is here already. */
    if (hints->link != NULL)
        deliver(hints, heard, self);
    bool alive = pg_link_wait(hints->link, hints->nudged,
                              hints->link != NULL || hints->pooled ? -1 : RECONNECT_GAP_MS);
    /* Empty when it was not that which ended the wait. */
    (void)eventfd_read(hints->nudged, &count);
    if (hints->link != NULL)
        deliver(hints, heard, self);
    if (hints->link != NULL && !alive)
        disconnect(hints);
    return state_of(hints);
}

void hints_nudge(struct hints *hints)
{
    (void)eventfd_write(hints->nudged, 1);
}

bool hints_send(struct hints *hints, struct str text)
{
    struct pg_answer answer;

    assert(text.len <= HINT_MAX);
    if (hints->link == NULL)
        return false;
    const struct pg_param params[] = {
        { PG_TEXT, hints->channel.ptr, hints->channel.len }, { PG_TEXT, text.ptr, text.len },
    };
    bool sent = ask(hints, "SELECT pg_notify($1, $2)", params, 2, &answer);
    pg_answer_done(&answer);
    if (!sent)
        disconnect(hints);
    return sent;
}

struct hints *pg_hints_open(const char *conninfo)
{
    struct hints *hints = mem_alloc(sizeof *hints);

    hints->conninfo = str_c(&hints->arena, str_of(conninfo));
    hints->nudged = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert(hints->nudged >= 0);
    return hints;
}

void hints_close(struct hints *hints)
{
    if (hints == NULL)
        return;
    pg_link_close(hints->link);
    close(hints->nudged);
    arena_done(&hints->of_link);
    arena_done(&hints->arena);
    mem_free(hints);
}
