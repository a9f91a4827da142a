/* client_heap.c - the memory that libcurl gets. All that it frees is overwritten: URLs, header
 * lists and send buffers of it hold secrets, and nobody else knows where. */
#include <string.h>

#include "base/secret.h"
#include "net/client_parts.h"


struct block {
    size_t size;
    _Alignas(max_align_t) unsigned char bytes[];
};

static struct block *block_of(void *bytes)
{
    return (struct block *)(void *)((unsigned char *)bytes - offsetof(struct block, bytes));
}

void *wire_alloc(size_t size)
{
    struct block *block = mem_alloc(sizeof *block + size);

    block->size = size;
    return block->bytes;
}

void wire_free(void *bytes)
{
    if (bytes == NULL)
        return;
    struct block *block = block_of(bytes);
    secret_wipe(block->bytes, block->size);
    mem_free(block);
}

void *wire_realloc(void *bytes, size_t size)
{
    void *moved = wire_alloc(size);

    if (bytes != NULL) {
        size_t held = block_of(bytes)->size;
        memcpy(moved, bytes, held < size ? held : size);
        wire_free(bytes);
    }
    return moved;
}

char *wire_strdup(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(wire_alloc(size), text, size);
}

void *wire_calloc(size_t count, size_t size)
{
    size_t total = 0;

    return __builtin_mul_overflow(count, size, &total) ? NULL : wire_alloc(total);
}
