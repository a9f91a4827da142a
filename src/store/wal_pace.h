/* wal_pace.h - when a write-ahead log is copied into its file, and when it begins again.
 *
 * A log can begin again only in a moment at which all of it is in the file, and under load the
 * writer has always written on. So a thread copies in small steps beside the writer, and when a
 * step has left next to nothing the writer copies that and turns the log round, after a commit:
 * nobody waits for more than a millisecond or two. Only a disk that cannot keep up makes the
 * writer wait, because then commits have to slow down.
 *
 * It knows when, and no engine; how is the engine's (struct wal_work). */
#ifndef STORE_WAL_PACE_H
#define STORE_WAL_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct wal_pace;

struct wal_work {
    void *self;
    /* Copies what is in nobody's way; the pages that are in the file then, counted from the log's
     * beginning. What fails is tried again with the next step: it may always answer 0. */
    int64_t (*copy)(void *self);
    /* Copies what is left and lets the log begin again; on the thread that commits. Not OK when
     * a reader is in it: at once, or, if it may wait, after a while. */
    enum err (*restart)(void *self, bool may_wait);
    /* No thread: steps are made by wal_pace_step, and a log is as much smaller than is said below
     * as books are that one thread has to itself. */
    bool alone;
};

/* Pages from which on the log wants to begin again; that a writer copies by itself; from which on
 * it waits for its turn, and for readers; after which it waits for these again; and that the
 * log's file keeps: as many as it has under load, because after it was cut off the next commit
 * waits for milliseconds until the file system has made it longer again. */
#define WAL_PAGES_ENOUGH 24576
#define WAL_PAGES_FEW 256
#define WAL_PAGES_MOST 49152
#define WAL_PAGES_STEP 4096
#define WAL_PAGES_KEPT (WAL_PAGES_MOST + 2 * WAL_PAGES_STEP)

/* NULL when the system gives no thread. */
struct wal_pace *wal_pace_start(const struct wal_work *work);
/* After each commit, on its thread, with the pages in the log. Never fails: what is in the log is
 * as durable as what is in the file. */
void wal_pace_committed(struct wal_pace *pace, int64_t pages);
/* What the thread would do when woken. Alone only; also from within what the writer has the disk
 * do. */
void wal_pace_step(struct wal_pace *pace);
/* A step that runs is waited for. Accepts NULL. */
void wal_pace_stop(struct wal_pace *pace);

#endif
