/* poll.c - callers who wait for what another node may bring.
 *
 * This node's own results wake its callers. On shared books the operation that a caller waits
 * for may end elsewhere: the payer came back at another node, or the one that was calling the
 * gateway is gone. So the claims that are waited for are looked up twice a second, all of them
 * in one query, for as long as somebody waits. A hint of the other node's (engine/hints.c) only
 * makes a look come sooner, for those whom it may be about. */
#include "api/poll.h"

#include "api/call.h"

#define POLL_MS 500
/* Of those who wait longer than others; the rest have their turn with the next look. */
#define POLL_MAX 256

struct poll {
    struct api *api;
    bool hinted; /* no part of the twice a second */
    size_t count;
    struct id claims[POLL_MAX];
    struct turn_answer_list answers;
};

static enum err look(struct desk_read *read, struct db *db)
{
    struct poll *poll = read->user;

    poll->answers = (struct turn_answer_list){ 0 };
    return query_answers(db, poll->claims, poll->count, &read->arena, &poll->answers);
}

static void go_on(void *arg)
{
    struct api *api = arg;

    api->polls = false;
    poll_begin(api);
}

/* A look that failed is followed by another. */
static void looked(struct desk_read *read)
{
    struct poll *poll = read->user;
    struct api *api = poll->api;

    if (read->err == OK)
        api_wake(api, (const struct turn_answer *const *)poll->answers.items, poll->answers.count);
    bool hinted = poll->hinted;
    desk_read_free(read);
    if (hinted)
        return;
    server_post(atomic_load(&api->server), go_on, api);
}

static void collect(const struct waiters *waiters, struct poll *poll)
{
    for (size_t i = 0; i < WAIT_BUCKETS; i++)
        for (const struct waiter *at = waiters->buckets[i]; at; at = at->next)
            if (at->waits && poll->count < POLL_MAX)
                poll->claims[poll->count++] = at->claim_key;
}

static struct poll *poll_new(struct api *api, struct desk_read **read)
{
    *read = desk_read_new();
    struct poll *poll = ARENA_NEW(&(*read)->arena, struct poll);

    poll->api = api;
    (*read)->run = look;
    (*read)->done = looked;
    (*read)->user = poll;
    return poll;
}

/* False: nobody waits any more, or the desk closes. */
static bool poll_start(const struct desk *desk, const struct poll *poll, struct desk_read *read)
{
    if (poll->count > 0 && desk->read(desk->self, read))
        return true;
    desk_read_free(read);
    return false;
}

static void time_is_up(void *arg)
{
    struct api *api = arg;
    struct desk_read *read;
    struct poll *poll = poll_new(api, &read);

    collect(&api->waiters, poll);
    if (!poll_start(api->config.desk, poll, read))
        api->polls = false;
}

/* Who waits for a turn of his own too: what another node recorded may be older than that. */
static void collect_marked(const struct waiters *waiters, uint32_t mark, struct poll *poll)
{
    const struct waiter *at = waiters_marked(waiters, mark, NULL);

    for (; at && poll->count < POLL_MAX; at = waiters_marked(waiters, mark, at))
        poll->claims[poll->count++] = at->claim_key;
}

void poll_now(struct api *api, const uint32_t *marks, size_t count)
{
    struct desk_read *read;
    struct poll *poll = poll_new(api, &read);

    poll->hinted = true;
    for (size_t i = 0; i < count; i++)
        collect_marked(&api->waiters, marks[i], poll);
    (void)poll_start(api->config.desk, poll, read);
}

static bool somebody_waits(const struct waiters *waiters)
{
    for (size_t i = 0; i < WAIT_BUCKETS; i++)
        for (const struct waiter *at = waiters->buckets[i]; at; at = at->next)
            if (at->waits)
                return true;
    return false;
}

void poll_begin(struct api *api)
{
    struct server *server = atomic_load(&api->server);

    if (!api->config.is_shared || api->polls || !somebody_waits(&api->waiters))
        return;
    api->polls = true;
    server_timer_start(server, &api->poll_timer, POLL_MS, time_is_up, api);
}
