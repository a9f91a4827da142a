/* hooks.c - what webhooks out are held against.
 *
 *     hooks sink FILE                      takes POSTs on a free port of 127.0.0.1 and answers 200;
 *                                          FILE has struct seen, as it is now
 *     hooks send PORT CONNECTIONS COUNT BYTES
 *                                          the ceiling: the same signed requests from a bare loop,
 *                                          keep-alive, without books; prints one line of JSON
 *
 * Both are one thread over epoll. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/webhook_format.h"

#define CONNECTIONS_MAX 4096
#define REQUEST_MAX 65536
#define EVENTS_MAX 256
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

struct seen {
    int64_t port;
    int64_t count;
    int64_t first_us, last_us; /* by the monotonic clock */
};

struct peer {
    int fd;
    size_t len;                /* bytes of a request or an answer that came so far */
    char bytes[REQUEST_MAX];
};

static int must(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(2);
    }
    return result;
}

static void watch(int poll, struct peer *peer)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };
    int on = 1;
    must(setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "setsockopt");
    must(epoll_ctl(poll, EPOLL_CTL_ADD, peer->fd, &event), "epoll_ctl");
}

/* Length of the whole message at the beginning, 0 while it is not whole. */
static size_t whole(const struct peer *peer)
{
    struct str text = str_make(peer->bytes, peer->len);
    const char *end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    struct str head = str_make(text.ptr, (size_t)(end - text.ptr) + 2), line;
    size_t total = head.len + 2;
    uint64_t length = 0;
    while (str_cut(&head, '\n', &line)) {
        size_t colon = str_find_char(line, ':', 0);
        if (str_equal_nocase(str_slice(line, 0, colon), STR("Content-Length"))
            && str_to_u64(str_trim(str_slice(line, colon + 1, line.len - colon - 2)), &length))
            total += (size_t)length;
    }
    return total <= text.len ? total : 0;
}

static void drop(struct peer *peer, size_t len)
{
    memmove(peer->bytes, peer->bytes + len, peer->len - len);
    peer->len -= len;
}

/* The sink. */

static void answer(struct peer *peer, struct seen *seen)
{
    const struct outside *outside = outside_real();
    size_t len;
    while ((len = whole(peer)) > 0) {
        seen->last_us = outside_monotonic_us(outside);
        if (seen->count++ == 0)
            seen->first_us = seen->last_us;
        drop(peer, len);
        if (write(peer->fd, ANSWER, sizeof ANSWER - 1) < 0)
            return;
    }
}

static void take(struct peer *peer, struct seen *seen)
{
    ssize_t got = read(peer->fd, peer->bytes + peer->len, sizeof peer->bytes - peer->len);
    if (got <= 0) {
        close(peer->fd);
        mem_free(peer);
        return;
    }
    peer->len += (size_t)got;
    answer(peer, seen);
}

static int listen_somewhere(struct seen *seen)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(bind(fd, (struct sockaddr *)&address, size), "bind");
    must(listen(fd, 1024), "listen");
    must(getsockname(fd, (struct sockaddr *)&address, &size), "getsockname");
    seen->port = ntohs(address.sin_port);
    return fd;
}

static int sink(const char *file)
{
    int fd = must(open(file, O_RDWR | O_CREAT, 0600), file);
    must(ftruncate(fd, sizeof(struct seen)), "ftruncate");
    struct seen *seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert(seen != MAP_FAILED);
    int poll = must(epoll_create1(0), "epoll_create1"), listener = listen_somewhere(seen);
    struct epoll_event event = { .events = EPOLLIN }, events[EVENTS_MAX];
    must(epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event), "epoll_ctl");
    for (;;) {
        int count = epoll_wait(poll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            struct peer *peer = events[i].data.ptr;
            if (peer) {
                take(peer, seen);
                continue;
            }
            peer = mem_alloc(sizeof *peer);
            peer->fd = must(accept(listener, NULL, NULL), "accept");
            watch(poll, peer);
        }
    }
}

/* The ceiling. */

struct ceiling {
    struct arena arena;
    struct webhook_endpoint endpoint;
    struct webhook_send send;
    struct str body;
    int64_t left, open;
};

static void post(struct ceiling *ceiling, const struct peer *peer)
{
    struct webhook_delivery delivery = { .event = { { { 1 } } } };
    struct webhook_field fields[WEBHOOK_FIELDS_MAX];
    struct buf out;
    ceiling->send.delivery = &delivery;
    ceiling->send.now_ms = outside_now_ms(outside_real());
    size_t count = webhook_fields(&ceiling->send, &ceiling->arena, fields);
    buf_init(&out, &ceiling->arena, REQUEST_MAX);
    buf_addf(&out, "POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n",
             ceiling->body.len);
    for (size_t i = 0; i < count; i++)
        buf_addf(&out, "%.*s: %.*s\r\n", STR_ARG(fields[i].name), STR_ARG(fields[i].value));
    buf_add_c(&out, "\r\n");
    buf_add(&out, ceiling->body);
    assert(buf_ok(&out));
    struct str text = buf_str(&out);
    ssize_t sent = write(peer->fd, text.ptr, text.len);
    assert(sent == (ssize_t)text.len);
    (void)sent;
    ceiling->left--;
    ceiling->open++;
    arena_reset(&ceiling->arena);
}

static struct peer *dial(int port, int poll)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct peer *peer = mem_alloc(sizeof *peer);
    peer->fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(connect(peer->fd, (struct sockaddr *)&address, sizeof address), "connect");
    watch(poll, peer);
    return peer;
}

static void go_on(struct ceiling *ceiling, struct peer *peer)
{
    ssize_t got = read(peer->fd, peer->bytes + peer->len, sizeof peer->bytes - peer->len);
    assert(got > 0);
    peer->len += (size_t)got;
    size_t len = whole(peer);
    if (len == 0)
        return;
    drop(peer, len);
    ceiling->open--;
    if (ceiling->left > 0)
        post(ceiling, peer);
}

static int send_all(int port, int connections, int64_t count, size_t body_len)
{
    struct ceiling ceiling = { .left = count };
    struct epoll_event events[EVENTS_MAX];
    struct rusage usage;
    char *body = mem_alloc(body_len + 1);
    assert(connections > 0 && connections <= CONNECTIONS_MAX);
    memset(body, 'x', body_len);
    ceiling.body = str_make(body, body_len);
    ceiling.endpoint.format = WEBHOOK_FORMAT_STANDARD;
    ceiling.send = (struct webhook_send){ .endpoint = &ceiling.endpoint, .body = ceiling.body,
                                          .secret = secret_copy(STR("0123456789abcdef01234567")) };
    int poll = must(epoll_create1(0), "epoll_create1");
    int64_t begin_us = outside_monotonic_us(outside_real());
    for (int i = 0; i < connections && ceiling.left > 0; i++)
        post(&ceiling, dial(port, poll));
    while (ceiling.open > 0) {
        int ready = epoll_wait(poll, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++)
            go_on(&ceiling, events[i].data.ptr);
    }
    int64_t us = outside_monotonic_us(outside_real()) - begin_us;
    must(getrusage(RUSAGE_SELF, &usage), "getrusage");
    long long cpu_us = (long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000
                       + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    printf("{\"count\": %lld, \"us\": %lld, \"cpu_us\": %lld}\n", (long long)count, (long long)us,
           cpu_us);
    return 0;
}

static int64_t number(const char *text)
{
    int64_t value = 0;
    if (!str_to_i64(str_of(text), &value) || value < 0)
        exit(2);
    return value;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "sink") == 0)
        return sink(argv[2]);
    if (argc == 6 && strcmp(argv[1], "send") == 0)
        return send_all((int)number(argv[2]), (int)number(argv[3]), number(argv[4]),
                        (size_t)number(argv[5]));
    fputs("usage: hooks sink FILE | hooks send PORT CONNECTIONS COUNT BYTES\n", stderr);
    return 2;
}
