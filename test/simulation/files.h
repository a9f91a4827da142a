/* files.h - a disk in memory for SQLite: it outlives the simulated process, and forgets when the
 * power goes what was not synced.
 *
 * Of what was written since a file's last sync the power's end leaves any part, of each file by
 * itself: each write whole, some of its sectors or pages, or not at all, as the dice have it. After
 * a sync that failed the system has what was written and takes it for synced, but the disk has any
 * part of it, for ever. A disk that died takes nothing more and gives nothing more, until
 * files_return brings it back for the next process. One disk at a time. */
#ifndef SIMULATION_FILES_H
#define SIMULATION_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "dice.h"

/* The name for struct outside. */
#define FILES_NAME "simulated"

struct files {
    struct dice *dice;
    /* Called before each touch, when what another thread does may come between; not from within
     * itself. NULL: nothing does. */
    void (*between)(void *self);
    void *self;
    uint64_t touches;        /* writes, syncs and the like, so far */
    /* Armed faults: the n-th touch from now on; 0 none. */
    uint64_t dies_in;        /* it dies before that touch is done, or with a part of it */
    uint64_t fails_in;       /* an error, once */
    uint64_t sync_fails_in;  /* the same of the n-th sync */
    uint64_t full_in;        /* it is full from then on */
    bool is_full;            /* every write that makes a file longer fails */
    bool is_dead;
    uint64_t failed;         /* errors given while it was not dead */
};

struct files *files_open(void);
/* After the process's end: all handles are closed by now. The power went with it, or the system
 * lives on and has all that was written. */
void files_return(struct files *files, bool power_was_lost);

#endif
