/* discovery_parts.h - what discovery.c and discovery_walk.c share. */
#ifndef ENGINE_DISCOVERY_PARTS_H
#define ENGINE_DISCOVERY_PARTS_H

#include "core/account.h"
#include "engine/engine_parts.h"

struct discovery {
    struct engine *engine;
    struct db *db;
    pthread_t thread;
    bool started;
    struct id_maker ids;
    struct arena arena;              /* of a look */
    struct gateway_account_list accounts;
    int64_t due_ms;                  /* of the next look; 0: none is known */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
    bool wished;
    struct reconciliation wish;
    struct arena wish_arena, wish_taken;
    bool turn_over;
    enum err turn_err;
};

struct walk_ids {
    struct id *items;
    size_t count, room;
};

/* One pass through what an account has. */
struct walk {
    struct discovery *discovery;
    const struct gateway_account *account;
    const struct gateway *gateway;
    struct account_settings settings;
    const struct reconciliation *asked;      /* or NULL */
    int64_t from_ms, to_ms;
    struct reconciliation row;               /* its counts */
    struct walk_ids suspects;                /* payments that were asked about */
    size_t asked_count;                      /* at the end */
    struct str account_text;
    struct secret credentials;
    struct gateway_ask ask;
    struct arena page;                       /* of one page */
    struct walk_ids seen;                    /* payments that the gateway has */
    struct payment_list rows;                /* of ours, a page */
};

/* Whether all of it was seen. */
bool walk_run(struct walk *walk);

bool discovery_stopping(struct discovery *discovery);
/* Sleeps, unless it is told to stop. */
void discovery_pause(struct discovery *discovery, int64_t pause_ms);
/* Hands in a turn and waits for its commit. */
enum err discovery_turn(struct discovery *discovery, struct desk_turn *turn);

#endif
