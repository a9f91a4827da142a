/* periods.h - the months in which parted tables lie (COLUMN_PERIOD in tables.def).
 *
 * Where an engine has parts, each month of ids has one of its own in each such table, made
 * ahead of time; what has no month lies in the table's rest. Dropping a month's parts costs the
 * same whatever lies in them. On other engines nothing is parted: months can be named, none is
 * listed, and making some does nothing. A month is one of UTC, by the time in the rows' ids. */
#ifndef STORE_PERIODS_H
#define STORE_PERIODS_H

#include "base/list.h"
#include "store/db.h"

struct period {
    int year, month;                 /* month: 1 to 12 */
};
LIST_TYPE(period_list, struct period)

struct period period_at(int64_t time_ms);
struct period period_next(struct period period);
int period_compare(struct period a, struct period b);
/* Ids of a month are from id_first_at of its start to that of the next one's. */
int64_t period_start_ms(struct period period);
/* "2026-03" */
struct str period_text(struct period period, struct arena *arena);

/* Whether the engine parts its tables. */
bool periods_are_used(const struct db *db);
/* Those that have parts, oldest first. */
must_check enum err periods_list(struct db *db, struct arena *arena, struct period_list *out);

/* How many months beyond the present one have their parts. */
#define PERIODS_AHEAD 3
/* Makes the parts that are lacking from `from_ms` until `to_ms`, each month in a transaction of
 * its own; rows of that month that lie in the rest move into them. Needs the owner of the
 * tables. ERR_STORE_RETRY or ERR_STORE_BUSY when readers held the tables for too long. */
must_check enum err periods_make(struct db *db, int64_t from_ms, int64_t to_ms);
/* The present month and those ahead. */
must_check enum err periods_make_ahead(struct db *db);

/* In a transaction: holds the parted tables against everybody else until its end. Gives up
 * after two seconds, because all who write wait behind. */
must_check enum err periods_hold(struct db *db);
/* In a transaction that holds them: what lies in the month is gone with its commit. */
must_check enum err periods_drop(struct db *db, struct period period);

#endif
