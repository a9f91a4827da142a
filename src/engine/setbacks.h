/* setbacks.h - pieces of due work whose turns failed, and until when each is left alone.
 *
 * Each failure doubles the pause, from a second to a minute, with some chance in it. Memory of
 * this node alone: the books do not change when a turn fails, and may be what is failing. When
 * there are more than it has room for, the one that ends first is forgotten, and tried early. */
#ifndef ENGINE_SETBACKS_H
#define ENGINE_SETBACKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

#define SETBACKS_MAX 1024
#define SETBACK_LEAST_MS 1000
#define SETBACK_MOST_MS 60000

struct setback {
    struct id piece;
    unsigned failures;               /* in a row; 0: the slot is free */
    int64_t noted_ms;                /* when it failed last */
    int64_t until_ms;
};

struct setbacks {
    struct setback slots[SETBACKS_MAX];
    size_t count;
};

/* NULL: it may be tried at once. Until the next change. */
const struct setback *setback_of(const struct setbacks *setbacks, struct id piece);
/* It failed again: returns until when it is left alone. `chance` is random. */
int64_t setback_note(struct setbacks *setbacks, struct id piece, int64_t now_ms, uint8_t chance);
/* It succeeded. */
void setback_clear(struct setbacks *setbacks, struct id piece);

#endif
