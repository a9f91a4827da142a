/* hooks_send.c - the ceilings: the same signed requests over kept connections, without books; from
 * a bare loop over epoll, and from the HTTP client that purser uses. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/outside.h"
#include "core/webhook_format.h"
#include "hooks.h"
#include "net/client.h"

struct ceiling {
    struct arena arena;
    struct webhook_endpoint endpoint;
    struct webhook_delivery delivery;
    struct webhook_send send;
    int64_t left, open;
    int64_t begin_us;
};

static void begin(struct ceiling *ceiling, int64_t count, size_t body_len)
{
    char *body = mem_alloc(body_len + 1);
    memset(body, 'x', body_len);
    *ceiling = (struct ceiling){ .left = count, .delivery = { .event = { { { 1 } } } } };
    ceiling->endpoint.format = WEBHOOK_FORMAT_STANDARD;
    ceiling->send = (struct webhook_send){
        .endpoint = &ceiling->endpoint,
        .delivery = &ceiling->delivery,
        .body = str_make(body, body_len),
        .secret = secret_copy(STR("0123456789abcdef01234567")),
    };
    ceiling->begin_us = outside_monotonic_us(outside_real());
}

static size_t sign(struct ceiling *ceiling, struct arena *arena, struct webhook_field *fields)
{
    ceiling->send.now_ms = outside_now_ms(outside_real());
    ceiling->left--;
    ceiling->open++;
    return webhook_fields(&ceiling->send, arena, fields);
}

static void tell(const struct ceiling *ceiling, int64_t count)
{
    struct rusage usage;
    int64_t us = outside_monotonic_us(outside_real()) - ceiling->begin_us;
    must(getrusage(RUSAGE_SELF, &usage), "getrusage");
    long long cpu_us = (long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000
                       + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    printf("{\"count\": %lld, \"us\": %lld, \"cpu_us\": %lld}\n", (long long)count, (long long)us,
           cpu_us);
}

/* The bare loop. */

static void post(struct ceiling *ceiling, struct peer *peer)
{
    struct webhook_field fields[WEBHOOK_FIELDS_MAX];
    struct buf out;
    size_t count = sign(ceiling, &ceiling->arena, fields);
    buf_init(&out, &ceiling->arena, REQUEST_MAX);
    buf_addf(&out,
             "POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\n"
             "User-Agent: bench\r\nContent-Length: %zu\r\n",
             ceiling->send.body.len);
    for (size_t i = 0; i < count; i++)
        buf_addf(&out, "%.*s: %.*s\r\n", STR_ARG(fields[i].name), STR_ARG(fields[i].value));
    buf_add_c(&out, "\r\n");
    buf_add(&out, ceiling->send.body);
    assert(buf_ok(&out));
    peer_write(peer, buf_str(&out));
    arena_reset(&ceiling->arena);
}

static void go_on(struct ceiling *ceiling, struct peer *peer)
{
    struct str head;
    ssize_t got = peer_read(peer);
    assert(got != 0);
    size_t len = got > 0 ? peer_message(peer, &head) : 0;
    if (len == 0)
        return;
    peer_drop(peer, len);
    ceiling->open--;
    if (ceiling->left > 0)
        post(ceiling, peer);
}

int send_bare(int port, struct tls *tls, int connections, int64_t count, size_t body_len)
{
    struct ceiling ceiling;
    struct epoll_event events[EVENTS_MAX];
    int poll = must(epoll_create1(0), "epoll_create1");
    begin(&ceiling, count, body_len);
    for (int i = 0; i < connections && ceiling.left > 0; i++) {
        struct peer *peer = peer_dial(port, tls);
        peer_watch(poll, peer);
        post(&ceiling, peer);
    }
    while (ceiling.open > 0) {
        int ready = epoll_wait(poll, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++)
            go_on(&ceiling, events[i].data.ptr);
    }
    tell(&ceiling, count);
    return 0;
}

/* The library. All but the first requests are made on its thread. */

struct library {
    struct ceiling ceiling;
    struct client *client;
    struct str url;
    pthread_mutex_t lock;              /* `open` is waited for */
    pthread_cond_t ended;
};

struct request {
    struct client_call call;
    struct arena arena;
    struct library *library;
};

static void on_done(struct client_call *call);

/* Under the lock. */
static void call(struct request *request)
{
    struct library *library = request->library;
    struct webhook_field fields[WEBHOOK_FIELDS_MAX];
    arena_reset(&request->arena);
    size_t count = sign(&library->ceiling, &request->arena, fields);
    struct client_field *wire = ARENA_ARRAY(&request->arena, struct client_field, count);
    for (size_t i = 0; i < count; i++)
        wire[i] = (struct client_field){ fields[i].name, fields[i].value };
    request->call = (struct client_call){
        .method = "POST",
        .url = library->url,
        .fields = wire,
        .field_count = count,
        .body = library->ceiling.send.body,
        .plain = true,
        .body_ms = 2000,
        .done = on_done,
    };
    bool taken = client_send(library->client, &request->call);
    assert(taken);
    (void)taken;
}

static void on_done(struct client_call *call_)
{
    struct request *request = LINK_OWNER(call_, struct request, call);
    struct library *library = request->library;
    assert(call_->end == CLIENT_REPLY && call_->status == 200);
    pthread_mutex_lock(&library->lock);
    library->ceiling.open--;
    if (library->ceiling.left > 0)
        call(request);
    else if (library->ceiling.open == 0)
        pthread_cond_signal(&library->ended);
    pthread_mutex_unlock(&library->lock);
}

int send_library(struct str url, struct str ca_file, int connections, int64_t count,
                 size_t body_len)
{
    struct library library = { .url = url };
    struct client_config config = CLIENT_CONFIG_DEFAULT(outside_real());
    struct arena arena = { 0 };
    struct str why;
    config.ca_file = ca_file;
    config.kept = (unsigned)connections;
    config.keeps_handles = true;
    config.breaker_failures = 0;
    if (client_open(&config, &arena, &library.client, &why) != OK)
        must(-1, "client_open");
    pthread_mutex_init(&library.lock, NULL);
    pthread_cond_init(&library.ended, NULL);
    begin(&library.ceiling, count, body_len);
    pthread_mutex_lock(&library.lock);
    for (int i = 0; i < connections && library.ceiling.left > 0; i++) {
        struct request *request = mem_alloc(sizeof *request);
        request->library = &library;
        call(request);
    }
    while (library.ceiling.open > 0)
        pthread_cond_wait(&library.ended, &library.lock);
    pthread_mutex_unlock(&library.lock);
    tell(&library.ceiling, count);
    client_close(library.client);
    return 0;
}
