/* jobs.c - the work that the clock drives: how much is due, pausing and resuming it, running it
 * once. It is the whole installation's, so it takes a key that only its command line makes. */
#include "api/fields.h"
#include "api/reads.h"
#include "api/resources.h"
#include "core/job.h"
#include "store/db_one.h"
#include "store/query_jobs.h"

static enum err write_job(const struct read_ask *ask, struct db *db, struct json_out *out,
                          enum job_kind kind, const struct job_table *table)
{
    struct job_due due = { 0 };
    int64_t now_ms = 0;
    enum err err = db_now(db, &now_ms);

    (void)ask;
    if (!err)
        err = query_job_due(db, kind, &table->rows[kind], now_ms, &due);
    if (!err)
        render_job(out, NULL, kind, &table->rows[kind], &due);
    return err;
}

static enum err run_jobs(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    struct job_table table;

    enum err err = query_jobs(db, ask->arena, &table);
    list_open(out);
    for (unsigned kind = 1; !err && kind < JOB_COUNT; kind++)
        err = write_job(ask, db, out, (enum job_kind)kind, &table);
    list_close_at(out, (struct str){ 0 });
    return err;
}

/* GET /v1/jobs */
const struct reading read_jobs = { .run = run_jobs };

static enum err run_job(const struct read_ask *ask, struct db *db, struct json_out *out)
{
    enum job_kind kind = job_of(ask->call->segment);
    struct job_table table;

    enum err err = kind == JOB_NONE ? ERR_NOT_FOUND : query_jobs(db, ask->arena, &table);
    return err ? err : write_job(ask, db, out, kind, &table);
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
