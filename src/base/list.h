/* list.h - a growing list of pointers in an arena, with a type of its own each.
 *
 * LIST_TYPE(payment_list, struct payment) makes struct payment_list with items and
 * count, and payment_list_add. Items stay where they are; only the array of
 * pointers moves. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* A place in a linked queue, embedded in what is queued. */
struct link {
    struct link *next;
    int64_t put_us;    /* when, for queues that ask how long it has waited */
};
/* The struct that a link is embedded in. */
#define LINK_OWNER(pointer, type, member)                                                      \
    ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

#define LIST_TYPE(list, type)                                                                  \
    struct list {                                                                              \
        type **items;                                                                          \
        size_t count;                                                                          \
        size_t cap;                                                                            \
    };                                                                                         \
    static inline void list##_add(struct arena *arena, struct list *to, type *item)            \
    {                                                                                          \
        if (to->count == to->cap) {                                                            \
            size_t cap = to->cap ? to->cap * 2 : 4;                                            \
            type **items = ARENA_ARRAY(arena, type *, cap);                                    \
            for (size_t i = 0; i < to->count; i++)                                             \
                items[i] = to->items[i];                                                       \
            to->items = items;                                                                 \
            to->cap = cap;                                                                     \
        }                                                                                      \
        to->items[to->count++] = item;                                                         \
    }

#endif
