/* job.c - what people decide about jobs, and what jobs say of themselves. */
#include "core/job.h"

#include <assert.h>

#include "core/audit.h"
#include "core/turn.h"

#define OBJECT_MAX ((size_t)16 * 1024)

const struct job_terms job_terms[JOB_COUNT] = {
#define X(NAME, name, every_ms, batch, at_once, what)                                    \
    [JOB_##NAME] = { #name, every_ms, batch, at_once, what },
    JOBS(X)
#undef X
};

enum job_kind job_of(struct str name)
{
    for (unsigned kind = 1; kind < JOB_COUNT; kind++)
        if (str_equal_c(name, job_terms[kind].name))
            return (enum job_kind)kind;
    return JOB_NONE;
}

void render_job(struct json_out *out, const char *name, enum job_kind kind,
                const struct job_row *row, const struct job_due *due)
{
    const struct job_terms *terms = &job_terms[kind];
    json_open_object(out, name);
    json_put_text(out, "object", STR("job"));
    json_put_text(out, "name", str_of(terms->name));
    json_put_text(out, "what", str_of(terms->what));
    if (terms->every_ms)
        json_put_int(out, "every_seconds", terms->every_ms / SECOND_MS);
    else
        json_put_null(out, "every_seconds");
    json_put_int(out, "batch", terms->batch);
    json_put_int(out, "at_once", terms->at_once);
    json_put_text(out, "status", row->paused_ms ? STR("paused") : STR("active"));
    json_put_time(out, "paused_at", row->paused_ms);
    json_put_text_or_null(out, "paused_by", row->paused_by);
    json_put_text_or_null(out, "note", row->note);
    if (due->known)
        json_put_int(out, "due", due->count);
    else
        json_put_null(out, "due");
    json_put_time(out, "oldest_due_at", due->oldest_ms);
    json_put_time(out, "asked_at", row->asked_ms);
    json_put_text_or_null(out, "asked_by", row->asked_by);
    json_put_time(out, "next_run_at", row->due_ms);
    json_put_time(out, "started_at", row->started_ms);
    json_put_time(out, "ended_at", row->ended_ms);
    json_put_int(out, "done", row->done);
    json_put_int(out, "failed", row->failed);
    json_put_int(out, "done_total", row->done_total);
    json_put_int(out, "failed_total", row->failed_total);
    json_put_text_or_null(out, "detail", row->detail);
    json_close_object(out);
}

/* What is due was not counted for it. */
static struct str job_text(struct turn *turn)
{
    const struct job_due unknown = { 0 };
    struct buf text;
    struct json_out out;
    buf_init(&text, turn->arena, OBJECT_MAX);
    json_begin(&out, &text);
    render_job(&out, NULL, turn->input->job, turn->job, &unknown);
    json_done(&out);
    assert(buf_ok(&text));
    return buf_str(&text);
}

/* Decided: in the audit log, with the commit that carries it out. */
static enum err decided(struct turn *turn)
{
    row_touch(&turn->job->row);
    struct str text = job_text(turn);
    audit_record_common(turn, turn->input->handler->name, turn->job->name, text);
    turn_answer_now(turn, 200, text);
    return OK;
}

static enum err job_pause(struct turn *turn)
{
    const struct job_pause *ask = turn->input->ask;
    struct job_row *job = turn->job;
    if (job->paused_ms != 0)
        return turn_fail(turn, ERR_CONFLICT, "The job %s is paused already.",
                         job_terms[turn->input->job].name);
    job->paused_ms = turn->now_ms;
    job->paused_by = turn->input->actor;
    job->note = ask->note;
    return decided(turn);
}

static enum err job_resume(struct turn *turn)
{
    struct job_row *job = turn->job;
    if (job->paused_ms == 0)
        return turn_fail(turn, ERR_CONFLICT, "The job %s is not paused.",
                         job_terms[turn->input->job].name);
    job->paused_ms = 0;
    job->paused_by = job->note = (struct str){ 0 };
    return decided(turn);
}

static enum err job_run(struct turn *turn)
{
    turn->job->asked_ms = turn->now_ms;
    turn->job->asked_by = turn->input->actor;
    return decided(turn);
}

static enum err job_begin(struct turn *turn)
{
    const struct job_begin *ask = turn->input->ask;
    struct job_row *job = turn->job;
    if (!run_id_equal(job->run, ask->seen_run) || job->started_ms != ask->seen_started_ms)
        return turn_fail(turn, ERR_CONFLICT, "Another node has begun it.");
    job->run = turn->input->run;
    job->started_ms = turn->now_ms;
    job->ended_ms = 0;
    row_touch(&job->row);
    turn_answer_nothing(turn);
    return OK;
}

static enum err job_note(struct turn *turn)
{
    const struct job_note *ask = turn->input->ask;
    struct job_row *job = turn->job;
    job->run = (struct run_id){ { { 0 } } };
    if (ask->started_ms != 0)
        job->started_ms = ask->started_ms;
    job->ended_ms = turn->now_ms;
    job->done = ask->done;
    job->failed = ask->failed;
    job->done_total += ask->done;
    job->failed_total += ask->failed;
    job->detail = ask->detail;
    if (ask->due_ms != 0)
        job->due_ms = ask->due_ms;
    if (job->asked_ms != 0 && job->asked_ms <= ask->asked_ms) {
        job->asked_ms = 0;
        job->asked_by = (struct str){ 0 };
    }
    row_touch(&job->row);
    turn_answer_nothing(turn);
    return OK;
}

const struct turn_handler turn_job_pause = { "job.pause", TARGET_NOTHING, .wants_job = true,
                                             .handle = job_pause };
const struct turn_handler turn_job_resume = { "job.resume", TARGET_NOTHING, .wants_job = true,
                                              .handle = job_resume };
const struct turn_handler turn_job_run = { "job.run", TARGET_NOTHING, .wants_job = true,
                                           .handle = job_run };
const struct turn_handler turn_job_begin = { "job.begin", TARGET_NOTHING, .wants_job = true,
                                             .handle = job_begin };
const struct turn_handler turn_job_note = { "job.note", TARGET_NOTHING, .wants_job = true,
                                            .handle = job_note };
