/* What is particular to books in a file: its directory, its damage, its ends. */
#include "test_store_sqlite_help.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/books.h"
#include "store/db_one.h"
#include "store/migrations.h"

static unsigned mode_of(const char *path)
{
    struct stat stat_of;

    assert_int_equal(stat(path, &stat_of), 0);
    return stat_of.st_mode & 0777;
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

/* A child that does not outlive a test that failed. */
static pid_t fork_mortal(void)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child;
}

static void the_lock_of_a_killed_server_is_free(void **state)
{
    struct store_fixture *books = *state;
    struct db_serving_lock *lock = NULL;
    struct str why = { 0 };
    int ready[2];
    char byte = 0;

    assert_int_equal(pipe(ready), 0);
    pid_t child = fork_mortal();
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

/* Another program writes to a file whose journal is not a log yet: SQLite then refuses to make it
 * one at once, however long it was told to wait. */
static void opening_waits_for_another_program(void **state)
{
    struct store_fixture *books = *state;
    const char *path = str_format(&books->arena, "%s/purser.db", books->dir).ptr;
    int ready[2];
    char byte = 0;

    db_close(books->db);
    books->db = NULL;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *other = NULL;
        const char *sql = "PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE";
        if (sqlite3_open(path, &other) == SQLITE_OK &&
            sqlite3_exec(other, sql, NULL, NULL, NULL) == SQLITE_OK)
            byte = (char)write(ready[1], "", 1);
        usleep(200000);
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    books->db = store_fixture_connect(books, DB_WRITE);
    assert_stored(books->db, db_probe(books->db));
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
}

/* Editions. */

static uint32_t edition_of_a_transaction(struct db *db)
{
    uint32_t edition = 0;
    assert_stored(db, db_begin(db));
    assert_true(db_edition(db, &edition));
    db_rollback(db);
    return edition;
}

static void every_commit_makes_an_edition(void **state)
{
    struct store_fixture *books = *state;
    uint32_t after = 0;
    uint32_t first = edition_of_a_transaction(books->db);
    assert_int_equal(edition_of_a_transaction(books->db), first);

    assert_stored(books->db, put_task(books));
    assert_true(db_edition(books->db, &after));
    assert_int_not_equal(after, first);
    uint32_t own = edition_of_a_transaction(books->db);
    assert_int_equal(own, after);

    struct db *other = store_fixture_connect(books, DB_WRITE);
    assert_int_equal(edition_of_a_transaction(books->db), own);
    const void *row = store_fixture_row(books, &table_tasks);
    assert_stored(other, db_begin(other));
    assert_stored(other, db_insert(other, &table_tasks, &row, 1));
    db_rollback(other);
    assert_int_equal(edition_of_a_transaction(books->db), own);
    assert_stored(other, db_begin(other));
    assert_stored(other, db_insert(other, &table_tasks, &row, 1));
    assert_stored(other, db_commit(other));
    db_close(other);
    assert_int_not_equal(edition_of_a_transaction(books->db), own);
}

/* What a power cut can take is not seen by killing a process. */
static void durable_means_synced_commits(void **state)
{
    struct store_fixture *books = *state;
    struct db *db = NULL;
    struct str why = { 0 };
    struct db_config config = { .where = books->where,
                                .file = STR("purser.db"),
                                .access = DB_WRITE,
                                .outside = &books->outside.outside };

    assert_int_equal(store_number(books->db, "PRAGMA synchronous"), 2);
    assert_int_equal(db_open(&config, &books->arena, &db, &why), OK);
    assert_int_equal(store_number(db, "PRAGMA synchronous"), 0);
    assert_stored(db, db_probe(db));
    db_close(db);
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
    pid_t child = fork_mortal();
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
        cmocka_unit_test(opening_waits_for_another_program),
        cmocka_unit_test(every_commit_makes_an_edition),
        cmocka_unit_test(durable_means_synced_commits),
        cmocka_unit_test(a_kill_leaves_what_was_committed),
        cmocka_unit_test(a_kill_at_any_commit_loses_none_that_was_told),
        cmocka_unit_test(stopped_books_are_one_file),
    };
    return store_run_on("sqlite", "store/sqlite", tests, COUNT_OF(tests));
}
