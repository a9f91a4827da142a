/* gateways_around.c - what purser-sim's gateways stand on, without its process: one request at a
 * time instead of a server, a list of lines instead of a file, and nobody who sends. */
#include <assert.h>

#include "gateways_parts.h"
#include "sim/control.h"
#include "sim/notify.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)
#define TRIES_MAX 8

/* The server. */

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

struct str server_request_body(const struct server_request *request)
{
    return request->body;
}

struct arena *server_request_arena(struct server_request *request)
{
    return request->arena;
}

void server_answer(struct server_request *request, const struct server_answer *answer)
{
    assert(request->status == 0 && answer->status != 0);
    request->status = answer->status;
    request->reply_type = str_copy(request->arena, answer->content_type);
    request->reply_body = str_copy(request->arena, answer->body);
}

/* Of the simulator's own faults, of which none is planned here. */
void server_drop(struct server_request *request, struct str bytes)
{
    (void)request, (void)bytes;
    assert(false);
}

void server_timer_start(struct server *server, struct server_timer *timer, int64_t after_ms,
                        void (*f)(void *arg), void *arg)
{
    (void)server, (void)timer, (void)after_ms, (void)f, (void)arg;
    assert(false);
}

const struct face control_face = { .name = "" };

/* The ledger. */

struct json_out *ledger_begin(struct ledger *ledger, const char *kind)
{
    arena_reset(&ledger->arena);
    buf_init(&ledger->line, &ledger->arena, LINE_MAX_BYTES);
    json_begin(&ledger->out, &ledger->line);
    json_open_object(&ledger->out, NULL);
    json_put_text(&ledger->out, "kind", str_of(kind));
    return &ledger->out;
}

void ledger_end(struct ledger *ledger)
{
    json_close_object(&ledger->out);
    json_done(&ledger->out);
    assert(buf_ok(&ledger->line));
    ledger->lines++;
    gateways_line(buf_str(&ledger->line));
}

void ledger_put_money(struct json_out *out, struct money money)
{
    json_put_int(out, "amount", money.minor);
    json_put_text(out, "currency", str_of(currency_code(money.currency)));
}

/* Faults are the world's: none is planned, and no amount is magic. */

void plan_clear(struct plan *plan)
{
    (void)plan;
}

void plan_take(struct plan *plan, const struct plan_subject *subject,
               struct fault faults[FAULT_STAGE_COUNT])
{
    (void)plan, (void)subject, (void)faults;
}

const char *fault_text(enum fault_kind kind)
{
    (void)kind;
    return "";
}

/* Notifications. */

struct fault notify_fault(struct sim *sim, const char *gateway, struct str reference,
                          struct str second, struct money amount)
{
    (void)sim, (void)gateway, (void)reference, (void)second, (void)amount;
    return (struct fault){ .kind = FAULT_NONE };
}

void notify_send(struct sim *sim, const struct notice *notice, const struct fault *fault,
                 struct exchange *cause)
{
    (void)sim, (void)fault, (void)cause;
    if (!str_is_empty(notice->url))
        gateways_tell(notice->gateway, notice->url, notice->headers, notice->body,
                      notice->schedule ? TRIES_MAX : notice->attempts);
}
