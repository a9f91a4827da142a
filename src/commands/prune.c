/* prune.c - `purser prune`: takes out of the books what is older than retention_days. */
#include "store/prune.h"

#include <inttypes.h>

#include "base/time.h"
#include "commands/command.h"
#include "commands/installation.h"

#define TELL_US (2 * INT64_C(1000000))

struct pruning {
    struct cli *cli;
    int64_t told_us;
};

/* For somebody who waits: a line on stderr every other second. */
static bool tell(void *self, const struct prune_report *so_far)
{
    struct pruning *pruning = self;
    const struct world *world = pruning->cli->world;
    int64_t now_us = outside_monotonic_us(world->outside);

    if (now_us - pruning->told_us < TELL_US)
        return true;
    pruning->told_us = now_us;
    fprintf(world->err, "...");
#define X(name, what)                                                                              \
    if (so_far->name > 0)                                                                          \
        fprintf(world->err, " %s %" PRId64, #name, so_far->name);
    PRUNE_COUNTS(X)
#undef X
    fputc('\n', world->err);
    return true;
}

static void print_month(const struct cli *cli, const struct prune_month *month)
{
    FILE *out = cli->world->out;
    struct str name = period_text(month->period, cli->arena);

    if (month->dropped)
        fprintf(out, "month       %10.*s  dropped\n", STR_ARG(name));
    else
        fprintf(out, "month       %10.*s  stays for %" PRId64 " invoices: %.*s\n", STR_ARG(name),
                month->waiting, STR_ARG(month->reason));
}

static void print_report(const struct cli *cli, const struct prune_report *report)
{
    FILE *out = cli->world->out;

#define X(name, what) fprintf(out, "%-11s %10" PRId64 "  %s\n", #name, report->name, what);
    PRUNE_COUNTS(X)
#undef X
    if (report->reason.len > 0)
        fprintf(out, "%-11s %10s  the first: %.*s\n", "", "", STR_ARG(report->reason));
    for (size_t i = 0; i < report->months.count; i++)
        print_month(cli, report->months.items[i]);
}

static enum exit_code prune(struct cli *cli, struct db *db, int64_t days)
{
    struct pruning pruning = { cli, outside_monotonic_us(cli->world->outside) };
    struct prune_plan plan = { .dry_run = cli_has(cli, "dry-run"), .self = &pruning,
                               .go_on = tell };
    struct prune_report report = { 0 };
    int64_t now_ms = 0;
    enum err err = db_now(db, &now_ms);

    plan.before_ms = now_ms - days * DAY_MS;
    if (err == OK)
        err = prune_run(db, &plan, cli->arena, &report);
    if (err != OK)
        return cli_fail_err(cli, err, str_copy(cli->arena, db_error(db)));
    print_report(cli, &report);
    if (report.invariant == NULL)
        return EXIT_OK;
    return cli_fail(cli, EXIT_NO, "%s is broken by %.*s: %.*s; its history stays. Run purser "
                    "doctor --deep", report.invariant, STR_ARG(report.row),
                    STR_ARG(report.wrong));
}

static enum exit_code run(struct cli *cli)
{
    struct installation installation = { 0 };
    struct db *reader = NULL;
    struct str why = { 0 };
    int64_t days = 0;
    bool dry_run = cli_has(cli, "dry-run");

    if (!str_to_i64(cli_setting(cli, SETTING_RETENTION_DAYS), &days))
        return cli_fail(cli, EXIT_COULD_NOT, "everything is kept for ever: retention_days is not "
                        "set");
    enum err err = dry_run ? installation_open_reader(&cli->settings, cli->world->outside,
                                                      cli->arena, &reader, &why)
                           : installation_open(&cli->settings, cli->world->outside, cli->arena,
                                               &installation, &why);
    if (err != OK)
        return cli_fail_err(cli, err, why);
    enum exit_code code = prune(cli, dry_run ? reader : store_db(installation.store), days);
    if (dry_run)
        db_close(reader);
    else
        installation_close(&installation);
    return code;
}

static const struct option options[] = {
    { "dry-run", NULL, false, "Change nothing; say what would go, and what waits for what." },
    { 0 },
};

const struct command command_prune = {
    .name = "prune",
    .operands = "",
    .summary = "take out of the books what is older than retention_days",
    .about = "Idempotency keys, gateways' notifications, webhook deliveries that ended, and\n"
             "the history (events, operations, attempts) of payments that are final. Payments,\n"
             "refunds and invoices stay for ever. Works beside running servers; cut off, it goes\n"
             "on where it stopped when it is started again. A running server does it by itself,\n"
             "once a day. Exit code 1: some history was found broken; it stays.",
    .examples = { "purser prune --data ./data --retention-days 400 --dry-run",
                  "purser prune --data ./data" },
    .options = options,
    .settings = SETTING_GROUP_SERVE,
    .run = run,
};
