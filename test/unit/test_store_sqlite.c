/* What is particular to books in a file: its directory, its log, its ends. */
#include "store_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/books.h"
#include "store/migrations.h"

#define MEBIBYTE (1 << 20)
#define WAL_MAX (64 * MEBIBYTE)
#define EVENT_SIZE 100000

static const char *path_of(struct store_fixture *books, const char *name)
{
    return str_format(&books->arena, "%s/%s", books->dir, name).ptr;
}

/* -1 when there is no such file. */
static int64_t size_of(struct store_fixture *books, const char *name)
{
    struct stat stat_of;

    return stat(path_of(books, name), &stat_of) == 0 ? (int64_t)stat_of.st_size : -1;
}

static unsigned mode_of(const char *path)
{
    struct stat stat_of;

    assert_int_equal(stat(path, &stat_of), 0);
    return stat_of.st_mode & 0777;
}

static enum err put_task(struct store_fixture *books)
{
    const void *row = store_fixture_row(books, &table_tasks);

    return db_insert(books->db, &table_tasks, &row, 1);
}

/* `count` events of 100 kB in one commit. */
static enum err commit_events(struct store_fixture *books, struct db *db, int count)
{
    static char data[EVENT_SIZE];
    enum err err = db_begin(db);

    memset(data, 'x', sizeof data);
    for (int i = 0; err == OK && i < count; i++) {
        struct event *event = store_fixture_row(books, &table_events);
        const void *row = event;
        event->number = (int64_t)store_fixture_random(books, INT64_MAX);
        event->data = str_make(data, sizeof data);
        err = db_insert(db, &table_events, &row, 1);
    }
    if (err == OK)
        err = db_commit(db);
    if (err != OK)
        db_rollback(db);
    return err;
}

/* Places. */

static void files_are_for_their_owner_only(void **state)
{
    struct store_fixture *books = *state;
    struct db *db = NULL;
    struct str why = { 0 };
    mode_t before = umask(0);
    struct str where = str_format(&books->arena, "%.*s/new", STR_ARG(books->where));
    struct db_config config = { .where = where,
                                .file = STR("purser.db"),
                                .access = DB_WRITE,
                                .durable = true,
                                .create = true,
                                .outside = &books->outside.outside };

    assert_int_equal(db_open(&config, &books->arena, &db, &why), OK);
    assert_stored(db, db_migrate(db, store_tables, store_migrations, &books->arena, &why));
    assert_int_equal(mode_of(path_of(books, "new")), 0700);
    assert_int_equal(mode_of(path_of(books, "new/purser.db")), 0600);
    assert_int_equal(mode_of(path_of(books, "new/purser.db-wal")), 0600);
    umask(before);
    db_close(db);
    unlink(path_of(books, "new/purser.db"));
    assert_int_equal(rmdir(path_of(books, "new")), 0);
}

static void wrong_places_are_told(void **state)
{
    static const struct {
        const char *where;
        enum err expected;
        const char *why;
    } cases[] = {
        { "mysql:there", ERR_VALIDATION, "sqlite:DIRECTORY" },
        { "sqlite:", ERR_VALIDATION, "sqlite:DIRECTORY" },
        { "", ERR_VALIDATION, "sqlite:DIRECTORY" },
        { "sqlite:/dev/null", ERR_IO, "/dev/null" },
        { "sqlite:/no/such/place", ERR_IO, "/no/such/place" },
    };
    struct store_fixture *books = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct db_config config = { .where = str_of(cases[i].where),
                                    .file = STR("purser.db"),
                                    .access = DB_WRITE,
                                    .create = true,
                                    .outside = &books->outside.outside };
        struct db *db = NULL;
        struct str why = { 0 };
        assert_int_equal(db_open(&config, &books->arena, &db, &why), cases[i].expected);
        assert_true(text_has(why, cases[i].why));
        assert_null(db);
    }
}

static void missing_books_are_not_made_by_the_way(void **state)
{
    struct store_fixture *books = *state;
    struct db *db = NULL;
    struct str why = { 0 };

    db_close(books->db);
    books->db = NULL;
    assert_int_equal(unlink(path_of(books, "purser.db")), 0);
    assert_int_equal(store_fixture_try(books, DB_READ, false, &db, &why), ERR_IO);
    assert_true(text_has(why, books->dir));
    assert_int_equal(store_fixture_try(books, DB_WRITE, false, &db, &why), ERR_IO);
    assert_int_equal(size_of(books, "purser.db"), -1);
}

/* Damage. */

static void scribble(struct store_fixture *books, off_t from, off_t to)
{
    char block[4096];
    int file = open(path_of(books, "purser.db"), O_RDWR | O_CLOEXEC);

    assert_true(file >= 0);
    memset(block, 0xa5, sizeof block);
    for (off_t at = from; at < to; at += (off_t)sizeof block)
        assert_int_equal(pwrite(file, block, sizeof block, at), sizeof block);
    close(file);
}

static void another_file_is_no_books(void **state)
{
    struct store_fixture *books = *state;
    struct db *db = NULL;
    struct str why = { 0 };

    db_close(books->db);
    books->db = NULL;
    scribble(books, 0, 8192);
    for (int access = DB_READ; access <= DB_WRITE; access++) {
        enum err err = store_fixture_try(books, (enum db_access)access, true, &db, &why);
        assert_int_equal(err, ERR_STORE);
        assert_true(text_has(why, "restore a backup"));
    }
}

static void damaged_pages_are_told(void **state)
{
    struct store_fixture *books = *state;

    store_fixture_reopen(books);
    off_t empty = size_of(books, "purser.db");
    for (int i = 0; i < 200; i++)
        assert_stored(books->db, put_task(books));
    db_close(books->db);
    books->db = NULL;
    scribble(books, empty, size_of(books, "purser.db"));
    books->db = store_fixture_connect(books, DB_READ);
    assert_int_equal(db_query(books->db, "SELECT id FROM tasks", NULL, 0, NULL, NULL), ERR_STORE);
    assert_true(text_has(db_error(books->db), "restore a backup"));
}

static enum err ignore_row(void *self, void *row)
{
    (void)self;
    (void)row;
    return OK;
}

static void edited_rows_are_told(void **state)
{
    static const char *const edits[] = {
        "UPDATE payments SET currency = 'ZZZ'",
        "UPDATE payments SET id = x'0102'",
        "UPDATE payments SET merchant = x'00'",
    };
    struct store_fixture *books = *state;

    for (size_t i = 0; i < COUNT_OF(edits); i++) {
        const void *row = store_fixture_row(books, &table_payments);
        assert_stored(books->db, db_begin(books->db));
        assert_stored(books->db, db_insert(books->db, &table_payments, &row, 1));
        assert_stored(books->db, db_script(books->db, str_of(edits[i])));
        assert_int_equal(db_select(books->db, &table_payments, "1 = 1", NULL, 0, &books->arena,
                                   ignore_row, NULL),
                         ERR_STORE);
        assert_true(text_has(db_error(books->db), "payments"));
        assert_int_equal(db_commit(books->db), ERR_STORE);
        db_rollback(books->db);
    }
}

/* Others at the same time. */

static void a_second_server_is_refused(void **state)
{
    struct store_fixture *books = *state;
    struct db_serving_lock *lock = NULL;
    struct db_serving_lock *second = NULL;
    struct str why = { 0 };

    assert_int_equal(db_lock_serving(books->where, &books->arena, &lock, &why), OK);
    assert_int_equal(db_lock_serving(books->where, &books->arena, &second, &why),
                     ERR_ALREADY_RUNNING);
    assert_null(second);
    assert_true(text_has(why, books->dir));
    assert_true(text_has(why, str_format(&books->arena, "process %d", (int)getpid()).ptr));
    assert_int_equal(mode_of(path_of(books, "serve.lock")), 0600);
    assert_stored(books->db, db_probe(books->db)); /* commands work beside a server */
    db_unlock_serving(lock);
    assert_int_equal(db_lock_serving(books->where, &books->arena, &second, &why), OK);
    db_unlock_serving(second);
    db_unlock_serving(NULL);
}

static void the_lock_of_a_killed_server_is_free(void **state)
{
    struct store_fixture *books = *state;
    struct db_serving_lock *lock = NULL;
    struct str why = { 0 };
    int ready[2];
    char byte = 0;

    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (db_lock_serving(books->where, &books->arena, &lock, &why) == OK)
            byte = (char)write(ready[1], "", 1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(db_lock_serving(books->where, &books->arena, &lock, &why),
                     ERR_ALREADY_RUNNING);
    assert_true(text_has(why, str_format(&books->arena, "process %d", (int)child).ptr));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(db_lock_serving(books->where, &books->arena, &lock, &why), OK);
    db_unlock_serving(lock);
    close(ready[0]);
    close(ready[1]);
}

static void a_writer_waits_for_another_but_not_for_ever(void **state)
{
    struct store_fixture *books = *state;
    struct db *other = store_fixture_connect(books, DB_WRITE);

    assert_stored(other, db_begin(other));
    int64_t start_us = outside_monotonic_us(outside_real());
    assert_int_equal(db_begin(books->db), ERR_STORE_BUSY);
    assert_true(outside_monotonic_us(outside_real()) - start_us >= 4000000);
    assert_true(text_has(db_error(books->db), "locked by another program"));
    db_rollback(other);
    assert_stored(books->db, db_probe(books->db));
    db_close(other);
}

/* Ends. */

/* Commits tasks one by one, tells each, and in the end has one open that is not committed. */
static void write_until_killed(struct store_fixture *books, int told, int commits)
{
    /* Other ids than those of the parent and of the writers before. */
    books->outside.random_state += (uint64_t)getpid() << 20;
    books->db = store_fixture_connect(books, DB_WRITE);
    for (int i = 0; i < commits; i++) {
        if (put_task(books) != OK || write(told, "", 1) != 1)
            _exit(1);
    }
    if (db_begin(books->db) != OK || put_task(books) != OK || put_task(books) != OK)
        _exit(1);
    if (write(told, "", 1) != 1)
        _exit(1);
    pause();
}

static int read_told(int from, int limit)
{
    char byte;
    int told = 0;

    while (told < limit && read(from, &byte, 1) == 1)
        told++;
    return told;
}

/* Kills a writer after it told `kill_at` commits; returns how many it told in all. */
static int kill_a_writer(struct store_fixture *books, int commits, int kill_at)
{
    int told[2];

    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        write_until_killed(books, told[1], commits);
    close(told[1]);
    int count = read_told(told[0], kill_at);
    assert_int_equal(count, kill_at);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    count += read_told(told[0], commits);
    close(told[0]);
    return count;
}

static enum err take_text(void *self, const struct db_value *values, size_t count)
{
    assert_int_equal(count, 1);
    *(bool *)self = str_equal_c(values[0].bytes, "ok");
    return OK;
}

static void assert_whole(struct store_fixture *books)
{
    bool whole = false;

    assert_stored(books->db,
                  db_query(books->db, "PRAGMA integrity_check", NULL, 0, take_text, &whole));
    assert_true(whole);
}

static void a_kill_leaves_what_was_committed(void **state)
{
    struct store_fixture *books = *state;

    db_close(books->db);
    books->db = NULL;
    int told = kill_a_writer(books, 20, 21); /* the last is the open transaction */
    books->db = store_fixture_connect(books, DB_WRITE);
    assert_int_equal(store_count(books, books->db, &table_tasks), told - 1);
    assert_whole(books);
    assert_stored(books->db, put_task(books));
}

static void a_kill_at_any_commit_loses_none_that_was_told(void **state)
{
    enum { COMMITS = 10000 };
    struct store_fixture *books = *state;
    int64_t before = 0;

    for (int kill_at = 1; kill_at < 200; kill_at += 37) {
        db_close(books->db);
        books->db = NULL;
        int told = kill_a_writer(books, COMMITS, kill_at);
        books->db = store_fixture_connect(books, DB_WRITE);
        int64_t now = store_count(books, books->db, &table_tasks);
        assert_true(now >= before + told && now <= before + told + 1);
        assert_whole(books);
        before = now;
    }
}

static void stopped_books_are_one_file(void **state)
{
    struct store_fixture *books = *state;
    struct db *reader = store_fixture_connect(books, DB_READ);

    assert_stored(books->db, put_task(books));
    assert_true(size_of(books, "purser.db-wal") > 0);
    assert_int_equal(store_count(books, reader, &table_tasks), 1);
    db_close(books->db);
    books->db = NULL;
    assert_true(size_of(books, "purser.db-wal") <= 0); /* although a reader is there */
    db_close(reader);

    store_fixture_reopen(books);
    assert_stored(books->db, put_task(books));
    db_close(books->db);
    books->db = NULL;
    assert_int_equal(size_of(books, "purser.db-wal"), -1);
    assert_int_equal(size_of(books, "purser.db-shm"), -1);
}

/* The log. */

static void the_log_does_not_grow_without_bound(void **state)
{
    struct store_fixture *books = *state;
    int64_t largest = 0;

    for (int i = 0; i < 80; i++) {
        assert_stored(books->db, commit_events(books, books->db, 32));
        int64_t size = size_of(books, "purser.db-wal");
        largest = size > largest ? size : largest;
    }
    /* Four times as much went through it. A step of the checkpointer may hold up the restart. */
    assert_true(largest > WAL_MAX / 2);
    assert_true(largest < 2 * WAL_MAX);
}

static void a_slow_reader_holds_the_log_but_no_commit(void **state)
{
    struct store_fixture *books = *state;
    struct db *reader = store_fixture_connect(books, DB_READ);

    assert_stored(reader, db_begin(reader));
    assert_int_equal(store_count(books, reader, &table_events), 0);
    int64_t start_us = outside_monotonic_us(outside_real());
    for (int i = 0; i < 40; i++)
        assert_stored(books->db, commit_events(books, books->db, 32));
    /* Waiting at every commit beyond the limit, for as long as it waits for a lock: 100 s. */
    assert_true(outside_monotonic_us(outside_real()) - start_us < 60000000);
    assert_true(size_of(books, "purser.db-wal") > WAL_MAX);
    assert_int_equal(store_count(books, reader, &table_events), 0);
    assert_stored(reader, db_commit(reader));
    for (int i = 0; i < 50 && size_of(books, "purser.db-wal") > WAL_MAX; i++)
        assert_stored(books->db, commit_events(books, books->db, 32));
    assert_true(size_of(books, "purser.db-wal") <= WAL_MAX);
    db_close(reader);
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

static bool mount_small(const char *dir)
{
    if (mount("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV, "size=3m") == 0)
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
    assert_int_equal(umount(books->dir), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_for_their_owner_only),
        cmocka_unit_test(wrong_places_are_told),
        cmocka_unit_test(missing_books_are_not_made_by_the_way),
        cmocka_unit_test(another_file_is_no_books),
        cmocka_unit_test(damaged_pages_are_told),
        cmocka_unit_test(edited_rows_are_told),
        cmocka_unit_test(a_second_server_is_refused),
        cmocka_unit_test(the_lock_of_a_killed_server_is_free),
        cmocka_unit_test(a_writer_waits_for_another_but_not_for_ever),
        cmocka_unit_test(a_kill_leaves_what_was_committed),
        cmocka_unit_test(a_kill_at_any_commit_loses_none_that_was_told),
        cmocka_unit_test(stopped_books_are_one_file),
        cmocka_unit_test(the_log_does_not_grow_without_bound),
        cmocka_unit_test(a_slow_reader_holds_the_log_but_no_commit),
        cmocka_unit_test(idle_books_cost_nothing),
        cmocka_unit_test(commits_reach_the_file_while_it_is_open),
        cmocka_unit_test(a_full_disk_rolls_back_and_passes),
    };
    return store_run_on("sqlite", "store/sqlite", tests, COUNT_OF(tests));
}
