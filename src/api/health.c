/* health.c - for load balancers: does the process answer, and can the books be written? */

#include "api/resources.h"

static const struct str well = STR_INIT("{\"status\":\"ok\"}");

/* GET /healthz: of this thread alone, so that a stalled disk does not get it restarted. */
enum err health_show(struct call *call)
{
    call_answer_json(call, 200, well);
    return OK;
}

static void was_probed(void *arg)
{
    struct api *api = arg;
    struct call *call = api->probing;

    api->probing = NULL;
    while (call) {
        struct call *next = call->next;
        if (api->probed == OK)
            call_answer_json(call, 200, well);
        else
            call_fail(call, api->probed);
        call = next;
    }
}

static void probe_done(void *user, enum err err)
{
    struct api *api = user;

    api->probed = err;
    server_post(atomic_load(&api->server), was_probed, api);
}

/* GET /readyz: one probe at a time, for all that ask meanwhile. */
enum err readiness_show(struct call *call)
{
    struct api *api = call->api;
    const struct desk *desk = api->config.desk;

    if (server_is_stopping(server_of(call->request)))
        return trouble_say(&call->trouble, ERR_UNAVAILABLE, "This node is stopping.");
    if (!api->probing && !desk->probe(desk->self, probe_done, api))
        return trouble_say(&call->trouble, ERR_UNAVAILABLE, "This node takes no more work now.");
    call->next = api->probing;
    api->probing = call;
    return OK;
}
