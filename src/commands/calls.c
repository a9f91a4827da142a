#include "commands/calls.h"

#include <pthread.h>

struct calls {
    const struct outside *outside;
    struct client *client;
    pthread_mutex_t lock;
    pthread_cond_t ended;
};

/* One call, and where its texts go when it ends. */
struct waited {
    struct client_call wire;
    struct calls *calls;
    struct arena *arena;
    struct calls_reply reply;
    bool done;
};

enum err calls_open(const struct outside *outside, struct arena *arena, struct calls **out,
                    struct str *why)
{
    struct client_config config = CLIENT_CONFIG_DEFAULT(outside);
    struct calls *calls = mem_alloc(sizeof *calls);

    config.breaker_failures = 0;
    calls->outside = outside;
    pthread_mutex_init(&calls->lock, NULL);
    pthread_cond_init(&calls->ended, NULL);
    *out = calls;
    enum err err = client_open(&config, arena, &calls->client, why);
    if (err != OK) {
        calls_close(calls);
        *out = NULL;
    }
    return err;
}

void calls_close(struct calls *calls)
{
    if (!calls)
        return;
    if (calls->client)
        client_stop(calls->client);
    client_close(calls->client);
    pthread_cond_destroy(&calls->ended);
    pthread_mutex_destroy(&calls->lock);
    mem_free(calls);
}

/* On the client's thread, while calls_make waits. */
static void on_done(struct client_call *wire)
{
    struct waited *waited = wire->user;

    waited->reply.status = wire->status;
    waited->reply.body = str_copy(waited->arena, wire->reply_body);
    waited->reply.total_us = wire->times.total_us;
    pthread_mutex_lock(&waited->calls->lock);
    waited->done = true;
    pthread_cond_signal(&waited->calls->ended);
    pthread_mutex_unlock(&waited->calls->lock);
}

enum err calls_make(struct calls *calls, const char *method, struct str url,
                    const struct client_field *fields, size_t field_count, struct str body,
                    int64_t timeout_ms, struct arena *arena, struct calls_reply *out,
                    struct str *why)
{
    struct waited waited = {
        .calls = calls,
        .arena = arena,
        .wire = {
            .method = method,
            .url = url,
            .fields = fields,
            .field_count = field_count,
            .body = body,
            .deadline_us = outside_monotonic_us(calls->outside) + timeout_ms * 1000,
            .plain = true,
            .done = on_done,
        },
    };

    waited.wire.user = &waited;
    if (!client_send(calls->client, &waited.wire)) {
        *why = STR("The client was stopped.");
        return ERR_IO;
    }
    pthread_mutex_lock(&calls->lock);
    while (!waited.done)
        pthread_cond_wait(&calls->ended, &calls->lock);
    pthread_mutex_unlock(&calls->lock);
    if (waited.wire.end != CLIENT_REPLY) {
        *why = str_of(client_reason_text(waited.wire.reason));
        return ERR_IO;
    }
    *out = waited.reply;
    return OK;
}
