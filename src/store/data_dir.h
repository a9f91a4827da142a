/* data_dir.h - the directory in which an engine of files keeps the books, and the lock that
 * lets one server serve it. Directories are made 0700 and files 0600: they hold sealed
 * credentials and payers' data. */
#ifndef STORE_DATA_DIR_H
#define STORE_DATA_DIR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* All fail with ERR_IO and a sentence in `why` that names the path. */

/* Makes the directory unless it is there; its parent must be. */
must_check enum err data_dir_make(const char *dir, struct arena *arena, struct str *why);
/* Makes an empty file unless it is there, so that its name survives a power cut. */
must_check enum err data_dir_make_file(const char *dir, const char *path, struct arena *arena,
                                       struct str *why);
/* ERR_IO when there is no such file. */
must_check enum err data_dir_find_file(const char *dir, const char *path, struct arena *arena,
                                       struct str *why);

/* Takes DIR/serve.lock, made when missing, for this process: ERR_ALREADY_RUNNING when
 * another (or this one already) has it. The kernel lets go of it when the process ends. */
must_check enum err data_dir_lock(const char *dir, struct arena *arena, int *out_fd,
                                  struct str *why);
void data_dir_unlock(int fd);

#endif
