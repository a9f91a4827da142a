#include "gateways.h"

#include <assert.h>
#include <string.h>

#include "gateways_parts.h"
#include "sim/epay.h"
#include "sim/epay_calls.h"
#include "sim/hyper.h"

#define FIELDS_MAX_HERE 32
#define PAGE "/payment_link/" HYPER_MERCHANT "/"

static struct sim sim;
static struct gateways_ears ears;
static struct holding holdings[GATEWAYS_HOLDINGS_MAX];
static size_t holding_count;
/* Whom a page was made for, once each. */
static struct {
    const char *gateway;
    char reference[GATEWAYS_REFERENCE_MAX];
} pages[GATEWAYS_HOLDINGS_MAX];
static size_t page_count;

void gateways_begin(const struct outside *outside, const struct gateways_ears *told,
                    struct str webhook_url, const char *partial_refund)
{
    sim = (struct sim){ .outside = outside, .public_url = STR("http://gateways.test"),
                        .settings_at_start = settings_default() };
    sim.settings_at_start.webhook_url = webhook_url;
    sim.settings_at_start.partial_refund = str_of(partial_refund);
    ears = *told;
    sim_begin(&sim);
}

/* Their books. */

static void keep(char *out, size_t room, struct str text)
{
    assert(text.len > 0 && text.len < room);
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

static struct holding *find(struct str gateway, struct str reference)
{
    for (size_t i = 0; i < holding_count; i++)
        if (str_equal_c(gateway, holdings[i].gateway)
            && str_equal_c(reference, holdings[i].reference))
            return &holdings[i];
    return NULL;
}

const struct holding *gateways_holding(struct str gateway, struct str reference)
{
    return find(gateway, reference);
}

const struct holding *gateways_holdings(size_t *count)
{
    *count = holding_count;
    return holdings;
}

static struct holding *find_or_make(struct str gateway, struct str reference)
{
    struct holding *holding = find(gateway, reference);
    if (holding)
        return holding;
    assert(holding_count < GATEWAYS_HOLDINGS_MAX);
    holding = &holdings[holding_count++];
    keep(holding->gateway, sizeof holding->gateway, gateway);
    keep(holding->reference, sizeof holding->reference, reference);
    return holding;
}

static void note_page(const char *gateway, struct str reference)
{
    for (size_t i = 0; i < page_count; i++)
        if (pages[i].gateway == gateway && str_equal_c(reference, pages[i].reference))
            return;
    assert(page_count < GATEWAYS_HOLDINGS_MAX);
    pages[page_count].gateway = gateway;
    keep(pages[page_count++].reference, GATEWAYS_REFERENCE_MAX, reference);
}

static void move(const struct json *line, struct str kind)
{
    int64_t minor = 0;
    bool has_amount = json_int(json_get(line, "amount"), &minor);
    struct holding *holding = find_or_make(json_text(json_get(line, "gateway")),
                                           json_text(json_get(line, "reference")));
    assert(has_amount);
    (void)has_amount;
    if (str_equal_c(kind, "authorize"))
        holding->authorized_minor += minor;
    else if (str_equal_c(kind, "capture"))
        holding->captured_minor += minor;
    else if (str_equal_c(kind, "refund"))
        holding->refunded_minor += minor;
    else
        holding->voided = true;
}

void gateways_line(struct str text)
{
    static const char *const moves[] = { "authorize", "capture", "refund", "void" };
    struct arena arena = { 0 };
    const struct json *line = NULL;

    enum err err = json_parse(text, &arena, &line, NULL);
    assert(err == OK);
    (void)err;
    struct str kind = json_text(json_get(line, "kind"));
    struct str called = json_text(json_get(line, "call"));
    struct str reference = json_text(json_get(line, "reference"));
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++)
        if (str_equal_c(kind, moves[i]))
            move(line, kind);
    if (str_equal_c(kind, "request") && !str_is_empty(reference)) {
        if (str_equal_c(called, "payment_token"))
            note_page(EPAY, reference);
        else if (str_equal_c(called, "payment_create"))
            note_page(HYPER, reference);
    }
    struct str wrong = json_text(json_get(line, "wrong"));
    /* A payer may pay, or fail to, while the payment is called off: who was first only the
     * gateway knows. */
    bool was_race = str_equal_c(wrong, "void_after_capture")
                    || str_equal_c(wrong, "void_without_hold");
    if (!str_is_empty(wrong) && !was_race)
        ears.wrong(ears.self, text);
    arena_done(&arena);
}

void gateways_tell(const char *gateway, struct str url, struct str headers, struct str body,
                   int64_t tries)
{
    const struct telling telling = { gateway, url, headers, body, tries };
    ears.tells(ears.self, &telling);
}

/* Requests. */

static void split_url(struct str url, struct server_request *out)
{
    size_t host = str_find_char(url, '/', 0) + 2;
    struct str rest = str_slice(url, str_find_char(url, '/', host), url.len);
    size_t query = str_find_char(rest, '?', 0);
    out->path = str_slice(rest, 0, query);
    if (query < rest.len)
        out->query = str_slice(rest, query + 1, rest.len);
}

static enum http_method method_of(const char *name)
{
    if (strcmp(name, "POST") == 0)
        return HTTP_POST;
    assert(strcmp(name, "GET") == 0);
    return HTTP_GET;
}

void gateways_handle(const struct http_request *request, struct arena *arena,
                     struct http_reply *out)
{
    struct http_header headers[FIELDS_MAX_HERE];
    struct server_request taken = { .method = method_of(request->method), .body = request->body,
                                    .headers = headers, .header_count = request->field_count,
                                    .arena = arena };
    assert(request->field_count <= FIELDS_MAX_HERE);
    for (size_t i = 0; i < request->field_count; i++)
        headers[i] = (struct http_header){ request->fields[i].name, request->fields[i].value };
    split_url(request->url, &taken);
    sim_handle(&sim, &taken);
    assert(taken.status != 0);
    struct http_field *fields = ARENA_ARRAY(arena, struct http_field, 1);
    fields[0] = (struct http_field){ STR("Content-Type"), taken.reply_type };
    *out = (struct http_reply){ taken.status, fields, 1, taken.reply_body };
}

/* Payers. */

static bool pay_at_bank(struct str invoice, bool confirms)
{
    struct epay_order *order = map_get(&sim.epay->orders, invoice);
    const struct epay_act act = { .action = confirms ? STR("approve") : STR("decline") };

    return order && epay_pay(&sim, order, &act, NULL) == NULL;
}

static bool pay_on_page(struct str reference, bool confirms)
{
    struct arena arena = { 0 };
    const struct http_header header = { STR("content-type"),
                                        STR("application/x-www-form-urlencoded") };
    struct server_request press = {
        .method = HTTP_POST,
        .path = str_format(&arena, PAGE "%.*s", STR_ARG(reference)),
        .body = confirms ? STR("action=approve") : STR("action=decline"),
        .headers = &header,
        .header_count = 1,
        .arena = &arena,
    };
    sim_handle(&sim, &press);
    bool done = press.status >= 200 && press.status < 400;
    arena_done(&arena);
    return done;
}

bool gateways_payer(struct str gateway, struct str reference, bool confirms)
{
    return str_equal_c(gateway, EPAY) ? pay_at_bank(reference, confirms)
                                      : pay_on_page(reference, confirms);
}

struct str gateways_page(size_t place, const char **gateway)
{
    if (place >= page_count)
        return (struct str){ 0 };
    *gateway = pages[place].gateway;
    return str_of(pages[place].reference);
}
