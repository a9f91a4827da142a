/* client_lanes.c - a lane is one account's calls: so many at once, so many a minute.
 *
 * Lanes take turns, so that an account with a thousand calls does not hold up another's one. */
#include <assert.h>

#include "net/client_parts.h"

#define MINUTE_US INT64_C(60000000)
#define SECOND_US INT64_C(1000000)

static bool lane_is_idle(const struct named *named, int64_t now_us)
{
    const struct lane *lane = (const struct lane *)(const void *)named;

    return lane->running == 0 && ring_is_empty(&lane->waiting) && lane->paid_until_us <= now_us;
}

void lanes_init(struct client *client)
{
    names_init(&client->lanes, lane_is_idle);
    ring_init(&client->turns);
}

void lane_enter(struct flight *flight, int64_t now_us)
{
    struct client *client = flight->client;
    struct lane *lane = (struct lane *)(void *)names_find(&client->lanes, flight->call->account,
                                                          sizeof *lane, now_us);

    if (lane->waiting.next == NULL) {
        ring_init(&lane->waiting);
        ring_init(&lane->turn);
    }
    lane->limits = flight->call->limits;
    flight->lane = lane;
    ring_put_last(&lane->waiting, &flight->wait);
    if (ring_is_empty(&lane->turn))
        ring_put_last(&client->turns, &lane->turn);
}

static void stop_waiting(struct flight *flight)
{
    ring_take(&flight->wait);
    if (ring_is_empty(&flight->lane->waiting))
        ring_take(&flight->lane->turn);
}

void lane_leave(struct flight *flight)
{
    if (flight->started) {
        assert(flight->lane->running > 0);
        flight->lane->running--;
    } else if (!ring_is_empty(&flight->wait)) {
        stop_waiting(flight);
    }
}

static int64_t interval_us(const struct lane *lane)
{
    return MINUTE_US / (int64_t)lane->limits.per_minute;
}

/* When its rate lets the next one start: each call pays an interval, and a second may be paid
 * in advance. */
static int64_t may_start_us(const struct lane *lane)
{
    if (lane->limits.per_minute == 0)
        return 0;
    int64_t advance_us = SECOND_US - interval_us(lane);
    return lane->paid_until_us - (advance_us > 0 ? advance_us : 0);
}

static void pay(struct lane *lane, int64_t now_us)
{
    if (lane->limits.per_minute == 0)
        return;
    if (lane->paid_until_us < now_us)
        lane->paid_until_us = now_us;
    lane->paid_until_us += interval_us(lane);
}

static bool may_start(struct client *client, const struct lane *lane, int64_t now_us)
{
    if (lane->limits.at_once != 0 && lane->running >= lane->limits.at_once)
        return false;
    int64_t when_us = may_start_us(lane);
    if (when_us <= now_us)
        return true;
    if (client->lanes_due_us == 0 || when_us < client->lanes_due_us)
        client->lanes_due_us = when_us;
    return false;
}

/* Others come before its next one. */
static void start_first(struct client *client, struct lane *lane, int64_t now_us,
                        void (*start)(struct flight *flight))
{
    struct flight *flight = LINK_OWNER(lane->waiting.next, struct flight, wait);

    stop_waiting(flight);
    pay(lane, now_us);
    lane->running++;
    flight->started = true;
    if (!ring_is_empty(&lane->turn)) {
        ring_take(&lane->turn);
        ring_put_last(&client->turns, &lane->turn);
    }
    start(flight);
}

void lanes_start(struct client *client, int64_t now_us, void (*start)(struct flight *flight))
{
    bool again = true;

    client->lanes_due_us = 0;
    while (again) {
        again = false;
        /* The next one is known before: a lane without calls leaves the circle. */
        for (struct ring *turn = client->turns.next, *next; turn != &client->turns; turn = next) {
            struct lane *lane = LINK_OWNER(turn, struct lane, turn);
            next = turn->next;
            if (client->on_wire >= client->config.connections)
                return;
            if (may_start(client, lane, now_us)) {
                start_first(client, lane, now_us, start);
                again = true;
            }
        }
    }
}
