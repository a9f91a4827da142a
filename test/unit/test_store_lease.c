/* Many stores on the same books: leases, commits in doubt, the same keys at the same time. */
#include "store_fixture.h"
#include "gateway_mute.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "core/keys.h"
#include "core/requests.h"
#include "store/queries.h"
#include "store/store.h"

/* Longer than the clock's step, so that what comes after it has a later time. */
#define CLOCK_STEP_MS 5

static const enum payment_method card_only[] = { METHOD_CARD, METHOD_NONE };
/* Named as the account that store_bootstrap makes. */
static const struct gateway gateway = {
    .name = "sandbox",
    .methods = card_only,
    .authorization_ms = 1000,
    .calls = { [OPERATION_KIND_AUTHORIZE] = MUTE_CALL, [OPERATION_KIND_CAPTURE] = MUTE_CALL,
               [OPERATION_KIND_REFUND] = MUTE_CALL, [OPERATION_KIND_ENQUIRE] = MUTE_CALL },
};
static const struct gateway *const test_gateways[] = { &gateway, NULL };

static const struct card card = { .exp_month = 1, .exp_year = 2040 };
static const struct payment_create payment_of_1000 = {
    .amount = { 1000, CURRENCY_EUR },
    .capture_method = CAPTURE_METHOD_AUTOMATIC,
    .method = METHOD_CARD,
    .card = &card,
    .confirm = true,
};

/* A store as a node has it. */
struct node {
    struct store_fixture *books;
    struct arena arena;
    struct store *store;
    struct run_id run;
    struct merchant_id merchant;
};

static enum err keep_merchant(void *self, void *row)
{
    *(struct merchant_id *)self = ((const struct merchant *)row)->id;
    return OK;
}

static void node_open(struct node *node, struct store_fixture *books)
{
    struct str why = { 0 };
    bool made;

    *node = (struct node){ .books = books };
    struct store_config config = { .where = books->where, .outside = &books->outside.outside,
                                   .gateways = test_gateways };
    assert_int_equal(store_open(&config, &node->arena, &node->store, &why), OK);
    struct db *db = store_db(node->store);
    assert_stored(db, store_bootstrap(node->store, &made));
    assert_stored(db, store_run_begin(node->store, STR("test"), false, &node->run));
    assert_stored(db, db_select(db, &table_merchants, "name = 'default'", NULL, 0, &node->arena,
                                keep_merchant, &node->merchant));
}

static void node_close(struct node *node)
{
    store_close(node->store);
    arena_done(&node->arena);
}

static struct turn_input create_input(const struct node *node, const char *key)
{
    struct turn_input input = {
        .handler = &turn_payment_create,
        .merchant = node->merchant,
        .origin = ORIGIN_API,
        .actor = STR("key_test"),
        .run = node->run,
        .ask = &payment_of_1000,
    };
    if (key != NULL) {
        input.claim_key = claim_key(node->merchant, false, str_of(key));
        input.claim_fingerprint = crypto_sha256(STR("same body"));
    }
    return input;
}

static enum err create(struct node *node, const char *key)
{
    struct turn_input input = create_input(node, key);
    struct turn turn = { .input = &input };
    struct turn *turns[] = { &turn };

    store_execute(node->store, turns, 1);
    return turn.err;
}

/* Leases. */

static int64_t lapse_of(struct node *node)
{
    return store_number(node->books->db, "SELECT max(lapses_ms) FROM runs");
}

static void lapse_all(struct node *node)
{
    assert_stored(node->books->db, db_query(node->books->db, "UPDATE runs SET lapses_ms = 1", NULL,
                                            0, NULL, NULL));
}

/* As other nodes see it, on their connections. */
static int64_t lapse_seen(struct node *node, int64_t now_ms)
{
    int64_t lapses_ms = 7;

    assert_stored(node->books->db,
                  store_run_lapses(node->books->db, node->run, now_ms, &lapses_ms));
    return lapses_ms;
}

static void others_see_until_when_a_run_is_held(void **state)
{
    struct node node;

    node_open(&node, *state);
    int64_t lapses_ms = lapse_of(&node);
    assert_int_equal(lapse_seen(&node, 0), lapses_ms);
    assert_int_equal(lapse_seen(&node, lapses_ms - 1), lapses_ms);
    assert_int_equal(lapse_seen(&node, lapses_ms), 0);
    node.run = (struct run_id){ { { 0 } } };
    assert_int_equal(lapse_seen(&node, 0), 0);
    node_close(&node);
}

static void nothing_is_committed_after_the_lease(void **state)
{
    struct node node;

    node_open(&node, *state);
    assert_int_equal(create(&node, "k"), OK);
    lapse_all(&node);
    assert_int_equal(create(&node, "l"), ERR_LEASE_LOST);
    assert_int_equal(create(&node, "l"), ERR_LEASE_LOST);
    assert_int_equal(store_run_renew(node.store), ERR_LEASE_LOST);
    assert_int_equal(store_run_until_us(node.store), 0);
    assert_int_equal(store_number(node.books->db, "SELECT count(*) FROM payments"), 1);
    struct run_id before = node.run;
    assert_stored(store_db(node.store),
                  store_run_begin(node.store, STR("test"), false, &node.run));
    assert_false(run_id_equal(before, node.run));
    assert_int_equal(create(&node, "l"), OK);
    node_close(&node);
}

/* A standby was promoted while the node had a lease: what it knew last may be lost. */
static void nothing_is_committed_after_a_cut(void **state)
{
    struct node node;

    node_open(&node, *state);
    assert_int_equal(create(&node, "k"), OK);
    assert_false(store_run_was_cut(node.store));
    static const char *const another[] = { "UPDATE runs SET history = 'another'",
                                           "UPDATE histories SET history = 'another'" };
    for (size_t i = 0; i < COUNT_OF(another); i++)
        assert_stored(node.books->db, db_query(node.books->db, another[i], NULL, 0, NULL, NULL));
    assert_int_equal(create(&node, "l"), ERR_LEASE_LOST);
    assert_int_equal(store_run_renew(node.store), ERR_LEASE_LOST);
    assert_stored(store_db(node.store),
                  store_run_begin(node.store, STR("test"), false, &node.run));
    assert_true(store_run_was_cut(node.store));
    assert_int_equal(create(&node, "l"), OK);
    assert_stored(store_db(node.store),
                  store_run_begin(node.store, STR("test"), false, &node.run));
    assert_false(store_run_was_cut(node.store));
    node_close(&node);
}

/* What the node was told before may have been undone: the server fell, and came back. */
static void a_run_ends_with_the_era(void **state)
{
    struct node node;

    node_open(&node, *state);
    assert_int_equal(create(&node, "k"), OK);
    assert_stored(node.books->db,
                  db_query(node.books->db, "UPDATE runs SET era = era - 1", NULL, 0, NULL, NULL));
    assert_int_equal(create(&node, "l"), ERR_LEASE_LOST);
    assert_int_equal(store_run_renew(node.store), ERR_LEASE_LOST);
    assert_stored(store_db(node.store),
                  store_run_begin(node.store, STR("test"), false, &node.run));
    assert_false(store_run_was_cut(node.store));
    assert_int_equal(create(&node, "l"), OK);
    assert_true(store_number(node.books->db, "SELECT max(era) FROM runs") > 0);
    node_close(&node);
}

static void batches_and_renewals_keep_the_lease(void **state)
{
    struct node node;

    node_open(&node, *state);
    int64_t at_first = lapse_of(&node);
    poll(NULL, 0, CLOCK_STEP_MS);
    assert_int_equal(create(&node, NULL), OK);
    int64_t after_a_batch = lapse_of(&node);
    assert_true(after_a_batch > at_first);
    poll(NULL, 0, CLOCK_STEP_MS);
    assert_stored(store_db(node.store), store_run_renew(node.store));
    assert_true(lapse_of(&node) > after_a_batch);
    assert_int_equal(store_number(node.books->db, "SELECT max(batches) FROM runs"), 1);
    node_close(&node);
}

/* The node was stopped: nobody told it, but its own clock moved on. */
static void a_node_that_slept_trusts_its_lease_no_more(void **state)
{
    struct node node;

    node_open(&node, *state);
    assert_int_equal(create(&node, NULL), OK);
    outside_fake_advance(&node.books->outside, 7900);
    assert_int_equal(create(&node, NULL), OK);
    outside_fake_advance(&node.books->outside, 8000);
    assert_int_equal(create(&node, NULL), ERR_LEASE_LOST);
    struct run_id before = node.run;
    assert_stored(store_db(node.store),
                  store_run_begin(node.store, STR("test"), false, &node.run));
    /* What the one before was sending is asked about from now on, although it had not lapsed. */
    const struct run_id runs[] = { before, node.run };
    int64_t lapses_ms[2] = { 0 };
    for (int i = 0; i < 2; i++) {
        const struct db_value run = DB_ID(runs[i]);
        assert_stored(node.books->db, db_query(node.books->db,
                                               "SELECT lapses_ms FROM runs WHERE id = $1", &run, 1,
                                               store_take_number, &lapses_ms[i]));
    }
    assert_true(lapses_ms[0] + 9000 < lapses_ms[1]);
    assert_int_equal(create(&node, NULL), OK);
    node_close(&node);
}

/* Commits in doubt. */

/* The connection ends in the n-th commit of a payment, before it is done. */
static void die_in_commit(struct store_fixture *books, int from, int to)
{
    assert_stored(books->db,
                  db_script(books->db,
                            str_format(&books->arena,
                                       "CREATE SEQUENCE deaths;"
                                       "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS '"
                                       "DECLARE n bigint := nextval(''deaths'');"
                                       "BEGIN IF n BETWEEN %d AND %d THEN "
                                       "PERFORM pg_terminate_backend(pg_backend_pid()); "
                                       "PERFORM pg_sleep(9); END IF; RETURN NULL; END';"
                                       "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON payments "
                                       "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
                                       "EXECUTE FUNCTION die()",
                                       from, to)));
}

static void a_commit_that_was_not_done_is_repeated(void **state)
{
    struct node node;

    node_open(&node, *state);
    die_in_commit(node.books, 2, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(create(&node, NULL), OK);
    assert_int_equal(store_number(node.books->db, "SELECT count(*) FROM payments"), 3);
    assert_int_equal(store_number(node.books->db, "SELECT count(*) FROM claims"), 0);
    assert_int_equal(store_counts(node.store).batches_repeated, 2);
    node_close(&node);
}

/* Several at once. */

#define NODES    3
#define KEYS     60

struct worker {
    struct node node;
    pthread_t thread;
    int surprises;
};

/* All use the same keys, in batches; besides each makes payments of its own. */
static void *work(void *self)
{
    struct worker *worker = self;
    enum { BATCH = 10 };

    for (int i = 0; i < KEYS; i += BATCH) {
        struct turn_input inputs[2 * BATCH];
        struct turn turns[2 * BATCH];
        struct turn *pointers[2 * BATCH];
        for (int j = 0; j < 2 * BATCH; j++) {
            char key[16];
            struct buf text;
            buf_fixed(&text, key, sizeof key);
            buf_addf(&text, "key-%d", i + j);
            inputs[j] = create_input(&worker->node, j < BATCH ? buf_c(&text) : NULL);
            turns[j] = (struct turn){ .input = &inputs[j] };
            pointers[j] = &turns[j];
        }
        store_execute(worker->node.store, pointers, 2 * BATCH);
        for (int j = 0; j < 2 * BATCH; j++)
            worker->surprises += turns[j].err != OK;
    }
    return NULL;
}

static void open_workers(struct worker *workers, struct store_fixture *books)
{
    /* Ids are made of the books' clock and of random bytes, which the fake gives in one order. */
    books->outside.outside = *outside_real();
    for (int i = 0; i < NODES; i++) {
        workers[i] = (struct worker){ 0 };
        node_open(&workers[i].node, books);
    }
}

static void the_same_key_everywhere_has_one_effect(void **state)
{
    static struct worker workers[NODES];
    struct store_fixture *books = *state;

    open_workers(workers, books);
    for (int i = 0; i < NODES; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (int i = 0; i < NODES; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].surprises, 0);
        node_close(&workers[i].node);
    }
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM claims"), KEYS);
    assert_int_equal(store_number(books->db, "SELECT count(*) FROM payments"), KEYS + NODES * KEYS);
    assert_int_equal(store_number(books->db, "SELECT count(DISTINCT payment) FROM claims"), KEYS);
    /* Places in the feed: no gap, no double. */
    assert_int_equal(store_number(books->db, "SELECT max(number) - count(DISTINCT number) "
                                             "FROM events"),
                     0);
}

/* The feed. */

struct follower {
    struct node *node;
    pthread_t thread;
    _Atomic bool stop;
    int64_t last, seen;
    bool skipped;
};

static enum err follow_once(struct follower *follower, struct db *db)
{
    struct query_scope scope = { follower->node->merchant, false };
    struct event_list events = { 0 };
    struct arena arena = { 0 };
    enum err err = query_events(db, scope, follower->last, 7, &arena, &events);

    for (size_t i = 0; i < events.count; i++) {
        follower->skipped = follower->skipped || events.items[i]->number != follower->last + 1;
        follower->last = events.items[i]->number;
        follower->seen++;
    }
    arena_done(&arena);
    return err;
}

static void *follow(void *self)
{
    struct follower *follower = self;
    struct db *db = store_fixture_connect(follower->node->books, DB_READ);
    int64_t before = -1;

    /* Until nothing comes any more after the end. */
    while (before != follower->seen || !follower->stop) {
        bool was_over = follower->stop;
        before = follower->seen;
        if (follow_once(follower, db) != OK)
            break;
        if (!was_over)
            before = -1;
    }
    db_close(db);
    return NULL;
}

static void the_feed_never_skips_while_many_write(void **state)
{
    static struct worker workers[NODES];
    struct store_fixture *books = *state;

    open_workers(workers, books);
    struct follower follower = { .node = &workers[0].node };
    assert_int_equal(pthread_create(&follower.thread, NULL, follow, &follower), 0);
    for (int i = 0; i < NODES; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (int i = 0; i < NODES; i++)
        pthread_join(workers[i].thread, NULL);
    follower.stop = true;
    pthread_join(follower.thread, NULL);
    assert_false(follower.skipped);
    assert_int_equal(follower.seen, store_number(books->db, "SELECT count(*) FROM events"));
    for (int i = 0; i < NODES; i++)
        node_close(&workers[i].node);
}

/* A transaction that has its numbers, and takes its time. */
static void the_feed_waits_for_a_transaction_across_its_cursor(void **state)
{
    static struct worker worker;
    struct store_fixture *books = *state;
    pthread_t thread;
    int64_t first = 0;

    books->outside.outside = *outside_real();
    worker = (struct worker){ 0 };
    node_open(&worker.node, books);
    assert_int_equal(create(&worker.node, NULL), OK);
    struct follower follower = { .node = &worker.node };
    struct db *db = store_fixture_connect(books, DB_READ);
    assert_stored(db, follow_once(&follower, db));
    assert_true(follower.seen > 0);

    struct db *slow = store_fixture_connect(books, DB_WRITE);
    assert_stored(slow, db_begin(slow));
    assert_stored(slow, db_take_numbers(slow, "events", 1, &first));
    assert_int_equal(pthread_create(&thread, NULL, work, &worker), 0);
    while (!store_is_waited_for(slow))
        continue;
    int64_t seen = follower.seen;
    assert_stored(db, follow_once(&follower, db));
    assert_int_equal(follower.seen, seen);
    struct event *event = store_fixture_row(books, &table_events);
    const void *row = event;
    event->merchant = worker.node.merchant;
    event->number = first;
    assert_stored(slow, db_insert(slow, &table_events, &row, 1));
    assert_stored(slow, db_commit(slow));
    pthread_join(thread, NULL);
    follower.stop = true;
    follow(&follower);
    assert_false(follower.skipped);
    assert_int_equal(follower.seen, store_number(books->db, "SELECT count(*) FROM events"));
    db_close(slow);
    db_close(db);
    node_close(&worker.node);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_see_until_when_a_run_is_held),
        cmocka_unit_test(nothing_is_committed_after_the_lease),
        cmocka_unit_test(nothing_is_committed_after_a_cut),
        cmocka_unit_test(a_run_ends_with_the_era),
        cmocka_unit_test(batches_and_renewals_keep_the_lease),
        cmocka_unit_test(a_node_that_slept_trusts_its_lease_no_more),
        cmocka_unit_test(a_commit_that_was_not_done_is_repeated),
        cmocka_unit_test(the_same_key_everywhere_has_one_effect),
        cmocka_unit_test(the_feed_never_skips_while_many_write),
        cmocka_unit_test(the_feed_waits_for_a_transaction_across_its_cursor),
    };
    return store_run_on("postgresql", "store/lease", tests, COUNT_OF(tests));
}
