/* client_wire.c - libcurl, and what must be known of it so that no call is made twice.
 *
 * - The proof that nothing was sent: CURLOPT_PREREQFUNCTION is called when the connection,
 *   proxy and TLS included, stands and before the first byte of a request, of every request:
 *   also of one that libcurl repeats. CURLINFO_PRETRANSFER_TIME is no such proof: it is set when
 *   the request is written already.
 * - libcurl repeats a request, POST too, when a kept connection dies before the reply begins, and
 *   when a host refuses an HTTP/2 stream. Calls that move money therefore get a connection of
 *   their own, and the same function refuses a second request.
 * - CURLOPT_CAPATH must be NULL: with Debian's default every new TLS connection reads all the
 *   certificates again, 16 ms of processor time each.
 * - Work per event grows with the hosts that a multi handle knows, so they are spread over some.
 *   Nothing is multiplexed: a connection that dies concerns one call.
 * - CURLOPT_QUICK_EXIT: without it, giving up a call waits for its name lookup to end. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/secret.h"
#include "net/client_parts.h"
#include "net/guard.h"

#define SHARDS 16
#define KEPT_CONNECTIONS 64            /* of a shard, for calls that may use an old one */

struct wire_shard {
    struct client *client;
    CURLM *multi;
    int64_t due_us;
    unsigned number;
};

struct wires {
    struct wire_shard shards[SHARDS];
    CURLSH *sessions;                  /* of TLS: half the work of a new connection */
};

#define SET(easy, option, value)                                                                  \
    do {                                                                                          \
        CURLcode set_ = curl_easy_setopt((easy), CURLOPT_##option, (value));                      \
        assert(set_ == CURLE_OK);                                                                 \
        (void)set_;                                                                               \
    } while (0)

/* Memory. All that libcurl frees is overwritten: URLs, header lists and send buffers of it hold
 * secrets, and nobody else knows where. */

struct block {
    size_t size;
    _Alignas(max_align_t) unsigned char bytes[];
};

static struct block *block_of(void *bytes)
{
    return (struct block *)(void *)((unsigned char *)bytes - offsetof(struct block, bytes));
}

static void *wire_alloc(size_t size)
{
    struct block *block = mem_alloc(sizeof *block + size);

    block->size = size;
    return block->bytes;
}

static void wire_free(void *bytes)
{
    if (bytes == NULL)
        return;
    struct block *block = block_of(bytes);
    secret_wipe(block->bytes, block->size);
    mem_free(block);
}

static void *wire_realloc(void *bytes, size_t size)
{
    void *moved = wire_alloc(size);

    if (bytes != NULL) {
        size_t held = block_of(bytes)->size;
        memcpy(moved, bytes, held < size ? held : size);
        wire_free(bytes);
    }
    return moved;
}

static char *wire_strdup(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(wire_alloc(size), text, size);
}

static void *wire_calloc(size_t count, size_t size)
{
    size_t total = 0;

    return __builtin_mul_overflow(count, size, &total) ? NULL : wire_alloc(total);
}

static void start_curl(void)
{
    /* libcurl writes the keys of all its TLS connections to the file named there. */
    unsetenv("SSLKEYLOGFILE");
    CURLcode code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, wire_alloc, wire_free, wire_realloc,
                                         wire_strdup, wire_calloc);
    assert(code == CURLE_OK);
    (void)code;
}

/* What libcurl calls while a call is under way. `self` is the flight. */

static size_t hear_body(char *bytes, size_t size, size_t count, void *self)
{
    struct flight *flight = self;

    buf_add_bytes(&flight->body, bytes, size * count);
    if (!buf_ok(&flight->body))
        flight->refused = CLIENT_REASON_TOO_LARGE;
    return buf_ok(&flight->body) ? size * count : 0;
}

/* Without the CR and LF at its end. */
static struct str line_of(const char *bytes, size_t len)
{
    while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
        len--;
    return str_make(bytes, len);
}

/* A line of the header, with its end. A status line begins it anew: what came before was 1xx.
 * The empty line is waited for, because libcurl is content with a status line and nothing more. */
static size_t hear_header(char *bytes, size_t size, size_t count, void *self)
{
    struct flight *flight = self;
    struct str line = line_of(bytes, size * count);

    flight->header_bytes += size * count;
    if (flight->header_bytes > flight->client->config.reply_bytes ||
        flight->field_count == CLIENT_FIELDS_MAX) {
        flight->refused = CLIENT_REASON_TOO_LARGE;
        return 0;
    }
    bool begins = str_starts_with(line, STR("HTTP/"));
    if (begins)
        flight->field_count = 0;
    flight->header_is_whole = str_is_empty(line) || (flight->header_is_whole && !begins);
    size_t colon = str_find_char(line, ':', 0);
    if (colon < line.len && !begins && line.ptr[0] != ' ' && line.ptr[0] != '\t')
        flight->fields[flight->field_count++] = (struct client_field){
            .name = str_copy(&flight->arena, str_slice(line, 0, colon)),
            .value = str_copy(&flight->arena, str_trim(str_slice(line, colon + 1, line.len))),
        };
    return size * count;
}

/* The last moment before a request leaves us. */
static int before_request(void *self, char *remote_ip, char *local_ip, int remote_port,
                          int local_port)
{
    struct flight *flight = self;
    const struct client_call *call = flight->call;

    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    /* A kept connection was opened for another call, which perhaps was not guarded. */
    if (call->guarded && guard_refuses_text(remote_ip) != NULL)
        flight->refused = CLIENT_REASON_ADDRESS;
    else if (call->once && flight->requests > 0)
        flight->refused = CLIENT_REASON_REPEAT;
    else if (call->may_begin != NULL && !call->may_begin(call))
        flight->refused = CLIENT_REASON_WITHDRAWN;
    else
        flight->requests++;
    return flight->refused == CLIENT_REASON_NONE ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static curl_socket_t open_guarded(void *self, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct flight *flight = self;

    if (purpose != CURLSOCKTYPE_IPCXN || guard_refuses(&address->addr) != NULL) {
        /* Another address of the same host may be a public one, and is tried. */
        flight->met_special = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* How it ended. */

static enum client_reason reason_of(const struct flight *flight, CURLcode code)
{
    bool began = flight->requests > 0;

    if (flight->refused != CLIENT_REASON_NONE)
        return flight->refused;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return CLIENT_REASON_NAME;
    case CURLE_COULDNT_CONNECT:
        return flight->met_special ? CLIENT_REASON_ADDRESS : CLIENT_REASON_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return CLIENT_REASON_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return CLIENT_REASON_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        return CLIENT_REASON_TLS;
    case CURLE_SSL_CACERT_BADFILE:
        return CLIENT_REASON_TRUST;
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED:
        return CLIENT_REASON_MALFORMED;
    case CURLE_UNSUPPORTED_PROTOCOL:
        return began ? CLIENT_REASON_NOT_HTTP : CLIENT_REASON_MALFORMED;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
        return CLIENT_REASON_NOT_HTTP;
    default:
        return began ? CLIENT_REASON_BROKEN : CLIENT_REASON_CONNECT;
    }
}

static void ended(struct flight *flight, CURLcode code)
{
    long status = 0;

    curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &status);
    if (flight->refused == CLIENT_REASON_REPEAT)
        flight->host->http1 = true;
    if (code == CURLE_OK && !(flight->header_is_whole && status >= 200))
        code = CURLE_RECV_ERROR;
    flight_end(flight, code == CURLE_OK ? CLIENT_REASON_NONE : reason_of(flight, code));
}

static void collect(struct wire_shard *shard)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(shard->multi, &left)) != NULL) {
        struct flight *flight = NULL;

        assert(message->msg == CURLMSG_DONE);
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &flight);
        ended(flight, message->data.result);
    }
}

/* Sockets and timers of a shard, as libcurl wants them watched. */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *known)
{
    struct wire_shard *shard = self;
    struct epoll_event event = {
        .events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u),
        .data.u64 = (uint64_t)shard->number << 32 | (uint32_t)fd,
    };

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(shard->client->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    epoll_ctl(shard->client->epoll_fd, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    if (known == NULL)
        curl_multi_assign(shard->multi, fd, shard);
    return 0;
}

static int set_timer(CURLM *multi, long after_ms, void *self)
{
    struct wire_shard *shard = self;

    (void)multi;
    shard->due_us = after_ms < 0 ? 0
                                 : outside_monotonic_us(shard->client->config.outside)
                                       + after_ms * 1000;
    return 0;
}

static void act(struct wire_shard *shard, curl_socket_t fd, int what)
{
    int running;

    CURLMcode code = curl_multi_socket_action(shard->multi, fd, what, &running);
    assert(code == CURLM_OK);
    (void)code;
    collect(shard);
}

void wires_event(struct client *client, uint64_t tag, uint32_t events)
{
    int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

    act(&client->wires->shards[tag >> 32], (curl_socket_t)(tag & UINT32_MAX), what);
}

void wires_timers(struct client *client, int64_t now_us)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        struct wire_shard *shard = &client->wires->shards[i];
        if (shard->due_us == 0 || shard->due_us > now_us)
            continue;
        shard->due_us = 0;
        act(shard, CURL_SOCKET_TIMEOUT, 0);
    }
}

int64_t wires_due_us(const struct client *client)
{
    int64_t due_us = 0;

    for (unsigned i = 0; i < SHARDS; i++) {
        int64_t of_shard_us = client->wires->shards[i].due_us;
        if (of_shard_us != 0 && (due_us == 0 || of_shard_us < due_us))
            due_us = of_shard_us;
    }
    return due_us;
}

/* A call's handle. */

/* The list copies the line; the arena with ours is wiped at the end. */
static void add_line(struct flight *flight, const char *line)
{
    struct curl_slist *longer = curl_slist_append(flight->header_list, line);

    assert(longer != NULL);
    flight->header_list = longer;
}

static void add_fields(struct flight *flight)
{
    const struct client_call *call = flight->call;

    for (size_t i = 0; i < call->field_count; i++) {
        struct str name = call->fields[i].name, value = str_trim(call->fields[i].value);
        struct buf line;
        buf_init(&line, &flight->arena, name.len + value.len + 3);
        buf_add(&line, name);
        /* So libcurl wants to be told of a header without a value. */
        buf_add_c(&line, value.len > 0 ? ": " : ";");
        buf_add(&line, value);
        add_line(flight, buf_c(&line));
    }
}

/* Headers that libcurl would put by itself, or that the caller left to us. */
static void add_defaults(struct flight *flight)
{
    static const struct {
        struct str name;
        const char *line;
    } defaults[] = {
        { STR_INIT("Accept-Encoding"), "Accept-Encoding: identity" },
        { STR_INIT("User-Agent"), "User-Agent: purser/" PURSER_VERSION },
        { STR_INIT("Accept"), "Accept:" },
        { STR_INIT("Content-Type"), "Content-Type:" },
        /* Waiting for a 100 costs a second where the host knows none. */
        { STR_INIT("Expect"), "Expect:" },
    };

    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (!client_call_has_field(flight->call, defaults[i].name))
            add_line(flight, defaults[i].line);
}

static void set_request(struct flight *flight)
{
    const struct client_call *call = flight->call;
    CURL *easy = flight->easy;

    SET(easy, URL, str_c(&flight->arena, call->url));
    SET(easy, PATH_AS_IS, 1L);
    SET(easy, HTTPHEADER, flight->header_list);
    if (call->body.len > 0 || strcmp(call->method, "GET") != 0) {
        SET(easy, POST, 1L);
        SET(easy, POSTFIELDS, call->body.len > 0 ? call->body.ptr : "");
        SET(easy, POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    }
    SET(easy, CUSTOMREQUEST, call->method);
    SET(easy, HTTP_VERSION, flight->host->http1 ? (long)CURL_HTTP_VERSION_1_1
                                                : (long)CURL_HTTP_VERSION_2TLS);
}

static void set_connection(struct flight *flight)
{
    const struct client_config *config = &flight->client->config;
    const struct client_call *call = flight->call;
    CURL *easy = flight->easy;

    SET(easy, CONNECTTIMEOUT_MS, (long)config->connect_ms);
    SET(easy, QUICK_EXIT, 1L);
    SET(easy, NOSIGNAL, 1L);
    SET(easy, PROTOCOLS_STR, call->plain ? "http,https" : "https");
    SET(easy, FOLLOWLOCATION, 0L);
    SET(easy, DISALLOW_USERNAME_IN_URL, 1L);
    if (str_is_empty(config->proxy) || call->guarded) {
        SET(easy, PROXY, "");
        SET(easy, NOPROXY, "*");
    } else {
        SET(easy, PROXY, config->proxy.ptr);
        SET(easy, NOPROXY, "");
        SET(easy, SUPPRESS_CONNECT_HEADERS, 1L);
    }
    SET(easy, SSL_VERIFYPEER, 1L);
    SET(easy, SSL_VERIFYHOST, 2L);
    SET(easy, SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(easy, CAPATH, NULL);
    if (!str_is_empty(config->ca_file))
        SET(easy, CAINFO, config->ca_file.ptr);
    SET(easy, SHARE, flight->client->wires->sessions);
    if (call->once) {
        SET(easy, FRESH_CONNECT, 1L);
        SET(easy, FORBID_REUSE, 1L);
    }
}

static void set_callbacks(struct flight *flight)
{
    CURL *easy = flight->easy;

    SET(easy, PRIVATE, flight);
    SET(easy, WRITEFUNCTION, hear_body);
    SET(easy, WRITEDATA, flight);
    SET(easy, HEADERFUNCTION, hear_header);
    SET(easy, HEADERDATA, flight);
    SET(easy, PREREQFUNCTION, before_request);
    SET(easy, PREREQDATA, flight);
    if (flight->call->guarded) {
        SET(easy, OPENSOCKETFUNCTION, open_guarded);
        SET(easy, OPENSOCKETDATA, flight);
    }
}

void wire_start(struct flight *flight)
{
    struct client *client = flight->client;

    flight->fields = ARENA_ARRAY(&flight->arena, struct client_field, CLIENT_FIELDS_MAX);
    buf_init(&flight->body, &flight->arena, client->config.reply_bytes);
    add_fields(flight);
    add_defaults(flight);
    flight->easy = curl_easy_init();
    assert(flight->easy != NULL);
    set_request(flight);
    set_connection(flight);
    set_callbacks(flight);
    flight->shard = &client->wires->shards[names_hash(flight->host->named.name) % SHARDS];
    client->on_wire++;
    atomic_fetch_add(&client->tally.calls_on_wire, 1);
    CURLMcode code = curl_multi_add_handle(flight->shard->multi, flight->easy);
    assert(code == CURLM_OK);
    (void)code;
}

static int64_t span_us(curl_off_t from, curl_off_t to)
{
    return from > 0 && to > from ? (int64_t)(to - from) : 0;
}

void wire_note(struct flight *flight)
{
    struct client_call *call = flight->call;
    CURL *easy = flight->easy;
    curl_off_t dns = 0, connect = 0, tls = 0, ready = 0, first = 0, total = 0;
    long status = 0, port = 0;
    char *address = NULL;
    struct buf peer;

    if (easy == NULL)
        return;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &dns);
    curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connect);
    curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &tls);
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
    curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
    curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &total);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &port);
    flight->status = (int)status;
    call->times = (struct client_times){ dns, span_us(dns, connect), span_us(connect, tls),
                                         span_us(ready, first), total };
    buf_fixed(&peer, call->peer, sizeof call->peer);
    if (address != NULL && address[0] != '\0')
        buf_addf(&peer, strchr(address, ':') != NULL ? "[%s]:%ld" : "%s:%ld", address, port);
    (void)buf_c(&peer);
}

void wire_stop(struct flight *flight)
{
    struct client *client = flight->client;

    if (flight->easy != NULL) {
        curl_multi_remove_handle(flight->shard->multi, flight->easy);
        curl_easy_cleanup(flight->easy);
        client->on_wire--;
        atomic_fetch_sub(&client->tally.calls_on_wire, 1);
    }
    curl_slist_free_all(flight->header_list);
    flight->easy = NULL;
    flight->header_list = NULL;
}

/* Life. */

static void open_shard(struct client *client, unsigned number)
{
    struct wire_shard *shard = &client->wires->shards[number];

    shard->client = client;
    shard->number = number;
    shard->multi = curl_multi_init();
    assert(shard->multi != NULL);
    curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard);
    curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard);
    curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    curl_multi_setopt(shard->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
}

enum err wires_open(struct client *client, struct arena *arena, struct str *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct str ca_file = client->config.ca_file;

    if (!str_is_empty(ca_file) && access(ca_file.ptr, R_OK) != 0) {
        *why = str_format(arena, "The file of certificates %.*s cannot be read.", STR_ARG(ca_file));
        return ERR_IO;
    }
    pthread_once(&once, start_curl);
    client->wires = ARENA_NEW(&client->arena, struct wires);
    client->wires->sessions = curl_share_init();
    assert(client->wires->sessions != NULL);
    curl_share_setopt(client->wires->sessions, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    for (unsigned i = 0; i < SHARDS; i++)
        open_shard(client, i);
    return OK;
}

void wires_close(struct client *client)
{
    if (client->wires == NULL)
        return;
    for (unsigned i = 0; i < SHARDS; i++)
        curl_multi_cleanup(client->wires->shards[i].multi);
    curl_share_cleanup(client->wires->sessions);
    client->wires = NULL;
}
