/* What is PostgreSQL's alone: a server that goes away, others in the way, a pooler between. */
#include "store_fixture.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "core/books.h"

/* Two rows to lock, and another connection. */
struct pair {
    struct store_fixture *books;
    struct db *other;
    struct task *tasks[2];
};

static void open_pair(struct pair *pair, struct store_fixture *books)
{
    *pair = (struct pair){ .books = books };
    pair->other = store_fixture_connect(books, DB_WRITE);
    for (int i = 0; i < 2; i++) {
        pair->tasks[i] = store_fixture_row(books, &table_tasks);
        const void *row = pair->tasks[i];
        assert_stored(books->db, db_insert(books->db, &table_tasks, &row, 1));
    }
}

static enum err ignore_row(void *self, void *row)
{
    (void)self;
    (void)row;
    return OK;
}

static enum err lock_task(struct db *db, const struct task *task)
{
    struct arena arena = { 0 };
    enum err err = db_load(db, &table_tasks, "id", &task->id.id, 1, NULL, true, &arena, ignore_row,
                           NULL);

    arena_done(&arena);
    return err;
}

static struct task *insert_task(struct store_fixture *books)
{
    struct task *task = store_fixture_row(books, &table_tasks);
    const void *row = task;

    assert_stored(books->db, db_insert(books->db, &table_tasks, &row, 1));
    return task;
}

static int64_t pid_of(struct db *db)
{
    return store_number(db, "SELECT pg_backend_pid()");
}

static void kill_connection(struct store_fixture *books, int64_t pid)
{
    struct db *killer = store_fixture_connect(books, DB_WRITE);
    const struct db_value arg = DB_NUMBER(pid);

    assert_stored(killer, db_query(killer, "SELECT pg_terminate_backend(CAST($1 AS INT))", &arg, 1,
                                   NULL, NULL));
    /* It has gone when nobody is there by that number. */
    while (store_number(killer, "SELECT count(*) FROM pg_stat_activity "
                                "WHERE application_name = 'purser' AND state IS NOT NULL "
                                "AND pid <> pg_backend_pid() AND pid = "
                                "(SELECT max(value) FROM counters WHERE name = 'pid')") > 0)
        continue;
    usleep(50000); /* its last words are on their way */
    db_close(killer);
}

/* Remembers the pid where kill_connection looks. */
static void be_killed(struct store_fixture *books)
{
    struct counter counter = { STR("pid"), pid_of(books->db) };
    const void *row = &counter;
    struct db *other = store_fixture_connect(books, DB_WRITE);

    assert_stored(other, db_delete(other, &table_counters, &row, 1));
    assert_stored(other, db_insert(other, &table_counters, &row, 1));
    db_close(other);
    kill_connection(books, counter.value);
}

/* A connection that ends. */

static void one_that_ended_meanwhile_is_not_noticed(void **state)
{
    struct store_fixture *books = *state;

    insert_task(books);
    be_killed(books);
    assert_stored(books->db, db_begin(books->db));
    insert_task(books);
    assert_stored(books->db, db_commit(books->db));
    be_killed(books);
    insert_task(books);
    assert_int_equal(store_count(books, books->db, &table_tasks), 3);
}

static void one_that_ends_in_a_transaction_undid_it(void **state)
{
    struct store_fixture *books = *state;
    struct task *task = store_fixture_row(books, &table_tasks);
    const void *row = task;

    assert_stored(books->db, db_begin(books->db));
    insert_task(books);
    assert_stored(books->db, store_told(books->db));
    be_killed(books);
    assert_stored(books->db, db_insert(books->db, &table_tasks, &row, 1));
    assert_int_equal(store_told(books->db), ERR_STORE_RETRY);
    assert_true(text_has(db_error(books->db), "lost"));
    assert_int_equal(db_commit(books->db), ERR_STORE_RETRY);
    db_rollback(books->db);
    assert_int_equal(store_count(books, books->db, &table_tasks), 0);
}

/* The commit itself ends it, as far as the client can see. */
static void one_that_ends_in_a_commit_leaves_a_doubt(void **state)
{
    struct store_fixture *books = *state;

    assert_stored(books->db,
                  db_script(books->db, STR("CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql "
                                           "AS 'BEGIN PERFORM pg_terminate_backend("
                                           "pg_backend_pid()); PERFORM pg_sleep(9); RETURN NULL; "
                                           "END';"
                                           "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON tasks "
                                           "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
                                           "EXECUTE FUNCTION die()")));
    assert_stored(books->db, db_begin(books->db));
    insert_task(books);
    assert_int_equal(db_commit(books->db), ERR_STORE_IN_DOUBT);
    assert_true(text_has(db_error(books->db), "in a commit"));
    db_rollback(books->db);
    assert_int_equal(store_count(books, books->db, &table_tasks), 0);
}

/* Others in the way. */

static void *be_at_work(void *self)
{
    static int64_t slept;

    slept = store_number(self, "SELECT count(*) FROM pg_sleep(7)");
    return &slept;
}

static void a_row_that_is_held_for_too_long_is_busy(void **state)
{
    struct pair pair;
    pthread_t thread;

    open_pair(&pair, *state);
    assert_stored(pair.other, db_begin(pair.other));
    assert_stored(pair.other, lock_task(pair.other, pair.tasks[0]));
    assert_int_equal(pthread_create(&thread, NULL, be_at_work, pair.other), 0);
    assert_stored(pair.books->db, db_begin(pair.books->db));
    assert_int_equal(lock_task(pair.books->db, pair.tasks[0]), ERR_STORE_BUSY);
    db_rollback(pair.books->db);
    pthread_join(thread, NULL);
    db_rollback(pair.other);
    db_close(pair.other);
}

/* A node that is stopped in the middle of a transaction lets go of its rows. */
static void an_idle_transaction_is_ended(void **state)
{
    struct pair pair;

    open_pair(&pair, *state);
    assert_stored(pair.other, db_begin(pair.other));
    assert_stored(pair.other, lock_task(pair.other, pair.tasks[0]));
    assert_stored(pair.books->db, db_begin(pair.books->db));
    assert_stored(pair.books->db, lock_task(pair.books->db, pair.tasks[0]));
    db_rollback(pair.books->db);
    assert_int_equal(store_told(pair.other), ERR_STORE_RETRY);
    db_rollback(pair.other);
    db_close(pair.other);
}

static void *lock_in_the_other_order(void *self)
{
    struct pair *pair = self;
    static enum err err;

    err = db_begin(pair->other);
    if (err == OK)
        err = lock_task(pair->other, pair->tasks[1]);
    if (err == OK)
        err = lock_task(pair->other, pair->tasks[0]);
    db_rollback(pair->other);
    return &err;
}

static void of_two_in_a_circle_one_is_to_be_repeated(void **state)
{
    struct pair pair;
    pthread_t thread;
    void *theirs = NULL;

    open_pair(&pair, *state);
    assert_stored(pair.books->db, db_begin(pair.books->db));
    assert_stored(pair.books->db, lock_task(pair.books->db, pair.tasks[0]));
    assert_int_equal(pthread_create(&thread, NULL, lock_in_the_other_order, &pair), 0);
    while (!store_is_waited_for(pair.books->db))
        continue;
    enum err ours = lock_task(pair.books->db, pair.tasks[1]);
    db_rollback(pair.books->db);
    pthread_join(thread, &theirs);
    enum err other = *(enum err *)theirs;
    assert_true((ours == ERR_STORE_RETRY) != (other == ERR_STORE_RETRY));
    assert_true(ours == OK || other == OK);
    db_close(pair.other);
}

/* Behind a pooler a session is nobody's. */

static void prepared_statements_may_go(void **state)
{
    struct store_fixture *books = *state;

    insert_task(books);
    assert_stored(books->db, db_script(books->db, STR("DEALLOCATE ALL")));
    assert_stored(books->db, db_begin(books->db));
    enum err err = store_told(books->db);
    assert_int_equal(err, ERR_STORE_RETRY);
    db_rollback(books->db);
    store_fixture_reopen(books);
    insert_task(books);
    assert_stored(books->db, db_script(books->db, STR("DEALLOCATE ALL")));
    /* Outside of a transaction nobody notices. */
    insert_task(books);
    /* From here on nothing is prepared, so nothing can go. */
    for (int i = 0; i < 2; i++) {
        assert_stored(books->db, db_script(books->db, STR("DEALLOCATE ALL")));
        assert_stored(books->db, db_begin(books->db));
        insert_task(books);
        assert_stored(books->db, db_commit(books->db));
    }
    assert_int_equal(store_count(books, books->db, &table_tasks), 5);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM pg_prepared_statements"), 0);
}

static void settings_end_with_their_transaction(void **state)
{
    struct store_fixture *books = *state;
    const char *now = "SELECT CAST(extract(epoch FROM CAST(current_setting('lock_timeout') AS "
                      "interval)) AS BIGINT)";

    assert_stored(books->db, db_begin(books->db));
    assert_int_equal(store_number(books->db, now), 5);
    assert_stored(books->db, db_commit(books->db));
    assert_stored(books->db, db_script(books->db, STR("CREATE TABLE seen AS SELECT "
                                                      "current_setting('lock_timeout') AS it")));
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM seen WHERE it = '0'"), 1);
}

/* Pipelines. */

/* Far more than the buffers between us hold, in both directions. */
static void a_pipeline_of_any_size_comes_through(void **state)
{
    enum { STATEMENTS = 120, ROWS = 50 };
    struct store_fixture *books = *state;
    struct buf text;

    buf_init(&text, &books->arena, 1 << 13);
    while (text.len < 8000)
        buf_add_c(&text, "as long as it gets ");
    assert_stored(books->db, db_begin(books->db));
    for (int i = 0; i < STATEMENTS; i++) {
        const void *rows[ROWS];
        for (size_t j = 0; j < ROWS; j++) {
            struct task *task = store_fixture_row(books, &table_tasks);
            task->detail = buf_str(&text);
            rows[j] = task;
        }
        assert_stored(books->db, db_insert(books->db, &table_tasks, rows, ROWS));
    }
    assert_int_equal(store_count(books, books->db, &table_tasks), STATEMENTS * ROWS);
    assert_stored(books->db, db_commit(books->db));
    assert_int_equal(store_count(books, books->db, &table_tasks), STATEMENTS * ROWS);
}

static void a_required_change_that_finds_nothing_fails_the_commit(void **state)
{
    struct store_fixture *books = *state;
    const char *sql = "UPDATE tasks SET closed_ms = $1 WHERE created_ms = $1";
    const struct db_value arg = DB_NUMBER(7);
    struct task *task = store_fixture_row(books, &table_tasks);
    const void *row = task;

    for (int i = 0; i < 2; i++) {
        task->created_ms = i == 0 ? 7 : 8;
        assert_stored(books->db, db_begin(books->db));
        assert_stored(books->db, db_insert(books->db, &table_tasks, &row, 1));
        assert_stored(books->db, db_require(books->db, sql, &arg, 1, ERR_LEASE_LOST));
        assert_int_equal(db_commit(books->db), i == 0 ? OK : ERR_LEASE_LOST);
        db_rollback(books->db);
        assert_int_equal(store_count(books, books->db, &table_tasks), i == 0);
        assert_stored(books->db, db_delete(books->db, &table_tasks, &row, 1));
    }
}

/* Servers that are not what is needed. */

static struct str refusal_of(struct store_fixture *books, const char *where)
{
    struct db *db = NULL;
    struct str why = { 0 };
    struct str proper = books->where;

    books->where = str_of(where);
    assert_int_equal(store_fixture_try(books, DB_WRITE, false, &db, &why), ERR_STORE_AWAY);
    books->where = proper;
    return why;
}

static void who_cannot_be_reached_is_named_without_a_password(void **state)
{
    struct store_fixture *books = *state;
    struct str why = refusal_of(books, "postgresql://me:hidden@/books?host=/no/such/folder");

    assert_true(text_has(why, "/no/such/folder"));
    assert_null(strstr(why.ptr, "hidden"));
    why = refusal_of(books, "postgresql://me:hidden@localhost/books?no_such=1");
    assert_true(text_has(why, "no_such"));
    assert_null(strstr(why.ptr, "hidden"));
    why = refusal_of(books, "postgresql:host=/no/such/folder user=me password=hidden");
    assert_true(text_has(why, "/no/such/folder"));
    assert_null(strstr(why.ptr, "hidden"));
}

static void a_server_that_only_reads_is_told_apart(void **state)
{
    struct store_fixture *books = *state;
    struct str where = books->where;
    const void *row = store_fixture_row(books, &table_tasks);

    books->where = str_format(&books->arena, "%.*s%%20-cdefault_transaction_read_only%%3Don",
                              STR_ARG(where));
    store_fixture_reopen(books);
    assert_int_equal(db_insert(books->db, &table_tasks, &row, 1), ERR_STORE_AWAY);
    assert_true(text_has(db_error(books->db), "standby"));
    assert_int_equal(db_probe(books->db), ERR_STORE_AWAY);
    books->where = where;
}

/* A function of the same name, found first, says that the server is. */
static void a_server_that_is_too_old_is_told_apart(void **state)
{
    struct store_fixture *books = *state;
    const char *claim = "CREATE FUNCTION current_setting(name text) RETURNS text LANGUAGE sql AS "
                        "'SELECT CASE name WHEN ''server_version_num'' THEN ''130022'' "
                        "ELSE pg_catalog.current_setting(name) END'";

    assert_stored(books->db, db_query(books->db, claim, NULL, 0, NULL, NULL));
    struct str why = refusal_of(books, str_format(&books->arena, "%.*s%%2Cpg_catalog",
                                                  STR_ARG(books->where)).ptr);
    assert_true(text_has(why, "PostgreSQL 14 or newer"));
}

static void a_commit_waits_for_the_disk_whatever_the_server_does_by_default(void **state)
{
    struct store_fixture *books = *state;
    struct str where = books->where;
    const char *is_on = "SELECT CAST(current_setting('synchronous_commit') = 'on' AS INT)";

    books->where = str_format(&books->arena, "%.*s%%20-csynchronous_commit%%3Doff", STR_ARG(where));
    store_fixture_reopen(books);
    assert_int_equal(store_number(books->db, is_on), 1);
    /* What waits for more than the disk stays as it is. */
    books->where = str_format(&books->arena, "%.*s%%20-csynchronous_commit%%3Dremote_apply",
                              STR_ARG(where));
    store_fixture_reopen(books);
    assert_int_equal(store_number(books->db, is_on), 0);
    books->where = where;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_ended_meanwhile_is_not_noticed),
        cmocka_unit_test(one_that_ends_in_a_transaction_undid_it),
        cmocka_unit_test(one_that_ends_in_a_commit_leaves_a_doubt),
        cmocka_unit_test(a_row_that_is_held_for_too_long_is_busy),
        cmocka_unit_test(an_idle_transaction_is_ended),
        cmocka_unit_test(of_two_in_a_circle_one_is_to_be_repeated),
        cmocka_unit_test(prepared_statements_may_go),
        cmocka_unit_test(settings_end_with_their_transaction),
        cmocka_unit_test(a_pipeline_of_any_size_comes_through),
        cmocka_unit_test(a_required_change_that_finds_nothing_fails_the_commit),
        cmocka_unit_test(who_cannot_be_reached_is_named_without_a_password),
        cmocka_unit_test(a_server_that_only_reads_is_told_apart),
        cmocka_unit_test(a_server_that_is_too_old_is_told_apart),
        cmocka_unit_test(a_commit_waits_for_the_disk_whatever_the_server_does_by_default),
    };
    return store_run_on("postgresql", "store/postgres", tests, COUNT_OF(tests));
}
