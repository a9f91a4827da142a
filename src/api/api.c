/* api.c - opening, closing, and what the server and the engine call. */
#include "api/api.h"

#include <assert.h>
#include <string.h>

#include "api/auth.h"
#include "api/metrics.h"
#include "api/page_limit.h"
#include "api/poll.h"
#include "api/problem.h"
#include "api/resources.h"
#include "base/log.h"
#include "core/notice_rows.h"

#define PROBLEM_MAX 8192

enum err api_open(const struct api_config *config, struct api **out)
{
    struct api *api = mem_alloc(sizeof *api);

    assert(config->outside && config->desk && config->gateways);
    assert(!secret_is_empty(config->installation_key));
    api->config = *config;
    api->config.public_url = str_copy(&api->arena, config->public_url);
    api->config.trusted_proxies = str_copy(&api->arena, config->trusted_proxies);
    api->ids.outside = config->outside;
    api->auth = auth_new();
    api->metrics = metrics_new();
    api->page_limit = page_limit_new(config->outside, config->page_requests);
    *out = api;
    return OK;
}

void api_close(struct api *api)
{
    if (!api)
        return;
    desk_read_free(api->looks);
    auth_free(api->auth);
    metrics_free(api->metrics);
    page_limit_free(api->page_limit);
    arena_done(&api->arena);
    mem_free(api);
}

/* So that readers begin when the requests that came together are all handed over. */
static void begin_reads(void *self)
{
    struct api *api = self;
    const struct desk *desk = api->config.desk;

    payment_show_begin(api);
    desk->begin_reads(desk->self);
}

void api_attach(struct api *api, struct server *server)
{
    server_on_rest(server, begin_reads, api);
    atomic_store(&api->server, server);
}

void api_handle(void *self, struct server_request *request)
{
    call_begin(self, request);
}

/* By the beginning of the address, not by its route: one that we do not have is told as such
 * and not as a body that is too large. */
size_t api_body_limit(void *self, const struct server_request *request)
{
    (void)self;
    return str_starts_with(server_request_path(request), STR(NOTIFICATIONS_PATH))
               ? NOTICE_BODY_MAX : API_BODY_MAX;
}

void api_refuse(void *self, struct server_request *request, enum err err, int status,
                const char *detail, struct server_answer *out)
{
    struct api *api = self;
    struct arena *arena = server_request_arena(request);
    struct http_header *headers = ARENA_ARRAY(arena, struct http_header, 3);
    struct buf body;
    struct str id_text;
    int64_t retry_after_s = problem_retry_after_s(err);

    call_request_id(api, arena, &id_text);
    buf_init(&body, arena, PROBLEM_MAX);
    problem_write(&body, &(struct problem){
                             .err = err,
                             .status = status,
                             .detail = str_of(detail),
                             .request_id = id_text,
                             .public_url = api->config.public_url,
                         });
    assert(buf_ok(&body));
    headers[0] = (struct http_header){ STR("Request-Id"), id_text };
    headers[1] = (struct http_header){ STR("Cache-Control"), STR("no-store") };
    headers[2] = (struct http_header){
        STR("Retry-After"),
        str_format(arena, "%lld", (long long)retry_after_s),
    };
    out->status = status;
    out->content_type = PROBLEM_TYPE;
    out->body = buf_str(&body);
    out->headers = headers;
    out->header_count = retry_after_s > 0 ? 3 : 2;
    metrics_count(api->metrics, NULL, status, 0);
    log_event(LOG_INFO, "http.refused", LOG_C("code", err_code(err)), LOG_INT("status", status),
              LOG_STR("request_id", id_text), LOG_END);
}

/* News on its way to the loop. */
struct news {
    struct api *api;
    struct arena arena;
    struct turn_answer_list answers;
};

static void tell_waiters(struct api *api, const struct turn_answer *answer)
{
    struct waiter *waiter = waiters_find(&api->waiters, answer->claim_key, NULL);

    while (waiter) {
        /* An answered call takes its waiter along. */
        struct waiter *next = waiters_find(&api->waiters, answer->claim_key, waiter);
        call_woken(waiter->call, answer);
        waiter = next;
    }
}

static void news_are_here(void *arg)
{
    struct news *news = arg;

    for (size_t i = 0; i < news->answers.count; i++)
        tell_waiters(news->api, news->answers.items[i]);
    arena_done(&news->arena);
    mem_free(news);
}

void api_wake(void *self, const struct turn_answer *const *answers, size_t count)
{
    struct api *api = self;
    struct server *server = atomic_load(&api->server);

    /* Nobody has asked anything yet. */
    if (!server || count == 0)
        return;
    struct news *news = mem_alloc(sizeof *news);
    news->api = api;
    for (size_t i = 0; i < count; i++) {
        struct turn_answer *copy = arena_copy(&news->arena, answers[i], sizeof *answers[i]);
        copy->body = str_copy(&news->arena, answers[i]->body);
        turn_answer_list_add(&news->arena, &news->answers, copy);
    }
    server_post(server, news_are_here, news);
}

/* Marks on their way to the loop. */
struct marks {
    struct api *api;
    size_t count;
    uint32_t items[];
};

static void marks_are_here(void *arg)
{
    struct marks *marks = arg;

    poll_now(marks->api, marks->items, marks->count);
    mem_free(marks);
}

void api_look(void *self, const uint32_t *marks, size_t count)
{
    struct api *api = self;
    struct server *server = atomic_load(&api->server);

    if (!server || count == 0)
        return;
    struct marks *copy = mem_alloc(sizeof *copy + count * sizeof *marks);
    copy->api = api;
    copy->count = count;
    memcpy(copy->items, marks, count * sizeof *marks);
    server_post(server, marks_are_here, copy);
}
