/* passes.h - the reconciler's passes: what is asked, what came of it, and the row that tells.
 * Inside engine only. */
#ifndef ENGINE_PASSES_H
#define ENGINE_PASSES_H

#include <pthread.h>

#include "core/turn.h"
#include "jobs/jobs.h"

struct engine;

/* One reconciliation under way. */
struct pass {
    bool active;
    bool open;                       /* more is being handed in */
    bool listing;                    /* what gateways have is being listed for it */
    int64_t outstanding;             /* questions without an answer yet */
    int64_t progress_us;
    struct reconciliation row;
};

struct passes {
    pthread_mutex_t lock;
    struct arena arena;              /* of the asked one's texts */
    int64_t interval_ms;             /* between looks at what is stuck; 0: only when asked */
    struct pass due, asked;
};

/* Around a look of a job: whether it may be made now; it begins one that was asked for; it has
 * been made. */
bool engine_passes_may_look(struct engine *engine, const struct job *job);
void engine_passes_begin(struct engine *engine, const struct reconciliation *asked);
void engine_passes_looked(struct engine *engine, const struct job *job);
/* What was listed for the one that was asked for, account by account; and that it is over. */
void engine_passes_count(struct engine *engine, int64_t missing, int64_t failed);
void engine_passes_listed(struct engine *engine);
/* After each turn. */
void engine_looked(struct engine *engine, const struct turn *turn);

#endif
