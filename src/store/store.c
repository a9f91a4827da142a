/* store.c - opening the books, and the first merchant. */
#include "store/store.h"

#include <assert.h>

#include "store/migrations.h"
#include "store/periods.h"
#include "store/store_parts.h"

#define BOOKS_FILE STR("purser.db")

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
    /* A role that does not own the tables cannot, and serves all the same: rows without a month
     * lie in the rest, and doctor tells. */
    if (err == OK && periods_make_ahead(db) != OK)
        db_rollback(db);
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
    store->arena = store->arenas;
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
    kept_done(&store->kept);
    for (size_t i = 0; i < STORE_BATCHES; i++)
        arena_done(&store->arenas[i]);
    arena_done(&store->lasting);
    mem_free(store);
}

struct db *store_db(struct store *store)
{
    return store->db;
}

const struct webhook_delivery_list *store_due_deliveries(const struct store *store)
{
    return &store->due;
}

struct store_counts store_counts(const struct store *store)
{
    struct store_counts counts = store->counts;
    counts.books_kept = store->kept.found;
    return counts;
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

static enum err try_bootstrap(struct store *store, bool *made)
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

enum err store_bootstrap(struct store *store, bool *made)
{
    enum err err = try_bootstrap(store, made);
    /* Another node that starts at this moment may have been first; then it is there now. */
    if (err == ERR_STORE && db_is_shared(store->db))
        err = try_bootstrap(store, made);
    return err;
}
