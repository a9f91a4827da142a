/* reads.h - a request that reads the books, as a table line: which query parameters it
 * takes and what it writes.
 *
 * The parameters are checked on the loop; `run` works on a reader's thread, with a
 * connection of its own, and writes the whole answer. */
#ifndef API_READS_H
#define API_READS_H

#include "api/call.h"
#include "api/fields.h"
#include "base/json.h"

#define PAGE_DEFAULT 20
#define PAGE_MOST 100

/* Where a page begins. A list's parameters begin with one; PAGE_FIELDS are its lines. */
struct page {
    int64_t limit; /* PAGE_DEFAULT unless said */
    struct str cursor;
    struct id place;    /* out of the cursor: the last of the page before, or zero */
    uint8_t filters[8]; /* what stands in the cursor for the rest of the query */
};
#define PAGE_FIELDS                                                                                \
    { .name = "limit",                                                                             \
      .kind = FIELD_INT,                                                                           \
      .offset = offsetof(struct page, limit),                                                      \
      .least = 1,                                                                                  \
      .most = PAGE_MOST },                                                                         \
    {                                                                                              \
        .name = "cursor", .kind = FIELD_TEXT, .offset = offsetof(struct page, cursor),             \
        .most = 256, .ours = true                                                                  \
    }

/* The lines of a list without filters. */
extern const struct field page_fields[2];
#define PAGE_ONLY FIELDS(page_fields), sizeof(struct page), true

struct read_ask {
    struct call *call;
    struct query_scope scope;
    struct id object; /* the {id} of the path */
    const void *params;
    const struct page *page; /* the same, for lists */
    struct arena *arena;
    struct buf body;
    struct str store_detail; /* why the store failed */
};

struct reading {
    const struct field *params; /* NULL: no query parameters */
    size_t param_count;
    size_t params_size;
    bool paged; /* the parameters begin with a struct page */
    /* What a table cannot say; may be NULL. On the loop. */
    enum err (*check)(struct call *call, const void *params);
    enum err (*run)(const struct read_ask *ask, struct db *db, struct json_out *out);
};

/* {"object":"list","data":[ ... ],"next_cursor":...}. The page's rows are one more than shown
 * when there is a next page; page_shown tells how many to write. */
int64_t page_limit(const struct page *page); /* to ask the books for */
size_t page_shown(const struct page *page, size_t row_count);
void list_open(struct json_out *out);
/* Of a payment's history, whose beginning may have been pruned. */
void list_open_history(struct json_out *out, bool pruned);
/* `last` is the place of the last one shown; ignored when all were. */
void list_close(struct json_out *out, const struct read_ask *ask, size_t row_count, struct id last);
void list_close_at(struct json_out *out, struct str next_cursor);

/* A number as a place, for lists that are in the order of one. */
struct id place_of_number(int64_t number);
int64_t number_of_place(struct id place);

#endif
