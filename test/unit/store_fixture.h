/* store_fixture.h - books of their own for a test, in every engine that is there.
 *
 * store_run runs each test once per engine and hands it a fixture with migrated, empty
 * books. A test of another room opens one itself:
 *
 *     struct store_fixture books;
 *     store_fixture_open(&books, &store_engines[0]);
 *     ... books.db ...
 *     store_fixture_done(&books);
 *
 * What a fixture makes lives in its arena. A failure inside fails the test. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/id.h"
#include "base/outside.h"
#include "store/db.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct store_fixture;

struct store_engine {
    const char *name;
    /* An empty place for books: sets `where`. */
    void (*make_place)(struct store_fixture *fixture);
    void (*drop_place)(struct store_fixture *fixture);
};
/* The first is SQLite. Ended by name NULL. */
extern const struct store_engine store_engines[];
/* Those that can be tested here: PostgreSQL where PURSER_TEST_POSTGRES is the address of a
 * database in which schemas may be made (tools/pg). NULL begins; NULL ends. */
const struct store_engine *store_engine_next(const struct store_engine *engine);

struct store_fixture {
    const struct store_engine *engine;
    struct arena arena;
    struct outside_fake outside;     /* the books' clock, and a seed for random rows */
    struct str where;
    char dir[128];                   /* of an engine of files */
    char schema[64];                 /* of an engine of servers */
    struct db *db;                   /* the durable writer; NULL when the test closed it */
};

/* Only the place, without books. */
void store_fixture_place(struct store_fixture *fixture, const struct store_engine *engine);
void store_fixture_open(struct store_fixture *fixture, const struct store_engine *engine);
/* Closes `db` too. */
void store_fixture_done(struct store_fixture *fixture);

/* Another connection; the caller closes it. Writers are durable and make what is missing. */
struct db *store_fixture_connect(struct store_fixture *fixture, enum db_access access);
enum err store_fixture_try(struct store_fixture *fixture, enum db_access access, bool create,
                           struct db **out, struct str *why);
/* Closes and opens `db`. */
void store_fixture_reopen(struct store_fixture *fixture);

/* A row that the table's checks accept: a key of its own, every number 1, the rest empty. */
void *store_fixture_row(struct store_fixture *fixture, const struct table *table);
/* A row with any value, the extreme and the empty ones often; checks may refuse it. */
void *store_fixture_random_row(struct store_fixture *fixture, const struct table *table);
uint64_t store_fixture_random(struct store_fixture *fixture, uint64_t below);
bool store_rows_equal(const struct table *table, const void *a, const void *b);

/* The number that a query gives; `sql` is a literal. */
int64_t store_number(struct db *db, const char *sql);
/* Whether another transaction waits for a lock that this connection holds. PostgreSQL only. */
bool store_is_waited_for(struct db *db);
/* As a db_row_f over one number: its self is an int64_t. */
enum err store_take_number(void *self, const struct db_value *values, size_t count);
/* Counts the rows of a table. */
int64_t store_count(struct store_fixture *fixture, struct db *db, const struct table *table);

/* In a transaction: what the writes before came to, which an engine may tell with the next
 * query only. */
enum err store_told(struct db *db);

/* Fails the test with the engine's sentence unless `err` is OK. */
#define assert_stored(db, err) assert_stored_at((db), (err), __FILE__, __LINE__)
void assert_stored_at(const struct db *db, enum err err, const char *file, int line);
/* Whether `part` is in the text. */
bool text_has(struct str text, const char *part);

/* Runs the tests for every engine that is there as one group; each gets a struct
 * store_fixture, made by store_fixture_open, as *state. Returns cmocka's result. */
int store_run(const char *group, const struct CMUnitTest *tests, size_t count);
/* The same for one engine, of which the tests know more; none is run where it is not there. */
int store_run_on(const char *engine, const char *group, const struct CMUnitTest *tests,
                 size_t count);

#endif
