/* server_connection.c - what happens to a connection: its phases, from accept to close.
 *
 *   FRESH -> HEADERS -> BODY -> WORK -> WRITE -> IDLE -> HEADERS ...
 *
 * WRITE is passed through unless the client is slow to read. After an answer that is the last
 * one (a refusal of ours, Connection: close, stopping) comes LINGER instead of IDLE: our side
 * is shut down and what the client still sends is dropped, because closing a socket with unread
 * input makes the kernel send a reset, which can destroy the answer before the client reads it.
 *
 * One answer is pending at a time. What comes meanwhile is kept, at most one read of it. */
#include "net/server_connection.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/secret.h"
#include "net/http_answer.h"

/* Headers of an answer are ours; beyond this a handler is broken. */
#define ANSWER_HEAD_MAX ((size_t)64 * 1024)
/* For clients that have no claim on more: those over the cap, and all while stopping. */
#define LINGER_SHORT_MS 500

static void connection_continue(struct connection *connection);

static int64_t phase_limit_ms(const struct connection *connection, enum phase phase)
{
    const struct server_limits *limits = &connection->server->config.limits;
    bool hurried = connection->over_cap || connection->server->stopping;

    switch (phase) {
    case PHASE_FRESH:
    case PHASE_HEADERS:
        return limits->header_ms;
    case PHASE_IDLE:
        return limits->idle_ms;
    case PHASE_BODY:
        return limits->body_ms;
    case PHASE_WRITE:
        return limits->write_ms;
    case PHASE_LINGER:
        return hurried && limits->body_ms > LINGER_SHORT_MS ? LINGER_SHORT_MS : limits->body_ms;
    case PHASE_WORK:
    case PHASE_CLOSED:
        break;
    }
    return -1;
}

static void enter(struct connection *connection, enum phase phase)
{
    int64_t limit_ms = phase_limit_ms(connection, phase);

    connection->phase = phase;
    connection->deadline_ms = limit_ms < 0 ? UINT64_MAX
                                           : uv_now(&connection->server->loop) + (uint64_t)limit_ms;
    deadlines_note(connection->server, connection->deadline_ms);
}

/* The end. */

/* Bodies may hold secrets: what was read is wiped once it is parsed. */
static void drop_rest(struct connection *connection)
{
    if (connection->rest != NULL)
        secret_wipe(connection->rest, connection->rest_len);
    mem_free(connection->rest);
    connection->rest = NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    struct server *server = connection->server;

    assert(connection->unsent == NULL && connection->request == NULL);
    link_remove(&connection->in_server);
    link_remove(&connection->in_bucket);
    drop_rest(connection);
    mem_free(connection);
    server->counts.connections_open--;
    server_check_stopped(server);
}

static void let_go_of_request(struct connection *connection)
{
    struct server_request *request = connection->request;

    connection->request = NULL;
    if (request == NULL)
        return;
    if (request->in_work)
        request->connection = NULL;
    else
        request_release(request);
}

static void connection_close(struct connection *connection)
{
    if (connection->phase == PHASE_CLOSED)
        return;
    enter(connection, PHASE_CLOSED);
    let_go_of_request(connection);
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

/* For a client that does not read: the kernel drops what it still holds for it. */
static void connection_reset(struct connection *connection)
{
    if (uv_tcp_close_reset(&connection->tcp, on_closed) != 0) {
        connection_close(connection);
        return;
    }
    enter(connection, PHASE_CLOSED);
    let_go_of_request(connection);
}

/* Answers out. */

static void linger(struct connection *connection)
{
    uv_os_fd_t fd = -1;

    if (uv_fileno((uv_handle_t *)&connection->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0 ||
        connection->saw_end)
        connection_close(connection);
    else
        enter(connection, PHASE_LINGER);
}

static void answer_was_sent(struct connection *connection)
{
    /* Stopping may have begun while it was being written. */
    if (connection->close_after || connection->server->stopping)
        linger(connection);
    else
        enter(connection, PHASE_IDLE);
}

static void on_written(uv_write_t *write, int status)
{
    struct connection *connection = write->data;

    mem_free(connection->unsent);
    connection->unsent = NULL;
    if (connection->phase == PHASE_CLOSED)
        return;
    if (status < 0) {
        connection_close(connection);
        return;
    }
    answer_was_sent(connection);
    connection_continue(connection);
}

/* Keeps what the socket did not take. */
static void send_rest(struct connection *connection, struct str head, struct str body, size_t sent)
{
    size_t head_sent = sent < head.len ? sent : head.len;
    struct str head_rest = str_slice(head, head_sent, head.len);
    struct str body_rest = str_slice(body, sent - head_sent, body.len);
    uv_buf_t buf = uv_buf_init(NULL, (unsigned)(head_rest.len + body_rest.len));

    buf.base = connection->unsent = mem_alloc(buf.len);
    if (head_rest.len > 0)
        memcpy(buf.base, head_rest.ptr, head_rest.len);
    if (body_rest.len > 0)
        memcpy(buf.base + head_rest.len, body_rest.ptr, body_rest.len);
    connection->write.data = connection;
    enter(connection, PHASE_WRITE);
    if (uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &buf, 1, on_written) != 0) {
        mem_free(connection->unsent);
        connection->unsent = NULL;
        connection_close(connection);
    }
}

static void send_answer(struct connection *connection, struct str head, struct str body)
{
    uv_buf_t bufs[2] = {
        uv_buf_init((char *)(uintptr_t)head.ptr, (unsigned)head.len),
        uv_buf_init((char *)(uintptr_t)body.ptr, (unsigned)body.len),
    };
    int sent = uv_try_write((uv_stream_t *)&connection->tcp, bufs, body.len > 0 ? 2 : 1);

    if (sent == UV_EAGAIN)
        sent = 0;
    if (sent < 0)
        connection_close(connection);
    else if ((size_t)sent == head.len + body.len)
        answer_was_sent(connection);
    else
        send_rest(connection, head, body, (size_t)sent);
}

/* The Date header's text, made once a second. */
static struct str date_now(struct server *server)
{
    int64_t now_ms = outside_now_ms(server->config.outside);

    if (now_ms / 1000 != server->date_second || server->date[0] == '\0') {
        struct buf buf;
        buf_fixed(&buf, server->date, sizeof server->date);
        http_date_write(&buf, now_ms);
        (void)buf_c(&buf);
        server->date_second = now_ms / 1000;
    }
    return str_of(server->date);
}

void connection_answer(struct connection *connection, const struct server_answer *answer)
{
    struct server *server = connection->server;
    struct server_request *request = connection->request;
    enum http_persistence persistence = HTTP_STAYS_OPEN;
    struct str body = answer->body;
    struct buf head;

    assert(request != NULL);
    if (answer->close || server_is_stopping(server))
        connection->close_after = true;
    if (connection->close_after)
        persistence = HTTP_CLOSES;
    else if (request->parse.version_1_0)
        persistence = HTTP_STAYS_OPEN_1_0;
    if (str_equal(request->parse.method, STR("HEAD")) || !http_status_has_body(answer->status))
        body = (struct str){ 0 };

    buf_init(&head, &request->arena, ANSWER_HEAD_MAX);
    http_answer_write_head(&head, answer, date_now(server), persistence);
    assert(buf_ok(&head));

    connection->request = NULL;
    send_answer(connection, buf_str(&head), body);
    request_release(request);
    connection_continue(connection);
}

void connection_drop(struct connection *connection, struct str bytes)
{
    struct server_request *request = connection->request;

    assert(request != NULL);
    connection->request = NULL;
    connection->close_after = true;
    if (str_is_empty(bytes))
        connection_close(connection);
    else
        send_answer(connection, bytes, (struct str){ 0 });
    request_release(request);
    connection_continue(connection);
}

static void refuse(struct connection *connection, enum http_refusal refusal)
{
    struct server *server = connection->server;
    struct http_refusal_text why = http_refusal_text(refusal);
    struct server_answer answer = { 0 };

    server->counts.refusals++;
    server->config.refuse(server->config.self, connection->request, why.err, why.status, why.detail,
                          &answer);
    connection->close_after = true;
    connection_answer(connection, &answer);
}

/* Bytes in. */

static size_t ask_body_limit(void *self)
{
    struct server_request *request = self;
    const struct server_config *config = &request->server->config;

    return config->body_limit == NULL ? config->limits.body_bytes
                                      : config->body_limit(config->self, request);
}

static void begin_request(struct connection *connection)
{
    struct server *server = connection->server;
    struct server_request *request = request_take(server);

    request->connection = connection;
    request->listener = connection->listener;
    request->started_us = outside_monotonic_us(server->config.outside);
    memcpy(request->peer, connection->peer.text, sizeof request->peer);
    http_parse_start(&request->parse, &server->http_limits, &request->arena, ask_body_limit,
                     request);
    connection->request = request;
    enter(connection, PHASE_HEADERS);
}

/* The client waits with the body until it is told to go on. Saying so is never required (it
 * sends anyway after a while), so a full socket is no reason to wait; half of it would be. */
static void send_continue(struct connection *connection)
{
    static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    uv_buf_t buf = uv_buf_init(text, sizeof text - 1);
    int sent = uv_try_write((uv_stream_t *)&connection->tcp, &buf, 1);

    if (sent != UV_EAGAIN && sent != (int)buf.len)
        connection_close(connection);
}

static void hand_over(struct connection *connection)
{
    struct server *server = connection->server;
    struct server_request *request = connection->request;

    if (server->stopping) {
        refuse(connection, HTTP_REFUSAL_STOPPING);
        return;
    }
    connection->close_after = !request->parse.keep_alive;
    request->in_work = true;
    server->counts.requests++;
    server->counts.requests_open++;
    enter(connection, PHASE_WORK);
    server->config.handle(server->config.self, request);
}

static bool reads(const struct connection *connection)
{
    return connection->phase <= PHASE_BODY;
}

/* Gives the parser bytes, one request at most. */
static size_t feed(struct connection *connection, const char *bytes, size_t len)
{
    size_t taken = 0;

    if (connection->request == NULL)
        begin_request(connection);

    struct http_parse *parse = &connection->request->parse;
    switch (http_parse_feed(parse, bytes, len, &taken)) {
    case HTTP_PROGRESS_DONE:
        hand_over(connection);
        break;
    case HTTP_PROGRESS_REFUSED:
        refuse(connection, parse->refusal);
        break;
    case HTTP_PROGRESS_MORE:
        if (parse->headers_done && connection->phase == PHASE_HEADERS)
            enter(connection, PHASE_BODY);
        if (parse->wants_continue && parse->headers_done) {
            parse->wants_continue = false;
            send_continue(connection);
        }
        break;
    }
    return taken;
}

/* Handlers that answer at once are called from here, so `connection_answer` must not come
 * here again for the next request: many requests in one read would be as many stack frames. */
static size_t consume(struct connection *connection, const char *bytes, size_t len)
{
    size_t used = 0;

    connection->consuming = true;
    while (used < len && reads(connection))
        used += feed(connection, bytes + used, len - used);
    connection->consuming = false;
    if (connection->phase == PHASE_LINGER) {
        connection->dropped_bytes += len - used;
        if (connection->dropped_bytes > connection->server->config.limits.drain_bytes)
            connection_close(connection);
    }
    return connection->phase >= PHASE_LINGER ? len : used;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct connection *connection = handle->data;

    (void)suggested;
    *buf = uv_buf_init(connection->server->input, sizeof connection->server->input);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct connection *connection = stream->data;

    if (count == 0)
        return;
    if (count < 0) {
        connection->saw_end = true;
        /* A client may shut its side down and wait for the answer. */
        bool waits = connection->phase == PHASE_WORK || connection->phase == PHASE_WRITE;
        if (count != UV_EOF || !waits)
            connection_close(connection);
        return;
    }

    size_t len = (size_t)count;
    size_t used = consume(connection, buf->base, len);
    if (used < len) {
        assert(connection->rest == NULL);
        uv_read_stop(stream);
        connection->rest_len = len - used;
        connection->rest_used = 0;
        connection->rest = mem_alloc(connection->rest_len);
        memcpy(connection->rest, buf->base + used, connection->rest_len);
    }
    secret_wipe(buf->base, len);
}

/* After an answer: goes on with what had come meanwhile. */
static void connection_continue(struct connection *connection)
{
    if (connection->consuming)
        return;
    if (connection->rest != NULL) {
        connection->rest_used += consume(connection, connection->rest + connection->rest_used,
                                         connection->rest_len - connection->rest_used);
        if (connection->rest_used < connection->rest_len)
            return;
        drop_rest(connection);
        if (connection->phase != PHASE_CLOSED)
            uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
    }
    if (connection->saw_end && reads(connection))
        connection_close(connection);
}

/* From outside of this file. */

unsigned connections_from(const struct server *server, const struct connection_peer *peer)
{
    const struct link *bucket = &server->buckets[peer->bucket];
    unsigned count = 0;

    for (struct link *link = bucket->next; link != bucket; link = link->next) {
        const struct connection *connection = LINK_OWNER(link, struct connection, in_bucket);
        if (memcmp(connection->peer.address, peer->address, sizeof peer->address) == 0)
            count++;
    }
    return count;
}

void connection_open(struct server *server, int fd, const struct connection_peer *peer,
                     int listener, enum http_refusal refusal)
{
    struct connection *connection = mem_alloc(sizeof *connection);

    connection->server = server;
    connection->listener = listener;
    connection->peer = *peer;
    connection->over_cap = refusal != HTTP_REFUSAL_NONE;
    link_append(&server->connections, &connection->in_server);
    link_append(&server->buckets[peer->bucket], &connection->in_bucket);
    server->counts.connections_open++;
    uv_tcp_init(&server->loop, &connection->tcp);
    connection->tcp.data = connection;
    enter(connection, PHASE_FRESH);

    uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
    if (uv_tcp_open(&connection->tcp, fd) != 0) {
        close(fd);
        connection_close(connection);
        return;
    }
    /* An answer is one write: there is nothing to wait for. */
    uv_tcp_nodelay(&connection->tcp, 1);
    if (uv_read_start(stream, on_alloc, on_read) != 0) {
        connection_close(connection);
    } else if (refusal != HTTP_REFUSAL_NONE) {
        begin_request(connection);
        refuse(connection, refusal);
    }
}

/* Nothing came, or only the empty line that some clients send after a body: that client does
 * not expect an answer, and one could be taken for the answer to its next request. */
static bool has_begun(const struct connection *connection)
{
    return (connection->phase == PHASE_HEADERS || connection->phase == PHASE_BODY) &&
           http_parse_started(&connection->request->parse);
}

void connection_expire(struct connection *connection)
{
    if (connection->phase == PHASE_WRITE)
        connection_reset(connection);
    else if (has_begun(connection))
        refuse(connection, HTTP_REFUSAL_LATE);
    else
        connection_close(connection);
}

static void connection_stop(struct connection *connection)
{
    if (has_begun(connection))
        refuse(connection, HTTP_REFUSAL_STOPPING);
    else if (reads(connection))
        connection_close(connection);
    else if (connection->phase == PHASE_LINGER)
        enter(connection, PHASE_LINGER); /* for less time */
}

static void each_connection(struct server *server, void (*f)(struct connection *connection))
{
    /* Closing one does not take it out of the list before the loop turns. */
    for (struct link *link = server->connections.next; link != &server->connections;
         link = link->next)
        f(LINK_OWNER(link, struct connection, in_server));
}

void connections_stop(struct server *server)
{
    each_connection(server, connection_stop);
}

void connections_close(struct server *server)
{
    each_connection(server, connection_close);
}
