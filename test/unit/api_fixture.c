#include "api_fixture.h"
#include "gateway_mute.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/keys.h"
#include "core/requests.h"

static struct server the_server;

/* The desk. */

static bool submit(void *self, struct desk_turn *turn)
{
    struct api_fixture *fixture = self;

    if (fixture->refuse)
        return false;
    assert_true(fixture->turn_count < API_QUEUE);
    fixture->turns[fixture->turn_count++] = turn;
    return true;
}

static bool is_behind(void *self)
{
    const struct api_fixture *fixture = self;

    return fixture->behind;
}

static bool take_read(void *self, struct desk_read *read)
{
    struct api_fixture *fixture = self;

    if (fixture->refuse)
        return false;
    assert_true(fixture->read_count < API_QUEUE);
    fixture->reads[fixture->read_count++] = read;
    return true;
}

/* Who runs the fixture also runs its reads. */
static void begin_reads(void *self)
{
    (void)self;
}

/* Makes no calls: what the account itself tells is the report. */
static bool take_check(void *self, struct desk_check *check)
{
    struct api_fixture *fixture = self;
    bool sealed = !secret_is_empty(&check->credentials);

    if (fixture->refuse)
        return false;
    check_begin(&check->report, check->gateway);
    (void)check_account(&check->report, check->gateway, check->account,
                        sealed ? &check->credentials : NULL, check->public_url, &check->arena);
    fixture->test = str_copy(&fixture->books.arena, check->test);
    fixture->test_answer = str_copy(&fixture->books.arena, check->test_answer);
    check->done(check);
    return true;
}

static bool take_name(void *self, struct reverse_ask *ask)
{
    struct api_fixture *fixture = self;

    if (fixture->refuse || fixture->asked)
        return false;
    fixture->asked = ask;
    return true;
}

void api_name(struct api_fixture *fixture, enum reverse_end end, const char *name)
{
    struct reverse_ask *ask = fixture->asked;

    assert_non_null(ask);
    fixture->asked = NULL;
    ask->end = end;
    memcpy(ask->name, name, strlen(name) + 1);
    ask->done(ask);
    api_run(fixture);
}

/* One at a time, as the engine does it. */
static bool take_probe(void *self, void (*done)(void *user, enum err err), void *user)
{
    struct api_fixture *fixture = self;

    if (fixture->refuse || fixture->probe_done)
        return false;
    fixture->probe_done = done;
    fixture->probe_user = user;
    return true;
}

/* The engine. */

static void copy_result(struct desk_turn *to, const struct turn *from)
{
    to->err = from->err;
    to->detail = str_copy(&to->arena, from->detail);
    to->param = str_copy(&to->arena, from->param);
    to->retry_after_s = from->retry_after_s;
    to->answer = from->answer;
    to->answer.body = str_copy(&to->arena, from->answer.body);
}

static void keep_effects(struct api_fixture *fixture, const struct turn *turn)
{
    for (size_t i = 0; i < turn->calls.count; i++) {
        assert_true(fixture->call_count < API_QUEUE);
        fixture->kinds[fixture->call_count] = turn->calls.items[i]->call;
        fixture->calls[fixture->call_count++] = turn->calls.items[i]->operation->id;
    }
    api_wake(fixture->api, (const struct turn_answer *const *)turn->wakes.items, turn->wakes.count);
}

static void run_turns(struct api_fixture *fixture)
{
    struct turn turns[API_QUEUE] = { 0 };
    struct turn *pointers[API_QUEUE] = { NULL };
    size_t count = fixture->turn_count;

    for (size_t i = 0; i < count; i++) {
        fixture->turns[i]->input.run = fixture->run;
        turns[i] = (struct turn){ .input = &fixture->turns[i]->input, .user = fixture->turns[i] };
        pointers[i] = &turns[i];
    }
    fixture->turn_count = 0;
    store_execute(fixture->store, pointers, count);
    for (size_t i = 0; i < count; i++) {
        copy_result(turns[i].user, &turns[i]);
        ((struct desk_turn *)turns[i].user)->done(turns[i].user);
    }
    for (size_t i = 0; i < count; i++)
        if (!turns[i].err)
            keep_effects(fixture, &turns[i]);
}

/* All that had come is done. */
static void rest(struct server *server)
{
    if (server->rest.f)
        server->rest.f(server->rest.arg);
}

static void run_reads(struct api_fixture *fixture)
{
    struct desk_read *reads[API_QUEUE] = { NULL };
    size_t count = fixture->read_count;

    memcpy(reads, fixture->reads, sizeof reads);
    fixture->read_count = 0;
    for (size_t i = 0; i < count; i++) {
        reads[i]->err = reads[i]->run(reads[i], fixture->reader);
        fixture->reads_done++;
        reads[i]->done(reads[i]);
    }
}

static void run_posts(struct server *server)
{
    struct post posts[API_QUEUE];
    size_t count = server->post_count;

    memcpy(posts, server->posts, sizeof posts);
    server->post_count = 0;
    for (size_t i = 0; i < count; i++)
        posts[i].f(posts[i].arg);
}

bool api_step(struct api_fixture *fixture)
{
    if (the_server.post_count > 0) {
        run_posts(&the_server);
        return true;
    }
    rest(&the_server);
    if (fixture->read_count > 0) {
        run_reads(fixture);
    } else if (fixture->turn_count > 0) {
        run_turns(fixture);
    } else if (fixture->probe_done) {
        void (*done)(void *user, enum err err) = fixture->probe_done;
        fixture->probe_done = NULL;
        done(fixture->probe_user, fixture->probe_err);
    } else {
        return false;
    }
    return true;
}

void api_run(struct api_fixture *fixture)
{
    while (api_step(fixture))
        continue;
}

static void answer_done(struct desk_turn *turn)
{
    desk_turn_free(turn);
}

void api_gateway(struct api_fixture *fixture, enum gateway_outcome outcome)
{
    struct desk_turn *turn = desk_turn_new();
    struct operation_answer *said = ARENA_NEW(&turn->arena, struct operation_answer);

    assert_true(fixture->call_count > 0);
    *said = (struct operation_answer){
        .call = fixture->kinds[0],
        .answer = { .outcome = outcome,
                    .gateway_reference = str_format(&turn->arena, "theirs-%d", ++fixture->answered),
                    .action = outcome == GW_NEEDS_PAYER ? ACTION_CHALLENGE : ACTION_NONE,
                    .action_url = STR("http://purser.test/sandbox/challenge/tok") },
        .http_status = 200,
        .started_ms = outside_now_ms(&fixture->books.outside.outside),
        .ended_ms = outside_now_ms(&fixture->books.outside.outside),
    };
    turn->input = (struct turn_input){
        .handler = &turn_operation_answered,
        .origin = ORIGIN_API,
        .actor = STR("gateway"),
        .operation = fixture->calls[0],
        .ask = said,
    };
    turn->done = answer_done;
    fixture->call_count--;
    memmove(fixture->calls, fixture->calls + 1, fixture->call_count * sizeof fixture->calls[0]);
    memmove(fixture->kinds, fixture->kinds + 1, fixture->call_count * sizeof fixture->kinds[0]);
    assert_true(submit(fixture, turn));
}

void api_pass_time(struct api_fixture *fixture, int64_t by_ms)
{
    outside_fake_advance(&fixture->books.outside, by_ms);
    int64_t now_us = outside_monotonic_us(&fixture->books.outside.outside);
    for (size_t i = 0; i < the_server.timer_count;) {
        struct server_timer *timer = the_server.timers[i].timer;
        if (the_server.timers[i].ends_us > now_us) {
            i++;
            continue;
        }
        the_server.timers[i] = the_server.timers[--the_server.timer_count];
        timer->f(timer->arg);
        i = 0;
    }
}

/* Opening and closing. */

static const enum payment_method card_only[] = { METHOD_CARD, METHOD_NONE };

static bool get_challenge(void *self, struct str token, struct arena *arena,
                          struct api_challenge *out)
{
    struct api_fixture *fixture = self;

    (void)arena;
    if (!str_equal_c(token, "tok") || str_is_empty(fixture->challenge.operation_reference))
        return false;
    *out = fixture->challenge;
    return true;
}

static bool decide_challenge(void *self, struct str token, bool approve)
{
    struct api_fixture *fixture = self;

    assert_true(str_equal_c(token, "tok"));
    fixture->decided++;
    fixture->challenge.state = approve ? CHALLENGE_APPROVED : CHALLENGE_DECLINED;
    return true;
}

static enum err keep_merchant(void *self, void *row)
{
    *(struct merchant_id *)self = ((const struct merchant *)row)->id;
    return OK;
}

struct str api_add_key(struct api_fixture *fixture, struct api_key fields)
{
    struct arena *arena = &fixture->books.arena;
    struct secret text = key_make(&fixture->books.outside.outside, fields.live);
    struct api_key *key = ARENA_NEW(arena, struct api_key);

    *key = fields;
    key->id = api_key_id_make(&fixture->ids, outside_now_ms(&fixture->books.outside.outside));
    if (merchant_id_is_zero(key->merchant))
        key->merchant = fixture->merchant;
    key->hash = key_hash(&fixture->installation_key, secret_reveal(&text));
    key->hint = key_hint(arena, secret_reveal(&text));
    key->created_ms = 1;
    const void *rows[] = { key };
    struct db *db = store_db(fixture->store);
    assert_stored(db, db_begin(db));
    assert_stored(db, db_insert(db, &table_api_keys, rows, 1));
    assert_stored(db, db_commit(db));
    struct str copy = str_copy(arena, secret_reveal(&text));
    secret_done(&text);
    return copy;
}

static void open_books(struct api_fixture *fixture)
{
    struct arena *arena = &fixture->books.arena;
    const struct outside *outside = &fixture->books.outside.outside;
    struct str why = { 0 };
    bool made = false;

    store_fixture_place(&fixture->books, &store_engines[0]);
    assert_int_equal(store_migrate(fixture->books.where, true, outside, arena, &why), OK);
    struct store_config config = { .where = fixture->books.where,
                                   .outside = outside,
                                   .gateways = fixture->gateways };
    assert_int_equal(store_open(&config, arena, &fixture->store, &why), OK);
    struct db *db = store_db(fixture->store);
    assert_stored(db, store_bootstrap(fixture->store, &made));
    assert_stored(db, store_run_begin(fixture->store, STR("test"), true, &fixture->run));
    assert_stored(db, db_select(db, &table_merchants, "name = 'default'", NULL, 0, arena,
                                keep_merchant, &fixture->merchant));
    assert_int_equal(
        store_open_reader(fixture->books.where, outside, arena, &fixture->reader, &why), OK);
}

static enum err read_vault_keys(void *self, struct arena *arena, struct credentials_keys *out,
                                struct str *why)
{
    (void)self;
    return credentials_keys_parse(STR(VAULT_KEY), out, arena, why);
}

static void open_vault(struct api_fixture *fixture)
{
    const struct vault_source source = { fixture, read_vault_keys };
    struct str why;

    assert_int_equal(vault_open(&source, &fixture->books.outside.outside, &fixture->books.arena,
                                &fixture->vault, &why), OK);
}

void api_fixture_open(struct api_fixture *fixture)
{
    *fixture = (struct api_fixture){
        .gateway = { .name = "sandbox",
                     .test_only = true,
                     .methods = card_only,
                     .authorization_ms = INT64_C(432000000),
                     .visibility_ms = 2000,
                     .deadline_ms = 2000 },
        .gateways = { &fixture->gateway, NULL },
    };
    for (int kind = OPERATION_KIND_AUTHORIZE; kind < OPERATION_KIND_COUNT; kind++)
        fixture->gateway.calls[kind] = (struct gateway_call){ mute_build, mute_parse,
                                                              GW_ENQUIRE_FIRST };
    the_server = (struct server){ .outside = &fixture->books.outside.outside };
    open_books(fixture);
    fixture->ids.outside = &fixture->books.outside.outside;
    log_setup(&fixture->books.outside.outside, LOG_TEXT, LOG_ERROR);
    fixture->installation_key = secret_copy(STR("installation key of a test"));
    open_vault(fixture);
    fixture->desk = (struct desk){ fixture, submit, take_read, begin_reads, take_probe, take_check,
                                   NULL, is_behind };
    struct api_config config = {
        .outside = &fixture->books.outside.outside,
        .desk = &fixture->desk,
        .gateways = fixture->gateways,
        .installation_key = &fixture->installation_key,
        .vault = fixture->vault,
        .challenges = { fixture, get_challenge, decide_challenge },
        .public_url = STR("http://purser.test"),
        .trusted_proxies = STR("198.51.100.0/24"),
        .find_name = take_name,
        .names = fixture,
    };
    assert_int_equal(api_open(&config, &fixture->api), OK);
    api_attach(fixture->api, &the_server);
    fixture->key = api_add_key(fixture, (struct api_key){ .scopes = KEY_SCOPES_ALL });
}

void api_fixture_done(struct api_fixture *fixture)
{
    /* Whoever still waits has waited long enough; nobody is forgotten. */
    api_run(fixture);
    api_pass_time(fixture, 31000);
    assert_int_equal(the_server.open, 0);
    api_close(fixture->api);
    db_close(fixture->reader);
    store_close(fixture->store);
    vault_close(fixture->vault);
    secret_done(&fixture->installation_key);
    store_fixture_done(&fixture->books);
}

int api_fixture_setup(void **state)
{
    struct api_fixture *fixture = mem_alloc(sizeof *fixture);

    api_fixture_open(fixture);
    *state = fixture;
    return 0;
}

int api_fixture_teardown(void **state)
{
    api_fixture_done(*state);
    mem_free(*state);
    return 0;
}

/* Asking. */

static enum http_method method_of(const char *text)
{
    static const char *const texts[] = { "GET",   "HEAD",   "POST",    "PUT",
                                         "PATCH", "DELETE", "OPTIONS", "OTHER" };

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (strcmp(text, texts[i]) == 0)
            return (enum http_method)i;
    fail_msg("no method: %s", text);
    return HTTP_OTHER;
}

static void add_header(struct server_request *request, struct str name, struct str value)
{
    assert_true(request->header_count < COUNT_OF(request->headers));
    request->headers[request->header_count++] = (struct http_header){ name, value };
}

static void add_headers(struct server_request *request, struct str lines)
{
    struct str line;

    while (str_cut(&lines, '\n', &line)) {
        size_t colon = str_find_char(line, ':', 0);
        add_header(request, str_slice(line, 0, colon),
                   str_trim(str_slice(line, colon + 1, line.len)));
    }
}

struct answer *api_ask(struct api_fixture *fixture, const char *method, const char *target,
                       const char *headers, const char *body)
{
    struct arena *arena = &fixture->books.arena;
    struct server_request *request = mem_alloc(sizeof *request);
    struct answer *answer = ARENA_NEW(arena, struct answer);
    struct str whole = str_of(target);
    size_t mark = str_find_char(whole, '?', 0);

    answer->arena = arena;
    request->server = &the_server;
    request->answer = answer;
    request->method = method_of(method);
    request->path = str_copy(&request->arena, str_slice(whole, 0, mark));
    request->query = str_copy(&request->arena, str_slice(whole, mark + 1, whole.len));
    request->body = str_copy(&request->arena, str_of(body));
    request->peer = STR("192.0.2.7");
    request->started_us = outside_monotonic_us(&fixture->books.outside.outside);
    add_headers(request, str_copy(&request->arena, str_of(headers)));
    if (str_is_empty(server_request_header(request, "Authorization")))
        add_header(request, STR("Authorization"),
                   str_format(&request->arena, "Bearer %.*s", STR_ARG(fixture->key)));
    if (request->body.len > 0 && str_is_empty(server_request_header(request, "Content-Type")))
        add_header(request, STR("Content-Type"), STR("application/json"));
    the_server.open++;
    api_handle(fixture->api, request);
    return answer;
}

struct answer *api_get(struct api_fixture *fixture, const char *target)
{
    struct answer *answer = api_ask(fixture, "GET", target, "", "");

    api_run(fixture);
    return answer;
}

struct answer *api_post(struct api_fixture *fixture, const char *target, const char *key,
                        const char *body)
{
    struct str header = { 0 };

    if (key)
        header = str_format(&fixture->books.arena, "Idempotency-Key: %s", key);
    struct answer *answer = api_ask(fixture, "POST", target, str_c(&fixture->books.arena, header),
                                    body);
    api_run(fixture);
    return answer;
}

/* Answers. */

int answer_status(const struct answer *answer)
{
    return answer->status;
}

struct str answer_body(const struct answer *answer)
{
    return answer->body;
}

struct str answer_request_body(const struct answer *answer)
{
    return answer->request_body;
}

bool answer_has(const struct answer *answer, const char *part)
{
    return memmem(answer->body.ptr, answer->body.len, part, strlen(part)) != NULL;
}

const struct json *answer_json(const struct answer *answer)
{
    const struct json *json = NULL;
    struct str why = { 0 };

    if (json_parse(answer->body, answer->arena, &json, &why) != OK)
        fail_msg("%.*s: %.*s", STR_ARG(why), STR_ARG(answer->body));
    return json;
}

struct str answer_header(const struct answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (str_equal_nocase(answer->headers[i].name, str_of(name)))
            return answer->headers[i].value;
    return (struct str){ 0 };
}

const char *answer_text(const struct answer *answer, const char *member)
{
    return str_c(answer->arena, json_text(json_get(answer_json(answer), member)));
}

void assert_status(const struct answer *answer, int status)
{
    if (answer->status != status)
        fail_msg("%d instead of %d: %.*s", answer->status, status, STR_ARG(answer->body));
}

void assert_problem(const struct answer *answer, int status, const char *code, const char *param)
{
    assert_status(answer, status);
    assert_true(str_equal_c(answer->content_type, "application/problem+json"));
    assert_string_equal(answer_text(answer, "code"), code);
    assert_string_equal(answer_text(answer, "param"), param ? param : "");
    assert_true(answer_text(answer, "detail")[0] != '\0');
    assert_string_equal(answer_text(answer, "request_id"),
                        str_c(answer->arena, answer_header(answer, "Request-Id")));
}
