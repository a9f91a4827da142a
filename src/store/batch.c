/* batch.c - runs a batch of turns: load, execute, flush, commit; once more when another
 * transaction was in the way, and in halves when the whole fails. */
#include "store/batch.h"

#include <assert.h>

#include "store/db_flush.h"
#include "store/db_later.h"
#include "store/store_parts.h"

/* A run that failed may have left anything in its outputs. */
static void turn_clear(struct store *store, struct turn *turn)
{
    *turn = (struct turn){
        .input = turn->input,
        .user = turn->user,
        .arena = store->arena,
        .ids = &store->ids,
        .gateways = store->gateways,
    };
}

static void give_tenants(struct batch *batch, struct turn *turn)
{
    const struct turn_input *input = turn->input;
    struct merchant_id merchant = turn->books ? turn->books->invoice->merchant : input->merchant;
    bool live = turn->books ? turn->books->invoice->live : input->live;
    for (size_t i = 0; i < batch->accounts.count; i++) {
        struct gateway_account *account = batch->accounts.items[i];
        if (merchant_id_equal(account->merchant, merchant) && account->live == live)
            gateway_account_list_add(batch->arena, &turn->accounts, account);
    }
    struct id settings = { { 0 } };
    if (input->handler->wants_checkout_settings)
        settings = checkout_settings_id(merchant, live);
    for (size_t i = 0; !id_is_zero(settings) && i < batch->checkout_settings.count; i++)
        if (id_equal(batch->checkout_settings.items[i]->id, settings))
            turn->checkout_settings = batch->checkout_settings.items[i];
    for (size_t i = 0; input->handler->loads_keys && i < batch->keys.count; i++) {
        struct api_key *key = batch->keys.items[i];
        if (merchant_id_equal(key->merchant, merchant) && key->live == live)
            api_key_list_add(batch->arena, &turn->keys, key);
    }
}

/* Rows that a handler added to the turn's tenants belong to the batch as well. */
static void take_tenants(struct batch *batch, const struct turn *turn)
{
    for (size_t i = 0; i < turn->accounts.count; i++)
        if (turn->accounts.items[i]->row == ROW_NEW && !turn->err)
            gateway_account_list_add(batch->arena, &batch->accounts, turn->accounts.items[i]);
    for (size_t i = 0; i < turn->keys.count; i++)
        if (turn->keys.items[i]->row == ROW_NEW && !turn->err)
            api_key_list_add(batch->arena, &batch->keys, turn->keys.items[i]);
    struct checkout_settings *settings = turn->checkout_settings;
    bool taken = false;
    for (size_t i = 0; i < batch->checkout_settings.count; i++)
        taken = taken || batch->checkout_settings.items[i] == settings;
    if (settings && !taken && !turn->err)
        checkout_settings_list_add(batch->arena, &batch->checkout_settings, settings);
}

static bool is_its_own(const struct turn *turn, const struct invoice *invoice)
{
    return merchant_id_equal(turn->input->merchant, invoice->merchant)
           && turn->input->live == invoice->live;
}

static bool drift_is_its_own(const struct turn *turn, const struct drift *drift)
{
    return merchant_id_equal(turn->input->merchant, drift->merchant)
           && turn->input->live == drift->live;
}

/* Whether the turn may go on without books. */
static bool needs_no_books(const struct batch *batch, size_t at)
{
    const struct turn_input *input = batch->turns[at]->input;
    switch (input->handler->target) {
    case TARGET_NOTHING:
        return true;
    case TARGET_INVOICE_IF_NAMED:
        return invoice_id_is_zero(input->invoice);
    case TARGET_NOTICE:
        return batch->notices[at] && invoice_id_is_zero(batch->targets[at]);
    case TARGET_DRIFT:
        return batch->drifts[at] && invoice_id_is_zero(batch->targets[at])
               && drift_is_its_own(batch->turns[at], batch->drifts[at]);
    case TARGET_INVOICE:
    case TARGET_PAYMENT:
    case TARGET_REFUND:
    case TARGET_OPERATION:
    case TARGET_CHECKOUT:
    case TARGET_INSTRUMENT:
    case TARGET_TASK:
        break;
    }
    return false;
}

/* Finds the turn's books; a turn works on a copy, which takes the books' place only
 * when its handler succeeds. */
static enum err give_books(struct batch *batch, size_t at, struct books ***place)
{
    struct turn *turn = batch->turns[at];
    *place = NULL;
    if (batch->notices[at])
        turn->notice = arena_copy(batch->arena, batch->notices[at], sizeof(*turn->notice));
    if (needs_no_books(batch, at))
        return OK;
    struct books **books = batch_books(batch, batch->targets[at]);
    if (!books || (turn->input->handler->scoped && !is_its_own(turn, (*books)->invoice)))
        return turn_fail(turn, ERR_NOT_FOUND, "There is no such object for this key.");
    turn->books = books_copy(batch->arena, *books);
    *place = books;
    return OK;
}

static void make_claim(struct batch *batch, struct turn *turn)
{
    const struct turn_input *input = turn->input;
    turn->claim = ARENA_NEW(batch->arena, struct claim);
    *turn->claim = (struct claim){
        .row = ROW_NEW,
        .key = input->claim_key,
        .fingerprint = input->claim_fingerprint,
        .merchant = input->merchant,
        .live = input->live,
        .created_ms = batch->now_ms,
    };
}

/* An earlier turn of this batch that used the key and was not refused. */
static bool is_claimed_in_batch(const struct batch *batch, size_t before, struct id key)
{
    for (size_t i = 0; i < before; i++)
        if (!batch->turns[i]->err && id_equal(batch->turns[i]->input->claim_key, key))
            return true;
    return false;
}

static enum err run_turn(struct batch *batch, size_t at)
{
    struct turn *turn = batch->turns[at];
    struct books **place;
    turn->now_ms = batch->now_ms;
    turn->even_since_ms = batch->even_since_ms;
    if (!id_is_zero(turn->input->claim_key)) {
        const struct claim *claim = batch_claim(batch, turn->input->claim_key);
        if (claim)
            return batch_replay(batch, turn, claim);
        if (is_claimed_in_batch(batch, at, turn->input->claim_key)) {
            turn->retry_after_s = 1;
            turn->err = turn_fail(turn, ERR_IDEMPOTENCY_IN_FLIGHT,
                                  "The first request with this key is being recorded.");
            return OK;
        }
        make_claim(batch, turn);
    }
    turn->err = give_books(batch, at, &place);
    if (turn->err)
        return OK;
    give_tenants(batch, turn);
    batch_give_webhooks(batch, turn);
    batch_give_wallet(batch, turn);
    batch_give_findings(batch, at);
    batch_give_job(batch, turn);
    turn_run(turn);
    take_tenants(batch, turn);
    batch_take_webhooks(batch, turn);
    if (turn->err)
        return OK;
    batch_take_wallet(batch, turn);
    if (place)
        *place = turn->books;
    else if (turn->books)
        books_list_add(batch->arena, &batch->made, turn->books);
    if (turn->claim && !turn->books)
        claim_list_add(batch->arena, &batch->claims_made, turn->claim);
    if (turn->notice)
        batch->notices[at] = turn->notice;
    batch_take_findings(batch, at);
    batch_take_job(batch, turn);
    for (size_t i = 0; i < turn->reconciliations.count; i++)
        reconciliation_list_add(batch->arena, &batch->reconciliations,
                                turn->reconciliations.items[i]);
    for (size_t i = 0; i < turn->notices.count; i++)
        notice_list_add(batch->arena, &batch->notices_kept, turn->notices.items[i]);
    return batch_give_references(batch, turn);
}

/* What the two clocks may differ by within one stretch: slewing, and an answer's way. */
#define CLOCK_SLACK_MS 500

/* A step of the books' clock proves nothing about how much time has passed: from it on, time is
 * counted anew. So it is when the store was opened, because nobody watched before. */
static void watch_clock(struct store *store, int64_t now_ms, int64_t now_us)
{
    int64_t off_ms = (now_ms - store->clock_ms) - (now_us - store->clock_us) / 1000;
    if (store->clock_ms != 0 && off_ms <= CLOCK_SLACK_MS && off_ms >= -CLOCK_SLACK_MS)
        return;
    store->clock_ms = store->even_since_ms = now_ms;
    store->clock_us = now_us;
}

static enum err run_between(struct store *store, struct batch *batch)
{
    /* Before the answer, which comes with rows that may have to be waited for. */
    int64_t asked_us = outside_monotonic_us(store->outside);
    enum err err = db_now_later(store->db, &batch->now_ms);
    if (!err)
        err = batch_load(batch);
    if (!err)
        watch_clock(store, batch->now_ms, asked_us);
    batch->even_since_ms = store->even_since_ms;
    for (size_t i = 0; !err && i < batch->count; i++)
        err = run_turn(batch, i);
    if (!err)
        err = batch_flush(batch);
    store->flushed = batch->due;
    return err;
}

static enum err commit(struct store *store)
{
    enum err err = lease_hold(store);
    if (!err)
        err = db_commit_later(store->db);
    if (err != ERR_STORE_IN_DOUBT)
        return err;
    db_rollback(store->db);
    err = lease_settle_doubt(store);
    if (err == ERR_STORE_IN_DOUBT)
        lease_give_up(store);
    return err;
}

static enum err try_batch(struct store *store, struct turn *const *turns, size_t count)
{
    struct batch batch = {
        .db = store->db,
        .kept = &store->kept,
        .arena = store->arena,
        .ids = &store->ids,
        .gateways = store->gateways,
        .turns = turns,
        .count = count,
    };
    int64_t asked_us = outside_monotonic_us(store->outside);
    for (size_t i = 0; i < count; i++)
        turn_clear(store, turns[i]);
    enum err err = lease_is_over(store) ? ERR_LEASE_LOST : db_begin(store->db);
    if (!err)
        kept_begin(&store->kept, store->db);
    if (!err)
        err = run_between(store, &batch);
    if (!err)
        err = commit(store);
    store->counts.batches++;
    if (!err) {
        kept_committed(&store->kept, store->db, &batch);
        lease_held(store, asked_us);
        for (size_t i = 0; i < store->flushed.count; i++)
            webhook_delivery_list_add(store->arena, &store->due, store->flushed.items[i]);
        return OK;
    }
    store->counts.commits_failed++;
    store->failure = str_copy(store->arena, db_error(store->db));
    kept_forget(&store->kept);
    db_rollback(store->db);
    if (err == ERR_LEASE_LOST)
        lease_give_up(store);
    return err;
}

static void fail_all(struct store *store, struct turn *const *turns, size_t count, enum err err)
{
    for (size_t i = 0; i < count; i++) {
        turn_clear(store, turns[i]);
        turns[i]->err = turn_fail(turns[i], err, "%.*s", STR_ARG(store->failure));
    }
}

#define REPEATS_MAX 5

static bool is_worth_repeating(const struct store *store, enum err err, int repeats)
{
    if (err == ERR_STORE_RETRY)
        return repeats < REPEATS_MAX;
    /* A key that was free when it was looked up may have been taken by another node. */
    return err == ERR_STORE && db_is_shared(store->db) && repeats == 0;
}

/* What is no single turn's fault, so that its half would fail as the whole did. */
static bool fails_all(enum err err)
{
    return err == ERR_STORE_BUSY || err == ERR_STORE_AWAY || err == ERR_STORE_IN_DOUBT
           || err == ERR_LEASE_LOST;
}

static void execute(struct store *store, struct turn *const *turns, size_t count)
{
    enum err err = try_batch(store, turns, count);
    for (int repeats = 0; is_worth_repeating(store, err, repeats); repeats++) {
        store->counts.batches_repeated++;
        err = try_batch(store, turns, count);
    }
    if (!err)
        return;
    if (count == 1 || fails_all(err)) {
        fail_all(store, turns, count, err);
        return;
    }
    store->counts.batches_split++;
    execute(store, turns, count / 2);
    execute(store, turns + count / 2, count - count / 2);
}

static struct arena *next_arena(struct store *store)
{
    size_t at = (size_t)(store->arena - store->arenas + 1) % STORE_BATCHES;
    arena_reset(&store->arenas[at]);
    return &store->arenas[at];
}

void store_execute_later(struct store *store, struct turn *const *turns, size_t count)
{
    assert(count > 0 && count <= STORE_BATCH_MAX);
    store->arena = next_arena(store);
    kept_sweep(&store->kept);
    store->failure = (struct str){ 0 };
    store->due = (struct webhook_delivery_list){ 0 };
    execute(store, turns, count);
    store->counts.turns += count;
    if (count > store->counts.batch_turns_max)
        store->counts.batch_turns_max = count;
    for (size_t i = 0; i < count; i++)
        if (turns[i]->err)
            store->counts.turns_failed++;
}

void store_execute(struct store *store, struct turn *const *turns, size_t count)
{
    store_execute_later(store, turns, count);
    /* What is perhaps not on the disk cannot be undone either. */
    enum err err = db_flush(store->db);
    for (size_t i = 0; err && i < count; i++)
        turns[i]->err = turn_fail(turns[i], err, "The disk refused to keep what was written.");
}
