/* hints.c - tells the other nodes whose wait has an end, and hears it from them.
 *
 * A caller may wait at one node for what another brings. The books have it from the commit on;
 * a hint says that looking is worth it, instead of the next look half a second later. It names
 * claims by the beginning of their keys, eight hex digits each, then, a dot before each, the
 * endpoints at which something is due, for the node that delivers to them. Under load one hint is
 * for many batches: each wakes every other node, and one per batch took half of three nodes'
 * throughput. */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "engine/deliveries.h"
#include "engine/engine_parts.h"

#define MARK_DIGITS 8
#define GAP_US (25 * INT64_C(1000))
#define TARGET_MARK '.'
#define TARGET_DIGITS 32
_Static_assert(ENGINE_MARKS_MAX * MARK_DIGITS + ENGINE_TARGETS_MAX * (1 + TARGET_DIGITS)
               <= HINT_MAX, "");

/* Beyond what fits in one hint the rest is left to the others' own looks. */
void engine_hint(struct engine *engine, const struct turn_answer *const *answers, size_t count)
{
    if (!engine->hints.wire)
        return;
    pthread_mutex_lock(&engine->hints.lock);
    size_t before = engine->hints.mark_count;
    for (size_t i = 0; i < count && engine->hints.mark_count < ENGINE_MARKS_MAX; i++)
        if (answers[i]->final)
            engine->hints.marks[engine->hints.mark_count++] = turn_mark_of(answers[i]->claim_key);
    bool more = engine->hints.mark_count > before;
    pthread_mutex_unlock(&engine->hints.lock);
    if (more)
        hints_nudge(engine->hints.wire);
}

void engine_hint_target(struct engine *engine, struct webhook_endpoint_id endpoint)
{
    if (!engine->hints.wire)
        return;
    pthread_mutex_lock(&engine->hints.lock);
    size_t count = engine->hints.target_count, at = 0;
    while (at < count && !webhook_endpoint_id_equal(engine->hints.targets[at], endpoint))
        at++;
    bool more = at == count && count < ENGINE_TARGETS_MAX;
    if (more)
        engine->hints.targets[engine->hints.target_count++] = endpoint;
    pthread_mutex_unlock(&engine->hints.lock);
    if (more)
        hints_nudge(engine->hints.wire);
}

static void send_marks(struct engine *engine)
{
    char text[HINT_MAX];
    struct buf words;
    buf_fixed(&words, text, sizeof(text));
    pthread_mutex_lock(&engine->hints.lock);
    for (size_t i = 0; i < engine->hints.mark_count; i++)
        buf_addf(&words, "%08lx", (unsigned long)engine->hints.marks[i]);
    engine->hints.mark_count = 0;
    for (size_t i = 0; i < engine->hints.target_count; i++) {
        buf_add_char(&words, TARGET_MARK);
        buf_add_hex(&words, &engine->hints.targets[i], sizeof engine->hints.targets[i]);
    }
    engine->hints.target_count = 0;
    pthread_mutex_unlock(&engine->hints.lock);
    assert(buf_ok(&words));
    if (words.len && hints_send(engine->hints.wire, buf_str(&words)))
        ENGINE_COUNT(engine, hints_sent_total, 1);
}

/* What is no mark was not written by purser: whoever may connect may notify. */
static bool read_mark(struct str digits, uint32_t *out)
{
    uint32_t mark = 0;
    for (size_t i = 0; i < digits.len; i++) {
        const char *at = strchr("0123456789abcdef", digits.ptr[i]);
        if (!at || digits.ptr[i] == '\0')
            return false;
        mark = mark << 4 | (uint32_t)(at - "0123456789abcdef");
    }
    *out = mark;
    return true;
}

/* Those are looked at by whoever has them: a wrong word costs one look. */
static bool hear_targets(struct engine *engine, struct str text)
{
    while (text.len > 0) {
        struct webhook_endpoint_id id;
        struct str digits = str_slice(text, 1, TARGET_DIGITS);
        if (text.ptr[0] != TARGET_MARK || digits.len != TARGET_DIGITS
            || !crypto_read_hex(digits, &id, sizeof id))
            return false;
        deliveries_heard(engine->deliveries, id);
        text = str_slice(text, 1 + TARGET_DIGITS, text.len);
    }
    return true;
}

static void heard(void *self, struct str text)
{
    struct engine *engine = self;
    uint32_t marks[ENGINE_MARKS_MAX];
    size_t count = 0;
    while (text.len >= MARK_DIGITS && text.ptr[0] != TARGET_MARK && count < ENGINE_MARKS_MAX) {
        if (!read_mark(str_slice(text, 0, MARK_DIGITS), &marks[count]))
            return;
        count++;
        text = str_slice(text, MARK_DIGITS, text.len);
    }
    if (!hear_targets(engine, text))
        return;
    ENGINE_COUNT(engine, hints_heard_total, 1);
    if (count && engine->heard)
        engine->heard(engine->wake_self, marks, count);
}

static void log_state(enum hints_state *before, enum hints_state now)
{
    if (now == *before)
        return;
    if (now == HINTS_HEARD)
        log_event(LOG_INFO, "hints.on", LOG_END);
    else if (now == HINTS_AWAY)
        log_event(LOG_WARN, "hints.away", LOG_END);
    else
        log_event(LOG_INFO, "hints.off",
                  LOG_C("detail", "Behind a pooler nobody can listen; callers who wait for another "
                                  "node are looked up twice a second."),
                  LOG_END);
    *before = now;
}

static bool is_stopping(struct engine *engine)
{
    pthread_mutex_lock(&engine->hints.lock);
    bool stop = engine->hints.stop;
    pthread_mutex_unlock(&engine->hints.lock);
    return stop;
}

/* Neither what is to be told nor what is to be heard is lost by a short sleep. */
static void keep_gap(struct engine *engine, int64_t *last_us)
{
    int64_t now_us = outside_monotonic_us(engine->outside);
    if (now_us < *last_us + GAP_US)
        usleep((useconds_t)(*last_us + GAP_US - now_us));
    *last_us = outside_monotonic_us(engine->outside);
}

static void *listen_and_tell(void *self)
{
    struct engine *engine = self;
    int64_t last_us = 0;
    enum hints_state state = HINTS_STATE_COUNT;
    while (!is_stopping(engine)) {
        log_state(&state, hints_wait(engine->hints.wire, heard, engine));
        keep_gap(engine, &last_us);
        send_marks(engine);
    }
    return NULL;
}

enum err engine_hints_open(struct engine *engine, struct str where, struct str *why)
{
    engine->hints.wire = hints_open(where);
    if (!engine->hints.wire)
        return OK;
    if (pthread_create(&engine->hints.thread, NULL, listen_and_tell, engine) != 0) {
        *why = STR("A thread could not be started.");
        return ERR_IO;
    }
    engine->hints.started = true;
    return OK;
}

void engine_hints_close(struct engine *engine)
{
    pthread_mutex_lock(&engine->hints.lock);
    engine->hints.stop = true;
    pthread_mutex_unlock(&engine->hints.lock);
    if (engine->hints.started) {
        hints_nudge(engine->hints.wire);
        pthread_join(engine->hints.thread, NULL);
    }
    hints_close(engine->hints.wire);
    pthread_mutex_destroy(&engine->hints.lock);
}
