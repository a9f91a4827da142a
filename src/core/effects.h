/* effects.h - what follows a turn, once it is committed: calls to gateways, answers to callers. */
#ifndef CORE_EFFECTS_H
#define CORE_EFFECTS_H

#include "core/books.h"
#include "core/look.h"
#include "core/gateway.h"
#include "core/tenants.h"

/* Something to do once the turn is committed. */
struct turn_call {
    struct operation *operation;     /* as committed */
    struct payment *payment;
    struct gateway_account *account;
    const struct gateway *gateway;
    enum operation_kind call;        /* the operation's kind, or ENQUIRE about it */
    const struct card *card;         /* borrowed from the input; NULL when it needs none */
    const struct instrument *instrument;     /* to charge, to forget or to keep; or NULL */
    bool capture_now;
    enum origin origin;
    struct look_mark mark;
};
LIST_TYPE(turn_call_list, struct turn_call)

/* What a caller who waits for a claim gets. */
struct turn_answer {
    struct id claim_key;             /* zero: only the caller of this very turn */
    int status;
    struct str body;
    bool final;                      /* nothing is in flight for it any more */
    bool replayed;                   /* of an earlier request with the same key */
};
LIST_TYPE(turn_answer_list, struct turn_answer)

#endif
