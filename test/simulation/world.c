/* world.c - one life, decided by its seed: first everything may go wrong, then nothing does any
 * more and all must come to an end by itself. */
#include "world.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "store/store.h"

#define BEGIN_MS INT64_C(1767225600000)
#define STEPS_MAX 300000
#define FLUSH_MOST_US 30000
#define COPY_PER_MILLE 10
#define COPY_BETWEEN_PER_MILLE 20
#define READ_PER_MILLE 60
/* Beyond any wait that the rules give a payment: authorisations of five days, 96 captures an hour
 * apart. */
#define AFTERLIFE_US (14 * 24 * 3600 * SECOND_US)

void world_say(struct world *world, const char *format, ...)
{
    char line[600];
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    size_t kept = (size_t)len < sizeof line ? (size_t)len : sizeof line - 1;
    world->trace = digest_add(world->trace, line, kept);
    world->trace ^= (uint64_t)world->now_us;
    if (world->is_talkative)
        printf("%12.6f  %s\n", (double)world->now_us / 1e6, line);
}

void world_blame(struct world *world, const char *invariant, const char *format, ...)
{
    va_list arguments;

    if (world->invariant)
        return;
    world->invariant = invariant;
    va_start(arguments, format);
    vsnprintf(world->wrong, sizeof world->wrong, format, arguments);
    va_end(arguments);
    world_say(world, "BROKEN %s: %s", invariant, world->wrong);
}

bool world_chance(struct world *world, unsigned per_mille)
{
    if (world->has_healed || !dice_chance(&world->dice, per_mille))
        return false;
    world->faults_done++;
    return true;
}

/* The outside of the node. */

static int64_t wall_ms(void *self)
{
    const struct world *world = self;
    return BEGIN_MS + world->now_us / 1000 + world->skew_ms;
}

/* The gateways': theirs is right. */
static int64_t right_ms(void *self)
{
    const struct world *world = self;
    return BEGIN_MS + world->now_us / 1000;
}

static int64_t true_us(void *self)
{
    const struct world *world = self;
    return world->now_us;
}

static void random_bytes(void *self, void *out, size_t len)
{
    struct world *world = self;
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)out)[i] = (unsigned char)dice_next(&world->dice);
}

static enum err take_merchant(void *self, void *row)
{
    *(struct merchant_id *)self = ((const struct merchant *)row)->id;
    return OK;
}

static enum err take_account(void *self, void *row)
{
    const struct gateway_account *account = row;
    *(struct gateway_account_id *)self = account->id;
    return OK;
}

/* Whom the books made themselves, and their account. */
static void find_merchant(struct world *world)
{
    struct arena arena = { 0 };
    struct db *db = NULL;
    struct str why;

    enum err err = store_open_reader(STR(WORLD_WHERE), &world->outside, &arena, &db, &why);
    if (!err)
        err = db_select(db, &table_merchants, "1 = 1", NULL, 0, &arena, take_merchant,
                        &world->merchant);
    if (!err)
        err = db_select(db, &table_gateway_accounts, "1 = 1", NULL, 0, &arena, take_account,
                        &world->accounts[ACCOUNT_SANDBOX].row.id);
    assert(err == OK);
    (void)err;
    db_close(db);
    arena_done(&arena);
}

void world_prepare(struct world *world)
{
    *world = (struct world){ .now_us = SECOND_US, .has_healed = true };
    world->outside = (struct outside){ world, wall_ms, true_us, random_bytes, FILES_NAME };
    world->gateways_outside = (struct outside){ world, right_ms, true_us, random_bytes,
                                                FILES_NAME };
    world->steps_of = (struct engine_steps){ world, wire_take, wire_send, node_die };
    world->files = files_open();
    world->files->dice = &world->dice;
    accounts_open_vault(world);
    node_start(world);
    find_merchant(world);
    accounts_make(world);
    node_stop(world);
    assert(!world->invariant);
}

/* Each life has its own mixture: some faults often, some never. */
static void choose_faults(struct world *world)
{
    static const unsigned often[] = { 0, 0, 20, 100, 300 };
    static const unsigned rarely[] = { 0, 0, 2, 6, 15 };
#define CALLS(name) world->faults.name = often[dice_below(&world->dice, 5)];
#define NODE(name)  world->faults.name = rarely[dice_below(&world->dice, 5)];
    CALLS(refused) CALLS(lost_before) CALLS(lost_after) CALLS(late) CALLS(doubled) CALLS(garbled)
    CALLS(slow) CALLS(blind) CALLS(shop_down)
    CALLS(unheard) CALLS(told_late) CALLS(told_twice) CALLS(forged)
    NODE(crash) NODE(restart) NODE(disk_error) NODE(sync_error) NODE(disk_full)
    NODE(clock_step) NODE(impatient)
#undef CALLS
#undef NODE
    world->is_used[ACCOUNT_SANDBOX] = dice_chance(&world->dice, 700);
    world->is_used[ACCOUNT_EPAYMENT_SALE] = dice_chance(&world->dice, 400);
    world->is_used[ACCOUNT_EPAYMENT_HOLD] = dice_chance(&world->dice, 400);
    world->is_used[ACCOUNT_HYPERSWITCH] = dice_chance(&world->dice, 400);
    world->wanted_orders = 1 + dice_below(&world->dice, ORDERS_MAX);
    world->wanted_requests = world->wanted_orders + dice_below(&world->dice, 5) * 20;
    if (world->wanted_requests > REQUESTS_MAX)
        world->wanted_requests = REQUESTS_MAX;
}

static void do_harm(struct world *world)
{
    static const int64_t steps_ms[] = { -HOUR_MS, -5000, -900, 900, 5000, HOUR_MS, DAY_MS };
    const struct world_faults *faults = &world->faults;
    struct files *files = world->files;

    if (world_chance(world, faults->crash))
        files->dies_in = dice_chance(&world->dice, 300) ? 1 : 1 + dice_below(&world->dice, 60);
    /* Most of all while there is something that may be lost. */
    if (world->flush_us && world_chance(world, 2 * faults->crash))
        files->is_dead = true;
    if (world_chance(world, faults->disk_error))
        files->fails_in = 1 + dice_below(&world->dice, 30);
    if (world_chance(world, faults->sync_error))
        files->sync_fails_in = 1 + dice_below(&world->dice, 4);
    if (world_chance(world, faults->disk_full)) {
        files->is_full = true;
        world->full_until_us = world->now_us + dice_between(&world->dice, 0, 20 * SECOND_US);
    }
    if (world_chance(world, faults->clock_step)) {
        world->skew_ms += steps_ms[dice_below(&world->dice, 7)];
        world_say(world, "the clock is %lld ms off", (long long)world->skew_ms);
    }
    if (world_chance(world, faults->restart)) {
        node_stop(world);
        node_start(world);
    }
    if (world->plan == PLAN_FULL && files->is_full && !world->full_until_us) {
        world->full_until_us = world->now_us + 5 * SECOND_US;
        world->faults_done++;
    }
    if (world->now_us >= world->full_until_us)
        files->is_full = false;
}

bool world_is_planned(struct world *world, enum world_plan plan)
{
    if (world->plan != plan || world->calls != world->plan_at)
        return false;
    world->faults_done++;
    return true;
}

/* A full disk has room again after a while. */
static void begin_plan(struct world *world)
{
    struct files *files = world->files;

    if (world->plan == PLAN_DIES)
        files->dies_in = world->plan_at;
    if (world->plan == PLAN_FAILS)
        files->fails_in = world->plan_at;
    if (world->plan == PLAN_FULL)
        files->full_in = world->plan_at;
}

/* Time. */

static int64_t node_due_us(const struct world *world)
{
    int64_t due_ms = engine_step_due_ms(world->engine);
    if (due_ms == 0)
        return 0;
    return world->now_us + (due_ms - wall_ms((void *)(uintptr_t)world)) * 1000;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* To when something is due; false when that is never, or too late to matter. */
static bool pass_time(struct world *world, int64_t end_us)
{
    int64_t due = earlier(earlier(wire_due_us(world), shop_due_us(world)),
                          earlier(node_due_us(world), post_due_us(world)));
    due = earlier(due, engine_step_webhooks_us(world->engine));
    due = earlier(due, world->flush_us);
    if (due == 0 || due > end_us)
        return false;
    world->now_us = due > world->now_us ? due : world->now_us + 1000;
    return true;
}

static bool step_clock(struct world *world)
{
    return engine_step_clock(world->engine);
}

static bool step_webhooks(struct world *world)
{
    return engine_step_webhooks(world->engine);
}

/* A disk takes its time. */
static bool step_turns(struct world *world)
{
    bool done = engine_step_turns(world->engine, 1 + dice_below(&world->dice, 8)) > 0;
    if (done && !world->flush_us)
        world->flush_us = world->now_us + dice_between(&world->dice, 0, FLUSH_MOST_US)
                                              * (dice_chance(&world->dice, 100) ? 20 : 1);
    return done;
}

static bool step_flush(struct world *world)
{
    if (!world->flush_us || world->flush_us > world->now_us)
        return false;
    world->flush_us = 0;
    return engine_step_flush(world->engine);
}

/* What goes on beside all that. */
static void step_beside(struct world *world)
{
    if (dice_chance(&world->dice, COPY_PER_MILLE))
        engine_step_copy(world->engine);
    if (!world->files->is_dead && dice_chance(&world->dice, READ_PER_MILLE))
        reader_step(world);
}

/* The thread that copies the log into the file may do so while the writer or the flusher is at the
 * disk. */
static void copy_between(void *self)
{
    struct world *world = self;
    if (world->is_running && dice_chance(&world->dice, COPY_BETWEEN_PER_MILLE))
        engine_step_copy(world->engine);
}

/* One thing that can be done now, whoever's turn it is. */
static bool step(struct world *world)
{
    static bool (*const all[])(struct world *world) = { step_turns, wire_step, shop_step,
                                                        step_clock, post_step,
                                                        step_webhooks, step_flush };
    static const uint32_t count = sizeof all / sizeof all[0];
    uint32_t from = dice_below(&world->dice, count);
    bool done = false;

    step_beside(world);
    for (uint32_t i = 0; i < count && !done && !world->files->is_dead; i++)
        done = all[(from + i) % count](world);
    if (world->files->is_dead) {
        node_crash(world);
        world->now_us += dice_between(&world->dice, 0, 10 * SECOND_US);
        node_start(world);
        judge_return(world);
        return true;
    }
    return done;
}

static void live_until(struct world *world, unsigned steps, int64_t end_us)
{
    while (!world->invariant && world->steps < steps) {
        world->steps++;
        if (!world->has_healed)
            do_harm(world);
        if (!step(world) && !pass_time(world, end_us))
            return;
        if (!world->has_healed && world->steps % 200 == 0)
            judge_books(world);
    }
}

static void heal(struct world *world)
{
    world->has_healed = true;
    world->files->is_full = false;
    world->files->fails_in = world->files->dies_in = world->files->full_in = 0;
    world->files->sync_fails_in = 0;
    world_say(world, "healed");
}

static void hear_wrong(void *self, struct str line)
{
    world_blame(self, "I3", "it was asked for: %.*s", STR_ARG(line));
}

static void begin_gateways(struct world *world)
{
    static const char *const shown[] = { "charge", "refund", "reduced" };
    const struct gateways_ears ears = { world, hear_wrong, post_tells };
    static char url[100];
    struct buf text;

    buf_fixed(&text, url, sizeof url);
    buf_add_c(&text, "http://purser.test/v1/notifications/hyperswitch/");
    gateway_account_id_write(&text, world->accounts[ACCOUNT_HYPERSWITCH].row.id);
    gateways_begin(&world->gateways_outside, &ears, buf_str(&text),
                   shown[dice_below(&world->dice, 3)]);
}

static void be_born(struct world *world, uint64_t seed)
{
    world->dice.state = seed;
    world->trace = DIGEST_BEGIN;
    world->files->touches = 0;
    world->files->between = copy_between;
    world->files->self = world;
    begin_gateways(world);
}

/* Nothing goes wrong any more, or but one thing. */
static void come_to_an_end(struct world *world)
{
    live_until(world, STEPS_MAX, world->now_us + AFTERLIFE_US);
    /* A look of the reconciler's may just have begun. */
    if (!world->invariant && wire_due_us(world))
        live_until(world, STEPS_MAX, world->now_us + 60 * SECOND_US);
    if (world->steps >= STEPS_MAX)
        world_blame(world, "L", "it is not over after %d steps", STEPS_MAX);
    if (!world->invariant)
        judge_quiet(world);
    if (!world->invariant && !world->tasks && !shop_is_content(world))
        world_blame(world, "L", "a shop has no final answer");
    node_stop(world);
}

void world_live(struct world *world, uint64_t seed)
{
    be_born(world, seed);
    choose_faults(world);
    node_start(world);
    if (dice_chance(&world->dice, 200)) {
        hooks_begin(world);
        /* Of tries the books know the wall clock alone: once that is set back, they cannot tell
         * in which order events went (store/checker_webhooks.c). */
        world->faults.clock_step = 0;
    }
    world->has_healed = false;
    live_until(world, 300 + dice_below(&world->dice, 1500), INT64_MAX);
    heal(world);
    come_to_an_end(world);
}

void world_live_scenario(struct world *world, uint64_t seed, const struct scenario *scenario,
                         enum world_plan plan, unsigned at)
{
    be_born(world, seed);
    world->scenario = scenario;
    world->is_used[scenario->at] = true;
    world->begin_us = world->now_us;
    world->plan = plan;
    world->plan_at = at;
    world->wanted_orders = world->wanted_requests = 1;
    while (world->wanted_requests <= SCENARIO_STEPS_MAX
           && scenario->steps[world->wanted_requests - 1].kind != ASK_CREATE)
        world->wanted_requests++;
    /* With endpoints that are there already, or from the node's first breath. */
    if (scenario->hooks) {
        node_start(world);
        hooks_begin(world);
    }
    world->files->touches = 0;
    begin_plan(world);
    world->has_healed = false;
    if (!scenario->hooks)
        node_start(world);
    come_to_an_end(world);
}
