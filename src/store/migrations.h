/* migrations.h - the numbered versions of the books' schema, oldest first. Forward only.
 *
 * How to add one: README.md in this folder. */
#ifndef STORE_MIGRATIONS_H
#define STORE_MIGRATIONS_H

#include "store/db.h"

/* Ended by version 0. */
extern const struct migration store_migrations[];

#endif
