/* deliveries.h - webhooks out: from a committed delivery to the recorded end of a try.
 *
 * One thread decides who is sent to next; the client's thread makes the calls; what a try means
 * is a turn (core/webhook_turns.c). Nothing lives only here: what is due is read from the books,
 * after a start as on any other day, and a try whose end could not be recorded is recorded
 * later, never made again for that. After a crash what was under way is sent again, under the
 * same id.
 *
 * No endpoint can hold back another: each has a window of calls under way that grows with its
 * successes and is halved by a failure, they are served in turns, and those that fail all the
 * time share a tenth of the places. */
#ifndef ENGINE_DELIVERIES_H
#define ENGINE_DELIVERIES_H

#include "engine/engine.h"

struct deliveries;

/* Sets engine->deliveries. */
must_check enum err deliveries_open(struct engine *engine, const struct engine_config *config,
                                    struct arena *arena, struct str *why);
/* Something is due at their endpoints. From any thread; accepts NULL, as the others do. */
void deliveries_due(struct deliveries *deliveries, const struct webhook_delivery_list *due);
/* Another node says so. */
void deliveries_heard(struct deliveries *deliveries, struct webhook_endpoint_id endpoint);
/* How far behind the worst endpoints are, as text for Prometheus. From any thread. */
void deliveries_write_metrics(struct deliveries *deliveries, struct buf *out);
/* Begins no try any more, records those that ended, ends the thread. While writers still run. */
void deliveries_stop(struct deliveries *deliveries);
void deliveries_close(struct deliveries *deliveries);

/* Without a thread (engine/step.h): one turn of its loop, and when the next is due. */
bool deliveries_step(struct deliveries *deliveries);
int64_t deliveries_step_us(struct deliveries *deliveries);

#endif
