/* outbound.c - gateway calls: from a committed order to the answer's turn. Those of the built-in
 * gateway are made here; network.c makes the others.
 *
 * The request is built when the order is released, because it is the last moment at
 * which the card is there. A call without a reply by its deadline is unknown; nothing
 * here ever reads silence as a failure. */
#include <assert.h>

#include "base/log.h"
#include "core/account.h"
#include "core/record.h"
#include "core/requests.h"
#include "engine/call.h"
#include "engine/engine_parts.h"
#include "engine/step.h"

#define CALLS_AT_ONCE 256

static void card_done(struct card *card)
{
    secret_done(&card->number);
    secret_done(&card->cvc);
    secret_done(&card->saved);
}

static void call_free(struct call *call)
{
    secret_done(&call->credentials);
    secret_done(&call->token);
    card_done(&call->card);
    arena_wipe(&call->arena);
    arena_done(&call->arena);
    mem_free(call);
}

static struct str copy(struct call *call, struct str text)
{
    return str_copy(&call->arena, text);
}

static struct gateway_ask ask_of(struct engine *engine, struct call *call,
                                 const struct turn_call *order)
{
    const struct payment *payment = order->payment;
    const struct operation *operation = order->operation;
    bool standalone = operation->kind == OPERATION_KIND_ENQUIRE;
    struct buf account;
    buf_init(&account, &call->arena, ID_TEXT_MAX);
    gateway_account_id_write(&account, payment->gateway_account);
    struct buf customer;
    buf_init(&customer, &call->arena, ID_TEXT_MAX);
    if (!customer_id_is_zero(payment->customer))
        customer_id_write(&customer, payment->customer);
    struct str order_reference = copy(call, payment_order_reference(&call->arena, payment));
    return (struct gateway_ask){
        .call = order->call,
        .about = standalone ? OPERATION_KIND_AUTHORIZE : operation->kind,
        .reference = standalone ? order_reference
                                : copy(call, operation_reference(&call->arena, operation)),
        .payment_reference = order_reference,
        .gateway_reference = copy(call, payment->gateway_reference),
        .amount = { standalone ? payment->amount_minor : operation->amount_minor,
                    payment->currency },
        .capture_now = order->capture_now,
        .card = order->card,
        .save_card = payment->save_card,
        .verification = payment->verification,
        .customer = buf_str(&customer),
        .method = payment->method,
        .description = copy(call, payment->description),
        .return_url = copy(call, payment->return_url),
        .public_url = engine->public_url,
        .account_id = buf_str(&account),
        .live = payment->live,
        .settings = copy(call, order->account->settings),
        .now_ms = outside_now_ms(engine->outside),
    };
}

/* False when there are credentials that do not open: then nothing can be sent. */
static bool open_credentials(struct engine *engine, struct call *call,
                             const struct gateway_account *account)
{
    if (str_is_empty(account->credentials))
        return true;
    if (!engine->vault || !vault_unseal(engine->vault, account->id, account->credentials,
                                        &call->credentials)) {
        log_event(LOG_ERROR, "credentials.unreadable",
                  LOG_STR("gateway_account", call->ask.account_id), LOG_END);
        return false;
    }
    call->ask.credentials = &call->credentials;
    return true;
}

static struct str token_place(struct instrument_id instrument, struct arena *arena)
{
    struct buf place;
    buf_init(&place, arena, 2 * ID_TEXT_MAX);
    buf_add_c(&place, "instruments|token|");
    instrument_id_write(&place, instrument);
    return buf_str(&place);
}

/* The token of the saved card that the call is made with; false when it does not open. */
static bool open_token(struct engine *engine, struct call *call, const struct turn_call *order)
{
    const struct instrument *instrument = order->instrument;
    bool charges = order->call == OPERATION_KIND_AUTHORIZE && !order->payment->save_card;
    if (!instrument)
        return true;
    if (order->payment->save_card)
        call->keeps = instrument->id;
    if (!charges && order->call != OPERATION_KIND_DEACTIVATE)
        return true;
    struct str place = token_place(instrument->id, &call->arena);
    call->has_card = engine->vault && vault_unseal_at(engine->vault, place, instrument->token,
                                                      &call->card.saved);
    if (!call->has_card)
        log_event(LOG_ERROR, "card_token.unreadable", LOG_STR("place", place), LOG_END);
    return call->has_card;
}

/* The copy's secrets are the taker's to end. */
static struct card card_copy(const struct card *card, struct arena *arena)
{
    return (struct card){
        .number = secret_copy(secret_reveal(&card->number)),
        .cvc = secret_copy(secret_reveal(&card->cvc)),
        .holder_name = str_copy(arena, card->holder_name),
        .exp_month = card->exp_month,
        .exp_year = card->exp_year,
        .saved = secret_copy(secret_reveal(&card->saved)),
    };
}

/* For a call that is built later, or may have to be made elsewhere. */
static void keep_card(struct call *call, const struct card *card)
{
    if (!card)
        return;
    call->card = card_copy(card, &call->arena);
    call->has_card = true;
}

bool engine_call_build_request(struct call *call)
{
    const struct gateway_call *pair = &call->gateway->calls[call->ask.call];
    if (call->has_card)
        call->ask.card = &call->card;
    enum err err = pair->build(&call->ask, &call->arena, &call->request);
    call->ask.card = NULL;
    return err == OK;
}

static void read_limits(struct call *call, const struct gateway_account *account)
{
    struct account_settings settings = account_settings(account, call->gateway, &call->arena);
    call->limits.at_once = (unsigned)settings.calls_at_once;
    call->limits.per_minute = (unsigned)settings.calls_per_minute;
}

/* Ids end in random bytes. */
size_t engine_account_slot(struct gateway_account_id account)
{
    return account.id.bytes[sizeof(account.id.bytes) - 1] % ENGINE_ACCOUNT_SLOTS;
}

struct call *engine_call_build(struct writer *writer, const struct turn_call *order)
{
    struct engine *engine = writer->engine;
    struct call *call = mem_alloc(sizeof(*call));
    const struct gateway_call *pair = &order->gateway->calls[order->call];
    assert(pair->build && pair->parse);
    call->writer = writer;
    call->run = atomic_load(&writer->runs);
    call->gateway = order->gateway;
    call->operation = order->operation->id;
    call->invoice = order->operation->invoice;
    call->origin = order->origin;
    call->mark = order->mark;
    call->ask = ask_of(engine, call, order);
    if (!order->gateway->in_process)
        read_limits(call, order->account);
    call->built = open_credentials(engine, call, order->account)
                  && open_token(engine, call, order);
    bool waits = gateway_token_use(order->gateway, &call->ask) != GW_TOKEN_NONE;
    call->routed = order->payment->routed;
    if (waits || call->routed)
        keep_card(call, order->card);
    if (!waits)
        call->built = call->built && engine_call_build_request(call);
    call->ask.card = NULL;
    ENGINE_COUNT(engine, gateway_calls_total, 1);
    ENGINE_COUNT(engine, calls_in_flight, 1);
    call->paced = order->origin == ORIGIN_CLOCK || order->origin == ORIGIN_RECONCILER;
    call->account_slot = engine_account_slot(order->payment->gateway_account);
    if (call->paced)
        atomic_fetch_add(&engine->calls_at[call->account_slot], 1);
    atomic_fetch_add(&engine->in_work, 1);
    return call;
}

/* It is not under way any more, and its turn, if it brought one, is counted. */
static void call_end(struct engine *engine, struct call *call)
{
    atomic_fetch_sub(&engine->tally.calls_in_flight, 1);
    if (call->paced)
        atomic_fetch_sub(&engine->calls_at[call->account_slot], 1);
    atomic_fetch_sub(&engine->in_work, 1);
    call_free(call);
}

void engine_call_left(struct call *call)
{
    call_end(call->writer->engine, call);
}

void engine_call_queue(struct engine *engine, struct call *call)
{
    if (!call->gateway->in_process)
        engine_network_call(engine, call);
    else if (engine->steps)
        engine->steps->call(engine->steps->self, call);
    else if (!queue_put(&engine->calls, &call->link))
        engine_call_left(call);
}

static void answer_ending(struct desk_turn *turn)
{
    const struct operation_answer *said = turn->input.ask;
    if (said->card)
        card_done(said->card);
}

/* What never left us may go elsewhere, with the card that it was about. */
static struct card *card_to_go_on(const struct call *call, enum gateway_outcome outcome,
                                  struct arena *arena)
{
    if (outcome != GW_NOT_SENT || !call->routed || !call->has_card)
        return NULL;
    struct card card = card_copy(&call->card, arena);
    return arena_copy(arena, &card, sizeof card);
}

/* What they call the card that they keep goes into the books sealed, and nowhere else. */
static void seal_token(struct engine *engine, const struct call *call, struct arena *arena,
                       struct operation_answer *said)
{
    struct str token = said->answer.card_token;
    said->answer.card_token = (struct str){ 0 };
    if (str_is_empty(token) || token.len > CREDENTIALS_MAX_BYTES || !engine->vault
        || instrument_id_is_zero(call->keeps))
        return;
    said->card_sealed = vault_seal_at(engine->vault, token_place(call->keeps, arena), token,
                                      arena);
}

/* The answer becomes a turn; its texts move to the turn's arena. */
static void hand_in(struct engine *engine, struct call *call, const struct gateway_answer *answer,
                    int http_status, bool amount_differs)
{
    struct desk_turn *turn = desk_turn_new();
    struct operation_answer *said = ARENA_NEW(&turn->arena, struct operation_answer);
    *said = (struct operation_answer){
        .call = call->ask.call,
        .answer = *answer,
        .http_status = http_status,
        .started_ms = call->started_ms,
        .ended_ms = outside_now_ms(engine->outside),
        .asked_us = call->gateway->in_process ? call->started_us : 0,
        .mark = call->mark,
        .amount_differs = amount_differs,
        .card = card_to_go_on(call, answer->outcome, &turn->arena),
    };
    struct str *texts[] = {
        &said->answer.gateway_reference, &said->answer.refund_reference,
        &said->answer.failure_code, &said->answer.gateway_code,
        &said->answer.gateway_message, &said->answer.action_url,
        &said->answer.card_brand, &said->answer.card_last4,
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = str_copy(&turn->arena, *texts[i]);
    seal_token(engine, call, &turn->arena, said);
    turn->input = (struct turn_input){
        .handler = &turn_operation_answered,
        .origin = call->origin,
        .actor = STR("gateway"),
        .operation = call->operation,
        .invoice = call->invoice,
        .ask = said,
    };
    /* While this run lives, nobody else asks about its operation. */
    turn->done = engine_turn_kept;
    turn->ending = answer_ending;
    turn->user = engine;
    if (answer->outcome == GW_UNKNOWN)
        ENGINE_COUNT(engine, gateway_unknown_total, 1);
    if (answer->outcome == GW_NOT_SENT)
        ENGINE_COUNT(engine, gateway_not_sent_total, 1);
    atomic_fetch_add(&engine->in_work, 1);
    /* Closing: the books know it as sending, the next start asks. */
    if (!queue_put(&engine->turns, &turn->link)) {
        atomic_fetch_sub(&engine->in_work, 1);
        desk_turn_free(turn);
    }
}

void engine_call_replied(struct engine *engine, struct call *call,
                         const struct http_reply *reply)
{
    const struct gateway_call *pair = &call->gateway->calls[call->ask.call];
    struct gateway_answer answer = { 0 };
    if (pair->parse(&call->ask, reply, &call->arena, &answer) != OK)
        answer = (struct gateway_answer){ 0 };
    bool agrees = gateway_check_amount(&call->ask, &answer);
    hand_in(engine, call, &answer, reply->status, !agrees);
    call_end(engine, call);
}

void engine_call_failed(struct engine *engine, struct call *call, enum gateway_outcome outcome,
                        struct str why)
{
    assert(outcome == GW_NOT_SENT || outcome == GW_UNKNOWN);
    struct gateway_answer answer = { .outcome = outcome, .gateway_message = why };
    hand_in(engine, call, &answer, 0, false);
    call_end(engine, call);
}

/* Calls that were sent and wait for a reply until their deadline. */
struct waiting {
    struct call *calls[4 * CALLS_AT_ONCE];
    size_t count;
};

static int64_t next_deadline_us(const struct waiting *waiting)
{
    int64_t next = 0;
    for (size_t i = 0; i < waiting->count; i++)
        if (next == 0 || waiting->calls[i]->deadline_us < next)
            next = waiting->calls[i]->deadline_us;
    return next;
}

static void give_up(struct engine *engine, struct waiting *waiting, int64_t now_us, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < waiting->count; i++) {
        struct call *call = waiting->calls[i];
        if (all || call->deadline_us <= now_us) {
            engine_call_failed(engine, call, GW_UNKNOWN, (struct str){ 0 });
        } else {
            waiting->calls[kept++] = call;
        }
    }
    waiting->count = kept;
}

/* Beyond the room, those whose end is nearest are given up early: unknown is safe. */
static void wait_for_reply(struct engine *engine, struct waiting *waiting, struct call *call)
{
    if (waiting->count == sizeof(waiting->calls) / sizeof(waiting->calls[0]))
        give_up(engine, waiting, next_deadline_us(waiting), false);
    waiting->calls[waiting->count++] = call;
}

/* Nobody knows what others did since the lease was over. Whoever took over, asks. */
void engine_call_drop(struct engine *engine, struct call *call)
{
    engine_run_break(call);
    ENGINE_COUNT(engine, gateway_calls_dropped_total, 1);
    call_end(engine, call);
}

bool engine_call_begin(struct engine *engine, struct call *call)
{
    call->started_ms = outside_now_ms(engine->outside);
    call->started_us = outside_monotonic_us(engine->outside);
    call->deadline_us = call->started_us + call->gateway->deadline_ms * 1000;
    if (!call->built) {
        engine_call_failed(engine, call, GW_NOT_SENT, (struct str){ 0 });
        return false;
    }
    if (!engine_run_holds(call)) {
        engine_call_drop(engine, call);
        return false;
    }
    return true;
}

static void make_calls(struct engine *engine, struct link *items, struct waiting *waiting)
{
    const struct http_request *requests[CALLS_AT_ONCE];
    struct http_reply replies[CALLS_AT_ONCE] = { 0 };
    struct call *calls[CALLS_AT_ONCE];
    struct arena arena = { 0 };
    size_t count = 0;
    for (struct link *item = items, *next; item; item = next) {
        struct call *call = LINK_OWNER(item, struct call, link);
        next = item->next;
        if (!engine_call_begin(engine, call))
            continue;
        requests[count] = &call->request;
        calls[count++] = call;
    }
    enum err err = OK;
    if (count)
        err = sandbox_handle(engine->sandbox, requests, replies, count, &arena);
    if (err)
        log_event(LOG_ERROR, "sandbox.failed", LOG_C("code", err_code(err)), LOG_END);
    for (size_t i = 0; i < count; i++) {
        if (err || replies[i].status == 0) {
            wait_for_reply(engine, waiting, calls[i]);
        } else {
            engine_call_replied(engine, calls[i], &replies[i]);
        }
    }
    /* The far side has read the cards. */
    arena_wipe(&arena);
    arena_done(&arena);
}

void *engine_outbound(void *self)
{
    struct engine *engine = self;
    struct waiting waiting = { .count = 0 };
    for (;;) {
        struct link *items = queue_take(&engine->calls, CALLS_AT_ONCE,
                                        next_deadline_us(&waiting));
        if (items)
            make_calls(engine, items, &waiting);
        bool closed = queue_is_closed(&engine->calls);
        give_up(engine, &waiting, outside_monotonic_us(engine->outside),
                closed && atomic_load(&engine->hurry));
        if (!items && closed && waiting.count == 0)
            return NULL;
    }
}
