/* load.c - finds, locks and loads what a batch of turns needs.
 *
 * Objects are located first (payment, refund, operation -> invoice), then the invoices
 * are locked in the order of their ids, so that two batches never wait for each other
 * in a circle, and then everything that hangs on them is loaded, one statement per
 * table for the whole batch. What needs no answer of what goes before it is not waited for:
 * mostly there are two waits, one for the books and one for what their rows name. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/batch.h"
#include "store/db_later.h"
#include "store/kept.h"

/* A set of ids: collected, then ordered, without duplicates. */
struct id_set {
    struct id *ids;
    size_t count;
    size_t cap;
};

static void set_add(struct arena *arena, struct id_set *set, struct id id)
{
    if (id_is_zero(id))
        return;
    if (set->count == set->cap) {
        size_t cap = set->cap ? set->cap * 2 : 32;
        struct id *ids = ARENA_ARRAY(arena, struct id, cap);
        if (set->count)
            memcpy(ids, set->ids, set->count * sizeof(*ids));
        set->ids = ids;
        set->cap = cap;
    }
    set->ids[set->count++] = id;
}

static int by_id(const void *a, const void *b)
{
    return id_compare(*(const struct id *)a, *(const struct id *)b);
}

static void set_close(struct id_set *set)
{
    size_t kept = 0;
    if (set->count == 0)
        return;
    qsort(set->ids, set->count, sizeof(*set->ids), by_id);
    for (size_t i = 0; i < set->count; i++)
        if (i == 0 || !id_equal(set->ids[i], set->ids[kept - 1]))
            set->ids[kept++] = set->ids[i];
    set->count = kept;
}

/* Where an object is: its id and its invoice's. */
struct place {
    struct id id;
    struct invoice_id invoice;
};

struct places {
    struct arena *arena;
    struct place *items;
    size_t count;
    size_t cap;
};

static void place_add(struct places *places, struct id id, struct invoice_id invoice)
{
    if (places->count == places->cap) {
        size_t cap = places->cap ? places->cap * 2 : 32;
        struct place *items = ARENA_ARRAY(places->arena, struct place, cap);
        if (places->count)
            memcpy(items, places->items, places->count * sizeof(*items));
        places->items = items;
        places->cap = cap;
    }
    places->items[places->count++] = (struct place){ id, invoice };
}

static enum err place_payment(void *self, void *row)
{
    const struct payment *payment = row;
    place_add(self, payment->id.id, payment->invoice);
    return OK;
}

static enum err place_refund(void *self, void *row)
{
    const struct refund *refund = row;
    place_add(self, refund->id.id, refund->invoice);
    return OK;
}

static enum err place_operation(void *self, void *row)
{
    const struct operation *operation = row;
    place_add(self, operation->id.id, operation->invoice);
    return OK;
}

static enum err place_checkout(void *self, void *row)
{
    const struct checkout *checkout = row;
    place_add(self, checkout->id.id, checkout->invoice);
    return OK;
}

static enum err place_instrument(void *self, void *row)
{
    const struct instrument *instrument = row;
    place_add(self, instrument->id.id, instrument->invoice);
    return OK;
}

static int by_place(const void *a, const void *b)
{
    return id_compare(((const struct place *)a)->id, ((const struct place *)b)->id);
}

/* The kinds of object that lead to an invoice. */
enum locate {
    LOCATE_PAYMENT, LOCATE_REFUND, LOCATE_OPERATION, LOCATE_INSTRUMENT, LOCATE_CHECKOUT,
    LOCATE_COUNT
};

static const struct locate_rule {
    enum turn_target target;
    const struct table *table;
    db_load_f *load;
} locate_rules[LOCATE_COUNT] = {
    [LOCATE_PAYMENT] = { TARGET_PAYMENT, &table_payments, place_payment },
    [LOCATE_REFUND] = { TARGET_REFUND, &table_refunds, place_refund },
    [LOCATE_OPERATION] = { TARGET_OPERATION, &table_operations, place_operation },
    [LOCATE_CHECKOUT] = { TARGET_CHECKOUT, &table_checkouts, place_checkout },
    [LOCATE_INSTRUMENT] = { TARGET_INSTRUMENT, &table_instruments, place_instrument },
};

static struct id target_object(const struct turn_input *input)
{
    switch (input->handler->target) {
    case TARGET_PAYMENT:
        return input->payment.id;
    case TARGET_REFUND:
        return input->refund.id;
    case TARGET_OPERATION:
        return input->operation.id;
    case TARGET_CHECKOUT:
        return input->checkout.id;
    case TARGET_INSTRUMENT:
        return input->instrument.id;
    case TARGET_NOTHING:
    case TARGET_INVOICE:
    case TARGET_INVOICE_IF_NAMED:
    case TARGET_NOTICE:
    case TARGET_DRIFT:
    case TARGET_TASK:
        break;
    }
    return (struct id){ { 0 } };
}

/* The invoice as the input names it; callers who know it save the locating. */
static enum err locate(struct batch *batch, const struct locate_rule *rule, struct places *places,
                       bool *asked)
{
    struct id_set wanted = { 0 };
    for (size_t i = 0; i < batch->count; i++) {
        const struct turn_input *input = batch->turns[i]->input;
        if (input->handler->target == rule->target && invoice_id_is_zero(input->invoice))
            set_add(batch->arena, &wanted, target_object(input));
    }
    set_close(&wanted);
    *asked = *asked || wanted.count > 0;
    return db_load_later(batch->db, rule->table, "id", wanted.ids, wanted.count, NULL, false,
                         batch->arena, rule->load, places);
}

struct located {
    struct places places[LOCATE_COUNT];
};

static enum err locate_all(struct batch *batch, struct located *located)
{
    bool asked = false;
    enum err err = OK;
    for (int i = 0; !err && i < LOCATE_COUNT; i++) {
        located->places[i].arena = batch->arena;
        err = locate(batch, &locate_rules[i], &located->places[i], &asked);
    }
    if (!err && asked)
        err = db_await(batch->db);
    for (int i = 0; !err && i < LOCATE_COUNT; i++) {
        struct places *places = &located->places[i];
        if (places->count)
            qsort(places->items, places->count, sizeof(*places->items), by_place);
    }
    return err;
}

static struct invoice_id located_invoice(const struct located *located,
                                         const struct turn_input *input)
{
    struct place key = { .id = target_object(input) };
    if (!invoice_id_is_zero(input->invoice))
        return input->invoice;
    for (int i = 0; i < LOCATE_COUNT; i++) {
        if (locate_rules[i].target != input->handler->target || !located->places[i].count)
            continue;
        const struct place *found = bsearch(&key, located->places[i].items,
                                            located->places[i].count, sizeof(key), by_place);
        if (found)
            return found->invoice;
    }
    return (struct invoice_id){ 0 };
}

struct books **batch_books(struct batch *batch, struct invoice_id id)
{
    size_t low = 0, high = batch->books_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = id_compare(batch->books[middle]->invoice->id.id, id.id);
        if (order == 0)
            return &batch->books[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static int by_invoice(const struct books *a, const struct books *b)
{
    return id_compare(a->invoice->id.id, b->invoice->id.id);
}

/* They come ordered, mostly: what is asked for by its key is looked up in that order. */
static enum err add_invoice(void *self, void *row)
{
    struct batch *batch = self;
    struct books *books = ARENA_NEW(batch->arena, struct books);
    books->invoice = row;
    size_t at = batch->books_count++;
    for (; at > 0 && by_invoice(batch->books[at - 1], books) > 0; at--)
        batch->books[at] = batch->books[at - 1];
    batch->books[at] = books;
    return OK;
}

/* Rows of an invoice that is not there would be damage; they are left alone. What hangs on one
 * invoice is kept in the order of its ids. The invoices were asked for first, so they are there. */
#define ADD_TO_BOOKS(type, list)                                                         \
    static enum err add_##type(void *self, void *row)                                    \
    {                                                                                    \
        struct batch *batch = self;                                                      \
        struct type *item = row;                                                         \
        struct books **books = batch_books(batch, item->invoice);                        \
        if (!books)                                                                      \
            return OK;                                                                   \
        type##_list_add(batch->arena, &(*books)->list, item);                            \
        struct type **items = (*books)->list.items;                                      \
        size_t at = (*books)->list.count - 1;                                            \
        for (; at > 0 && id_compare(items[at - 1]->id.id, item->id.id) > 0; at--)        \
            items[at] = items[at - 1];                                                   \
        items[at] = item;                                                                \
        return OK;                                                                       \
    }
ADD_TO_BOOKS(payment, payments)
ADD_TO_BOOKS(refund, refunds)
ADD_TO_BOOKS(instrument, instruments)
ADD_TO_BOOKS(operation, operations)
ADD_TO_BOOKS(checkout, checkouts)
#undef ADD_TO_BOOKS

/* What hangs on an invoice. */
static const struct books_rule {
    const struct table *table;
    const char *and_where;
    db_load_f *load;
} books_rules[] = {
    { &table_payments, NULL, add_payment },
    { &table_refunds, NULL, add_refund },
    { &table_checkouts, NULL, add_checkout },
    { &table_instruments, NULL, add_instrument },
    { &table_operations, "closed_ms IS NULL", add_operation },
};

static enum err load_books(struct batch *batch, const struct id_set *invoices)
{
    if (invoices->count == 0)
        return OK;
    enum err err = db_load_later(batch->db, &table_invoices, "id", invoices->ids, invoices->count,
                                 NULL, true, batch->arena, add_invoice, batch);
    for (size_t i = 0; !err && i < sizeof(books_rules) / sizeof(books_rules[0]); i++)
        err = db_load_later(batch->db, books_rules[i].table, "invoice", invoices->ids,
                            invoices->count, books_rules[i].and_where, false, batch->arena,
                            books_rules[i].load, batch);
    return err;
}

/* The claims that open operations answer to, so that the turn which ends them can
 * record the answer. */
static enum err add_waiting_claim(void *self, void *row)
{
    struct batch *batch = self;
    struct claim *claim = row;
    struct books **books = batch_books(batch, claim->invoice);
    if (books)
        claim_list_add(batch->arena, &(*books)->claims, claim);
    return OK;
}

static bool has_claim(const struct books *books, struct id key)
{
    for (size_t i = 0; i < books->claims.count; i++)
        if (id_equal(books->claims.items[i]->key, key))
            return true;
    return false;
}

static enum err load_waiting_claims(struct batch *batch)
{
    struct id_set keys = { 0 };
    for (size_t i = 0; i < batch->books_count; i++) {
        const struct operation_list *operations = &batch->books[i]->operations;
        for (size_t j = 0; j < operations->count; j++)
            if (!has_claim(batch->books[i], operations->items[j]->claim))
                set_add(batch->arena, &keys, operations->items[j]->claim);
    }
    set_close(&keys);
    return db_load_later(batch->db, &table_claims, "key", keys.ids, keys.count, "status = 0", false,
                         batch->arena, add_waiting_claim, batch);
}

/* What is kept of an invoice is taken by the functions that take what is loaded. */
static void add_kept(struct batch *batch, const struct kept_books *kept)
{
    for (size_t i = 0; i < kept->count; i++) {
        const struct table *table = kept->rows[i].table;
        void *row = arena_copy(batch->arena, kept->rows[i].row, table->row_size);
        db_load_f *load = table == &table_invoices ? add_invoice : add_waiting_claim;
        for (size_t j = 0; j < sizeof(books_rules) / sizeof(books_rules[0]); j++)
            if (books_rules[j].table == table)
                load = books_rules[j].load;
        enum err err = load(batch, row);
        assert(!err);
        (void)err;
    }
}

/* Takes the invoices of which rows are kept out of the set. */
static void take_kept(struct batch *batch, struct id_set *invoices)
{
    size_t left = 0;
    for (size_t i = 0; i < invoices->count; i++) {
        struct invoice_id id = { invoices->ids[i] };
        const struct kept_books *kept = kept_find(batch->kept, id);
        if (kept)
            add_kept(batch, kept);
        else
            invoices->ids[left++] = id.id;
    }
    batch->kept->found += invoices->count - left;
    invoices->count = left;
}

#define SAME_LIST(table, list)                                                           \
    do {                                                                                 \
        assert(kept->list.count == loaded->list.count);                                  \
        for (size_t i = 0; i < kept->list.count; i++)                                    \
            assert(kept_rows_equal(table, kept->list.items[i], loaded->list.items[i]));  \
    } while (0)

static void must_be_same(const struct books *kept, const struct books *loaded)
{
    assert(kept_rows_equal(&table_invoices, kept->invoice, loaded->invoice));
    SAME_LIST(&table_payments, payments);
    SAME_LIST(&table_refunds, refunds);
    SAME_LIST(&table_checkouts, checkouts);
    SAME_LIST(&table_instruments, instruments);
    SAME_LIST(&table_operations, operations);
    SAME_LIST(&table_claims, claims);
}
#undef SAME_LIST

/* The books at hand so far are those that were kept: they must be as they would be loaded. */
static enum err prove_kept(const struct batch *batch)
{
    struct batch loaded = { .db = batch->db, .arena = batch->arena };
    struct id_set invoices = { 0 };
    for (size_t i = 0; i < batch->books_count; i++)
        set_add(batch->arena, &invoices, batch->books[i]->invoice->id.id);
    loaded.books = ARENA_ARRAY(batch->arena, struct books *, batch->books_count);
    enum err err = load_books(&loaded, &invoices);
    if (!err)
        err = load_waiting_claims(&loaded);
    assert(err || loaded.books_count == batch->books_count);
    for (size_t i = 0; !err && i < batch->books_count; i++)
        must_be_same(batch->books[i], loaded.books[i]);
    return err;
}

/* An answer may come late, and a notice be about what ended long ago: an operation that is
 * named is loaded though it is closed. */
static enum err load_closed(struct batch *batch)
{
    struct id_set wanted = { 0 };
    for (size_t i = 0; i < batch->count; i++) {
        struct books **books = batch_books(batch, batch->targets[i]);
        if (!operation_id_is_zero(batch->named[i]) && books
            && !books_operation(*books, batch->named[i]))
            set_add(batch->arena, &wanted, batch->named[i].id);
    }
    set_close(&wanted);
    return db_load_later(batch->db, &table_operations, "id", wanted.ids, wanted.count, NULL, false,
                         batch->arena, add_operation, batch);
}

static enum err add_claim(void *self, void *row)
{
    struct batch *batch = self;
    struct claim *claim = row;
    claim_list_add(batch->arena, &batch->claims, claim);
    struct claim **items = batch->claims.items;
    size_t at = batch->claims.count - 1;
    for (; at > 0 && id_compare(items[at - 1]->key, claim->key) > 0; at--)
        items[at] = items[at - 1];
    items[at] = claim;
    return OK;
}

static int by_claim_key(const void *a, const void *b)
{
    const struct claim *const *left = a, *const *right = b;
    return id_compare((*left)->key, (*right)->key);
}

static enum err load_claims(struct batch *batch)
{
    struct id_set keys = { 0 };
    for (size_t i = 0; i < batch->count; i++)
        set_add(batch->arena, &keys, batch->turns[i]->input->claim_key);
    set_close(&keys);
    return db_load_later(batch->db, &table_claims, "key", keys.ids, keys.count, NULL, false,
                         batch->arena, add_claim, batch);
}

struct claim *batch_claim(const struct batch *batch, struct id key)
{
    struct claim wanted = { .key = key };
    const struct claim *pointer = &wanted;
    if (batch->claims.count == 0)
        return NULL;
    struct claim **found = bsearch(&pointer, batch->claims.items, batch->claims.count,
                                   sizeof(*batch->claims.items), by_claim_key);
    return found ? *found : NULL;
}

static enum err add_account(void *self, void *row)
{
    struct batch *batch = self;
    gateway_account_list_add(batch->arena, &batch->accounts, row);
    return OK;
}

static enum err add_key(void *self, void *row)
{
    struct batch *batch = self;
    api_key_list_add(batch->arena, &batch->keys, row);
    return OK;
}

static enum err add_checkout_settings(void *self, void *row)
{
    struct batch *batch = self;
    checkout_settings_list_add(batch->arena, &batch->checkout_settings, row);
    return OK;
}

static enum err load_checkout_settings(struct batch *batch)
{
    struct id_set wanted = { 0 };
    for (size_t i = 0; i < batch->count; i++) {
        const struct turn_input *input = batch->turns[i]->input;
        if (input->handler->wants_checkout_settings)
            set_add(batch->arena, &wanted, checkout_settings_id(input->merchant, input->live));
    }
    set_close(&wanted);
    return db_load_later(batch->db, &table_checkout_settings, "id", wanted.ids, wanted.count, NULL,
                         true, batch->arena, add_checkout_settings, batch);
}

static enum err load_tenants(struct batch *batch)
{
    struct id_set merchants = { 0 }, with_keys = { 0 };
    bool hold_accounts = false;
    for (size_t i = 0; i < batch->count; i++) {
        const struct turn_input *input = batch->turns[i]->input;
        set_add(batch->arena, &merchants, input->merchant.id);
        hold_accounts = hold_accounts || input->handler->changes_accounts;
        if (input->handler->loads_keys)
            set_add(batch->arena, &with_keys, input->merchant.id);
    }
    for (size_t i = 0; i < batch->books_count; i++)
        set_add(batch->arena, &merchants, batch->books[i]->invoice->merchant.id);
    set_close(&merchants);
    set_close(&with_keys);
    enum err err = db_load_later(batch->db, &table_gateway_accounts, "merchant", merchants.ids,
                                 merchants.count, NULL, hold_accounts, batch->arena, add_account,
                                 batch);
    if (!err)
        err = db_load_later(batch->db, &table_api_keys, "merchant", with_keys.ids, with_keys.count,
                            NULL, true, batch->arena, add_key, batch);
    return err;
}

/* Where the turns' books are, from what their inputs name. */
static enum err find_targets(struct batch *batch)
{
    struct located located = { 0 };
    enum err err = locate_all(batch, &located);
    if (err)
        return err;
    batch->targets = ARENA_ARRAY(batch->arena, struct invoice_id, batch->count);
    batch->named = ARENA_ARRAY(batch->arena, struct operation_id, batch->count);
    batch->notices = ARENA_ARRAY(batch->arena, struct notice *, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        const struct turn_input *input = batch->turns[i]->input;
        if (input->handler->target != TARGET_NOTHING)
            batch->targets[i] = located_invoice(&located, input);
        if (input->handler->target == TARGET_OPERATION)
            batch->named[i] = input->operation;
    }
    err = batch_load_notices(batch);
    return err ? err : batch_locate_findings(batch);
}

/* The books and what is held before them. */
static enum err load_targets(struct batch *batch)
{
    struct id_set invoices = { 0 };
    for (size_t i = 0; i < batch->count; i++)
        set_add(batch->arena, &invoices, batch->targets[i].id);
    set_close(&invoices);
    batch->books = ARENA_ARRAY(batch->arena, struct books *, invoices.count);
    take_kept(batch, &invoices);
    enum err err = KEPT_PROVES ? prove_kept(batch) : OK;
    if (!err)
        err = load_books(batch, &invoices);
    if (!err)
        err = batch_load_findings(batch);
    if (!err && invoices.count)
        err = db_await(batch->db);
    return err;
}

/* What the books' rows name, and the inputs. */
static enum err load_beside(struct batch *batch)
{
    enum err err = load_closed(batch);
    if (!err)
        err = load_waiting_claims(batch);
    if (!err)
        err = load_tenants(batch);
    if (!err)
        err = load_checkout_settings(batch);
    if (!err)
        err = batch_load_wallet(batch);
    if (!err)
        err = batch_load_webhooks(batch);
    if (!err)
        err = batch_load_exhausted(batch);
    if (!err)
        err = batch_load_jobs(batch);
    return err;
}

enum err batch_load(struct batch *batch)
{
    enum err err = load_claims(batch);
    if (!err)
        err = find_targets(batch);
    if (!err)
        err = load_targets(batch);
    if (!err)
        err = load_beside(batch);
    return err ? err : db_await(batch->db);
}
