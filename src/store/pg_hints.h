/* pg_hints.h - hints over LISTEN and NOTIFY: see hints.h. Inside store only. */
#ifndef STORE_PG_HINTS_H
#define STORE_PG_HINTS_H

#include "store/hints.h"

/* `conninfo` is copied. */
struct hints *pg_hints_open(const char *conninfo);

#endif
