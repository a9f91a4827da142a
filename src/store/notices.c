/* notices.c - from a notice to the invoice that it is about.
 *
 * A reference counts only within the account that the notice came to: nobody's notice can
 * reach another's payment. */
#include "store/batch.h"
#include "store/db_one.h"

static enum err find_by_id(struct batch *batch, const struct notice *notice,
                           struct operation **out)
{
    struct operation_id id;
    if (!operation_id_parse(notice->reference, &id))
        return OK;
    struct db_value args[] = { DB_ID(id), DB_ID(notice->gateway_account) };
    return db_select(batch->db, &table_operations, "id = $1 AND gateway_account = $2", args, 2,
                     batch->arena, db_keep_row, out);
}

static enum err find_by_reference(struct batch *batch, const struct notice *notice,
                                  struct operation **out)
{
    struct db_value args[] = { DB_ID(notice->gateway_account), DB_STR(notice->reference) };
    if (*out || str_is_empty(notice->reference))
        return OK;
    return db_select(batch->db, &table_operations, "gateway_account = $1 AND reference = $2",
                     args, 2, batch->arena, db_keep_row, out);
}

static enum err find_payment(struct batch *batch, const struct notice *notice,
                             struct payment **out)
{
    struct db_value args[] = { DB_ID(notice->gateway_account),
                               DB_STR(notice->gateway_reference) };
    if (str_is_empty(notice->gateway_reference))
        return OK;
    return db_select(batch->db, &table_payments,
                     "gateway_account = $1 AND gateway_reference = $2", args, 2, batch->arena,
                     db_keep_row, out);
}

static enum err locate(struct batch *batch, size_t at)
{
    const struct notice *notice = batch->notices[at];
    struct operation *operation = NULL;
    struct payment *payment = NULL;
    enum err err = find_by_id(batch, notice, &operation);
    if (!err)
        err = find_by_reference(batch, notice, &operation);
    if (!err && !operation)
        err = find_payment(batch, notice, &payment);
    if (operation) {
        batch->targets[at] = operation->invoice;
        batch->named[at] = operation->id;
    } else if (payment) {
        batch->targets[at] = payment->invoice;
    }
    return err;
}

enum err batch_load_notices(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct turn_input *input = batch->turns[i]->input;
        if (input->handler->target != TARGET_NOTICE)
            continue;
        enum err err = db_load(batch->db, &table_notices, "id", &input->notice.id, 1, NULL, true,
                               batch->arena, db_keep_row, &batch->notices[i]);
        if (!err && batch->notices[i])
            err = locate(batch, i);
        if (err)
            return err;
    }
    return OK;
}
