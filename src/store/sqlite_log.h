/* sqlite_log.h - the write-ahead log of a connection to SQLite that writes durably: flushes of its
 * commits that are put off (store/db_flush.h), and how the log is copied into the file.
 *
 * A checkpoint inside a commit stalls it, so one thread, with a connection of its own, copies the
 * log into the file (PASSIVE), and the writer only ends what that has made short (RESTART); when,
 * is store/wal_pace.h's. A page goes into the file only when the log that has it is on the disk. A
 * flush that fails, of the log or of the file, is told by the system once and remembered here:
 * nothing more goes into the file then, and the log stays, as it may be the only place that has
 * what was copied.
 *
 * Of the writer's thread, but for sqlite_log_flush. */
#ifndef STORE_SQLITE_LOG_H
#define STORE_SQLITE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* For how long a connection waits for another's lock. */
#define SQLITE_BUSY_MS 5000

struct sqlite3;

/* Its members are sqlite_log.c's. Zeroed is one without a log: of a connection that reads, say. */
struct sqlite_log {
    struct sqlite3 *writer;
    struct sqlite3 *copier;          /* the checkpointer's thread's */
    struct wal_flush *flush;
    struct log_file *file;           /* from the first commit whose flush was put off on */
    struct wal_pace *pace;
    bool alone;
    _Atomic uint64_t commits;        /* that are over, of these */
    _Atomic bool flush_failed;       /* of the file or its log */
    bool puts_off;                   /* the flush of a commit that is being made */
    int pages;                       /* after a commit that wal_pace.h was not told of; else 0 */
};

/* For a writer that has read its file, with another connection to it, which is the log's from here
 * on. `alone`: without a thread, whose steps are sqlite_log_step's. False when the system gives
 * none. */
must_check bool sqlite_log_start(struct sqlite_log *log, struct sqlite3 *writer,
                                 struct sqlite3 *copier, struct wal_flush *flush, bool alone);
void sqlite_log_step(struct sqlite_log *log);
/* No step is made any more, and the other connection is closed; before the writer rolls back. */
void sqlite_log_stop(struct sqlite_log *log);
/* Last of all before the connection is closed: so that a copy of the one file is a backup. */
void sqlite_log_end(struct sqlite_log *log, struct sqlite3 *writer);

/* The flush of the commit that is made next is put off; and that was made, or failed. */
uint64_t sqlite_log_put_off(struct sqlite_log *log);
void sqlite_log_made(struct sqlite_log *log, uint64_t commit);
/* All that was made is on the disk then. From any thread, also while the writer is in use. */
must_check enum err sqlite_log_flush(struct sqlite_log *log);

void sqlite_log_pace(struct sqlite_log *log);
/* After each statement: what a commit added to the log is noted. It stands whatever happens. */
static inline void sqlite_log_note(struct sqlite_log *log)
{
    if (log->pages != 0 && !log->puts_off)
        sqlite_log_pace(log);
}

#endif
