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
static _Atomic bool file_is_broken;      /* for any thread */
static _Atomic int failures;             /* of it */
/* Of this thread: whether it wrote into the log since that was flushed, and how often it wrote into
 * the file then, and otherwise. */
static _Thread_local bool log_is_young;
static _Thread_local int early_writes, late_writes;

static bool ends_with(int file, const char *end)
{
    char link[64], path[256];
    struct buf text;

    buf_fixed(&text, link, sizeof link);
    buf_addf(&text, "/proc/self/fd/%d", file);
    ssize_t len = readlink(buf_c(&text), path, sizeof path);
    size_t end_len = strlen(end);
    return len > (ssize_t)end_len && memcmp(path + len - end_len, end, end_len) == 0;
}

/* In the place of the C library's, for SQLite too. */
int fdatasync(int file);
int fdatasync(int file)
{
    flushes++;
    bool fails = atomic_load(&file_is_broken) && ends_with(file, "/purser.db");
    if (disk_is_broken || fails) {
        atomic_fetch_add(&failures, fails);
        errno = EIO;
        return -1;
    }
    if (ends_with(file, "-wal")) {
        atomic_fetch_add(&log_flushes, 1);
        log_is_young = false;
    }
    return (int)syscall(SYS_fdatasync, file);
}

ssize_t pwrite64(int file, const void *bytes, size_t len, off64_t at);
ssize_t pwrite64(int file, const void *bytes, size_t len, off64_t at)
{
    if (ends_with(file, "-wal"))
        log_is_young = true;
    else if (ends_with(file, "/purser.db"))
        log_is_young ? early_writes++ : late_writes++;
    return (ssize_t)syscall(SYS_pwrite64, file, bytes, len, at);
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

/* Reads beside a commit, and hears of it when that is flushed. */
static void reads_after_the_flush(struct store_fixture *books, struct reading *reading)
{
    int64_t before = store_count(books, books->db, &table_tasks);
    pthread_t thread;

    commit_task_later(books);
    assert_int_equal(pthread_create(&thread, NULL, read_tasks, reading), 0);
    poll(NULL, 0, 100);
    assert_false(atomic_load(&reading->is_over));
    assert_stored(books->db, db_flush(books->db));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(reading->count, before + 1);
}

static void read_while_unflushed(struct store_fixture *books, bool in_snapshot)
{
    struct reading reading = { store_fixture_connect(books, DB_READ), in_snapshot, 0, false };
    int64_t before = store_count(books, books->db, &table_tasks);

    reads_after_the_flush(books, &reading);

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

/* Only then: to begin and to end a snapshot tells nothing. */
static void *view(void *self)
{
    struct reading *reading = self;
    enum err err = db_begin(reading->db);

    db_rollback(reading->db);
    reading->count = err == OK ? 0 : -1;
    return NULL;
}

static void a_snapshot_that_was_not_read_waits_for_nothing(void **state)
{
    struct store_fixture *books = *state;
    struct reading reading = { store_fixture_connect(books, DB_READ), true, -1, false };
    pthread_t thread;

    commit_task_later(books);
    assert_int_equal(pthread_create(&thread, NULL, view, &reading), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(reading.count, 0);
    assert_stored(books->db, db_flush(books->db));
    db_close(reading.db);
}

static void after_a_snapshot_who_reads_waits_again(void **state)
{
    struct store_fixture *books = *state;
    struct reading reading = { store_fixture_connect(books, DB_READ), false, 0, false };

    assert_stored(reading.db, db_begin(reading.db));
    assert_int_equal(store_count(books, reading.db, &table_tasks), 0);
    assert_stored(reading.db, db_commit(reading.db));
    reads_after_the_flush(books, &reading);
    db_close(reading.db);
}

/* What the writer itself copies when the log begins again, too: pages in the file whose log is lost
 * with the power are damaged books. */
static void the_writer_copies_nothing_that_is_not_on_the_disk(void **state)
{
    struct store_fixture *books = *state;

    assert_stored(books->db, db_query(books->db, "CREATE TABLE filler (bytes BLOB)", NULL, 0, NULL,
                                      NULL));
    early_writes = late_writes = 0;
    for (int i = 0; i < 40000 && early_writes + late_writes == 0; i++) {
        assert_stored(books->db, db_begin(books->db));
        assert_stored(books->db, put_task(books));
        assert_stored(books->db,
                      db_query(books->db, "INSERT INTO filler VALUES (randomblob(12000))", NULL, 0,
                               NULL, NULL));
        assert_stored(books->db, db_commit_later(books->db));
        if (i % 4 == 0)
            assert_stored(books->db, db_flush(books->db));
    }
    assert_int_equal(early_writes, 0);
    assert_true(late_writes > 0);
}

/* The system says so once. */
static void a_flush_that_failed_is_never_forgotten(void **state)
{
    struct store_fixture *books = *state;

    commit_task_later(books);
    disk_is_broken = true;
    assert_int_equal(db_flush(books->db), ERR_STORE);
    disk_is_broken = false;
    assert_int_equal(db_flush(books->db), ERR_STORE);
}

static void a_flush_that_failed_for_another_is_told(void **state)
{
    struct store_fixture *books = *state;

    commit_task_later(books);
    assert_stored(books->db, db_flush(books->db));
    commit_task_later(books);
    disk_is_broken = true;
    assert_int_equal(db_probe(books->db), ERR_STORE);
    disk_is_broken = false;
    assert_int_equal(db_flush(books->db), ERR_STORE);
}

/* What the checkpointer copied may not be on the disk then, and the next flush says OK. */
static void a_log_whose_copy_may_be_lost_stays(void **state)
{
    struct store_fixture *books = *state;

    atomic_store(&file_is_broken, true);
    for (int i = 0; i < 500 && atomic_load(&failures) == 0; i++) {
        commit_task_later(books);
        poll(NULL, 0, 10);
    }
    assert_true(atomic_load(&failures) > 0);
    atomic_store(&file_is_broken, false);
    db_close(books->db);
    books->db = NULL;
    assert_true(size_of(books, "purser.db-wal") > 0);
    books->db = store_fixture_connect(books, DB_WRITE);
    assert_whole(books);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_is_flushed_when_asked),
        cmocka_unit_test(the_beginning_of_a_log_is_flushed_at_once),
        cmocka_unit_test(what_a_checkpoint_copies_is_flushed_before),
        cmocka_unit_test(the_writer_copies_nothing_that_is_not_on_the_disk),
        cmocka_unit_test(who_reads_waits_for_the_disk),
        cmocka_unit_test(a_snapshot_that_was_not_read_waits_for_nothing),
        cmocka_unit_test(after_a_snapshot_who_reads_waits_again),
        cmocka_unit_test(a_flush_that_failed_is_never_forgotten),
        cmocka_unit_test(a_flush_that_failed_for_another_is_told),
        cmocka_unit_test(a_log_whose_copy_may_be_lost_stays),
    };
    return store_run_on("sqlite", "store/flush", tests, COUNT_OF(tests));
}
