/* hints.h - short words from node to node, through the server that keeps the books.
 *
 * A hint only shortens waiting: it may be lost, so whoever listens looks for himself as well,
 * if later. There are none on books that are not shared, and none behind a pooler, where a
 * connection cannot listen. They go over a connection of their own, which is opened again when
 * it was lost. Of one thread, but for hints_nudge. */
#ifndef STORE_HINTS_H
#define STORE_HINTS_H

#include "base/arena.h"
#include "base/str.h"

struct hints;

/* The longest that fits. */
#define HINT_MAX 7900

enum hints_state {
    HINTS_HEARD,             /* we listen */
    HINTS_AWAY,              /* the server cannot be reached now, or takes no writing */
    HINTS_POOLED,            /* there will be none */
    HINTS_STATE_COUNT,
};

/* `where` as in db.h. Does not wait for the server. NULL where there are no hints. */
struct hints *hints_open(struct str where);
void hints_close(struct hints *hints);                   /* accepts NULL */

/* Waits until other nodes' hints came, a second at most while the server is away, or until a
 * nudge. Connects when it has to, and returns at once when it did. `heard` is called for each
 * hint; the text lives until it returns. */
enum hints_state hints_wait(struct hints *hints, void (*heard)(void *self, struct str text),
                            void *self);
/* From any thread: the wait that is on, or the next one, ends. */
void hints_nudge(struct hints *hints);

/* To all other nodes that listen. False: it was lost. */
bool hints_send(struct hints *hints, struct str text);

#endif
