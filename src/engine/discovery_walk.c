/* discovery_walk.c - one pass: day by day, list by list, page by page; then what is only here. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "core/requests.h"
#include "engine/discovery_parts.h"
#include "engine/exchange.h"
#include "store/db_one.h"
#include "store/drifts.h"

#define TRIES 3
#define PAUSE_MS (SECOND_MS / 4)
#define WINDOW_MS (1 * DAY_MS)
#define PAGE_ROWS 500
/* Beyond it the listing is not compared the other way round: 16 MB of ids. */
#define SEEN_MAX ((size_t)1 << 20)
#define OPEN_MAX "1000"

/* --- calls --- */

/* It may outlive the wait for it: the client ends it then, and frees it. */
struct page_call {
    struct client_call wire;
    struct discovery *discovery;
    struct arena arena;              /* the request; the reply */
    struct http_reply reply;
    bool over, abandoned;
};

static void call_free(struct page_call *call)
{
    arena_wipe(&call->arena);
    arena_done(&call->arena);
    mem_free(call);
}

/* On the client's thread: the reply's texts live until it returns. */
static void call_done(struct client_call *wire)
{
    struct page_call *call = LINK_OWNER(wire, struct page_call, wire);
    struct discovery *discovery = call->discovery;

    pthread_mutex_lock(&discovery->lock);
    bool abandoned = call->abandoned;
    if (wire->end == CLIENT_REPLY) {
        call->reply = (struct http_reply){ .status = wire->status };
        call->reply.body = str_copy(&call->arena, wire->reply_body);
    }
    call->over = true;
    pthread_cond_broadcast(&discovery->changed);
    pthread_mutex_unlock(&discovery->lock);
    if (abandoned)
        call_free(call);
}

/* False when the engine stops first. */
static bool wait_for_call(struct page_call *call)
{
    struct discovery *discovery = call->discovery;

    pthread_mutex_lock(&discovery->lock);
    while (!call->over && !discovery->stop)
        pthread_cond_wait(&discovery->changed, &discovery->lock);
    call->abandoned = !call->over;
    bool over = call->over;
    pthread_mutex_unlock(&discovery->lock);
    return over;
}

static bool send_call(struct walk *walk, struct page_call *call,
                      const struct gateway_list_ask *ask)
{
    struct engine *engine = walk->discovery->engine;
    struct http_request request;

    call->discovery = walk->discovery;
    if (walk->gateway->listing.build(ask, &call->arena, &request) != OK)
        return false;
    call->wire = (struct client_call){
        .deadline_us = outside_monotonic_us(engine->outside) + walk->gateway->deadline_ms * 1000,
        .account = walk->account_text,
        .limits = { (unsigned)walk->settings.calls_at_once,
                    (unsigned)walk->settings.calls_per_minute },
        .plain = !walk->account->live,
        .done = call_done,
    };
    exchange_ask(&call->wire, &request, &call->arena);
    return client_send(engine->client, &call->wire);
}

static bool call_network(struct walk *walk, const struct gateway_list_ask *ask,
                         struct http_reply *out)
{
    struct page_call *call = mem_alloc(sizeof(*call));

    if (!send_call(walk, call, ask)) {
        call_free(call);
        return false;
    }
    if (!wait_for_call(call))
        return false;
    *out = (struct http_reply){ .status = call->reply.status };
    out->body = str_copy(&walk->page, call->reply.body);
    call_free(call);
    return out->status != 0;
}

static bool call_sandbox(struct walk *walk, const struct gateway_list_ask *ask,
                         struct http_reply *out)
{
    struct http_request request;

    return walk->gateway->listing.build(ask, &walk->page, &request) == OK
           && sandbox_list(walk->discovery->engine->sandbox, &request, &walk->page, out) == OK;
}

static bool call_page(struct walk *walk, const struct gateway_list_ask *ask,
                      struct gateway_list_page *out)
{
    struct http_reply reply = { 0 };
    bool replied = walk->gateway->in_process ? call_sandbox(walk, ask, &reply)
                                             : call_network(walk, ask, &reply);

    return replied && walk->gateway->listing.parse(ask, &reply, &walk->page, out) == OK;
}

static bool get_page(struct walk *walk, const struct gateway_list_ask *ask,
                     struct gateway_list_page *out)
{
    for (int tries = 0; tries < TRIES && !discovery_stopping(walk->discovery); tries++) {
        if (tries > 0)
            discovery_pause(walk->discovery, PAUSE_MS << tries);
        if (call_page(walk, ask, out))
            return true;
    }
    walk->row.failed++;
    return false;
}

/* --- what a listed one leads to --- */

static enum err find_payment(struct walk *walk, const struct gateway_listed *listed,
                             struct payment **out)
{
    struct db *db = walk->discovery->db;
    struct operation_id operation;
    struct db_value by_text[] = { DB_ID(walk->account->id), DB_STR(listed->reference) };
    struct db_value by_theirs[] = { DB_ID(walk->account->id), DB_STR(listed->gateway_reference) };
    enum err err = OK;

    if (operation_id_parse(listed->reference, &operation)) {
        struct db_value by_id[] = { DB_ID(walk->account->id), DB_ID(operation) };
        err = db_select(db, &table_payments,
                        "id = (SELECT o.payment FROM operations o WHERE o.id = $2"
                        " AND o.gateway_account = $1 LIMIT 1)",
                        by_id, 2, &walk->page, db_keep_row, out);
    } else if (!str_is_empty(listed->reference)) {
        err = db_select(db, &table_payments, "gateway_account = $1 AND order_reference = $2",
                        by_text, 2, &walk->page, db_keep_row, out);
    }
    if (!err && !*out && !str_is_empty(listed->gateway_reference))
        err = db_select(db, &table_payments,
                        "gateway_account = $1 AND gateway_reference = $2"
                        " ORDER BY captured_minor DESC, id LIMIT 1",
                        by_theirs, 2, &walk->page, db_keep_row, out);
    return err;
}

static enum err find_refund(struct walk *walk, const struct gateway_listed *listed,
                            const struct payment *payment, struct refund **out)
{
    struct operation_id operation;
    struct db_value by_theirs[] = { DB_ID(payment->invoice), DB_STR(listed->refund_reference) };

    if (operation_id_parse(listed->reference, &operation)) {
        struct db_value by_id[] = { DB_ID(walk->account->id), DB_ID(operation) };
        enum err err = db_select(walk->discovery->db, &table_refunds,
                                 "id = (SELECT o.refund FROM operations o WHERE o.id = $2"
                                 " AND o.gateway_account = $1 LIMIT 1)",
                                 by_id, 2, &walk->page, db_keep_row, out);
        if (err || *out)
            return err;
    }
    return db_select(walk->discovery->db, &table_refunds,
                     "invoice = $1 AND gateway_reference = $2", by_theirs, 2, &walk->page,
                     db_keep_row, out);
}

static void ids_add(struct walk_ids *ids, struct id id)
{
    if (ids->count == ids->room) {
        ids->room = ids->room ? 2 * ids->room : 256;
        ids->items = mem_realloc(ids->items, ids->room * sizeof(*ids->items));
    }
    ids->items[ids->count++] = id;
}

static int compare_ids(const void *a, const void *b)
{
    return id_compare(*(const struct id *)a, *(const struct id *)b);
}

static void ids_sort(struct walk_ids *ids)
{
    if (ids->count > 0)
        qsort(ids->items, ids->count, sizeof(*ids->items), compare_ids);
}

static bool ids_have(const struct walk_ids *ids, struct id id)
{
    return ids->count > 0
           && bsearch(&id, ids->items, ids->count, sizeof(*ids->items), compare_ids);
}

/* By the reconciliation that was asked for (jobs/reconcile.c). */
static bool is_asked_about_anyway(const struct walk *walk, const struct payment *payment)
{
    const struct reconciliation *asked = walk->asked;

    /* One that has no end is looked at only from some age on. */
    if (!asked || !machine_is_final(&machine_payment, payment->status))
        return false;
    return asked->since_ms > 0 ? id_time_ms(payment->id.id) >= asked->since_ms
                               : payment->check_ms != 0;
}

/* One whose turn fails hides none behind it. */
static enum err hand_in(struct walk *walk, struct desk_turn *turn)
{
    enum err err = discovery_turn(walk->discovery, turn);

    if (!err || err_is_outage(err))
        return err;
    walk->row.failed++;
    return OK;
}

/* An enquiry like any other; its answer is counted with those of the reconciler. */
static enum err ask_about(struct walk *walk, const struct payment *payment)
{
    if (is_asked_about_anyway(walk, payment))
        return OK;
    struct desk_turn *turn = desk_turn_new();
    struct payment_check *ask = ARENA_NEW(&turn->arena, struct payment_check);

    ask->asked = ask->hinted = true;
    ask->interval_ms = walk->discovery->engine->passes.interval_ms;
    if (walk->asked) {
        ask->reconciliation = walk->asked->id;
        ask->dry_run = walk->asked->dry_run;
    }
    turn->input = (struct turn_input){ .handler = &turn_payment_check, .payment = payment->id,
                                       .invoice = payment->invoice, .ask = ask };
    ids_add(&walk->suspects, payment->id.id);
    return hand_in(walk, turn);
}

/* When they made it is where a person begins to look for what it is. */
static struct str told_of(const struct gateway_listed *listed, struct arena *arena)
{
    struct buf text;

    if (listed->created_ms == 0)
        return STR("listed by the gateway");
    buf_init(&text, arena, 128);
    buf_add_c(&text, "listed by the gateway, made there at ");
    time_write(&text, listed->created_ms);
    return buf_str(&text);
}

static enum err tell_missing(struct walk *walk, enum gateway_list list,
                             const struct gateway_listed *listed)
{
    bool refund = list == GW_LIST_REFUNDS;
    struct desk_turn *turn = desk_turn_new();
    struct drift *drift = ARENA_NEW(&turn->arena, struct drift);

    *drift = (struct drift){
        .merchant = walk->account->merchant,
        .live = walk->account->live,
        .kind = DRIFT_MISSING_HERE,
        .gateway_account = walk->account->id,
        .gateway = str_copy(&turn->arena, walk->account->gateway),
        .reference = str_copy(&turn->arena, refund ? listed->refund_reference
                                                   : listed->gateway_reference),
        .gateway_status = refund ? STR("refund") : STR("payment"),
        .gateway_minor = refund ? -listed->amount.minor : listed->amount.minor,
        .currency = listed->amount.currency,
        .detail = told_of(listed, &turn->arena),
    };
    turn->input = (struct turn_input){ .handler = &turn_listing_missing,
                                       .merchant = drift->merchant, .live = drift->live,
                                       .ask = drift };
    bool decided = false;
    enum err err = drift_is_told(walk->discovery->db, drift, false, &decided);
    walk->row.drifted += !decided;
    walk->row.skipped += decided;
    if (!err && !decided && !walk->row.dry_run)
        return hand_in(walk, turn);
    desk_turn_free(turn);
    return err;
}

static enum err take(struct walk *walk, enum gateway_list list,
                     const struct gateway_listed *listed)
{
    struct payment *payment = NULL;
    struct refund *refund = NULL;
    enum err err = find_payment(walk, listed, &payment);

    if (!err && payment && list == GW_LIST_REFUNDS)
        err = find_refund(walk, listed, payment, &refund);
    if (err)
        return err;
    walk->row.checked++;
    if (payment && list == GW_LIST_PAYMENTS && walk->seen.count < SEEN_MAX)
        ids_add(&walk->seen, payment->id.id);
    switch (listing_judge(list, listed, payment, refund)) {
    case LISTED_SAME:
        walk->row.agreed++;
        break;
    case LISTED_NOTHING:
        walk->row.skipped++;
        break;
    case LISTED_ASK:
        return ask_about(walk, payment);
    case LISTED_MISSING:
        return tell_missing(walk, list, listed);
    }
    return OK;
}

/* --- windows and pages --- */

static bool walk_window(struct walk *walk, enum gateway_list list, int64_t from_ms, int64_t to_ms)
{
    struct gateway_list_ask ask = { .ask = &walk->ask, .list = list, .from_ms = from_ms,
                                    .to_ms = to_ms };
    char cursor[256];
    enum err err = OK;

    for (bool more = true; more && !err;) {
        struct gateway_list_page page = { 0 };
        arena_reset(&walk->page);
        if (!get_page(walk, &ask, &page) || page.next.len >= sizeof cursor)
            return false;
        for (size_t i = 0; !err && i < page.count; i++)
            err = take(walk, list, &page.items[i]);
        more = !str_is_empty(page.next);
        memcpy(cursor, page.next.len ? page.next.ptr : "", page.next.len);
        ask.cursor = str_make(cursor, page.next.len);
    }
    if (err)
        log_event(LOG_WARN, "listing.interrupted", LOG_C("code", err_code(err)), LOG_END);
    return !err;
}

static bool walk_list(struct walk *walk, enum gateway_list list)
{
    bool whole = true;

    for (int64_t at = walk->from_ms; whole && at <= walk->to_ms; at += WINDOW_MS) {
        int64_t end = at + WINDOW_MS - 1;
        whole = walk_window(walk, list, at, end < walk->to_ms ? end : walk->to_ms);
    }
    return whole;
}

/* --- what is only here --- */

/* Ordered there within the window: then it should have been listed. Where clocks differ one at the
 * edge may not have been: it is asked about for nothing. */
static bool is_expected(const struct walk *walk, const struct payment *payment)
{
    if (operation_id_is_zero(payment->authorization))
        return false;
    int64_t ordered_ms = id_time_ms(payment->authorization.id);
    return ordered_ms >= walk->from_ms && ordered_ms <= walk->to_ms
           && operation_id_is_zero(payment->active_operation);
}

static enum err take_row(void *self, void *row)
{
    struct walk *walk = self;

    payment_list_add(&walk->page, &walk->rows, row);
    return OK;
}

static bool find_unlisted(struct walk *walk)
{
    struct id last = id_first_at(walk->from_ms), end = id_first_at(walk->to_ms);
    enum err err = OK;

    ids_sort(&walk->seen);
    do {
        struct db_value args[] = { DB_ID(walk->account->id), DB_ID(last), DB_ID(end),
                                   DB_NUMBER(PAGE_ROWS) };
        arena_reset(&walk->page);
        walk->rows = (struct payment_list){ 0 };
        err = db_select(walk->discovery->db, &table_payments,
                        "gateway_account = $1 AND id > $2 AND id < $3 AND (captured_minor > 0"
                        " OR status = 'authorized') ORDER BY id LIMIT $4",
                        args, 4, &walk->page, take_row, walk);
        for (size_t i = 0; !err && i < walk->rows.count; i++) {
            const struct payment *payment = walk->rows.items[i];
            last = payment->id.id;
            if (!ids_have(&walk->seen, last) && is_expected(walk, payment))
                err = ask_about(walk, payment);
        }
    } while (!err && walk->rows.count == PAGE_ROWS && !discovery_stopping(walk->discovery));
    return !err;
}

/* What is open is asked about again, so that it closes by itself once the books agree. */
static bool ask_again(struct walk *walk)
{
    struct db_value arg = DB_ID(walk->account->id);

    ids_sort(&walk->suspects);
    struct walk_ids asked = walk->suspects;
    walk->rows = (struct payment_list){ 0 };
    arena_reset(&walk->page);
    enum err err = db_select(walk->discovery->db, &table_payments,
                             "id IN (SELECT d.payment FROM drifts d WHERE d.gateway_account = $1"
                             " AND d.closed_ms IS NULL AND d.reference IS NULL)"
                             " ORDER BY id LIMIT " OPEN_MAX,
                             &arg, 1, &walk->page, take_row, walk);
    /* What is asked about here is added behind those. */
    walk->suspects = (struct walk_ids){ 0 };
    for (size_t i = 0; !err && i < walk->rows.count; i++)
        if (!ids_have(&asked, walk->rows.items[i]->id.id))
            err = ask_about(walk, walk->rows.items[i]);
    walk->asked_count = asked.count + walk->suspects.count;
    mem_free(asked.items);
    return !err;
}

/* --- */

static bool open_account(struct walk *walk)
{
    const struct gateway_account *account = walk->account;
    struct engine *engine = walk->discovery->engine;
    struct buf id;

    buf_init(&id, &walk->discovery->arena, ID_TEXT_MAX);
    gateway_account_id_write(&id, account->id);
    walk->account_text = buf_str(&id);
    walk->ask = (struct gateway_ask){
        .account_id = walk->account_text,
        .live = account->live,
        .settings = account->settings,
        .public_url = engine->public_url,
        .now_ms = outside_now_ms(engine->outside),
    };
    if (str_is_empty(account->credentials))
        return true;
    if (!engine->vault
        || !vault_unseal(engine->vault, account->id, account->credentials, &walk->credentials))
        return false;
    walk->ask.credentials = &walk->credentials;
    return true;
}

bool walk_run(struct walk *walk)
{
    bool whole = open_account(walk);
    for (int list = 0; whole && list < GW_LIST_COUNT; list++)
        if (walk->gateway->listing.lists[list])
            whole = walk_list(walk, (enum gateway_list)list);
    if (whole && walk->seen.count < SEEN_MAX)
        whole = find_unlisted(walk);
    if (whole)
        whole = ask_again(walk);
    secret_done(&walk->credentials);
    arena_wipe(&walk->page);
    arena_done(&walk->page);
    mem_free(walk->seen.items);
    mem_free(walk->suspects.items);
    return whole;
}
