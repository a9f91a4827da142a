/* client.c - the thread that makes the calls, and the way of a call through it.
 *
 * The only clock of a call is its deadline here, not one of libcurl's: waiting, lookup,
 * connection and reply share it. */
#include "net/client.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/client_parts.h"

#define EVENTS_AT_ONCE 256
#define WAKE_TAG UINT64_MAX
#define FLIGHTS_KEPT 256
#define DESCRIPTORS_SHARE 4            /* what is kept open may be a quarter of the descriptors */

const char *client_end_code(enum client_end end)
{
    static const char *const codes[] = {
#define X(name, code, meaning) [CLIENT_##name] = code,
        CLIENT_ENDS(X)
#undef X
    };

    assert(end < CLIENT_END_COUNT);
    return codes[end];
}

const char *client_reason_code(enum client_reason reason)
{
    static const char *const codes[] = {
#define X(name, code, host_failed, sentence) [CLIENT_REASON_##name] = code,
        CLIENT_REASONS(X)
#undef X
    };

    assert(reason < CLIENT_REASON_COUNT);
    return codes[reason];
}

const char *client_reason_text(enum client_reason reason)
{
    static const char *const texts[] = {
#define X(name, code, host_failed, sentence) [CLIENT_REASON_##name] = sentence,
        CLIENT_REASONS(X)
#undef X
    };

    assert(reason < CLIENT_REASON_COUNT);
    return texts[reason];
}

static int64_t now_us(const struct client *client)
{
    return outside_monotonic_us(client->config.outside);
}

/* Calls. */

static void count_end(struct client *client, enum client_end end)
{
    switch (end) {
    case CLIENT_REPLY:
        atomic_fetch_add(&client->tally.replies_total, 1);
        break;
    case CLIENT_NOT_SENT:
        atomic_fetch_add(&client->tally.not_sent_total, 1);
        break;
    case CLIENT_NO_REPLY:
    case CLIENT_END_COUNT:
        atomic_fetch_add(&client->tally.no_reply_total, 1);
    }
}

/* With the first of its memory: a flight needs little more, and there are many. */
static struct flight *flight_new(struct client *client)
{
    if (ring_is_empty(&client->kept))
        return mem_alloc(sizeof(struct flight));
    struct flight *flight = LINK_OWNER(client->kept.next, struct flight, all);
    struct arena arena = flight->arena;
    ring_take(&flight->all);
    client->kept_count--;
    *flight = (struct flight){ .arena = arena };
    return flight;
}

static void flight_free(struct flight *flight)
{
    arena_done(&flight->arena);
    mem_free(flight);
}

/* A login's reply is a secret. */
static void flight_keep(struct client *client, struct flight *flight)
{
    arena_wipe(&flight->arena);
    if (client->kept_count == FLIGHTS_KEPT) {
        flight_free(flight);
        return;
    }
    arena_reset(&flight->arena);
    ring_put_last(&client->kept, &flight->all);
    client->kept_count++;
}

void flight_end(struct flight *flight, enum client_reason reason)
{
    struct client *client = flight->client;
    struct client_call *call = flight->call;

    assert(reason != CLIENT_REASON_NONE || flight->requests > 0);
    wire_note(flight);
    /* libcurl counts to what it did last, which is no end where nothing comes. */
    call->times.total_us = flight->started_us != 0 ? now_us(client) - flight->started_us : 0;
    if (call->body_ms > 0 && flight->header_is_whole && flight->status >= 200)
        reason = CLIENT_REASON_NONE;
    call->reason = reason;
    call->end = flight->requests == 0 ? CLIENT_NOT_SENT : CLIENT_NO_REPLY;
    if (reason == CLIENT_REASON_NONE) {
        call->end = CLIENT_REPLY;
        call->status = flight->status;
        call->reply_fields = flight->fields;
        call->reply_field_count = flight->field_count;
        call->reply_body = buf_str(&flight->body);
    }
    wire_stop(flight);
    lane_leave(flight);
    host_leave(flight, reason, now_us(client));
    ring_take(&flight->all);
    atomic_fetch_sub(&client->tally.calls_waiting, flight->started ? 0 : 1);
    count_end(client, call->end);
    call->done(call);
    flight_keep(client, flight);
}

void flight_head_came(struct flight *flight, int status)
{
    struct client *client = flight->client;
    int64_t until_us = now_us(client) + flight->call->body_ms * 1000;

    if (flight->call->body_ms == 0 || status < 200 || until_us >= flight->deadline_us)
        return;
    flight->deadline_us = until_us;
    if (until_us < client->deadline_us)
        client->deadline_us = until_us;
}

static void start(struct flight *flight)
{
    struct client *client = flight->client;
    int64_t at_us = now_us(client);

    atomic_fetch_sub(&client->tally.calls_waiting, 1);
    if (flight->deadline_us <= at_us)
        flight_end(flight, CLIENT_REASON_WAITED);
    else if (!host_may_be_tried(flight, at_us))
        flight_end(flight, CLIENT_REASON_BREAKER);
    else {
        flight->started_us = at_us;
        wire_start(flight);
    }
}

/* Why it cannot be made as it stands; NONE when it can. */
static enum client_reason refusal_of(const struct client_call *call, struct str *host)
{
    if (!client_call_host(call, host) || !client_call_is_well_formed(call))
        return CLIENT_REASON_MALFORMED;
    if (!call->plain && !str_starts_with(call->url, STR("https:")))
        return CLIENT_REASON_PLAIN;
    return CLIENT_REASON_NONE;
}

static void take_in(struct client *client, struct client_call *call)
{
    struct flight *flight = flight_new(client);
    int64_t at_us = now_us(client);
    struct str host;

    flight->client = client;
    flight->call = call;
    flight->deadline_us = call->deadline_us;
    ring_init(&flight->all);
    ring_init(&flight->wait);
    ring_put_last(&client->flights, &flight->all);
    atomic_fetch_add(&client->tally.calls_waiting, 1);
    if (client->deadline_us == 0 || flight->deadline_us < client->deadline_us)
        client->deadline_us = flight->deadline_us;

    lane_enter(flight, at_us);
    enum client_reason refusal = refusal_of(call, &host);
    if (refusal != CLIENT_REASON_NONE)
        flight_end(flight, refusal);
    else
        host_enter(flight, host, at_us);
}

/* Their deadline is over. Looks at all flights, which is rare: the time that is kept is that of
 * the earliest one at the last look, and most calls end before theirs. */
static void give_up(struct client *client)
{
    int64_t at_us = now_us(client);

    if (client->deadline_us == 0 || client->deadline_us > at_us)
        return;
    client->deadline_us = 0;
    for (struct ring *item = client->flights.next, *next; item != &client->flights; item = next) {
        struct flight *flight = LINK_OWNER(item, struct flight, all);
        next = item->next;
        if (flight->deadline_us <= at_us)
            flight_end(flight, flight->started ? CLIENT_REASON_TIMEOUT : CLIENT_REASON_WAITED);
        else if (client->deadline_us == 0 || flight->deadline_us < client->deadline_us)
            client->deadline_us = flight->deadline_us;
    }
}

/* The thread. */

/* Takes all that was sent; returns whether to stop. */
static bool read_inbox(struct client *client)
{
    pthread_mutex_lock(&client->lock);
    struct link *calls = client->inbox_first;
    client->inbox_first = client->inbox_last = NULL;
    bool stopping = client->stopping;
    pthread_mutex_unlock(&client->lock);

    for (struct link *item = calls, *next; item != NULL; item = next) {
        next = item->next;
        take_in(client, LINK_OWNER(item, struct client_call, link));
    }
    return stopping;
}

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    if (a_us == 0 || b_us == 0)
        return a_us + b_us;
    return a_us < b_us ? a_us : b_us;
}

static int wait_ms(struct client *client)
{
    int64_t due_us = earlier(earlier(client->deadline_us, client->lanes_due_us),
                             wires_due_us(client));

    if (due_us == 0)
        return -1;
    int64_t left_us = due_us - now_us(client);
    if (left_us <= 0)
        return 0;
    /* Rounded up: waking early would be waking twice. */
    int64_t left_ms = (left_us + 999) / 1000;
    return left_ms < 3600000 ? (int)left_ms : 3600000;
}

static void hear_wake(struct client *client)
{
    uint64_t count = 0;

    ssize_t got = read(client->wake_fd, &count, sizeof count);
    (void)got;
}

static void wait_for_events(struct client *client)
{
    struct epoll_event events[EVENTS_AT_ONCE];

    int count = epoll_wait(client->epoll_fd, events, EVENTS_AT_ONCE, wait_ms(client));
    assert(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == WAKE_TAG)
            hear_wake(client);
        else
            wires_event(client, events[i].data.u64, events[i].events);
    }
}

static void end_all(struct client *client)
{
    while (!ring_is_empty(&client->flights))
        flight_end(LINK_OWNER(client->flights.next, struct flight, all), CLIENT_REASON_STOPPED);
}

static void *run(void *self)
{
    struct client *client = self;

    while (!read_inbox(client)) {
        lanes_start(client, now_us(client), start);
        wait_for_events(client);
        wires_timers(client, now_us(client));
        give_up(client);
    }
    end_all(client);
    return NULL;
}

/* From other threads. */

bool client_send(struct client *client, struct client_call *call)
{
    assert(call->method != NULL && call->done != NULL);
    if (call->deadline_us == 0)
        call->deadline_us = now_us(client) + CLIENT_TIMEOUT_MS * 1000;
    call->link.next = NULL;

    pthread_mutex_lock(&client->lock);
    bool taken = !client->stopping;
    bool first = client->inbox_first == NULL;
    if (taken && first)
        client->inbox_first = &call->link;
    else if (taken)
        client->inbox_last->next = &call->link;
    if (taken)
        client->inbox_last = &call->link;
    pthread_mutex_unlock(&client->lock);
    /* The first of a list wakes the thread, which then takes all of it. */
    if (taken && first)
        eventfd_write(client->wake_fd, 1);
    return taken;
}

/* Signals are for the main thread. SIGPIPE would be for this one: TLS writes to sockets whose
 * other side is gone, and is told so by an error too. */
static bool start_thread(struct client *client)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    client->started = pthread_create(&client->thread, NULL, run, client) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return client->started;
}

static unsigned connections_kept(const struct client_config *config)
{
    struct rlimit files = { 0 };

    getrlimit(RLIMIT_NOFILE, &files);
    rlim_t most = files.rlim_cur / (CLIENT_SHARDS * DESCRIPTORS_SHARE) + 1;
    return most < config->kept ? (unsigned)most : config->kept;
}

static enum err open_parts(struct client *client, struct arena *arena, struct str *why)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = WAKE_TAG };

    enum err err = wires_open(client, arena, why);
    if (err)
        return err;
    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    client->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (client->epoll_fd < 0 || client->wake_fd < 0 ||
        epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, client->wake_fd, &event) != 0 ||
        !start_thread(client)) {
        *why = STR("The thread for calls to gateways could not be started.");
        return ERR_IO;
    }
    return OK;
}

enum err client_open(const struct client_config *config, struct arena *arena, struct client **out,
                     struct str *why)
{
    struct client *client = mem_alloc(sizeof *client);

    assert(config->connections > 0 && config->connect_ms > 0 && config->reply_bytes > 0);
    client->config = *config;
    client->config.kept = connections_kept(config);
    client->config.ca_file = str_copy(&client->arena, config->ca_file);
    client->config.proxy = str_copy(&client->arena, config->proxy);
    client->epoll_fd = client->wake_fd = -1;
    pthread_mutex_init(&client->lock, NULL);
    ring_init(&client->flights);
    ring_init(&client->kept);
    lanes_init(client);
    breakers_init(client);
    enum err err = open_parts(client, arena, why);
    if (err) {
        client_close(client);
        return err;
    }
    *out = client;
    return OK;
}

void client_stop(struct client *client)
{
    pthread_mutex_lock(&client->lock);
    client->stopping = true;
    pthread_mutex_unlock(&client->lock);
    if (client->started) {
        eventfd_write(client->wake_fd, 1);
        pthread_join(client->thread, NULL);
    }
    client->started = false;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void client_close(struct client *client)
{
    if (client == NULL)
        return;
    client_stop(client);
    assert(ring_is_empty(&client->flights) && client->inbox_first == NULL);
    wires_close(client);
    while (!ring_is_empty(&client->kept)) {
        struct flight *flight = LINK_OWNER(client->kept.next, struct flight, all);
        ring_take(&flight->all);
        flight_free(flight);
    }
    close_fd(client->epoll_fd);
    close_fd(client->wake_fd);
    names_done(&client->lanes);
    names_done(&client->hosts);
    pthread_mutex_destroy(&client->lock);
    arena_done(&client->arena);
    mem_free(client);
}

struct client_counts client_counts(struct client *client)
{
    struct client_counts counts = {
#define X(name, help) .name = atomic_load(&client->tally.name),
        CLIENT_COUNTERS(X)
        CLIENT_GAUGES(X)
#undef X
    };

    return counts;
}
