#include <assert.h>

#include "net/server_parts.h"

/* As many as a busy moment needs; beyond that they are freed when answered. */
#define POOL_MAX 256

struct server_request *request_take(struct server *server)
{
    struct server_request *request = server->free_requests;

    if (request != NULL) {
        server->free_requests = request->next_free;
        request->next_free = NULL;
        server->free_count--;
    } else {
        request = mem_alloc(sizeof *request);
        request->server = server;
        link_append(&server->requests, &request->in_server);
    }
    return request;
}

static void request_free(struct server_request *request)
{
    link_remove(&request->in_server);
    arena_wipe(&request->arena);
    arena_done(&request->arena);
    mem_free(request);
}

void request_release(struct server_request *request)
{
    struct server *server = request->server;

    /* Keys in headers, cards in bodies, and what growing texts left behind of them. */
    arena_wipe(&request->arena);
    if (request->in_work)
        server->counts.requests_open--;
    request->in_work = false;
    request->connection = NULL;
    request->user = NULL;
    if (server->free_count == POOL_MAX) {
        request_free(request);
    } else {
        arena_reset(&request->arena);
        request->parse = (struct http_parse){ 0 };
        request->next_free = server->free_requests;
        server->free_requests = request;
        server->free_count++;
    }
    server_check_stopped(server);
}

void requests_free(struct server *server)
{
    while (server->requests.next != &server->requests)
        request_free(LINK_OWNER(server->requests.next, struct server_request, in_server));
}

struct server *server_of(const struct server_request *request)
{
    return request->server;
}

int server_request_listener(const struct server_request *request)
{
    return request->listener;
}

enum http_method server_request_method(const struct server_request *request)
{
    static const struct {
        struct str name;
        enum http_method method;
    } methods[] = {
        { STR_INIT("GET"), HTTP_GET },         { STR_INIT("HEAD"), HTTP_HEAD },
        { STR_INIT("POST"), HTTP_POST },       { STR_INIT("PUT"), HTTP_PUT },
        { STR_INIT("PATCH"), HTTP_PATCH },     { STR_INIT("DELETE"), HTTP_DELETE },
        { STR_INIT("OPTIONS"), HTTP_OPTIONS },
    };

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (str_equal(request->parse.method, methods[i].name))
            return methods[i].method;
    }
    return HTTP_OTHER;
}

struct str server_request_path(const struct server_request *request)
{
    return request->parse.path;
}

struct str server_request_query(const struct server_request *request)
{
    return request->parse.query;
}

struct str server_request_header(const struct server_request *request, const char *name)
{
    return http_parse_header(&request->parse, name);
}

struct http_header server_request_header_at(const struct server_request *request, size_t place)
{
    if (place >= request->parse.field_count)
        return (struct http_header){ 0 };
    return (struct http_header){ request->parse.fields[place].name,
                                 request->parse.fields[place].value };
}

struct str server_request_body(const struct server_request *request)
{
    return request->parse.body;
}

struct str server_request_peer(const struct server_request *request)
{
    return str_of(request->peer);
}

struct arena *server_request_arena(struct server_request *request)
{
    return &request->arena;
}

int64_t server_request_started_us(const struct server_request *request)
{
    return request->started_us;
}

void server_request_set_user(struct server_request *request, void *user)
{
    request->user = user;
}

void *server_request_user(const struct server_request *request)
{
    return request->user;
}

void server_answer(struct server_request *request, const struct server_answer *answer)
{
    assert(request->in_work && answer != NULL);

    if (request->connection == NULL)
        request_release(request);
    else
        connection_answer(request->connection, answer);
}

void server_drop(struct server_request *request, struct str bytes)
{
    assert(request->in_work);

    if (request->connection == NULL)
        request_release(request);
    else
        connection_drop(request->connection, bytes);
}
