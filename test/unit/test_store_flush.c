/* Commits that are put on the disk later than they are made: what the disk was told, and when who
 * reads may go on. */
#include "test_store_sqlite_help.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store/db_flush.h"

static _Thread_local int flushes;        /* that this thread asked for */
static _Thread_local bool disk_is_broken;
static _Atomic int log_flushes;          /* that any thread asked for */

static bool is_log(int file)
{
    char link[64], path[256];
    struct buf text;

    buf_fixed(&text, link, sizeof link);
    buf_addf(&text, "/proc/self/fd/%d", file);
    ssize_t len = readlink(buf_c(&text), path, sizeof path);
    return len > 4 && memcmp(path + len - 4, "-wal", 4) == 0;
}

/* In the place of the C library's, for SQLite too. */
int fdatasync(int file);
int fdatasync(int file)
{
    flushes++;
    if (is_log(file))
        atomic_fetch_add(&log_flushes, 1);
    if (!disk_is_broken)
        return (int)syscall(SYS_fdatasync, file);
    errno = EIO;
    return -1;
}

static void commit_task_later(struct store_fixture *books)
{
    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, put_task(books));
    assert_stored(books->db, db_commit_later(books->db));
}

/* All that was in the log is in the file, and the next commit begins it again. The checkpointer may
 * be at it. */
static void end_log(struct store_fixture *books)
{
    for (int i = 0; i < 500 && size_of(books, "purser.db-wal") > 0; i++) {
        poll(NULL, 0, 10);
        assert_stored(books->db, db_query(books->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, 0,
                                          NULL, NULL));
    }
    assert_int_equal(size_of(books, "purser.db-wal"), 0);
}

/* The checkpointer can come between: when all is in the file a commit begins the log again. */
static void a_commit_is_flushed_when_asked(void **state)
{
    struct store_fixture *books = *state;
    int at_once = 1;

    assert_true(db_commits_later(books->db));
    for (int i = 0; i < 50 && at_once > 0; i++) {
        flushes = 0;
        commit_task_later(books);
        commit_task_later(books);
        at_once = flushes;
        assert_stored(books->db, db_flush(books->db));
        assert_int_equal(flushes, at_once + 1);
    }
    assert_int_equal(at_once, 0);
    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, put_task(books));
    assert_stored(books->db, db_commit(books->db));
    assert_true(flushes >= 2);
}

/* What follows a log's first page must not be on the disk before it. */
static void the_beginning_of_a_log_is_flushed_at_once(void **state)
{
    struct store_fixture *books = *state;

    for (int i = 0; i < 2; i++) {
        end_log(books);
        flushes = 0;
        commit_task_later(books);
        assert_int_equal(flushes, 1);
        assert_stored(books->db, db_flush(books->db));
        assert_int_equal(flushes, 2);
    }
}

static void what_a_checkpoint_copies_is_flushed_before(void **state)
{
    struct store_fixture *books = *state;

    commit_task_later(books);
    assert_stored(books->db, db_flush(books->db));
    int before = atomic_load(&log_flushes);
    commit_task_later(books);
    end_log(books);
    assert_true(atomic_load(&log_flushes) > before);
    assert_stored(books->db, db_flush(books->db));
    assert_int_equal(store_count(books, books->db, &table_tasks), 2);
}

struct reading {
    struct db *db;
    bool in_snapshot;
    int64_t count;
    _Atomic bool is_over;
};

static void *read_tasks(void *self)
{
    struct reading *reading = self;
    enum err err = reading->in_snapshot ? db_begin(reading->db) : OK;

    if (err == OK)
        err = db_query(reading->db, "SELECT count(*) FROM tasks", NULL, 0, store_take_number,
                       &reading->count);
    if (err != OK)
        reading->count = -1;
    atomic_store(&reading->is_over, true);
    return NULL;
}

static void read_while_unflushed(struct store_fixture *books, bool in_snapshot)
{
    struct reading reading = { store_fixture_connect(books, DB_READ), in_snapshot, 0, false };
    int64_t before = store_count(books, books->db, &table_tasks);
    pthread_t thread;

    commit_task_later(books);
    assert_int_equal(pthread_create(&thread, NULL, read_tasks, &reading), 0);
    poll(NULL, 0, 100);
    assert_false(atomic_load(&reading.is_over));
    assert_stored(books->db, db_flush(books->db));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(reading.count, before + 1);

    /* The rest of a snapshot is of the same moment. */
    commit_task_later(books);
    if (in_snapshot)
        assert_int_equal(store_count(books, reading.db, &table_tasks), before + 1);
    assert_stored(books->db, db_flush(books->db));
    db_rollback(reading.db);
    assert_int_equal(store_count(books, reading.db, &table_tasks), before + 2);
    db_close(reading.db);
}

static void who_reads_waits_for_the_disk(void **state)
{
    read_while_unflushed(*state, false);
    read_while_unflushed(*state, true);
}

static void a_flush_that_fails_is_told(void **state)
{
    struct store_fixture *books = *state;

    commit_task_later(books);
    disk_is_broken = true;
    assert_int_equal(db_flush(books->db), ERR_STORE);
    disk_is_broken = false;
    assert_stored(books->db, db_flush(books->db));
}

static void a_commit_that_fails_keeps_nobody_waiting(void **state)
{
    struct store_fixture *books = *state;
    struct db *reader = store_fixture_connect(books, DB_READ);

    commit_task_later(books);
    assert_stored(books->db, db_flush(books->db));
    end_log(books);
    assert_stored(books->db, db_begin(books->db));
    assert_stored(books->db, put_task(books));
    disk_is_broken = true;
    assert_int_equal(db_commit_later(books->db), ERR_STORE);
    disk_is_broken = false;
    db_rollback(books->db);
    assert_stored(books->db, db_flush(books->db));
    assert_int_equal(store_count(books, reader, &table_tasks), 1);
    db_close(reader);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_is_flushed_when_asked),
        cmocka_unit_test(the_beginning_of_a_log_is_flushed_at_once),
        cmocka_unit_test(what_a_checkpoint_copies_is_flushed_before),
        cmocka_unit_test(who_reads_waits_for_the_disk),
        cmocka_unit_test(a_flush_that_fails_is_told),
        cmocka_unit_test(a_commit_that_fails_keeps_nobody_waiting),
    };
    return store_run_on("sqlite", "store/flush", tests, COUNT_OF(tests));
}
