/* plan.h - which call goes wrong, and how: rules given over the control API, and magic amounts.
 *
 * Every call of a gateway is put to the plan once, before anything is done with it; every callback
 * or webhook too, under the call's name "notification". The first rule that fits decides for its
 * stage, and rules go before magic amounts. */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/money.h"
#include "sim/fault.def"
#include "sim/map.h"

enum fault_kind {
    FAULT_NONE = 0,
#define X(name, text, stage, effect, call, meaning) FAULT_##name,
    FAULTS(X)
#undef X
    FAULT_COUNT
};

enum fault_stage {
    FAULT_STAGE_WAIT,
    FAULT_STAGE_REPLY,
    FAULT_STAGE_SHOW,
    FAULT_STAGE_NOTIFY,
    FAULT_STAGE_COUNT
};

struct fault {
    enum fault_kind kind;
    bool effect;
    int64_t ms;
    struct str word, code;
};

/* A call (or notification) as the plan looks at it. Texts may be empty. */
struct plan_subject {
    struct str gateway;
    struct str call, role;
    struct str reference; /* invoice or payment_id */
    struct str second;    /* refund_id or externalID */
    struct money amount;  /* of the call */
    struct money total;   /* of the payment: what magic amounts look at */
};

struct plan {
    struct arena arena;
    struct plan_rule *rules, **end;
    int64_t count;
    struct map magic_used;
};

void plan_clear(struct plan *plan);
void plan_done(struct plan *plan);
/* The rule's number, or 0 with a sentence in `why`. docs/simulator.md has the members. */
int64_t plan_add(struct plan *plan, const struct json *members, struct arena *arena,
                 struct str *why);
void plan_write(const struct plan *plan, struct json_out *out, const char *name);

/* Fills the free places of `faults`, one for each stage, and counts what it used. */
void plan_take(struct plan *plan, const struct plan_subject *subject,
               struct fault faults[FAULT_STAGE_COUNT]);

const char *fault_text(enum fault_kind kind);
/* The tables, for --help. */
void plan_write_help(struct buf *out);

#endif
