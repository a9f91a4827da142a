/* rules.h - how the sandbox decides: pure, over what one transaction has loaded. */
#ifndef SANDBOX_RULES_H
#define SANDBOX_RULES_H

#include "base/outside.h"
#include "sandbox/protocol.h"

struct rules {
    struct ledger *ledger;         /* with the operation and the charge of every ask loaded */
    const struct outside *outside; /* for the tokens of challenges */
    int64_t now_ms;
};

/* Does what is asked, once per reference; the same again gets the same answer. */
void rules_answer(struct rules *rules, const struct sandbox_ask *ask, struct sandbox_verdict *out);

/* The payer's word about a charge that waits for it; without effect on any other. */
void rules_challenge(struct rules *rules, struct sandbox_charge *charge,
                     struct sandbox_operation *authorize, bool confirmed);

#endif
