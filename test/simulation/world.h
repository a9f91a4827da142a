/* world.h - one simulated world: a node of the real engine, a disk, a network, a bank and shops,
 * on one thread, decided by a seed.
 *
 * True time is monotonic; the node's wall clock may be wrong by `skew_ms`. The parts call
 * world_say for everything that happens, in the order in which it does: the hash over those
 * lines is the run's trace. */
#ifndef SIMULATION_WORLD_H
#define SIMULATION_WORLD_H

#include "bank.h"
#include "dice.h"
#include "engine/step.h"
#include "faults.h"
#include "files.h"
#include "gateways.h"
#include "hooks.h"
#include "orders.h"
#include "told.h"
#include "traffic.h"

#define WORLD_WHERE "sqlite:/simulation"
#define SECOND_US INT64_C(1000000)

struct world {
    struct dice dice;
    struct outside outside;
    int64_t now_us, skew_ms;
    struct world_faults faults;
    const struct scenario *scenario;     /* NULL: requests as the dice have it */
    int64_t begin_us;
    enum world_plan plan;
    unsigned plan_at, calls;
    bool has_healed;

    struct files *files;
    struct engine *engine;
    bool is_running;
    int64_t flush_us;                    /* when what was committed goes onto the disk; 0 never */
    struct reader reader;
    struct told_things told;
    struct engine_steps steps_of;
    struct arena node_arena;
    int64_t full_until_us;
    bool had_disk_faults;

    struct vault *vault;
    struct account accounts[ACCOUNT_COUNT];
    struct bank bank;
    struct outside gateways_outside;     /* theirs: their clock is right */
    struct post posts[POSTS_MAX];
    struct packet packets[PACKETS_MAX];
    struct order orders[ORDERS_MAX];
    struct request requests[REQUESTS_MAX];
    size_t order_count, request_count;
    size_t wanted_orders, wanted_requests;
    struct merchant_id merchant;
    bool has_hooks;
    struct hook hooks[HOOKS_COUNT];
    struct receipt receipts[RECEIPTS_MAX];
    size_t receipt_count;
    unsigned taken;
    bool is_used[ACCOUNT_COUNT];         /* by this world's shops */

    bool is_talkative;
    uint64_t trace;
    const char *invariant;               /* the first that is broken; NULL while none is */
    char wrong[300];
    unsigned steps, crashes, faults_done;
    int64_t tasks;                       /* that a person has to decide, at the end */
};

void world_say(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void world_blame(struct world *world, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool world_chance(struct world *world, unsigned per_mille);

/* Once per process: the disk with empty books, which every world begins with. */
void world_prepare(struct world *world);
/* Lives a prepared world to its end. Once per process. */
void world_live(struct world *world, uint64_t seed);
/* A scenario in which nothing goes wrong but by the plan: of PLAN_NONE, nothing at all. */
void world_live_scenario(struct world *world, uint64_t seed, const struct scenario *scenario,
                         enum world_plan plan, unsigned at);
/* Whether this call, and this thing that can happen to it, are what the plan is about. */
bool world_is_planned(struct world *world, enum world_plan plan);

/* node.c: the engine, its death and its return. */
void node_start(struct world *world);
void node_stop(struct world *world);
void node_crash(struct world *world);
void node_die(void *world);
/* A turn of the shop's that cannot fail; it is over when this returns. */
void node_do(struct world *world, struct desk_turn *turn, const struct turn_handler *handler,
             const void *ask);

/* wire.c */
void wire_take(void *world, struct call *call);
bool wire_send(void *world, struct client_call *wire);
/* Does one thing that is due; false when nothing is. */
bool wire_step(struct world *world);
int64_t wire_due_us(const struct world *world);      /* 0: never */
/* Calls of a node that stops have nobody to hear their answers. */
void wire_lose_callers(struct world *world);

/* post.c */
/* What gateways.c tells of: goes out at once, later, twice, or not at all; and forged ones. */
void post_tells(void *world, const struct telling *telling);
bool post_step(struct world *world);
int64_t post_due_us(const struct world *world);

/* accounts.c: at the gateways, in books that are empty. */
void accounts_open_vault(struct world *world);
void accounts_make(struct world *world);

/* shop.c: shops that want things, ask until they have a final answer, and hold it against the
 * node when it changes. */
bool shop_step(struct world *world);                 /* asks, or thinks of, what is due */
bool shop_is_content(const struct world *world);     /* has a final answer to everything */
int64_t shop_due_us(const struct world *world);
void shop_wake(void *world, const struct turn_answer *const *answers, size_t count);

/* judge.c */
void judge_books(struct world *world);               /* what the books alone can tell: any time */
void judge_return(struct world *world);              /* after a death: are they whole, and is there
                                                        what anybody was told */
void judge_quiet(struct world *world);               /* books and bank, once nothing is under way */

#endif
