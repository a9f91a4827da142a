/* node.c - the simulated process: the real engine, its death and its return. */
#include <assert.h>

#include "base/time.h"
#include "engine/step.h"
#include "world.h"

static bool try_start(struct world *world, struct str *why)
{
    const struct engine_config config = {
        .where = STR(WORLD_WHERE),
        .vault = world->vault,
        .reconcile_ms = 12 * HOUR_MS,
        .public_url = STR("http://purser.test"),
        .outside = &world->outside,
        .readers = 0,
        .writers = 1,
        .wake = shop_wake,
        .wake_self = world,
        .steps = &world->steps_of,
    };

    return engine_open(&config, &world->node_arena, &world->engine, why) == OK;
}

/* One death in four is the process's alone. */
static void come_back(struct world *world)
{
    bool power_was_lost = dice_chance(&world->dice, 750);
    world_say(world, power_was_lost ? "the power was lost" : "it was killed");
    files_return(world->files, power_was_lost);
}

/* A disk that died meanwhile comes back with what it had, one that is full is waited for. */
void node_start(struct world *world)
{
    struct str why = { 0 };

    for (int tries = 0; !try_start(world, &why); tries++) {
        world_say(world, "no start");
        arena_reset(&world->node_arena);
        if (world->files->is_dead)
            come_back(world);
        world->files->is_full = false;
        if (tries > 20) {
            world_blame(world, "L", "the node does not start: %.*s", STR_ARG(why));
            return;
        }
    }
    world->is_running = true;
    world_say(world, "started");
}

/* What a dead one lets out is nobody's. */
static void close(struct world *world)
{
    (void)engine_step_flush(world->engine);
    world->flush_us = 0;
    world->is_running = false;
    reader_leave(world);
    wire_lose_callers(world);
    engine_close(world->engine, 0);
    world->engine = NULL;
    arena_reset(&world->node_arena);
}

void node_stop(struct world *world)
{
    world_say(world, "stop");
    close(world);
    /* It may have died while it was stopping. */
    if (world->files->is_dead)
        come_back(world);
}

void node_crash(struct world *world)
{
    world_say(world, "crash");
    world->crashes++;
    world->files->is_dead = true;
    close(world);
    come_back(world);
}

void node_die(void *self)
{
    struct world *world = self;
    world_say(world, "it ends, because a flush failed");
    world->files->is_dead = true;
}

static void turn_done(struct desk_turn *turn)
{
    assert(turn->err == OK);
    desk_turn_free(turn);
}

void node_do(struct world *world, struct desk_turn *turn, const struct turn_handler *handler,
             const void *ask)
{
    const struct desk *desk = engine_desk(world->engine);

    turn->input = (struct turn_input){ .handler = handler, .merchant = world->merchant,
                                       .origin = ORIGIN_API, .actor = STR("shop"), .ask = ask };
    turn->done = turn_done;
    bool taken = desk->submit(desk->self, turn);
    assert(taken);
    (void)taken;
    (void)engine_step_turns(world->engine, 1);
    (void)engine_step_flush(world->engine);
}
