/* store.c - opening the books, runs and their leases, the first merchant. */
#include "store/store.h"

#include <assert.h>

#include "base/time.h"
#include "store/migrations.h"
#include "store/store_parts.h"

#define BOOKS_FILE STR("purser.db")

/* A lease lapses unless its node renews it (store_run_renew) within this time. */
#define LEASE_MS (10 * SECOND_MS)

static struct db_config config_of(struct str where, const struct outside *outside)
{
    return (struct db_config){
        .where = where,
        .file = BOOKS_FILE,
        .durable = true,
        .outside = outside,
    };
}

enum err store_migrate(struct str where, bool create, const struct outside *outside,
                       struct arena *arena, struct str *why)
{
    struct db_config config = config_of(where, outside);
    struct db *db;
    config.access = DB_WRITE;
    config.create = create;
    enum err err = db_open(&config, arena, &db, why);
    if (err)
        return err;
    err = db_migrate(db, store_tables, store_migrations, arena, why);
    db_close(db);
    return err;
}

enum err store_open(const struct store_config *config, struct arena *arena, struct store **out,
                    struct str *why)
{
    struct db_config books = config_of(config->where, config->outside);
    struct store *store = mem_alloc(sizeof(*store));
    books.access = DB_WRITE;
    books.create = config->create;
    enum err err = db_open(&books, arena, &store->db, why);
    if (err) {
        mem_free(store);
        return err;
    }
    store->outside = config->outside;
    store->gateways = config->gateways;
    store->ids.outside = config->outside;
    *out = store;
    return OK;
}

enum err store_open_reader(struct str where, const struct outside *outside, struct arena *arena,
                           struct db **out, struct str *why)
{
    struct db_config config = config_of(where, outside);
    config.access = DB_READ;
    return db_open(&config, arena, out, why);
}

void store_close(struct store *store)
{
    if (!store)
        return;
    db_close(store->db);
    arena_done(&store->arena);
    mem_free(store);
}

struct db *store_db(struct store *store)
{
    return store->db;
}

struct store_counts store_counts(const struct store *store)
{
    return store->counts;
}

/* Runs that hold nothing any more are forgotten. */
static enum err forget_old_runs(struct db *db, int64_t now_ms)
{
    struct db_value now = DB_NUMBER(now_ms);
    return db_query(db,
                    "DELETE FROM runs WHERE lapses_ms < $1 AND NOT EXISTS (SELECT 1 FROM"
                    " operations WHERE operations.state = 'sending' AND operations.run = runs.id)",
                    &now, 1, NULL, NULL);
}

static enum err begin_run(struct store *store, struct run *run, bool others_are_dead)
{
    struct db *db = store->db;
    const void *rows[] = { run };
    enum err err = db_now(db, &run->started_ms);
    struct db_value now = DB_NUMBER(run->started_ms - 1);
    if (!err && others_are_dead)
        err = db_query(db, "UPDATE runs SET lapses_ms = $1 WHERE lapses_ms > $1", &now, 1, NULL,
                       NULL);
    if (!err)
        err = forget_old_runs(db, run->started_ms);
    if (err)
        return err;
    run->id = run_id_make(&store->ids, run->started_ms);
    run->lapses_ms = others_are_dead ? TIME_MAX_MS : run->started_ms + LEASE_MS;
    return db_insert(db, &table_runs, rows, 1);
}

enum err store_run_begin(struct store *store, struct str node, bool others_are_dead,
                         struct run_id *out)
{
    struct run run = { .node = node };
    enum err err = db_begin(store->db);
    if (!err)
        err = begin_run(store, &run, others_are_dead);
    if (!err)
        err = db_commit(store->db);
    if (err)
        db_rollback(store->db);
    else
        *out = run.id;
    return err;
}

static enum err set_lapse(struct store *store, struct run_id run, int64_t after_ms)
{
    int64_t now_ms;
    enum err err = db_begin(store->db);
    if (!err)
        err = db_now(store->db, &now_ms);
    if (!err) {
        struct db_value args[] = { DB_ID(run), DB_NUMBER(now_ms + after_ms) };
        err = db_query(store->db, "UPDATE runs SET lapses_ms = $2 WHERE id = $1", args, 2, NULL,
                       NULL);
    }
    if (!err)
        err = db_commit(store->db);
    if (err)
        db_rollback(store->db);
    return err;
}

enum err store_run_renew(struct store *store, struct run_id run)
{
    return set_lapse(store, run, LEASE_MS);
}

enum err store_run_end(struct store *store, struct run_id run)
{
    return set_lapse(store, run, -1);
}

static enum err count_row(void *self, const struct db_value *values, size_t count)
{
    int64_t *out = self;
    assert(count == 1);
    *out = values[0].number;
    return OK;
}

static enum err insert_default(struct store *store, bool *made)
{
    int64_t now_ms = 0, merchants = 0;
    bool inserted = false;
    enum err err = db_now(store->db, &now_ms);
    if (!err)
        err = db_query(store->db, "SELECT count(*) FROM merchants", NULL, 0, count_row,
                       &merchants);
    if (err || merchants > 0)
        return err;
    struct merchant merchant = {
        .id = merchant_id_make(&store->ids, now_ms),
        .name = STR("default"),
        .created_ms = now_ms,
    };
    struct gateway_account account = {
        .id = gateway_account_id_make(&store->ids, now_ms),
        .merchant = merchant.id,
        .gateway = STR("sandbox"),
        .description = STR("Built-in sandbox"),
        .is_default = true,
        .created_ms = now_ms,
        .updated_ms = now_ms,
    };
    const void *merchant_rows[] = { &merchant }, *account_rows[] = { &account };
    err = db_insert_new(store->db, &table_merchants, merchant_rows, 1, &inserted);
    if (!err && inserted)
        err = db_insert(store->db, &table_gateway_accounts, account_rows, 1);
    *made = inserted;
    return err;
}

enum err store_bootstrap(struct store *store, bool *made)
{
    *made = false;
    enum err err = db_begin(store->db);
    if (!err)
        err = insert_default(store, made);
    if (!err)
        err = db_commit(store->db);
    if (err)
        db_rollback(store->db);
    return err;
}
