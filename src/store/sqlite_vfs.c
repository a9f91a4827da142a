/* sqlite_vfs.c - of the methods of a log's file only those that write differ from SQLite's.
 *
 * Surprises:
 *   - What is not written yet is only ever at the log's end and not yet committed, so nobody but
 *     the connection that writes it can want to read it; it writes it out first.
 *   - A transaction larger than the page cache writes before its commit, and one whose savepoint
 *     was rolled back writes over what it wrote: that is no piece with the rest, which is
 *     written first.
 *   - The flush that a commit asks for may be put off, but not that of a log's new first page: what
 *     follows it must not be on the disk before it, or a log of two ages could be read as one.
 *   - What is still unwritten when a transaction is rolled back must never be written: another
 *     connection may commit to the same place before this one writes or reads again. */
#include "store/sqlite_vfs.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"

#define VFS_NAME "purser"
/* The most that SQLite's own layer writes at once. */
#define PIECE_MAX 0x1ffff
/* With a write of each page about a tenth of a millisecond. */
#define READS_IN_A_ROW 16

struct log_file {
    sqlite3_file file;
    char *piece; /* of PIECE_MAX bytes; what is not written yet: */
    int len;
    sqlite3_int64 at;
    bool puts_off;  /* flushes */
    bool has_begun; /* anew, since the last flush */
    pthread_mutex_t flushing;
    bool has_failed; /* a flush: the system tells it once, and the next one says OK */
    bool gives_way;
    unsigned reads;
    sqlite3_file real[]; /* as large as SQLite's own wants it */
};

static sqlite3_vfs *system_vfs;

static struct log_file *log_of(sqlite3_file *file)
{
    return (struct log_file *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return log_of(file)->real;
}

static int write_out(struct log_file *log)
{
    int len = log->len;

    log->len = 0;
    if (len == 0)
        return SQLITE_OK;
    return log->real->pMethods->xWrite(log->real, log->piece, len, log->at);
}

static int log_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    struct log_file *log = log_of(file);
    log->has_begun = log->has_begun || at == 0;
    bool joins = log->len > 0 && at == log->at + log->len && len <= PIECE_MAX - log->len;

    if (!joins) {
        int code = write_out(log);
        if (code != SQLITE_OK)
            return code;
        log->at = at;
    }
    if (len > PIECE_MAX)
        return log->real->pMethods->xWrite(log->real, bytes, len, at);
    memcpy(log->piece + log->len, bytes, (size_t)len);
    log->len += len;
    return SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    struct log_file *log = log_of(file);
    int code = write_out(log);

    if (log->gives_way && ++log->reads % READS_IN_A_ROW == 0)
        sched_yield();
    return code == SQLITE_OK ? log->real->pMethods->xRead(log->real, bytes, len, at) : code;
}

/* By the connection's thread or another: who is second must not hear OK of what the first lost. */
static int flush(struct log_file *log, int flags)
{
    pthread_mutex_lock(&log->flushing);
    int code = log->has_failed ? SQLITE_IOERR_FSYNC
                               : log->real->pMethods->xSync(log->real, flags);
    log->has_failed = code != SQLITE_OK;
    pthread_mutex_unlock(&log->flushing);
    return code;
}

static int log_sync(sqlite3_file *file, int flags)
{
    struct log_file *log = log_of(file);
    int code = write_out(log);

    if (code != SQLITE_OK || (log->puts_off && !log->has_begun))
        return code;
    log->has_begun = false;
    return flush(log, flags);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = write_out(log_of(file));

    return code == SQLITE_OK ? real_of(file)->pMethods->xTruncate(real_of(file), size) : code;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
    int code = write_out(log_of(file));

    return code == SQLITE_OK ? real_of(file)->pMethods->xFileSize(real_of(file), size) : code;
}

static int log_close(sqlite3_file *file)
{
    struct log_file *log = log_of(file);

    /* What was not written by now was never committed. */
    mem_free(log->piece);
    pthread_mutex_destroy(&log->flushing);
    return log->real->pMethods->xClose(log->real);
}

static int log_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int log_is_reserved(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int log_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int log_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int log_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_is_reserved,
    .xFileControl = log_control,
    .xSectorSize = log_sector_size,
    .xDeviceCharacteristics = log_characteristics,
};

/* All files but logs are SQLite's own, as if it had opened them. */
static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *out_flags)
{
    struct log_file *log = log_of(file);

    (void)vfs;
    if (!(flags & SQLITE_OPEN_WAL))
        return system_vfs->xOpen(system_vfs, name, file, flags, out_flags);
    *log = (struct log_file){ .piece = mem_alloc(PIECE_MAX) };
    int code = system_vfs->xOpen(system_vfs, name, log->real, flags, out_flags);
    if (code != SQLITE_OK) {
        mem_free(log->piece);
        return code;
    }
    pthread_mutex_init(&log->flushing, NULL);
    log->file.pMethods = &log_methods;
    return SQLITE_OK;
}

static void make(void)
{
    static sqlite3_vfs vfs;

    system_vfs = sqlite3_vfs_find(NULL);
    assert(system_vfs != NULL);
    vfs = *system_vfs;
    vfs.pNext = NULL;
    vfs.zName = VFS_NAME;
    vfs.szOsFile = (int)sizeof(struct log_file) + system_vfs->szOsFile;
    vfs.xOpen = open_file;
    int code = sqlite3_vfs_register(&vfs, 0);
    assert(code == SQLITE_OK);
}

static struct log_file *log_of_handle(struct sqlite3 *handle)
{
    sqlite3_file *file = NULL;

    sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    return file != NULL && file->pMethods == &log_methods ? log_of(file) : NULL;
}

/* Within the call that rolled back, so nothing has been read since. */
static void forget(void *handle)
{
    struct log_file *log = log_of_handle(handle);

    if (log != NULL)
        log->len = 0;
}

void sqlite_vfs_give_way(struct sqlite3 *handle)
{
    struct log_file *log = log_of_handle(handle);

    if (log != NULL)
        log->gives_way = true;
}

struct log_file *sqlite_vfs_put_off(struct sqlite3 *handle, bool yes)
{
    struct log_file *log = log_of_handle(handle);

    if (log != NULL)
        log->puts_off = yes;
    return log;
}

/* SQLite's own layer may be called so beside a write: it looks at nothing but the descriptor, once
 * the log's folder was flushed, which the flush of the log's beginning has done. */
bool sqlite_vfs_flush(struct log_file *log)
{
    return flush(log, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

void sqlite_vfs_watch(struct sqlite3 *handle)
{
    sqlite3_rollback_hook(handle, forget, handle);
}

const char *sqlite_vfs_name(void)
{
    static pthread_once_t made = PTHREAD_ONCE_INIT;

    pthread_once(&made, make);
    return VFS_NAME;
}
