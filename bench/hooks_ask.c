/* hooks_ask.c - the merchant's side: invoices asked for, each of which causes an event. */
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/outside.h"
#include "hooks.h"

#define CONNECTIONS 64

struct asker {
    struct arena arena;
    struct seen *seen;
    const char *key;
    struct peer *idle[CONNECTIONS];
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

static void ask_one(struct asker *asker, struct peer *peer)
{
    arena_reset(&asker->arena);
    struct str body = str_format(&asker->arena,
                                 "{\"amount\": 500, \"currency\": \"EUR\","
                                 " \"metadata\": {\"asked\": \"%lld\"}}",
                                 (long long)asker->asked++);
    peer_write(peer, str_format(&asker->arena,
                                "POST /v1/invoices HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                                "Content-Length: %zu\r\n\r\n%.*s",
                                asker->key, body.len, STR_ARG(body)));
}

static void ask_due(struct asker *asker)
{
    int64_t now_us = outside_monotonic_us(outside_real());
    int64_t wanted = due(asker, now_us);
    if (asker->rate == 0 && now_us >= asker->end_us)
        return;
    while (asker->idle_count > 0 && asker->asked < wanted)
        ask_one(asker, asker->idle[--asker->idle_count]);
}

/* The answer has the metadata too. */
static void note_answer(struct asker *asker, const struct peer *peer)
{
    static const char name[] = "\"asked\":\"";
    const char *at = memmem(peer->bytes, peer->len, name, sizeof name - 1);
    uint64_t number = 0;
    assert(at);
    struct str rest = str_make(at + sizeof name - 1,
                               peer->len - (size_t)(at - peer->bytes) - (sizeof name - 1));
    if (str_to_u64(str_slice(rest, 0, str_find_char(rest, '"', 0)), &number) && number < ASKED_MAX)
        atomic_store(&asker->seen->answered_us[number], peer->came_us);
}

static void hear(struct asker *asker, struct peer *peer)
{
    struct str head;
    ssize_t got = peer_read(peer);
    assert(got != 0);
    size_t len = got > 0 ? peer_message(peer, &head) : 0;
    if (len == 0)
        return;
    if (str_starts_with(head, STR("HTTP/1.1 201")))
        note_answer(asker, peer);
    else
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

int ask(int port, const char *key, const char *file, int64_t seconds, int64_t rate)
{
    struct asker asker = { .key = key, .rate = rate, .seen = seen_map(file) };
    struct epoll_event events[EVENTS_MAX];
    int poll = must(epoll_create1(0), "epoll_create1");
    for (; asker.idle_count < CONNECTIONS; asker.idle_count++) {
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
