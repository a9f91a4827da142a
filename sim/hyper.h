/* hyper.h - Hyperswitch's v1 API as its merchants see it.
 *
 *   hyper.c            the objects, keys, errors; the list of calls
 *   hyper_create.c     POST /payments, and what one may ask for
 *   hyper_payment.c    get, update, confirm, capture, cancel
 *   hyper_refund.c     refunds
 *   hyper_list.c       lists
 *   hyper_show.c       a payment and a refund as JSON
 *   hyper_webhook.c    outgoing webhooks
 *   hyper_page.c       the payment link's page
 *   hyper_outsider.c   what somebody does at the gateway or behind it
 *
 * Hyperswitch answers from its own books unless force_sync asks the processor behind it: `now` is
 * the processor's truth, `seen` is what Hyperswitch knows, `before` what it knew before. */
#ifndef SIM_HYPER_H
#define SIM_HYPER_H

#include "sim/exchange.h"
#include "sim/hyper.def"

#define HYPER "hyperswitch"
#define HYPER_MERCHANT "merchant_sim"
#define HYPER_CONNECTOR "fauxpay"

enum hyper_error {
#define X(name, code, status, type, message) HYPER_ERROR_##name,
    HYPER_ERRORS(X)
#undef X
    HYPER_ERROR_COUNT
};

struct hyper_view {
    struct str status;
    int64_t capturable, received;
    struct str error_code, error_message;
};

struct hyper_refund {
    struct hyper_refund *next;        /* of all, newest first */
    struct hyper_refund *next_of_its; /* of its payment, oldest first */
    struct str id;
    struct hyper_payment *payment;
    int64_t minor;
    struct str status, status_before;
    struct str reason, error_code;
    const struct json *request;
    int64_t created_ms, updated_ms;
    bool settled; /* its effect is in the ledger */
};

struct hyper_payment {
    struct hyper_payment *next; /* newest first */
    struct str id, client_secret, connector_id;
    struct money amount;
    struct str capture_method;
    const struct json *request; /* of the creation */
    const struct json *update;  /* of the last update or confirm; NULL: none */
    struct str cancel_reason;
    struct hyper_view now, seen, before;
    struct funds funds;
    int64_t created_ms, updated_ms, expires_ms;
    int64_t attempts, captures;
    struct hyper_refund *refunds, **refunds_end;
    int64_t refund_count;
};

struct hyper {
    struct map payments, refunds; /* by id */
    struct hyper_payment *newest;
    struct hyper_refund *newest_refund;
};

extern const struct face hyper_face, hyper_pages;

struct hyper *hyper_new(struct sim *sim);

/* hyper.c */
/* `detail` fills the gap of the error's message; where there is none it is the reason. */
void hyper_reply_error(struct exchange *exchange, enum hyper_error error, const char *detail);
bool hyper_is_allowed(struct exchange *exchange); /* false: 401 was replied */
const char *hyper_event_of(struct str status);        /* "" when there is none */
const char *hyper_refund_event_of(struct str status);
bool hyper_is_refund_state(struct str status);
bool hyper_refund_counts(struct str status);
/* A member of the payment's requests, the latest first; NULL when it was never given. */
const struct json *hyper_member(const struct hyper_payment *payment, const char *name);
/* To a new state, known at once, with the amounts that `now` has. */
void hyper_set(struct sim *sim, struct hyper_payment *payment, const char *status);
void hyper_sync(struct hyper_payment *payment); /* `seen` becomes `now` */
bool hyper_is(const struct hyper_payment *payment, const char *status);
struct effect hyper_effect(const struct hyper_payment *payment, const char *kind, int64_t minor,
                           struct str second, const char *by, enum wrong wrong);
void hyper_record(struct sim *sim, const struct hyper_payment *payment, const char *kind,
                  int64_t minor, struct str second, const char *by, enum wrong wrong);
/* Carries the payment to a state of HYPER_STATES, with the money that goes with it, and tells. */
void hyper_come_to(struct sim *sim, struct hyper_payment *payment, struct str status,
                   struct str code, const char *by, struct exchange *cause);
/* How an approved payment ends: held or taken, by its capture method. */
struct str hyper_approved_state(const struct hyper_payment *payment);
/* The id that was given, or one of the gateway's own, in the sim's arena. */
struct str hyper_new_id(struct sim *sim, const char *prefix, struct str given);
/* The same bytes in the sim's arena, parsed again. */
const struct json *hyper_keep(struct sim *sim, struct str body);
bool hyper_knows_members(const struct json *doc, bool refund);

/* hyper_create.c */
/* Whether the request says how to pay. */
bool hyper_has_method(const struct json *doc);
/* Pays: to what the plan wants, else to what the card does, else approved. */
void hyper_confirm(struct exchange *exchange, struct hyper_payment *payment);

/* hyper_payment.c: the state that follows from what was captured. */
void hyper_after_capture(struct sim *sim, struct hyper_payment *payment);

/* hyper_refund.c */
struct hyper_refund *hyper_refund_new(struct sim *sim, struct hyper_payment *payment,
                                      struct str id, int64_t minor);
/* To a state, with the effect that goes with it, and tells. */
void hyper_refund_come_to(struct sim *sim, struct hyper_refund *refund, struct str status,
                          struct str code, const char *by, struct exchange *cause);

/* hyper_show.c */
struct hyper_show {
    struct sim *sim;
    struct arena *arena;
    const struct exchange *exchange; /* whose faults are shown; NULL: none */
    bool expand_attempts, expand_captures;
    bool wrong_amount;
};
/* Members of an object that is open in `out`. */
void hyper_put_payment(struct json_out *out, const struct hyper_payment *payment,
                       const struct hyper_show *show);
void hyper_put_refund(struct json_out *out, const struct hyper_refund *refund,
                      const struct hyper_show *show);
void hyper_reply_payment(struct exchange *exchange, const struct hyper_payment *payment);
void hyper_reply_refund(struct exchange *exchange, const struct hyper_refund *refund);

/* hyper_webhook.c */
void hyper_tell(struct sim *sim, const struct hyper_payment *payment, struct exchange *cause);
void hyper_tell_refund(struct sim *sim, const struct hyper_refund *refund,
                       struct exchange *cause);

#endif
