#include "store/sqlite_log.h"

#include <sqlite3.h>
#include <stddef.h>

#include "store/sqlite_vfs.h"
#include "store/wal_flush.h"
#include "store/wal_pace.h"

#define CHECKPOINT_TIMEOUT_MS 250

/* Commits. */

uint64_t sqlite_log_put_off(struct sqlite_log *log)
{
    uint64_t commit = wal_flush_expect(log->flush);
    struct log_file *file = sqlite_vfs_put_off(log->writer, true);

    if (log->file == NULL)       /* else it may be being flushed, and is the same */
        log->file = file;
    log->puts_off = true;
    return commit;
}

void sqlite_log_made(struct sqlite_log *log, uint64_t commit)
{
    log->puts_off = false;
    sqlite_vfs_put_off(log->writer, false);
    atomic_store(&log->commits, commit);
    sqlite_log_note(log);
}

enum err sqlite_log_flush(struct sqlite_log *log)
{
    uint64_t commit = atomic_load(&log->commits);

    if (commit == 0)
        return OK;
    if (log->file != NULL && !sqlite_vfs_flush(log->file))
        atomic_store(&log->flush_failed, true);
    if (atomic_load(&log->flush_failed))
        return ERR_STORE;
    wal_flush_reached(log->flush, commit);
    return OK;
}

static bool flush_now(void *self)
{
    return sqlite_log_flush(self) == OK;
}

/* Within the commit, whose flush may be put off: a checkpoint from here would copy what is not on
 * the disk yet. So it is only noted. */
static int note_commit(void *self, sqlite3 *handle, const char *name, int pages)
{
    struct sqlite_log *log = self;

    (void)handle;
    (void)name;
    log->pages = pages;
    return SQLITE_OK;
}

void sqlite_log_pace(struct sqlite_log *log)
{
    int pages = log->pages;

    log->pages = 0;
    wal_pace_committed(log->pace, pages);
}

/* Checkpoints. */

/* SQLite flushes the file only when nothing is left in the log, and then the writer waits for all
 * that was ever copied: most of it is flushed here, piece by piece. */
static void flush_file(struct sqlite_log *log)
{
    sqlite3_file *file = NULL;

    sqlite3_file_control(log->copier, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (file != NULL && file->pMethods != NULL
        && file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) != SQLITE_OK)
        atomic_store(&log->flush_failed, true);
}

/* A flush that failed is told once. */
static void note_failure(struct sqlite_log *log, sqlite3 *handle)
{
    if (sqlite3_extended_errcode(handle) == SQLITE_IOERR_FSYNC)
        atomic_store(&log->flush_failed, true);
}

static int64_t copy(void *self)
{
    struct sqlite_log *log = self;
    int pages = 0, copied = 0;

    if (atomic_load(&log->flush_failed))
        return 0;
    if (sqlite3_wal_checkpoint_v2(log->copier, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied)
        != SQLITE_OK)
        note_failure(log, log->copier);
    flush_file(log);
    return copied > 0 ? copied : 0;
}

/* SQLite sleeps for milliseconds where it may wait, also for a reader that is gone sooner. A reader
 * may wait for a flush in its turn (store/wal_flush.h), so that comes first. */
static enum err restart(void *self, bool may_wait)
{
    struct sqlite_log *log = self;

    if (sqlite_log_flush(log) != OK)
        return ERR_STORE;
    sqlite3_busy_timeout(log->writer, may_wait ? CHECKPOINT_TIMEOUT_MS : 0);
    int code = sqlite3_wal_checkpoint_v2(log->writer, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    if (code != SQLITE_OK)
        note_failure(log, log->writer);
    sqlite3_busy_timeout(log->writer, SQLITE_BUSY_MS);
    return code == SQLITE_OK ? OK : ERR_STORE_BUSY;
}

void sqlite_log_step(struct sqlite_log *log)
{
    wal_pace_step(log->pace);
}

/* The beginning and the end. */

bool sqlite_log_start(struct sqlite_log *log, sqlite3 *writer, sqlite3 *copier,
                      struct wal_flush *flush, bool alone)
{
    const struct wal_work work = { log, copy, restart, alone };

    log->writer = writer;
    log->copier = copier;
    log->flush = flush;
    log->alone = alone;
    if (alone)
        wal_flush_alone(flush, flush_now, log);
    /* A connection that has read nothing does not know of the log yet. */
    const char *sql = "PRAGMA synchronous = FULL; SELECT count(*) FROM sqlite_schema;";
    sqlite3_exec(copier, sql, NULL, NULL, NULL);
    sqlite_vfs_give_way(copier);
    log->pace = wal_pace_start(&work);
    if (log->pace != NULL)
        sqlite3_wal_hook(writer, note_commit, log);
    return log->pace != NULL;
}

void sqlite_log_stop(struct sqlite_log *log)
{
    if (log->alone)
        wal_flush_alone(log->flush, NULL, NULL);
    wal_pace_stop(log->pace);
    sqlite3_close(log->copier);
}

/* Readers or not. */
void sqlite_log_end(struct sqlite_log *log, sqlite3 *writer)
{
    if (atomic_load(&log->flush_failed)) {
        sqlite3_db_config(writer, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        return;
    }
    sqlite3_busy_timeout(writer, CHECKPOINT_TIMEOUT_MS);
    sqlite3_wal_checkpoint_v2(writer, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}
