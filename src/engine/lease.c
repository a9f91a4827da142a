/* lease.c - a writer's run: renewed while it lives, replaced when it is over.
 *
 * What is sent is sent under a run, and other nodes leave it alone while the run's lease is
 * held. A node that was stopped for too long, or cut off from the books, cannot know what
 * others did meanwhile: it makes no call under the old run any more, begins another, and what
 * it had not finished is found as due work by whoever looks first. */
#include <assert.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "engine/call.h"
#include "engine/engine_parts.h"

/* Three times within the lease, which store/ gives. */
#define RENEW_US (3 * SECOND_MS * 1000)
#define RETRY_US (500 * INT64_C(1000))

static struct str node_name(struct buf *out)
{
    char host[128] = "";
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    buf_addf(out, "%s %d", host[0] ? host : "node", (int)getpid());
    return buf_str(out);
}

void engine_run_publish(struct writer *writer)
{
    atomic_store(&writer->until_us, store_run_until_us(writer->store));
    pthread_mutex_lock(&writer->engine->runs_lock);
    writer->told_run = writer->run;
    pthread_mutex_unlock(&writer->engine->runs_lock);
}

bool engine_run_is_held(struct engine *engine, struct run_id run)
{
    int64_t now_us = outside_monotonic_us(engine->outside);
    bool held = false;
    pthread_mutex_lock(&engine->runs_lock);
    for (unsigned i = 0; i < engine->writer_count && !held; i++)
        held = run_id_equal(engine->writers[i].told_run, run)
               && now_us < atomic_load(&engine->writers[i].until_us);
    pthread_mutex_unlock(&engine->runs_lock);
    return held;
}

enum err engine_run_begin(struct writer *writer)
{
    char text[160];
    struct buf name;
    bool others_are_dead = !db_is_shared(store_db(writer->store));
    buf_fixed(&name, text, sizeof(text));
    enum err err = store_run_begin(writer->store, node_name(&name), others_are_dead, &writer->run);
    if (err)
        return err;
    writer->run_since_us = outside_monotonic_us(writer->engine->outside);
    atomic_fetch_add(&writer->runs, 1);
    engine_run_publish(writer);
    if (store_run_was_cut(writer->store))
        log_event(LOG_WARN, "books.cut", LOG_C("advice", "see purser doctor"), LOG_END);
    if (!others_are_dead)
        writer->look_us = outside_monotonic_us(writer->engine->outside) + RENEW_US;
    return OK;
}

static bool is_over(const struct writer *writer, int64_t now_us)
{
    return now_us >= store_run_until_us(writer->store)
           || atomic_load(&writer->broken) == atomic_load(&writer->runs);
}

static void replace(struct writer *writer, int64_t now_us)
{
    enum err err = engine_run_begin(writer);
    if (err) {
        writer->look_us = now_us + RETRY_US;
        return;
    }
    log_event(LOG_WARN, "run.replaced", LOG_END);
    /* What the old one left is due now. */
    engine_due(writer->engine, outside_now_ms(writer->engine->outside));
}

void engine_run_keep(struct writer *writer)
{
    int64_t now_us = outside_monotonic_us(writer->engine->outside);
    if (!db_is_shared(store_db(writer->store)))
        return;
    engine_run_publish(writer);
    if (is_over(writer, now_us)) {
        replace(writer, now_us);
        return;
    }
    if (now_us < writer->look_us)
        return;
    enum err err = store_run_renew(writer->store);
    engine_run_publish(writer);
    if (err == ERR_LEASE_LOST)
        replace(writer, now_us);
    else
        writer->look_us = now_us + (err ? RETRY_US : RENEW_US);
}

bool engine_run_holds(const struct call *call)
{
    const struct writer *writer = call->writer;
    return atomic_load(&writer->runs) == call->run
           && outside_monotonic_us(writer->engine->outside) < atomic_load(&writer->until_us);
}

void engine_run_break(const struct call *call)
{
    atomic_store(&call->writer->broken, call->run);
}
