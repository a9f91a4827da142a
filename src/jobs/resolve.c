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
    assert(value->type == DB_BYTES && value->bytes.len == sizeof(id.bytes));
    for (size_t i = 0; i < sizeof(id.bytes); i++)
        id.bytes[i] = (uint8_t)value->bytes.ptr[i];
    return id;
}

static enum err add_due(void *self, const struct db_value *values, size_t count)
{
    struct job_found *found = self;
    assert(count == 3);
    struct turn_input *input = job_found_add(found, &turn_operation_due);
    struct operation_due *ask = ARENA_NEW(found->arena, struct operation_due);
    input->operation.id = id_of_value(&values[0]);
    input->invoice.id = id_of_value(&values[1]);
    if (values[2].type == DB_BYTES)
        ask->lapsed_run.id = id_of_value(&values[2]);
    input->ask = ask;
    return OK;
}

static enum err find(struct db *db, int64_t now_ms, size_t limit, struct job_found *found)
{
    struct db_value args[] = { DB_NUMBER(now_ms), DB_NUMBER((int64_t)limit) };
    enum err err = db_query(db,
                            "SELECT o.id, o.invoice, o.run FROM runs r JOIN operations o"
                            " ON o.run = r.id AND o.state = 'sending'"
                            " WHERE r.lapses_ms < $1 LIMIT $2",
                            args, 2, add_due, found);
    if (!err)
        err = db_query(db,
                       "SELECT id, invoice, NULL FROM operations WHERE due_ms IS NOT NULL"
                       " AND due_ms <= $1 ORDER BY due_ms LIMIT $2",
                       args, 2, add_due, found);
    if (!err)
        err = db_query(db,
                       "SELECT min(due_ms) FROM operations WHERE due_ms IS NOT NULL"
                       " AND due_ms > $1",
                       args, 1, job_found_next_row, found);
    return err;
}

const struct job job_resolve = {
    .name = "resolve",
    .what = "Asks again about operations whose outcome is unknown, and repeats those not sent.",
    .find = find,
};
