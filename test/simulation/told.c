#include "told.h"

#include <assert.h>

#include "store/db_one.h"
#include "store/store.h"
#include "world.h"

/* A reader. */

void reader_leave(struct world *world)
{
    db_close(world->reader.db);
    world->reader = (struct reader){ .arena = world->reader.arena };
    arena_reset(&world->reader.arena);
}

static void keep_most(int64_t *most, int64_t seen)
{
    if (seen > *most)
        *most = seen;
}

/* The end of the feed, and one order's payment. */
static enum err look(struct world *world)
{
    struct db *db = world->reader.db;
    size_t at = dice_below(&world->dice, ORDERS_MAX);
    struct db_value args[] = { DB_ID(world->orders[at].payment) };
    int64_t number = 0, version = 0;

    enum err err = db_number(db, "SELECT max(number) FROM events", NULL, 0, &number);
    if (!err)
        keep_most(&world->told.number, number);
    if (!err)
        err = db_number(db, "SELECT version FROM payments WHERE id = $1", args, 1, &version);
    if (!err)
        keep_most(&world->told.versions[at], version);
    world_say(world, "read: %s %lld", err ? "not" : "event", (long long)number);
    return err;
}

static enum err open(struct world *world)
{
    struct reader *reader = &world->reader;
    struct str why;

    return reader->db ? OK : store_open_reader(STR(WORLD_WHERE), &world->outside, &reader->arena,
                                               &reader->db, &why);
}

/* A quarter of them begin a snapshot, which lasts until the dice end it. */
void reader_step(struct world *world)
{
    struct reader *reader = &world->reader;
    enum err err = open(world);

    if (reader->in_snapshot && dice_chance(&world->dice, 300)) {
        db_rollback(reader->db);
        reader->in_snapshot = false;
    } else if (!err && !reader->in_snapshot && dice_chance(&world->dice, 250)) {
        err = db_begin(reader->db);
        reader->in_snapshot = !err;
    }
    if (!err)
        err = look(world);
    if (err)
        reader_leave(world);
}

/* What must be there. */

void told_notice(struct world *world, struct sha256 digest)
{
    struct told_things *told = &world->told;

    assert(told->notice_count < TOLD_NOTICES_MAX);
    told->notices[told->notice_count++] = digest;
}

/* Whether there is such a row; `sql` selects a number that is not 0 of it. */
static int64_t number_of(struct world *world, struct db *db, const char *sql, struct db_value key)
{
    int64_t number = 0;

    if (db_number(db, sql, &key, 1, &number) != OK)
        world_blame(world, "books", "%.*s", STR_ARG(db_error(db)));
    return number;
}

static void judge_answers(struct world *world, struct db *db)
{
    for (size_t i = 0; i < world->request_count; i++) {
        const struct request *request = &world->requests[i];
        int64_t status = request->is_told
                             ? number_of(world, db, "SELECT 1 + status FROM claims WHERE key = $1",
                                         DB_ID(request->key))
                             : 0;
        if (request->is_told && status == 0)
            world_blame(world, "I8", "request %zu was answered, and the books do not know it", i);
        else if (request->is_told && request->final_status && status == 1)
            world_blame(world, "I8", "request %zu had a final answer, and the books have none", i);
    }
}

static void judge_bank(struct world *world, struct db *db)
{
    for (size_t i = 0; i < world->bank.operation_count; i++) {
        struct operation_id id;
        bool is_id = operation_id_parse(str_of(world->bank.operations[i].reference), &id);
        assert(is_id);
        (void)is_id;
        if (number_of(world, db, "SELECT 1 FROM operations WHERE id = $1 AND state <> 'planned'",
                      DB_ID(id)) == 0)
            world_blame(world, "I10", "the bank was asked for what the books do not know");
    }
}

static void judge_webhooks(struct world *world, struct db *db)
{
    for (size_t i = 0; i < world->receipt_count; i++)
        if (number_of(world, db, "SELECT 1 FROM webhook_deliveries WHERE event = $1",
                      DB_ID(world->receipts[i].event)) == 0)
            world_blame(world, "I7", "a shop was told of an event that the books do not know");
}

static void judge_notices(struct world *world, struct db *db)
{
    for (size_t i = 0; i < world->told.notice_count; i++) {
        const struct str digest = str_make((const char *)world->told.notices[i].bytes, SHA256_SIZE);
        if (number_of(world, db, "SELECT 1 FROM notices WHERE digest = $1",
                      (struct db_value){ DB_BYTES, 0, digest }) == 0)
            world_blame(world, "I14", "a notification was taken, and the books do not know it");
    }
}

static void judge_readers(struct world *world, struct db *db)
{
    int64_t number = number_of(world, db, "SELECT max(number) FROM events WHERE $1 = 0",
                               DB_NUMBER(0));

    if (number < world->told.number)
        world_blame(world, "I24", "a reader saw event %lld, and the books end at %lld",
                    (long long)world->told.number, (long long)number);
    for (size_t i = 0; i < ORDERS_MAX; i++)
        if (world->told.versions[i]
            && number_of(world, db, "SELECT version FROM payments WHERE id = $1",
                         DB_ID(world->orders[i].payment)) < world->told.versions[i])
            world_blame(world, "I24", "a reader saw a payment younger than the books have it");
}

void told_judge(struct world *world, struct db *db)
{
    judge_answers(world, db);
    judge_bank(world, db);
    judge_webhooks(world, db);
    judge_notices(world, db);
    judge_readers(world, db);
}
