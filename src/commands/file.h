/* file.h - small files, read and made whole.
 *
 * All return ERR_IO with a sentence in `why` that names the file and the reason. */
#ifndef COMMANDS_FILE_H
#define COMMANDS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* "DIR/name" */
struct str file_path(struct arena *arena, struct str dir, const char *name);

/* At most `max` bytes; a longer file is an error. A file that is not there is OK with
 * `found` false when `found` is given, else an error. */
must_check enum err file_read(struct str path, size_t max, struct arena *arena, struct str *out,
                              bool *found, struct str *why);

/* Makes the file, readable by its owner alone, with this text and on the disk when it returns.
 * It appears whole or not at all. One that is already there stays as it is (ERR_ALREADY_EXISTS)
 * unless `replace`. */
must_check enum err file_make(struct str path, struct str text, bool replace, struct arena *arena,
                              struct str *why);

/* Makes the directory, for its owner alone, and the ones above it when they are missing. */
must_check enum err file_make_directory(struct str path, struct arena *arena, struct str *why);

#endif
