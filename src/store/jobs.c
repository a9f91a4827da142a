/* jobs.c - rows of jobs that the turns of a batch are about. A job has none before its first
 * change, so it is made here; from then on it is held against other writers. */
#include "store/batch.h"
#include "store/db_one.h"

static enum err hold(struct batch *batch, enum job_kind kind)
{
    struct job_row fresh = { .name = str_of(job_terms[kind].name) };
    const void *rows[] = { &fresh };
    struct db_value name = DB_STR(fresh.name);
    bool made = false;
    enum err err = db_insert_new(batch->db, &table_jobs, rows, 1, &made);
    if (!err)
        err = db_query(batch->db, "UPDATE jobs SET name = name WHERE name = $1", &name, 1, NULL,
                       NULL);
    if (!err)
        err = db_select(batch->db, &table_jobs, "name = $1", &name, 1, batch->arena, db_keep_row,
                        &batch->jobs[kind]);
    return err;
}

/* In the order of the table, so that nobody waits in a circle. */
enum err batch_load_jobs(struct batch *batch)
{
    bool wanted[JOB_COUNT] = { 0 };
    enum err err = OK;
    for (size_t i = 0; i < batch->count; i++) {
        const struct turn_input *input = batch->turns[i]->input;
        if (input->handler->wants_job)
            wanted[input->job] = true;
    }
    for (unsigned kind = 1; !err && kind < JOB_COUNT; kind++)
        if (wanted[kind])
            err = hold(batch, (enum job_kind)kind);
    return err;
}

/* A turn works on a copy of what an earlier turn of the batch left. */
void batch_give_job(const struct batch *batch, struct turn *turn)
{
    const struct job_row *job = batch->jobs[turn->input->job];
    if (job && turn->input->handler->wants_job)
        turn->job = arena_copy(batch->arena, job, sizeof(*job));
}

void batch_take_job(struct batch *batch, const struct turn *turn)
{
    if (turn->job)
        batch->jobs[turn->input->job] = turn->job;
}

enum err batch_flush_jobs(struct batch *batch)
{
    enum err err = OK;
    for (unsigned kind = 1; !err && kind < JOB_COUNT; kind++) {
        const void *row = batch->jobs[kind];
        if (row && batch->jobs[kind]->row == ROW_CHANGED)
            err = db_update(batch->db, &table_jobs, &row, 1);
    }
    return err;
}
