/* turns.c - a request that becomes a turn: what all of them have in common.
 *
 *   call_turn     headers and body are checked, the turn is filled in and handed over
 *   turn_done     on the writer's thread, after the commit or the refusal
 *   turn_is_back  on the loop: answer, or wait until nothing is in flight any more
 *   call_woken    on the loop: news for one who waits
 *
 * The body is parsed into the turn's arena, and both are wiped: it may hold a card. */
#include <assert.h>

#include "api/card.h"
#include "api/poll.h"
#include "api/problem.h"
#include "api/resources.h"
#include "core/keys.h"

/* An Idempotency-Key may be a quoted string, as the draft of its standard has it (a string
 * of RFC 8941), or bare, as everybody sends it. Both are the same key. */
static bool unquote_key(struct str header, struct arena *arena, struct str *out)
{
    struct buf key;

    buf_init(&key, arena, header.len);
    for (size_t i = 1; i + 1 < header.len; i++) {
        char c = header.ptr[i];
        if (c == '"')
            return false;
        if (c == '\\') {
            c = header.ptr[++i];
            if (i + 1 >= header.len || (c != '"' && c != '\\'))
                return false;
        }
        buf_add_char(&key, c);
    }
    *out = buf_str(&key);
    return true;
}

static enum err read_idempotency_key(struct call *call)
{
    struct str header = server_request_header(call->request, "Idempotency-Key");
    struct str key = header;
    bool well_formed = true;

    if (call->route->claim == CLAIM_IGNORED)
        return OK;
    if (str_is_empty(header) && call->route->claim == CLAIM_REQUIRED)
        return trouble_about(&call->trouble, ERR_IDEMPOTENCY_KEY_REQUIRED, STR("Idempotency-Key"),
                             "Without a key a repeated request could move money twice.");
    if (str_is_empty(header))
        return OK;
    if (header.len >= 2 && header.ptr[0] == '"' && header.ptr[header.len - 1] == '"')
        well_formed = unquote_key(header, call->arena, &key);
    if (!well_formed || key.len > 255 || !str_is_visible_ascii(key))
        return trouble_about(&call->trouble, ERR_INVALID_IDEMPOTENCY_KEY, STR("Idempotency-Key"),
                             "The key must be 1 to 255 visible ASCII characters.");
    call->idempotency_key = key;
    return OK;
}

static bool is_json(struct str content_type)
{
    struct str type = str_slice(content_type, 0, str_find_char(content_type, ';', 0));

    return str_equal_nocase(str_trim(type), STR("application/json"));
}

static enum err check_media(struct call *call)
{
    struct str encoding = server_request_header(call->request, "Content-Encoding");

    if (!is_json(server_request_header(call->request, "Content-Type")))
        return trouble_about(&call->trouble, ERR_UNSUPPORTED_MEDIA_TYPE, STR("Content-Type"),
                             "The body's Content-Type must be application/json.");
    if (!str_is_empty(encoding) && !str_equal_nocase(encoding, STR("identity")))
        return trouble_about(&call->trouble, ERR_UNSUPPORTED_MEDIA_TYPE, STR("Content-Encoding"),
                             "The body must not be encoded.");
    return OK;
}

static enum err parse_body(struct call *call, struct str text, struct arena *arena,
                           const struct json **out)
{
    struct str why = { 0 };

    enum err err = json_parse(text, arena, out, &why);
    if (err)
        return trouble_say(&call->trouble, err, "%.*s", STR_ARG(why));
    if (!json_is_object(*out))
        return trouble_say(&call->trouble, ERR_MALFORMED_JSON, "The body must be a JSON object.");
    return OK;
}

/* What was sent, as an object. */
static enum err read_body(struct call *call, struct arena *arena, const struct json **out)
{
    struct str text = server_request_body(call->request);

    if (call->route->body == BODY_IGNORED) {
        *out = NULL;
        return OK;
    }
    if (str_is_empty(text) && call->route->body == BODY_OPTIONAL)
        return parse_body(call, STR("{}"), arena, out);
    if (str_is_empty(text))
        return trouble_say(&call->trouble, ERR_MALFORMED_JSON,
                           "The body is empty; send a JSON object.");
    enum err err = check_media(call);
    return err ? err : parse_body(call, text, arena, out);
}

/* The request's own copy. It belongs to the handler until the answer (net/server.h). */
static void wipe_body(struct call *call)
{
    struct str body = server_request_body(call->request);

    secret_wipe((void *)(uintptr_t)body.ptr, body.len);
}

static void fill_claim(struct call *call, struct turn_input *input)
{
    const struct server_request *request = call->request;
    struct str path = server_request_path(request);

    if (str_is_empty(call->idempotency_key))
        return;
    struct str route = str_format(call->arena, "%s %.*s",
                                  method_text(server_request_method(request)), STR_ARG(path));
    input->claim_key = claim_key(input->merchant, input->live, call->idempotency_key);
    input->claim_fingerprint = claim_fingerprint(call->api->config.installation_key, route,
                                                 server_request_body(request));
}

static void fill_input(struct call *call, struct desk_turn *turn)
{
    struct buf actor;

    buf_init(&actor, &turn->arena, ID_TEXT_MAX);
    api_key_id_write(&actor, call->who.key);
    turn->input.merchant = call->who.merchant;
    turn->input.live = call->who.live;
    turn->input.origin = ORIGIN_API;
    turn->input.actor = buf_str(&actor);
    fill_claim(call, &turn->input);
}

/* With the secrets that came or went with it. */
static void turn_free(struct desk_turn *turn)
{
    struct errand *errand = turn->user;

    card_done(&errand->card);
    secret_done(&errand->new_key);
    arena_wipe(&turn->arena);
    desk_turn_free(turn);
}

static void turn_is_back(void *arg);

static void turn_done(struct desk_turn *turn)
{
    const struct errand *errand = turn->user;

    server_post(atomic_load(&errand->call->api->server), turn_is_back, turn);
}

static enum err fill_turn(struct call *call, struct desk_turn *turn)
{
    const struct json *body = NULL;

    enum err err = fields_read_query(NULL, 0, server_request_query(call->request), NULL,
                                     &call->trouble);
    if (!err)
        err = read_idempotency_key(call);
    if (!err)
        err = read_body(call, &turn->arena, &body);
    if (err)
        return err;
    fill_input(call, turn);
    return call->route->turn(call, body, turn);
}

/* On a reader's thread. */
static enum err prepare(struct desk_read *read, struct db *db)
{
    struct desk_turn *turn = read->user;
    const struct errand *errand = turn->user;

    return errand->prepare(turn, db);
}

static void prepared(struct desk_read *read)
{
    struct desk_turn *turn = read->user;
    const struct errand *errand = turn->user;
    const struct desk *desk = errand->call->api->config.desk;

    turn->err = read->err;
    desk_read_free(read);
    if (turn->err == OK && desk->submit(desk->self, turn))
        return;
    if (turn->err == OK) {
        turn->err = ERR_UNAVAILABLE;
        turn->detail = STR("This node takes no more work now.");
    }
    turn_done(turn);
}

static bool prepare_first(struct call *call, struct desk_turn *turn)
{
    const struct desk *desk = call->api->config.desk;
    struct desk_read *read = desk_read_new();

    read->run = prepare;
    read->done = prepared;
    read->user = turn;
    if (desk->read(desk->self, read))
        return true;
    desk_read_free(read);
    return false;
}

static bool hand_over(struct call *call, struct desk_turn *turn)
{
    const struct desk *desk = call->api->config.desk;
    const struct errand *errand = turn->user;

    turn->done = turn_done;
    call->wait_ms = prefer_wait_ms(server_request_header(call->request, "Prefer"));
    call->waiter.claim_key = turn->input.claim_key;
    if (!id_is_zero(turn->input.claim_key))
        waiters_add(&call->api->waiters, &call->waiter);
    if (errand->prepare ? prepare_first(call, turn) : desk->submit(desk->self, turn))
        return true;
    waiters_remove(&call->api->waiters, &call->waiter);
    return false;
}

static enum err refuse(struct call *call)
{
    return trouble_say(&call->trouble, ERR_UNAVAILABLE, "This node takes no more work now.");
}

enum err call_turn(struct call *call)
{
    const struct desk *desk = call->api->config.desk;

    if (desk->is_behind(desk->self)) {
        wipe_body(call);
        return refuse(call);
    }
    struct desk_turn *turn = desk_turn_new();
    struct errand *errand = ARENA_NEW(&turn->arena, struct errand);

    errand->call = call;
    turn->user = errand;
    enum err err = fill_turn(call, turn);
    wipe_body(call);
    if (!err && !hand_over(call, turn))
        err = refuse(call);
    if (err)
        turn_free(turn);
    return err;
}

/* Where objects of an id's kind are found. */
struct collection {
    const char *prefix;
    const char *path;
};

static const struct collection collections[] = {
    { "pay", "/v1/payments/" },
    { "ref", "/v1/refunds/" },
    { "cus", "/v1/customers/" },
    { "ins", "/v1/instruments/" },
    { "inv", "/v1/invoices/" },
    { "ga", "/v1/gateway_accounts/" },
    { "cs", "/v1/checkout_sessions/" },
    { "we", "/v1/webhook_endpoints/" },
    { "whr", "/v1/webhook_replays/" },
};

/* The id is the first member of every object of ours (core/render.h). */
static void add_location(struct call *call, struct str body)
{
    static const struct str lead = STR_INIT("{\"id\":\"");
    struct str id = str_slice(body, lead.len, body.len);
    struct str prefix;
    struct id ignored;

    id = str_slice(id, 0, str_find_char(id, '"', 0));
    if (!str_starts_with(body, lead) || !id_parse_any(id, &prefix, &ignored))
        return;
    for (size_t i = 0; i < sizeof collections / sizeof collections[0]; i++)
        if (str_equal_c(prefix, collections[i].prefix))
            call_add_header(call, STR("Location"),
                            str_format(call->arena, "%.*s%s%.*s",
                                       STR_ARG(call->api->config.public_url), collections[i].path,
                                       STR_ARG(id)));
}

/* Ends the call. */
static void answer_turn(struct call *call, const struct turn_answer *answer, bool replayed)
{
    int status = answer->final ? answer->status : 202;

    if (call->waiter.waits)
        server_timer_cancel(&call->waiter.timer);
    waiters_remove(&call->api->waiters, &call->waiter);
    if (replayed && answer->final)
        call_add_header(call, STR("Idempotent-Replayed"), STR("true"));
    if (status == 201)
        add_location(call, answer->body);
    call_answer_json(call, status,
                     call->route->finish ? call->route->finish(call, answer->body) : answer->body);
}

static void wait_is_over(void *arg)
{
    struct call *call = arg;

    call->waiter.waits = false;
    answer_turn(call, &call->waiter.last, call->waiter.replayed);
}

static void keep_news(struct call *call, const struct turn_answer *answer)
{
    call->waiter.last = *answer;
    call->waiter.last.body = str_copy(call->arena, answer->body);
}

/* The seconds count from the request's first byte: that is when the caller began to wait. */
static void wait_on(struct call *call)
{
    struct waiter *waiter = &call->waiter;
    int64_t since_us = outside_monotonic_us(call->api->config.outside) -
                       server_request_started_us(call->request);
    int64_t left_ms = call->wait_ms - since_us / 1000;

    if (left_ms <= 0) {
        wait_is_over(call);
        return;
    }
    waiter->waits = true;
    server_timer_start(server_of(call->request), &waiter->timer, left_ms, wait_is_over, call);
    poll_begin(call->api);
}

static void turn_failed(struct call *call, struct desk_turn *turn)
{
    waiters_remove(&call->api->waiters, &call->waiter);
    (void)trouble_about(&call->trouble, turn->err, turn->param, "%.*s", STR_ARG(turn->detail));
    call->retry_after_s = turn->retry_after_s;
    call_fail(call, turn->err);
}

/* While the turn was on its way its operation may have ended already. */
static void turn_succeeded(struct call *call, struct desk_turn *turn)
{
    struct turn_answer answer = turn->answer;
    const struct turn_answer *news = &call->waiter.last;

    call->waiter.replayed = answer.replayed;
    if (!answer.final && news->final)
        answer = *news;
    if (!answer.final && !id_is_zero(answer.claim_key)) {
        keep_news(call, &answer);
        wait_on(call);
        return;
    }
    if (call->route->show && !turn->answer.replayed)
        answer.body = call->route->show(turn);
    answer_turn(call, &answer, call->waiter.replayed);
}

static void turn_is_back(void *arg)
{
    struct desk_turn *turn = arg;
    const struct errand *errand = turn->user;

    if (turn->err)
        turn_failed(errand->call, turn);
    else
        turn_succeeded(errand->call, turn);
    turn_free(turn);
}

void call_woken(struct call *call, const struct turn_answer *answer)
{
    keep_news(call, answer);
    if (answer->final && call->waiter.waits)
        answer_turn(call, &call->waiter.last, call->waiter.replayed);
}
