/* jobs.c - the work that the clock drives: how much is due, pausing and resuming it, running it
 * once. It is the whole installation's, so it takes a key that only its command line makes. */
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/job.h"
#include "store/query_jobs.h"

/* All jobs, and the moment for which it is told what is due. */
struct jobs_now {
    struct job_table table;
    int64_t now_ms;
};

static enum err read_all(const struct read_ask *ask, struct db *db, struct jobs_now *out)
{
    enum err err = db_now(db, &out->now_ms);
    return err ? err : query_jobs(db, ask->arena, &out->table);
}

static enum err write_job(struct db *db, struct json_out *out, enum job_kind kind,
                          const struct jobs_now *jobs)
{
    const struct job_row *row = &jobs->table.rows[kind];
    struct job_due due = { 0 };

    enum err err = query_job_due(db, kind, row, jobs->now_ms, &due);
    if (!err)
        render_job(out, NULL, kind, row, &due);
    return err;
}

static enum err run_jobs(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct jobs_now jobs = { 0 };

    enum err err = read_all(ask, db, &jobs);
    list_open(out);
    for (unsigned kind = 1; !err && kind < JOB_COUNT; kind++)
        err = write_job(db, out, (enum job_kind)kind, &jobs);
    list_close_at(out, (struct str){ 0 });
    return err;
}

/* GET /v1/jobs */
const struct reading read_jobs = { .run = run_jobs };

static enum err run_job(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    enum job_kind kind = job_of(ask->call->segment);
    struct jobs_now jobs = { 0 };

    enum err err = kind == JOB_NONE ? ERR_NOT_FOUND : read_all(ask, db, &jobs);
    return err ? err : write_job(db, out, kind, &jobs);
}

/* GET /v1/jobs/{name} */
const struct reading read_job = { .run = run_job };

static enum err ask_about(struct call *call, struct desk_turn *turn,
                          const struct turn_handler *handler)
{
    turn->input.handler = handler;
    turn->input.job = job_of(call->segment);
    if (turn->input.job == JOB_NONE)
        return trouble_say(&call->trouble, ERR_NOT_FOUND, "There is no job of this name.");
    return OK;
}

static const struct field pause_fields[] = {
    FIELD(struct job_pause, note, TEXT, .most = DESCRIPTION_MAX, .required = true),
};

/* POST /v1/jobs/{name}/pause */
enum err job_pause_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    struct job_pause *ask = ARENA_NEW(&turn->arena, struct job_pause);

    turn->input.ask = ask;
    enum err err = ask_about(call, turn, &turn_job_pause);
    return err ? err : fields_read(FIELDS(pause_fields), json, "", ask, &call->trouble);
}

static enum err ask_bare(struct call *call, const struct json *json, struct desk_turn *turn,
                         const struct turn_handler *handler)
{
    enum err err = ask_about(call, turn, handler);
    return err ? err : fields_read(NULL, 0, json, "", NULL, &call->trouble);
}

/* POST /v1/jobs/{name}/resume */
enum err job_resume_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    return ask_bare(call, json, turn, &turn_job_resume);
}

/* POST /v1/jobs/{name}/run */
enum err job_run_ask(struct call *call, const struct json *json, struct desk_turn *turn)
{
    return ask_bare(call, json, turn, &turn_job_run);
}
