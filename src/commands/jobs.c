/* jobs.c - `purser jobs`: the work that the clock drives. Listing, pausing and resuming are done
 * in the books, whether a server runs or not; a run is asked of the running server. */

#include "base/time.h"
#include "commands/installation.h"
#include "commands/owner.h"
#include "commands/product_wait.h"
#include "core/job.h"
#include "core/keys.h"
#include "store/query_jobs.h"

#define NOTE_MAX 1000
#define OBJECT_MAX ((size_t)16 * 1024)

/* The job that the first operand names. */
static bool read_job(struct cli *cli, enum job_kind *out)
{
    char bytes[256];
    struct buf names;

    *out = job_of(cli->operands[0]);
    if (*out != JOB_NONE)
        return true;
    buf_fixed(&names, bytes, sizeof bytes);
    for (unsigned kind = 1; kind < JOB_COUNT; kind++)
        buf_addf(&names, "%s%s", kind > 1 ? ", " : "", job_terms[kind].name);
    (void)cli_fail(cli, EXIT_COULD_NOT, "there is no job \"%.*s\"; they are: %s",
                   STR_ARG(cli->operands[0]), buf_c(&names));
    return false;
}

/* List. */

static struct str age_text(struct arena *arena, int64_t since_ms, int64_t now_ms)
{
    int64_t seconds = since_ms != 0 && since_ms < now_ms ? (now_ms - since_ms) / SECOND_MS : 0;

    if (since_ms == 0)
        return STR("-");
    if (seconds < 120)
        return str_format(arena, "%lld s", (long long)seconds);
    if (seconds < 7200)
        return str_format(arena, "%lld min", (long long)(seconds / 60));
    return str_format(arena, "%lld h", (long long)(seconds / 3600));
}

static struct str moment(struct arena *arena, int64_t time_ms)
{
    struct buf text;

    buf_init(&text, arena, 32);
    if (time_ms == 0)
        buf_add_char(&text, '-');
    else
        time_write(&text, time_ms);
    return buf_str(&text);
}

static void print_job(struct cli *cli, enum job_kind kind, const struct job_row *row,
                      const struct job_due *due, int64_t now_ms)
{
    const struct job_terms *terms = &job_terms[kind];
    FILE *out = cli->world->out;

    fprintf(out, "%-15s %-7s %-7s %6lld  %-7.*s %-24.*s %8lld %6lld  %s\n", terms->name,
            row->paused_ms ? "paused" : "active",
            terms->every_ms ? str_c(cli->arena, age_text(cli->arena, 1, terms->every_ms + 1))
                            : "by row",
            (long long)due->count, STR_ARG(age_text(cli->arena, due->oldest_ms, now_ms)),
            STR_ARG(moment(cli->arena, row->ended_ms)), (long long)row->done_total,
            (long long)row->failed_total, terms->what);
    if (row->paused_ms != 0)
        fprintf(out, "%-15s since %.*s by %.*s: %.*s\n", "", STR_ARG(moment(cli->arena,
                row->paused_ms)), STR_ARG(row->paused_by), STR_ARG(row->note));
    if (!str_is_empty(row->detail))
        fprintf(out, "%-15s last time: %.*s\n", "", STR_ARG(row->detail));
}

static void print_json(struct cli *cli, enum job_kind kind, const struct job_row *row,
                       const struct job_due *due)
{
    struct buf text;
    struct json_out json;

    buf_init(&text, cli->arena, OBJECT_MAX);
    json_begin(&json, &text);
    render_job(&json, NULL, kind, row, due);
    json_done(&json);
    fprintf(cli->world->out, "%.*s\n", STR_ARG(buf_str(&text)));
}

static enum err list(struct cli *cli, struct db *db, struct str *why)
{
    struct job_table table;
    int64_t now_ms = 0;

    (void)why;
    enum err err = db_now(db, &now_ms);
    if (err == OK)
        err = query_jobs(db, cli->arena, &table);
    if (err == OK && !cli_has(cli, "json"))
        fprintf(cli->world->out, "%-15s %-7s %-7s %6s  %-7s %-24s %8s %6s  %s\n", "job", "state",
                "every", "due", "oldest", "last run", "done", "failed", "what it does");
    for (unsigned i = 1; err == OK && i < JOB_COUNT; i++) {
        enum job_kind kind = (enum job_kind)i;
        struct job_due due = { 0 };
        err = query_job_due(db, kind, &table.rows[kind], now_ms, &due);
        if (err == OK && cli_has(cli, "json"))
            print_json(cli, kind, &table.rows[kind], &due);
        else if (err == OK)
            print_job(cli, kind, &table.rows[kind], &due, now_ms);
    }
    return err;
}

static enum exit_code run_list(struct cli *cli) { return owner_show(cli, list); }

/* Pause and resume. */

static enum exit_code decide(struct cli *cli, const struct turn_handler *handler, const void *ask)
{
    struct turn_input input = { .handler = handler, .ask = ask };
    struct installation installation;
    struct str body = { 0 }, why = { 0 };
    int version = 0;

    if (!read_job(cli, &input.job))
        return EXIT_COULD_NOT;
    enum err err = installation_schema(&cli->settings, cli->world->outside, cli->arena, &version,
                                       &why);
    if (err == OK && version == 0)
        return cli_fail(cli, EXIT_COULD_NOT, "there are no books yet, so no job has work");
    if (err == OK)
        err = installation_open(&cli->settings, cli->world->outside, cli->arena, &installation,
                                &why);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    err = installation_turn(&installation, &input, cli->arena, &body, &why);
    installation_close(&installation);
    if (err == ERR_CONFLICT)
        return cli_fail(cli, EXIT_NO, "%.*s", STR_ARG(why));
    if (err != OK)
        return cli_fail_err(cli, err, why);
    fprintf(cli->world->out, "%.*s\n", STR_ARG(body));
    return EXIT_OK;
}

static enum exit_code run_pause(struct cli *cli)
{
    const struct job_pause ask = { cli_option(cli, "note") };

    if (!str_is_utf8(ask.note) || ask.note.len == 0 || ask.note.len > NOTE_MAX)
        return cli_fail(cli, EXIT_COULD_NOT, "--note must be text of at most %d bytes", NOTE_MAX);
    return decide(cli, &turn_job_pause, &ask);
}

static enum exit_code run_resume(struct cli *cli) { return decide(cli, &turn_job_resume, NULL); }

/* Run. */

static struct str path_of(struct cli *cli, const struct product_answer *begun)
{
    (void)begun;
    return str_format(cli->arena, "/v1/jobs/%.*s", STR_ARG(cli->operands[0]));
}

/* The wish is gone from the row when it was answered. */
static bool has_ended(const struct product_answer *answer)
{
    return str_is_empty(json_text(json_get(answer->json, "asked_at")));
}

static enum exit_code tell(struct cli *cli, const struct product_answer *answer)
{
    struct str detail = json_text(json_get(answer->json, "detail"));
    int64_t done = 0, failed = 0;

    (void)json_int(json_get(answer->json, "done"), &done);
    (void)json_int(json_get(answer->json, "failed"), &failed);
    if (cli_has(cli, "json"))
        fprintf(cli->world->out, "%.*s\n", STR_ARG(answer->body));
    else
        fprintf(cli->world->out, "done %lld, failed %lld%s%.*s\n", (long long)done,
                (long long)failed, detail.len > 0 ? ": " : "", STR_ARG(detail));
    return failed > 0 ? EXIT_NO : EXIT_OK;
}

static enum exit_code run_run(struct cli *cli)
{
    struct product_answer answer = { 0 };
    struct str why = { 0 };
    enum job_kind kind;

    if (!read_job(cli, &kind))
        return EXIT_COULD_NOT;
    const struct product_work work = {
        .begin = str_format(cli->arena, "/v1/jobs/%s/run", job_terms[kind].name),
        .body = STR("{}"),
        .path = path_of,
        .has_ended = has_ended,
    };
    enum err err = product_run(cli, STR("default"), false, KEY_SCOPE_OPERATOR, &work, &answer,
                               &why);
    if (err != OK)
        return cli_fail(cli, EXIT_COULD_NOT, "%.*s", STR_ARG(why));
    return tell(cli, &answer);
}

static const struct option list_options[] = {
    { "json", NULL, false, "One a line, as GET /v1/jobs/{name} shows it." },
    { 0 },
};

static const struct option pause_options[] = {
    { "note", "TEXT", true, "Why, for those who wonder, and for the audit log." },
    { 0 },
};

static const struct option run_options[] = {
    PRODUCT_WAIT_OPTION,
    { "json", NULL, false, "As GET /v1/jobs/{name} shows it." },
    PRODUCT_URL_OPTION,
    { 0 },
};

const struct command command_jobs_list = {
    .name = "jobs list",
    .operands = "",
    .summary = "show the work that the clock drives, and what is due",
    .about = "A line has the job, whether it is paused, how often it runs (by row: each row has a\n"
             "due time of its own), how much is due and since when, when it last did something,\n"
             "and what was done and failed since the books were made.",
    .examples = { "purser jobs list --data ./data", "purser jobs list --data ./data --json" },
    .options = list_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_list,
};

const struct command command_jobs_run = {
    .name = "jobs run",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "run a job now, once, paused or not",
    .about = "Asks the running server and waits for the end. What failed a moment ago is tried as\n"
             "well. Exit code 1: something failed; the log says what.",
    .examples = { "purser jobs run resolve --data ./data",
                  "purser jobs run prune --data ./data --json" },
    .options = run_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_run,
};

const struct command command_jobs_pause = {
    .name = "jobs pause",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "stop a job on all nodes until it is resumed",
    .about = "Kept in the books and in the audit log, and told by purser_jobs_paused. What is due\n"
             "stays due. Works whether a server runs or not; what is under way is finished.",
    .examples = { "purser jobs pause capture --data ./data --note ticket-12",
                  "purser jobs list --data ./data" },
    .options = pause_options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_pause,
};

const struct command command_jobs_resume = {
    .name = "jobs resume",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "let a paused job go on",
    .about = "Running servers notice within two seconds. Exit code 1 when it is not paused.",
    .examples = { "purser jobs resume capture --data ./data", "purser jobs list --data ./data" },
    .settings = SETTING_GROUP_BOOKS,
    .run = run_resume,
};
