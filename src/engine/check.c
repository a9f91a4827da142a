/* check.c - a check is a short row of calls, each begun by the end of the one before:
 *
 *   login -> probe -> the test message -> done
 *
 * What a reason says of readiness: an address that is wrong is a failure, silence is not. */
#include "engine/check.h"

#include "core/account.h"
#include "engine/exchange.h"

struct checkup {
    struct client_call wire;
    struct client *client;
    const struct outside *outside;
    struct desk_check *check;
    struct gateway_ask ask;
    struct secret token;
    struct str gateway_url;          /* that was asked last */
};

static void find(struct checkup *run, enum check_item item, enum check_status status,
                 struct str detail, struct str advice)
{
    check_find(&run->check->report, item, status, detail, advice);
}

static void finish(struct checkup *run)
{
    struct desk_check *check = run->check;

    check_say_why_not(&check->report, STR("The gateway gave no answer to go by."),
                      STR("Put right what failed above, and check again."));
    secret_done(&run->token);
    if (check->over)
        check->over(check->over_self);
    check->done(check);
}

/* --- replies that tell nothing --- */

/* What whoever set the address has to do; NULL when nothing is known to be wrong. */
static const char *advice_for(enum client_reason reason)
{
    switch (reason) {
    case CLIENT_REASON_MALFORMED:
    case CLIENT_REASON_NAME:
        return "Is the address spelt right? If it is: does this machine's DNS work?";
    case CLIENT_REASON_PLAIN:
        return "Live accounts need an address that begins with https://.";
    case CLIENT_REASON_ADDRESS:
    case CLIENT_REASON_CONNECT:
        return "Is the address right, does something listen there, and does a firewall let this"
               " machine out to it?";
    case CLIENT_REASON_CERTIFICATE:
        return "Is it the right host? If it is: is its certificate valid, and does this machine"
               " trust who signed it (ca-certificates, gateway_ca_file)?";
    case CLIENT_REASON_TRUST:
        return "Install ca-certificates, or set gateway_ca_file.";
    case CLIENT_REASON_TLS:
    case CLIENT_REASON_NOT_HTTP:
    case CLIENT_REASON_TOO_LARGE:
        return "Is it the right address and port? What answers there is something else.";
    default:
        return NULL;
    }
}

static void put_no_reply(struct checkup *run, enum check_item item)
{
    const char *advice = advice_for(run->wire.reason);

    find(run, item, advice ? CHECK_FAILED : CHECK_NOT_RUN,
         str_format(&run->check->arena, "%.*s: %s", STR_ARG(run->wire.url),
                    client_reason_text(run->wire.reason)),
         advice ? str_of(advice) : STR("Check again later."));
}

static bool is_trouble(int status)
{
    return status >= 500 || status == 429;
}

static void put_odd_reply(struct checkup *run, enum check_item item, const char *is_not,
                          const char *advice)
{
    int status = run->wire.status;
    struct arena *arena = &run->check->arena;

    if (is_trouble(status))
        find(run, item, CHECK_NOT_RUN, str_format(arena, "It answered HTTP %d.", status),
             STR("Check again later."));
    else
        find(run, item, CHECK_FAILED,
             str_format(arena, "What answers at %.*s (HTTP %d) is not %s.", STR_ARG(run->wire.url),
                        status, is_not),
             str_of(advice));
}

/* --- calls --- */

static void send(struct checkup *run, const struct http_request *request,
                 void (*done)(struct client_call *wire))
{
    struct desk_check *check = run->check;
    struct account_settings settings = account_settings(check->account, check->gateway,
                                                        &check->arena);

    run->wire = (struct client_call){
        .deadline_us = outside_monotonic_us(run->outside) + CHECK_CALL_MS * INT64_C(1000),
        .account = run->ask.account_id,
        .limits = { (unsigned)settings.calls_at_once, (unsigned)settings.calls_per_minute },
        .plain = !check->account->live,
        .done = done,
    };
    exchange_ask(&run->wire, request, &check->arena);
    if (client_send(run->client, &run->wire))
        return;
    run->wire.end = CLIENT_NOT_SENT;
    run->wire.reason = CLIENT_REASON_STOPPED;
    done(&run->wire);
}

/* --- the test message --- */

static bool is_loopback(struct str url)
{
    struct str rest = str_slice(url, str_find_char(url, '/', 0) + 2, url.len);

    return str_starts_with(rest, STR("127.")) || str_starts_with(rest, STR("localhost")) ||
           str_starts_with(rest, STR("[::1]"));
}

static void on_notice(struct client_call *wire)
{
    struct checkup *run = LINK_OWNER(wire, struct checkup, wire);
    struct desk_check *check = run->check;
    const struct json *doc = NULL;

    if (wire->end != CLIENT_REPLY) {
        put_no_reply(run, CHECK_ITEM_NOTIFICATIONS);
    } else if (wire->status == 200 &&
               json_parse(wire->reply_body, &check->arena, &doc, NULL) == OK &&
               str_equal(json_text(json_get(doc, "answer")), check->test_answer)) {
        find(run, CHECK_ITEM_NOTIFICATIONS, CHECK_OK,
             str_format(&check->arena, "A test message to %.*s came in.", STR_ARG(wire->url)),
             (struct str){ 0 });
    } else {
        put_odd_reply(run, CHECK_ITEM_NOTIFICATIONS, "this purser",
                      "Set public_url to the address that leads here, and look at the routes of"
                      " the proxy in front: /v1/notifications/ must come through unchanged.");
    }
    finish(run);
}

static void try_notice(struct checkup *run)
{
    struct desk_check *check = run->check;
    struct str public_url = check->public_url;
    struct http_field fields[] = { { STR("Content-Type"), STR("application/json") },
                                   { STR(CHECK_HEADER), check->test } };

    while (str_ends_with(public_url, STR("/")))
        public_url.len--;
    if (!check->report.applies[CHECK_ITEM_NOTIFICATIONS]) {
        finish(run);
    } else if (is_loopback(public_url) && !is_loopback(run->gateway_url)) {
        find(run, CHECK_ITEM_NOTIFICATIONS, CHECK_FAILED,
             str_format(&check->arena, "No gateway can reach %.*s: it is this machine alone.",
                        STR_ARG(public_url)),
             STR("Set public_url to the address under which purser is reached from outside."));
        finish(run);
    } else {
        send(run,
             &(struct http_request){
                 .method = "POST",
                 .url = str_format(&check->arena, "%.*s/v1/notifications/%s/%.*s",
                                   STR_ARG(public_url), check->gateway->name,
                                   STR_ARG(run->ask.account_id)),
                 .fields = fields,
                 .field_count = sizeof fields / sizeof fields[0],
                 .body = STR("{}"),
             },
             on_notice);
    }
}

/* --- the gateway --- */

/* An answer of theirs, whatever it says. */
static void put_gateway(struct checkup *run)
{
    struct desk_check *check = run->check;
    struct http_reply reply = exchange_reply(&run->wire, &check->arena);
    int64_t took_ms = run->wire.times.total_us / 1000;

    find(run, CHECK_ITEM_GATEWAY, CHECK_OK,
         str_format(&check->arena, "%.*s answered in %lld ms.", STR_ARG(run->wire.url),
                    (long long)took_ms),
         (struct str){ 0 });
    check_clock(&check->report, http_reply_field(&reply, "Date"), outside_now_ms(run->outside),
                took_ms, &check->arena);
}

static void on_probe(struct client_call *wire)
{
    struct checkup *run = LINK_OWNER(wire, struct checkup, wire);
    struct desk_check *check = run->check;

    run->gateway_url = wire->url;
    if (wire->end != CLIENT_REPLY) {
        put_no_reply(run, CHECK_ITEM_GATEWAY);
    } else {
        struct http_reply reply = exchange_reply(wire, &check->arena);
        if (check->gateway->probe.parse(&run->ask, &reply, &check->arena, &check->report) == OK)
            put_gateway(run);
        else
            put_odd_reply(run, CHECK_ITEM_GATEWAY, "the gateway's API",
                          "Look at the account's settings that hold addresses.");
    }
    try_notice(run);
}

static void try_probe(struct checkup *run)
{
    struct http_request request;

    if (run->check->gateway->probe.build(&run->ask, &run->check->arena, &request) == OK) {
        send(run, &request, on_probe);
        return;
    }
    find(run, CHECK_ITEM_GATEWAY, CHECK_NOT_RUN, STR("The question could not be written."),
         STR("Look at the account's settings."));
    try_notice(run);
}

static void read_login(struct checkup *run)
{
    struct desk_check *check = run->check;
    struct http_reply reply = exchange_reply(&run->wire, &check->arena);
    struct gateway_token token = { 0 };
    enum err err = check->gateway->login.parse(&reply, &check->arena, &token);

    if (err == OK) {
        put_gateway(run);
        find(run, CHECK_ITEM_CREDENTIALS, CHECK_OK, STR("They gave a token."), (struct str){ 0 });
        run->token = secret_copy(token.text);
        run->ask.token = &run->token;
    } else if (err == ERR_FORBIDDEN) {
        put_gateway(run);
        find(run, CHECK_ITEM_CREDENTIALS, CHECK_FAILED,
             str_format(&check->arena, "They refuse the login (HTTP %d).", run->wire.status),
             STR("Set the account's credentials as the contract has them, those of this mode."));
    } else {
        put_odd_reply(run, CHECK_ITEM_GATEWAY, "the gateway's login",
                      "Look at the account's settings that hold addresses.");
    }
}

static void on_login(struct client_call *wire)
{
    struct checkup *run = LINK_OWNER(wire, struct checkup, wire);

    run->gateway_url = wire->url;
    if (wire->end == CLIENT_REPLY)
        read_login(run);
    else
        put_no_reply(run, CHECK_ITEM_GATEWAY);
    if (run->ask.token)
        try_probe(run);
    else
        try_notice(run);
}

static void try_login(struct checkup *run)
{
    struct http_request request;

    if (!run->check->gateway->login.build) {
        try_probe(run);
    } else if (run->check->gateway->login.build(&run->ask, &run->check->arena, &request) == OK) {
        send(run, &request, on_login);
    } else {
        find(run, CHECK_ITEM_GATEWAY, CHECK_NOT_RUN, STR("The login could not be written."),
             STR("Look at the account's settings."));
        try_notice(run);
    }
}

void check_run(struct client *client, const struct outside *outside, struct desk_check *check)
{
    struct checkup *run = ARENA_NEW(&check->arena, struct checkup);
    const struct secret *credentials = secret_is_empty(&check->credentials) ? NULL
                                                                            : &check->credentials;
    struct buf id;

    buf_init(&id, &check->arena, ID_TEXT_MAX);
    gateway_account_id_write(&id, check->account->id);
    *run = (struct checkup){
        .client = client,
        .outside = outside,
        .check = check,
        .ask = {
            .call = OPERATION_KIND_ENQUIRE,
            .about = OPERATION_KIND_AUTHORIZE,
            .credentials = credentials,
            .method = check->gateway->methods[0],
            .public_url = check->public_url,
            .account_id = buf_str(&id),
            .live = check->account->live,
            .settings = check->account->settings,
            .now_ms = outside_now_ms(outside),
        },
    };
    check_begin(&check->report, check->gateway);
    bool is_whole = check_account(&check->report, check->gateway, check->account, credentials,
                                  check->public_url, &check->arena);
    if (is_whole && !check->gateway->in_process) {
        try_login(run);
        return;
    }
    check_say_why_not(&check->report, STR("The account is not whole: nothing was asked with it."),
                      STR("Put right what failed above, and check again."));
    finish(run);
}
