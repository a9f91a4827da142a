/* The write-ahead log, its checkpoints, and the disk that it fills. */
#include "test_store_sqlite_help.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "store/migrations.h"
#include "store/wal_pace.h"

#define MEBIBYTE (1 << 20)
#define PAGES(count) (INT64_C(4096) * (count))
#define EVENT_SIZE 100000

/* `count` events of 100 kB. */
static enum err put_events(struct store_fixture *books, struct db *db, int count)
{
    static char data[EVENT_SIZE];
    enum err err = OK;

    memset(data, 'x', sizeof data);
    for (int i = 0; err == OK && i < count; i++) {
        struct event *event = store_fixture_row(books, &table_events);
        const void *row = event;
        event->number = (int64_t)store_fixture_random(books, INT64_MAX);
        event->data = str_make(data, sizeof data);
        err = db_insert(db, &table_events, &row, 1);
    }
    return err;
}

/* The same in one commit. */
static enum err commit_events(struct store_fixture *books, struct db *db, int count)
{
    enum err err = db_begin(db);

    if (err == OK)
        err = put_events(books, db, count);
    if (err == OK)
        err = db_commit(db);
    if (err != OK)
        db_rollback(db);
    return err;
}

/* The log. */

static void the_log_does_not_grow_without_bound(void **state)
{
    struct store_fixture *books = *state;
    int64_t largest = 0;

    for (int i = 0; i < 80; i++) {
        assert_stored(books->db, commit_events(books, books->db, 32));
        int64_t size = size_of(books, "purser.db-wal");
        /* Whoever cuts it off has to make it longer again. */
        assert_true(size >= largest);
        largest = size;
    }
    /* More went through it. It may be the last commit that makes the log begin again. */
    assert_true(largest > PAGES(WAL_PAGES_ENOUGH) / 2);
    assert_true(largest < PAGES(WAL_PAGES_MOST) + 4 * MEBIBYTE);
}

static void a_slow_reader_holds_the_log_but_no_commit(void **state)
{
    struct store_fixture *books = *state;
    struct db *reader = store_fixture_connect(books, DB_READ);

    assert_stored(reader, db_begin(reader));
    assert_int_equal(store_count(books, reader, &table_events), 0);
    for (int i = 0; i < 76; i++) {
        int64_t start_us = outside_monotonic_us(outside_real());
        assert_stored(books->db, commit_events(books, books->db, 32));
        /* Not as long as for a lock that another program holds, which is 5 s. */
        assert_true(outside_monotonic_us(outside_real()) - start_us < 4000000);
    }
    assert_true(size_of(books, "purser.db-wal") > PAGES(WAL_PAGES_KEPT));
    assert_int_equal(store_count(books, reader, &table_events), 0);
    assert_stored(reader, db_commit(reader));
    for (int i = 0; i < 50 && size_of(books, "purser.db-wal") > PAGES(WAL_PAGES_KEPT); i++)
        assert_stored(books->db, commit_events(books, books->db, 32));
    assert_true(size_of(books, "purser.db-wal") <= PAGES(WAL_PAGES_KEPT));
    db_close(reader);
}

static int64_t write_calls(void)
{
    char text[512] = "";
    int file = open("/proc/thread-self/io", O_RDONLY | O_CLOEXEC);

    assert_true(file >= 0 && read(file, text, sizeof text - 1) > 0);
    close(file);
    return strtoll(strstr(text, "syscw:") + 6, NULL, 10);
}

/* SQLite alone makes two calls for each page. */
static void a_commit_is_written_in_one_piece(void **state)
{
    struct store_fixture *books = *state;

    assert_stored(books->db, commit_events(books, books->db, 1));
    int64_t before = write_calls();
    assert_stored(books->db, commit_events(books, books->db, 1));
    /* 100 kB, a wake of the checkpointer, perhaps the log's head; not two calls for 25 pages. */
    assert_true(write_calls() - before <= 8);
}

/* What does not fit into the page cache is in the log before the commit, and read from there. */
static void what_is_not_committed_is_read_by_its_own_transaction(void **state)
{
    struct store_fixture *books = *state;
    struct db *reader = store_fixture_connect(books, DB_READ);
    static char data[EVENT_SIZE];

    for (int round = 0; round < 2; round++) {
        assert_stored(books->db, db_begin(books->db));
        for (int i = 0; i < 300; i++) {
            struct event *event = store_fixture_row(books, &table_events);
            const void *row = event;
            event->number = 1000 * (round + 1) + i;
            event->data = str_make(data, sizeof data);
            assert_stored(books->db, db_insert(books->db, &table_events, &row, 1));
        }
        assert_int_equal(store_count(books, books->db, &table_events), 300);
        assert_int_equal(store_count(books, reader, &table_events), 0);
        if (round == 0)
            db_rollback(books->db);
    }
    assert_stored(books->db, db_commit(books->db));
    assert_int_equal(store_count(books, reader, &table_events), 300);
    db_close(reader);
}

/* What a transaction that was rolled back had not written yet is not written later either: its
 * place in the log may be another connection's by then. */
static void what_was_rolled_back_leaves_others_alone(void **state)
{
    struct store_fixture *books = *state;
    struct db *other = store_fixture_connect(books, DB_WRITE);
    int64_t stored = 0;

    for (int round = 0; round < 4; round++) {
        /* The log begins again, so that the rollback reads nothing of it. */
        assert_stored(other, db_query(other, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, 0, NULL,
                                      NULL));
        assert_stored(books->db, db_begin(books->db));
        assert_stored(books->db, put_events(books, books->db, 160 + 4 * round));
        db_rollback(books->db);
        assert_stored(other, commit_events(books, other, 60));
        stored += 60;
        assert_int_equal(store_count(books, books->db, &table_events), stored);
        assert_stored(books->db, commit_events(books, books->db, 1));
        stored++;
        assert_int_equal(store_count(books, other, &table_events), stored);
        assert_whole(books);
    }
    db_close(other);
}

static void sleep_ms(int ms)
{
    poll(NULL, 0, ms);
}

/* How often the checkpointer of this process has been woken; -1 when there is none. */
static int64_t checkpointer_wakes(struct store_fixture *books)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *entry = NULL;
    int64_t wakes = -1;

    assert_non_null(tasks);
    while (wakes < 0 && (entry = readdir(tasks)) != NULL) {
        char text[4096] = "";
        const char *path =
            str_format(&books->arena, "/proc/self/task/%s/status", entry->d_name).ptr;
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file >= 0 && read(file, text, sizeof text - 1) > 0 &&
            strstr(text, "Name:\tcheckpointer") != NULL)
            wakes = strtoll(strstr(text, "\nvoluntary_ctxt_switches:") + 25, NULL, 10);
        close(file);
    }
    closedir(tasks);
    return wakes;
}

static void idle_books_cost_nothing(void **state)
{
    struct store_fixture *books = *state;

    for (int i = 0; i < 20; i++)
        assert_stored(books->db, put_task(books));
    assert_true(checkpointer_wakes(books) >= 0);
    int64_t before = -1;
    /* The last checkpoint and its gap are over when nothing moved for 300 ms. */
    for (int i = 0; i < 50 && before != checkpointer_wakes(books); i++) {
        before = checkpointer_wakes(books);
        sleep_ms(300);
    }
    sleep_ms(500);
    assert_int_equal(checkpointer_wakes(books), before);
}

static void commits_reach_the_file_while_it_is_open(void **state)
{
    struct store_fixture *books = *state;
    int64_t before = size_of(books, "purser.db");

    assert_stored(books->db, commit_events(books, books->db, 20));
    for (int i = 0; i < 100 && size_of(books, "purser.db") < before + 20 * EVENT_SIZE; i++)
        sleep_ms(20);
    assert_true(size_of(books, "purser.db") >= before + 20 * EVENT_SIZE);
}

/* The disk. */

/* In a name space of this thread, so that the mount ends with it whatever the test does. */
static bool mount_small(const char *dir)
{
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV, "size=3m") == 0)
        return true;
    print_message("# a small file system cannot be mounted here: not root\n");
    return false;
}

static void fill(struct store_fixture *books, const char *name, size_t size)
{
    static char block[4096];
    int file = open(path_of(books, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(file >= 0);
    for (size_t done = 0; done < size; done += sizeof block)
        assert_int_equal(write(file, block, sizeof block), sizeof block);
    close(file);
}

/* Commits until there is no room; returns the number of events that are stored. */
static int64_t commit_until_full(struct store_fixture *books)
{
    int64_t stored = 0;
    enum err err = OK;

    while (stored < 1000 && (err = commit_events(books, books->db, 2)) == OK)
        stored += 2;
    assert_int_equal(err, ERR_STORE);
    assert_true(text_has(db_error(books->db), "free some space"));
    return stored;
}

static void use_a_full_disk(struct store_fixture *books)
{
    struct str why = { 0 };

    books->db = store_fixture_connect(books, DB_WRITE);
    assert_stored(books->db,
                  db_migrate(books->db, store_tables, store_migrations, &books->arena, &why));
    fill(books, "filler", MEBIBYTE);
    int64_t stored = commit_until_full(books);
    assert_true(stored > 0);
    assert_int_equal(store_count(books, books->db, &table_events), stored);
    for (int i = 0; i < 3; i++)
        assert_int_equal(commit_events(books, books->db, 2), ERR_STORE);

    assert_int_equal(unlink(path_of(books, "filler")), 0);
    assert_stored(books->db, commit_events(books, books->db, 2));
    assert_int_equal(store_count(books, books->db, &table_events), stored + 2);
    assert_whole(books);
    store_fixture_reopen(books);
    assert_int_equal(store_count(books, books->db, &table_events), stored + 2);
    assert_whole(books);
    db_close(books->db);
    books->db = NULL;
}

static void a_full_disk_rolls_back_and_passes(void **state)
{
    struct store_fixture *books = *state;

    db_close(books->db);
    books->db = NULL;
    if (!mount_small(books->dir))
        skip();
    use_a_full_disk(books);
    /* At once, although whoever looks through all file systems at this moment keeps it busy. */
    assert_int_equal(umount2(books->dir, MNT_DETACH), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_does_not_grow_without_bound),
        cmocka_unit_test(a_slow_reader_holds_the_log_but_no_commit),
        cmocka_unit_test(a_commit_is_written_in_one_piece),
        cmocka_unit_test(what_is_not_committed_is_read_by_its_own_transaction),
        cmocka_unit_test(what_was_rolled_back_leaves_others_alone),
        cmocka_unit_test(idle_books_cost_nothing),
        cmocka_unit_test(commits_reach_the_file_while_it_is_open),
        cmocka_unit_test(a_full_disk_rolls_back_and_passes),
    };
    return store_run_on("sqlite", "store/sqlite log", tests, COUNT_OF(tests));
}
