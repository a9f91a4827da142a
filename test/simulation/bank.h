/* bank.h - the far side of the sandbox's protocol, with books of its own.
 *
 * It knows nothing of purser, and does what it is asked however wrong that is: what purser must
 * never ask for is noted in `wrong` with the invariant that it breaks. Times are true time. */
#ifndef SIMULATION_BANK_H
#define SIMULATION_BANK_H

#include "core/wire.h"

#define BANK_CHARGES_MAX 512
#define BANK_OPERATIONS_MAX 4096
#define BANK_REFERENCE_MAX 64

enum bank_kind { BANK_AUTHORIZE, BANK_CAPTURE, BANK_VOID, BANK_REFUND, BANK_KIND_COUNT };

struct bank_charge {
    char reference[BANK_REFERENCE_MAX];
    char currency[4];
    int64_t amount_minor, authorized_minor, captured_minor, refunded_minor;
    bool waits, released;
    bool refuses_captures, refuses_refunds;
};

struct bank_operation {
    char reference[BANK_REFERENCE_MAX];
    enum bank_kind kind;
    size_t charge;
    int64_t amount_minor;
    const char *status, *code;       /* of the protocol */
    uint64_t digest;                 /* of the request's body */
    int64_t visible_us;              /* to enquiries */
};

struct bank {
    struct bank_charge charges[BANK_CHARGES_MAX];
    struct bank_operation operations[BANK_OPERATIONS_MAX];
    size_t charge_count, operation_count;
    const char *invariant;           /* the first that it was asked to break, or NULL */
    const char *wrong;
};

/* What is done now is seen by enquiries from `visible_us` on. */
void bank_handle(struct bank *bank, const struct http_request *request, int64_t now_us,
                 int64_t visible_us, struct arena *arena, struct http_reply *out);
/* The payer's word about a charge that waits; without effect on any other. */
void bank_payer(struct bank *bank, struct str reference, bool confirmed);
struct bank_operation *bank_operation(struct bank *bank, struct str reference);
struct bank_charge *bank_charge(struct bank *bank, struct str reference);

#endif
