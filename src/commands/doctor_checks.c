#include "commands/doctor_checks.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/buf.h"
#include "base/time.h"
#include "commands/installation.h"
#include "store/db_one.h"
#include "store/history.h"
#include "store/periods.h"
#include "store/query_jobs.h"

#define DISK_LOW_MIB 256
#define CLOCK_APART_MS (5 * SECOND_MS)
#define UNKNOWN_OLD_MS HOUR_MS
/* By then it was seen to, or will not be. */
#define CUT_OLD_MS (30 * DAY_MS)
/* No clock that is right shows a moment before this program was written. */
#define CLOCK_EARLIEST_MS INT64_C(1735689600000)

const char *doctor_status_text(enum doctor_status status)
{
    static const char *const texts[] = {
#define X(NAME, text) [DOCTOR_##NAME] = text,
        DOCTOR_STATUSES(X)
#undef X
    };

    assert(status < sizeof(texts) / sizeof(texts[0]));
    return texts[status];
}

static bool find(struct doctor_finding *out, enum doctor_status status, struct str detail,
                 struct str advice)
{
    *out = (struct doctor_finding){ status, detail, advice };
    return true;
}

static bool could_not(struct doctor_finding *out, struct str why)
{
    *out = (struct doctor_finding){ DOCTOR_FAILED, why, { 0 } };
    return false;
}

/* Without the books. */

static bool look_at_directory(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    struct str data = cli_setting(cli, SETTING_DATA);
    struct stat found;

    (void)db;
    if (stat(str_c(cli->arena, data), &found) != 0)
        return could_not(
            out, str_format(cli->arena, "cannot look at %.*s: %s", STR_ARG(data), strerror(errno)));
    if (!S_ISDIR(found.st_mode))
        return find(out, DOCTOR_FAILED,
                    str_format(cli->arena, "%.*s is no directory", STR_ARG(data)),
                    STR("name the data directory with --data"));
    if ((found.st_mode & 077) != 0)
        return find(out, DOCTOR_WARNING,
                    str_format(cli->arena, "%.*s is open to other users", STR_ARG(data)),
                    str_format(cli->arena, "chmod 700 %.*s", STR_ARG(data)));
    return find(out, DOCTOR_OK, data, (struct str){ 0 });
}

static bool look_at_disk(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    struct str data = cli_setting(cli, SETTING_DATA);
    struct statvfs disk;

    (void)db;
    if (statvfs(str_c(cli->arena, data), &disk) != 0)
        return could_not(out, str_format(cli->arena, "cannot look at the disk of %.*s: %s",
                                         STR_ARG(data), strerror(errno)));
    uint64_t free_mib = (uint64_t)disk.f_bavail * disk.f_frsize >> 20;
    struct str detail = str_format(cli->arena, "%llu MiB free", (unsigned long long)free_mib);
    if (free_mib < DISK_LOW_MIB)
        return find(out, DOCTOR_WARNING, detail,
                    STR("free some space: with a full disk every request gets 503"));
    return find(out, DOCTOR_OK, detail, (struct str){ 0 });
}

/* With the books. */

static bool look_at_key(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    struct str path = cli_setting(cli, SETTING_INSTALLATION_KEY_FILE);
    enum installation_key_origin origin = KEY_FROM_FILE;
    struct secret key = { 0 };
    struct str why = { 0 };
    struct stat found;

    enum err err = installation_key(&cli->settings, cli->world->outside, false, cli->arena, &key,
                                    &origin, &why);
    if (err == OK)
        err = installation_key_check(db, &key, false, cli->arena, &why);
    secret_done(&key);
    if (err != OK)
        return find(out, DOCTOR_FAILED, why, STR("restore the key that belongs to these books"));
    if (origin == KEY_FROM_ENVIRONMENT)
        return find(out, DOCTOR_OK, STR("from the environment"), (struct str){ 0 });
    if (stat(str_c(cli->arena, path), &found) == 0 && (found.st_mode & 077) != 0)
        return find(out, DOCTOR_WARNING,
                    str_format(cli->arena, "%.*s is open to other users", STR_ARG(path)),
                    str_format(cli->arena, "chmod 600 %.*s", STR_ARG(path)));
    return find(out, DOCTOR_OK, path, (struct str){ 0 });
}

static bool look_at_files(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    struct str wrong = { 0 };

    if (db_verify(db, cli->arena, &wrong) != OK)
        return could_not(out, str_copy(cli->arena, db_error(db)));
    if (wrong.len > 0)
        return find(out, DOCTOR_FAILED, wrong,
                    STR("stop purser, keep a copy of the data directory, restore the backup"));
    return find(out, DOCTOR_OK, str_of(db_engine(db)), (struct str){ 0 });
}

static bool look_at_schema(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    int version = 0;

    if (db_schema_version(db, &version) != OK)
        return could_not(out, str_copy(cli->arena, db_error(db)));
    return find(out, DOCTOR_OK, str_format(cli->arena, "version %d", version), (struct str){ 0 });
}

/* Rows of a month without parts lie in the rest, which can only be deleted from. */
static bool look_at_months(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    struct period_list months = { 0 };
    int64_t now_ms = 0;

    if (!periods_are_used(db))
        return find(out, DOCTOR_OK, STR("not parted by this engine"), (struct str){ 0 });
    if (db_now(db, &now_ms) != OK || periods_list(db, cli->arena, &months) != OK)
        return could_not(out, str_copy(cli->arena, db_error(db)));
    struct period next = period_next(period_at(now_ms));
    for (size_t i = 0; i < months.count; i++)
        if (period_compare(*months.items[i], next) == 0)
            return find(out, DOCTOR_OK, str_format(cli->arena, "%zu have parts", months.count),
                        (struct str){ 0 });
    return find(out, DOCTOR_WARNING,
                str_format(cli->arena, "%.*s has no parts",
                           STR_ARG(period_text(next, cli->arena))),
                STR("run purser migrate up as the owner of the tables"));
}

static bool look_at_clock(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    int64_t here_ms = outside_now_ms(cli->world->outside);
    int64_t books_ms = 0, newest_ms = 0;

    /* Ids begin with the time of their making. */
    if (db_now(db, &books_ms) != OK ||
        db_number(db, "SELECT created_ms FROM invoices ORDER BY id DESC LIMIT 1", NULL, 0,
                  &newest_ms) != OK)
        return could_not(out, str_copy(cli->arena, db_error(db)));
    int64_t apart_ms = here_ms > books_ms ? here_ms - books_ms : books_ms - here_ms;
    if (here_ms < CLOCK_EARLIEST_MS || apart_ms > CLOCK_APART_MS)
        return find(out, DOCTOR_FAILED,
                    str_format(cli->arena, "this machine's clock is %lld ms from the books'",
                               (long long)apart_ms),
                    STR("set the clock, and keep it with NTP: expiry and retries go by it"));
    if (newest_ms > books_ms + CLOCK_APART_MS)
        return find(out, DOCTOR_WARNING,
                    str_format(cli->arena, "the newest invoice is %lld s in the future",
                               (long long)((newest_ms - books_ms) / SECOND_MS)),
                    STR("the clock was ahead, or is behind now: compare it with NTP"));
    return find(out, DOCTOR_OK, STR("as the books'"), (struct str){ 0 });
}

struct oldest {
    int64_t count;
    int64_t oldest_ms;
};

static enum err take_oldest(void *self, const struct db_value *values, size_t count)
{
    struct oldest *oldest = self;

    assert(count == 2);
    oldest->count = values[0].number;
    oldest->oldest_ms = values[1].type == DB_INT ? values[1].number : 0;
    return OK;
}

static bool look_at_unknown(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    struct oldest unknown = { 0 };

    /* Open operations have a due time: the index on it finds them. */
    if (db_query(db,
                 "SELECT count(*), min(created_ms) FROM operations "
                 "WHERE due_ms IS NOT NULL AND state = 'unknown'",
                 NULL, 0, take_oldest, &unknown) != OK)
        return could_not(out, str_copy(cli->arena, db_error(db)));
    if (unknown.count == 0)
        return find(out, DOCTOR_OK, STR("none"), (struct str){ 0 });
    int64_t age_ms = outside_now_ms(cli->world->outside) - unknown.oldest_ms;
    struct str detail = str_format(cli->arena, "%lld, the oldest %lld s old",
                                   (long long)unknown.count, (long long)(age_ms / SECOND_MS));
    if (age_ms < UNKNOWN_OLD_MS)
        return find(out, DOCTOR_OK, detail, (struct str){ 0 });
    return find(out, DOCTOR_WARNING, detail,
                STR("is a server running? If it is, see whether the gateway answers"));
}

static bool look_at_tasks(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    struct oldest tasks = { 0 };

    if (db_query(db, "SELECT count(*), min(created_ms) FROM tasks WHERE closed_ms IS NULL", NULL, 0,
                 take_oldest, &tasks) != OK)
        return could_not(out, str_copy(cli->arena, db_error(db)));
    if (tasks.count == 0)
        return find(out, DOCTOR_OK, STR("none"), (struct str){ 0 });
    return find(out, DOCTOR_WARNING, str_format(cli->arena, "%lld open", (long long)tasks.count),
                STR("a person must decide: ask the gateway about these operations"));
}

static bool look_at_jobs(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    struct job_table table;

    if (query_jobs(db, cli->arena, &table) != OK)
        return could_not(out, str_copy(cli->arena, db_error(db)));
    for (unsigned kind = 1; kind < JOB_COUNT; kind++) {
        const struct job_row *row = &table.rows[kind];
        if (row->paused_ms != 0)
            return find(out, DOCTOR_WARNING,
                        str_format(cli->arena, "%s is paused by %.*s: %.*s", job_terms[kind].name,
                                   STR_ARG(row->paused_by), STR_ARG(row->note)),
                        str_format(cli->arena, "purser jobs resume %s, when that is over",
                                   job_terms[kind].name));
    }
    return find(out, DOCTOR_OK, STR("none is paused"), (struct str){ 0 });
}

/* hooker's first receivers read no more, and whoever takes pains can forge it. */
static bool look_at_webhook_keys(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    int64_t weak = 0;

    if (db_number(db,
                  "SELECT count(*) FROM webhook_endpoints AS e JOIN webhook_keys AS k"
                  " ON k.id = e.rsa_key WHERE e.status <> 'deleted' AND k.bits < 2048",
                  NULL, 0, &weak) != OK)
        return could_not(out, str_copy(cli->arena, db_error(db)));
    if (weak == 0)
        return find(out, DOCTOR_OK, STR("none is weak"), (struct str){ 0 });
    return find(out, DOCTOR_WARNING,
                str_format(cli->arena, "RSA of less than 2048 bits signs for %lld of the endpoints",
                           (long long)weak),
                STR("such a signature can be forged: let the receiver check webhook-signature, or "
                    "move it to an endpoint with rsa_bits 2048"));
}

static bool look_at_history(struct cli *cli, struct db *db, struct doctor_finding *out)
{
    struct history_last_cut cut;
    struct buf detail;

    if (history_last_cut(db, &cut) != OK)
        return could_not(out, str_copy(cli->arena, db_error(db)));
    if (!cut.found)
        return find(out, DOCTOR_OK, STR("without a cut"), (struct str){ 0 });
    buf_init(&detail, cli->arena, 128);
    buf_add_c(&detail, "they went on from an earlier point, noticed ");
    time_write(&detail, cut.noticed_ms);
    if (cut.newest_ms > 0) {
        buf_add_c(&detail, "; the newest invoice from before is of ");
        time_write(&detail, cut.newest_ms);
    }
    if (outside_now_ms(cli->world->outside) - cut.noticed_ms > CUT_OLD_MS)
        return find(out, DOCTOR_OK, buf_str(&detail), (struct str){ 0 });
    return find(out, DOCTOR_WARNING, buf_str(&detail),
                STR("a standby was promoted or a backup restored. Unless the standby was "
                    "synchronous, payments of the time between are known to the gateways alone: "
                    "compare with their lists"));
}

const struct doctor_check doctor_checks[] = {
    { "data directory", false, look_at_directory },
    { "disk", false, look_at_disk },
    { "schema", true, look_at_schema },
    { "installation key", true, look_at_key },
    { "files", true, look_at_files },
    { "clock", true, look_at_clock },
    { "months", true, look_at_months },
    { "history", true, look_at_history },
    { "unknown operations", true, look_at_unknown },
    { "operator tasks", true, look_at_tasks },
    { "jobs", true, look_at_jobs },
    { "webhook keys", true, look_at_webhook_keys },
    { 0 },
};
