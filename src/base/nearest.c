#include "base/nearest.h"

#include <assert.h>
#include <string.h>

/* Longer texts are no typing errors of a name of ours. */
#define LEN_MAX 40

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edit distance with swaps of neighbours (optimal string alignment). */
static size_t distance(struct str a, struct str b)
{
    size_t rows[3][LEN_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    assert(a.len <= LEN_MAX && b.len <= LEN_MAX);
    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replace = last[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            row[j] = least(replace, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b.len];
}

const char *nearest_name(struct str typed, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t limit = typed.len < 4 ? 1 : typed.len < 7 ? 2 : typed.len / 3;

    if (typed.len > LEN_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL || strlen(names[i]) > LEN_MAX)
            continue;
        size_t away = distance(typed, str_of(names[i]));
        if (away > limit)
            continue;
        best = names[i];
        /* Only a nearer one takes its place. */
        if (away == 0)
            break;
        limit = away - 1;
    }
    return best;
}
