/* nearest.h - "did you mean": the known name closest to what was typed. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

#include "base/str.h"

/* Among `count` names (NULL ones are skipped), or NULL when none is near enough to be a
 * typing error: insertions, deletions, replacements and swaps of neighbours count one each,
 * and at most a third of the typed text, but two at least for four letters and more. */
const char *nearest_name(struct str typed, const char *const *names, size_t count);

#endif
