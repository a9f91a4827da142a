/* protocol.h - the sandbox's wire protocol, far side: HTTP requests to asks, verdicts to
 * replies. Described for people in docs/gateways/sandbox.md. */
#ifndef SANDBOX_PROTOCOL_H
#define SANDBOX_PROTOCOL_H

#include "core/gateway.h"
#include "sandbox/ledger.h"

#define X(name, ...) SANDBOX_ERROR_##name,
enum sandbox_error { SANDBOX_ERROR_NONE = 0, SANDBOX_ERRORS(X) };
#undef X

/* A request as read. Texts live as long as the request, or in the arena. */
struct sandbox_ask {
    enum sandbox_error error; /* INVALID_REQUEST: only `detail` is set beside it */
    const char *detail;       /* the member that is wrong */
    bool is_enquiry;
    enum sandbox_kind kind; /* of what is to be done; NONE for an enquiry */
    struct str account;
    struct str reference;   /* the Idempotency-Key, or the operation asked about */
    struct str charge;      /* its authorize's reference; of an authorize: its own */
    struct money amount;    /* none for a void */
    bool sale;              /* of an authorize: take the money at once */
    bool save;              /* of an authorize: keep the card, for `customer` */
    struct str customer;
    struct id saved;        /* the charge whose card it was saved with: of an authorize with such
                               a card, and a deactivate; else zero */
    enum sandbox_card card; /* of an authorize with a new one */
    struct str last4;
    struct str description;
    struct str return_url;
};

void protocol_read(const struct http_request *request, struct arena *arena,
                   struct sandbox_ask *out);

/* What came of it: an error, or an operation on a charge; or silence. */
struct sandbox_verdict {
    bool silent;
    enum sandbox_error error;
    const char *detail;
    const struct sandbox_operation *operation;
    const struct sandbox_charge *charge;
};

void protocol_write(const struct sandbox_verdict *verdict, struct str public_url,
                    struct arena *arena, struct http_reply *out);

#endif
