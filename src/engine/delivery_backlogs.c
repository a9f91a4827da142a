/* delivery_backlogs.c - how far behind endpoints are, for metrics, and the alarm when something
 * is not tried at all though its endpoint is well: then it is us who are stuck.
 *
 * Looked up while anything waits, and not otherwise. */
#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "engine/delivery_parts.h"
#include "store/query_webhooks.h"

#define LOOK_US (5 * SECOND_MS * 1000)
/* A look may take this part of the thread's time at most. */
#define LOOK_SHARE 50
#define UNTRIED_MS MINUTE_MS

/* What an outage left behind waits for its turn, and what another node delivers is that node's
 * to complain about. */
static bool may_wait(const struct deliveries *deliveries, struct webhook_endpoint_id endpoint)
{
    const struct target *target = target_find(deliveries, endpoint);
    return target && (target->drains || target->lease == LEASE_OTHERS);
}

struct taking {
    const struct deliveries *deliveries;
    struct backlogs found;
};

static enum err take(void *self, const struct db_value *values, size_t count)
{
    struct taking *taking = self;
    struct backlogs *found = &taking->found;
    struct backlog new = { 0 };
    size_t at = found->count;
    assert(count == 4);
    if (values[0].bytes.len != sizeof new.endpoint)
        return ERR_STORE;
    memcpy(&new.endpoint, values[0].bytes.ptr, sizeof new.endpoint);
    new.oldest_ms = values[1].type == DB_INT ? values[1].number : 0;
    /* What was held while the endpoint was disabled waits since it is not. */
    if (values[2].type == DB_INT && !may_wait(taking->deliveries, new.endpoint))
        new.untried_ms = values[2].number > values[3].number ? values[2].number
                                                             : values[3].number;
    found->endpoints++;
    if (new.untried_ms && (!found->untried_ms || new.untried_ms < found->untried_ms))
        found->untried_ms = new.untried_ms;
    /* The worst are kept, the oldest first. */
    while (at > 0 && new.oldest_ms < found->worst[at - 1].oldest_ms)
        at--;
    if (at == BACKLOGS_SHOWN)
        return OK;
    size_t last = found->count < BACKLOGS_SHOWN ? found->count++ : BACKLOGS_SHOWN - 1;
    for (size_t i = last; i > at; i--)
        found->worst[i] = found->worst[i - 1];
    found->worst[at] = new;
    return OK;
}

/* What was made before this node's start waited for that: then nothing is wrong yet. */
static void watch_untried(struct deliveries *deliveries, int64_t now_ms, int64_t untried_ms)
{
    int64_t from_ms = untried_ms > deliveries->started_ms ? untried_ms : deliveries->started_ms;
    bool is_late = untried_ms != 0 && now_ms - from_ms >= UNTRIED_MS;
    if (is_late && !deliveries->was_late)
        log_event(LOG_ERROR, "webhooks.untried", LOG_INT("seconds", (now_ms - from_ms) / SECOND_MS),
                  LOG_C("detail", "Webhooks of endpoints that are well wait for their first try."),
                  LOG_END);
    deliveries->was_late = is_late;
    atomic_store(&deliveries->engine->tally.webhooks_untried_seconds,
                 untried_ms ? (uint64_t)((now_ms - from_ms) / SECOND_MS) : 0);
}

void backlogs_look(struct deliveries *deliveries)
{
    struct taking taking = { .deliveries = deliveries };
    const struct backlogs *found = &taking.found;
    int64_t begin_us = outside_monotonic_us(deliveries->outside), now_ms = 0;
    enum err err = db_now(deliveries->db, &now_ms);
    if (!err)
        err = query_webhooks_backlogs(deliveries->db, now_ms, take, &taking);
    int64_t end_us = outside_monotonic_us(deliveries->outside);
    int64_t gap_us = (end_us - begin_us) * LOOK_SHARE;
    deliveries->backlogs_us = end_us + (gap_us > LOOK_US ? gap_us : LOOK_US);
    if (err) {
        log_event(LOG_ERROR, "webhooks.unread", LOG_STR("detail", db_error(deliveries->db)),
                  LOG_END);
        return;
    }
    if (found->endpoints == 0)
        deliveries->backlogs_us = 0;
    taking.found.looked_ms = now_ms;
    int64_t oldest_ms = found->count ? found->worst[0].oldest_ms : now_ms;
    atomic_store(&deliveries->engine->tally.webhooks_endpoints_behind, found->endpoints);
    atomic_store(&deliveries->engine->tally.webhooks_oldest_seconds,
                 (uint64_t)((now_ms - oldest_ms) / SECOND_MS));
    watch_untried(deliveries, now_ms, found->untried_ms);
    pthread_mutex_lock(&deliveries->backlogs_lock);
    deliveries->backlogs = *found;
    pthread_mutex_unlock(&deliveries->backlogs_lock);
}

/* That thread is the one thing that cannot tell itself that it stands still. */
static void write_late(struct deliveries *deliveries, struct buf *out)
{
    int64_t expected_us = atomic_load(&deliveries->expected_us);
    int64_t late_us = outside_monotonic_us(deliveries->outside) - expected_us;
    buf_addf(out,
             "# HELP purser_webhooks_late_seconds How long what delivers webhooks is overdue to"
             " look for more.\n"
             "# TYPE purser_webhooks_late_seconds gauge\npurser_webhooks_late_seconds %lld\n",
             (long long)(expected_us != 0 && late_us > 0 ? late_us / (SECOND_MS * 1000) : 0));
}

void deliveries_write_metrics(struct deliveries *deliveries, struct buf *out)
{
    write_late(deliveries, out);
    pthread_mutex_lock(&deliveries->backlogs_lock);
    struct backlogs found = deliveries->backlogs;
    pthread_mutex_unlock(&deliveries->backlogs_lock);
    buf_add_c(out, "# HELP purser_webhook_oldest_undelivered_seconds The age of an endpoint's"
                   " oldest webhook that has not ended; the worst endpoints.\n"
                   "# TYPE purser_webhook_oldest_undelivered_seconds gauge\n");
    for (size_t i = 0; i < found.count; i++) {
        buf_add_c(out, "purser_webhook_oldest_undelivered_seconds{endpoint=\"");
        webhook_endpoint_id_write(out, found.worst[i].endpoint);
        buf_addf(out, "\"} %lld\n",
                 (long long)((found.looked_ms - found.worst[i].oldest_ms) / SECOND_MS));
    }
}
