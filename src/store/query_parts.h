/* query_parts.h - what the query_*.c files share. */
#ifndef STORE_QUERY_PARTS_H
#define STORE_QUERY_PARTS_H

#include "store/db_one.h"
#include "store/queries.h"

/* The upper end of a page: beyond every id when it begins with the newest. */
static inline struct id query_before(struct query_page page)
{
    struct id last;

    for (size_t i = 0; i < sizeof last.bytes; i++)
        last.bytes[i] = 0xff;
    return id_is_zero(page.before) ? last : page.before;
}

/* The one row that `where` selects, or ERR_NOT_FOUND. */
must_check static inline enum err query_one(struct db *db, const struct table *table,
                                            const char *where, const struct db_value *args,
                                            size_t arg_count, struct arena *arena, void **out)
{
    *out = NULL;
    enum err err = db_select(db, table, where, args, arg_count, arena, db_keep_row, out);
    return err ? err : *out ? OK : ERR_NOT_FOUND;
}

/* QUERY_LIST(payment_list, struct payment) makes `enum err payment_list_load(self, row)`, a
 * db_load_f whose self is a struct payment_list_load. */
#define QUERY_LIST(list, type)                                                                     \
    struct list##_load {                                                                           \
        struct arena *arena;                                                                       \
        struct list *to;                                                                           \
    };                                                                                             \
    static enum err list##_load(void *self, void *row)                                             \
    {                                                                                              \
        struct list##_load *load = self;                                                           \
        list##_add(load->arena, load->to, (type *)row);                                            \
        return OK;                                                                                 \
    }

#define QUERY_ARGS(args) (args), sizeof(args) / sizeof((args)[0])

#endif
