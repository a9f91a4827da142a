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
    struct call *call = arg;

    if (call->probed == OK)
        call_answer_json(call, 200, well);
    else
        call_fail(call, call->probed);
}

static void probe_done(void *user, enum err err)
{
    struct call *call = user;

    call->probed = err;
    server_post(atomic_load(&call->api->server), was_probed, call);
}

/* GET /readyz */
enum err readiness_show(struct call *call)
{
    const struct desk *desk = call->api->config.desk;

    if (server_is_stopping(server_of(call->request)))
        return trouble_say(&call->trouble, ERR_UNAVAILABLE, "This node is stopping.");
    if (!desk->probe(desk->self, probe_done, call))
        return trouble_say(&call->trouble, ERR_UNAVAILABLE, "This node takes no more work.");
    return OK;
}
