/* account_checks.c - POST /v1/gateway_accounts/{id}/check: whether an account is ready.
 *
 *   gateway_account_check   on the loop: handed to a reader
 *   examine                 on a reader's thread: the account, its credentials opened
 *   examined                on the loop: handed to the desk, which makes the calls
 *   check_is_back           on the loop: 200, whatever was found
 *
 * and notification_test, the answer to the message that the check sends to purser itself. */
#include "api/resources.h"
#include "base/json.h"
#include "core/check.h"

#define REPORT_MAX ((size_t)64 << 10)

/* In the check's arena. */
struct account_check {
    struct call *call;
    struct desk_check *check;
    struct gateway_account *account;
    enum err err;
    struct str store_detail;
};

static void check_is_back(void *arg)
{
    struct desk_check *check = arg;
    struct account_check *self = check->user;
    struct call *call = self->call;
    struct json_out out;
    struct buf body;

    buf_init(&body, &check->arena, REPORT_MAX);
    json_begin(&out, &body);
    check_render(&out, NULL, check->account, &check->report, call_now_ms(call));
    json_done(&out);
    if (buf_ok(&body))
        call_answer_json(call, 200, buf_str(&body));
    else
        call_fail(call, ERR_INTERNAL);
    desk_check_free(check);
}

static void check_done(struct desk_check *check)
{
    const struct account_check *self = check->user;

    server_post(atomic_load(&self->call->api->server), check_is_back, check);
}

/* What does not open stays empty: that is a finding. */
static void open_credentials(struct account_check *self)
{
    const struct gateway_account *account = self->account;
    struct vault *vault = self->call->api->config.vault;

    if (!str_is_empty(account->credentials) && vault &&
        !vault_unseal(vault, account->id, account->credentials, &self->check->credentials))
        self->check->credentials = (struct secret){ 0 };
}

static enum err examine(struct desk_read *read, struct db *db)
{
    struct account_check *self = read->user;
    struct call *call = self->call;
    const struct query_scope scope = { call->who.merchant, call->who.live };
    const struct gateway_account_id id = { call->object };

    secret_done(&self->check->credentials);
    self->err = query_gateway_account(db, scope, id, &self->check->arena, &self->account);
    if (!self->err)
        open_credentials(self);
    else if (self->err != ERR_NOT_FOUND)
        self->store_detail = str_copy(&self->check->arena, db_error(db));
    return self->err;
}

static enum err hand_in(struct account_check *self)
{
    struct call *call = self->call;
    const struct api_config *config = &call->api->config;
    struct desk_check *check = self->check;
    const struct gateway *gateway = gateway_of(call, self->account->gateway);

    if (!gateway)
        return trouble_say(&call->trouble, ERR_INTERNAL, "The account's gateway is not known.");
    check->gateway = gateway;
    check->account = self->account;
    check->public_url = config->public_url;
    check->test = check_test_make(config->installation_key, self->account->id, call_now_ms(call),
                                  &check->arena);
    check->test_answer = check_test_answer(config->installation_key, check->test, &check->arena);
    check->done = check_done;
    if (config->desk->check(config->desk->self, check))
        return OK;
    return trouble_say(&call->trouble, ERR_UNAVAILABLE, "Too many checks are under way.");
}

static void examined(void *arg)
{
    struct desk_read *read = arg;
    struct account_check *self = read->user;
    struct call *call = self->call;
    enum err err = self->err;

    if (err)
        call->trouble.detail = err == ERR_NOT_FOUND ? STR("There is no such object.")
                                                    : str_copy(call->arena, self->store_detail);
    else
        err = hand_in(self);
    desk_read_free(read);
    if (!err)
        return;
    call_fail(call, err);
    desk_check_free(self->check);
}

static void read_done(struct desk_read *read)
{
    const struct account_check *self = read->user;

    server_post(atomic_load(&self->call->api->server), examined, read);
}

/* POST /v1/gateway_accounts/{id}/check */
enum err gateway_account_check(struct call *call)
{
    const struct desk *desk = call->api->config.desk;
    struct desk_check *check = desk_check_new();
    struct desk_read *read = desk_read_new();
    struct account_check *self = ARENA_NEW(&check->arena, struct account_check);

    *self = (struct account_check){ .call = call, .check = check };
    check->user = self;
    read->run = examine;
    read->done = read_done;
    read->user = self;
    if (desk->read(desk->self, read))
        return OK;
    desk_read_free(read);
    desk_check_free(check);
    return trouble_say(&call->trouble, ERR_UNAVAILABLE, "This node takes no more work now.");
}

/* A notification with the header of a test: made by this installation, for this account, just
 * now. Nothing is kept of it. */
enum err notification_test(struct call *call, struct str test)
{
    const struct secret *key = call->api->config.installation_key;
    const struct gateway_account_id account = { call->object };
    struct json_out out;
    struct buf body;

    if (!check_test_verify(key, account, test, call_now_ms(call)))
        return trouble_say(&call->trouble, ERR_UNAUTHENTICATED,
                           CHECK_HEADER " is not one that this installation has just made.");
    buf_init(&body, call->arena, 512);
    json_begin(&out, &body);
    json_open_object(&out, NULL);
    json_put_text(&out, "object", STR("notification_test"));
    json_put_text(&out, "answer", check_test_answer(key, test, call->arena));
    json_close_object(&out);
    json_done(&out);
    call_answer_json(call, 200, buf_str(&body));
    return OK;
}
