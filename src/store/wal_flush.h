/* wal_flush.h - commits that are in a write-ahead log and perhaps not on the disk yet.
 *
 * A writer that does not wait for the disk says here what it is about to commit; whoever flushes
 * the log, up to which commit it is on the disk; and who reads, waits for what it may have seen, so
 * that nothing is told that a failing machine could still take back. All connections of this
 * process to one file share one of these. From any thread. */
#ifndef STORE_WAL_FLUSH_H
#define STORE_WAL_FLUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct wal_flush;

/* Of the file of this name, spelt so; the same for all who ask while one of them keeps it. */
struct wal_flush *wal_flush_of(const char *path);
void wal_flush_leave(struct wal_flush *flush);       /* accepts NULL */

/* Within a transaction that is about to commit, as its number: whether or not it succeeds then, the
 * log has to be flushed after. */
uint64_t wal_flush_expect(struct wal_flush *flush);
/* After a flush that began when the commit was over. */
void wal_flush_reached(struct wal_flush *flush, uint64_t commit);
/* Returns when all that was expected before the call is on the disk. False only of who is alone, if
 * that failed: nothing of it may be told. */
must_check bool wal_flush_await(struct wal_flush *flush);
/* Of a process that has one thread: who waits would do so for ever, and has this done instead.
 * NULL: no more. */
void wal_flush_alone(struct wal_flush *flush, bool (*now)(void *self), void *self);

#endif
