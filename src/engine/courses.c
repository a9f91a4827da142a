/* courses.c - the jobs' metrics, as text for Prometheus. */
#include "engine/courses.h"

#include "base/buf.h"
#include "engine/engine_parts.h"

void engine_write_courses(struct engine *engine, struct buf *out)
{
#define X(member, sort, help)                                                                \
    buf_add_c(out, "# HELP purser_job_" #member " " help "\n"                              \
                   "# TYPE purser_job_" #member " " sort "\n");                            \
    for (unsigned kind = 1; kind < JOB_COUNT; kind++)                                      \
        buf_addf(out, "purser_job_" #member "{job=\"%s\"} %llu\n", job_terms[kind].name,     \
                 (unsigned long long)atomic_load(&engine->courses[kind].member));
    COURSE_METRICS(X)
#undef X
}
