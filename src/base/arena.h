/* arena.h - memory with one lifetime.
 *
 * Everything taken from an arena is released together by arena_reset or
 * arena_done. A parameter `struct arena *` says that the result lives there.
 * Memory that is exhausted ends the process: every intent is in the database
 * before it is acted on, so stopping loses nothing. A zeroed arena is ready.
 *
 * mem_* are the only way to the heap for all rooms; malloc itself is banned
 * outside base/. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;    /* newest first; the oldest stays at reset */
    size_t used_bytes;             /* handed out since the last reset */
};

/* Zeroed, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *from, size_t size);
#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
/* A zeroed array; count * size is checked for overflow. */
void *arena_array(struct arena *arena, size_t count, size_t size);
#define ARENA_ARRAY(arena, type, count) ((type *)arena_array((arena), (count), sizeof(type)))
/* The same bytes with room for `size` in all, the new ones zeroed: in place when `old`
 * (NULL with 0 at first) was the last to be allocated, else a copy. */
void *arena_grow(struct arena *arena, void *old, size_t old_size, size_t size);

/* Keeps one block for the next use; all that was taken is invalid. */
void arena_reset(struct arena *arena);
void arena_done(struct arena *arena);
/* Overwrites everything that was taken since the last reset, because a secret passed through
 * it. It is invalid then: arena_reset or arena_done comes next. */
void arena_wipe(struct arena *arena);

/* The heap. Never NULL: the process ends when memory is exhausted. */
void *mem_alloc(size_t size);                  /* zeroed */
/* At the start of a process that lives long: what was freed is kept for the next use, up to 4 MiB
 * a thread. Given back, each page of it has to be cleared by the kernel again. */
void mem_settle(void);
void *mem_realloc(void *old, size_t size);
void mem_free(void *ptr);
char *mem_strdup(const char *text);

#endif
