/* network.c - a gateway call over the network: login where there is one, the wire, the answer.
 *
 * Runs on the writer's thread until the call is with the client, on the client's from then on. */
#include <assert.h>

#include "base/log.h"
#include "engine/call.h"
#include "engine/engine_parts.h"
#include "engine/exchange.h"
#include "engine/step.h"

#define HTTP_UNAUTHORIZED 401

/* A node whose lease may be over writes no first byte. */
static bool may_begin(const struct client_call *wire)
{
    return engine_run_holds(LINK_OWNER(wire, struct call, wire));
}

static void fail(struct call *call, enum gateway_outcome outcome, struct str why)
{
    log_event(LOG_WARN, outcome == GW_NOT_SENT ? "gateway.not_sent" : "gateway.no_reply",
              LOG_STR("gateway_account", call->ask.account_id),
              LOG_C("call", word_text(&words_operation_kind, call->ask.call)),
              LOG_STR("detail", why), LOG_END);
    engine_call_failed(call->writer->engine, call, outcome, why);
}

bool engine_send(struct engine *engine, struct client *client, struct client_call *wire)
{
    const struct engine_steps *steps = engine->steps;
    return steps ? steps->send(steps->self, wire) : client_send(client, wire);
}

static void want_token(struct call *call)
{
    struct engine *engine = call->writer->engine;
    if (gateway_token_use(call->gateway, &call->ask) == GW_TOKEN_ORDER)
        login_want_order(engine->logins, call->gateway, &call->limits, &call->ask, &call->wish);
    else
        login_want(engine->logins, call->gateway, &call->limits, &call->ask, &call->wish);
}

/* 401 is their word that they did nothing, so the same may be sent again: once, with a token
 * that is new. */
static void refused_token(struct call *call)
{
    struct engine *engine = call->writer->engine;
    login_refused(engine->logins, &call->wish, &call->token);
    secret_done(&call->token);
    if (call->had_second_token) {
        fail(call, GW_NOT_SENT, STR("The gateway refused a new token, with HTTP 401."));
        return;
    }
    call->had_second_token = true;
    want_token(call);
}

static void on_done(struct client_call *wire)
{
    struct call *call = LINK_OWNER(wire, struct call, wire);
    struct engine *engine = call->writer->engine;
    struct str why = str_of(client_reason_text(wire->reason));
    if (wire->end == CLIENT_NOT_SENT && wire->reason == CLIENT_REASON_WITHDRAWN) {
        engine_call_drop(engine, call);
    } else if (wire->end == CLIENT_NOT_SENT) {
        fail(call, GW_NOT_SENT, why);
    } else if (wire->end == CLIENT_NO_REPLY) {
        fail(call, GW_UNKNOWN, why);
    } else if (wire->status == HTTP_UNAUTHORIZED && !secret_is_empty(&call->token)) {
        refused_token(call);
    } else {
        struct http_reply reply = exchange_reply(wire, &call->arena);
        engine_call_replied(engine, call, &reply);
    }
}

static void send(struct call *call)
{
    struct engine *engine = call->writer->engine;
    call->wire = (struct client_call){
        .deadline_us = call->deadline_us,
        .account = call->ask.account_id,
        .limits = call->limits,
        .once = call->ask.call != OPERATION_KIND_ENQUIRE,
        .plain = !call->ask.live,
        .may_begin = may_begin,
        .done = on_done,
    };
    exchange_ask(&call->wire, &call->request, &call->arena);
    if (!engine_send(engine, engine->client, &call->wire))
        engine_call_left(call);
}

static void on_token(struct login_wish *wish, const struct secret *token, struct str why)
{
    struct call *call = LINK_OWNER(wish, struct call, wish);
    if (!token) {
        fail(call, GW_NOT_SENT, why);
        return;
    }
    call->token = secret_copy(secret_reveal(token));
    call->ask.token = &call->token;
    if (engine_call_build_request(call))
        send(call);
    else
        fail(call, GW_NOT_SENT, STR("The request could not be built."));
}

void engine_network_call(struct engine *engine, struct call *call)
{
    call->started_ms = outside_now_ms(engine->outside);
    call->deadline_us = outside_monotonic_us(engine->outside) + call->gateway->deadline_ms * 1000;
    call->wish.ready = on_token;
    if (!call->built)
        fail(call, GW_NOT_SENT, STR("The request could not be built."));
    else if (gateway_token_use(call->gateway, &call->ask) != GW_TOKEN_NONE)
        want_token(call);
    else
        send(call);
}

static bool send_login(void *self, struct client_call *wire)
{
    struct engine *engine = self;
    return engine_send(engine, engine->client, wire);
}

enum err engine_network_open(struct engine *engine, const struct engine_config *config,
                             struct arena *arena, struct str *why)
{
    struct client_config client = CLIENT_CONFIG_DEFAULT(engine->outside);
    client.ca_file = config->gateway_ca_file;
    client.proxy = config->gateway_proxy;
    engine->logins = logins_open(engine->outside,
                                 &(struct login_sender){ engine, send_login });
    if (config->steps)
        return OK;
    return client_open(&client, arena, &engine->client, why);
}

void engine_network_stop(struct engine *engine)
{
    if (engine->client)
        client_stop(engine->client);
}

void engine_network_close(struct engine *engine)
{
    client_close(engine->client);
    logins_close(engine->logins);
}
