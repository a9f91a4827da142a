/* The schema's way from version to version, with a table made up for it. */
#include "store_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/books.h"
#include "store/migrations.h"

struct parcel {
    struct id id;
    struct str label;
    int64_t weight;
    bool fragile;
    int64_t sent_ms;
};

#define COLUMN(name, kind, role, since)                                                            \
    {                                                                                              \
#name, COLUMN_##kind, COLUMN_##role, offsetof(struct parcel, name), NULL, since            \
    }

static const struct column parcel_columns[] = {
    COLUMN(id, ID, KEY, 0),           COLUMN(label, TEXT, VARIES, 0),
    COLUMN(weight, INT, VARIES, 2),   COLUMN(fragile, BOOL, VARIES, 2),
    COLUMN(sent_ms, TIME, VARIES, 3),
};
static const struct index parcel_indexes[] = {
    { "parcels_label", true, "label", NULL },
    { "parcels_sent", false, "sent_ms", "sent_ms IS NOT NULL" },
    { 0 },
};
static const struct index first_indexes[] = { { "parcels_label", true, "label", NULL }, { 0 } };
static const char *const no_checks[] = { NULL };

/* As version 1 knew it, and as version 3 does. */
static const struct table first_parcels = {
    "parcels", 1, sizeof(struct parcel), parcel_columns, 2, 1, first_indexes, no_checks,
};
static const struct table parcels = {
    "parcels", 1, sizeof(struct parcel), parcel_columns, 5, 1, parcel_indexes, no_checks,
};
static const struct table labels = {
    "labels", 3, sizeof(struct parcel), parcel_columns, 2, 1, &parcel_indexes[2], no_checks,
};

static const struct table *const first_tables[] = { &first_parcels, NULL };
static const struct table *const tables[] = { &parcels, &labels, NULL };
static const struct migration migrations[] = {
    { 1, "parcels", NULL },
    { 2, "weights", "UPDATE parcels SET weight = 100" },
    { 3, "labels", "INSERT INTO labels (id, label) SELECT id, label FROM parcels" },
    { 0 },
};
static const struct migration first_migrations[] = { { 1, "parcels", NULL }, { 0 } };

static struct str migrate(struct store_fixture *books, const struct table *const *to,
                          const struct migration *by, enum err expected)
{
    struct str why = { 0 };

    assert_int_equal(db_migrate(books->db, to, by, &books->arena, &why), expected);
    return why;
}

static int version_of(struct db *db)
{
    int version = -1;

    assert_stored(db, db_schema_version(db, &version));
    return version;
}

/* The fixture's books are the store's own; these are about others in the same place. */
static void start_empty(struct store_fixture *books)
{
    const struct store_engine *engine = books->engine;

    store_fixture_done(books);
    store_fixture_place(books, engine);
    books->db = store_fixture_connect(books, DB_WRITE);
}

static void new_books_have_version_0(void **state)
{
    struct store_fixture *books = *state;

    start_empty(books);
    assert_int_equal(version_of(books->db), 0);
    struct db *reader = store_fixture_connect(books, DB_READ);
    assert_int_equal(version_of(reader), 0);
    db_close(reader);
}

static void migrates_to_the_newest(void **state)
{
    struct store_fixture *books = *state;
    int newest = 0;

    while (store_migrations[newest].version != 0)
        newest++;
    assert_int_equal(version_of(books->db), newest);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM schema_versions"), newest);
    for (size_t i = 0; store_tables[i] != NULL; i++)
        assert_int_equal(store_count(books, books->db, store_tables[i]), 0);
}

static void migrating_twice_changes_nothing(void **state)
{
    struct store_fixture *books = *state;
    struct db *reader = store_fixture_connect(books, DB_READ);
    int version = version_of(books->db);

    /* Not even a write transaction: a reader may do it too. */
    struct str why = { 0 };
    assert_stored(reader, db_migrate(reader, store_tables, store_migrations, &books->arena, &why));
    assert_stored(books->db,
                  db_migrate(books->db, store_tables, store_migrations, &books->arena, &why));
    assert_int_equal(version_of(books->db), version);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM schema_versions"), version);
    db_close(reader);
}

static void older_books_get_what_is_new(void **state)
{
    struct store_fixture *books = *state;
    const struct parcel parcel = { .id = { { 1 } }, .label = STR("one") };
    const void *row = &parcel;

    start_empty(books);
    migrate(books, first_tables, first_migrations, OK);
    assert_stored(books->db, db_insert(books->db, &first_parcels, &row, 1));
    migrate(books, tables, migrations, OK);

    assert_int_equal(version_of(books->db), 3);
    assert_int_equal(store_number(books->db, "SELECT weight FROM parcels"), 100);
    assert_int_equal(store_number(books->db, "SELECT fragile FROM parcels"), 0);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM parcels "
                                             "WHERE sent_ms IS NULL"),
                     1);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM labels"), 1);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM schema_versions"), 3);
}

static enum err copy_row(void *self, void *row)
{
    *(struct parcel *)self = *(struct parcel *)row;
    return OK;
}

/* Whether books were made now or brought here, the same rows go in and come out. */
static void rows_fit_new_and_old_books(void **state)
{
    struct store_fixture *books = *state;
    const struct parcel parcel = { { { 2 } }, STR("two"), 7, true, 9 };
    const void *row = &parcel;

    for (int old = 0; old < 2; old++) {
        struct parcel back = { 0 };
        start_empty(books);
        if (old)
            migrate(books, first_tables, first_migrations, OK);
        migrate(books, tables, migrations, OK);
        assert_stored(books->db, db_insert(books->db, &parcels, &row, 1));
        assert_stored(books->db, db_select(books->db, &parcels, "weight = 7", NULL, 0,
                                           &books->arena, copy_row, &back));
        assert_true(store_rows_equal(&parcels, &parcel, &back));
        assert_int_equal(db_script(books->db, STR("UPDATE parcels SET fragile = 2")), ERR_STORE);
    }
}

static void newer_books_are_refused(void **state)
{
    struct store_fixture *books = *state;

    start_empty(books);
    migrate(books, tables, migrations, OK);
    struct str why = migrate(books, first_tables, first_migrations, ERR_SCHEMA_NEWER);
    assert_true(text_has(why, "version 3"));
    assert_true(text_has(why, "up to 1"));
    assert_true(text_has(why, "newer purser"));
    /* And left as they are, without a transaction. */
    assert_int_equal(version_of(books->db), 3);
    assert_stored(books->db, db_begin(books->db));
    db_rollback(books->db);
}

static void a_migration_that_fails_leaves_nothing(void **state)
{
    static const struct migration broken[] = {
        { 1, "parcels", NULL },
        { 2, "weights", "UPDATE parcels SET weight = 100" },
        { 3, "broken", "UPDATE parcels SET no_such = 1" },
        { 0 },
    };
    struct store_fixture *books = *state;

    start_empty(books);
    migrate(books, first_tables, first_migrations, OK);
    struct str why = migrate(books, tables, broken, ERR_STORE);
    assert_true(text_has(why, "no_such"));
    assert_int_equal(version_of(books->db), 1);
    migrate(books, tables, migrations, OK);
    assert_int_equal(version_of(books->db), 3);
}

/* Several nodes, or a command beside a server, may start on new books at once. */
static void several_may_migrate_at_once(void **state)
{
    enum { CHILDREN = 4 };
    struct store_fixture *books = *state;
    pid_t children[CHILDREN];

    start_empty(books);
    db_close(books->db);
    books->db = NULL;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct str why = { 0 };
            struct db *db = store_fixture_connect(books, DB_WRITE);
            enum err err = db_migrate(db, tables, migrations, &books->arena, &why);
            db_close(db);
            _exit(err == OK ? 0 : 1);
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    books->db = store_fixture_connect(books, DB_WRITE);
    assert_int_equal(version_of(books->db), 3);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM schema_versions"), 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_books_have_version_0),
        cmocka_unit_test(migrates_to_the_newest),
        cmocka_unit_test(migrating_twice_changes_nothing),
        cmocka_unit_test(older_books_get_what_is_new),
        cmocka_unit_test(rows_fit_new_and_old_books),
        cmocka_unit_test(newer_books_are_refused),
        cmocka_unit_test(a_migration_that_fails_leaves_nothing),
        cmocka_unit_test(several_may_migrate_at_once),
    };
    return store_run("store/migrate", tests, COUNT_OF(tests));
}
