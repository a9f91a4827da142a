/* payment_show.c - one payment, with a look at the gateway when what we know of it is old.
 *
 *   payment_show   on the loop: handed to a reader
 *   run            on a reader's thread: the payment as it is, and whether to ask
 *   read_is_back   on the loop: answered, or a turn begins an enquiry and it is read again until
 *                  it has changed or the caller has waited long enough */
#include <assert.h>

#include "api/fields.h"
#include "api/look.h"
#include "api/resources.h"
#include "base/time.h"
#include "core/render.h"

#define WAIT_US (SECOND_MS * 1000)
#define READ_AGAIN_MS 50
#define BODY_MAX ((size_t)1024 * 1024)

struct look {
    struct call *call;
    struct server_timer timer;
    bool asked;
    int64_t version; /* before it was asked */
    /* From the reader. */
    enum err err;
    bool is_old;
    int64_t version_now;
    struct buf body; /* in the call's arena, which is the reader's until the read is back */
};

static enum err run(struct desk_read *read, struct db *db)
{
    struct look *look = read->user;
    const struct call *call = look->call;
    const struct query_scope scope = { call->who.merchant, call->who.live };
    struct payment *payment = NULL;
    struct json_out out;

    look->err = query_payment(db, scope, (struct payment_id){ call->object }, call->arena,
                              &payment);
    if (!look->err)
        look->err = look_is_due(db, payment, call_now_ms(call), &look->is_old);
    if (look->err)
        return look->err;
    look->version_now = payment->version;
    buf_init(&look->body, call->arena, BODY_MAX);
    json_begin(&out, &look->body);
    render_payment(&out, NULL, payment);
    json_done(&out);
    assert(buf_ok(&look->body));
    return OK;
}

static enum err begin_read(struct look *look);

static void read_again(void *arg)
{
    struct look *look = arg;

    enum err err = begin_read(look);
    if (err)
        call_fail(look->call, err);
}

static void wait_a_little(struct look *look)
{
    server_timer_start(server_of(look->call->request), &look->timer, READ_AGAIN_MS, read_again,
                       look);
}

/* Whatever became of it: the books are read again. */
static void turn_is_back(void *arg)
{
    struct desk_turn *turn = arg;
    struct look *look = turn->user;

    desk_turn_free(turn);
    wait_a_little(look);
}

static void turn_done(struct desk_turn *turn)
{
    const struct look *look = turn->user;

    server_post(atomic_load(&look->call->api->server), turn_is_back, turn);
}

static bool ask_gateway(struct look *look)
{
    const struct call *call = look->call;
    const struct query_scope scope = { call->who.merchant, call->who.live };

    look->asked = true;
    look->version = look->version_now;
    return look_ask(call, scope, (struct payment_id){ call->object }, turn_done, look);
}

/* Whether it is to be read once more. */
static bool may_change(const struct look *look)
{
    if (!look->asked || look->version_now != look->version)
        return false;
    int64_t now_us = outside_monotonic_us(look->call->api->config.outside);
    return now_us - server_request_started_us(look->call->request) < WAIT_US;
}

static void answer(struct look *look)
{
    struct call *call = look->call;

    if (look->err == OK) {
        call_answer_json(call, 200, buf_str(&look->body));
        return;
    }
    call->trouble.detail = look->err == ERR_NOT_FOUND ? STR("There is no such object.")
                                                      : STR("The books could not be read.");
    call_fail(call, look->err);
}

static void read_is_back(void *arg)
{
    struct desk_read *read = arg;
    struct look *look = read->user;

    if (look->err == OK && may_change(look))
        wait_a_little(look);
    else if (look->err != OK || look->asked || !look->is_old || !ask_gateway(look))
        answer(look);
    desk_read_free(read);
}

static void read_done(struct desk_read *read)
{
    const struct look *look = read->user;

    server_post(atomic_load(&look->call->api->server), read_is_back, read);
}

static enum err begin_read(struct look *look)
{
    const struct desk *desk = look->call->api->config.desk;
    struct desk_read *read = desk_read_new();

    read->run = run;
    read->done = read_done;
    read->user = look;
    if (desk->read(desk->self, read))
        return OK;
    desk_read_free(read);
    return trouble_say(&look->call->trouble, ERR_UNAVAILABLE, "This node takes no more work now.");
}

/* GET /v1/payments/{id} */
enum err payment_show(struct call *call)
{
    struct look *look = ARENA_NEW(call->arena, struct look);

    look->call = call;
    enum err err = fields_read_query(NULL, 0, server_request_query(call->request), NULL,
                                     &call->trouble);
    return err ? err : begin_read(look);
}
