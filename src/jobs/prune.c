/* prune.c - what is older than retention_days goes, a little at a time (store/prune.h). */
#include <inttypes.h>

#include "jobs/jobs.h"
#include "store/prune.h"

#define DETAIL_MAX 1024

static bool is_wanted(const struct db *db, int64_t retention_ms, const char **why)
{
    (void)db;
    *why = "retention_days is not set: everything is kept";
    return retention_ms > 0;
}

static bool go_on(void *self, const struct prune_report *so_far)
{
    const struct job_shift *shift = self;
    (void)so_far;
    return shift->go_on(shift->self);
}

static struct str text_of(const struct prune_report *report, struct arena *arena)
{
    struct buf text;
    const char *between = "";
    buf_init(&text, arena, DETAIL_MAX);
#define X(name, what)                                                                    \
    if (report->name > 0) {                                                              \
        buf_addf(&text, "%s%s %" PRId64, between, #name, report->name);                   \
        between = ", ";                                                                  \
    }
    PRUNE_COUNTS(X)
#undef X
    for (size_t i = 0; i < report->months.count; i++)
        if (report->months.items[i]->dropped) {
            buf_addf(&text, "%smonth %.*s dropped", between,
                     STR_ARG(period_text(report->months.items[i]->period, arena)));
            between = ", ";
        }
    if (report->invariant)
        buf_addf(&text, "%s%s is broken by %.*s, whose history stays: run purser doctor --deep",
                 between, report->invariant, STR_ARG(report->row));
    return buf_ok(&text) ? buf_str(&text) : STR("much");
}

static enum err work(struct job_shift *shift)
{
    struct prune_plan plan = { .self = shift, .go_on = go_on };
    struct prune_report report = { 0 };
    int64_t now_ms = 0;
    enum err err = db_now(shift->db, &now_ms);
    plan.before_ms = now_ms - shift->retention_ms;
    if (!err)
        err = prune_run(shift->db, &plan, shift->arena, &report);
    shift->done = report.keys + report.notices + report.deliveries + report.messages
                  + report.histories;
    for (size_t i = 0; i < report.months.count; i++)
        shift->done += report.months.items[i]->dropped;
    shift->failed = report.invariant != NULL;
    shift->detail = text_of(&report, shift->arena);
    return err;
}

const struct job job_prune = {
    .kind = JOB_PRUNE,
    .work = work,
    .is_wanted = is_wanted,
};
