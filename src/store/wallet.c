/* wallet.c - the customers and saved cards that the turns of a batch name.
 *
 * A customer is held against other writers: a card is not kept for one who is being deleted. A
 * saved card that is to be charged is in books of its own, which are not locked for it: a charge
 * that was asked for while the card was being removed may be either before that or after it. */
#include "store/batch.h"
#include "store/db_later.h"

struct ids {
    struct id *items;
    size_t count;
};

static void ids_add(struct ids *ids, struct id id)
{
    if (id_is_zero(id))
        return;
    for (size_t i = 0; i < ids->count; i++)
        if (id_equal(ids->items[i], id))
            return;
    ids->items[ids->count++] = id;
}

static enum err add_customer(void *self, void *row)
{
    struct batch *batch = self;
    customer_list_add(batch->arena, &batch->customers, row);
    return OK;
}

static enum err add_charged(void *self, void *row)
{
    struct batch *batch = self;
    instrument_list_add(batch->arena, &batch->charged, row);
    return OK;
}

static enum err add_counted(void *self, void *row)
{
    struct batch *batch = self;
    instrument_list_add(batch->arena, &batch->counted, row);
    return OK;
}

static bool is_charged(const struct turn_input *input)
{
    return input->handler->target != TARGET_INSTRUMENT;
}

enum err batch_load_wallet(struct batch *batch)
{
    struct ids customers = { ARENA_ARRAY(batch->arena, struct id, batch->count), 0 };
    struct ids counted = { ARENA_ARRAY(batch->arena, struct id, batch->count), 0 };
    struct ids charged = { ARENA_ARRAY(batch->arena, struct id, batch->count), 0 };
    enum err err = OK;
    for (size_t i = 0; i < batch->count; i++) {
        const struct turn_input *input = batch->turns[i]->input;
        ids_add(&customers, input->customer.id);
        if (input->handler->counts_instruments)
            ids_add(&counted, input->customer.id);
        if (is_charged(input))
            ids_add(&charged, input->instrument.id);
    }
    if (customers.count)
        err = db_load_later(batch->db, &table_customers, "id", customers.items, customers.count,
                            NULL, true, batch->arena, add_customer, batch);
    if (!err && counted.count)
        err = db_load_later(batch->db, &table_instruments, "customer", counted.items,
                            counted.count, "status NOT IN ('removed', 'failed')", false,
                            batch->arena, add_counted, batch);
    if (!err && charged.count)
        err = db_load_later(batch->db, &table_instruments, "id", charged.items, charged.count,
                            NULL, false, batch->arena, add_charged, batch);
    return err;
}

static struct customer **customer_of(struct batch *batch, struct customer_id id)
{
    for (size_t i = 0; i < batch->customers.count; i++)
        if (customer_id_equal(batch->customers.items[i]->id, id))
            return &batch->customers.items[i];
    return NULL;
}

static bool is_its_own(const struct turn *turn, struct merchant_id merchant, bool live)
{
    return merchant_id_equal(turn->input->merchant, merchant) && turn->input->live == live;
}

/* As an earlier turn of this batch left it, else as it was loaded. */
static const struct instrument *instrument_of(struct batch *batch, struct instrument_id id)
{
    for (size_t i = 0; i < batch->charged.count; i++) {
        const struct instrument *found = batch->charged.items[i];
        if (!instrument_id_equal(found->id, id))
            continue;
        struct books **books = batch_books(batch, found->invoice);
        return books ? books_instrument(*books, id) : found;
    }
    return NULL;
}

static size_t count_in(const struct books *books, struct customer_id customer)
{
    size_t count = 0;
    for (size_t i = 0; i < books->instruments.count; i++) {
        const struct instrument *instrument = books->instruments.items[i];
        count += customer_id_equal(instrument->customer, customer)
                 && !machine_is_final(&machine_instrument, instrument->status);
    }
    return count;
}

/* In the books that are here as they are by now, elsewhere as loaded. */
static size_t count_instruments(struct batch *batch, struct customer_id customer)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->books_count; i++)
        count += count_in(batch->books[i], customer);
    for (size_t i = 0; i < batch->made.count; i++)
        count += count_in(batch->made.items[i], customer);
    for (size_t i = 0; i < batch->counted.count; i++)
        count += customer_id_equal(batch->counted.items[i]->customer, customer)
                 && !batch_books(batch, batch->counted.items[i]->invoice);
    return count;
}

void batch_give_wallet(struct batch *batch, struct turn *turn)
{
    const struct turn_input *input = turn->input;
    struct customer **customer = customer_of(batch, input->customer);
    const struct instrument *instrument =
        is_charged(input) ? instrument_of(batch, input->instrument) : NULL;
    if (customer && is_its_own(turn, (*customer)->merchant, (*customer)->live))
        turn->customer = arena_copy(batch->arena, *customer, sizeof(**customer));
    if (instrument && is_its_own(turn, instrument->merchant, instrument->live))
        turn->instrument = instrument;
    if (input->handler->counts_instruments)
        turn->customer_instruments = count_instruments(batch, input->customer);
}

void batch_take_wallet(struct batch *batch, const struct turn *turn)
{
    struct customer **place = customer_of(batch, turn->input->customer);
    if (place && turn->customer)
        *place = turn->customer;
    for (size_t i = 0; i < turn->customers.count; i++)
        customer_list_add(batch->arena, &batch->customers, turn->customers.items[i]);
}
