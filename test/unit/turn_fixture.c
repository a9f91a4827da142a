/* turn_fixture.c - see turn_fixture.h. */
#include "turn_fixture.h"

#include <assert.h>

#include "base/buf.h"

#define START_MS INT64_C(1770000000000)

static enum err never_built(const struct gateway_ask *ask, struct arena *arena,
                            struct http_request *out)
{
    (void)ask, (void)arena, (void)out;
    return ERR_INTERNAL;
}

static enum err never_parsed(const struct gateway_ask *ask, const struct http_reply *reply,
                             struct arena *arena, struct gateway_answer *out)
{
    (void)ask, (void)reply, (void)arena, (void)out;
    return ERR_INTERNAL;
}

static const enum payment_method card_only[] = { METHOD_CARD, METHOD_NONE };

void world_init(struct world *world)
{
    *world = (struct world){ 0 };
    outside_fake_init(&world->fake, START_MS, 7);
    world->ids.outside = &world->fake.outside;
    world->merchant = merchant_id_make(&world->ids, START_MS);
    world->run = run_id_make(&world->ids, START_MS);
    world->gateway = (struct gateway){
        .name = "test",
        .title = "Test",
        .capture = GW_CAPTURE_SEPARATE,
        .methods = card_only,
        .visibility_ms = 3000,
        .deadline_ms = 2000,
        .authorization_ms = INT64_C(432000000),
    };
    for (int kind = OPERATION_KIND_AUTHORIZE; kind < OPERATION_KIND_COUNT; kind++)
        world->gateway.calls[kind] = (struct gateway_call){ .build = never_built,
                                                            .parse = never_parsed };
    world->gateway.calls[OPERATION_KIND_CAPTURE].lost = GW_REPEAT_SAME_KEY;
    world->gateways[0] = &world->gateway;
    world->account = (struct gateway_account){
        .id = gateway_account_id_make(&world->ids, START_MS),
        .merchant = world->merchant,
        .gateway = STR("test"),
        .is_default = true,
    };
}

void world_done(struct world *world)
{
    arena_done(&world->arena);
}

/* What a load would bring: no closed operations, no answered claims, nothing new. */
static struct books *loaded(struct world *world)
{
    struct books *all = books_copy(&world->arena, world->books);
    struct books *books = ARENA_NEW(&world->arena, struct books);
    books->invoice = all->invoice;
    books->invoice->row = ROW_CLEAN;
    for (size_t i = 0; i < all->payments.count; i++) {
        all->payments.items[i]->row = ROW_CLEAN;
        payment_list_add(&world->arena, &books->payments, all->payments.items[i]);
    }
    for (size_t i = 0; i < all->refunds.count; i++) {
        all->refunds.items[i]->row = ROW_CLEAN;
        refund_list_add(&world->arena, &books->refunds, all->refunds.items[i]);
    }
    for (size_t i = 0; i < all->checkouts.count; i++) {
        all->checkouts.items[i]->row = ROW_CLEAN;
        checkout_list_add(&world->arena, &books->checkouts, all->checkouts.items[i]);
    }
    for (size_t i = 0; i < all->instruments.count; i++) {
        all->instruments.items[i]->row = ROW_CLEAN;
        instrument_list_add(&world->arena, &books->instruments, all->instruments.items[i]);
    }
    for (size_t i = 0; i < all->operations.count; i++) {
        struct operation *operation = all->operations.items[i];
        operation->row = ROW_CLEAN;
        operation_list_add(&world->arena,
                           operation->closed_ms ? &world->closed : &books->operations, operation);
    }
    for (size_t i = world->closed.count; i > 0; i--)
        if (operation_id_equal(world->closed.items[i - 1]->id, world->input.operation)) {
            operation_list_add(&world->arena, &books->operations, world->closed.items[i - 1]);
            break;
        }
    for (size_t i = 0; i < all->claims.count; i++) {
        all->claims.items[i]->row = ROW_CLEAN;
        if (all->claims.items[i]->status == 0)
            claim_list_add(&world->arena, &books->claims, all->claims.items[i]);
    }
    return books;
}

static void take_over(struct world *world)
{
    struct books *books = world->turn.books;
    for (size_t i = 0; i < books->events.count; i++)
        event_list_add(&world->arena, &world->events, books->events.items[i]);
    world->books = books;
}

enum err world_turn(struct world *world, const struct turn_handler *handler, const void *ask)
{
    struct turn *turn = &world->turn;
    world->input.handler = handler;
    world->input.merchant = world->merchant;
    world->input.origin = ORIGIN_API;
    world->input.actor = STR("key_test");
    world->input.run = world->run;
    world->input.ask = ask;
    *turn = (struct turn){
        .input = &world->input,
        .arena = &world->arena,
        .now_ms = world->fake.now_ms,
        .even_since_ms = world->even_since_ms,
        .ids = &world->ids,
        .gateways = world->gateways,
        .notice = world->notice,
        .customer = world->customer,
        .instrument = world->instrument,
        .books = world->books && handler->target != TARGET_NOTHING ? loaded(world) : NULL,
    };
    gateway_account_list_add(&world->arena, &turn->accounts, &world->account);
    for (size_t i = 0; i < world->other_count; i++)
        gateway_account_list_add(&world->arena, &turn->accounts, &world->others[i]);
    if (!id_is_zero(world->input.claim_key)) {
        turn->claim = ARENA_NEW(&world->arena, struct claim);
        turn->claim->key = world->input.claim_key;
        turn->claim->row = ROW_NEW;
        claim_list_add(&world->arena, &world->claims, turn->claim);
    }
    turn_run(turn);
    world->input.claim_key = (struct id){ { 0 } };
    if (turn->err == OK && turn->books)
        take_over(world);
    return turn->err;
}

enum err world_create(struct world *world, enum capture_method capture_method,
                      int64_t amount_minor)
{
    static const struct card card = { .exp_month = 12, .exp_year = 2030 };
    const struct payment_create ask = {
        .amount = { amount_minor, CURRENCY_EUR },
        .capture_method = capture_method,
        .method = METHOD_CARD,
        .card = &card,
        .confirm = true,
    };
    enum err err = world_turn(world, &turn_payment_create, &ask);
    if (!err)
        world->input.payment = world_payment(world)->id;
    return err;
}

enum err world_answer_with(struct world *world, const struct gateway_answer *answer)
{
    assert(world->turn.calls.count > 0);
    const struct turn_call *call = world->turn.calls.items[world->turn.calls.count - 1];
    int64_t now_ms = world->fake.now_ms;
    const struct operation_answer said = { .call = call->call, .answer = *answer,
                                           .started_ms = now_ms - world->answer_took_ms,
                                           .ended_ms = now_ms };
    world->input.operation = call->operation->id;
    return world_turn(world, &turn_operation_answered, &said);
}

enum err world_answer(struct world *world, enum gateway_outcome outcome)
{
    return world_answer_with(world, &(struct gateway_answer){
        .outcome = outcome,
        .gateway_reference = outcome == GW_APPROVED ? STR("gw_1") : STR(""),
    });
}

/* The earliest due time in the books, and whether it is an operation's. */
static int64_t earliest_due(struct world *world, const struct operation **operation)
{
    int64_t due_ms = world_payment(world)->due_ms;
    *operation = NULL;
    for (size_t i = 0; i < world->books->operations.count; i++) {
        const struct operation *at = world->books->operations.items[i];
        if (at->due_ms != 0 && (due_ms == 0 || at->due_ms < due_ms)) {
            due_ms = at->due_ms;
            *operation = at;
        }
    }
    return due_ms;
}

enum err world_due(struct world *world)
{
    static const struct operation_due no_lapse = { 0 };
    const struct operation *operation;
    int64_t due_ms = earliest_due(world, &operation);
    assert(due_ms != 0);
    if (due_ms > world->fake.now_ms)
        outside_fake_advance(&world->fake, due_ms - world->fake.now_ms);
    if (!operation)
        return world_turn(world, &turn_payment_due, NULL);
    world->input.operation = operation->id;
    return world_turn(world, &turn_operation_due, &no_lapse);
}

struct payment *world_payment(struct world *world)
{
    return world->books->payments.items[world->books->payments.count - 1];
}

const char *world_story(struct world *world)
{
    struct buf story;
    buf_init(&story, &world->arena, 4096);
    for (size_t i = 0; i < world->events.count; i++)
        buf_addf(&story, "%s%s", i ? " " : "", event_type_text(world->events.items[i]->type));
    return buf_c(&story);
}
