/* reads.c - a request that reads: what all of them have in common.
 *
 *   call_read      on the loop: parameters are checked, the query is handed over
 *   run_read       on a reader's thread: the answer is written
 *   read_is_back   on the loop again: it is sent */
#include "api/reads.h"

#include <assert.h>

#include "api/paging.h"
#include "api/resources.h"

static enum err run_read(struct desk_read *read, struct db *db)
{
    struct read_ask *ask = read->user;
    struct json_out out;

    buf_init(&ask->body, &read->arena, API_ANSWER_MAX);
    json_begin(&out, &ask->body);
    enum err err = ask->call->route->read->run(ask, db, &out);
    if (err != OK && err != ERR_NOT_FOUND)
        ask->store_detail = str_copy(&read->arena, db_error(db));
    if (err)
        return err;
    json_done(&out);
    return buf_ok(&ask->body) ? OK : ERR_INTERNAL;
}

/* What the books have no words for. */
static struct str detail_of(const struct read_ask *ask, enum err err)
{
    if (err == ERR_NOT_FOUND)
        return STR("There is no such object.");
    if (err == ERR_PRUNED)
        return STR("It is older than events that were pruned: what would follow is not whole.");
    return ask->store_detail;
}

static void read_is_back(void *arg)
{
    struct desk_read *read = arg;
    const struct read_ask *ask = read->user;
    struct call *call = ask->call;

    if (read->err == OK) {
        call_answer_json(call, 200, buf_str(&ask->body));
    } else {
        call->trouble.detail = detail_of(ask, read->err);
        call_fail(call, read->err);
    }
    desk_read_free(read);
}

static void read_done(struct desk_read *read)
{
    const struct read_ask *ask = read->user;

    server_post(atomic_load(&ask->call->api->server), read_is_back, read);
}

/* Parameters and their texts live in the request's arena. */
static enum err read_params(struct call *call, const struct reading *reading, void *params)
{
    struct page *page = reading->paged ? params : NULL;

    if (page)
        page->limit = PAGE_DEFAULT;
    enum err err = fields_read_query(reading->params, reading->param_count,
                                     server_request_query(call->request), params, &call->trouble);
    if (!err && reading->check)
        err = reading->check(call, params);
    if (!err && page)
        err = page_begin(call, page);
    return err;
}

enum err call_read(struct call *call)
{
    const struct reading *reading = call->route->read;
    const struct desk *desk = call->api->config.desk;
    void *params = arena_alloc(call->arena, reading->params_size);

    assert(reading->run);
    enum err err = read_params(call, reading, params);
    if (err)
        return err;
    struct desk_read *read = desk_read_new();
    struct read_ask *ask = ARENA_NEW(&read->arena, struct read_ask);
    *ask = (struct read_ask){
        .call = call,
        .scope = { call->who.merchant, call->who.live },
        .object = call->object,
        .params = params,
        .page = reading->paged ? params : NULL,
        .arena = &read->arena,
    };
    read->run = run_read;
    read->done = read_done;
    read->user = ask;
    if (desk->read(desk->self, read))
        return OK;
    desk_read_free(read);
    return trouble_say(&call->trouble, ERR_UNAVAILABLE, "This node takes no more work now.");
}
