/* hooks_ask.c - the merchant's side: invoices asked for, each of which causes an event. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/outside.h"
#include "hooks.h"

#define BODY "{\"amount\": 500, \"currency\": \"EUR\", \"reference\": \"order\"}"

struct asker {
    struct str request;
    struct peer **idle;
    int idle_count;
    int64_t asked, answered, failed;
    int64_t begin_us, end_us, rate;
};

/* How many should have been asked for by now. */
static int64_t due(const struct asker *asker, int64_t now_us)
{
    if (now_us >= asker->end_us)
        now_us = asker->end_us;
    return asker->rate == 0 ? INT64_MAX : (now_us - asker->begin_us) * asker->rate / 1000000;
}

static void ask_due(struct asker *asker)
{
    int64_t now_us = outside_monotonic_us(outside_real());
    int64_t wanted = due(asker, now_us);
    if (asker->rate == 0 && now_us >= asker->end_us)
        return;
    while (asker->idle_count > 0 && asker->asked < wanted) {
        peer_write(asker->idle[--asker->idle_count], asker->request);
        asker->asked++;
    }
}

static void hear(struct asker *asker, struct peer *peer)
{
    struct str head;
    ssize_t got = peer_read(peer);
    assert(got != 0);
    size_t len = got > 0 ? peer_message(peer, &head) : 0;
    if (len == 0)
        return;
    if (!str_starts_with(head, STR("HTTP/1.1 201")))
        asker->failed++;
    peer_drop(peer, len);
    asker->answered++;
    asker->idle[asker->idle_count++] = peer;
}

static bool is_over(const struct asker *asker)
{
    return outside_monotonic_us(outside_real()) >= asker->end_us
           && asker->answered == asker->asked;
}

int ask(int port, const char *key, int connections, int64_t seconds, int64_t rate)
{
    struct asker asker = { .rate = rate };
    struct arena arena = { 0 };
    struct epoll_event events[EVENTS_MAX];
    int poll = must(epoll_create1(0), "epoll_create1");
    asker.request = str_format(&arena,
                               "POST /v1/invoices HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                               "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                               "Content-Length: %zu\r\n\r\n" BODY,
                               key, sizeof BODY - 1);
    asker.idle = mem_alloc((size_t)connections * sizeof(struct peer *));
    for (; asker.idle_count < connections; asker.idle_count++) {
        asker.idle[asker.idle_count] = peer_dial(port, NULL);
        peer_watch(poll, asker.idle[asker.idle_count]);
    }
    asker.begin_us = outside_monotonic_us(outside_real());
    asker.end_us = asker.begin_us + seconds * 1000000;
    while (!is_over(&asker)) {
        ask_due(&asker);
        int ready = epoll_wait(poll, events, EVENTS_MAX, 1);
        for (int i = 0; i < ready; i++)
            hear(&asker, events[i].data.ptr);
    }
    printf("{\"answered\": %lld, \"failed\": %lld}\n", (long long)asker.answered,
           (long long)asker.failed);
    return asker.failed ? 1 : 0;
}
