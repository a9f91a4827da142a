/* turn.c - running a handler, and settling the claims whose operations have ended. */
#include "core/turn.h"

#include <assert.h>
#include <stdarg.h>

#include "base/buf.h"

#define DETAIL_MAX 1024

__attribute__((format(printf, 2, 0)))
static void say(struct turn *turn, const char *format, va_list args)
{
    if (!str_is_empty(turn->detail))
        return;
    struct buf text;
    buf_init(&text, turn->arena, DETAIL_MAX);
    buf_addfv(&text, format, args);
    turn->detail = buf_str(&text);
}

enum err turn_fail(struct turn *turn, enum err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(turn, format, args);
    va_end(args);
    return err;
}

enum err turn_fail_param(struct turn *turn, enum err err, const char *param, const char *format,
                         ...)
{
    va_list args;
    va_start(args, format);
    say(turn, format, args);
    va_end(args);
    if (str_is_empty(turn->param))
        turn->param = str_of(param);
    return err;
}

void turn_answer_now(struct turn *turn, int status, struct str body)
{
    turn->answer = (struct turn_answer){
        .claim_key = turn->input->claim_key,
        .status = status,
        .body = body,
        .final = true,
    };
    if (!turn->claim)
        return;
    turn->claim->success_status = status;
    turn->claim->status = status;
    turn->claim->body = body;
    row_touch(&turn->claim->row);
}

void turn_answer_nothing(struct turn *turn)
{
    turn->answer = (struct turn_answer){ .status = 200, .body = STR("{}"), .final = true };
}

struct gateway_account *turn_account(const struct turn *turn, struct gateway_account_id id)
{
    for (size_t i = 0; i < turn->accounts.count; i++)
        if (gateway_account_id_equal(turn->accounts.items[i]->id, id))
            return turn->accounts.items[i];
    return NULL;
}

const struct gateway *turn_gateway(const struct turn *turn, struct str name)
{
    for (const struct gateway *const *at = turn->gateways; *at; at++)
        if (str_equal_c(name, (*at)->name))
            return *at;
    return NULL;
}

struct id claim_key(struct merchant_id merchant, bool live, struct str idempotency_key)
{
    struct str pieces[] = {
        str_make((const char *)merchant.id.bytes, sizeof(merchant.id.bytes)),
        live ? STR("live") : STR("test"),
        idempotency_key,
    };
    struct sha256 hash = crypto_hmac_sha256(STR("purser claim key"), pieces, 3);
    struct id key;
    for (size_t i = 0; i < sizeof(key.bytes); i++)
        key.bytes[i] = hash.bytes[i];
    return key;
}

/* Whether something that answers to the claim is still under way. */
static bool claim_is_open(const struct books *books, const struct claim *claim)
{
    for (size_t i = 0; i < books->operations.count; i++) {
        const struct operation *operation = books->operations.items[i];
        if (id_equal(operation->claim, claim->key) && operation->closed_ms == 0)
            return true;
    }
    return false;
}

static bool event_shows(const struct event *event, const struct claim *claim)
{
    if (!checkout_id_equal(event->checkout, claim->checkout))
        return false;
    if (!refund_id_is_zero(claim->refund))
        return refund_id_equal(event->refund, claim->refund);
    if (!instrument_id_is_zero(claim->instrument))
        return instrument_id_equal(event->instrument, claim->instrument);
    if (!refund_id_is_zero(event->refund) || !instrument_id_is_zero(event->instrument))
        return false;
    return payment_id_equal(event->payment, claim->payment);
}

/* The last event at or after `from` whose data is what the claim's caller asked about. */
static const struct event *claim_event(const struct books *books, const struct claim *claim,
                                       size_t from)
{
    for (size_t i = books->events.count; i > from; i--)
        if (event_shows(books->events.items[i - 1], claim))
            return books->events.items[i - 1];
    return NULL;
}

static void claim_settle(struct turn *turn, struct claim *claim, size_t events_from)
{
    const struct event *event = claim_event(turn->books, claim, events_from);
    if (claim->status != 0 || !event)
        return;
    bool final = !claim_is_open(turn->books, claim);
    if (final) {
        claim->status = claim->success_status;
        claim->answer_sequence = event->sequence;
        row_touch(&claim->row);
    }
    struct turn_answer answer = {
        .claim_key = claim->key,
        .status = final ? (int)claim->success_status : 202,
        .body = event->data,
        .final = final,
    };
    if (claim == turn->claim) {
        turn->answer = answer;
        return;
    }
    struct turn_answer *wake = arena_copy(turn->arena, &answer, sizeof(answer));
    turn_answer_list_add(turn->arena, &turn->wakes, wake);
}

void turn_run(struct turn *turn)
{
    size_t events_from = turn->books ? turn->books->events.count : 0;
    if (turn->claim)
        turn->claim->success_status = 200;
    turn->err = turn->input->handler->handle(turn);
    if (turn->err || !turn->books)
        return;
    if (turn->claim)
        claim_list_add(turn->arena, &turn->books->claims, turn->claim);
    for (size_t i = 0; i < turn->books->claims.count; i++)
        claim_settle(turn, turn->books->claims.items[i], events_from);
    assert(!turn->claim || turn->answer.status != 0);
}
