/* resolve.c - operations that wait for another look: unknown ones, ones that were
 * proven not sent, and ones whose node is gone while it may have been sending.
 *
 * Each has a due time of its own, so fifty that stay undecided never hide the next. */
#include <assert.h>

#include "core/requests.h"
#include "jobs/jobs.h"

static struct id id_of_value(const struct db_value *value)
{
    struct id id = { { 0 } };
    if (value->type == DB_NULL)
        return id;
    assert(value->type == DB_BYTES && value->bytes.len == sizeof(id.bytes));
    for (size_t i = 0; i < sizeof(id.bytes); i++)
        id.bytes[i] = (uint8_t)value->bytes.ptr[i];
    return id;
}

static struct operation_due *add(struct job_found *found, const struct db_value *values)
{
    struct turn_input *input = job_found_add(found, &turn_operation_due);
    struct operation_due *ask = ARENA_NEW(found->arena, struct operation_due);
    input->operation.id = id_of_value(&values[0]);
    input->invoice.id = id_of_value(&values[1]);
    input->account.id = id_of_value(&values[2]);
    input->ask = ask;
    return ask;
}

static enum err add_due(void *self, const struct db_value *values, size_t count)
{
    struct job_found *found = self;
    assert(count == 4);
    add(found, values);
    found->place.id = id_of_value(&values[0]);
    found->place.due_ms = values[3].number;
    return OK;
}

static enum err add_sending(void *self, const struct db_value *values, size_t count)
{
    struct job_found *found = self;
    assert(count == 4);
    add(found, values)->lapsed_run.id = id_of_value(&values[3]);
    found->place.sending = id_of_value(&values[0]);
    return OK;
}

static enum err find(struct db *db, int64_t now_ms, size_t limit, struct job_found *found)
{
    const struct job_place after = found->place;
    struct db_value sending[] = { DB_NUMBER(now_ms), DB_NUMBER((int64_t)limit),
                                  DB_ID(after.sending) };
    struct db_value args[] = { DB_NUMBER(now_ms), DB_NUMBER((int64_t)limit),
                               DB_NUMBER(after.due_ms), DB_ID(after.id) };
    /* CROSS: SQLite begins with the runs then. By the order it would begin with all operations. */
    enum err err = db_query(db,
                            "SELECT o.id, o.invoice, o.gateway_account, o.run"
                            " FROM runs r CROSS JOIN operations o"
                            " WHERE o.run = r.id AND o.state = 'sending'"
                            " AND r.lapses_ms < $1 AND o.id > $3 ORDER BY o.id LIMIT $2",
                            sending, 3, add_sending, found);
    size_t lost = found->inputs.count;
    if (!err)
        err = db_query(db,
                       "SELECT id, invoice, gateway_account, due_ms FROM operations"
                       " WHERE due_ms IS NOT NULL"
                       " AND due_ms <= $1 AND due_ms >= $3 AND (due_ms > $3 OR id > $4)"
                       " ORDER BY due_ms, id LIMIT $2",
                       args, 4, add_due, found);
    found->more = lost == limit || found->inputs.count - lost == limit;
    if (!err)
        err = db_query(db,
                       "SELECT min(due_ms) FROM operations WHERE due_ms IS NOT NULL"
                       " AND due_ms > $1",
                       args, 1, job_found_next_row, found);
    return err;
}

const struct job job_resolve = {
    .kind = JOB_RESOLVE,
    .find = find,
};
