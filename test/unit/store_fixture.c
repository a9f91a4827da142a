#include "store_fixture.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/money.h"
#include "store/migrations.h"

#define START_MS INT64_C(1772366400000)
#define RUN_MAX 256

/* Engines. */

static void make_dir(struct store_fixture *fixture)
{
    const char *tmp = outside_env("TMPDIR");
    struct buf dir;

    buf_fixed(&dir, fixture->dir, sizeof fixture->dir);
    buf_addf(&dir, "%s/purser-store-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp((char *)(uintptr_t)buf_c(&dir)));
    fixture->where = str_format(&fixture->arena, "sqlite:%s", fixture->dir);
}

static void drop_dir(struct store_fixture *fixture)
{
    DIR *dir = opendir(fixture->dir);
    const struct dirent *entry = NULL;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    assert_int_equal(rmdir(fixture->dir), 0);
}

/* A schema of its own: made in no time, and other tests may run beside it. */
static const char *postgres_address(void)
{
    return outside_env("PURSER_TEST_POSTGRES");
}

static void in_database(const char *order, const char *schema, const char *more)
{
    struct arena arena = { 0 };
    struct db_config config = {
        .where = str_of(postgres_address()),
        .file = STR("purser.db"),
        .access = DB_WRITE,
        .outside = outside_real(),
    };
    struct db *db = NULL;
    struct str why = { 0 };

    if (db_open(&config, &arena, &db, &why) != OK)
        fail_msg("%.*s", STR_ARG(why));
    assert_stored(db, db_script(db, str_format(&arena, "%s %s%s", order, schema, more)));
    db_close(db);
    arena_done(&arena);
}

static void make_schema(struct store_fixture *fixture)
{
    struct id name;

    outside_random(outside_real(), &name, sizeof name);
    struct buf schema;
    buf_fixed(&schema, fixture->schema, sizeof fixture->schema);
    buf_add_c(&schema, "test_");
    buf_add_hex(&schema, &name, sizeof name);
    in_database("CREATE SCHEMA", buf_c(&schema), "");
    fixture->where = str_format(&fixture->arena, "%s&options=-csearch_path%%3D%s",
                                postgres_address(), fixture->schema);
}

static void drop_schema(struct store_fixture *fixture)
{
    in_database("DROP SCHEMA", fixture->schema, " CASCADE");
}

const struct store_engine store_engines[] = {
    { "sqlite", make_dir, drop_dir },
    { "postgresql", make_schema, drop_schema },
    { 0 },
};

const struct store_engine *store_engine_next(const struct store_engine *engine)
{
    const struct store_engine *next = engine == NULL ? store_engines : engine + 1;

    if (next->name != NULL && next->make_place == make_schema && postgres_address() == NULL)
        next++;
    return next->name != NULL ? next : NULL;
}

/* Fixtures. */

void store_fixture_place(struct store_fixture *fixture, const struct store_engine *engine)
{
    *fixture = (struct store_fixture){ .engine = engine };
    /* A server has a clock of its own. */
    bool is_here = engine->make_place == make_dir;
    outside_fake_init(&fixture->outside, is_here ? START_MS : outside_now_ms(outside_real()), 1);
    engine->make_place(fixture);
}

void store_fixture_open(struct store_fixture *fixture, const struct store_engine *engine)
{
    struct str why = { 0 };

    store_fixture_place(fixture, engine);
    fixture->db = store_fixture_connect(fixture, DB_WRITE);
    enum err err = db_migrate(fixture->db, store_tables, store_migrations, &fixture->arena, &why);
    assert_stored(fixture->db, err);
}

void store_fixture_done(struct store_fixture *fixture)
{
    db_close(fixture->db);
    fixture->engine->drop_place(fixture);
    arena_done(&fixture->arena);
}

enum err store_fixture_try(struct store_fixture *fixture, enum db_access access, bool create,
                           struct db **out, struct str *why)
{
    struct db_config config = {
        .where = fixture->where,
        .file = STR("purser.db"),
        .access = access,
        .durable = access == DB_WRITE,
        .create = create,
        .outside = &fixture->outside.outside,
    };

    return db_open(&config, &fixture->arena, out, why);
}

struct db *store_fixture_connect(struct store_fixture *fixture, enum db_access access)
{
    struct db *db = NULL;
    struct str why = { 0 };

    if (store_fixture_try(fixture, access, access == DB_WRITE, &db, &why) != OK)
        fail_msg("%.*s", STR_ARG(why));
    return db;
}

void store_fixture_reopen(struct store_fixture *fixture)
{
    db_close(fixture->db);
    fixture->db = store_fixture_connect(fixture, DB_WRITE);
}

/* Rows. */

uint64_t store_fixture_random(struct store_fixture *fixture, uint64_t below)
{
    uint64_t number = 0;

    outside_random(&fixture->outside.outside, &number, sizeof number);
    return number % below;
}

static struct str random_text(struct store_fixture *fixture)
{
    static const char *const pieces[] = { "a", "'", "\"", "%", "\n", "\xc3\xa4", "\xe2\x82\xac" };
    static const uint64_t sizes[] = { 0, 1, 10, 300, 9000 };
    uint64_t size = sizes[store_fixture_random(fixture, COUNT_OF(sizes))];
    struct buf text;

    buf_init(&text, &fixture->arena, 1 << 16);
    for (uint64_t i = 0; i < size; i++)
        buf_add_c(&text, pieces[store_fixture_random(fixture, COUNT_OF(pieces))]);
    return buf_str(&text);
}

static int64_t random_int(struct store_fixture *fixture)
{
    static const int64_t numbers[] = { 0, 1, -1, 127, 32768, INT64_MAX, INT64_MIN };

    return numbers[store_fixture_random(fixture, COUNT_OF(numbers))];
}

static void put_random(struct store_fixture *fixture, const struct column *column, void *member)
{
    switch (column->kind) {
    case COLUMN_ID:
        if (store_fixture_random(fixture, 4) > 0)
            outside_random(&fixture->outside.outside, member, sizeof(struct id));
        break;
    case COLUMN_INT:
    case COLUMN_TIME:
        *(int64_t *)member = random_int(fixture);
        break;
    case COLUMN_BOOL:
        *(bool *)member = store_fixture_random(fixture, 2) == 1;
        break;
    case COLUMN_TEXT:
        *(struct str *)member = random_text(fixture);
        break;
    case COLUMN_HASH:
        outside_random(&fixture->outside.outside, member, sizeof(struct sha256));
        break;
    case COLUMN_WORD:
        *(unsigned *)member = (unsigned)store_fixture_random(fixture, column->words->count);
        break;
    case COLUMN_CURRENCY:
        *(enum currency *)member = (enum currency)store_fixture_random(fixture, CURRENCY_COUNT);
        break;
    case COLUMN_KIND_COUNT:
        fail();
    }
}

/* Random enough that no two rows share it. */
static void put_key(struct store_fixture *fixture, const struct column *column, void *member)
{
    if (column->kind == COLUMN_ID)
        outside_random(&fixture->outside.outside, member, sizeof(struct id));
    else if (column->kind == COLUMN_TEXT)
        *(struct str *)member = str_format(
            &fixture->arena, "key %llu",
            (unsigned long long)store_fixture_random(fixture, UINT64_MAX));
    else
        *(int64_t *)member = (int64_t)store_fixture_random(fixture, INT64_MAX) + 1;
}

static void *make_row(struct store_fixture *fixture, const struct table *table, bool random)
{
    char *row = arena_alloc(&fixture->arena, table->row_size);

    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        if (column_is_key(column))
            put_key(fixture, column, row + column->offset);
        else if (random)
            put_random(fixture, column, row + column->offset);
        else if (column->kind == COLUMN_INT)
            *(int64_t *)(void *)(row + column->offset) = 1;
    }
    return row;
}

void *store_fixture_row(struct store_fixture *fixture, const struct table *table)
{
    return make_row(fixture, table, false);
}

void *store_fixture_random_row(struct store_fixture *fixture, const struct table *table)
{
    return make_row(fixture, table, true);
}

static size_t member_size(enum column_kind kind)
{
    static const size_t sizes[COLUMN_KIND_COUNT] = {
        [COLUMN_ID] = sizeof(struct id),
        [COLUMN_INT] = sizeof(int64_t),
        [COLUMN_BOOL] = sizeof(bool),
        [COLUMN_TIME] = sizeof(int64_t),
        [COLUMN_HASH] = sizeof(struct sha256),
        [COLUMN_WORD] = sizeof(unsigned),
        [COLUMN_CURRENCY] = sizeof(enum currency),
    };

    return sizes[kind];
}

static bool members_equal(const struct column *column, const char *a, const char *b)
{
    if (column->kind != COLUMN_TEXT)
        return memcmp(a, b, member_size(column->kind)) == 0;
    return str_equal(*(const struct str *)(const void *)a, *(const struct str *)(const void *)b);
}

bool store_rows_equal(const struct table *table, const void *a, const void *b)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        if (members_equal(column, (const char *)a + column->offset,
                          (const char *)b + column->offset))
            continue;
        print_error("%s.%s differs\n", table->name, column->name);
        return false;
    }
    return true;
}

/* Looking. */

enum err store_take_number(void *self, const struct db_value *values, size_t count)
{
    assert_int_equal(count, 1);
    assert_int_equal(values[0].type, DB_INT);
    *(int64_t *)self = values[0].number;
    return OK;
}

int64_t store_number(struct db *db, const char *sql)
{
    int64_t number = -1;

    assert_stored(db, db_query(db, sql, NULL, 0, store_take_number, &number));
    return number;
}

bool store_is_waited_for(struct db *db)
{
    return store_number(db, "SELECT count(*) FROM pg_locks WHERE NOT granted"
                            " AND pg_backend_pid() = ANY(pg_blocking_pids(pid))") > 0;
}

static enum err count_row(void *self, void *row)
{
    (void)row;
    (*(int64_t *)self)++;
    return OK;
}

int64_t store_count(struct store_fixture *fixture, struct db *db, const struct table *table)
{
    int64_t count = 0;

    assert_stored(db, db_select(db, table, "1 = 1", NULL, 0, &fixture->arena, count_row, &count));
    return count;
}

enum err store_told(struct db *db)
{
    return db_query(db, "SELECT 1", NULL, 0, NULL, NULL);
}

void assert_stored_at(const struct db *db, enum err err, const char *file, int line)
{
    if (err == OK)
        return;
    print_error("%s: %.*s\n", err_code(err), STR_ARG(db_error(db)));
    _fail(file, line);
}

bool text_has(struct str text, const char *part)
{
    size_t len = strlen(part);

    for (size_t at = 0; at + len <= text.len; at++) {
        if (memcmp(text.ptr + at, part, len) == 0)
            return true;
    }
    print_error("\"%.*s\" does not say \"%s\"\n", STR_ARG(text), part);
    return false;
}

/* Running. */

static int set_up(void **state)
{
    static struct store_fixture fixture;

    store_fixture_open(&fixture, *state);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    store_fixture_done(*state);
    return 0;
}

static size_t add_runs(const struct store_engine *engine, const struct CMUnitTest *tests,
                       size_t count, struct arena *arena, struct CMUnitTest *runs)
{
    for (size_t i = 0; i < count; i++) {
        runs[i] = tests[i];
        runs[i].name = str_format(arena, "%s: %s", engine->name, tests[i].name).ptr;
        runs[i].setup_func = set_up;
        runs[i].teardown_func = tear_down;
        runs[i].initial_state = (void *)(uintptr_t)engine;
    }
    return count;
}

static int run(const char *only, const char *group, const struct CMUnitTest *tests, size_t count)
{
    const struct store_engine *engine = NULL;
    struct arena arena = { 0 };
    struct CMUnitTest runs[RUN_MAX];
    size_t made = 0;

    while ((engine = store_engine_next(engine)) != NULL) {
        assert(made + count <= RUN_MAX);
        if (only == NULL || strcmp(only, engine->name) == 0)
            made += add_runs(engine, tests, count, &arena, runs + made);
    }
    int failed = _cmocka_run_group_tests(group, runs, made, NULL, NULL);
    arena_done(&arena);
    return failed;
}

int store_run(const char *group, const struct CMUnitTest *tests, size_t count)
{
    return run(NULL, group, tests, count);
}

int store_run_on(const char *engine, const char *group, const struct CMUnitTest *tests,
                 size_t count)
{
    return run(engine, group, tests, count);
}
