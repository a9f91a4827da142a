/* store_parts.h - struct store, for the files that make it up. Inside store only. */
#ifndef STORE_STORE_PARTS_H
#define STORE_STORE_PARTS_H

#include "store/store.h"

struct store {
    struct db *db;
    const struct outside *outside;
    const struct gateway *const *gateways;
    struct id_maker ids;
    struct arena arena;              /* of the batch in hand and its effects */
    struct str failure;              /* the engine's words about the last failed commit */
    struct store_counts counts;
};

#endif
