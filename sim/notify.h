/* notify.h - callbacks and webhooks: when they go out, how often, and what became of each try.
 *
 * The gateway asks the plan first (notify_fault), writes the body accordingly and hands it over.
 * Every try is a line `notification` in the ledger, also one that the plan suppressed. */
#ifndef SIM_NOTIFY_H
#define SIM_NOTIFY_H

#include "sim/exchange.h"

struct notice {
    const char *gateway;
    const char *event;    /* static */
    struct str reference; /* invoice or payment_id */
    struct str second;
    struct str url;
    struct str headers;   /* whole lines with CRLF */
    struct str body;
    /* Minutes between tries, ending with 0; NULL: `attempts` a minute apart. */
    const int *schedule;
    int64_t attempts;
    /* Whether it is still worth repeating; NULL: always. */
    bool (*still_true)(struct sim *sim, struct str reference, struct str second,
                       const char *event);
};

struct notifier *notifier_open(struct sim *sim);
void notifier_stop(struct notifier *notifier);  /* before server_close; waits for running tries */
void notifier_close(struct notifier *notifier); /* after it */

struct fault notify_fault(struct sim *sim, const char *gateway, struct str reference,
                          struct str second, struct money amount);
/* Everything is copied. `cause` is the exchange that brought it about, which an early one holds
 * back until it is answered; NULL when there is none. */
void notify_send(struct sim *sim, const struct notice *notice, const struct fault *fault,
                 struct exchange *cause);

#endif
