/* api_fixture_server.c - net/server.h without a network: what the API calls. */
#include "api_fixture_server.h"

#include "store_fixture.h"

struct server *server_of(const struct server_request *request)
{
    return request->server;
}

enum http_method server_request_method(const struct server_request *request)
{
    return request->method;
}

struct str server_request_path(const struct server_request *request)
{
    return request->path;
}

struct str server_request_query(const struct server_request *request)
{
    return request->query;
}

struct str server_request_header(const struct server_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (str_equal_nocase(request->headers[i].name, str_of(name)))
            return request->headers[i].value;
    return (struct str){ 0 };
}

struct http_header server_request_header_at(const struct server_request *request, size_t place)
{
    return place < request->header_count ? request->headers[place] : (struct http_header){ 0 };
}

struct str server_request_body(const struct server_request *request)
{
    return request->body;
}

struct str server_request_peer(const struct server_request *request)
{
    return request->peer;
}

int server_request_listener(const struct server_request *request)
{
    (void)request;
    return 0;
}

struct arena *server_request_arena(struct server_request *request)
{
    return &request->arena;
}

int64_t server_request_started_us(const struct server_request *request)
{
    return request->started_us;
}

bool server_is_stopping(const struct server *server)
{
    return server->stopping;
}

struct server_counts server_counts(const struct server *server)
{
    return (struct server_counts){ .requests = server->post_count };
}

void server_on_rest(struct server *server, void (*f)(void *arg), void *arg)
{
    server->rest = (struct post){ f, arg };
}

void server_post(struct server *server, void (*f)(void *arg), void *arg)
{
    assert_true(server->post_count < API_QUEUE);
    server->posts[server->post_count++] = (struct post){ f, arg };
}

void server_timer_start(struct server *server, struct server_timer *timer, int64_t after_ms,
                        void (*f)(void *arg), void *arg)
{
    int64_t now_us = outside_monotonic_us(server->outside);

    assert_true(server->timer_count < API_QUEUE);
    timer->f = f;
    timer->arg = arg;
    timer->hidden = server;
    server->timers[server->timer_count++] = (struct timer){ timer, now_us + after_ms * 1000 };
}

void server_timer_cancel(struct server_timer *timer)
{
    struct server *server = timer->hidden;

    for (size_t i = 0; server && i < server->timer_count; i++)
        if (server->timers[i].timer == timer)
            server->timers[i] = server->timers[--server->timer_count];
}

/* The request's memory ends here, as with the real one: under a sanitizer whoever touches it
 * later is found. */
void server_answer(struct server_request *request, const struct server_answer *answer)
{
    struct answer *to = request->answer;

    assert_int_equal(to->status, 0);
    request->server->open--;
    assert_true(answer->status >= 200);
    to->status = answer->status;
    to->content_type = str_copy(to->arena, answer->content_type);
    to->body = str_copy(to->arena, answer->body);
    to->request_body = str_copy(to->arena, request->body);
    for (size_t i = 0; i < answer->header_count; i++)
        to->headers[to->header_count++] = (struct http_header){
            str_copy(to->arena, answer->headers[i].name),
            str_copy(to->arena, answer->headers[i].value),
        };
    arena_done(&request->arena);
    mem_free(request);
}
