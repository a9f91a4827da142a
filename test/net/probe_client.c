/* probe_client.c - net/client.h driven line by line, for the probes of this folder.
 *
 * probe_client [NAME=VALUE]... with ca_file, proxy and the numbers of struct client_config.
 * Each line of its input is a JSON object, a call: id, url, method, body, fields, timeout_ms,
 * account, at_once, per_minute, once, guarded, plain, withdrawn, and `count` of such calls.
 * `backwards` is a secret spelt backwards that is sent as a header: the program never holds it
 * but to send it.
 * Prints one JSON object for each call's end; {"counts": true} asks for client_counts;
 * {"stop": true} stops the client. Ends with its input.
 *
 * Its name lookups lead nowhere but to this machine (see `names`), and an address of the wide
 * world is connected to on the loopback. */
#include <arpa/inet.h>
#include <assert.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/secret.h"
#include "net/client.h"

#define PUBLIC_ADDRESS "8.8.8.8"
#define SLOW_LOOKUP_S 3
#define SHOWN_BYTES 400

/* The outside as these tests have it. */

static const struct {
    const char *name;
    const char *addresses[2];
    unsigned takes_s;
} names[] = {
    { "loop.test", { "127.0.0.1" }, 0 },
    { "slow.test", { "127.0.0.1" }, SLOW_LOOKUP_S },
    { "public.test", { PUBLIC_ADDRESS }, 0 },
    { "mixed.test", { "127.0.0.1", PUBLIC_ADDRESS }, 0 },
    { "six.test", { "::1" }, 0 },
    { "mapped.test", { "::ffff:127.0.0.1" }, 0 },
    { "nowhere.test", { NULL }, 0 },
};

typedef int getaddrinfo_f(const char *node, const char *service, const struct addrinfo *hints,
                          struct addrinfo **out);
typedef int connect_f(int fd, const struct sockaddr *address, socklen_t len);
typedef int getpeername_f(int fd, struct sockaddr *address, socklen_t *len);

static void *real(const char *function)
{
    void *found = dlsym(RTLD_NEXT, function);

    assert(found != NULL);
    return found;
}

static int look_up(const char *const *addresses, const char *service,
                   const struct addrinfo *hints, struct addrinfo **out)
{
    getaddrinfo_f *lookup = (getaddrinfo_f *)(uintptr_t)real("getaddrinfo");
    struct addrinfo any = *hints;
    struct addrinfo **last = out;

    *out = NULL;
    any.ai_family = AF_UNSPEC;
    for (size_t i = 0; i < 2 && addresses[i] != NULL; i++) {
        if (lookup(addresses[i], service, &any, last) != 0)
            return EAI_NONAME;
        while (*last != NULL)
            last = &(*last)->ai_next;
    }
    return *out != NULL ? 0 : EAI_NONAME;
}

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    getaddrinfo_f *lookup = (getaddrinfo_f *)(uintptr_t)real("getaddrinfo");

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(node, names[i].name) != 0)
            continue;
        sleep(names[i].takes_s);
        return look_up(names[i].addresses, service, hints, out);
    }
    return lookup(node, service, hints, out);
}

/* Descriptors that believe they are connected to PUBLIC_ADDRESS. */
#define DESCRIPTORS 4096
static bool is_far[DESCRIPTORS];

static struct in_addr far_address(void)
{
    struct in_addr far;

    inet_pton(AF_INET, PUBLIC_ADDRESS, &far);
    return far;
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    connect_f *connect_to = (connect_f *)(uintptr_t)real("connect");
    struct sockaddr_in to;

    if (address->sa_family != AF_INET)
        return connect_to(fd, address, len);
    assert(fd < DESCRIPTORS);
    memcpy(&to, address, sizeof to);
    is_far[fd] = to.sin_addr.s_addr == far_address().s_addr;
    if (is_far[fd])
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect_to(fd, (const struct sockaddr *)(const void *)&to, sizeof to);
}

int getpeername(int fd, struct sockaddr *restrict address, socklen_t *restrict len)
{
    getpeername_f *name = (getpeername_f *)(uintptr_t)real("getpeername");

    int failed = name(fd, address, len);
    if (failed == 0 && fd < DESCRIPTORS && is_far[fd])
        ((struct sockaddr_in *)(void *)address)->sin_addr = far_address();
    return failed;
}

/* Calls. */

struct order {
    struct client_call call;
    struct arena arena;
    struct str id;
    int64_t number;
    int64_t sent_us;
};

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static void print_line(const struct buf *buf)
{
    assert(buf_ok(buf));
    pthread_mutex_lock(&output);
    fwrite(buf->ptr, 1, buf->len, stdout);
    fputc('\n', stdout);
    fflush(stdout);
    pthread_mutex_unlock(&output);
}

static int64_t now_us(void)
{
    return outside_monotonic_us(outside_real());
}

static void put_reply(struct json_out *json, const struct client_call *call)
{
    json_put_int(json, "status", call->status);
    json_put_int(json, "length", (int64_t)call->reply_body.len);
    json_put_text(json, "body", str_slice(call->reply_body, 0, SHOWN_BYTES));
    json_open_array(json, "fields");
    for (size_t i = 0; i < call->reply_field_count; i++) {
        json_put_text(json, NULL, call->reply_fields[i].name);
        json_put_text(json, NULL, call->reply_fields[i].value);
    }
    json_close_array(json);
}

static void on_done(struct client_call *call)
{
    struct order *order = call->user;
    struct arena arena = { 0 };
    struct json_out json;
    struct buf buf;
    int64_t at_us = now_us();

    buf_init(&buf, &arena, 1 << 20);
    json_begin(&json, &buf);
    json_open_object(&json, NULL);
    json_put_text(&json, "id", order->id);
    json_put_int(&json, "number", order->number);
    json_put_text(&json, "end", str_of(client_end_code(call->end)));
    json_put_text(&json, "reason", str_of(client_reason_code(call->reason)));
    json_put_int(&json, "took_ms", (at_us - order->sent_us) / 1000);
    json_put_int(&json, "late_us", at_us - call->deadline_us);
    if (call->end == CLIENT_REPLY)
        put_reply(&json, call);
    json_close_object(&json);
    json_done(&json);
    print_line(&buf);
    arena_done(&arena);
    arena_wipe(&order->arena);
    arena_done(&order->arena);
    mem_free(order);
}

static bool never(const struct client_call *call)
{
    (void)call;
    return false;
}

static int64_t number_or(const struct json *line, const char *name, int64_t otherwise)
{
    (void)json_int(json_get(line, name), &otherwise);
    return otherwise;
}

static bool is_set(const struct json *line, const char *name)
{
    bool value = false;

    return json_bool(json_get(line, name), &value) && value;
}

static void read_fields(struct order *order, const struct json *line)
{
    const struct json *given = json_get(line, "fields");
    struct str backwards = json_text(json_get(line, "backwards"));
    struct client_field *fields = ARENA_ARRAY(&order->arena, struct client_field,
                                              json_count(given) + 1);
    size_t count = 0;
    struct json_cursor cursor;
    const struct json *value;
    struct str name;

    json_each(&cursor, given);
    while (given != NULL && json_next(&cursor, &name, &value))
        fields[count++] = (struct client_field){ str_copy(&order->arena, name),
                                                 str_copy(&order->arena, json_text(value)) };
    if (!str_is_empty(backwards)) {
        char *secret = arena_alloc(&order->arena, backwards.len);
        for (size_t i = 0; i < backwards.len; i++)
            secret[i] = backwards.ptr[backwards.len - 1 - i];
        fields[count++] = (struct client_field){ STR("Authorization"),
                                                 str_make(secret, backwards.len) };
    }
    order->call.fields = fields;
    order->call.field_count = count;
}

static struct order *read_order(const struct json *line, int64_t number)
{
    struct order *order = mem_alloc(sizeof *order);
    struct str method = json_text(json_get(line, "method"));

    order->id = str_copy(&order->arena, json_text(json_get(line, "id")));
    order->number = number;
    order->sent_us = now_us();
    order->call = (struct client_call){
        .method = str_is_empty(method) ? "POST" : str_c(&order->arena, method),
        .url = str_copy(&order->arena, json_text(json_get(line, "url"))),
        .body = str_copy(&order->arena, json_text(json_get(line, "body"))),
        .deadline_us = order->sent_us + number_or(line, "timeout_ms", 10000) * 1000,
        .account = str_copy(&order->arena, json_text(json_get(line, "account"))),
        .limits = { (unsigned)number_or(line, "at_once", 0),
                    (unsigned)number_or(line, "per_minute", 0) },
        .once = is_set(line, "once"),
        .guarded = is_set(line, "guarded"),
        .plain = is_set(line, "plain"),
        .may_begin = is_set(line, "withdrawn") ? never : NULL,
        .done = on_done,
        .user = order,
    };
    read_fields(order, line);
    return order;
}

static void print_counts(struct client *client)
{
    struct client_counts counts = client_counts(client);
    struct arena arena = { 0 };
    struct json_out json;
    struct buf buf;

    buf_init(&buf, &arena, 4096);
    json_begin(&json, &buf);
    json_open_object(&json, NULL);
#define X(name, help) json_put_int(&json, #name, (int64_t)counts.name);
    CLIENT_COUNTERS(X)
    CLIENT_GAUGES(X)
#undef X
    json_close_object(&json);
    json_done(&json);
    print_line(&buf);
    arena_done(&arena);
}

static void obey(struct client *client, const struct json *line)
{
    int64_t count = number_or(line, "count", 1);

    if (is_set(line, "counts")) {
        print_counts(client);
        return;
    }
    if (is_set(line, "stop")) {
        client_stop(client);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        struct order *order = read_order(line, i);
        if (!client_send(client, &order->call)) {
            puts("\"refused\"");
            fflush(stdout);
            arena_done(&order->arena);
            mem_free(order);
        }
    }
}

static bool set_limit(struct client_config *config, struct str name, struct str value)
{
    int64_t number = 0;

    if (str_equal_c(name, "ca_file"))
        config->ca_file = value;
    else if (str_equal_c(name, "proxy"))
        config->proxy = value;
    else if (!str_to_i64(value, &number))
        return false;
    else if (str_equal_c(name, "connections"))
        config->connections = (unsigned)number;
    else if (str_equal_c(name, "connect_ms"))
        config->connect_ms = number;
    else if (str_equal_c(name, "trust_s"))
        config->trust_s = (unsigned)number;
    else if (str_equal_c(name, "reply_bytes"))
        config->reply_bytes = (size_t)number;
    else if (str_equal_c(name, "breaker_failures"))
        config->breaker_failures = (unsigned)number;
    else if (str_equal_c(name, "breaker_ms"))
        config->breaker_ms = number;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct client_config config = CLIENT_CONFIG_DEFAULT(outside_real());
    config.keeps_handles = true;
    struct arena arena = { 0 };
    struct client *client = NULL;
    struct str why;
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    for (int i = 1; i < argc; i++) {
        struct str value = str_of(argv[i]), name;
        if (!str_cut(&value, '=', &name) || !set_limit(&config, name, value)) {
            fprintf(stderr, "no such setting: %s\n", argv[i]);
            return 2;
        }
    }
    if (client_open(&config, &arena, &client, &why) != OK) {
        fprintf(stderr, "%.*s\n", STR_ARG(why));
        return 1;
    }
    while ((len = getline(&line, &size, stdin)) > 0) {
        const struct json *parsed = NULL;
        enum err err = json_parse(str_make(line, (size_t)len), &arena, &parsed, &why);
        assert(err == OK);
        (void)err;
        obey(client, parsed);
        arena_wipe(&arena);
        arena_reset(&arena);
    }
    client_close(client);
    arena_done(&arena);
    free(line);
    return 0;
}
