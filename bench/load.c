/* load.c - a load generator for HTTP/1.1 that costs little itself.
 *
 *     load PORT CONNECTIONS SECONDS RATE FILE
 *
 * to 127.0.0.1, over kept connections, one thread. RATE 0 is a closed loop: each connection sends
 * the next request when it has its answer. Otherwise so many requests a second are due, evenly,
 * whatever the server does (an open loop), and a latency counts from the moment at which a request
 * was due, so that a server which stands still is seen to. When no connection is free it waits.
 *
 * FILE has one request a line, taken in turn: method, path, more header lines (separated by '|'),
 * body; separated by tabs. {n} in it becomes a number that is new with each request.
 *
 * Prints one line of JSON: answers by status, latencies in ms of those that succeeded (2xx) and
 * those that were refused (429, 503), and how many succeeded in each second. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/outside.h"
#include "histogram.h"

#define CONNECTIONS_MAX 8192
#define EVENTS_MAX 512
#define HEAD_MAX 8192
#define SECONDS_MAX 3600
#define FILE_MAX_BYTES ((size_t)256 << 20)
#define GRACE_US 30000000

struct peer {
    int fd;
    int64_t due_us; /* of the request under way */
    int status;     /* 0 until the head of its answer is whole */
    bool told_when; /* Retry-After */
    bool closes;
    bool in_work;
    size_t body_left;
    size_t head_len;
    char head[HEAD_MAX];
};

struct load {
    struct arena arena;
    int port, poll;
    int64_t seconds, rate, start_us, end_us;
    struct str *lines;
    size_t line_count;
    uint64_t issued, open, unsent;
    struct peer *peers, **idle;
    size_t peer_count, idle_count;
    uint64_t statuses[600], told_when, broken, late;
    uint64_t by_second[SECONDS_MAX + 1];
    struct histogram well, refused;
};

static int64_t now_us(void)
{
    return outside_monotonic_us(outside_real());
}

static int must(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(2);
    }
    return result;
}

/* Requests. */

static void add_numbered(struct buf *out, struct str text, uint64_t number)
{
    static const struct str mark = STR_INIT("{n}");
    for (size_t i = 0; i < text.len;) {
        size_t at = str_find_char(text, '{', i);
        buf_add(out, str_slice(text, i, at - i));
        bool is_mark = str_starts_with(str_slice(text, at, text.len - at), mark);
        if (is_mark)
            buf_add_u64(out, number);
        else if (at < text.len)
            buf_add_char(out, '{');
        i = at + (is_mark ? mark.len : 1);
    }
}

static void write_request(struct load *load, struct buf *out)
{
    struct str rest = load->lines[load->issued % load->line_count];
    struct str method = { 0 }, path = { 0 }, headers = { 0 }, line;
    str_cut(&rest, '\t', &method);
    str_cut(&rest, '\t', &path);
    str_cut(&rest, '\t', &headers);
    struct buf body;
    static char bytes[1 << 16];
    buf_fixed(&body, bytes, sizeof bytes);
    add_numbered(&body, rest, load->issued);
    assert(buf_ok(&body));
    buf_addf(out, "%.*s ", STR_ARG(method));
    add_numbered(out, path, load->issued);
    buf_addf(out, " HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", load->port);
    while (str_cut(&headers, '|', &line)) {
        add_numbered(out, line, load->issued);
        buf_add_c(out, "\r\n");
    }
    if (!str_equal_c(method, "GET"))
        buf_addf(out, "Content-Length: %zu\r\n", body.len);
    buf_add_c(out, "\r\n");
    buf_add(out, buf_str(&body));
    assert(buf_ok(out));
}

static void dial(struct load *load, struct peer *peer)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)load->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };
    int on = 1;
    peer->fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(connect(peer->fd, (struct sockaddr *)&address, sizeof address), "connect");
    must(setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "setsockopt");
    must(epoll_ctl(load->poll, EPOLL_CTL_ADD, peer->fd, &event), "epoll_ctl");
}

static void issue(struct load *load, int64_t due_us)
{
    static char bytes[1 << 17];
    struct peer *peer = load->idle[--load->idle_count];
    struct buf out;
    if (peer->fd < 0)
        dial(load, peer);
    buf_fixed(&out, bytes, sizeof bytes);
    write_request(load, &out);
    struct str text = buf_str(&out);
    peer->due_us = due_us;
    peer->status = 0;
    peer->head_len = peer->body_left = 0;
    peer->told_when = peer->closes = false;
    peer->in_work = true;
    load->issued++;
    load->open++;
    /* What the server does not take is seen as a connection that broke. */
    if (send(peer->fd, text.ptr, text.len, MSG_NOSIGNAL) != (ssize_t)text.len)
        load->unsent++;
}

/* Answers. */

static void is_over(struct load *load, struct peer *peer)
{
    int64_t now = now_us(), us = now - peer->due_us;
    bool is_well = peer->status >= 200 && peer->status < 300;
    peer->in_work = false;
    load->open--;
    load->idle[load->idle_count++] = peer;
    load->told_when += peer->told_when;
    if (now > load->end_us) {
        load->late++;
        if (load->rate == 0)
            return;
    }
    load->statuses[peer->status < 600 ? peer->status : 0]++;
    if (is_well && now <= load->end_us)
        load->by_second[(now - load->start_us) / 1000000]++;
    if (is_well)
        histogram_note(&load->well, us);
    if (peer->status == 429 || peer->status == 503)
        histogram_note(&load->refused, us);
}

static void drop(struct load *load, struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
    if (!peer->in_work)
        return;
    peer->in_work = false;
    load->broken++;
    load->open--;
    load->idle[load->idle_count++] = peer;
}

static void read_head(struct peer *peer, struct str head)
{
    struct str line, name;
    uint64_t length = 0, status = 0;
    str_cut(&head, '\n', &line);
    if (line.len > 12 && str_to_u64(str_slice(line, 9, 3), &status))
        peer->status = (int)status;
    while (str_cut(&head, '\n', &line)) {
        if (!str_cut(&line, ':', &name))
            continue;
        struct str value = str_trim(str_slice(line, 0, line.len - (line.len > 0)));
        if (str_equal_nocase(name, STR("Content-Length")) && str_to_u64(value, &length))
            peer->body_left = (size_t)length;
        peer->told_when = peer->told_when || str_equal_nocase(name, STR("Retry-After"));
        if (str_equal_nocase(name, STR("Connection")) && str_equal_nocase(value, STR("close")))
            peer->closes = true;
    }
}

/* Of the bytes at the end of the head's place. */
static void take(struct load *load, struct peer *peer, size_t got)
{
    if (peer->status == 0) {
        peer->head_len += got;
        const char *end = memmem(peer->head, peer->head_len, "\r\n\r\n", 4);
        if (!end)
            return;
        size_t len = (size_t)(end - peer->head) + 4;
        read_head(peer, str_make(peer->head, len - 2));
        got = peer->head_len - len;
    }
    assert(got <= peer->body_left);
    peer->body_left -= got;
    if (peer->body_left > 0)
        return;
    is_over(load, peer);
    if (peer->closes)
        drop(load, peer);
}

static void is_readable(struct load *load, struct peer *peer)
{
    static char body[1 << 16];
    bool in_head = peer->status == 0;
    char *to = in_head ? peer->head + peer->head_len : body;
    size_t room = in_head ? sizeof peer->head - peer->head_len : sizeof body;
    ssize_t got = read(peer->fd, to, room);
    if (got <= 0 || !peer->in_work)
        drop(load, peer);
    else
        take(load, peer, (size_t)got);
}

/* The loop. */

static int64_t due_at(const struct load *load)
{
    double after = (double)load->issued * 1e6 / (double)load->rate;
    return load->start_us + (int64_t)after;
}

/* Sends all that is due, and tells for how long nothing is; -1 until something is heard. */
static int64_t issue_due(struct load *load)
{
    for (;;) {
        int64_t now = now_us();
        int64_t due = load->rate ? due_at(load) : now;
        if (due >= load->end_us || now >= load->end_us)
            return -1;
        if (due > now)
            return due - now;
        if (load->idle_count == 0)
            return -1;
        issue(load, due);
    }
}

static void run(struct load *load)
{
    struct epoll_event events[EVENTS_MAX];
    load->start_us = now_us();
    load->end_us = load->start_us + load->seconds * 1000000;
    for (;;) {
        int64_t wait_us = issue_due(load), now = now_us();
        if ((load->open == 0 && now >= load->end_us) || now > load->end_us + GRACE_US)
            return;
        int64_t most_us = now < load->end_us ? load->end_us - now : 1000000;
        if (wait_us < 0 || wait_us > most_us)
            wait_us = most_us;
        struct timespec wait = { .tv_sec = wait_us / 1000000,
                                 .tv_nsec = wait_us % 1000000 * 1000 };
        int count = epoll_pwait2(load->poll, events, EVENTS_MAX, &wait, NULL);
        for (int i = 0; i < count; i++)
            is_readable(load, events[i].data.ptr);
    }
}

static void print_histogram(const char *name, const struct histogram *histogram)
{
    printf(",\"%s\":{\"count\":%llu,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,"
           "\"p999_ms\":%.3f,\"max_ms\":%.3f}",
           name, (unsigned long long)histogram->count, histogram_ms(histogram, 0.5),
           histogram_ms(histogram, 0.9), histogram_ms(histogram, 0.99),
           histogram_ms(histogram, 0.999), (double)histogram->max_us / 1000);
}

static void print(const struct load *load)
{
    const char *comma = "";
    uint64_t well = 0;
    printf("{\"seconds\":%lld,\"issued\":%llu,\"broken\":%llu,\"late\":%llu,\"told_when\":%llu,",
           (long long)load->seconds, (unsigned long long)load->issued,
           (unsigned long long)(load->broken + load->unsent + load->open),
           (unsigned long long)load->late, (unsigned long long)load->told_when);
    printf("\"by_second\":[");
    for (int64_t i = 0; i < load->seconds; i++) {
        printf("%s%llu", i ? "," : "", (unsigned long long)load->by_second[i]);
        well += load->by_second[i];
    }
    printf("],\"per_second\":%.1f,\"statuses\":{", (double)well / (double)load->seconds);
    for (int i = 0; i < 600; i++) {
        if (load->statuses[i] == 0)
            continue;
        printf("%s\"%d\":%llu", comma, i, (unsigned long long)load->statuses[i]);
        comma = ",";
    }
    printf("}");
    print_histogram("ok", &load->well);
    print_histogram("refused", &load->refused);
    printf("}\n");
}

/* Beginning. */

static void read_lines(struct load *load, const char *path)
{
    FILE *file = fopen(path, "r");
    struct buf text;
    char chunk[1 << 16];
    size_t got;
    if (!file) {
        perror(path);
        exit(2);
    }
    buf_init(&text, &load->arena, FILE_MAX_BYTES);
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_add_bytes(&text, chunk, got);
    fclose(file);
    assert(buf_ok(&text));
    struct str rest = buf_str(&text), line;
    size_t cap = 0;
    for (size_t i = 0; i < rest.len; i++)
        cap += rest.ptr[i] == '\n';
    load->lines = mem_alloc((cap + 1) * sizeof *load->lines);
    while (str_cut(&rest, '\n', &line))
        if (line.len > 0)
            load->lines[load->line_count++] = line;
    assert(load->line_count > 0);
}

static int64_t number(const char *text, int64_t most)
{
    int64_t value = 0;
    if (!str_to_i64(str_of(text), &value) || value < 0 || value > most) {
        fprintf(stderr, "load: %s is no number up to %lld\n", text, (long long)most);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc != 6) {
        fputs("usage: load PORT CONNECTIONS SECONDS RATE FILE\n", stderr);
        return 2;
    }
    load.port = (int)number(argv[1], 65535);
    load.peer_count = (size_t)number(argv[2], CONNECTIONS_MAX);
    load.seconds = number(argv[3], SECONDS_MAX);
    load.rate = number(argv[4], 10000000);
    read_lines(&load, argv[5]);
    load.poll = must(epoll_create1(0), "epoll_create1");
    load.peers = mem_alloc(load.peer_count * sizeof *load.peers);
    load.idle = mem_alloc(load.peer_count * sizeof *load.idle);
    for (size_t i = 0; i < load.peer_count; i++) {
        dial(&load, &load.peers[i]);
        load.idle[load.idle_count++] = &load.peers[i];
    }
    run(&load);
    print(&load);
    return 0;
}
