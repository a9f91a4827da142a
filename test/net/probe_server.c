/* probe_server.c - a server over net/server.h for the probes of this folder.
 *
 * probe_server [NAME=NUMBER]... with the names of struct server_limits. Prints the address that
 * it listens on, serves until SIGTERM or /stop, and then prints "ended" with what was left.
 *
 *   /echo           says what arrived
 *   /small, /large  the same, with a body of at most 10 bytes, 1 MiB
 *   /bytes?N        N bytes
 *   /last           answers with Connection: close
 *   /later?MS       answers after a while
 *   /thread?MS      the same from another thread
 *   /hold           answers when somebody asks for /release
 *   /counts         server_counts, and how often memory was allocated so far
 *   /stop?MS        stops with this time of grace
 *
 * It is linked with --wrap for malloc and its like, which counts what our code allocates. */
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "net/server.h"

#define STOP_GRACE_MS 5000

static atomic_uint_fast64_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    allocations++;
    return __real_realloc(old, size);
}

struct probe {
    struct server *server;
    struct waiting *held;
};

/* A request that is answered later; lives in its arena. */
struct waiting {
    struct server_request *request;
    struct waiting *next;
    struct server_timer timer;
    int64_t after_ms;
};

static void answer_text(struct server_request *request, struct str text)
{
    struct server_answer answer = {
        .status = 200,
        .content_type = STR("text/plain"),
        .body = text,
    };

    server_answer(request, &answer);
}

static int64_t number_of(struct server_request *request)
{
    int64_t number = 0;

    (void)str_to_i64(server_request_query(request), &number);
    return number;
}

static void echo(struct probe *probe, struct server_request *request)
{
    struct str body = server_request_body(request);
    struct buf out;

    (void)probe;
    buf_init(&out, server_request_arena(request), body.len + 32 * 1024);
    buf_addf(&out, "method=%d path=%.*s query=%.*s peer=%.*s x=%.*s length=%zu\n",
             (int)server_request_method(request), STR_ARG(server_request_path(request)),
             STR_ARG(server_request_query(request)), STR_ARG(server_request_peer(request)),
             STR_ARG(server_request_header(request, "X-Probe")), body.len);
    buf_add(&out, body);
    answer_text(request, buf_str(&out));
}

static void bytes(struct probe *probe, struct server_request *request)
{
    size_t len = (size_t)number_of(request);
    char *text = arena_alloc(server_request_arena(request), len);

    (void)probe;
    memset(text, 'x', len);
    answer_text(request, str_make(text, len));
}

static void last(struct probe *probe, struct server_request *request)
{
    struct server_answer answer = { .status = 200, .body = STR("last"), .close = true };

    (void)probe;
    server_answer(request, &answer);
}

static struct waiting *wait_with(struct server_request *request)
{
    struct waiting *waiting = ARENA_NEW(server_request_arena(request), struct waiting);

    waiting->request = request;
    waiting->after_ms = number_of(request);
    server_request_set_user(request, waiting);
    return waiting;
}

static void answer_waiting(void *arg)
{
    struct waiting *waiting = arg;

    assert(server_request_user(waiting->request) == waiting);
    answer_text(waiting->request, STR("waited"));
}

static void later(struct probe *probe, struct server_request *request)
{
    struct waiting *waiting = wait_with(request);

    server_timer_start(probe->server, &waiting->timer, waiting->after_ms, answer_waiting, waiting);
}

static void *answer_from_thread(void *arg)
{
    struct waiting *waiting = arg;

    usleep((useconds_t)waiting->after_ms * 1000);
    server_post(server_of(waiting->request), answer_waiting, waiting);
    return NULL;
}

static void thread(struct probe *probe, struct server_request *request)
{
    pthread_t id;

    (void)probe;
    if (pthread_create(&id, NULL, answer_from_thread, wait_with(request)) != 0)
        abort();
    pthread_detach(id);
}

static void hold(struct probe *probe, struct server_request *request)
{
    struct waiting *waiting = wait_with(request);

    waiting->next = probe->held;
    probe->held = waiting;
}

static void release(struct probe *probe, struct server_request *request)
{
    while (probe->held != NULL) {
        struct waiting *waiting = probe->held;
        probe->held = waiting->next;
        answer_waiting(waiting);
    }
    answer_text(request, STR("released"));
}

static struct str counts_text(struct probe *probe, struct arena *arena)
{
    struct server_counts counts = server_counts(probe->server);

    return str_format(arena,
                      "{\"connections_accepted\": %llu, \"connections_refused\": %llu, "
                      "\"requests\": %llu, \"refusals\": %llu, \"connections_open\": %u, "
                      "\"requests_open\": %u, \"allocations\": %llu}",
                      (unsigned long long)counts.connections_accepted,
                      (unsigned long long)counts.connections_refused,
                      (unsigned long long)counts.requests, (unsigned long long)counts.refusals,
                      counts.connections_open, counts.requests_open,
                      (unsigned long long)allocations);
}

static void counts(struct probe *probe, struct server_request *request)
{
    answer_text(request, counts_text(probe, server_request_arena(request)));
}

static void stop(struct probe *probe, struct server_request *request)
{
    server_stop(probe->server, number_of(request));
    answer_text(request, STR("stopping"));
}

static void handle(void *self, struct server_request *request)
{
    static const struct {
        const char *path;
        void (*f)(struct probe *probe, struct server_request *request);
    } routes[] = {
        { "/echo", echo },       { "/small", echo },    { "/large", echo },    { "/bytes", bytes },
        { "/last", last },       { "/later", later },   { "/thread", thread }, { "/hold", hold },
        { "/release", release }, { "/counts", counts }, { "/stop", stop },
    };
    struct server_answer none = { .status = 404, .body = STR("no such path") };

    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (str_equal_c(server_request_path(request), routes[i].path)) {
            routes[i].f(self, request);
            return;
        }
    }
    server_answer(request, &none);
}

static size_t body_limit(void *self, const struct server_request *request)
{
    (void)self;
    if (str_equal_c(server_request_path(request), "/small"))
        return 10;
    return str_equal_c(server_request_path(request), "/large") ? 1024 * 1024 : 64 * 1024;
}

static void refuse(void *self, struct server_request *request, enum err err, int status,
                   const char *detail, struct server_answer *out)
{
    struct arena *arena = server_request_arena(request);
    struct http_header *header = ARENA_NEW(arena, struct http_header);

    (void)self;
    *header = (struct http_header){ STR("X-Code"), str_of(err_code(err)) };
    *out = (struct server_answer){
        .status = status,
        .content_type = STR("text/plain"),
        .body = str_format(arena, "%s", detail),
        .headers = header,
        .header_count = 1,
    };
}

static void on_term(void *arg)
{
    server_stop(arg, STOP_GRACE_MS);
}

static void set_limit(struct server_limits *limits, struct str name, uint64_t value)
{
#define LIMIT(member, type)                                                                        \
    if (str_equal_c(name, #member)) {                                                              \
        limits->member = (type)value;                                                              \
        return;                                                                                    \
    }
    LIMIT(header_bytes, size_t)
    LIMIT(header_lines, size_t)
    LIMIT(body_bytes, size_t)
    LIMIT(drain_bytes, size_t)
    LIMIT(header_ms, int64_t)
    LIMIT(body_ms, int64_t)
    LIMIT(idle_ms, int64_t)
    LIMIT(write_ms, int64_t)
    LIMIT(connections, unsigned)
    LIMIT(connections_per_address, unsigned)
#undef LIMIT
    fprintf(stderr, "probe_server: no limit is called %.*s\n", STR_ARG(name));
    exit(2);
}

static struct server_limits read_limits(int argc, char **argv)
{
    struct server_limits limits = SERVER_LIMITS_DEFAULT;

    for (int i = 1; i < argc; i++) {
        struct str rest = str_of(argv[i]), name;
        uint64_t value = 0;
        if (!str_cut(&rest, '=', &name) || !str_to_u64(rest, &value))
            exit(2);
        set_limit(&limits, name, value);
    }
    return limits;
}

int main(int argc, char **argv)
{
    struct probe probe = { 0 };
    struct arena arena = { 0 };
    struct str bound, why;
    struct server_config config = {
        .outside = outside_real(),
        .limits = read_limits(argc, argv),
        .self = &probe,
        .handle = handle,
        .body_limit = body_limit,
        .refuse = refuse,
    };

    if (server_open(&config, &probe.server) != OK)
        return 1;
    for (int i = 0; i < 2; i++) {
        const char *address = i == 0 ? "127.0.0.1:0" : "[::1]:0";
        if (server_listen(probe.server, str_of(address), i, &arena, &bound, &why) != OK) {
            fprintf(stderr, "%.*s\n", STR_ARG(why));
            return 1;
        }
        printf("listening %.*s\n", STR_ARG(bound));
    }
    fflush(stdout);
    server_on_signal(probe.server, SIGTERM, on_term, probe.server);
    server_run(probe.server);
    printf("ended %.*s\n", STR_ARG(counts_text(&probe, &arena)));
    server_close(probe.server);
    arena_done(&arena);
    return 0;
}
