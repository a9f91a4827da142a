/* sqlite_vfs.h - SQLite's default file layer, but for the write-ahead log: what a commit adds to
 * it is collected and written in one piece, when the commit has it flushed. SQLite writes two
 * pieces for each of its pages, which with small commits was a sixth of the writer's time.
 *
 * Only for connections that flush each commit (synchronous=FULL): others read what was committed,
 * and nothing may be committed and not written. A write that fails is told as a flush that
 * failed, which rolls the commit back all the same. */
#ifndef STORE_SQLITE_VFS_H
#define STORE_SQLITE_VFS_H

#include <stdbool.h>

/* By which name sqlite3_open_v2 knows it; made with the first call, for the process's lifetime. */
const char *sqlite_vfs_name(void);

struct sqlite3;
/* For each connection that was opened by that name, at once: what it had not written when its
 * transaction is rolled back is forgotten, because the place is anybody's then. Takes the
 * connection's rollback hook. */
void sqlite_vfs_watch(struct sqlite3 *handle);
/* For a connection that only copies its log into the file, once it has opened that: every few pages
 * whoever waits for its processor goes first. The system takes it from a thread only after
 * milliseconds, which is many commits. */
void sqlite_vfs_give_way(struct sqlite3 *handle);

struct log_file;
/* Whether all flushes of the log that the connection asks for are put off from here on, but for
 * that of a log's beginning: what was added is written, and on the disk only after
 * sqlite_vfs_flush. For the commit alone: a checkpoint relies on its flush. NULL while the
 * connection knows of no log yet: then nothing is put off. */
struct log_file *sqlite_vfs_put_off(struct sqlite3 *handle, bool yes);
/* From any thread, also while the connection is in use, but not while it is closed. After one
 * flush of the log that failed, whoever asked for it, all fail. */
bool sqlite_vfs_flush(struct log_file *log);

#endif
