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

#define HANDLES_KEPT 256               /* of a shard */
#define BUFFER_BYTES 4096              /* libcurl makes and wipes one for each call */
#define FIELDS_FIRST 16

/* An easy handle, and for which calls its options are. */
struct handle {
    struct handle *next;               /* among the kept ones */
    CURL *easy;
    bool plain, guarded;
};

struct wire_shard {
    struct client *client;
    CURLM *multi;
    int64_t due_us;
    unsigned number;
    struct handle *kept;
    unsigned kept_count;
};

struct wires {
    struct wire_shard shards[CLIENT_SHARDS];
    CURLSH *sessions;                  /* of TLS: half the work of a new connection */
};

#define SET(easy, option, value)                                                                  \
    do {                                                                                          \
        CURLcode set_ = curl_easy_setopt((easy), CURLOPT_##option, (value));                      \
        assert(set_ == CURLE_OK);                                                                 \
        (void)set_;                                                                               \
    } while (0)

static void start_curl(void)
{
    /* libcurl writes the keys of all its TLS connections to the file named there. */
    unsetenv("SSLKEYLOGFILE");
    CURLcode code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, wire_alloc, wire_free, wire_realloc,
                                         wire_strdup, wire_calloc);
    assert(code == CURLE_OK);
    (void)code;
}

/* Of the last status line that came; 0: none did. */
static int status_of(const struct flight *flight)
{
    long status = 0;

    curl_easy_getinfo(flight->handle->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
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

static struct client_field *next_field(struct flight *flight)
{
    if (flight->field_count == flight->field_cap) {
        size_t held = flight->field_cap * sizeof(struct client_field);
        flight->field_cap = flight->field_cap == 0 ? FIELDS_FIRST : CLIENT_FIELDS_MAX;
        flight->fields = arena_grow(&flight->arena, flight->fields, held,
                                    flight->field_cap * sizeof(struct client_field));
    }
    return &flight->fields[flight->field_count++];
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
    if (str_is_empty(line))
        flight_head_came(flight, status_of(flight));
    size_t colon = str_find_char(line, ':', 0);
    if (colon < line.len && !begins && line.ptr[0] != ' ' && line.ptr[0] != '\t')
        *next_field(flight) = (struct client_field){
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
    (void)remote_port, (void)local_port;
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
    if (flight->refused == CLIENT_REASON_REPEAT)
        flight->host->http1 = true;
    if (code == CURLE_OK && !(flight->header_is_whole && status_of(flight) >= 200))
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
    for (unsigned i = 0; i < CLIENT_SHARDS; i++) {
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

    for (unsigned i = 0; i < CLIENT_SHARDS; i++) {
        int64_t of_shard_us = client->wires->shards[i].due_us;
        if (of_shard_us != 0 && (due_us == 0 || of_shard_us < due_us))
            due_us = of_shard_us;
    }
    return due_us;
}

/* A call's handle. */

/* libcurl reads the list while the call lasts, and keeps none; the order does not matter. */
static void add_line(struct flight *flight, char *line)
{
    struct curl_slist *longer = ARENA_NEW(&flight->arena, struct curl_slist);

    longer->data = line;
    longer->next = flight->header_list;
    flight->header_list = longer;
}

static void add_fields(struct flight *flight)
{
    const struct client_call *call = flight->call;

    for (size_t i = call->field_count; i > 0; i--) {
        struct str name = call->fields[i - 1].name, value = str_trim(call->fields[i - 1].value);
        char *line = arena_alloc(&flight->arena, name.len + value.len + 3);
        struct buf text;
        buf_fixed(&text, line, name.len + value.len + 3);
        buf_add(&text, name);
        /* So libcurl wants to be told of a header without a value. */
        buf_add_c(&text, value.len > 0 ? ": " : ";");
        buf_add(&text, value);
        (void)buf_c(&text);
        add_line(flight, line);
    }
}

/* Headers that libcurl would put by itself, or that the caller left to us. */
static void add_defaults(struct flight *flight)
{
    static struct {
        struct str name;
        char line[40];
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
    CURL *easy = flight->handle->easy;

    SET(easy, URL, str_c(&flight->arena, call->url));
    SET(easy, HTTPHEADER, flight->header_list);
    if (call->body.len > 0 || strcmp(call->method, "GET") != 0) {
        SET(easy, POST, 1L);
        SET(easy, POSTFIELDS, call->body.len > 0 ? call->body.ptr : "");
        SET(easy, POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    }
    SET(easy, HTTP_VERSION, flight->host->http1 ? (long)CURL_HTTP_VERSION_1_1
                                                : (long)CURL_HTTP_VERSION_2TLS);
    SET(easy, PRIVATE, flight);
    SET(easy, WRITEDATA, flight);
    SET(easy, HEADERDATA, flight);
    SET(easy, PREREQDATA, flight);
    SET(easy, OPENSOCKETDATA, flight);
}

static void set_connection(struct flight *flight)
{
    const struct client_config *config = &flight->client->config;
    const struct client_call *call = flight->call;
    CURL *easy = flight->handle->easy;

    SET(easy, CUSTOMREQUEST, call->method);
    SET(easy, PATH_AS_IS, 1L);
    SET(easy, CONNECTTIMEOUT_MS, (long)config->connect_ms);
    SET(easy, QUICK_EXIT, 1L);
    SET(easy, BUFFERSIZE, (long)BUFFER_BYTES);
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
    SET(easy, CA_CACHE_TIMEOUT, (long)config->trust_s);
    if (!str_is_empty(config->ca_file))
        SET(easy, CAINFO, config->ca_file.ptr);
    SET(easy, SHARE, flight->client->wires->sessions);
    if (call->once) {
        SET(easy, FRESH_CONNECT, 1L);
        SET(easy, FORBID_REUSE, 1L);
    }
}

static void set_callbacks(const struct flight *flight)
{
    CURL *easy = flight->handle->easy;

    SET(easy, WRITEFUNCTION, hear_body);
    SET(easy, HEADERFUNCTION, hear_header);
    SET(easy, PREREQFUNCTION, before_request);
    if (flight->call->guarded)
        SET(easy, OPENSOCKETFUNCTION, open_guarded);
}

/* Handles. Making one with all its options is a quarter of a call over a kept connection. */

static bool may_be_kept(const struct flight *flight)
{
    const struct client_call *call = flight->call;

    return flight->client->config.keeps_handles && !call->once && strcmp(call->method, "POST") == 0;
}

static struct handle *kept_handle(struct flight *flight)
{
    const struct client_call *call = flight->call;
    struct handle **at = &flight->shard->kept;

    while (*at != NULL && ((*at)->plain != call->plain || (*at)->guarded != call->guarded))
        at = &(*at)->next;
    struct handle *handle = *at;
    if (handle == NULL)
        return NULL;
    *at = handle->next;
    flight->shard->kept_count--;
    return handle;
}

static void take_handle(struct flight *flight)
{
    if (may_be_kept(flight) && (flight->handle = kept_handle(flight)) != NULL)
        return;
    flight->handle = mem_alloc(sizeof *flight->handle);
    flight->handle->plain = flight->call->plain;
    flight->handle->guarded = flight->call->guarded;
    flight->handle->easy = curl_easy_init();
    assert(flight->handle->easy != NULL);
    set_connection(flight);
    set_callbacks(flight);
}

static void free_handle(struct handle *handle)
{
    curl_easy_cleanup(handle->easy);
    mem_free(handle);
}

static void give_handle_back(struct flight *flight)
{
    struct handle *handle = flight->handle;
    struct wire_shard *shard = flight->shard;

    curl_multi_remove_handle(shard->multi, handle->easy);
    if (!may_be_kept(flight) || shard->kept_count == HANDLES_KEPT) {
        free_handle(handle);
        return;
    }
    SET(handle->easy, HTTPHEADER, NULL);
    SET(handle->easy, POSTFIELDS, NULL);
    handle->next = shard->kept;
    shard->kept = handle;
    shard->kept_count++;
}

void wire_start(struct flight *flight)
{
    struct client *client = flight->client;

    buf_init(&flight->body, &flight->arena, client->config.reply_bytes);
    add_defaults(flight);
    add_fields(flight);
    flight->shard = &client->wires->shards[names_hash(flight->host->named.name) % CLIENT_SHARDS];
    take_handle(flight);
    set_request(flight);
    client->on_wire++;
    atomic_fetch_add(&client->tally.calls_on_wire, 1);
    CURLMcode code = curl_multi_add_handle(flight->shard->multi, flight->handle->easy);
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
    CURL *easy = flight->handle != NULL ? flight->handle->easy : NULL;
    curl_off_t dns = 0, connect = 0, tls = 0, ready = 0, first = 0;
    long port = 0;
    char *address = NULL;
    struct buf peer;

    if (easy == NULL)
        return;
    curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &dns);
    curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connect);
    curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &tls);
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
    curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &port);
    flight->status = status_of(flight);
    call->times = (struct client_times){ dns, span_us(dns, connect), span_us(connect, tls),
                                         span_us(ready, first), 0 };
    buf_fixed(&peer, call->peer, sizeof call->peer);
    if (address != NULL && address[0] != '\0')
        buf_addf(&peer, strchr(address, ':') != NULL ? "[%s]:%ld" : "%s:%ld", address, port);
    (void)buf_c(&peer);
}

void wire_stop(struct flight *flight)
{
    struct client *client = flight->client;

    if (flight->handle == NULL)
        return;
    give_handle_back(flight);
    client->on_wire--;
    atomic_fetch_sub(&client->tally.calls_on_wire, 1);
    flight->handle = NULL;
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
    curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, (long)client->config.kept);
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
    for (unsigned i = 0; i < CLIENT_SHARDS; i++)
        open_shard(client, i);
    return OK;
}

void wires_close(struct client *client)
{
    if (client->wires == NULL)
        return;
    for (unsigned i = 0; i < CLIENT_SHARDS; i++) {
        struct wire_shard *shard = &client->wires->shards[i];
        for (struct handle *handle; (handle = shard->kept) != NULL; free_handle(handle))
            shard->kept = handle->next;
        curl_multi_cleanup(shard->multi);
    }
    curl_share_cleanup(client->wires->sessions);
    client->wires = NULL;
}
