/* engine.h - the threads of a node: turns in, effects out.
 *
 * Writers: each takes all turns that wait (bounded), runs them as a batch through store/,
 * then releases their effects. There is one, or some where many nodes share the books.
 * Outbound: makes the calls of the built-in gateway that turns ordered, and hands each answer
 * back as a turn; the client's thread (net/client.h) does so with those over the network.
 * Readers: run queries on connections of their own. Clock: finds due work through jobs/ and
 * hands it over as turns. An object has one owner at a time; queues between threads are
 * bounded. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "core/turn.h"
#include "store/desk.h"
#include "store/store.h"
#include "store/vault.h"

struct engine;
struct engine_steps;
struct sandbox;

struct engine_config {
    struct str where;                        /* as in store.h */
    struct str public_url;
    struct vault *vault;                     /* opens gateway credentials; NULL: there are none */
    const struct outside *outside;
    struct str gateway_ca_file;              /* of client.h's ca_file and proxy; may be empty */
    struct str gateway_proxy;
    struct str webhook_ca_file;              /* instead of the system's; may be empty */
    bool webhook_private;                    /* webhooks may go to addresses that are not public */
    unsigned readers;                        /* threads; 2 */
    unsigned writers;                        /* threads on shared books; 2 */
    /* A caller's wait may have an end: called on a writer's thread after the commit,
     * once per batch; the answers live until it returns. */
    void (*wake)(void *self, const struct turn_answer *const *answers, size_t count);
    /* Another node says that it has recorded the answers to claims with these marks (turn.h): a
     * look into the books may be worth it. On a thread of its own; may be NULL. */
    void (*heard)(void *self, const uint32_t *marks, size_t count);
    void *wake_self;
    int64_t reconcile_ms;                    /* between looks at what is stuck; 0: asked ones */
    int64_t retention_ms;                    /* what is older is pruned; 0: nothing is */
    int64_t capture_alarm_ms;                /* due for so long, a capture is untried */
    const struct engine_steps *steps;        /* no threads: step.h. NULL: threads */
    bool hints;                              /* tell and hear that, where the books are shared */
};

/* Opens the books (migrating them), the sandbox and the threads. ERR_ALREADY_RUNNING,
 * ERR_SCHEMA_NEWER, ERR_IO with a sentence in `why`. */
must_check enum err engine_open(const struct engine_config *config, struct arena *arena,
                                struct engine **out, struct str *why);
/* Finishes turns and calls in work for at most `grace_ms`, then stops. What does not
 * finish is found by the next start. */
void engine_close(struct engine *engine, int64_t grace_ms);    /* accepts NULL */

struct desk *engine_desk(struct engine *engine);
/* Whether other nodes may serve the same books. */
bool engine_is_shared(const struct engine *engine);
/* The far side of the built-in gateway, for its challenge page. */
struct sandbox *engine_sandbox(struct engine *engine);

/* Counters since the start, and gauges. X(name, help) */
#define ENGINE_COUNTERS(X)                                                       \
    X(turns_total, "Turns committed or refused.")                                \
    X(turns_failed_total, "Turns that ended in an error.")                       \
    X(batches_total, "Commits of turns.")                                        \
    X(batches_split_total, "Batches that failed whole and were run in halves.")  \
    X(queue_refused_total, "Turns refused because the queue was full.")          \
    X(gateway_calls_total, "Calls made to gateways.")                            \
    X(gateway_calls_dropped_total, "Calls not made, because the node's lease was over.")  \
    X(gateway_unknown_total, "Calls whose outcome is unknown.")                  \
    X(gateway_not_sent_total, "Calls of which no byte left this node.")          \
    X(gateway_breakers_opened_total, "Times that a gateway's host was given up for a while.")  \
    X(hints_sent_total, "Hints to other nodes about what their callers may wait for.")  \
    X(hints_heard_total, "Hints from other nodes.")                              \
    X(webhooks_delivered_total, "Webhooks that were taken by their endpoint.")    \
    X(webhooks_failed_total, "Tries of webhooks that failed.")                    \
    X(webhooks_rsa_signed_total, "RSA signatures made; one serves all tries of a body.")  \
    X(reconcile_asked_total, "Payments that the reconciler asked a gateway about.")            \
    X(reconcile_agreed_total, "Of these, whose answer agreed with the books.")                 \
    X(reconcile_moved_total, "Of these, whose status the answer moved on.")                    \
    X(reconcile_drifted_total, "Of these, whose answer contradicted the books.")               \
    X(reconcile_failed_total, "Of these, that got no answer which says something.")            \
    X(listed_total, "Payments and refunds that gateways listed, and that were compared.")      \
    X(listings_failed_total, "Listings that did not come to their end.")                       \
    X(sample_failures_total, "Samples of the books, for these metrics, that failed.")          \
    X(due_found_total, "Pieces of due work found by the clock.")
#define ENGINE_GAUGES(X)                                                         \
    X(sampled_at_seconds, "When the next seven were read from the books; Unix time.")  \
    X(tasks_open, "Tasks that a person has to decide.")  \
    X(drifts_open, "Differences with the gateways' books that nobody resolved.")  \
    X(operations_unknown, "Operations whose outcome is unknown.")  \
    X(unknown_oldest_seconds, "For how long the oldest of these has been open.")  \
    X(due_oldest_seconds, "For how long the oldest due work has been due.")  \
    X(captures_untried, "Captures that are due and were not tried for capture_alarm_minutes.")  \
    X(jobs_paused, "Jobs that somebody paused.")  \
    X(reconciled_at_seconds, "When the reconciler last came to an end; Unix time.")  \
    X(queue_depth, "Turns waiting for the writer.")                              \
    X(webhooks_in_flight, "Webhooks on their way.")                              \
    X(webhooks_endpoints_behind, "Endpoints with webhooks that have not ended.") \
    X(webhooks_oldest_seconds, "The age of the oldest webhook that has not ended.")  \
    X(webhooks_untried_seconds, "How long one waits for its first try, its endpoint being well.") \
    X(calls_in_flight, "Gateway calls under way.")                               \
    X(calls_waiting, "Gateway calls that wait for their turn, by their account's limits.")
struct engine_counts {
#define X(name, help) uint64_t name;
    ENGINE_COUNTERS(X)
    ENGINE_GAUGES(X)
#undef X
};
struct engine_counts engine_counts(struct engine *engine);
/* What has labels, as text for Prometheus. */
void engine_write_metrics(struct engine *engine, struct buf *out);

#endif
