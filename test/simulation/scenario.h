/* scenario.h - small lives that are told beforehand, for faults at every place of them.
 *
 * Each is one order and what is asked about it. Without a fault it comes to the end that stands
 * beside it, so that a scenario which does not do what its name says is found. */
#ifndef SIMULATION_SCENARIO_H
#define SIMULATION_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accounts.h"
#include "core/words.h"

enum request_kind { ASK_CREATE, ASK_CAPTURE, ASK_CANCEL, ASK_REFUND, ASK_LOOK, ASK_PAYER,
                    ASK_PRESS, ASK_KINDS };

/* What the payer does who is at the bank, and whether they come back to purser's page. */
enum payer_way { PAYER_ANY, PAYER_PAYS, PAYER_PAYS_AND_LEAVES, PAYER_REFUSES };

#define SCENARIO_AMOUNT 10000
#define SCENARIO_STEPS_MAX 4

struct scenario_step {
    enum request_kind kind;          /* CREATE: there is no such step */
    int64_t after_ms;                /* of the life's begin, once the payment is known */
    int64_t amount_minor;            /* 0: all that there is */
    enum payer_way payer;
};

struct scenario {
    const char *name;
    const char *card;                /* NULL: the payer pays on the gateway's page */
    bool manual;
    unsigned times;                  /* each request is asked so often at once; 0 is 1 */
    struct scenario_step steps[SCENARIO_STEPS_MAX];
    bool race;                       /* or it is captured whole: whoever is first decides */
    enum payment_state end;
    int64_t captured_minor, refunded_minor;
    enum account_name at;
    bool hooks;                      /* with endpoints that are told */
    bool checkout;                   /* on a page of ours, whose button the payer presses */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

#endif
