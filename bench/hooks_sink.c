/* hooks_sink.c - takes POSTs and answers 200; those to /hole are never answered. */
#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "base/outside.h"
#include "hooks.h"

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* The text behind `name` and a quote; empty when there is none. */
static struct str text_of(struct str body, struct str name)
{
    const char *at = memmem(body.ptr, body.len, name.ptr, name.len);
    if (!at)
        return (struct str){ 0 };
    size_t from = (size_t)(at - body.ptr) + name.len;
    return str_slice(body, from, str_find_char(body, '"', from) - from);
}

static void count_lag(int64_t *lags, int64_t us)
{
    int64_t lag = us / LAG_US;
    lags[lag < 0 ? 0 : lag < LAGS_MAX ? lag : LAGS_MAX]++;
}

static void note_lag(const struct peer *peer, struct str body, struct seen *seen)
{
    int64_t made_ms = 0, answered_us = 0;
    uint64_t number = 0;
    if (time_parse(text_of(body, STR("\"timestamp\":\"")), &made_ms) == OK)
        count_lag(seen->lags, peer->came_us - made_ms * 1000);
    if (!str_to_u64(text_of(body, STR("\"asked\":\"")), &number) || number >= ASKED_MAX)
        return;
    answered_us = atomic_load(&seen->answered_us[number]);
    count_lag(seen->answer_lags, answered_us == 0 ? 0 : peer->came_us - answered_us);
}

/* "POST /hook/17 HTTP/1.1"; false when it is a hole. */
static bool note_path(struct str head, struct seen *seen)
{
    static const struct str method = STR_INIT("POST ");
    size_t end = str_find_char(head, ' ', method.len), at = end;
    struct str path = str_slice(head, method.len, end - method.len);
    uint64_t number = 0;
    while (at > method.len && head.ptr[at - 1] != '/')
        at--;
    if (str_to_u64(str_slice(head, at, end - at), &number) && number < PATHS_MAX)
        seen->paths[number]++;
    return !str_starts_with(path, STR("/hole"));
}

static void take(struct peer *peer, struct seen *seen)
{
    struct str head;
    size_t len;
    while ((len = peer_message(peer, &head)) > 0) {
        struct str body = str_make(head.ptr + head.len + 2, len - head.len - 2);
        if (note_path(head, seen)) {
            note_lag(peer, body, seen);
            seen->last_us = outside_monotonic_us(outside_real());
            if (seen->count++ == 0)
                seen->first_us = seen->last_us;
            peer_write(peer, STR(ANSWER));
        }
        peer_drop(peer, len);
    }
}

static int listen_somewhere(struct seen *seen)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(bind(fd, (struct sockaddr *)&address, size), "bind");
    must(listen(fd, 4096), "listen");
    must(getsockname(fd, (struct sockaddr *)&address, &size), "getsockname");
    seen->port = ntohs(address.sin_port);
    return fd;
}

static void serve(struct peer *peer, struct seen *seen)
{
    ssize_t got;
    while ((got = peer_read(peer)) > 0) {
        take(peer, seen);
        if (!peer->tls)
            return;
    }
    if (got == 0)
        peer_close(peer);
}

struct seen *seen_map(const char *file)
{
    int fd = must(open(file, O_RDWR | O_CREAT, 0600), file);
    must(ftruncate(fd, sizeof(struct seen)), "ftruncate");
    struct seen *seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert(seen != MAP_FAILED);
    close(fd);
    return seen;
}

int sink(const char *file, struct tls *tls)
{
    struct seen *seen = seen_map(file);
    int poll = must(epoll_create1(0), "epoll_create1"), listener = listen_somewhere(seen);
    struct epoll_event event = { .events = EPOLLIN }, events[EVENTS_MAX];
    must(epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event), "epoll_ctl");
    for (;;) {
        int count = epoll_wait(poll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                serve(events[i].data.ptr, seen);
            else
                peer_watch(poll, peer_accept(listener, tls));
        }
    }
}
