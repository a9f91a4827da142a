/* server_deadline.c - deadlines are kept coarsely: a request sets several, and nearly none of
 * them is ever reached. Setting one is an assignment; one timer for all connections runs to the
 * earliest that was noted and then looks at all. It is off while nothing is due. */
#include <assert.h>

#include "net/server_connection.h"

static int64_t smallest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A connection is cut at most one tick late, and a tick is a small part of every limit. */
void deadlines_init(struct server *server)
{
    const struct server_limits *limits = &server->config.limits;
    int64_t shortest = smallest(smallest(limits->header_ms, limits->body_ms),
                                smallest(limits->idle_ms, limits->write_ms));
    int64_t tick_ms = shortest / 20;

    assert(shortest > 0);
    server->deadline_tick_ms = (uint64_t)(tick_ms < 1 ? 1 : smallest(tick_ms, 250));
    uv_timer_init(&server->loop, &server->deadline_timer);
    server->deadline_timer.data = server;
}

static void on_deadline(uv_timer_t *timer)
{
    struct server *server = timer->data;
    uint64_t now_ms = uv_now(&server->loop);
    uint64_t next_ms = UINT64_MAX;

    for (struct link *link = server->connections.next; link != &server->connections;
         link = link->next) {
        struct connection *connection = LINK_OWNER(link, struct connection, in_server);
        if (connection->deadline_ms <= now_ms)
            connection_expire(connection);
        if (connection->deadline_ms < next_ms)
            next_ms = connection->deadline_ms;
    }
    if (next_ms < now_ms + server->deadline_tick_ms)
        next_ms = now_ms + server->deadline_tick_ms;
    deadlines_note(server, next_ms);
}

void deadlines_note(struct server *server, uint64_t at_ms)
{
    uint64_t now_ms = uv_now(&server->loop);
    bool running = uv_is_active((uv_handle_t *)&server->deadline_timer);

    if (at_ms == UINT64_MAX ||
        (running && server->deadline_due_ms <= at_ms + server->deadline_tick_ms))
        return;
    server->deadline_due_ms = at_ms;
    uv_timer_start(&server->deadline_timer, on_deadline, at_ms > now_ms ? at_ms - now_ms : 0, 0);
}
