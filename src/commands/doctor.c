/* doctor.c - `purser doctor`: whether all is well, and what to do where it is not. Reads only,
 * beside a running server too. */
#include <assert.h>

#include "base/buf.h"
#include "base/json.h"
#include "commands/command.h"
#include "commands/doctor_checks.h"
#include "commands/installation.h"
#include "store/checker.h"

#define REPORT_MAX (1 << 16)

struct doctor {
    struct cli *cli;
    struct buf buf; /* the JSON, printed at the end */
    struct json_out json;
    enum exit_code code;
};

static bool as_json(const struct doctor *doctor)
{
    return cli_has(doctor->cli, "json");
}

/* "Could not" outweighs "failed", which outweighs "ok". */
static void worsen(struct doctor *doctor, enum exit_code code)
{
    if (code > doctor->code)
        doctor->code = code;
}

static void report(struct doctor *doctor, const char *name, const struct doctor_finding *finding)
{
    FILE *out = doctor->cli->world->out;
    struct json_out *json = &doctor->json;

    if (finding->status == DOCTOR_FAILED)
        worsen(doctor, EXIT_NO);
    if (!as_json(doctor)) {
        fprintf(out, "%-8s %-18s  %.*s\n", doctor_status_text(finding->status), name,
                STR_ARG(finding->detail));
        if (finding->advice.len > 0)
            fprintf(out, "%-8s %-18s  -> %.*s\n", "", "", STR_ARG(finding->advice));
        return;
    }
    json_open_object(json, NULL);
    json_put_text(json, "name", str_of(name));
    json_put_text(json, "status", str_of(doctor_status_text(finding->status)));
    json_put_text(json, "detail", finding->detail);
    json_put_text_or_null(json, "advice", finding->advice);
    json_close_object(json);
}

static void run_check(struct doctor *doctor, const struct doctor_check *check, struct db *db)
{
    struct doctor_finding finding = { 0 };

    bool found_out = check->look(doctor->cli, db, &finding);
    report(doctor, check->name, &finding);
    if (!found_out)
        worsen(doctor, EXIT_COULD_NOT);
}

static struct str count_text(struct arena *arena, const struct checker_report *report)
{
    struct buf text;

    buf_init(&text, arena, 512);
#define X(name) buf_addf(&text, "%s%lld " #name, text.len > 0 ? ", " : "", (long long)report->name);
    CHECKER_COUNTS(X)
#undef X
    return buf_str(&text);
}

static void check_deep(struct doctor *doctor, struct db *db)
{
    struct arena *arena = doctor->cli->arena;
    struct checker_report found = { 0 };
    struct doctor_finding finding = { 0 };

    if (checker_run(db, arena, &found) != OK) {
        finding.status = DOCTOR_FAILED;
        finding.detail = str_copy(arena, db_error(db));
        worsen(doctor, EXIT_COULD_NOT);
    } else if (found.invariant != NULL) {
        finding.status = DOCTOR_FAILED;
        finding.detail = str_format(arena, "%s broken by %.*s: %.*s (after %.*s)", found.invariant,
                                    STR_ARG(found.row), STR_ARG(found.wrong),
                                    STR_ARG(count_text(arena, &found)));
        finding.advice = STR("stop purser, keep a copy of the data directory, report a bug");
    } else {
        finding.detail = str_format(arena, "hold in %.*s", STR_ARG(count_text(arena, &found)));
    }
    report(doctor, "invariants", &finding);
}

static void check_all(struct doctor *doctor)
{
    struct cli *cli = doctor->cli;
    const struct doctor_check *check = doctor_checks;
    struct str why = { 0 };
    struct db *db = NULL;

    for (; check->name != NULL && !check->needs_books; check++)
        run_check(doctor, check, NULL);
    enum err err = installation_open_reader(&cli->settings, cli->world->outside, cli->arena, &db,
                                            &why);
    if (err != OK) {
        const struct doctor_finding finding = { DOCTOR_FAILED, why, { 0 } };
        report(doctor, "books", &finding);
        cli_fail_err(cli, err, why);
        worsen(doctor, EXIT_COULD_NOT);
        return;
    }
    for (; check->name != NULL; check++)
        run_check(doctor, check, db);
    if (cli_has(cli, "deep"))
        check_deep(doctor, db);
    db_close(db);
}

static enum exit_code run_doctor(struct cli *cli)
{
    struct doctor doctor = { .cli = cli, .code = EXIT_OK };

    buf_init(&doctor.buf, cli->arena, REPORT_MAX);
    json_begin(&doctor.json, &doctor.buf);
    json_open_object(&doctor.json, NULL);
    json_open_array(&doctor.json, "checks");
    check_all(&doctor);
    json_close_array(&doctor.json);
    json_put_bool(&doctor.json, "ok", doctor.code == EXIT_OK);
    json_close_object(&doctor.json);
    json_done(&doctor.json);
    assert(buf_ok(&doctor.buf));
    if (as_json(&doctor))
        fprintf(cli->world->out, "%.*s\n", STR_ARG(buf_str(&doctor.buf)));
    return doctor.code;
}

static const struct option options[] = {
    { "deep", NULL, false, "Read all books and check that the invariants hold." },
    { "json", NULL, false, "Print {\"checks\": [...], \"ok\": ...}." },
    { 0 },
};

const struct command command_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "check the installation and say what to do",
    .about = "Exit code 0 when all is well (warnings included), 1 when a check failed, 2 when one\n"
             "could not be made. --deep names the first row that breaks an invariant and says how\n"
             "much was read.",
    .examples = { "purser doctor --data ./data", "purser doctor --data ./data --deep --json" },
    .options = options,
    .settings = SETTING_GROUP_BOOKS,
    .run = run_doctor,
};
