/* hooks_peer.c - connections over TCP, with TLS or without, that never block once they stand. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "hooks.h"

struct tls {
    SSL_CTX *context;
};

int must(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(2);
    }
    return result;
}

int64_t utc_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct tls *tls_of(const SSL_METHOD *method)
{
    struct tls *tls = mem_alloc(sizeof *tls);
    tls->context = SSL_CTX_new(method);
    must(tls->context ? 0 : -1, "SSL_CTX_new");
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    return tls;
}

struct tls *tls_server(const char *certificate, const char *key)
{
    struct tls *tls = tls_of(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls->context, certificate) != 1
        || SSL_CTX_use_PrivateKey_file(tls->context, key, SSL_FILETYPE_PEM) != 1)
        must(-1, certificate);
    return tls;
}

struct tls *tls_client(void)
{
    return tls_of(TLS_client_method());
}

static struct peer *peer_of(int fd, struct tls *tls)
{
    struct peer *peer = mem_alloc(sizeof *peer);
    int on = 1;
    peer->fd = fd;
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "setsockopt");
    if (tls) {
        peer->tls = SSL_new(tls->context);
        SSL_set_fd(peer->tls, fd);
    }
    return peer;
}

struct peer *peer_accept(int listener, struct tls *tls)
{
    struct peer *peer = peer_of(must(accept(listener, NULL, NULL), "accept"), tls);
    must(fcntl(peer->fd, F_SETFL, O_NONBLOCK), "fcntl");
    if (tls)
        SSL_set_accept_state(peer->tls);
    return peer;
}

struct peer *peer_dial(int port, struct tls *tls)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct peer *peer = peer_of(must(socket(AF_INET, SOCK_STREAM, 0), "socket"), tls);
    must(connect(peer->fd, (struct sockaddr *)&address, sizeof address), "connect");
    if (tls)
        must(SSL_connect(peer->tls) == 1 ? 0 : -1, "SSL_connect");
    must(fcntl(peer->fd, F_SETFL, O_NONBLOCK), "fcntl");
    return peer;
}

void peer_watch(int poll, struct peer *peer)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };
    must(epoll_ctl(poll, EPOLL_CTL_ADD, peer->fd, &event), "epoll_ctl");
}

void peer_close(struct peer *peer)
{
    SSL_free(peer->tls);
    close(peer->fd);
    mem_free(peer);
}

static ssize_t read_some(struct peer *peer, char *to, size_t room)
{
    if (!peer->tls)
        return read(peer->fd, to, room);
    int got = SSL_read(peer->tls, to, (int)room);
    if (got > 0)
        return got;
    int error = SSL_get_error(peer->tls, got);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ ? -1 : 0;
}

ssize_t peer_read(struct peer *peer)
{
    ssize_t got = read_some(peer, peer->bytes + peer->len, sizeof peer->bytes - peer->len);
    if (got < 0 && !peer->tls && errno != EAGAIN)
        got = 0;
    if (got > 0 && peer->len == 0)
        peer->came_us = utc_us();
    if (got > 0)
        peer->len += (size_t)got;
    return got;
}

/* What is sent here always fits into a socket's buffer: one message at a time is under way. */
void peer_write(struct peer *peer, struct str text)
{
    ssize_t sent = peer->tls ? SSL_write(peer->tls, text.ptr, (int)text.len)
                             : write(peer->fd, text.ptr, text.len);
    if (sent != (ssize_t)text.len && errno != EPIPE && errno != ECONNRESET)
        must(-1, "write");
}

size_t peer_message(const struct peer *peer, struct str *head)
{
    const char *end = memmem(peer->bytes, peer->len, "\r\n\r\n", 4);
    uint64_t length = 0;
    struct str line;
    if (!end)
        return 0;
    *head = str_make(peer->bytes, (size_t)(end - peer->bytes) + 2);
    size_t total = head->len + 2;
    struct str rest = *head;
    while (str_cut(&rest, '\n', &line)) {
        size_t colon = str_find_char(line, ':', 0);
        if (str_equal_nocase(str_slice(line, 0, colon), STR("Content-Length"))
            && str_to_u64(str_trim(str_slice(line, colon + 1, line.len - colon - 2)), &length))
            total += (size_t)length;
    }
    return total <= peer->len ? total : 0;
}

void peer_drop(struct peer *peer, size_t len)
{
    memmove(peer->bytes, peer->bytes + len, peer->len - len);
    peer->len -= len;
}
