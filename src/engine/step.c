/* step.c - a node without threads. */
#include "engine/step.h"

#include <assert.h>

#include "engine/deliveries.h"
#include "engine/engine_parts.h"
#include "engine/flusher.h"
#include "store/db_flush.h"

size_t engine_step_turns(struct engine *engine, size_t most)
{
    static const int64_t long_ago_us = 1;
    assert(engine->steps && engine->writer_count == 1);
    /* Not even for a moment is there anybody to wait for. */
    if (queue_count(&engine->turns) == 0 || !flusher_has_room(engine->writers[0].flusher))
        return 0;
    return engine_writer_step(&engine->writers[0], most, long_ago_us);
}

bool engine_step_flush(struct engine *engine)
{
    return flusher_step(engine->writers[0].flusher);
}

bool engine_step_is_unflushed(struct engine *engine)
{
    return flusher_is_behind(engine->writers[0].flusher);
}

void engine_step_copy(struct engine *engine)
{
    db_step(store_db(engine->writers[0].store));
}

bool engine_step_clock(struct engine *engine)
{
    struct arena arena = { 0 };
    int64_t due_ms = engine->due.due_ms;
    assert(engine->steps);
    /* The first look of a node finds what the one before it left. */
    if (engine->due.looked && (due_ms == 0 || due_ms > outside_now_ms(engine->outside)))
        return false;
    engine->due.looked = true;
    if (engine_clock_look(engine, &arena))
        engine_due(engine, outside_now_ms(engine->outside));
    arena_done(&arena);
    return true;
}

int64_t engine_step_due_ms(struct engine *engine)
{
    return engine->due.due_ms;
}

bool engine_step_webhooks(struct engine *engine)
{
    assert(engine->steps);
    return deliveries_step(engine->deliveries);
}

int64_t engine_step_webhooks_us(struct engine *engine)
{
    return deliveries_step_us(engine->deliveries);
}
