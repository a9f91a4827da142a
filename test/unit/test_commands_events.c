/* `purser events tail`: all merchants and modes in one order, however many pages that takes. */
#include "commands_fixture.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "core/render.h"
#include "core/tenants.h"
#include "store/db.h"

/* More than a page of each of the four feeds, unevenly mixed. */
#define EVENTS 1500

static struct db *open_books(struct commands_fixture *fixture)
{
    struct db_config config = {
        .where = str_format(&fixture->arena, "sqlite:%s", fixture->dir),
        .file = STR("purser.db"),
        .access = DB_WRITE,
        .outside = &fixture->outside.outside,
    };
    struct str why = { 0 };
    struct db *db = NULL;

    assert_int_equal(db_open(&config, &fixture->arena, &db, &why), OK);
    return db;
}

static enum err keep_merchant(void *self, void *row)
{
    *(struct merchant **)self = row;
    return OK;
}

/* The second merchant is quiet: one event in a hundred is its own. */
static void fill(struct commands_fixture *fixture)
{
    struct id_maker ids = { .outside = &fixture->outside.outside };
    struct merchant second = { .name = STR("second"), .created_ms = 1 };
    struct event *events = ARENA_ARRAY(&fixture->arena, struct event, EVENTS);
    const void *rows[EVENTS], *merchant = &second;
    struct merchant *first = NULL;

    commands_expect(fixture, 0, "init --data {}");
    struct db *db = open_books(fixture);
    second.id = merchant_id_make(&ids, fixture->outside.now_ms);
    assert_int_equal(db_select(db, &table_merchants, "1 = 1", NULL, 0, &fixture->arena,
                               keep_merchant, &first),
                     OK);
    for (size_t i = 0; i < EVENTS; i++) {
        rows[i] = &events[i];
        events[i] = (struct event){
            .invoice = invoice_id_make(&ids, fixture->outside.now_ms),
            .sequence = 1,
            .number = (int64_t)i + 1,
            .merchant = i % 100 == 7 ? second.id : first->id,
            .live = i % 3 == 0,
            .type = EVENT_INVOICE_CREATED,
            .version = 1,
            .occurred_ms = fixture->outside.now_ms,
            .origin = ORIGIN_API,
            .actor = STR("key_test"),
            .data = STR("{}"),
        };
    }
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_insert(db, &table_merchants, &merchant, 1), OK);
    assert_int_equal(db_insert(db, &table_events, rows, EVENTS), OK);
    assert_int_equal(db_commit(db), OK);
    db_close(db);
}

/* The lines show events first, first + 1, ... up to the last. */
static void assert_lines_from(struct commands_fixture *fixture, int64_t first)
{
    struct str rest = str_of(fixture->out), line, prefix;
    int64_t next = first;
    struct event_id id;

    while (str_cut(&rest, '\n', &line)) {
        const struct json *event = NULL;
        assert_int_equal(json_parse(line, &fixture->arena, &event, NULL), OK);
        assert_true(id_parse_any(json_text(json_get(event, "id")), &prefix, &id.id));
        assert_int_equal(event_id_number(id), next);
        next++;
    }
    assert_int_equal(next, EVENTS + 1);
}

static void all_feeds_are_one(void **state)
{
    struct commands_fixture *fixture = *state;

    fill(fixture);
    commands_expect(fixture, 0, "events tail --data {} --json --lines 10000");
    assert_lines_from(fixture, 1);
}

static void the_last_ones_are_shown(void **state)
{
    struct commands_fixture *fixture = *state;

    fill(fixture);
    commands_expect(fixture, 0, "events tail --data {} --json");
    assert_lines_from(fixture, EVENTS - 19);
    commands_expect(fixture, 0, "events tail --data {} --json --lines 1000");
    assert_lines_from(fixture, EVENTS - 999);
    commands_expect(fixture, 0, "events tail --data {} --json --lines 0");
    assert_string_equal(fixture->out, "");
    commands_expect(fixture, 0, "events tail --data {} --lines 1");
    assert_says(fixture->out, "2026-03-01T12:00:00.000Z  invoice.created ");
    assert_says(fixture->out, "   1    api by key_test\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, commands_fixture_open, commands_fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_feeds_are_one),
        TEST(the_last_ones_are_shown),
    };

    return cmocka_run_group_tests_name("commands events", tests, NULL, NULL);
}
