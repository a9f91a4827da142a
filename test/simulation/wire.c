/* wire.c - the network between the node, the bank and the gateways, and what goes wrong on it. */
#include <assert.h>

#include "base/time.h"
#include "world.h"

/* What they say: what was not heard to have been seen so long after the caller gave up, is never
 * seen. */
#define BANK_WINDOW_US (3 * SECOND_US)
#define HYPERSWITCH_WINDOW_US (2 * MINUTE_MS * 1000)
#define EPAYMENT_WINDOW_US (10 * MINUTE_MS * 1000)

static struct packet *free_packet(struct world *world)
{
    size_t i = 0;
    while (i < PACKETS_MAX && world->packets[i].is_used)
        i++;
    assert(i < PACKETS_MAX);
    return &world->packets[i];
}

static struct packet *send(struct world *world, const struct http_request *request)
{
    struct packet *packet = free_packet(world);
    *packet = (struct packet){ .is_used = true };
    struct http_field *fields = ARENA_ARRAY(&packet->arena, struct http_field,
                                            request->field_count);
    for (size_t i = 0; i < request->field_count; i++)
        fields[i] = (struct http_field){ str_copy(&packet->arena, request->fields[i].name),
                                         str_copy(&packet->arena, request->fields[i].value) };
    packet->request = (struct http_request){
        .method = request->method,
        .url = str_copy(&packet->arena, request->url),
        .fields = fields,
        .field_count = request->field_count,
        .body = str_copy(&packet->arena, request->body),
    };
    packet->arrives_us = world->now_us + dice_between(&world->dice, 1000, 200000);
    packet->replies_us = packet->arrives_us + dice_between(&world->dice, 1000, 200000);
    return packet;
}

static void spoil(struct world *world, struct packet *packet)
{
    const struct world_faults *faults = &world->faults;
    int64_t last_us = packet->deadline_us + packet->window_us - 1;
    bool moves_money = packet->wire && packet->wire->once;
    if (packet->to == TO_BANK && world_chance(world, faults->blind))
        packet->visible_us = world->now_us + packet->window_us - 1;
    if (world_chance(world, faults->lost_before) || world_is_planned(world, PLAN_LOST_BEFORE)) {
        packet->arrives_us = packet->replies_us = 0;
    } else if (world_chance(world, faults->lost_after)
               || world_is_planned(world, PLAN_LOST_AFTER)) {
        packet->replies_us = 0;
    } else if (world_chance(world, faults->late) || world_is_planned(world, PLAN_LATE)) {
        packet->arrives_us = dice_between(&world->dice, packet->deadline_us, last_us);
        packet->replies_us = 0;
    } else if (world_chance(world, faults->slow)) {
        packet->replies_us += dice_between(&world->dice, 0, 3 * SECOND_US);
    } else if (world_chance(world, faults->garbled) || world_is_planned(world, PLAN_GARBLED)) {
        packet->is_garbled = true;
    }
    /* The client repeats no call that moves money; the bank takes it for the same by its key. */
    bool twice = world_chance(world, faults->doubled) || world_is_planned(world, PLAN_DOUBLED);
    if (packet->arrives_us && twice && !moves_money) {
        struct packet *again = send(world, &packet->request);
        again->to = packet->to;
        again->arrives_us = dice_between(&world->dice, packet->arrives_us, last_us);
        again->replies_us = 0;
    }
}

void wire_take(void *self, struct call *call)
{
    struct world *world = self;
    if (world->files->is_dead) {
        engine_call_left(call);
        return;
    }
    if (!engine_call_begin(world->engine, call))
        return;
    struct str name = str_slice(call->request.url, 26, call->request.url.len);
    world->calls++;
    if (world_chance(world, world->faults.refused) || world_is_planned(world, PLAN_REFUSED)) {
        world_say(world, "call %.*s: no byte left", STR_ARG(name));
        engine_call_failed(world->engine, call, GW_NOT_SENT, STR("The network refused."));
        return;
    }
    struct packet *packet = send(world, &call->request);
    packet->call = call;
    packet->deadline_us = call->deadline_us;
    packet->window_us = BANK_WINDOW_US;
    spoil(world, packet);
    world_say(world, "call %.*s %.*s: arrives %lld, replies %lld%s%s", STR_ARG(name),
              STR_ARG(call->ask.reference), (long long)packet->arrives_us,
              (long long)packet->replies_us, packet->is_garbled ? ", garbled" : "",
              packet->visible_us ? ", blind" : "");
}

/* Over the network. */

static struct http_request request_of(const struct client_call *wire, struct arena *arena)
{
    struct http_field *fields = ARENA_ARRAY(arena, struct http_field, wire->field_count);
    for (size_t i = 0; i < wire->field_count; i++)
        fields[i] = (struct http_field){ wire->fields[i].name, wire->fields[i].value };
    return (struct http_request){ wire->method, wire->url, fields, wire->field_count, wire->body };
}

static void end_wire(struct client_call *wire, enum client_end end, enum client_reason reason)
{
    wire->end = end;
    wire->reason = reason;
    wire->done(wire);
}

/* What net/client.h promises, of a host that is there or not. */
bool wire_send(void *self, struct client_call *wire)
{
    struct world *world = self;
    struct arena arena = { 0 };
    if (world->files->is_dead) {
        end_wire(wire, CLIENT_NO_REPLY, CLIENT_REASON_STOPPED);
        return true;
    }
    world->calls++;
    if (world_chance(world, world->faults.refused) || world_is_planned(world, PLAN_REFUSED)) {
        world_say(world, "send: no byte left");
        end_wire(wire, CLIENT_NOT_SENT, CLIENT_REASON_CONNECT);
        return true;
    }
    if (wire->may_begin && !wire->may_begin(wire)) {
        end_wire(wire, CLIENT_NOT_SENT, CLIENT_REASON_WITHDRAWN);
        return true;
    }
    struct http_request request = request_of(wire, &arena);
    struct packet *packet = send(world, &request);
    arena_done(&arena);
    packet->wire = wire;
    packet->deadline_us = wire->deadline_us;
    bool at_bank = str_starts_with(wire->url, STR("http://epayment"));
    packet->to = str_starts_with(wire->url, STR("http://shop")) ? TO_SHOP : TO_GATEWAYS;
    packet->window_us = at_bank ? EPAYMENT_WINDOW_US : HYPERSWITCH_WINDOW_US;
    spoil(world, packet);
    world_say(world, "send %s %.*s: arrives %lld, replies %lld%s", wire->method,
              STR_ARG(wire->url), (long long)packet->arrives_us, (long long)packet->replies_us,
              packet->is_garbled ? ", garbled" : "");
    return true;
}

static bool has_caller(const struct packet *packet)
{
    return packet->call || packet->wire;
}

static int64_t due_us(const struct packet *packet)
{
    int64_t due = has_caller(packet) ? packet->deadline_us : 0;
    if (packet->arrives_us && !packet->has_arrived && (!due || packet->arrives_us < due))
        due = packet->arrives_us;
    if (has_caller(packet) && packet->has_arrived && packet->replies_us && packet->replies_us < due)
        due = packet->replies_us;
    return due;
}

static void arrive(struct world *world, struct packet *packet)
{
    static const char *const names[] = { "bank", "gateway", "shop" };
    packet->has_arrived = true;
    if (packet->to == TO_GATEWAYS)
        gateways_handle(&packet->request, &packet->arena, &packet->reply);
    else if (packet->to == TO_SHOP)
        hooks_handle(world, &packet->request, &packet->reply);
    else
        bank_handle(&world->bank, &packet->request, world->now_us, packet->visible_us,
                    &packet->arena, &packet->reply);
    world_say(world, "%s %d %.*s", names[packet->to], packet->reply.status,
              STR_ARG(packet->reply.body));
    if (world->bank.invariant)
        world_blame(world, world->bank.invariant, "%s", world->bank.wrong);
}

static void answer(struct world *world, struct packet *packet)
{
    struct call *call = packet->call;
    struct client_call *wire = packet->wire;
    struct http_reply reply = packet->reply;
    packet->call = NULL;
    packet->wire = NULL;
    if (packet->is_garbled)
        reply = (struct http_reply){ .status = 502, .body = STR("<html>Bad gateway</html>") };
    if (call) {
        engine_call_replied(world->engine, call, &reply);
        return;
    }
    struct client_field *fields = ARENA_ARRAY(&packet->arena, struct client_field,
                                              reply.field_count);
    for (size_t i = 0; i < reply.field_count; i++)
        fields[i] = (struct client_field){ reply.fields[i].name, reply.fields[i].value };
    wire->status = reply.status;
    wire->reply_fields = fields;
    wire->reply_field_count = reply.field_count;
    wire->reply_body = reply.body;
    end_wire(wire, CLIENT_REPLY, CLIENT_REASON_NONE);
}

static void give_up(struct world *world, struct packet *packet)
{
    struct call *call = packet->call;
    struct client_call *wire = packet->wire;
    world_say(world, "no answer");
    packet->call = NULL;
    packet->wire = NULL;
    if (call)
        engine_call_failed(world->engine, call, GW_UNKNOWN, (struct str){ 0 });
    else
        end_wire(wire, CLIENT_NO_REPLY, CLIENT_REASON_TIMEOUT);
}

static void act(struct world *world, struct packet *packet)
{
    if (packet->arrives_us && !packet->has_arrived && packet->arrives_us <= world->now_us) {
        arrive(world, packet);
    } else if (has_caller(packet) && packet->has_arrived && packet->replies_us
               && packet->replies_us <= world->now_us && packet->deadline_us > world->now_us) {
        answer(world, packet);
    } else {
        give_up(world, packet);
    }
    if (due_us(packet))
        return;
    arena_done(&packet->arena);
    packet->is_used = false;
}

bool wire_step(struct world *world)
{
    size_t from = dice_below(&world->dice, PACKETS_MAX);
    for (size_t i = 0; i < PACKETS_MAX; i++) {
        struct packet *packet = &world->packets[(from + i) % PACKETS_MAX];
        int64_t due = packet->is_used ? due_us(packet) : 0;
        if (due && due <= world->now_us) {
            act(world, packet);
            return true;
        }
    }
    return false;
}

int64_t wire_due_us(const struct world *world)
{
    int64_t first = 0;
    for (size_t i = 0; i < PACKETS_MAX; i++) {
        int64_t due = world->packets[i].is_used ? due_us(&world->packets[i]) : 0;
        if (due && (!first || due < first))
            first = due;
    }
    return first;
}

void wire_lose_callers(struct world *world)
{
    for (size_t i = 0; i < PACKETS_MAX; i++) {
        struct packet *packet = &world->packets[i];
        struct client_call *wire = packet->wire;
        if (!packet->is_used || !has_caller(packet))
            continue;
        if (packet->call)
            engine_call_left(packet->call);
        packet->call = NULL;
        packet->wire = NULL;
        if (wire)
            end_wire(wire, CLIENT_NO_REPLY, CLIENT_REASON_STOPPED);
        if (packet->arrives_us >= world->now_us + packet->window_us)
            packet->arrives_us = world->now_us + packet->window_us - 1;
        if (due_us(packet))
            continue;
        arena_done(&packet->arena);
        packet->is_used = false;
    }
}
