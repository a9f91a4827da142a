/* payment_show.c - one payment, with a look at the gateway when what we know of it is old.
 *
 *   payment_show         on the loop: joins those that go to a reader together, for beside what
 *                        each costs there to ask and to be handed over would cost as much again
 *   payment_show_begin   on the loop: hands them over, when they are enough or no more has come
 *   run                  on a reader's thread: the payments as they are, and whether to ask
 *   looks_are_back       on the loop: answered, or a turn begins an enquiry and it is read again
 *                        until it has changed or the caller has waited long enough */
#include <assert.h>

#include "api/fields.h"
#include "api/look.h"
#include "api/resources.h"
#include "base/time.h"
#include "core/render.h"
#include "store/query_payments.h"

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

/* Those that are read together: desk_read.user, in its arena. */
struct looks {
    size_t count;
    struct look *items[QUERY_PAYMENTS_MOST];
};

static struct query_scope scope_of(const struct call *call)
{
    return (struct query_scope){ call->who.merchant, call->who.live };
}

static enum err look_at(struct look *look, struct db *db, const struct payment_shown *shown,
                        int64_t now_ms)
{
    struct json_out out;

    if (!shown)
        return ERR_NOT_FOUND;
    const struct payment *payment = &shown->payment;
    enum err err = look_is_due(db, payment, now_ms, &look->is_old);
    if (err)
        return err;
    look->version_now = payment->version;
    buf_init(&look->body, look->call->arena, BODY_MAX);
    json_begin(&out, &look->body);
    render_payment(&out, NULL, payment);
    json_done(&out);
    assert(buf_ok(&look->body));
    return OK;
}

static enum err run(struct desk_read *read, struct db *db)
{
    const struct looks *looks = read->user;
    struct payment_ask asks[QUERY_PAYMENTS_MOST];
    const struct payment_shown *found[QUERY_PAYMENTS_MOST];
    int64_t now_ms = call_now_ms(looks->items[0]->call);

    for (size_t i = 0; i < looks->count; i++) {
        const struct call *call = looks->items[i]->call;
        asks[i] = (struct payment_ask){ scope_of(call), { call->object } };
    }
    enum err err = query_payments_shown(db, asks, looks->count, &read->arena, found);
    for (size_t i = 0; i < looks->count; i++) {
        struct look *look = looks->items[i];
        look->err = err ? err : look_at(look, db, found[i], now_ms);
        if (look->err != ERR_NOT_FOUND)
            err = look->err;
    }
    return err;
}

static void join(struct look *look);

static void read_again(void *arg)
{
    join(arg);
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

    look->asked = true;
    look->version = look->version_now;
    return look_ask(call, scope_of(call), (struct payment_id){ call->object }, turn_done, look);
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

static void go_on(struct look *look)
{
    if (look->err == OK && may_change(look))
        wait_a_little(look);
    else if (look->err != OK || look->asked || !look->is_old || !ask_gateway(look))
        answer(look);
}

static void looks_are_back(void *arg)
{
    struct desk_read *read = arg;
    const struct looks *looks = read->user;

    for (size_t i = 0; i < looks->count; i++)
        go_on(looks->items[i]);
    desk_read_free(read);
}

static void read_done(struct desk_read *read)
{
    const struct looks *looks = read->user;

    server_post(atomic_load(&looks->items[0]->call->api->server), looks_are_back, read);
}

static void refuse(struct call *call)
{
    call_fail(call, trouble_say(&call->trouble, ERR_UNAVAILABLE,
                                "This node takes no more work now."));
}

void payment_show_begin(struct api *api)
{
    const struct desk *desk = api->config.desk;
    struct desk_read *read = api->looks;

    api->looks = NULL;
    if (!read || desk->read(desk->self, read))
        return;
    const struct looks *looks = read->user;
    for (size_t i = 0; i < looks->count; i++)
        refuse(looks->items[i]->call);
    desk_read_free(read);
}

/* They may be refused, and the call be gone, when this returns. */
static void join(struct look *look)
{
    struct api *api = look->call->api;

    if (!api->looks) {
        api->looks = desk_read_new();
        api->looks->run = run;
        api->looks->done = read_done;
        api->looks->user = ARENA_NEW(&api->looks->arena, struct looks);
    }
    struct looks *looks = api->looks->user;
    looks->items[looks->count++] = look;
    if (looks->count == QUERY_PAYMENTS_MOST)
        payment_show_begin(api);
}

/* GET /v1/payments/{id} */
enum err payment_show(struct call *call)
{
    struct look *look = ARENA_NEW(call->arena, struct look);

    look->call = call;
    enum err err = fields_read_query(NULL, 0, server_request_query(call->request), NULL,
                                     &call->trouble);
    if (!err)
        join(look);
    return err;
}
