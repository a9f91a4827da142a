/* delivery_parts.h - struct deliveries, for the files that make it up. Inside engine only.
 *
 *   deliveries.c        the thread: what came in, who is next, when to look up again
 *   delivery_targets.c  endpoints: windows, pauses, leases; delivery_loads.c: their work
 *   delivery_backlogs.c how far behind they are
 *   delivery_parcels.c  one try: the request, its end, its record
 *
 * All of it belongs to the deliveries' thread. A parcel is the client's while it is under way. */
#ifndef ENGINE_DELIVERY_PARTS_H
#define ENGINE_DELIVERY_PARTS_H

#include "core/webhook_format.h"
#include "core/webhook_rules.h"
#include "engine/deliveries.h"
#include "engine/delivery_backlogs.h"
#include "engine/delivery_loads.h"
#include "engine/engine_parts.h"

#define BUCKETS 8192
#define RESULTS_MOST 256             /* in one turn */

/* An endpoint as it was read last, with its secrets open. Counted: parcels hold it. */
struct recipient {
    unsigned holders;
    struct arena arena;
    struct webhook_endpoint endpoint;
    struct webhook_send keys;        /* the secrets of it */
};

enum target_lease { LEASE_UNKNOWN = 0, LEASE_ASKED, LEASE_OURS, LEASE_OTHERS };

struct target {
    struct target *next;             /* in its bucket */
    struct webhook_endpoint_id id;
    struct recipient *recipient;     /* NULL: not read yet */
    struct reading reading;
    struct link *ready, **ready_end; /* those to be sent */
    unsigned ready_count, under_way, held;
    unsigned window, good, failures; /* successes since the window grew; failures in a row */
    bool in_ring, more, untold;      /* more are due; who has it may not know of our commit */
    bool looked, drains;             /* due ones were read; they are what an outage left behind */
    int64_t ramp_us;                 /* since when its rate doubles each second; 0: no limit */
    enum target_lease lease;
    struct run_id run;               /* LEASE_OURS: under which */
    int64_t due_ms;                  /* when to read what is due, by the books' clock; 0 never */
    int64_t pause_us;                /* nothing is sent before; 0: no pause */
    int64_t next_send_us;            /* by its rate */
    size_t timer;                    /* its place among the timers, from 1; 0: none */
    int64_t timer_us;
    struct target *ring_next;
};

struct ring_of_targets {
    struct target *first, *last;
    unsigned under_way, most;
};

/* One delivery in memory, from when it was read until its try is recorded. */
struct parcel {
    struct link link;
    struct parcel *next;             /* in its bucket */
    struct deliveries *deliveries;
    struct target *target;
    struct recipient *recipient;
    struct arena arena;
    struct webhook_delivery delivery;
    struct str body;
    struct client_call wire;
    bool sick;                       /* which places it takes */
    bool cancelled;                  /* stopped by us: that is no failure of theirs */
    struct run_id run;               /* under whose lease it is sent */
    struct webhook_result result;
};

enum note_kind { NOTE_DUE, NOTE_ENDED, NOTE_RECORDED, NOTE_LEASED, NOTE_STOP };
struct note {
    struct link link;
    enum note_kind kind;
    struct webhook_endpoint_id endpoint;
    struct parcel *parcel;
    struct run_id run;
    enum err err;                    /* NOTE_RECORDED */
    bool own;                        /* NOTE_DUE: by a commit of this node */
};

struct deliveries {
    struct engine *engine;
    const struct outside *outside;
    struct client *client;
    struct db *db;
    struct arena arena;
    struct arena scratch;
    struct queue notes;
    pthread_t thread;
    bool started, stopping, guarded, records, was_late;
    int64_t skew_ms;                 /* the books' clock minus this node's */
    struct target *buckets[BUCKETS];
    struct parcel *held[BUCKETS];    /* by the delivery's id */
    struct target **timers;          /* a heap, the earliest first */
    size_t timer_count, timer_cap;
    struct ring_of_targets well, sick;
    struct link *ended, **ended_end; /* parcels whose results are not recorded yet */
    size_t ended_count;
    struct link *recording;          /* those in the turn that is under way */
    size_t record_most;              /* results in a turn: fewer after one was refused */
    struct link *stuck;              /* results that were refused alone; tried again later */
    int64_t record_again_us, gather_us, stuck_us;
    _Atomic int64_t expected_us;     /* when the thread is to come round next; 0: when asked */
    int64_t scan_us;                 /* when to look for work that others left; 0: never */
    unsigned parcels, kept_count;
    struct link *kept;               /* parcels that ended, for the next */
    struct kept_signature *signatures; /* SIGNATURES_KEPT, by message; NULL: none was made */
    int64_t started_ms;              /* by the books' clock */
    int64_t backlogs_us;             /* when to look how far behind endpoints are; 0: never */
    pthread_mutex_t backlogs_lock;
    struct backlogs backlogs;        /* under the lock: metrics read them */
};

/* deliveries.c: a turn of the deliveries' own; `done` has them as turn->user. */
void deliveries_turn(struct deliveries *deliveries, struct desk_turn *turn,
                     const struct turn_handler *handler, const void *ask,
                     void (*done)(struct desk_turn *turn));

/* delivery_targets.c */
struct target *target_get(struct deliveries *deliveries, struct webhook_endpoint_id id);
struct target *target_find(const struct deliveries *deliveries, struct webhook_endpoint_id id);
void target_look(struct deliveries *deliveries, struct target *target);    /* reads what is due */
void target_set_timer(struct deliveries *deliveries, struct target *target);
void target_timer_fires(struct deliveries *deliveries, struct target *target);
void target_ring(struct deliveries *deliveries, struct target *target);
bool target_is_sick(const struct target *target);
void target_begin_drain(struct deliveries *deliveries, struct target *target);
/* The least time between two tries, by the endpoint's own limit and by a drain; 0: none. */
int64_t target_gap_us(const struct deliveries *deliveries, struct target *target);
void target_ended(struct deliveries *deliveries, struct parcel *parcel, bool success);
void target_forget_if_idle(struct deliveries *deliveries, struct target *target);
void target_leased(struct deliveries *deliveries, const struct note *note);
struct target *timers_first(const struct deliveries *deliveries);
void recipient_release(struct recipient *recipient);

/* delivery_parcels.c */
struct parcel *parcel_new(struct deliveries *deliveries, struct target *target,
                          const struct webhook_delivery *delivery, struct str body);
void parcel_free(struct parcel *parcel);
void parcels_forget(struct deliveries *deliveries);    /* those that are kept for the next */
bool parcel_send(struct parcel *parcel);    /* false: its result is filled in already */
/* A turn with the results of the parcels that ended. */
void parcels_record(struct deliveries *deliveries);

#endif
