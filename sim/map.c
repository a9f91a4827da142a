#include "sim/map.h"

#include <assert.h>
#include <stdint.h>

struct map_slot {
    struct str key;
    void *value; /* NULL: the slot is free */
};

static uint64_t hash(struct str key)
{
    uint64_t sum = UINT64_C(14695981039346656037); /* FNV-1a */

    for (size_t i = 0; i < key.len; i++)
        sum = (sum ^ (unsigned char)key.ptr[i]) * UINT64_C(1099511628211);
    return sum;
}

/* Where the key is, or where it would be. */
static struct map_slot *slot_of(const struct map *map, struct str key)
{
    size_t at = (size_t)hash(key) & (map->cap - 1);

    while (map->slots[at].value != NULL && !str_equal(map->slots[at].key, key))
        at = (at + 1) & (map->cap - 1);
    return &map->slots[at];
}

void *map_get(const struct map *map, struct str key)
{
    return map->cap == 0 ? NULL : slot_of(map, key)->value;
}

static void grow(struct map *map)
{
    struct map old = *map;

    map->cap = old.cap == 0 ? 64 : old.cap * 2;
    map->slots = ARENA_ARRAY(map->arena, struct map_slot, map->cap);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].value != NULL)
            *slot_of(map, old.slots[i].key) = old.slots[i];
    }
}

void map_put(struct map *map, struct str key, void *value)
{
    assert(value != NULL);
    if (map->count * 2 >= map->cap)
        grow(map);

    struct map_slot *slot = slot_of(map, key);
    if (slot->value == NULL)
        map->count++;
    slot->key = key;
    slot->value = value;
}
