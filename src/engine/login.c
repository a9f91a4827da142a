/* login.c - a list of logins, under one lock that is never held while others are called. */
#include "engine/login.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "engine/exchange.h"

/* So long before its end a token is not given out any more, or a tenth of its life if that is
 * shorter: the call it is for has to arrive with it. */
#define EARLY_MS (60 * SECOND_MS)
/* Whatever they promise. */
#define LIFE_MAX_MS (30 * DAY_MS)

struct login {
    struct login *next;
    struct sha256 key;
    struct secret token;             /* empty: none */
    int64_t renew_us;                /* the token is not given out from then on */
    bool under_way;
    struct link *wishes, **wishes_end;       /* that wait for the one under way */
};

/* A login on its way. */
struct errand {
    struct client_call wire;
    struct arena arena;
    struct logins *logins;
    struct login *login;             /* NULL: an order's, */
    struct login_wish *wish;         /* which is this one's alone */
    const struct gateway_login *pair;
    int64_t deadline_ms;
    struct gateway_ask ask;
    struct secret credentials;
};

struct logins {
    const struct outside *outside;
    struct login_sender sender;
    pthread_mutex_t lock;
    struct login *first;             /* as many as there are accounts that log in */
};

static void login_free(struct login *login)
{
    assert(!login->under_way && !login->wishes);
    secret_done(&login->token);
    mem_free(login);
}

static void errand_free(struct errand *errand)
{
    secret_done(&errand->credentials);
    arena_wipe(&errand->arena);
    arena_done(&errand->arena);
    mem_free(errand);
}

struct logins *logins_open(const struct outside *outside, const struct login_sender *sender)
{
    struct logins *logins = mem_alloc(sizeof(*logins));
    logins->outside = outside;
    logins->sender = *sender;
    pthread_mutex_init(&logins->lock, NULL);
    return logins;
}

void logins_close(struct logins *logins)
{
    if (!logins)
        return;
    while (logins->first) {
        struct login *login = logins->first;
        logins->first = login->next;
        login_free(login);
    }
    pthread_mutex_destroy(&logins->lock);
    mem_free(logins);
}

/* The whole of what decides whose token it is. */
static struct sha256 key_of(const struct gateway *gateway, const struct gateway_ask *ask)
{
    const struct str pieces[] = {
        str_of(gateway->name), ask->account_id, ask->settings,
        ask->credentials ? secret_reveal(ask->credentials) : (struct str){ 0 },
    };
    return crypto_hmac_sha256(STR("login"), pieces, sizeof(pieces) / sizeof(pieces[0]));
}

static bool is_stale(const struct login *login, int64_t now_us)
{
    return !login->under_way && login->renew_us <= now_us;
}

/* What an account had before its credentials changed is not found any more, and ends here. */
static void free_stale(struct logins *logins, int64_t now_us)
{
    for (struct login **place = &logins->first; *place;) {
        struct login *login = *place;
        if (is_stale(login, now_us)) {
            *place = login->next;
            login_free(login);
        } else {
            place = &login->next;
        }
    }
}

static struct login *find(struct logins *logins, const struct sha256 *key)
{
    for (struct login *login = logins->first; login; login = login->next)
        if (memcmp(&login->key, key, sizeof(*key)) == 0)
            return login;
    return NULL;
}

static struct login *find_or_make(struct logins *logins, const struct sha256 *key)
{
    struct login *login = find(logins, key);
    if (login)
        return login;
    free_stale(logins, outside_monotonic_us(logins->outside));
    login = mem_alloc(sizeof(*login));
    login->key = *key;
    login->wishes_end = &login->wishes;
    login->next = logins->first;
    logins->first = login;
    return login;
}

static void keep_token(struct logins *logins, struct login *login,
                       const struct gateway_token *token)
{
    int64_t lives_ms = token->lives_ms < LIFE_MAX_MS ? token->lives_ms : LIFE_MAX_MS;
    int64_t early_ms = lives_ms / 10 < EARLY_MS ? lives_ms / 10 : EARLY_MS;
    secret_done(&login->token);
    login->token = secret_copy(token->text);
    login->renew_us = outside_monotonic_us(logins->outside) + (lives_ms - early_ms) * 1000;
}

static void settle_order(struct errand *errand, const struct gateway_token *token,
                         struct str why)
{
    struct secret given = { 0 };
    if (token)
        given = secret_copy(token->text);
    errand->wish->ready(errand->wish, token ? &given : NULL, why);
    secret_done(&given);
    errand_free(errand);
}

/* The login is over, with a token or without: all who waited are told. */
static void settle_account(struct errand *errand, const struct gateway_token *token,
                           struct str why)
{
    struct logins *logins = errand->logins;
    struct login *login = errand->login;
    struct secret given = { 0 };
    pthread_mutex_lock(&logins->lock);
    if (token) {
        keep_token(logins, login, token);
        given = secret_copy(token->text);
    }
    struct link *wishes = login->wishes;
    login->wishes = NULL;
    login->wishes_end = &login->wishes;
    login->under_way = false;
    pthread_mutex_unlock(&logins->lock);

    for (struct link *item = wishes, *next; item; item = next) {
        struct login_wish *wish = LINK_OWNER(item, struct login_wish, link);
        next = item->next;
        wish->ready(wish, token ? &given : NULL, why);
    }
    secret_done(&given);
    errand_free(errand);
}

static void settle(struct errand *errand, const struct gateway_token *token, struct str why)
{
    if (errand->login)
        settle_account(errand, token, why);
    else
        settle_order(errand, token, why);
}

static void settle_without(struct errand *errand, struct str why)
{
    log_event(LOG_WARN, "gateway.login_failed", LOG_STR("gateway_account", errand->ask.account_id),
              LOG_STR("detail", why), LOG_END);
    settle(errand, NULL, why);
}

static void on_done(struct client_call *wire)
{
    struct errand *errand = LINK_OWNER(wire, struct errand, wire);
    struct gateway_token token = { 0 };
    if (wire->end != CLIENT_REPLY) {
        settle_without(errand, str_format(&errand->arena, "The login failed. %s",
                                          client_reason_text(wire->reason)));
        return;
    }
    struct http_reply reply = exchange_reply(wire, &errand->arena);
    enum err err = errand->pair->parse(&reply, &errand->arena, &token);
    if (!err && !str_is_empty(token.text))
        settle(errand, &token, (struct str){ 0 });
    else if (err == ERR_FORBIDDEN)
        settle_without(errand, STR("The login failed. The gateway refuses the credentials."));
    else
        settle_without(errand, str_format(&errand->arena,
                                          "The login failed. The reply, HTTP %d, has no token.",
                                          reply.status));
}

static struct errand *errand_new(struct logins *logins, struct login *login,
                                 const struct gateway *gateway, const struct gateway_ask *ask)
{
    struct errand *errand = mem_alloc(sizeof(*errand));
    errand->logins = logins;
    errand->login = login;
    errand->pair = login ? &gateway->login : &gateway->order_login;
    errand->deadline_ms = gateway->deadline_ms;
    assert(errand->pair->build && errand->pair->parse);
    errand->ask = (struct gateway_ask){
        .account_id = str_copy(&errand->arena, ask->account_id),
        .settings = str_copy(&errand->arena, ask->settings),
        .live = ask->live,
        .now_ms = ask->now_ms,
    };
    if (ask->credentials) {
        errand->credentials = secret_copy(secret_reveal(ask->credentials));
        errand->ask.credentials = &errand->credentials;
    }
    return errand;
}

/* A repeated login does no harm: it may use a connection that is there. */
static void set_off(struct errand *errand, const struct client_limits *limits)
{
    struct logins *logins = errand->logins;
    struct http_request request;
    if (errand->pair->build(&errand->ask, &errand->arena, &request) != OK) {
        settle_without(errand, STR("The login could not be built from settings and credentials."));
        return;
    }
    exchange_ask(&errand->wire, &request, &errand->arena);
    errand->wire.deadline_us = outside_monotonic_us(logins->outside)
                               + errand->deadline_ms * 1000;
    errand->wire.account = errand->ask.account_id;
    errand->wire.limits = *limits;
    errand->wire.plain = !errand->ask.live;
    errand->wire.done = on_done;
    if (!logins->sender.send(logins->sender.self, &errand->wire))
        settle_without(errand, STR("Purser is stopping."));
}

void login_want(struct logins *logins, const struct gateway *gateway,
                const struct client_limits *limits, const struct gateway_ask *ask,
                struct login_wish *wish)
{
    struct errand *errand = NULL;
    struct secret kept = { 0 };
    wish->key = key_of(gateway, ask);
    pthread_mutex_lock(&logins->lock);
    struct login *login = find_or_make(logins, &wish->key);
    if (!secret_is_empty(&login->token)
        && outside_monotonic_us(logins->outside) < login->renew_us) {
        kept = secret_copy(secret_reveal(&login->token));
    } else {
        wish->link.next = NULL;
        *login->wishes_end = &wish->link;
        login->wishes_end = &wish->link.next;
        if (!login->under_way)
            errand = errand_new(logins, login, gateway, ask);
        login->under_way = true;
    }
    pthread_mutex_unlock(&logins->lock);
    if (!secret_is_empty(&kept))
        wish->ready(wish, &kept, (struct str){ 0 });
    else if (errand)
        set_off(errand, limits);
    secret_done(&kept);
}

void login_want_order(struct logins *logins, const struct gateway *gateway,
                      const struct client_limits *limits, const struct gateway_ask *ask,
                      struct login_wish *wish)
{
    struct errand *errand = errand_new(logins, NULL, gateway, ask);
    struct gateway_ask *order = &errand->ask;
    errand->wish = wish;
    wish->key = (struct sha256){ { 0 } };
    order->call = order->about = ask->call;
    order->method = ask->method;
    order->amount = ask->amount;
    order->reference = str_copy(&errand->arena, ask->reference);
    order->payment_reference = str_copy(&errand->arena, ask->payment_reference);
    order->public_url = str_copy(&errand->arena, ask->public_url);
    set_off(errand, limits);
}

void login_refused(struct logins *logins, const struct login_wish *wish,
                   const struct secret *token)
{
    pthread_mutex_lock(&logins->lock);
    struct login *login = find(logins, &wish->key);
    if (login && secret_equal(&login->token, secret_reveal(token)))
        secret_done(&login->token);
    pthread_mutex_unlock(&logins->lock);
}
