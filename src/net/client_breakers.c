/* client_breakers.c - a host that keeps failing is left alone for a while.
 *
 * It spares the payers of a gateway that is down a full timeout each, and the gateway a crowd
 * when it comes back: then one call goes first, and decides for the others. */
#include <assert.h>

#include "net/client_parts.h"

static bool host_is_idle(const struct named *named, int64_t now_us)
{
    const struct host *host = (const struct host *)(const void *)named;

    return host->flights == 0 && host->shut_until_us <= now_us;
}

void breakers_init(struct client *client)
{
    names_init(&client->hosts, host_is_idle);
}

void host_enter(struct flight *flight, struct str name, int64_t now_us)
{
    struct names *hosts = &flight->client->hosts;

    flight->host = (struct host *)(void *)names_find(hosts, name, sizeof(struct host), now_us);
    flight->host->flights++;
}

bool host_may_be_tried(struct flight *flight, int64_t now_us)
{
    struct host *host = flight->host;

    if (host->shut_until_us == 0)
        return true;
    if (host->shut_until_us > now_us || host->probing)
        return false;
    host->probing = flight->is_probe = true;
    return true;
}

static bool host_failed(enum client_reason reason)
{
    static const bool failed[] = {
#define X(name, code, host_failed, sentence) [CLIENT_REASON_##name] = (host_failed) != 0,
        CLIENT_REASONS(X)
#undef X
    };

    return failed[reason];
}

static void open_breaker(struct client *client, struct host *host, int64_t now_us)
{
    host->shut_until_us = now_us + client->config.breaker_ms * 1000;
    host->failures = 0;
    atomic_fetch_add(&client->tally.breakers_opened_total, 1);
}

/* A reply, even an unwelcome one, shows that the host lives; what ended for reasons of our own
 * shows nothing. */
void host_leave(struct flight *flight, enum client_reason reason, int64_t now_us)
{
    const struct client_config *config = &flight->client->config;
    struct host *host = flight->host;

    if (host == NULL)
        return;
    assert(host->flights > 0);
    host->flights--;
    if (flight->is_probe)
        host->probing = false;
    if (reason == CLIENT_REASON_NONE || reason == CLIENT_REASON_TOO_LARGE) {
        host->failures = 0;
        host->shut_until_us = 0;
    } else if (host_failed(reason) && host->shut_until_us == 0) {
        if (++host->failures == config->breaker_failures)
            open_breaker(flight->client, host, now_us);
    } else if (host_failed(reason) && flight->is_probe) {
        open_breaker(flight->client, host, now_us);
    }
}
