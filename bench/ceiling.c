/* ceiling.c - the same rows in the same group commits as payments that are created,
 * authorised and captured, written by a bare loop: no HTTP, no handlers, no gateway.
 *
 *     ceiling [--later] STORE GROUP SECONDS [WRITERS [COMMITS]]
 *     ceiling --paced RATE STORE GROUP SECONDS
 *
 * STORE is an address as purser's --store has it. GROUP is the number of turns per commit, as
 * the server under load had them. Each commit holds as many first, second and third turns of a
 * payment's life. WRITERS connections do so side by side, as many as the server has (1). What this
 * reaches is the most that the books allow; the server is held against it. --later: the disk is
 * waited for beside the next commits, as the server does where it can (store/db_flush.h). Ends
 * after SECONDS, or earlier after so many COMMITS of each. Prints one line of JSON.
 *
 * --paced: commits begin evenly, so that RATE payments are written in a second, and what counts is
 * how long one takes until it is on the disk: the least that a payment at that rate waits for. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "core/render.h"
#include "core/tenants.h"
#include "histogram.h"
#include "store/db_flush.h"
#include "store/store.h"

#define GROUP_MAX 768
#define WRITERS_MAX 16

/* Everything that one payment's life writes. */
struct life {
    struct invoice invoice;
    struct payment payment;
    struct operation authorize, capture;
    struct attempt attempts[2];
    struct event events[7];
    struct claim claim;
    char gateway_reference[ID_TEXT_MAX];
};

/* Rows of one table in one commit. */
struct rows {
    const void *items[GROUP_MAX * 3];
    size_t count;
};

struct commit {
    struct rows new_invoices, new_payments, new_operations, new_attempts, new_events, new_claims;
    struct rows invoices, payments, operations, claims;
};

/* One that writes. */
struct ceiling {
    pthread_t thread;
    bool later;                      /* the disk is another thread's: */
    pthread_t flusher;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t made, flushed;          /* commits */
    bool is_over;
    const struct outside *outside;
    struct arena arena;
    struct store *store;
    struct db *db;
    struct id_maker ids;
    struct merchant_id merchant;
    struct gateway_account_id account;
    struct str payment_text, invoice_text;
    struct commit commit;
    struct life ring[3][GROUP_MAX / 3];
    size_t group;
    int64_t start_us, until_us;
    uint64_t most, commits;
    int64_t rate;                    /* of payments; 0 is without a rest */
    struct histogram took;
};

static void add(struct rows *rows, const void *row)
{
    assert(rows->count < GROUP_MAX * 3);
    rows->items[rows->count++] = row;
}

static const enum event_type story[7] = {
    EVENT_INVOICE_CREATED,   EVENT_PAYMENT_CREATED,  EVENT_PAYMENT_AUTHORIZING,
    EVENT_PAYMENT_AUTHORIZED, EVENT_PAYMENT_CAPTURING, EVENT_PAYMENT_CAPTURED, EVENT_INVOICE_PAID,
};

static void add_events(struct ceiling *c, struct life *life, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        bool invoices = story[i] == EVENT_INVOICE_CREATED || story[i] == EVENT_INVOICE_PAID;
        life->events[i] = (struct event){
            .invoice = life->invoice.id, .sequence = i + 1,
            .merchant = c->merchant, .type = story[i], .version = i + 1,
            .occurred_ms = life->invoice.created_ms, .origin = ORIGIN_API,
            .actor = STR("key_01h455vb4pex5vsknk084sn02q"),
            .data = invoices ? c->invoice_text : c->payment_text,
        };
        if (!invoices)
            life->events[i].payment = life->payment.id;
        add(&c->commit.new_events, &life->events[i]);
    }
    life->invoice.sequence = from + count;
}

static void add_attempt(struct ceiling *c, struct life *life, int at, struct operation *operation)
{
    life->attempts[at] = (struct attempt){
        .invoice = operation->invoice, .operation = operation->id, .number = 1,
        .call = operation->kind,
        .outcome = STR("approved"), .http_status = 200,
        .started_ms = operation->created_ms, .ended_ms = operation->created_ms,
    };
    operation->attempts = 1;
    operation->state = OPERATION_SUCCEEDED;
    operation->closed_ms = operation->created_ms;
    operation->run = (struct run_id){ 0 };
    add(&c->commit.new_attempts, &life->attempts[at]);
    add(&c->commit.operations, operation);
}

static struct operation operation_of(struct ceiling *c, const struct life *life,
                                     enum operation_kind kind, int64_t now_ms)
{
    return (struct operation){
        .id = operation_id_make(&c->ids, now_ms), .invoice = life->invoice.id,
        .payment = life->payment.id, .gateway_account = c->account, .kind = kind,
        .state = OPERATION_SENDING, .amount_minor = 1250, .claim = life->claim.key,
        .run = run_id_make(&c->ids, now_ms), .created_ms = now_ms, .sent_ms = now_ms,
    };
}

static void first_turn(struct ceiling *c, struct life *life, int64_t now_ms)
{
    *life = (struct life){ 0 };
    life->invoice = (struct invoice){
        .id = invoice_id_make(&c->ids, now_ms), .merchant = c->merchant,
        .status = INVOICE_UNPAID, .amount_minor = 1250, .currency = CURRENCY_EUR,
        .implicit = true, .reference = STR("order"), .description = STR("Two tickets"),
        .version = 1, .created_ms = now_ms, .updated_ms = now_ms,
    };
    life->payment = (struct payment){
        .id = payment_id_make(&c->ids, now_ms), .invoice = life->invoice.id,
        .merchant = c->merchant, .status = PAYMENT_AUTHORIZING, .amount_minor = 1250,
        .currency = CURRENCY_EUR, .capture_method = CAPTURE_METHOD_AUTOMATIC,
        .gateway_account = c->account, .gateway = STR("sandbox"), .reference = STR("order"),
        .description = STR("Two tickets"), .method = METHOD_CARD, .card_brand = STR("visa"),
        .card_last4 = STR("4242"), .card_exp_month = 12, .card_exp_year = 2034, .version = 2,
        .created_ms = now_ms, .updated_ms = now_ms, .expires_ms = now_ms + 5400000,
    };
    outside_random(c->outside, &life->claim.key, sizeof(life->claim.key));
    outside_random(c->outside, &life->claim.fingerprint, sizeof(life->claim.fingerprint));
    life->claim.merchant = c->merchant;
    life->claim.invoice = life->invoice.id;
    life->claim.payment = life->payment.id;
    life->claim.success_status = 201;
    life->claim.created_ms = now_ms;
    life->authorize = operation_of(c, life, OPERATION_KIND_AUTHORIZE, now_ms);
    life->payment.authorization = life->payment.active_operation = life->authorize.id;
    add(&c->commit.new_invoices, &life->invoice);
    add(&c->commit.new_payments, &life->payment);
    add(&c->commit.new_operations, &life->authorize);
    add(&c->commit.new_claims, &life->claim);
    add_events(c, life, 0, 3);
}

static void second_turn(struct ceiling *c, struct life *life, int64_t now_ms)
{
    struct buf reference;
    buf_fixed(&reference, life->gateway_reference, sizeof(life->gateway_reference));
    operation_id_write(&reference, life->authorize.id);
    life->payment.gateway_reference = buf_str(&reference);
    life->payment.status = PAYMENT_CAPTURING;
    life->payment.authorized_minor = 1250;
    life->payment.version = 4;
    life->capture = operation_of(c, life, OPERATION_KIND_CAPTURE, now_ms);
    life->payment.active_operation = life->capture.id;
    add(&c->commit.payments, &life->payment);
    add(&c->commit.invoices, &life->invoice);
    add(&c->commit.new_operations, &life->capture);
    add_attempt(c, life, 0, &life->authorize);
    add_events(c, life, 3, 2);
}

static void third_turn(struct ceiling *c, struct life *life)
{
    life->payment.status = PAYMENT_CAPTURED;
    life->payment.captured_minor = 1250;
    life->payment.version = 5;
    life->payment.active_operation = (struct operation_id){ 0 };
    life->payment.expires_ms = 0;
    life->invoice.status = INVOICE_PAID;
    life->invoice.version = 2;
    life->claim.status = 201;
    life->claim.answer_sequence = 6;
    add(&c->commit.payments, &life->payment);
    add(&c->commit.invoices, &life->invoice);
    add(&c->commit.claims, &life->claim);
    add_attempt(c, life, 1, &life->capture);
    add_events(c, life, 5, 2);
}

static void must(enum err err, const struct ceiling *c)
{
    if (err) {
        struct str why = db_error(c->db);
        fprintf(stderr, "ceiling: %.*s\n", STR_ARG(why));
        assert(!err);
    }
}

static void write_rows(struct ceiling *c, const struct table *table, struct rows *fresh,
                       struct rows *changed)
{
    if (fresh->count)
        must(db_insert(c->db, table, fresh->items, fresh->count), c);
    if (changed && changed->count)
        must(db_update(c->db, table, changed->items, changed->count), c);
    fresh->count = 0;
    if (changed)
        changed->count = 0;
}

/* Their numbers are taken last, as the executor does it: others wait for them. */
static void write_events(struct ceiling *c)
{
    struct rows *events = &c->commit.new_events;
    int64_t number = 0;
    must(db_take_numbers(c->db, "events", (int64_t)events->count, &number), c);
    for (size_t i = 0; i < events->count; i++)
        ((struct event *)(uintptr_t)events->items[i])->number = number++;
    write_rows(c, &table_events, events, NULL);
}

static void write_commit(struct ceiling *c)
{
    struct commit *commit = &c->commit;
    write_rows(c, &table_invoices, &commit->new_invoices, &commit->invoices);
    write_rows(c, &table_payments, &commit->new_payments, &commit->payments);
    write_rows(c, &table_operations, &commit->new_operations, &commit->operations);
    write_rows(c, &table_attempts, &commit->new_attempts, NULL);
    write_rows(c, &table_claims, &commit->new_claims, &commit->claims);
    write_events(c);
}

/* One commit: `third` new payments, as many second and third turns of those before. Not inlined,
 * because bench/counts counts what is done within. */
__attribute__((noinline)) static void one_commit(struct ceiling *c, struct life *lives[3],
                                                 size_t third, bool warm[2])
{
    int64_t now_ms = outside_now_ms(c->outside);
    must(db_begin(c->db), c);
    for (size_t i = 0; i < third; i++) {
        first_turn(c, &lives[0][i], now_ms);
        if (warm[0])
            second_turn(c, &lives[1][i], now_ms);
        if (warm[1])
            third_turn(c, &lives[2][i]);
    }
    write_commit(c);
    must(c->later ? db_commit_later(c->db) : db_commit(c->db), c);
}

static void *flush(void *self)
{
    struct ceiling *c = self;
    pthread_mutex_lock(&c->lock);
    while (!c->is_over || c->flushed < c->made) {
        uint64_t made = c->made;
        if (made == c->flushed) {
            pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        must(db_flush(c->db), c);
        pthread_mutex_lock(&c->lock);
        c->flushed = made;
        pthread_cond_signal(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* A commit was made, or it was the last. As many as the server has may wait for the disk. */
static void hand_over(struct ceiling *c, uint64_t made, bool is_over)
{
    pthread_mutex_lock(&c->lock);
    c->made = made;
    c->is_over = is_over;
    pthread_cond_signal(&c->changed);
    while (c->made - c->flushed >= STORE_BATCHES)
        pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

static void sample_texts(struct ceiling *c)
{
    static struct life life;
    c->payment_text = c->invoice_text = STR("{}");
    first_turn(c, &life, outside_now_ms(c->outside));
    second_turn(c, &life, outside_now_ms(c->outside));
    struct payment_list payments = { 0 };
    payment_list_add(&c->arena, &payments, &life.payment);
    c->payment_text = render_payment_text(&c->arena, &life.payment);
    c->invoice_text = render_invoice_text(&c->arena, &life.invoice, &payments);
    c->commit = (struct commit){ 0 };
}

static void open_books(struct ceiling *c, const char *store)
{
    static const struct gateway *const none[] = { NULL };
    struct str where = str_of(store), why = { 0 };
    struct store_config config = { .where = where, .outside = c->outside, .gateways = none,
                                   .create = true };
    enum err err = store_migrate(where, true, c->outside, &c->arena, &why);
    if (!err)
        err = store_open(&config, &c->arena, &c->store, &why);
    if (err)
        fprintf(stderr, "ceiling: %.*s\n", STR_ARG(why));
    assert(err == OK);
    c->db = store_db(c->store);
}

/* Until the commit with that number is due. */
static void rest(const struct ceiling *c, uint64_t number)
{
    double after_us = (double)(number * (c->group / 3)) * 1e6 / (double)c->rate;
    int64_t left_us = c->start_us + (int64_t)after_us - outside_monotonic_us(c->outside);
    struct timespec left = { .tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000 };
    if (left_us > 0)
        nanosleep(&left, NULL);
}

static void *work(void *self)
{
    struct ceiling *c = self;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    int failed = c->later ? pthread_create(&c->flusher, NULL, flush, c) : 0;
    assert(failed == 0);
    do {
        uint64_t at = c->commits;
        struct life *lives[3] = { c->ring[at % 3], c->ring[(at + 2) % 3], c->ring[(at + 1) % 3] };
        if (c->rate > 0)
            rest(c, at);
        int64_t begun_us = outside_monotonic_us(c->outside);
        one_commit(c, lives, c->group / 3, (bool[2]){ at >= 1, at >= 2 });
        histogram_note(&c->took, outside_monotonic_us(c->outside) - begun_us);
        c->commits++;
        if (c->later)
            hand_over(c, c->commits, false);
    } while (outside_monotonic_us(c->outside) < c->until_us && c->commits < c->most);
    if (!c->later)
        return NULL;
    hand_over(c, c->commits, true);
    pthread_join(c->flusher, NULL);
    return NULL;
}

/* The first of them by this thread. */
static uint64_t work_all(struct ceiling *all, size_t count)
{
    uint64_t commits = 0;
    for (size_t i = 1; i < count; i++) {
        int failed = pthread_create(&all[i].thread, NULL, work, &all[i]);
        assert(failed == 0);
    }
    work(&all[0]);
    for (size_t i = 1; i < count; i++)
        pthread_join(all[i].thread, NULL);
    for (size_t i = 0; i < count; i++)
        commits += all[i].commits;
    return commits;
}

static int usage(void)
{
    fprintf(stderr, "usage: ceiling [--later] STORE GROUP SECONDS [WRITERS [COMMITS]]\n"
                    "       ceiling --paced RATE STORE GROUP SECONDS\n"
                    "(GROUP: 3 to %d, WRITERS: 1 to %d)\n", GROUP_MAX, WRITERS_MAX);
    return 2;
}

static void print(const struct ceiling *first, uint64_t commits, int64_t took_us)
{
    printf("{\"commits\":%llu,\"payments\":%llu,\"seconds\":%.6f,\"p50_ms\":%.3f,"
           "\"p99_ms\":%.3f}\n", (unsigned long long)commits,
           (unsigned long long)(commits * (uint64_t)(first->group / 3)), (double)took_us / 1e6,
           histogram_ms(&first->took, 0.5), histogram_ms(&first->took, 0.99));
}

struct options {
    bool later;
    const char *store;
    int64_t rate, group, seconds, writers;
    uint64_t most;
};

static bool read_options(struct options *options, int argc, char **argv)
{
    bool paced = argc > 2 && str_equal_c(str_of(argv[1]), "--paced");
    *options = (struct options){ .writers = 1, .most = UINT64_MAX };
    options->later = argc > 1 && str_equal_c(str_of(argv[1]), "--later");
    if (paced && (!str_to_i64(str_of(argv[2]), &options->rate) || options->rate < 1))
        return false;
    argc -= options->later + 2 * paced;
    argv += options->later + 2 * paced;
    if (argc < 4 || argc > (paced ? 4 : 6))
        return false;
    options->store = argv[1];
    return str_to_i64(str_of(argv[2]), &options->group)
           && str_to_i64(str_of(argv[3]), &options->seconds)
           && (argc < 5 || str_to_i64(str_of(argv[4]), &options->writers))
           && (argc < 6 || str_to_u64(str_of(argv[5]), &options->most))
           && options->group >= 3 && options->group <= GROUP_MAX
           && options->writers >= 1 && options->writers <= WRITERS_MAX;
}

int main(int argc, char **argv)
{
    static struct ceiling all[WRITERS_MAX];
    const struct outside *outside = outside_real();
    struct options options;
    if (!read_options(&options, argc, argv))
        return usage();
    for (int64_t i = 0; i < options.writers; i++) {
        all[i].outside = all[i].ids.outside = outside;
        all[i].group = (size_t)options.group;
        all[i].later = options.later;
        all[i].most = options.most;
        all[i].rate = options.rate;
        open_books(&all[i], options.store);
        sample_texts(&all[i]);
    }
    int64_t start_us = outside_monotonic_us(outside);
    for (int64_t i = 0; i < options.writers; i++) {
        all[i].start_us = start_us;
        all[i].until_us = start_us + options.seconds * 1000000;
    }
    uint64_t commits = work_all(all, (size_t)options.writers);
    int64_t took_us = outside_monotonic_us(outside) - start_us;
    print(&all[0], commits, took_us);
    for (int64_t i = 0; i < options.writers; i++) {
        store_close(all[i].store);
        arena_done(&all[i].arena);
    }
    return 0;
}
