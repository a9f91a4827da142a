/* desk.c - making and freeing what is handed in. */
#include "store/desk.h"

struct desk_turn *desk_turn_new(void)
{
    return mem_alloc(sizeof(struct desk_turn));
}

void desk_turn_free(struct desk_turn *turn)
{
    if (!turn)
        return;
    if (turn->ending)
        turn->ending(turn);
    arena_done(&turn->arena);
    mem_free(turn);
}

struct desk_read *desk_read_new(void)
{
    return mem_alloc(sizeof(struct desk_read));
}

void desk_read_free(struct desk_read *read)
{
    if (!read)
        return;
    arena_done(&read->arena);
    mem_free(read);
}

struct desk_check *desk_check_new(void)
{
    return mem_alloc(sizeof(struct desk_check));
}

void desk_check_free(struct desk_check *check)
{
    if (!check)
        return;
    secret_done(&check->credentials);
    arena_wipe(&check->arena);
    arena_done(&check->arena);
    mem_free(check);
}

struct desk_page *desk_page_new(void)
{
    return mem_alloc(sizeof(struct desk_page));
}

void desk_page_free(struct desk_page *page)
{
    if (!page)
        return;
    secret_done(&page->credentials);
    arena_wipe(&page->arena);
    arena_done(&page->arena);
    mem_free(page);
}
