/* flusher.h - what a writer committed goes onto the disk, and then its effects go out. Inside
 * engine only.
 *
 * Where a commit can be made before it is on the disk (db_commit_later), a thread of its own waits
 * for the disk and lets the effects out, in the order of the batches, while the writer runs the
 * next one: a disk that takes its time, or what callers are told, holds up no commit. When nothing
 * waits the writer does both itself, as that is sooner than another thread would. */
#ifndef ENGINE_FLUSHER_H
#define ENGINE_FLUSHER_H

#include "engine/engine_parts.h"

/* From before it is run until its effects are out. */
struct writer_batch {
    struct turn turns[STORE_BATCH_MAX];
    struct turn *pointers[STORE_BATCH_MAX];
    size_t count;
    struct webhook_delivery_list due;        /* by it */
};

struct flusher;

/* Without a thread where nothing would be gained, and for a node that is stepped: that one makes
 * the thread's steps by itself. NULL when the system gives none. */
struct flusher *flusher_start(struct writer *writer);
/* Returns when all is out. Accepts NULL. */
void flusher_stop(struct flusher *flusher);

/* Room for the next batch, of the writer's thread; waits while there is none. */
struct writer_batch *flusher_room(struct flusher *flusher);
/* That batch was committed, or failed. `more` waits to be written. */
void flusher_take(struct flusher *flusher, bool more);

/* Stepped: whether there is room, how many are not out yet, and what the thread does with all of
 * them. */
bool flusher_has_room(struct flusher *flusher);
bool flusher_is_behind(struct flusher *flusher);
bool flusher_step(struct flusher *flusher);

/* writer.c: lets out what follows from its turns; all batches before it are out. */
void engine_release(struct writer *writer, const struct writer_batch *batch);

#endif
