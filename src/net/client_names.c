/* client_names.c - chained hash table, and the circles. */
#include "net/client_names.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"

void ring_init(struct ring *ring)
{
    ring->next = ring->prev = ring;
}

bool ring_is_empty(const struct ring *ring)
{
    return ring->next == ring;
}

void ring_put_last(struct ring *ring, struct ring *item)
{
    assert(ring_is_empty(item));
    item->next = ring;
    item->prev = ring->prev;
    ring->prev->next = item;
    ring->prev = item;
}

void ring_take(struct ring *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    ring_init(item);
}

/* FNV-1a. Whoever chooses names to collide slows his own calls: chains are walked, not more. */
uint32_t names_hash(struct str name)
{
    uint32_t hash = UINT32_C(2166136261);

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * UINT32_C(16777619);
    return hash;
}

void names_init(struct names *names, bool (*is_idle)(const struct named *named, int64_t now_us))
{
    *names = (struct names){ .sweep_at = NAMES_ROOM, .is_idle = is_idle };
}

static void free_if(struct names *names, bool (*unwanted)(const struct named *, int64_t),
                    int64_t now_us)
{
    for (size_t i = 0; i < NAMES_CHAINS; i++) {
        struct named **place = &names->chains[i];
        while (*place != NULL) {
            struct named *named = *place;
            if (unwanted(named, now_us)) {
                *place = named->next;
                names->count--;
                mem_free(named);
            } else {
                place = &named->next;
            }
        }
    }
}

static bool any(const struct named *named, int64_t now_us)
{
    (void)named;
    (void)now_us;
    return true;
}

void names_done(struct names *names)
{
    free_if(names, any, 0);
    assert(names->count == 0);
}

/* Busy ones stay, so the next sweep is as far away as they are many: its cost is spread. */
static void make_room(struct names *names, int64_t now_us)
{
    if (names->count < names->sweep_at)
        return;
    free_if(names, names->is_idle, now_us);
    names->sweep_at = names->count * 2 > NAMES_ROOM ? names->count * 2 : NAMES_ROOM;
}

struct named *names_find(struct names *names, struct str name, size_t size, int64_t now_us)
{
    assert(size >= sizeof(struct named));

    struct named **chain = &names->chains[names_hash(name) % NAMES_CHAINS];
    for (struct named *named = *chain; named != NULL; named = named->next)
        if (str_equal(named->name, name))
            return named;
    make_room(names, now_us);
    struct named *made = mem_alloc(size + name.len);
    char *text = (char *)made + size;
    if (name.len > 0)
        memcpy(text, name.ptr, name.len);
    made->name = str_make(text, name.len);
    made->next = *chain;
    *chain = made;
    names->count++;
    return made;
}
