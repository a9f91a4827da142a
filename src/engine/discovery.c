/* discovery.c - the thread: which account is due, and its pass. discovery_walk.c walks. */
#include "engine/discovery.h"

#include <assert.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "core/account.h"
#include "core/requests.h"
#include "engine/discovery_parts.h"
#include "gateways/gateways.h"
#include "store/db_one.h"
#include "store/query_jobs.h"

#define LOOK_MAX_MS (1 * MINUTE_MS)
/* A pass goes back behind the end of the last one: clocks differ, and rows come late there. */
#define OVERLAP_MS (1 * DAY_MS)
/* A window ends in the past, so that no page shifts under the reader. */
#define LAG_MS (1 * SECOND_MS)

static void wait_until(struct discovery *discovery, int64_t until_us)
{
    struct timespec until = { .tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000 };

    pthread_cond_timedwait(&discovery->changed, &discovery->lock, &until);
}

bool discovery_stopping(struct discovery *discovery)
{
    pthread_mutex_lock(&discovery->lock);
    bool stop = discovery->stop;
    pthread_mutex_unlock(&discovery->lock);
    return stop;
}

void discovery_pause(struct discovery *discovery, int64_t pause_ms)
{
    int64_t until_us = outside_monotonic_us(discovery->engine->outside) + pause_ms * 1000;

    pthread_mutex_lock(&discovery->lock);
    while (!discovery->stop && outside_monotonic_us(discovery->engine->outside) < until_us)
        wait_until(discovery, until_us);
    pthread_mutex_unlock(&discovery->lock);
}

/* --- turns, waited for --- */

static void turn_done(struct desk_turn *turn)
{
    struct discovery *discovery = turn->user;

    pthread_mutex_lock(&discovery->lock);
    discovery->turn_err = turn->err;
    discovery->turn_over = true;
    pthread_cond_broadcast(&discovery->changed);
    pthread_mutex_unlock(&discovery->lock);
    desk_turn_free(turn);
}

/* One at a time. When the engine stops the turn still ends: its threads outlive this one. */
enum err discovery_turn(struct discovery *discovery, struct desk_turn *turn)
{
    turn->input.origin = ORIGIN_RECONCILER;
    turn->input.actor = STR("reconciler");
    turn->done = turn_done;
    turn->user = discovery;
    discovery->turn_over = false;
    engine_turn(discovery->engine, turn);
    pthread_mutex_lock(&discovery->lock);
    while (!discovery->turn_over)
        pthread_cond_wait(&discovery->changed, &discovery->lock);
    enum err err = discovery->turn_err;
    pthread_mutex_unlock(&discovery->lock);
    return err;
}

static enum err note(struct discovery *discovery, const struct reconciliation *row)
{
    struct desk_turn *turn = desk_turn_new();
    struct reconciliation *copy = arena_copy(&turn->arena, row, sizeof(*row));

    copy->gateway = str_copy(&turn->arena, row->gateway);
    copy->actor = STR("reconciler");
    turn->input = (struct turn_input){ .handler = &turn_reconciliation_note, .ask = copy };
    return discovery_turn(discovery, turn);
}

/* --- a pass --- */

static enum err last_pass(struct discovery *discovery, const struct gateway_account *account,
                          int64_t *started_ms, int64_t *listed_to_ms)
{
    struct db_value arg = DB_ID(account->id);
    /* By id, which counts up with time: a look into the index each, however many there are. */
    enum err err = db_number(discovery->db, "SELECT started_ms FROM reconciliations"
                                            " WHERE gateway_account = $1"
                                            " ORDER BY id DESC LIMIT 1", &arg, 1, started_ms);

    return err ? err : db_number(discovery->db, "SELECT listed_to_ms FROM reconciliations"
                                                " WHERE gateway_account = $1"
                                                " AND listed_to_ms IS NOT NULL"
                                                " ORDER BY id DESC LIMIT 1", &arg, 1,
                                 listed_to_ms);
}

static void run_pass(struct discovery *discovery, const struct gateway_account *account,
                     const struct gateway *gateway, int64_t listed_to_ms,
                     const struct reconciliation *asked)
{
    int64_t now_ms = outside_now_ms(discovery->engine->outside);
    struct account_settings settings = account_settings(account, gateway, &discovery->arena);
    struct walk walk = {
        .discovery = discovery,
        .account = account,
        .gateway = gateway,
        .settings = settings,
        .asked = asked,
        .from_ms = now_ms - settings.list_ms,
        .to_ms = now_ms - LAG_MS,
        .row = {
            .id = reconciliation_id_make(&discovery->ids, now_ms),
            .merchant = account->merchant,
            .live = account->live,
            .gateway = account->gateway,
            .gateway_account = account->id,
            .dry_run = asked && asked->dry_run,
            .started_ms = now_ms,
        },
    };

    if (listed_to_ms != 0 && listed_to_ms - OVERLAP_MS < walk.from_ms)
        walk.from_ms = listed_to_ms - OVERLAP_MS;
    if (note(discovery, &walk.row) != OK)
        return;
    walk.row.created_ms = now_ms;
    bool whole = walk_run(&walk);
    walk.row.listed_to_ms = whole ? walk.to_ms : 0;
    walk.row.ended_ms = outside_now_ms(discovery->engine->outside);
    ENGINE_COUNT(discovery->engine, listed_total, (uint64_t)walk.row.checked);
    ENGINE_COUNT(discovery->engine, listings_failed_total, !whole);
    log_event(whole ? LOG_INFO : LOG_WARN, whole ? "listing.done" : "listing.failed",
              LOG_STR("gateway_account", walk.account_text),
              LOG_INT("checked", walk.row.checked), LOG_INT("missing_here", walk.row.drifted),
              LOG_INT("asked", (int64_t)walk.asked_count), LOG_END);
    if (note(discovery, &walk.row) == OK && asked)
        engine_passes_count(discovery->engine, walk.row.drifted, walk.row.failed);
}

static bool is_about(const struct reconciliation *asked, const struct gateway_account *account)
{
    return merchant_id_equal(asked->merchant, account->merchant) && asked->live == account->live
           && (str_is_empty(asked->gateway) || str_equal(asked->gateway, account->gateway));
}

/* The row that says that it has begun keeps other nodes off. Two that look in the same moment both
 * list, which costs calls and tells nothing twice. */
static enum err list_if_due(struct discovery *discovery, const struct gateway_account *account,
                            const struct gateway *gateway, int64_t now_ms)
{
    int64_t interval_ms = discovery->engine->passes.interval_ms;
    int64_t started_ms = 0, listed_to_ms = 0;
    enum err err = last_pass(discovery, account, &started_ms, &listed_to_ms);

    if (err)
        return err;
    if (started_ms + interval_ms <= now_ms) {
        run_pass(discovery, account, gateway, listed_to_ms, NULL);
        started_ms = now_ms;
    }
    if (discovery->due_ms == 0 || started_ms + interval_ms < discovery->due_ms)
        discovery->due_ms = started_ms + interval_ms;
    return OK;
}

static enum err list_asked(struct discovery *discovery, const struct gateway_account *account,
                           const struct gateway *gateway, const struct reconciliation *asked)
{
    int64_t started_ms = 0, listed_to_ms = 0;

    if (!is_about(asked, account))
        return OK;
    enum err err = last_pass(discovery, account, &started_ms, &listed_to_ms);
    if (!err)
        run_pass(discovery, account, gateway, listed_to_ms, asked);
    return err;
}

static bool can_list(struct discovery *discovery, const struct gateway_account *account,
                     const struct gateway **out)
{
    const struct gateway *gateway = gateway_named(account->gateway);

    *out = gateway;
    /* None that lists wants a login; one that did would get its token as orders do. */
    return gateway && gateway->listing.build && !gateway->login.build
           && account_settings(account, gateway, &discovery->arena).list_ms > 0;
}

static enum err add_account(void *self, void *row)
{
    struct discovery *discovery = self;

    gateway_account_list_add(&discovery->arena, &discovery->accounts, row);
    return OK;
}

/* All accounts once; `asked` NULL: those whose time has come. */
static void look(struct discovery *discovery, const struct reconciliation *asked)
{
    int64_t now_ms = outside_now_ms(discovery->engine->outside);
    const struct gateway *gateway = NULL;

    arena_reset(&discovery->arena);
    discovery->accounts = (struct gateway_account_list){ 0 };
    enum err err = db_select(discovery->db, &table_gateway_accounts, "disabled = 0 ORDER BY id",
                             NULL, 0, &discovery->arena, add_account, discovery);
    for (size_t i = 0; !err && i < discovery->accounts.count; i++) {
        const struct gateway_account *account = discovery->accounts.items[i];
        if (discovery_stopping(discovery) || !can_list(discovery, account, &gateway))
            continue;
        err = asked ? list_asked(discovery, account, gateway, asked)
                    : list_if_due(discovery, account, gateway, now_ms);
    }
    if (err)
        log_event(LOG_ERROR, "listing.no_books", LOG_STR("detail", db_error(discovery->db)),
                  LOG_END);
}

/* Whoever pauses the reconciler pauses this. */
static bool is_paused(struct discovery *discovery)
{
    struct job_table table = { 0 };

    arena_reset(&discovery->arena);
    enum err err = query_jobs(discovery->db, &discovery->arena, &table);
    return err != OK || table.rows[JOB_RECONCILE].paused_ms != 0;
}

/* --- the thread --- */

static bool take_wish(struct discovery *discovery, struct reconciliation *out)
{
    pthread_mutex_lock(&discovery->lock);
    bool wished = discovery->wished && !discovery->stop;
    if (wished) {
        *out = discovery->wish;
        arena_reset(&discovery->wish_taken);
        out->gateway = str_copy(&discovery->wish_taken, discovery->wish.gateway);
        discovery->wished = false;
    }
    pthread_mutex_unlock(&discovery->lock);
    return wished;
}

static void sleep_until_due(struct discovery *discovery)
{
    const struct outside *outside = discovery->engine->outside;
    int64_t sleep_ms = LOOK_MAX_MS;

    if (discovery->due_ms != 0 && discovery->due_ms - outside_now_ms(outside) < sleep_ms)
        sleep_ms = discovery->due_ms - outside_now_ms(outside);
    int64_t until_us = outside_monotonic_us(outside) + (sleep_ms < 0 ? 0 : sleep_ms) * 1000;
    pthread_mutex_lock(&discovery->lock);
    /* Where nothing is listed by itself, only a wish wakes. */
    bool never = discovery->engine->passes.interval_ms == 0;
    while (!discovery->stop && !discovery->wished &&
           (never || outside_monotonic_us(outside) < until_us)) {
        if (never)
            pthread_cond_wait(&discovery->changed, &discovery->lock);
        else
            wait_until(discovery, until_us);
    }
    pthread_mutex_unlock(&discovery->lock);
}

static void *run(void *self)
{
    struct discovery *discovery = self;
    struct reconciliation asked;

    while (!discovery_stopping(discovery)) {
        discovery->due_ms = 0;
        if (discovery->engine->passes.interval_ms > 0 && !is_paused(discovery))
            look(discovery, NULL);
        while (take_wish(discovery, &asked)) {
            look(discovery, &asked);
            engine_passes_listed(discovery->engine);
        }
        sleep_until_due(discovery);
    }
    return NULL;
}

void discovery_ask(struct discovery *discovery, const struct reconciliation *asked)
{
    pthread_mutex_lock(&discovery->lock);
    discovery->wish = *asked;
    arena_reset(&discovery->wish_arena);
    discovery->wish.gateway = str_copy(&discovery->wish_arena, asked->gateway);
    discovery->wished = true;
    pthread_cond_broadcast(&discovery->changed);
    pthread_mutex_unlock(&discovery->lock);
}

enum err discovery_open(struct engine *engine, struct str where, struct arena *arena,
                        struct discovery **out, struct str *why)
{
    struct discovery *discovery = mem_alloc(sizeof(*discovery));
    pthread_condattr_t attributes;

    discovery->engine = engine;
    discovery->ids.outside = engine->outside;
    pthread_mutex_init(&discovery->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&discovery->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    *out = discovery;
    enum err err = store_open_reader(where, engine->outside, arena, &discovery->db, why);
    if (!err && pthread_create(&discovery->thread, NULL, run, discovery) != 0) {
        *why = STR("A thread could not be started.");
        err = ERR_IO;
    }
    discovery->started = !err;
    return err;
}

void discovery_stop(struct discovery *discovery)
{
    if (discovery == NULL || !discovery->started)
        return;
    pthread_mutex_lock(&discovery->lock);
    discovery->stop = true;
    pthread_cond_broadcast(&discovery->changed);
    pthread_mutex_unlock(&discovery->lock);
    pthread_join(discovery->thread, NULL);
    discovery->started = false;
}

void discovery_close(struct discovery *discovery)
{
    if (discovery == NULL)
        return;
    db_close(discovery->db);
    arena_done(&discovery->arena);
    arena_done(&discovery->wish_arena);
    arena_done(&discovery->wish_taken);
    pthread_mutex_destroy(&discovery->lock);
    pthread_cond_destroy(&discovery->changed);
    mem_free(discovery);
}
