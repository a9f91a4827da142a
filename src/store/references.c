/* references.c - the numbers by which some gateways want orders to be called, taken in the
 * transaction that records the operations which carry them.
 *
 * A gateway that takes digits only may compare no more than the last six of them. A counter
 * per account that never goes back gives a million numbers before those repeat. A turn that
 * is thrown away gives its numbers back with the rest of its transaction. */
#include <assert.h>

#include "core/account.h"
#include "store/batch.h"

#define DIGITS_LEAST 9

static const struct gateway *gateway_of(const struct batch *batch, struct str name)
{
    for (const struct gateway *const *at = batch->gateways; *at; at++)
        if (str_equal_c(name, (*at)->name))
            return *at;
    return NULL;
}

static enum err take_number(struct batch *batch, const struct gateway_account *account,
                            const struct gateway *gateway, int64_t *out)
{
    struct account_settings settings = account_settings(account, gateway, batch->arena);
    struct buf name;
    int64_t count = 0;

    buf_init(&name, batch->arena, ID_TEXT_MAX);
    buf_add_c(&name, "reference:");
    gateway_account_id_write(&name, account->id);
    enum err err = db_take_numbers(batch->db, buf_c(&name), 1, &count);
    if (!err)
        *out = settings.reference_from - 1 + count;
    return err;
}

static bool wants_number(const struct operation *operation)
{
    return operation->row == ROW_NEW && operation->kind == OPERATION_KIND_AUTHORIZE
           && str_is_empty(operation->reference);
}

static enum err give_reference(struct batch *batch, struct turn *turn, struct operation *operation)
{
    const struct gateway_account *account = turn_account(turn, operation->gateway_account);
    struct payment *payment = books_payment(turn->books, operation->payment);
    assert(account && payment);
    const struct gateway *gateway = gateway_of(batch, account->gateway);
    int64_t number = 0;

    assert(gateway);
    if (gateway->references != GW_REFERENCE_DIGITS)
        return OK;
    enum err err = take_number(batch, account, gateway, &number);
    if (err)
        return err;
    operation->reference = str_format(batch->arena, "%0*lld", DIGITS_LEAST, (long long)number);
    payment->order_reference = operation->reference;
    return OK;
}

enum err batch_give_references(struct batch *batch, struct turn *turn)
{
    enum err err = OK;
    for (size_t i = 0; !err && turn->books && i < turn->books->operations.count; i++)
        if (wants_number(turn->books->operations.items[i]))
            err = give_reference(batch, turn, turn->books->operations.items[i]);
    return err;
}
