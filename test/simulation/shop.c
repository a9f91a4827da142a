/* shop.c - shops: orders, and what becomes of them. Each request has a key, is asked until its
 * answer is final, and may be asked again by somebody impatient before that. */
#include <assert.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/time.h"
#include "core/checkout.h"
#include "core/requests.h"
#include "gateways/gateways.h"
#include "world.h"

#define PATIENCE_US (20 * SECOND_US)

#define PAYER_AGAIN_US (5 * SECOND_US)
#define PAYER_TRIES_MAX 200

static const char *const kind_names[ASK_KINDS] = { "create", "capture", "cancel", "refund",
                                                   "look", "payer", "press" };

/* One in three is plain. */
static const char *const cards[] = {
    "4242424242424242", "4242424242424242", "4242424242424242", "4000000000000002",
    "4000000000000119", "4000000000003155", "4000000000003155", "4000000000000341",
    "4000000000005126",
};

/* Thinking of requests. */

static struct request *new_request(struct world *world, enum request_kind kind, size_t order)
{
    struct request *request = &world->requests[world->request_count];
    char key[32];
    struct buf text;

    assert(world->request_count < REQUESTS_MAX);
    buf_fixed(&text, key, sizeof key);
    buf_addf(&text, "request-%zu", world->request_count++);
    *request = (struct request){
        .kind = kind,
        .order = order,
        .key = claim_key(world->merchant, false, buf_str(&text)),
        .next_us = world->now_us + dice_between(&world->dice, 0, 2 * SECOND_US),
        .wanted = world->scenario && kind != ASK_PAYER ? world->scenario->times : 1,
    };
    return request;
}

/* At one of the accounts that this world's shops use. */
static enum account_name choose_account(struct world *world)
{
    uint32_t from = dice_below(&world->dice, ACCOUNT_COUNT);
    for (uint32_t i = 0; i < ACCOUNT_COUNT; i++)
        if (world->is_used[(from + i) % ACCOUNT_COUNT])
            return (enum account_name)((from + i) % ACCOUNT_COUNT);
    return ACCOUNT_SANDBOX;
}

static void at_account(struct world *world, struct order *order, enum account_name name)
{
    order->account = &world->accounts[name];
    order->currency = CURRENCY_EUR;
    order->method = METHOD_CARD;
    if (name == ACCOUNT_SANDBOX)
        return;
    bool has_saved = world->scenario ? world->scenario->card != NULL
                                     : name == ACCOUNT_HYPERSWITCH
                                           && dice_chance(&world->dice, 500);
    order->method = has_saved ? METHOD_SAVED_CARD : METHOD_GATEWAY_PAGE;
    order->card = "cus_1:pm_2";
    if (name == ACCOUNT_HYPERSWITCH)
        return;
    order->manual = name == ACCOUNT_EPAYMENT_HOLD;
    order->currency = CURRENCY_KZT;
}

static void new_order(struct world *world)
{
    struct order *order = &world->orders[world->order_count];
    *order = (struct order){
        .amount_minor = dice_between(&world->dice, 1, 100000),
        .card = cards[dice_below(&world->dice, sizeof cards / sizeof cards[0])],
        .manual = dice_chance(&world->dice, 400),
    };
    at_account(world, order, choose_account(world));
    new_request(world, ASK_CREATE, world->order_count++);
}

static void new_request_about(struct world *world, size_t number)
{
    static const enum request_kind kinds[] = { ASK_CAPTURE, ASK_CANCEL, ASK_REFUND, ASK_REFUND,
                                               ASK_LOOK, ASK_PAYER };
    const struct order *order = &world->orders[number];
    enum request_kind kind = kinds[dice_below(&world->dice, sizeof kinds / sizeof kinds[0])];
    struct request *request = new_request(world, kind, number);
    /* Nothing: all that there is. */
    if ((kind == ASK_CAPTURE || kind == ASK_REFUND) && dice_chance(&world->dice, 700))
        request->amount_minor = dice_between(&world->dice, 1, order->amount_minor);
}

/* All at once, as soon as the payment is known: when each is asked is told. */
static bool think_of_scenario(struct world *world)
{
    const struct scenario *scenario = world->scenario;
    if (world->request_count == 0) {
        world->orders[world->order_count] = (struct order){
            .amount_minor = SCENARIO_AMOUNT, .card = scenario->card, .manual = scenario->manual };
        at_account(world, &world->orders[world->order_count], scenario->at);
        new_request(world, ASK_CREATE, world->order_count++)->next_us = world->begin_us;
    } else if (!world->orders[0].is_known) {
        return false;
    }
    while (world->orders[0].is_known && world->request_count < world->wanted_requests) {
        const struct scenario_step *step = &scenario->steps[world->request_count - 1];
        struct request *request = new_request(world, step->kind, 0);
        request->amount_minor = step->amount_minor;
        request->payer = step->payer;
        request->next_us = world->begin_us + step->after_ms * 1000;
    }
    return true;
}

static bool think(struct world *world)
{
    if (world->request_count >= world->wanted_requests)
        return false;
    if (world->scenario)
        return think_of_scenario(world);
    bool is_new = world->order_count < world->wanted_orders && dice_chance(&world->dice, 300);
    size_t number = dice_below(&world->dice, (uint32_t)world->order_count);
    if (is_new || world->order_count == 0)
        new_order(world);
    else if (world->orders[number].is_known)
        new_request_about(world, number);
    else
        return false;
    return true;
}

/* Asking. */

struct asking {
    struct world *world;
    struct request *request;
};

static void learn_payment(struct world *world, const struct request *request, struct str body,
                          struct arena *arena)
{
    struct order *order = &world->orders[request->order];
    const struct json *doc = NULL;
    struct payment_id id;

    if (request->kind != ASK_CREATE || json_parse(body, arena, &doc, NULL) != OK)
        return;
    struct str text = json_text(json_get(doc, "id"));
    if (checkout_id_parse(text, &order->session))
        order->is_known = true;
    if (!payment_id_parse(text, &id))
        return;
    if (order->is_known && !payment_id_equal(order->payment, id))
        world_blame(world, "I9", "the key of request %zu made two payments",
                    (size_t)(request - world->requests));
    order->payment = id;
    order->is_known = true;
}

static void take_final(struct world *world, struct request *request, int status, struct str body)
{
    uint64_t digest = digest_add(DIGEST_BEGIN ^ (uint64_t)status, body.ptr, body.len);

    request->state = REQUEST_DONE;
    /* What is only looked at may move on. */
    if (request->final_status && request->final_digest != digest && request->kind != ASK_LOOK)
        world_blame(world, "I8", "request %zu has two final answers, %d and %d",
                    (size_t)(request - world->requests), request->final_status, status);
    request->final_status = status;
    request->final_digest = digest;
}

/* Twice as long each time, up to three hours. */
static void ask_again(struct world *world, struct request *request)
{
    if (request->state == REQUEST_DONE)
        return;
    int64_t most_us = SECOND_US << (request->tries < 13 ? request->tries++ : 13);
    request->state = REQUEST_ASKS;
    request->next_us = world->now_us + dice_between(&world->dice, 10000, most_us);
}

static void take_answer(struct world *world, struct request *request, struct desk_turn *turn)
{
    const struct turn_answer *answer = &turn->answer;

    if (turn->err && err_is_retryable(turn->err)) {
        ask_again(world, request);
        return;
    }
    /* Refused, and nothing recorded: the same request may be taken another time. */
    if (turn->err) {
        request->state = REQUEST_DONE;
        return;
    }
    request->is_told = request->is_told || !id_is_zero(turn->input.claim_key);
    learn_payment(world, request, answer->body, &turn->arena);
    if (answer->final || request->kind == ASK_LOOK || request->kind == ASK_PAYER
        || request->kind == ASK_PRESS) {
        take_final(world, request, answer->status, answer->body);
    } else if (request->state != REQUEST_DONE) {
        request->state = REQUEST_WAITS;
        request->next_us = world->now_us + (PATIENCE_US << (request->looks < 9 ? request->looks++
                                                                                : 9));
    }
}

static void turn_done(struct desk_turn *turn)
{
    struct asking *asking = turn->user;
    struct world *world = asking->world;
    struct request *request = asking->request;

    request->under_way--;
    /* A process that is dead says nothing, whatever it did. */
    if (world->files->is_dead) {
        ask_again(world, request);
    } else {
        world_say(world, "answer %zu %s: %s %d%s", (size_t)(request - world->requests),
                  kind_names[request->kind], turn->err ? err_code(turn->err) : "ok",
                  turn->answer.status, turn->answer.final ? ", final" : "");
        take_answer(world, request, turn);
    }
    desk_turn_free(turn);
}

static void card_ending(struct desk_turn *turn)
{
    const struct payment_create *create = turn->input.ask;
    const struct checkout_pay *pay = turn->input.ask;
    bool is_pressed = turn->input.handler == &turn_checkout_pay;
    struct card *card = (struct card *)(uintptr_t)(is_pressed ? pay->card : create->card);
    if (!card)
        return;
    secret_done(&card->number);
    secret_done(&card->cvc);
    secret_done(&card->saved);
}

static const struct card *card_of(const struct order *order, struct arena *arena)
{
    struct card card = { 0 };

    if (order->method == METHOD_GATEWAY_PAGE)
        return NULL;
    if (order->method == METHOD_SAVED_CARD) {
        card.saved = secret_copy(str_of(order->card));
    } else {
        card.number = secret_copy(str_of(order->card));
        card.cvc = secret_copy(STR("123"));
        card.exp_month = 12;
        card.exp_year = 2099;
    }
    return arena_copy(arena, &card, sizeof card);
}

static const void *create_ask(const struct order *order, struct arena *arena)
{
    struct payment_create ask = {
        .amount = { order->amount_minor, order->currency },
        .capture_method = order->manual ? CAPTURE_METHOD_MANUAL : CAPTURE_METHOD_AUTOMATIC,
        .method = order->method,
        .card = card_of(order, arena),
        .confirm = true,
    };
    /* The default's is chosen by the rules of routing. */
    if (order->account->gateway != &gateway_sandbox)
        ask.gateway_account = order->account->row.id;
    if (order->method == METHOD_CARD) {
        ask.card_brand = STR("visa");
        ask.card_last4 = str_slice(str_of(order->card), 12, 16);
    }
    return arena_copy(arena, &ask, sizeof ask);
}

static const void *session_ask(const struct order *order, struct arena *arena)
{
    const struct checkout_create ask = {
        .has_amount = true,
        .card_form = true,
        .amount = { order->amount_minor, order->currency },
        .capture_method = order->manual ? CAPTURE_METHOD_MANUAL : CAPTURE_METHOD_AUTOMATIC,
        .gateway_account = order->account->row.id,
        .expires_ms = CHECKOUT_MINUTES * MINUTE_MS,
    };
    return arena_copy(arena, &ask, sizeof ask);
}

/* The button of the page as it was shown first, however often it is pressed. */
static const void *press_ask(const struct order *order, struct arena *arena)
{
    const struct checkout_pay ask = {
        .id = order->session,
        .card = card_of(order, arena),
        .card_brand = STR("visa"),
        .card_last4 = str_slice(str_of(order->card), 12, 16),
        .return_url = STR("http://purser.test/checkout/back"),
    };
    return arena_copy(arena, &ask, sizeof ask);
}

static const void *ask_of(const struct request *request, const struct order *order,
                          struct arena *arena)
{
    const struct payment_capture capture = { .amount_minor = request->amount_minor };
    const struct payment_cancel cancel = { .reason = CANCEL_REASON_MERCHANT };
    const struct refund_create refund = { .amount_minor = request->amount_minor };

    switch (request->kind) {
    case ASK_CREATE:
        return create_ask(order, arena);
    case ASK_CAPTURE:
        return arena_copy(arena, &capture, sizeof capture);
    case ASK_CANCEL:
        return arena_copy(arena, &cancel, sizeof cancel);
    case ASK_REFUND:
        return arena_copy(arena, &refund, sizeof refund);
    case ASK_LOOK:
    case ASK_PAYER:
    case ASK_KINDS:
        break;
    case ASK_PRESS:
        return press_ask(order, arena);
    }
    return NULL;
}

/* The same request has the same bytes. */
static struct sha256 fingerprint_of(const struct request *request, const struct order *order)
{
    char bytes[64];
    struct buf text;

    buf_fixed(&text, bytes, sizeof bytes);
    buf_addf(&text, "%s %zu %lld %lld", kind_names[request->kind], request->order,
             (long long)order->amount_minor, (long long)request->amount_minor);
    return crypto_sha256(buf_str(&text));
}

static struct desk_turn *turn_new(struct world *world, struct request *request,
                                  const struct turn_handler *handler)
{
    struct desk_turn *turn = desk_turn_new();
    struct asking asking = { world, request };

    turn->input = (struct turn_input){
        .handler = handler,
        .merchant = world->merchant,
        .origin = ORIGIN_API,
        .actor = STR("shop"),
    };
    turn->done = turn_done;
    turn->user = arena_copy(&turn->arena, &asking, sizeof asking);
    return turn;
}

static void hand_in(struct world *world, struct request *request, struct desk_turn *turn)
{
    const struct desk *desk = engine_desk(world->engine);

    request->under_way++;
    bool taken = desk->submit(desk->self, turn);
    assert(taken);
    (void)taken;
}

static void submit(struct world *world, struct request *request)
{
    static const struct turn_handler *const handlers[] = {
        [ASK_CREATE] = &turn_payment_create, [ASK_CAPTURE] = &turn_payment_capture,
        [ASK_CANCEL] = &turn_payment_cancel, [ASK_REFUND] = &turn_refund_create,
        [ASK_LOOK] = &turn_payment_look, [ASK_PRESS] = &turn_checkout_pay,
    };
    const struct order *order = &world->orders[request->order];
    struct desk_turn *turn = turn_new(world, request, handlers[request->kind]);
    bool for_page = request->kind == ASK_CREATE && world->scenario && world->scenario->checkout;

    turn->input.payment = order->payment;
    turn->input.checkout = order->session;
    if (for_page)
        turn->input.handler = &turn_checkout_create;
    turn->input.ask = for_page ? session_ask(order, &turn->arena)
                               : ask_of(request, order, &turn->arena);
    if (request->kind != ASK_LOOK && request->kind != ASK_PRESS) {
        turn->input.claim_key = request->key;
        turn->input.claim_fingerprint = fingerprint_of(request, order);
    }
    if ((request->kind == ASK_CREATE && !for_page) || request->kind == ASK_PRESS)
        turn->ending = card_ending;
    hand_in(world, request, turn);
}

static void come_back(struct world *world, struct request *request, struct operation_id operation)
{
    struct desk_turn *turn = turn_new(world, request, &turn_payer_done);
    turn->input.operation = operation;
    hand_in(world, request, turn);
}

/* What the payer does who was sent to the bank for this operation. */
static void decide(struct world *world, struct request *request, struct bank_charge *charge)
{
    struct str reference = str_of(charge->reference);
    struct operation_id operation;
    bool confirms = request->payer == PAYER_ANY ? dice_chance(&world->dice, 800)
                                                : request->payer != PAYER_REFUSES;
    bool returns = request->payer == PAYER_ANY ? dice_chance(&world->dice, 500)
                                               : request->payer != PAYER_PAYS_AND_LEAVES;

    bank_payer(&world->bank, reference, confirms);
    if (returns && operation_id_parse(reference, &operation))
        come_back(world, request, operation);
}

/* Hyperswitch's name of a payment is ours with another prefix. */
static bool operation_of(struct str reference, struct operation_id *out)
{
    char text[ID_TEXT_MAX];
    struct buf id;

    if (!str_starts_with(reference, STR("pay_")))
        return false;
    buf_fixed(&id, text, sizeof text);
    buf_addf(&id, "op_%.*s", STR_ARG(str_slice(reference, 4, reference.len)));
    return operation_id_parse(buf_str(&id), out);
}

/* One of those who have a gateway's page before them. */
static bool pay_at_gateway(struct world *world, struct request *request)
{
    const char *gateway = NULL;
    struct operation_id operation;
    size_t count = 0;

    while (!str_is_empty(gateways_page(count, &gateway)))
        count++;
    size_t from = dice_below(&world->dice, (uint32_t)count);
    bool confirms = request->payer == PAYER_ANY ? dice_chance(&world->dice, 800)
                                                : request->payer != PAYER_REFUSES;
    bool returns = request->payer == PAYER_ANY ? dice_chance(&world->dice, 500)
                                               : request->payer != PAYER_PAYS_AND_LEAVES;
    for (size_t i = 0; i < count; i++) {
        struct str reference = gateways_page((from + i) % count, &gateway);
        if (!gateways_payer(str_of(gateway), reference, confirms))
            continue;
        world_say(world, "payer %s %.*s", confirms ? "pays" : "refuses", STR_ARG(reference));
        if (returns && operation_of(reference, &operation))
            come_back(world, request, operation);
        return true;
    }
    return false;
}

/* One of those who are at the bank decides. Half of them come back to purser's page; about the
 * others nobody tells the node. In a scenario the payer is patient until there is something to
 * decide. */
static void send_payer(struct world *world, struct request *request)
{
    struct bank *bank = &world->bank;
    size_t from = dice_below(&world->dice, (uint32_t)bank->charge_count);

    request->state = REQUEST_DONE;
    for (size_t i = 0; i < bank->charge_count; i++) {
        struct bank_charge *charge = &bank->charges[(from + i) % bank->charge_count];
        if (charge->waits) {
            decide(world, request, charge);
            return;
        }
    }
    if (pay_at_gateway(world, request))
        return;
    if (world->scenario && request->tries++ < PAYER_TRIES_MAX) {
        request->state = REQUEST_ASKS;
        request->next_us = world->now_us + PAYER_AGAIN_US;
    }
}

static void ask(struct world *world, struct request *request)
{
    world_say(world, "ask %zu %s of %zu", (size_t)(request - world->requests),
              kind_names[request->kind], request->order);
    request->state = REQUEST_WAITS;
    request->next_us = world->now_us + PATIENCE_US;
    if (request->kind == ASK_PAYER)
        send_payer(world, request);
    else
        submit(world, request);
}

bool shop_step(struct world *world)
{
    if (!world->engine)
        return false;
    if (dice_chance(&world->dice, 200) && think(world))
        return true;
    size_t from = dice_below(&world->dice, (uint32_t)world->request_count);
    for (size_t i = 0; i < world->request_count; i++) {
        struct request *request = &world->requests[(from + i) % world->request_count];
        bool is_due = request->state != REQUEST_DONE && request->next_us <= world->now_us;
        bool again = request->under_way < 3 && request->kind != ASK_PAYER
                     && world_chance(world, world->faults.impatient);
        bool at_once = request->under_way > 0 && request->wanted > 1;
        if ((is_due && request->under_way == 0) || again || at_once) {
            request->wanted -= at_once;
            ask(world, request);
            return true;
        }
    }
    return think(world);
}

bool shop_is_content(const struct world *world)
{
    for (size_t i = 0; i < world->request_count; i++)
        if (world->requests[i].state != REQUEST_DONE)
            return false;
    return world->request_count >= world->wanted_requests;
}

int64_t shop_due_us(const struct world *world)
{
    int64_t first = 0;
    for (size_t i = 0; i < world->request_count; i++) {
        const struct request *request = &world->requests[i];
        bool waits = request->state != REQUEST_DONE && request->under_way == 0;
        if (waits && (!first || request->next_us < first))
            first = request->next_us;
    }
    return first;
}

static void wake(struct world *world, struct request *request, const struct turn_answer *answer)
{
    struct arena scratch = { 0 };

    world_say(world, "wake %zu: %d", (size_t)(request - world->requests), answer->status);
    /* It may be the first that is heard of it, after a death before the answer. */
    learn_payment(world, request, answer->body, &scratch);
    arena_done(&scratch);
    request->is_told = true;
    take_final(world, request, answer->status, answer->body);
}

void shop_wake(void *self, const struct turn_answer *const *answers, size_t count)
{
    struct world *world = self;
    if (world->files->is_dead)
        return;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; answers[i]->final && k < world->request_count; k++)
            if (id_equal(world->requests[k].key, answers[i]->claim_key))
                wake(world, &world->requests[k], answers[i]);
}
