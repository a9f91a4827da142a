/* data_dir.h - the directory in which an engine of files keeps the books, and the lock that
 * lets one server serve it. Directories are made 0700 and files 0600: they hold sealed
 * credentials and payers' data. */
#ifndef STORE_DATA_DIR_H
#define STORE_DATA_DIR_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct db_serving_lock;

/* All fail with ERR_IO and a sentence in `why` that names the path. */

/* Sees to it that the file is there. With `create` an empty one is made, and its directory
 * (whose parent must be there), so that their names survive a power cut; else it is ERR_IO
 * when it is missing. */
must_check enum err data_dir_file(const char *dir, const char *path, bool create,
                                  struct arena *arena, struct str *why);

/* Takes DIR/serve.lock for this process, made with its directory when missing:
 * ERR_ALREADY_RUNNING when another has it, or this one already. The kernel lets go of it when
 * the process ends. For db_driver's lock_serving. */
must_check enum err data_dir_lock(struct str where, struct arena *arena,
                                  struct db_serving_lock **out, struct str *why);
void data_dir_unlock(struct db_serving_lock *lock);

#endif
