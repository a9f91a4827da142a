/* jobs.c - the table of jobs. */
#include "jobs/jobs.h"

#include <assert.h>

const struct job *const jobs[JOB_COUNT] = {
#define X(NAME, name, every_ms, batch, at_once, what) [JOB_##NAME] = &job_##name,
    JOBS(X)
#undef X
};

struct turn_input *job_found_add(struct job_found *found, const struct turn_handler *handler)
{
    struct turn_input *input = ARENA_NEW(found->arena, struct turn_input);
    input->handler = handler;
    turn_input_list_add(found->arena, &found->inputs, input);
    return input;
}

void job_found_next(struct job_found *found, int64_t due_ms)
{
    if (due_ms != 0 && (found->next_due_ms == 0 || due_ms < found->next_due_ms))
        found->next_due_ms = due_ms;
}

enum err job_found_next_row(void *found, const struct db_value *values, size_t count)
{
    assert(count == 1);
    if (values[0].type == DB_INT)
        job_found_next(found, values[0].number);
    return OK;
}

enum err job_find_rows(const struct job_rows *rows, struct db *db, int64_t now_ms, size_t limit,
                       struct job_found *found)
{
    const struct id after = found->place.id;
    struct db_value args[] = { DB_NUMBER(now_ms), DB_NUMBER((int64_t)limit),
                               DB_NUMBER(found->place.due_ms), DB_ID(after) };
    enum err err = db_select(db, rows->table, rows->due, args, 4, found->arena, rows->add, found);
    found->more = found->inputs.count == limit;
    return err ? err : db_query(db, rows->next, args, 1, job_found_next_row, found);
}
