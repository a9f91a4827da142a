/* desk.h - where turns and queries are handed in, whoever works on them.
 *
 * The engine's threads are behind it in production, one deterministic thread in the
 * simulation. Whoever hands something in does not know which. */
#ifndef STORE_DESK_H
#define STORE_DESK_H

#include "base/arena.h"
#include "base/list.h"
#include "core/check.h"
#include "core/turn.h"
#include "store/db.h"

/* A turn on its way. The caller makes it, with everything that `input` points to in
 * `arena`, and gets it back through `done`, on another thread, after the commit or the
 * refusal; the fields below `user` are filled by then and live in `arena`. */
struct desk_turn {
    struct arena arena;
    struct turn_input input;                 /* `run` is filled in by the desk */
    void (*done)(struct desk_turn *turn);
    void *user;

    enum err err;
    struct str detail;
    struct str param;
    int64_t retry_after_s;
    struct turn_answer answer;
    /* Called before it is freed, wherever that is: ends the secrets in it. NULL: there are none,
     * or whoever frees it ends them. */
    void (*ending)(struct desk_turn *turn);
    struct link link;                        /* the desk's */
};

/* A query: `run`, then `done`, are called on a reader's thread, with `err` what `run` returned:
 * every error of the books that it met, for others may read after it in the same snapshot. `run` is
 * called again, and makes all that it makes anew, when the connection was lost meanwhile. */
struct desk_read {
    struct arena arena;
    enum err (*run)(struct desk_read *read, struct db *db);
    void (*done)(struct desk_read *read);
    void *user;
    enum err err;
    struct link link;                        /* the desk's */
};

/* Whether a gateway account is ready (core/check.h), by harmless calls. The caller makes it, with
 * everything that it points to in `arena`, and gets it back through `done`, on another thread,
 * with the report. */
struct desk_check {
    struct arena arena;
    const struct gateway *gateway;
    const struct gateway_account *account;
    struct secret credentials;               /* opened; empty: none, or no key opens them */
    struct str public_url;
    struct str test, test_answer;            /* check_test_make, check_test_answer */
    void (*done)(struct desk_check *check);
    void *user;
    void (*over)(void *self);                /* the desk's: called just before `done` */
    void *over_self;

    struct check_report report;
};

/* The page of ours with a gateway's script (struct gateway_page), made with a token for this one
 * order. As above; what it points to lives until `done`. Nothing of it is kept. */
struct desk_page {
    struct arena arena;
    const struct gateway *gateway;
    const struct gateway_account *account;
    const struct payment *payment;
    struct secret credentials;               /* opened */
    struct str public_url, language;
    void (*done)(struct desk_page *page);
    void *user;
    void (*over)(void *self);                /* the desk's: called just before `done` */
    void *over_self;

    enum err err;                            /* then `page` is not there */
    struct gateway_page page;
};

struct desk {
    void *self;
    /* False when those before it wait for too long, or the desk is closing: nothing happened. */
    bool (*submit)(void *self, struct desk_turn *turn);
    bool (*read)(void *self, struct desk_read *read);
    /* Queries that were handed in may wait until this is called, and are then begun. */
    void (*begin_reads)(void *self);
    /* Writes and commits one row, then done(user, err) on the writer's thread. */
    bool (*probe)(void *self, void (*done)(void *user, enum err err), void *user);
    /* False when too many are under way, or the desk is closing. */
    bool (*check)(void *self, struct desk_check *check);
    bool (*page)(void *self, struct desk_page *page);
    /* Whether a turn would be refused now, because those before it wait for too long: asked
     * before any work is put into one. */
    bool (*is_behind)(void *self);
};

struct desk_turn *desk_turn_new(void);
void desk_turn_free(struct desk_turn *turn);     /* a card in it is a secret: end that first */
struct desk_read *desk_read_new(void);
void desk_read_free(struct desk_read *read);
struct desk_check *desk_check_new(void);
void desk_check_free(struct desk_check *check);  /* ends its secrets */
struct desk_page *desk_page_new(void);
void desk_page_free(struct desk_page *page);     /* likewise; accepts NULL */

#endif
