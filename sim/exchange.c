#include "sim/exchange.h"

#include <assert.h>
#include <stdarg.h>

#include "base/crypto.h"
#include "base/pan.h"
#include "base/time.h"
#include "net/url.h"

#define BODY_MAX_BYTES ((size_t)256 << 20)
#define PAGE "<!doctype html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>"

/* Replies. */

static void reply_begin(struct exchange *exchange, int status, const char *type)
{
    exchange->status = status;
    exchange->type = type;
    exchange->header_count = 0;
    exchange->cut = false;
    buf_init(&exchange->body, exchange->arena, BODY_MAX_BYTES);
}

struct json_out *reply_json(struct exchange *exchange, int status)
{
    reply_begin(exchange, status, "application/json");
    json_begin(&exchange->out, &exchange->body);
    json_open_object(&exchange->out, NULL);
    return &exchange->out;
}

void reply_done(struct exchange *exchange)
{
    json_close_object(&exchange->out);
    json_done(&exchange->out);
    assert(buf_ok(&exchange->body));
}

void reply_text(struct exchange *exchange, int status, const char *type, struct str body)
{
    reply_begin(exchange, status, type);
    buf_add(&exchange->body, body);
}

void reply_header(struct exchange *exchange, const char *name, struct str value)
{
    assert(exchange->header_count < sizeof exchange->headers / sizeof exchange->headers[0]);
    exchange->headers[exchange->header_count++] =
        (struct http_header){ str_of(name), str_copy(exchange->arena, value) };
}

void reply_refusal(struct exchange *exchange, int status, const char *format, ...)
{
    char text[512];
    struct buf why;
    va_list args;

    buf_fixed(&why, text, sizeof text);
    va_start(args, format);
    buf_addfv(&why, format, args);
    va_end(args);
    json_put_text(reply_json(exchange, status), "error", buf_str(&why));
    reply_done(exchange);
}

/* What the plan says. */

const struct fault *exchange_shows(const struct exchange *exchange, enum fault_kind kind)
{
    const struct fault *fault = &exchange->faults[FAULT_STAGE_SHOW];

    return fault->kind == kind ? fault : NULL;
}

struct str exchange_outcome(const struct exchange *exchange)
{
    const struct fault *fault = exchange_shows(exchange, FAULT_OUTCOME);

    return fault == NULL ? (struct str){ 0 } : fault->word;
}

struct money exchange_shown(const struct exchange *exchange, struct money money)
{
    if (exchange_shows(exchange, FAULT_WRONG_AMOUNT) != NULL)
        money.minor++;
    if (exchange_shows(exchange, FAULT_WRONG_CURRENCY) != NULL)
        money.currency = money.currency == CURRENCY_USD ? CURRENCY_EUR : CURRENCY_USD;
    return money;
}

struct str exchange_query(const struct exchange *exchange, const char *name)
{
    struct str query = server_request_query(exchange->request);
    struct str found, value;

    while (url_next_pair(&query, exchange->arena, &found, &value) > 0) {
        if (str_equal_c(found, name))
            return value;
    }
    return (struct str){ 0 };
}

/* The ledger's lines about it. */

/* Credentials and what may be a card's are not written down; the digest still tells whether two
 * bodies were the same. */
static void record_body(struct exchange *exchange, struct json_out *out)
{
    struct str body = server_request_body(exchange->request);
    struct sha256 digest = crypto_sha256(body);
    struct buf text;

    buf_init(&text, exchange->arena, BODY_MAX_BYTES);
    buf_add_hex(&text, digest.bytes, sizeof digest.bytes);
    json_put_text(out, "body_sha256", buf_str(&text));
    if (exchange->call->secret || json_get(exchange->doc, "payment_method_data") != NULL)
        return;
    buf_clear(&text);
    pan_write_masked(&text, body);
    json_put_text(out, "body", buf_str(&text));
}

static void record_request(struct exchange *exchange)
{
    static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
                                           "OPTIONS", "?" };
    struct ledger *ledger = &exchange->sim->ledger;
    struct json_out *out = ledger_begin(ledger, "request");

    json_put_text(out, "gateway", str_of(exchange->face->name));
    json_put_text(out, "call", str_of(exchange->name));
    json_put_text(out, "method", str_of(methods[server_request_method(exchange->request)]));
    json_put_text(out, "path", server_request_path(exchange->request));
    json_put_text(out, "query", server_request_query(exchange->request));
    json_put_text_or_null(out, "reference", exchange->reference);
    json_put_text_or_null(out, "second", exchange->second);
    json_put_text_or_null(out, "idempotency_key",
                          server_request_header(exchange->request, "idempotency-key"));
    record_body(exchange, out);
    ledger_end(ledger);
    exchange->number = ledger->lines;
}

static void record_reply(struct exchange *exchange)
{
    struct ledger *ledger = &exchange->sim->ledger;
    struct json_out *out = ledger_begin(ledger, "reply");

    json_put_text(out, "gateway", str_of(exchange->face->name));
    json_put_text(out, "call", str_of(exchange->name));
    json_put_text_or_null(out, "reference", exchange->reference);
    json_put_int(out, "request", exchange->number);
    json_put_int(out, "status", exchange->status);
    json_put_bool(out, "performed", exchange->performed);
    json_open_array(out, "faults");
    for (size_t i = 0; i < FAULT_STAGE_COUNT; i++) {
        if (exchange->faults[i].kind != FAULT_NONE)
            json_put_text(out, NULL, str_of(fault_text(exchange->faults[i].kind)));
    }
    json_close_array(out);
    ledger_end(ledger);
}

/* The end. */

/* Another clock than the server's, which writes its own Date: so the bytes are made here. */
static void answer_at(struct exchange *exchange, int64_t time_ms)
{
    static const char days[][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct str body = buf_str(&exchange->body);
    struct time_parts at = time_split(time_ms);

    server_drop(exchange->request,
                str_format(exchange->arena,
                           "HTTP/1.1 %d OK\r\nDate: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n"
                           "Content-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n"
                           "%.*s",
                           exchange->status, days[time_ms / DAY_MS % 7], at.day,
                           months[at.month - 1], at.year, at.hour, at.minute, at.second,
                           exchange->type, body.len, STR_ARG(body)));
}

static void answer(struct exchange *exchange)
{
    const struct fault *skewed = exchange_shows(exchange, FAULT_SKEWED_DATE);
    struct str body = buf_str(&exchange->body);
    struct server_answer answer = {
        .status = exchange->status,
        .content_type = str_of(exchange->type),
        .body = body,
        .headers = exchange->headers,
        .header_count = exchange->header_count,
    };

    if (exchange->status == 0) {
        server_drop(exchange->request, (struct str){ 0 });
    } else if (exchange->cut) {
        server_drop(exchange->request,
                    str_format(exchange->arena,
                               "HTTP/1.1 %d OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n"
                               "%.*s",
                               exchange->status, exchange->type, body.len + 1, (int)(body.len / 2),
                               body.ptr));
    } else if (skewed != NULL) {
        answer_at(exchange, sim_now_ms(exchange->sim) + skewed->ms);
    } else {
        server_answer(exchange->request, &answer);
    }
}

static void finish(void *arg)
{
    struct exchange *exchange = arg;

    if (exchange->face->name[0] != '\0')
        record_reply(exchange);
    answer(exchange);
}

static void end_wait(struct exchange *exchange)
{
    const struct fault *wait = &exchange->faults[FAULT_STAGE_WAIT];

    if (wait->kind == FAULT_REPLY_AFTER)
        server_timer_start(exchange->sim->server, &exchange->timer, wait->ms, finish, exchange);
    else
        finish(exchange);
}

void exchange_noticed(struct exchange *exchange)
{
    assert(exchange->notices > 0);
    if (--exchange->notices == 0)
        end_wait(exchange);
}

static void reply_html(struct exchange *exchange, int status, const char *title)
{
    reply_text(exchange, status, "text/html",
               str_format(exchange->arena, PAGE, title, title));
}

static void replace_reply(struct exchange *exchange, const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_ACCEPT_THEN_DROP:
    case FAULT_DROP_BEFORE:
        exchange->status = 0;
        break;
    case FAULT_CUT_REPLY:
        exchange->cut = true;
        break;
    case FAULT_TOKEN_EXPIRED:
        if (exchange->face->forget_token != NULL)
            exchange->face->forget_token(exchange);
        exchange->face->fail(exchange, 401);
        break;
    case FAULT_HTTP_401:
    case FAULT_LOGIN_401:
        exchange->face->fail(exchange, 401);
        break;
    case FAULT_HTTP_429:
        exchange->face->fail(exchange, 429);
        break;
    case FAULT_LOCKED:
        exchange->face->error(exchange, STR("locked"));
        break;
    case FAULT_LOCKED_422:
        exchange->face->error(exchange, STR("locked_422"));
        break;
    case FAULT_HTTP_500:
        exchange->face->fail(exchange, 500);
        break;
    case FAULT_HTTP_503:
        reply_html(exchange, 503, "503 Service Temporarily Unavailable");
        break;
    case FAULT_MAINTENANCE:
        reply_html(exchange, 503, "Maintenance");
        reply_header(exchange, "Retry-After", STR("30"));
        break;
    case FAULT_ERROR_CODE:
        exchange->face->error(exchange, fault->code);
        break;
    case FAULT_EMPTY_200:
        reply_text(exchange, 200, "application/json", (struct str){ 0 });
        break;
    case FAULT_TRUNCATED_JSON:
        exchange->body.len /= 2;
        break;
    case FAULT_NOT_JSON:
        reply_html(exchange, 200, "Please wait");
        break;
    default:
        assert(false && "a fault of another stage");
    }
}

static void run(void *arg)
{
    struct exchange *exchange = arg;
    const struct fault *fault = &exchange->faults[FAULT_STAGE_REPLY];

    if (fault->kind == FAULT_NONE || fault->effect) {
        exchange->performed = true;
        exchange->call->perform(exchange);
    }
    if (fault->kind != FAULT_NONE)
        replace_reply(exchange, fault);
    if (exchange->notices == 0)
        end_wait(exchange);
}

static void ask_plan(struct exchange *exchange)
{
    struct plan_subject subject = {
        .gateway = str_of(exchange->face->name),
        .call = str_of(exchange->name),
        .role = str_of(exchange->role),
        .reference = exchange->reference,
        .second = exchange->second,
        .amount = exchange->amount,
        .total = exchange->total,
    };

    plan_take(&exchange->sim->plan, &subject, exchange->faults);
    for (size_t i = 0; i < FAULT_STAGE_COUNT; i++) {
        exchange->faults[i].word = str_copy(exchange->arena, exchange->faults[i].word);
        exchange->faults[i].code = str_copy(exchange->arena, exchange->faults[i].code);
    }
}

void exchange_begin(struct sim *sim, const struct face *face, const struct call *call,
                    struct server_request *request, const struct str ids[2])
{
    struct arena *arena = server_request_arena(request);
    struct exchange *exchange = ARENA_NEW(arena, struct exchange);

    *exchange = (struct exchange){ .sim = sim, .request = request, .arena = arena, .face = face,
                                   .call = call, .name = call->name, .role = call->role,
                                   .ids = { ids[0], ids[1] } };
    reply_begin(exchange, 500, "text/plain");
    if (json_parse(server_request_body(request), arena, &exchange->doc, NULL) != OK ||
        !json_is_object(exchange->doc))
        exchange->doc = NULL;
    if (call->subject != NULL)
        call->subject(exchange);
    /* Of its own: a reset may come while the exchange waits. */
    exchange->reference = str_copy(arena, exchange->reference);
    exchange->second = str_copy(arena, exchange->second);
    if (face->name[0] == '\0') {
        run(exchange);
        return;
    }
    record_request(exchange);
    ask_plan(exchange);
    const struct fault *wait = &exchange->faults[FAULT_STAGE_WAIT];
    if (wait->kind == FAULT_DELAY)
        server_timer_start(sim->server, &exchange->timer, wait->ms, run, exchange);
    else
        run(exchange);
}
