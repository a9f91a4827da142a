/* step.h - a node without threads: whoever holds it does its work one step at a time.
 *
 * The steps are those that the threads repeat (engine.h), so a run of them is a run of the real
 * engine, in an order that the caller decides. For one writer, books that are not shared, and
 * one thread. Calls of the built-in gateway are handed to `call` instead of being made: it begins
 * each with engine_call_begin and ends it with one of the ends of call.h, at once or later. Those
 * over the network, webhooks too, are handed to `send`, which is the client's (net/client.h) in
 * all that it promises. There is no far side of the built-in gateway and no reader.
 *
 * Commits are made before they are on the disk, and nothing of them is let out before
 * engine_step_flush. A flush that fails ends a process, which `die` has to bring about: what is let
 * out from there on is nobody's any more. */
#ifndef ENGINE_STEP_H
#define ENGINE_STEP_H

#include "engine/call.h"
#include "engine/engine.h"

struct engine_steps {
    void *self;
    void (*call)(void *self, struct call *call);
    bool (*send)(void *self, struct client_call *wire);
    void (*die)(void *self);
};

/* Runs and commits at most `most` of the turns that wait; returns how many: none while too many
 * batches wait for their flush. */
size_t engine_step_turns(struct engine *engine, size_t most);
/* Flushes, and lets out what was committed before; false when there was nothing. */
bool engine_step_flush(struct engine *engine);
bool engine_step_is_unflushed(struct engine *engine);
/* What the thread does that copies the books' log into their file; at any moment, also from within
 * what another step has the disk do. */
void engine_step_copy(struct engine *engine);
/* Looks for due work once and does all that it finds; false when nothing is due yet. */
bool engine_step_clock(struct engine *engine);
/* When the clock has to look up next by what is known; 0 never. */
int64_t engine_step_due_ms(struct engine *engine);
/* Does what is to be done about webhooks once; false when nothing is due yet. */
bool engine_step_webhooks(struct engine *engine);
/* When that is, by outside_monotonic_us; 0 never. */
int64_t engine_step_webhooks_us(struct engine *engine);

/* The steps as the threads make them. Inside engine only. */
struct writer;
/* writer.c: runs what waits, once something does or it is `until_us`; returns how many. */
size_t engine_writer_step(struct writer *writer, size_t most, int64_t until_us);
/* clock.c: all jobs once; returns whether to look again at once. The arena is reset. */
bool engine_clock_look(struct engine *engine, struct arena *arena);

#endif
