/* files.h - a disk in memory for SQLite: it outlives the simulated process, and forgets on a
 * crash what was not synced.
 *
 * Of what was written since a file's last sync a crash keeps any part: each write whole, torn at
 * a sector, or not at all, as the seed has it. A disk that died takes nothing more and gives
 * nothing more, until files_crash brings it back for the next process. One disk at a time. */
#ifndef SIMULATION_FILES_H
#define SIMULATION_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "dice.h"

/* The name for struct outside. */
#define FILES_NAME "simulated"

struct files {
    uint64_t touches;        /* writes, syncs and the like, so far */
    /* Armed faults: the n-th touch from now on; 0 none. */
    uint64_t dies_in;        /* it dies before that touch is done, or with a part of it */
    uint64_t fails_in;       /* an error, once */
    uint64_t full_in;        /* it is full from then on */
    bool is_full;            /* every write that makes a file longer fails */
    bool is_dead;
    uint64_t failed;         /* errors given while it was not dead */
};

struct files *files_open(void);
/* All handles are closed by now. */
void files_crash(struct files *files, struct dice *dice);

#endif
