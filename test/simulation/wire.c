/* wire.c - the network between the node and the bank, and what goes wrong on it. */
#include <assert.h>

#include "world.h"

/* The sandbox says: what it was not heard to have seen so long after the caller gave up, it never
 * sees. */
#define VISIBILITY_US (3 * SECOND_US)

static struct packet *free_packet(struct world *world)
{
    size_t i = 0;
    while (i < PACKETS_MAX && world->packets[i].is_used)
        i++;
    assert(i < PACKETS_MAX);
    return &world->packets[i];
}

static struct packet *send(struct world *world, const struct http_request *request,
                           struct call *call)
{
    struct packet *packet = free_packet(world);
    *packet = (struct packet){ .is_used = true, .call = call };
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
    int64_t last_us = packet->call->deadline_us + VISIBILITY_US - 1;
    if (world_chance(world, faults->blind))
        packet->visible_us = world->now_us + VISIBILITY_US - 1;
    if (world_chance(world, faults->lost_before) || world_is_planned(world, PLAN_LOST_BEFORE)) {
        packet->arrives_us = packet->replies_us = 0;
    } else if (world_chance(world, faults->lost_after)
               || world_is_planned(world, PLAN_LOST_AFTER)) {
        packet->replies_us = 0;
    } else if (world_chance(world, faults->late) || world_is_planned(world, PLAN_LATE)) {
        packet->arrives_us = dice_between(&world->dice, packet->call->deadline_us, last_us);
        packet->replies_us = 0;
    } else if (world_chance(world, faults->slow)) {
        packet->replies_us += dice_between(&world->dice, 0, 3 * SECOND_US);
    } else if (world_chance(world, faults->garbled) || world_is_planned(world, PLAN_GARBLED)) {
        packet->is_garbled = true;
    }
    bool twice = world_chance(world, faults->doubled) || world_is_planned(world, PLAN_DOUBLED);
    if (packet->arrives_us && twice) {
        struct packet *again = send(world, &packet->request, NULL);
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
    struct packet *packet = send(world, &call->request, call);
    spoil(world, packet);
    world_say(world, "call %.*s %.*s: arrives %lld, replies %lld%s%s", STR_ARG(name),
              STR_ARG(call->ask.reference), (long long)packet->arrives_us,
              (long long)packet->replies_us, packet->is_garbled ? ", garbled" : "",
              packet->visible_us ? ", blind" : "");
}

static int64_t due_us(const struct packet *packet)
{
    int64_t due = packet->call ? packet->call->deadline_us : 0;
    if (packet->arrives_us && !packet->has_arrived && (!due || packet->arrives_us < due))
        due = packet->arrives_us;
    if (packet->call && packet->has_arrived && packet->replies_us && packet->replies_us < due)
        due = packet->replies_us;
    return due;
}

static void arrive(struct world *world, struct packet *packet)
{
    packet->has_arrived = true;
    bank_handle(&world->bank, &packet->request, world->now_us, packet->visible_us, &packet->arena,
                &packet->reply);
    world_say(world, "bank %d %.*s", packet->reply.status, STR_ARG(packet->reply.body));
    if (world->bank.invariant)
        world_blame(world, world->bank.invariant, "%s", world->bank.wrong);
}

static void answer(struct world *world, struct packet *packet)
{
    struct call *call = packet->call;
    struct http_reply reply = packet->reply;
    packet->call = NULL;
    if (packet->is_garbled)
        reply = (struct http_reply){ .status = 502, .body = STR("<html>Bad gateway</html>") };
    engine_call_replied(world->engine, call, &reply);
}

static void act(struct world *world, struct packet *packet)
{
    struct call *call = packet->call;
    if (packet->arrives_us && !packet->has_arrived && packet->arrives_us <= world->now_us) {
        arrive(world, packet);
    } else if (call && packet->has_arrived && packet->replies_us
               && packet->replies_us <= world->now_us && call->deadline_us > world->now_us) {
        answer(world, packet);
    } else {
        world_say(world, "no answer");
        packet->call = NULL;
        engine_call_failed(world->engine, call, GW_UNKNOWN, (struct str){ 0 });
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
        if (!packet->is_used || !packet->call)
            continue;
        engine_call_left(packet->call);
        packet->call = NULL;
        if (packet->arrives_us >= world->now_us + VISIBILITY_US)
            packet->arrives_us = world->now_us + VISIBILITY_US - 1;
        if (due_us(packet))
            continue;
        arena_done(&packet->arena);
        packet->is_used = false;
    }
}
