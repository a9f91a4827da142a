/* engine_hints.h - what nodes tell each other. Inside engine only. */
#ifndef ENGINE_HINTS_H
#define ENGINE_HINTS_H

#include <pthread.h>

#include "base/id.h"
#include "core/turn.h"
#include "store/hints.h"

struct engine;

/* As many as fit in one hint, endpoints beside the marks of claims. */
#define ENGINE_TARGETS_MAX 64
#define ENGINE_MARKS_MAX ((HINT_MAX - 33 * ENGINE_TARGETS_MAX) / 8)

/* From and to other nodes. */
struct engine_hints {
    struct hints *wire;          /* NULL: none */
    pthread_mutex_t lock;
    uint32_t marks[ENGINE_MARKS_MAX];
    size_t mark_count;           /* to be sent */
    struct webhook_endpoint_id targets[ENGINE_TARGETS_MAX];
    size_t target_count;         /* likewise: something is due at them */
    pthread_t thread;
    bool started, stop;
};

must_check enum err engine_hints_open(struct engine *engine, struct str where, struct str *why);
void engine_hints_close(struct engine *engine);
/* Other nodes may have callers who wait for these. */
void engine_hint(struct engine *engine, const struct turn_answer *const *answers, size_t count);
/* Tells whoever delivers to the endpoint that something is due there. */
void engine_hint_target(struct engine *engine, struct webhook_endpoint_id endpoint);

#endif
