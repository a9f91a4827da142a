/* setbacks.c - see setbacks.h. A slot is looked for in a short stretch behind its hash. */
#include "engine/setbacks.h"

#include <string.h>

#define STRETCH 16

/* Ids end in random bytes. */
static size_t place_of(struct id piece)
{
    uint32_t hash;
    memcpy(&hash, piece.bytes + sizeof(piece.bytes) - sizeof(hash), sizeof(hash));
    return hash % SETBACKS_MAX;
}

static size_t find(const struct setbacks *setbacks, struct id piece)
{
    size_t place = place_of(piece);
    for (size_t i = 0; setbacks->count > 0 && i < STRETCH; i++) {
        size_t at = (place + i) % SETBACKS_MAX;
        if (setbacks->slots[at].failures > 0 && id_equal(setbacks->slots[at].piece, piece))
            return at;
    }
    return SETBACKS_MAX;
}

/* A free slot, or that of the one which ends first. */
static struct setback *room_for(struct setbacks *setbacks, struct id piece)
{
    size_t place = place_of(piece);
    struct setback *best = &setbacks->slots[place];
    for (size_t i = 0; i < STRETCH && best->failures > 0; i++) {
        struct setback *slot = &setbacks->slots[(place + i) % SETBACKS_MAX];
        if (slot->failures == 0 || slot->until_ms < best->until_ms)
            best = slot;
    }
    if (best->failures == 0)
        setbacks->count++;
    *best = (struct setback){ .piece = piece };
    return best;
}

const struct setback *setback_of(const struct setbacks *setbacks, struct id piece)
{
    size_t at = find(setbacks, piece);
    return at < SETBACKS_MAX ? &setbacks->slots[at] : NULL;
}

int64_t setback_note(struct setbacks *setbacks, struct id piece, int64_t now_ms, uint8_t chance)
{
    size_t at = find(setbacks, piece);
    struct setback *slot = at < SETBACKS_MAX ? &setbacks->slots[at] : room_for(setbacks, piece);
    int64_t pause_ms = SETBACK_LEAST_MS;
    for (unsigned i = 0; i < slot->failures && pause_ms < SETBACK_MOST_MS; i++)
        pause_ms *= 2;
    if (pause_ms > SETBACK_MOST_MS)
        pause_ms = SETBACK_MOST_MS;
    slot->failures++;
    slot->noted_ms = now_ms;
    slot->until_ms = now_ms + pause_ms + pause_ms * chance / 1024;
    return slot->until_ms;
}

void setback_clear(struct setbacks *setbacks, struct id piece)
{
    size_t at = find(setbacks, piece);
    if (at == SETBACKS_MAX)
        return;
    setbacks->slots[at].failures = 0;
    setbacks->count--;
}
