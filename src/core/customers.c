/* customers.c - turns about payers: made, changed, deleted.
 *
 * They are about no invoice, so no event carries their answer: a claim keeps it itself. */
#include <assert.h>

#include "core/render.h"
#include "core/requests.h"

#define OBJECT_MAX ((size_t)128 * 1024)

static void answer(struct turn *turn, int status, const struct customer *customer)
{
    struct buf text;
    struct json_out out;

    buf_init(&text, turn->arena, OBJECT_MAX);
    json_begin(&out, &text);
    render_customer(&out, NULL, customer);
    json_done(&out);
    assert(buf_ok(&text));
    turn_answer_now(turn, status, buf_str(&text));
}

static enum err customer_create(struct turn *turn)
{
    const struct customer_create *ask = turn->input->ask;
    struct customer *customer = arena_copy(turn->arena, &ask->fields, sizeof(*customer));

    customer->row = ROW_NEW;
    customer->id = customer_id_make(turn->ids, turn->now_ms);
    customer->merchant = turn->input->merchant;
    customer->live = turn->input->live;
    customer->created_ms = customer->updated_ms = turn->now_ms;
    customer_list_add(turn->arena, &turn->customers, customer);
    answer(turn, 201, customer);
    return OK;
}

static enum err find(struct turn *turn)
{
    return turn->customer && turn->customer->deleted_ms == 0
               ? OK : turn_fail(turn, ERR_NOT_FOUND, "There is no such customer in this mode.");
}

static enum err customer_change(struct turn *turn)
{
    const struct customer_change *ask = turn->input->ask;
    struct customer *customer = turn->customer;
    enum err err = find(turn);

    if (err)
        return err;
    if (ask->has_reference)
        customer->reference = ask->reference;
    if (ask->has_name)
        customer->name = ask->name;
    if (ask->has_email)
        customer->email = ask->email;
    if (ask->has_phone)
        customer->phone = ask->phone;
    if (ask->has_description)
        customer->description = ask->description;
    if (ask->has_metadata)
        customer->metadata = ask->metadata;
    customer->updated_ms = turn->now_ms;
    row_touch(&customer->row);
    answer(turn, 200, customer);
    return OK;
}

/* A card that the gateway keeps would be charged by nobody's leave. */
static enum err customer_delete(struct turn *turn)
{
    struct customer *customer = turn->customer;
    enum err err = find(turn);

    if (err)
        return err;
    if (turn->customer_instruments > 0)
        return turn_fail(turn, ERR_CONFLICT,
                         "The customer has %zu saved cards; delete these first.",
                         turn->customer_instruments);
    *customer = (struct customer){
        .row = customer->row,
        .id = customer->id,
        .merchant = customer->merchant,
        .live = customer->live,
        .created_ms = customer->created_ms,
        .updated_ms = turn->now_ms,
        .deleted_ms = turn->now_ms,
    };
    row_touch(&customer->row);
    answer(turn, 200, customer);
    return OK;
}

const struct turn_handler turn_customer_create = { "customer.create", TARGET_NOTHING,
                                                   .handle = customer_create };
const struct turn_handler turn_customer_change = { "customer.change", TARGET_NOTHING,
                                                   .handle = customer_change };
const struct turn_handler turn_customer_delete = { "customer.delete", TARGET_NOTHING,
                                                   .counts_instruments = true,
                                                   .handle = customer_delete };
