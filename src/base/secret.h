/* secret.h - bytes that must never reach a disk, a log or an answer.
 *
 * A type of its own: no writer of text, JSON or log lines accepts it, so showing
 * one needs secret_reveal, which a reviewer can search for. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct secret {
    char *hidden;
    size_t len;
};

/* Copies into memory of its own; secret_done wipes and frees it. */
struct secret secret_copy(struct str text);
void secret_done(struct secret *secret);

/* The bytes, for the one call that needs them (a MAC, a wire message). */
struct str secret_reveal(const struct secret *secret);
bool secret_is_empty(const struct secret *secret);
/* In time that does not depend on where they differ. */
bool secret_equal(const struct secret *secret, struct str text);

/* Overwrites memory that held secret bytes, in a way no compiler removes. */
void secret_wipe(void *bytes, size_t len);

#endif
