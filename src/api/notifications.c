/* notifications.c - what gateways send by themselves: verified, kept, and only then answered.
 *
 *   notification_take   on the loop: who is it for? handed to a reader
 *   examine             on a reader's thread: account, address, signature, claims
 *   examined            on the loop: refused, or its rows become a turn; before that, where the
 *                       account names domains,
 *   was_named           on the loop: whether the sender's name, which a thread of its own found
 *                       out, is one of them
 *   turn_is_back        on the loop: 200, because the rows are committed
 *
 * What they claim is applied by a later turn (core/notices.c), which asks the gateway. */
#include <assert.h>

#include "api/address.h"
#include "api/metrics.h"
#include "api/resources.h"
#include "base/log.h"
#include "core/account.h"
#include "core/check.h"
#include "core/notice_rows.h"
#include "core/requests.h"

#define HEADERS_MAX 100
#define NAME_WAIT_MS 5000

/* The rows are made in the turn's arena, and so is this. */
struct notification {
    struct call *call;
    const struct gateway *gateway;
    struct gateway_account_id account_id;
    struct str peer;
    struct desk_turn *turn;
    struct notices_keep keep;
    struct gateway_account *account;
    struct str domains; /* whose hosts it may come from, when its address is not listed */
    bool unreadable; /* by its own gateway's rules, though it is theirs */
    enum err err;
};

/* A name that is being found out. It is the loop's, but while it is with the resolver. */
struct sender {
    struct reverse_ask ask;
    struct api *api;
    struct notification *notification; /* NULL: answered without it */
    struct server_timer timer;
};

/* Verifying. */

static struct gateway_notice notice_of(const struct notification *self, struct arena *arena,
                                       const struct secret *credentials)
{
    const struct server_request *request = self->call->request;
    struct http_field *fields = ARENA_ARRAY(arena, struct http_field, HEADERS_MAX);
    size_t count = 0;

    for (; count < HEADERS_MAX; count++) {
        struct http_header header = server_request_header_at(request, count);
        if (str_is_empty(header.name))
            break;
        fields[count] = (struct http_field){ header.name, header.value };
    }
    return (struct gateway_notice){ fields, count, server_request_body(request), credentials };
}

static enum err verify(struct notification *self, struct arena *arena)
{
    const struct gateway_account *account = self->account;
    struct vault *vault = self->call->api->config.vault;
    bool has_some = !str_is_empty(account->credentials);
    struct secret credentials = { 0 };

    if (has_some && !vault_unseal(vault, account->id, account->credentials, &credentials))
        return ERR_INTERNAL;
    struct gateway_notice notice = notice_of(self, arena, has_some ? &credentials : NULL);
    enum err err = notice_rows(self->gateway, account, &notice, &self->turn->arena, arena,
                               &self->keep, &self->unreadable);
    secret_done(&credentials);
    return err;
}

static enum err examine(struct desk_read *read, struct db *db)
{
    struct notification *self = read->user;

    self->err = query_gateway_account_by_id(db, self->account_id, &self->turn->arena,
                                            &self->account);
    if (!self->err && !str_equal_c(self->account->gateway, self->gateway->name))
        self->err = ERR_NOT_FOUND;
    if (self->err)
        return self->err;
    struct str addresses = account_notification_addresses(self->account, &read->arena);
    struct str domains = account_notification_domains(self->account, &self->turn->arena);
    bool anybody = str_is_empty(addresses) && str_is_empty(domains);
    bool listed = !str_is_empty(addresses) && address_is_listed(addresses, self->peer);

    /* Names are looked up for those only who prove that they are the gateway. */
    self->domains = anybody || listed ? (struct str){ 0 } : domains;
    if (anybody || listed || !str_is_empty(domains))
        self->err = verify(self, &read->arena);
    else
        self->err = ERR_FORBIDDEN;
    return self->err;
}

/* Back on the loop. */

static void notification_end(struct notification *self)
{
    desk_turn_free(self->turn);
}

static void turn_is_back(void *arg)
{
    struct desk_turn *turn = arg;
    struct notification *self = turn->user;
    struct call *call = self->call;

    call->trouble.detail = str_copy(call->arena, turn->detail);
    if (turn->err)
        call_fail(call, turn->err);
    else
        call_answer_json(call, turn->answer.status, turn->answer.body);
    notification_end(self);
}

static void turn_done(struct desk_turn *turn)
{
    const struct notification *self = turn->user;

    server_post(atomic_load(&self->call->api->server), turn_is_back, turn);
}

static void tell(const struct notification *self, enum log_level level, const char *event)
{
    char bytes[ID_TEXT_MAX];
    struct buf id;

    buf_fixed(&id, bytes, sizeof bytes);
    gateway_account_id_write(&id, self->account_id);
    log_event(level, event, LOG_C("gateway", self->gateway->name),
              LOG_STR("gateway_account", buf_str(&id)),
              LOG_STR("request_id", self->call->id_text), LOG_END);
}

/* The reason is for whoever set up the notification at the gateway. */
static enum err refuse(const struct notification *self)
{
    struct call *call = self->call;

    switch (self->err) {
    case ERR_NOT_FOUND:
        return trouble_say(&call->trouble, ERR_NOT_FOUND,
                           "There is no such account at this gateway.");
    case ERR_FORBIDDEN:
        tell(self, LOG_WARN, "notification.refused");
        metrics_count_refused_notification(call->api->metrics, self->gateway->name);
        return trouble_say(&call->trouble, ERR_FORBIDDEN,
                           "Notifications may not come from this address.");
    case ERR_UNAUTHENTICATED:
        tell(self, LOG_WARN, "notification.refused");
        metrics_count_refused_notification(call->api->metrics, self->gateway->name);
        return trouble_say(&call->trouble, ERR_UNAUTHENTICATED,
                           "The notification's signature is not valid.");
    case ERR_INTERNAL:
        tell(self, LOG_ERROR, "credentials.unreadable");
        return trouble_say(&call->trouble, ERR_INTERNAL, "The credentials do not open.");
    default:
        return trouble_say(&call->trouble, self->err, "The books could not be read.");
    }
}

static enum err keep(struct notification *self)
{
    const struct desk *desk = self->call->api->config.desk;
    struct desk_turn *turn = self->turn;

    if (self->unreadable)
        tell(self, LOG_WARN, "notification.unreadable");
    turn->input = (struct turn_input){
        .handler = &turn_notices_keep,
        .merchant = self->account->merchant,
        .live = self->account->live,
        .origin = ORIGIN_NOTIFICATION,
        .actor = STR("gateway"),
        .ask = &self->keep,
    };
    turn->done = turn_done;
    turn->user = self;
    if (desk->submit(desk->self, turn))
        return OK;
    return trouble_say(&self->call->trouble, ERR_UNAVAILABLE, "This node takes no more work now.");
}

/* Whose name it has to be. */
static bool is_named_well(const struct notification *self, struct str name)
{
    struct str domains = self->domains, domain;

    while (str_cut(&domains, ' ', &domain))
        if (reverse_is_below(name, domain))
            return true;
    return false;
}

static void settle(struct notification *self, enum err err)
{
    struct call *call = self->call;

    self->err = err;
    err = err ? refuse(self) : keep(self);
    if (err) {
        call_fail(call, err);
        notification_end(self);
    }
}

/* It may be the gateway, and it may not: it has to come again. */
static void put_off(struct notification *self)
{
    struct call *call = self->call;

    tell(self, LOG_WARN, "notification.unnamed");
    call_fail(call, trouble_say(&call->trouble, ERR_UNAVAILABLE,
                                "The name of this address cannot be found out now."));
    notification_end(self);
}

static void was_named(void *arg)
{
    struct sender *sender = arg;
    const struct reverse_ask *ask = &sender->ask;
    struct notification *self = sender->notification;

    if (self) {
        server_timer_cancel(&sender->timer);
        if (ask->end == REVERSE_UNKNOWN)
            put_off(self);
        else
            settle(self, is_named_well(self, str_of(ask->name)) ? OK : ERR_FORBIDDEN);
    }
    mem_free(sender);
}

static void name_done(struct reverse_ask *ask)
{
    struct sender *sender = ask->user;

    server_post(atomic_load(&sender->api->server), was_named, sender);
}

/* The gateway is not kept waiting for somebody's name server; it sends again. */
static void name_is_late(void *arg)
{
    struct sender *sender = arg;
    struct notification *self = sender->notification;

    sender->notification = NULL;
    put_off(self);
}

/* False when nobody looks for it. */
static bool find_name(struct notification *self)
{
    struct call *call = self->call;
    const struct api_config *config = &call->api->config;
    struct sender *sender = mem_alloc(sizeof *sender);
    struct buf address;

    buf_fixed(&address, sender->ask.address, sizeof sender->ask.address);
    buf_add(&address, self->peer);
    (void)buf_c(&address);
    sender->ask.done = name_done;
    sender->ask.user = sender;
    sender->api = call->api;
    sender->notification = self;
    server_timer_start(server_of(call->request), &sender->timer, NAME_WAIT_MS, name_is_late,
                       sender);
    if (config->find_name && config->find_name(config->names, &sender->ask))
        return true;
    server_timer_cancel(&sender->timer);
    mem_free(sender);
    return false;
}

static void examined(void *arg)
{
    struct desk_read *read = arg;
    struct notification *self = read->user;

    if (self->err || str_is_empty(self->domains))
        settle(self, self->err);
    else if (!find_name(self))
        put_off(self);
    desk_read_free(read);
}

static void read_done(struct desk_read *read)
{
    const struct notification *self = read->user;

    server_post(atomic_load(&self->call->api->server), examined, read);
}

/* Before the account's id in the address. */
static struct str gateway_name_of(const struct call *call)
{
    struct str path = server_request_path(call->request);
    struct str rest = str_slice(path, sizeof NOTIFICATIONS_PATH - 1, path.len);

    return str_slice(rest, 0, str_find_char(rest, '/', 0));
}

/* POST /v1/notifications/{gateway}/{account}. No key: the gateway's signature is the proof. */
enum err notification_take(struct call *call)
{
    const struct desk *desk = call->api->config.desk;
    const struct gateway *gateway = gateway_of(call, gateway_name_of(call));
    struct str test = server_request_header(call->request, CHECK_HEADER);

    if (!gateway || !gateway->notices.verify)
        return trouble_say(&call->trouble, ERR_NOT_FOUND,
                           "There is no gateway of this name that sends notifications.");
    if (!str_is_empty(test))
        return notification_test(call, test);
    struct desk_turn *turn = desk_turn_new();
    struct desk_read *read = desk_read_new();
    struct notification *self = ARENA_NEW(&turn->arena, struct notification);
    *self = (struct notification){
        .call = call,
        .gateway = gateway,
        .account_id = { call->object },
        .peer = call_peer(call),
        .turn = turn,
    };
    read->run = examine;
    read->done = read_done;
    read->user = self;
    if (desk->read(desk->self, read))
        return OK;
    desk_read_free(read);
    notification_end(self);
    return trouble_say(&call->trouble, ERR_UNAVAILABLE, "This node takes no more work now.");
}
