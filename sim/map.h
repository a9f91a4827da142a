/* map.h - from a text to a thing; nothing is ever taken out.
 *
 * Keys are not copied: they live as long as the map. A map lives in its arena and is forgotten
 * with it. */
#ifndef SIM_MAP_H
#define SIM_MAP_H

#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

struct map {
    struct arena *arena;
    struct map_slot *slots;
    size_t cap, count;
};

void *map_get(const struct map *map, struct str key); /* NULL: not there */
void map_put(struct map *map, struct str key, void *value);

#endif
