/* look.h - a look of the reconciler: what goes with its question, and what came of it. */
#ifndef CORE_LOOK_H
#define CORE_LOOK_H

#include <stdbool.h>

#include "base/id.h"

/* What a look of the reconciler carries from its question to the answer. */
struct look_mark {
    bool is_look;
    struct reconciliation_id reconciliation; /* that asked for it; zero: its time had come */
    bool dry_run;                            /* what it finds is counted, and changes nothing */
};

/* X(NAME, member of struct reconciliation): what came of it. ASKED: the answer is to come. */
#define LOOK_RESULTS(X)                                                                           \
    X(ASKED, checked) X(AGREED, agreed) X(MOVED, moved) X(DRIFTED, drifted)                        \
    X(FAILED, failed) X(SKIPPED, skipped)
#define X(name, member) LOOK_##name,
enum look_result { LOOK_NONE = 0, LOOK_RESULTS(X) LOOK_RESULT_COUNT };
#undef X

#endif
