/* months.c - the parts of the coming months are made ahead, so that a server that runs for years
 * never writes into the rest of its tables (store/periods.h). */
#include "jobs/jobs.h"
#include "store/periods.h"

static bool is_wanted(const struct db *db, int64_t retention_ms, const char **why)
{
    (void)retention_ms;
    *why = "these books have no parts";
    return periods_are_used(db);
}

static enum err work(struct job_shift *shift)
{
    struct period_list before = { 0 }, after = { 0 };
    enum err err = periods_list(shift->db, shift->arena, &before);
    if (!err)
        err = periods_make_ahead(shift->db);
    if (!err)
        err = periods_list(shift->db, shift->arena, &after);
    if (err)
        return err;
    shift->done = (int64_t)(after.count - before.count);
    if (after.count > 0)
        shift->detail = str_format(shift->arena, "parts up to %.*s",
                                   STR_ARG(period_text(*after.items[after.count - 1],
                                                       shift->arena)));
    return OK;
}

const struct job job_months = {
    .kind = JOB_MONTHS,
    .work = work,
    .is_wanted = is_wanted,
};
