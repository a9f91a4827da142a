#include "sim/post.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/arena.h"

#define HEAD_MAX_BYTES ((size_t)8 << 10)
#define REPLY_MAX_BYTES ((size_t)64 << 10)

struct target {
    struct sockaddr_storage address;
    socklen_t address_len;
    struct str host; /* with the port, for the Host header */
    struct str path;
};

static bool read_address(struct str host, uint16_t port, struct target *out)
{
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)&out->address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&out->address;
    char text[INET6_ADDRSTRLEN + 2];
    struct buf buf;

    buf_fixed(&buf, text, sizeof text);
    buf_add(&buf, str_equal(host, STR("localhost")) ? STR("127.0.0.1") : host);
    out->address = (struct sockaddr_storage){ 0 };
    if (inet_pton(AF_INET, buf_c(&buf), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        out->address_len = sizeof *four;
        return ntohl(four->sin_addr.s_addr) >> 24 == 127;
    }
    if (!str_equal(host, STR("[::1]")))
        return false;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    six->sin6_addr = in6addr_loopback;
    out->address_len = sizeof *six;
    return true;
}

/* Position of the colon before the port, or the end. */
static size_t host_end(struct str host)
{
    size_t from = 0;

    if (!str_is_empty(host) && host.ptr[0] == '[')
        from = str_find_char(host, ']', 0);
    return str_find_char(host, ':', from);
}

static bool read_url(struct str url, struct target *out)
{
    struct str scheme = STR("http://");
    uint64_t port = 80;

    if (!str_starts_with(url, scheme))
        return false;
    struct str rest = str_slice(url, scheme.len, url.len);
    size_t slash = str_find_char(rest, '/', 0);
    out->host = str_slice(rest, 0, slash);
    out->path = slash < rest.len ? str_slice(rest, slash, rest.len) : STR("/");
    size_t colon = host_end(out->host);
    if (colon < out->host.len &&
        (!str_to_u64(str_slice(out->host, colon + 1, out->host.len), &port) || port > 65535))
        return false;
    return read_address(str_slice(out->host, 0, colon), (uint16_t)port, out);
}

bool post_is_local(struct str url)
{
    struct target target;

    return read_url(url, &target);
}

static int fail(struct buf *why, const char *what)
{
    buf_addf(why, "%s: %s", what, strerror(errno));
    return 0;
}

static bool write_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t done = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
        if (done <= 0)
            return false;
        text = str_slice(text, (size_t)done, text.len);
    }
    return true;
}

/* Reads until the other side closes, as it was asked to, so that it is never cut off. */
static int read_status(int fd, struct buf *why)
{
    char bytes[REPLY_MAX_BYTES];
    size_t len = 0;
    ssize_t got = 0;
    int64_t status = 0;

    while (len < sizeof bytes && (got = recv(fd, bytes + len, sizeof bytes - len, 0)) > 0)
        len += (size_t)got;
    if (len == 0 && got < 0)
        return fail(why, "no answer");
    struct str reply = str_make(bytes, len);
    if (!str_starts_with(reply, STR("HTTP/1.")) || !str_to_i64(str_slice(reply, 9, 3), &status)) {
        buf_add_c(why, len == 0 ? "closed without an answer" : "the answer is not HTTP");
        return 0;
    }
    return (int)status;
}

static int exchange_with(int fd, const struct target *target, struct str headers, struct str body,
                         struct buf *why)
{
    char text[HEAD_MAX_BYTES];
    struct buf head;

    if (connect(fd, (const struct sockaddr *)&target->address, target->address_len) != 0)
        return fail(why, "connecting");
    buf_fixed(&head, text, sizeof text);
    buf_addf(&head, "POST %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: purser-sim\r\n",
             STR_ARG(target->path), STR_ARG(target->host));
    buf_addf(&head, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.len);
    buf_add(&head, headers);
    buf_add_c(&head, "Connection: close\r\n\r\n");
    if (!buf_ok(&head)) {
        buf_add_c(why, "the address or the headers are too long");
        return 0;
    }
    if (!write_all(fd, buf_str(&head)) || !write_all(fd, body))
        return fail(why, "sending");
    return read_status(fd, why);
}

int post_send(struct str url, struct str headers, struct str body, int64_t timeout_ms,
              struct buf *why)
{
    struct timeval limit = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
    struct target target;

    if (!read_url(url, &target)) {
        buf_add_c(why, "refused: only http addresses of this machine are sent to");
        return 0;
    }
    int fd = socket(target.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(why, "a socket");
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    int status = exchange_with(fd, &target, headers, body, why);
    close(fd);
    return status;
}
