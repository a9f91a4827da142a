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
#include "scenario.h"

#define WORLD_WHERE "sqlite:/simulation"
#define SECOND_US INT64_C(1000000)

#define PACKETS_MAX 512

/* A request on its way, and its caller while there is one. */
struct packet {
    bool is_used, has_arrived, is_garbled;
    struct call *call;
    struct arena arena;
    struct http_request request;
    struct http_reply reply;
    int64_t arrives_us, replies_us;      /* 0: never */
    int64_t visible_us;                  /* what it does, to enquiries */
};

#define ORDERS_MAX 24
#define REQUESTS_MAX 160

enum request_state { REQUEST_ASKS, REQUEST_WAITS, REQUEST_DONE };

struct request {
    enum request_kind kind;
    enum request_state state;
    size_t order;
    int64_t amount_minor;
    enum payer_way payer;
    struct id key;                       /* of its claim */
    unsigned under_way;                  /* turns of it that are with the node */
    int64_t next_us;                     /* when it is asked (again) */
    unsigned tries;
    unsigned wanted;                     /* times that it is asked however well it goes */
    int final_status;                    /* 0: none yet */
    uint64_t final_digest;               /* of the first final answer */
};

struct order {
    int64_t amount_minor;
    const char *card;
    bool manual;
    bool is_known;
    struct payment_id payment;
};

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
    struct engine_steps steps_of;
    struct arena node_arena;
    int64_t full_until_us;
    bool had_disk_faults;

    struct bank bank;
    struct packet packets[PACKETS_MAX];
    struct order orders[ORDERS_MAX];
    struct request requests[REQUESTS_MAX];
    size_t order_count, request_count;
    size_t wanted_orders, wanted_requests;
    struct merchant_id merchant;

    bool is_talkative;
    uint64_t trace;
    const char *invariant;               /* the first that is broken; NULL while none is */
    char wrong[300];
    unsigned steps, crashes, faults_done;
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

/* wire.c */
void wire_take(void *world, struct call *call);
/* Does one thing that is due; false when nothing is. */
bool wire_step(struct world *world);
int64_t wire_due_us(const struct world *world);      /* 0: never */
/* Calls of a node that stops have nobody to hear their answers. */
void wire_lose_callers(struct world *world);

/* shop.c: shops that want things, ask until they have a final answer, and hold it against the
 * node when it changes. */
bool shop_step(struct world *world);                 /* asks, or thinks of, what is due */
bool shop_is_content(const struct world *world);     /* has a final answer to everything */
int64_t shop_due_us(const struct world *world);
void shop_wake(void *world, const struct turn_answer *const *answers, size_t count);

/* judge.c */
void judge_books(struct world *world);               /* what the books alone can tell: any time */
void judge_quiet(struct world *world);               /* books and bank, once nothing is under way */

#endif
