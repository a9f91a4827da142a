/* delivery_loads.h - what is read of endpoints' work. Inside engine only. */
#ifndef ENGINE_DELIVERY_LOADS_H
#define ENGINE_DELIVERY_LOADS_H

#include "store/query_webhooks.h"

struct deliveries;
struct parcel;
struct target;

/* How far an endpoint's backlog was read, so that the next read goes on from there. */
struct reading {
    struct webhook_due_place place;  /* zero: it begins at the beginning */
    int64_t whole_us;                /* and so does one at this time */
};

/* Reads what is due at an endpoint that is ours. */
must_check enum err target_load(struct deliveries *deliveries, struct target *target,
                                int64_t now_ms);
/* That more is to be read, before the last of what waits was sent. */
bool target_runs_low(const struct deliveries *deliveries, const struct target *target);
/* The next read begins at the beginning: something before its place may be due. */
void target_reread(struct target *target);
/* All that are in memory are found by the delivery's id. */
void parcel_hold(struct deliveries *deliveries, struct parcel *parcel);
void parcel_let_go(struct deliveries *deliveries, struct parcel *parcel);

#endif
