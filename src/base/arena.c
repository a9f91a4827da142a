/* arena.c - chunks that double from 8 KiB to 1 MiB; what is larger gets a block of its own.
 *
 * Under AddressSanitizer the bytes that are not handed out are poisoned, so that a write
 * beyond an allocation or a use after arena_reset is found although malloc knows
 * nothing of either. */
#include "base/arena.h"

#include <assert.h>
#include <malloc.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define POISON(ptr, size) ASAN_POISON_MEMORY_REGION((ptr), (size))
#define UNPOISON(ptr, size) ASAN_UNPOISON_MEMORY_REGION((ptr), (size))
#define GAP 16 /* between allocations, never handed out */
#else
#define POISON(ptr, size) ((void)(ptr), (void)(size))
#define UNPOISON(ptr, size) ((void)(ptr), (void)(size))
#define GAP 0
#endif

#define ALIGNMENT alignof(max_align_t)
#define CHUNK_MIN ((size_t)8 * 1024)
#define CHUNK_MAX ((size_t)1024 * 1024)
#define KEPT_BYTES (4 << 20)

struct arena_block {
    struct arena_block *next; /* older */
    size_t size;              /* of data */
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

/* No buf, no log: both may want memory. */
static _Noreturn void out_of_memory(void)
{
    static const char message[] = "purser: out of memory\n";

    ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
    (void)ignored;
    abort();
}

static size_t round_up(size_t size)
{
    if (size > SIZE_MAX - GAP - ALIGNMENT)
        out_of_memory();
    return (size + GAP + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

static void *mem_alloc_dirty(size_t size);

static struct arena_block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct arena_block))
        out_of_memory();

    /* Not zeroed here, because arena_alloc does: most of a chunk is never handed out. */
    struct arena_block *block = mem_alloc_dirty(sizeof *block + size);
    *block = (struct arena_block){ .size = size };
    POISON(block->data, size);
    return block;
}

static void block_free(struct arena_block *block)
{
    UNPOISON(block->data, block->size);
    mem_free(block);
}

/* The block with room for `size`. An oversize block goes behind the newest chunk,
 * whose rest stays in use. The first chunk is the only one of CHUNK_MIN. */
static struct arena_block *block_for(struct arena *arena, size_t size)
{
    if (arena->blocks == NULL)
        arena->blocks = block_new(CHUNK_MIN);

    struct arena_block *newest = arena->blocks;
    if (size <= newest->size - newest->used)
        return newest;

    size_t chunk = newest->size < CHUNK_MAX / 2 ? newest->size * 2 : CHUNK_MAX;
    if (size > chunk) {
        struct arena_block *own = block_new(size);
        own->next = newest->next;
        newest->next = own;
        return own;
    }
    struct arena_block *block = block_new(chunk);
    block->next = newest;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    assert(arena != NULL);

    size_t rounded = round_up(size);
    struct arena_block *block = block_for(arena, rounded);
    assert(rounded <= block->size - block->used);

    unsigned char *ptr = block->data + block->used;
    block->used += rounded;
    arena->used_bytes += rounded;
    UNPOISON(ptr, size);
    memset(ptr, 0, size);
    return ptr;
}

void *arena_copy(struct arena *arena, const void *from, size_t size)
{
    void *to = arena_alloc(arena, size);

    if (size > 0)
        memcpy(to, from, size);
    return to;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total = 0;

    if (__builtin_mul_overflow(count, size, &total))
        out_of_memory();
    return arena_alloc(arena, total);
}

void *arena_grow(struct arena *arena, void *old, size_t old_size, size_t size)
{
    assert(arena != NULL && old_size <= size);

    struct arena_block *newest = arena->blocks;
    size_t held = round_up(old_size);
    if (old != NULL && newest != NULL && held <= newest->used &&
        old == newest->data + newest->used - held) {
        size_t more = round_up(size) - held;
        if (more <= newest->size - newest->used) {
            newest->used += more;
            arena->used_bytes += more;
            UNPOISON(old, size);
            memset((unsigned char *)old + old_size, 0, size - old_size);
            return old;
        }
    }
    void *moved = arena_alloc(arena, size);
    if (old_size > 0)
        memcpy(moved, old, old_size);
    return moved;
}

void arena_reset(struct arena *arena)
{
    assert(arena != NULL);

    struct arena_block *first = NULL;
    struct arena_block *next = NULL;
    for (struct arena_block *block = arena->blocks; block != NULL; block = next) {
        next = block->next;
        if (block->size == CHUNK_MIN)
            first = block;
        else
            block_free(block);
    }
    if (first != NULL) {
        first->next = NULL;
        first->used = 0;
        POISON(first->data, first->size);
    }
    arena->blocks = first;
    arena->used_bytes = 0;
}

void arena_done(struct arena *arena)
{
    arena_reset(arena);
    if (arena->blocks != NULL)
        block_free(arena->blocks);
    *arena = (struct arena){ 0 };
}

void arena_wipe(struct arena *arena)
{
    assert(arena != NULL);

    for (struct arena_block *block = arena->blocks; block != NULL; block = block->next) {
        UNPOISON(block->data, block->used);
        explicit_bzero(block->data, block->used);
        POISON(block->data, block->used);
    }
}

/* The only calls of the heap in purser. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

void mem_settle(void)
{
    /* Both, because setting one of them ends the adjustment of the other. */
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

void *mem_alloc(size_t size)
{
    void *ptr = calloc(1, size > 0 ? size : 1);

    if (ptr == NULL)
        out_of_memory();
    return ptr;
}

static void *mem_alloc_dirty(size_t size)
{
    void *ptr = malloc(size);

    if (ptr == NULL)
        out_of_memory();
    return ptr;
}

void *mem_realloc(void *old, size_t size)
{
    void *ptr = realloc(old, size > 0 ? size : 1);

    if (ptr == NULL)
        out_of_memory();
    return ptr;
}

void mem_free(void *ptr)
{
    free(ptr);
}

char *mem_strdup(const char *text)
{
    assert(text != NULL);

    char *copy = strdup(text);
    if (copy == NULL)
        out_of_memory();
    return copy;
}

#pragma GCC diagnostic pop
