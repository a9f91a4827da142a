/* server_listen.c - listening sockets, and who may come in.
 *
 * Accepting is done here and not by libuv's own listener, which cannot be paused: with no file
 * descriptor left the listening socket stays readable, and the loop would turn without rest. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/server_parts.h"

#define BACKLOG 1024
#define ACCEPTS_PER_TURN 64
#define ACCEPT_PAUSE_MS 100
/* Connections beyond the cap that are told so; more than these are just closed. */
#define TOLD_OF_CAP 64

struct listener {
    struct listener *next;
    struct server *server;
    int fd;
    int number;
    unsigned open_handles;
    uv_poll_t poll;
    uv_timer_t pause;
};

/* Addresses. */

static bool parse_port(struct str text, in_port_t *out)
{
    uint64_t port = 0;

    if (!str_to_u64(text, &port) || port > 65535)
        return false;
    *out = htons((uint16_t)port);
    return true;
}

static bool parse_ip4(const char *host, struct str port, struct sockaddr_storage *out)
{
    struct sockaddr_in *ip4 = (struct sockaddr_in *)out;

    ip4->sin_family = AF_INET;
    return inet_pton(AF_INET, host, &ip4->sin_addr) == 1 && parse_port(port, &ip4->sin_port);
}

static bool parse_ip6(const char *host, struct str port, struct sockaddr_storage *out)
{
    struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)out;

    ip6->sin6_family = AF_INET6;
    return inet_pton(AF_INET6, host, &ip6->sin6_addr) == 1 && parse_port(port, &ip6->sin6_port);
}

static bool parse_address(struct str text, struct arena *arena, struct sockaddr_storage *out)
{
    struct str rest = text;
    struct str host = { 0 };

    if (str_starts_with(text, STR("["))) {
        rest = str_slice(text, 1, text.len);
        return str_cut(&rest, ']', &host) && str_starts_with(rest, STR(":")) &&
               parse_ip6(str_c(arena, host), str_slice(rest, 1, rest.len), out);
    }
    return str_cut(&rest, ':', &host) && parse_ip4(str_c(arena, host), rest, out);
}

static struct str address_text(const struct sockaddr_storage *address, struct arena *arena)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &ip4->sin_addr, host, sizeof host);
        return str_format(arena, "%s:%u", host, (unsigned)ntohs(ip4->sin_port));
    }
    const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)address;
    inet_ntop(AF_INET6, &ip6->sin6_addr, host, sizeof host);
    return str_format(arena, "[%s]:%u", host, (unsigned)ntohs(ip6->sin6_port));
}

static struct connection_peer peer_of(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)address;
    struct connection_peer peer = { 0 };
    uint32_t hash = 2166136261u; /* FNV-1a */

    if (address->ss_family == AF_INET) {
        memcpy(peer.address, &ip4->sin_addr, 4);
        inet_ntop(AF_INET, &ip4->sin_addr, peer.text, sizeof peer.text);
    } else if (IN6_IS_ADDR_V4MAPPED(&ip6->sin6_addr)) {
        memcpy(peer.address, &ip6->sin6_addr.s6_addr[12], 4);
        inet_ntop(AF_INET, &ip6->sin6_addr.s6_addr[12], peer.text, sizeof peer.text);
    } else {
        /* One subscriber has at least a /64 and may take any address in it. */
        memcpy(peer.address, &ip6->sin6_addr, 8);
        peer.address[15] = 1;
        inet_ntop(AF_INET6, &ip6->sin6_addr, peer.text, sizeof peer.text);
    }
    for (size_t i = 0; i < sizeof peer.address; i++)
        hash = (hash ^ peer.address[i]) * 16777619u;
    peer.bucket = hash % ADDRESS_BUCKETS;
    return peer;
}

/* Accepting. */

static void admit(struct listener *listener, int fd, const struct sockaddr_storage *address)
{
    struct server *server = listener->server;
    const struct server_limits *limits = &server->config.limits;
    struct connection_peer peer = peer_of(address);
    unsigned open = server->counts.connections_open;
    enum http_refusal refusal = HTTP_REFUSAL_NONE;

    if (open >= limits->connections)
        refusal = HTTP_REFUSAL_CONNECTIONS;
    else if (limits->connections_per_address > 0 &&
             connections_from(server, &peer) >= limits->connections_per_address)
        refusal = HTTP_REFUSAL_CONNECTIONS_PEER;

    if (refusal == HTTP_REFUSAL_NONE)
        server->counts.connections_accepted++;
    else
        server->counts.connections_refused++;
    if (refusal != HTTP_REFUSAL_NONE && open >= limits->connections + TOLD_OF_CAP)
        close(fd);
    else
        connection_open(server, fd, &peer, listener->number, refusal);
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
    struct listener *listener = timer->data;

    uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

/* Descriptors or memory are exhausted: who waits stays in the kernel's queue for a while. */
static void pause_accepting(struct listener *listener)
{
    uv_poll_stop(&listener->poll);
    uv_timer_start(&listener->pause, on_pause_over, ACCEPT_PAUSE_MS, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;

    (void)status, (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage address = { 0 };
        socklen_t len = sizeof address;
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(listener, fd, &address);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(listener);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
        /* Else the client has gone before it was accepted (ECONNABORTED and its like). */
    }
}

/* Listening. */

static bool make_socket(const struct sockaddr_storage *address, int *out)
{
    socklen_t len = address->ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                                  : sizeof(struct sockaddr_in6);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return false;
    /* A restart must not wait for the old connections' TIME_WAIT to pass. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)address, len) != 0 || listen(fd, BACKLOG) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return false;
    }
    *out = fd;
    return true;
}

enum err server_listen(struct server *server, struct str address, int listener_number,
                       struct arena *arena, struct str *bound, struct str *why)
{
    struct sockaddr_storage parsed = { 0 };
    socklen_t len = sizeof parsed;
    int fd = -1;

    if (!parse_address(address, arena, &parsed)) {
        *why = str_format(arena, "\"%.*s\" is not an address like 127.0.0.1:8080 or [::1]:8080",
                          STR_ARG(address));
        return ERR_IO;
    }
    if (!make_socket(&parsed, &fd)) {
        *why = str_format(arena, "Cannot listen on %.*s: %s", STR_ARG(address), strerror(errno));
        return ERR_IO;
    }

    struct listener *listener = mem_alloc(sizeof *listener);
    listener->server = server;
    listener->fd = fd;
    listener->number = listener_number;
    listener->next = server->listeners;
    server->listeners = listener;
    uv_poll_init(&server->loop, &listener->poll, fd);
    uv_timer_init(&server->loop, &listener->pause);
    listener->poll.data = listener->pause.data = listener;
    listener->open_handles = 2;
    uv_poll_start(&listener->poll, UV_READABLE, on_readable);

    if (bound != NULL && getsockname(fd, (struct sockaddr *)&parsed, &len) == 0)
        *bound = address_text(&parsed, arena);
    return OK;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    if (--listener->open_handles == 0)
        mem_free(listener);
}

void listeners_close(struct server *server)
{
    while (server->listeners != NULL) {
        struct listener *listener = server->listeners;
        server->listeners = listener->next;
        uv_close((uv_handle_t *)&listener->poll, on_handle_closed);
        uv_close((uv_handle_t *)&listener->pause, on_handle_closed);
        close(listener->fd);
    }
}
