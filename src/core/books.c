/* books.c - finding and copying in one invoice's books. */
#include "core/books.h"

#include "base/arena.h"

struct payment *books_payment(const struct books *books, struct payment_id id)
{
    for (size_t i = 0; i < books->payments.count; i++)
        if (payment_id_equal(books->payments.items[i]->id, id))
            return books->payments.items[i];
    return NULL;
}

struct checkout *books_checkout(const struct books *books, struct checkout_id id)
{
    for (size_t i = 0; i < books->checkouts.count; i++)
        if (checkout_id_equal(books->checkouts.items[i]->id, id))
            return books->checkouts.items[i];
    return NULL;
}

struct refund *books_refund(const struct books *books, struct refund_id id)
{
    for (size_t i = 0; i < books->refunds.count; i++)
        if (refund_id_equal(books->refunds.items[i]->id, id))
            return books->refunds.items[i];
    return NULL;
}

struct instrument *books_instrument(const struct books *books, struct instrument_id id)
{
    for (size_t i = 0; i < books->instruments.count; i++)
        if (instrument_id_equal(books->instruments.items[i]->id, id))
            return books->instruments.items[i];
    return NULL;
}

struct operation *books_operation(const struct books *books, struct operation_id id)
{
    for (size_t i = 0; i < books->operations.count; i++)
        if (operation_id_equal(books->operations.items[i]->id, id))
            return books->operations.items[i];
    return NULL;
}

#define COPY_LIST(list, member)                                                                \
    for (size_t i = 0; i < books->member.count; i++)                                           \
        list##_add(arena, &copy->member,                                                       \
                   arena_copy(arena, books->member.items[i], sizeof(*books->member.items[i])))

struct books *books_copy(struct arena *arena, const struct books *books)
{
    struct books *copy = ARENA_NEW(arena, struct books);
    copy->invoice = arena_copy(arena, books->invoice, sizeof(*books->invoice));
    COPY_LIST(payment_list, payments);
    COPY_LIST(refund_list, refunds);
    COPY_LIST(checkout_list, checkouts);
    COPY_LIST(instrument_list, instruments);
    COPY_LIST(operation_list, operations);
    COPY_LIST(claim_list, claims);
    COPY_LIST(attempt_list, attempts);
    COPY_LIST(event_list, events);
    COPY_LIST(drift_list, drifts);
    COPY_LIST(task_list, tasks);
    copy->agreed = books->agreed;
    return copy;
}

void row_touch(enum row_change *row)
{
    if (*row == ROW_CLEAN)
        *row = ROW_CHANGED;
}
