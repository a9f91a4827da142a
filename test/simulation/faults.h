/* faults.h - what can go wrong in a simulated world: by chance, or once, by a plan. */
#ifndef SIMULATION_FAULTS_H
#define SIMULATION_FAULTS_H

/* How often what goes wrong, in per mille of its occasions. A seed turns some of them on. */
#define WORLD_FAULTS(X)                                                                        \
    X(refused, "a call of which no byte left")                                                 \
    X(lost_before, "a call that never arrives")                                                \
    X(lost_after, "an answer that never arrives")                                              \
    X(late, "a call that arrives after its caller gave up")                                    \
    X(doubled, "a call that arrives twice")                                                    \
    X(garbled, "an answer that cannot be understood")                                          \
    X(slow, "an answer that takes long")                                                       \
    X(blind, "enquiries that do not see it yet")                                               \
    X(crash, "the node dies")                                                                  \
    X(restart, "the node is stopped and started")                                              \
    X(disk_error, "a write or a sync fails")                                                   \
    X(sync_error, "a sync fails")                                                              \
    X(disk_full, "the disk is full for a while")                                               \
    X(clock_step, "the wall clock is set")                                                     \
    X(impatient, "a shop asks again before it is answered")                                    \
    X(unheard, "a notification that never comes")                                              \
    X(told_late, "a notification that comes much later")                                       \
    X(told_twice, "a notification that comes twice")                                           \
    X(forged, "a notification that somebody else sends")                                       \
    X(shop_down, "a shop that cannot take a webhook")
struct world_faults {
#define X(name, what) unsigned name;
    WORLD_FAULTS(X)
#undef X
};

/* The one thing that goes wrong in a life with a plan, at which of its occasions (1, 2, ...). */
#define WORLD_PLANS(X) X(DIES) X(FAILS) X(FULL) X(REFUSED) X(LOST_BEFORE) X(LOST_AFTER) X(LATE)    \
    X(DOUBLED) X(GARBLED)
#define X(NAME) PLAN_##NAME,
enum world_plan { PLAN_NONE, WORLD_PLANS(X) PLAN_COUNT };
#undef X

#endif
