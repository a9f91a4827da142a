#include "api/call.h"

#include <assert.h>

#include "api/address.h"
#include "api/auth.h"
#include "api/metrics.h"
#include "api/problem.h"
#include "base/log.h"
#include "core/keys.h"

#define PROBLEM_MAX 8192
#define LOG_DETAIL_MAX 500

int64_t call_now_ms(const struct call *call)
{
    return outside_now_ms(call->api->config.outside);
}

struct str call_peer(const struct call *call)
{
    return address_behind(server_request_peer(call->request),
                          server_request_header(call->request, "X-Forwarded-For"),
                          call->api->config.trusted_proxies);
}

struct request_id call_request_id(struct api *api, struct arena *arena, struct str *text)
{
    struct request_id id = request_id_make(&api->ids, outside_now_ms(api->config.outside));
    struct buf out;

    buf_init(&out, arena, ID_TEXT_MAX);
    request_id_write(&out, id);
    *text = buf_str(&out);
    return id;
}

static enum err find_route(struct call *call)
{
    const struct server_request *request = call->request;
    const struct route *route = route_find(server_request_method(request),
                                           server_request_path(request), call->arena,
                                           &call->segment, &call->allow);

    /* Nothing tells what else there would be. */
    bool operators = server_request_listener(request) == API_LISTENER_OPERATORS;
    if (operators && (!route || !route->operators)) {
        call->allow = (struct str){ 0 };
        return trouble_say(&call->trouble, ERR_NOT_FOUND,
                           "Here are only /healthz, /readyz and /metrics.");
    }
    call->route = route;
    if (!route && !str_is_empty(call->allow)) {
        call_add_header(call, STR("Allow"), call->allow);
        return trouble_say(&call->trouble, ERR_METHOD_NOT_ALLOWED, "This address takes %.*s.",
                           STR_ARG(call->allow));
    }
    if (!route)
        return trouble_say(&call->trouble, ERR_NOT_FOUND, "There is no such address.");
    /* Whether it is malformed or not there is all the same to whoever asks. */
    if (route->id_prefix && !id_parse(call->segment, route->id_prefix, &call->object))
        return trouble_say(&call->trouble, ERR_NOT_FOUND, "There is no such object.");
    return OK;
}

void call_begin(struct api *api, struct server_request *request)
{
    struct arena *arena = server_request_arena(request);
    struct call *call = ARENA_NEW(arena, struct call);

    call->api = api;
    call->request = request;
    call->arena = arena;
    call->trouble.arena = arena;
    call->waiter.call = call;
    call->id = call_request_id(api, arena, &call->id_text);
    enum err err = find_route(call);
    if (err)
        call_fail(call, err);
    else if (call->route->access == ROUTE_OPEN)
        call_proceed(call);
    else
        auth_begin(api->auth, call);
}

static enum err check_scope(struct call *call)
{
    char needed[64];
    char had[64];
    struct buf text;
    struct buf has;

    if (call->route->access == ROUTE_OPEN || (call->who.scopes & call->route->access))
        return OK;
    buf_fixed(&text, needed, sizeof needed);
    key_scopes_write(&text, call->route->access);
    buf_fixed(&has, had, sizeof had);
    key_scopes_write(&has, call->who.scopes);
    return trouble_say(&call->trouble, ERR_FORBIDDEN,
                       "This call needs the scope %s; the key has: %s.", buf_c(&text), buf_c(&has));
}

void call_proceed(struct call *call)
{
    const struct route *route = call->route;
    enum err err = check_scope(call);

    if (!err && route->plain)
        err = route->plain(call);
    else if (!err && route->turn)
        err = call_turn(call);
    else if (!err)
        err = call_read(call);
    if (err)
        call_fail(call, err);
}

void call_add_header(struct call *call, struct str name, struct str value)
{
    assert(call->header_count < CALL_HEADERS);
    call->headers[call->header_count++] = (struct http_header){ name, value };
}

static void tell(struct call *call, int status)
{
    int64_t now_us = outside_monotonic_us(call->api->config.outside);
    int64_t us = now_us - server_request_started_us(call->request);
    enum http_method method = server_request_method(call->request);

    metrics_count(call->api->metrics, call->route, status, us);
    log_event(LOG_INFO, "http.request", LOG_C("method", method_text(method)),
              LOG_C("route", call->route ? call->route->pattern : "none"),
              LOG_INT("status", status), LOG_INT("ms", us / 1000),
              LOG_STR("request_id", call->id_text), LOG_END);
}

/* Answers are about somebody's money: nothing between us and the caller may keep them. */
void call_answer(struct call *call, int status, struct str content_type, struct str body)
{
    call_add_header(call, STR("Request-Id"), call->id_text);
    call_add_header(call, STR("Cache-Control"), STR("no-store"));
    struct server_answer answer = {
        .status = status,
        .content_type = content_type,
        .body = body,
        .headers = call->headers,
        .header_count = call->header_count,
    };
    tell(call, status);
    server_answer(call->request, &answer);
}

void call_answer_json(struct call *call, int status, struct str body)
{
    call_answer(call, status, STR("application/json"), body);
}

/* What went wrong on our side is for the operator: the caller gets the title. */
static void hide_detail(struct call *call, enum err err)
{
    log_event(LOG_ERROR, "http.trouble", LOG_STR("request_id", call->id_text),
              LOG_C("code", err_code(err)),
              LOG_STR("detail", str_slice(call->trouble.detail, 0, LOG_DETAIL_MAX)), LOG_END);
    call->trouble.detail = (struct str){ 0 };
}

void call_fail(struct call *call, enum err err)
{
    int64_t retry_after_s = call->retry_after_s ? call->retry_after_s : problem_retry_after_s(err);
    int status = err_http_status(err);
    struct buf body;

    assert(err != OK);
    if (status >= 500 && err != ERR_UNAVAILABLE)
        hide_detail(call, err);
    if (retry_after_s > 0)
        call_add_header(call, STR("Retry-After"),
                        str_format(call->arena, "%lld", (long long)retry_after_s));
    if (status == 401)
        call_add_header(call, STR("WWW-Authenticate"), STR("Bearer realm=\"purser\""));
    buf_init(&body, call->arena, PROBLEM_MAX);
    problem_write(&body, &(struct problem){
                             .err = err,
                             .detail = call->trouble.detail,
                             .param = call->trouble.param,
                             .request_id = call->id_text,
                             .public_url = call->api->config.public_url,
                         });
    assert(buf_ok(&body));
    call_answer(call, status, PROBLEM_TYPE, buf_str(&body));
}
