/* sim.h - the simulator's whole world: one per process, all on the server's thread.
 *
 *   settings, plan   what the control API switches and plans
 *   ledger           what really happened
 *   notifier         callbacks and webhooks on their way; it has threads of its own
 *   epay, hyper      the two gateways' objects
 *
 * POST /sim/reset forgets everything but the ledger. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/outside.h"
#include "net/server.h"
#include "sim/funds.h"
#include "sim/ledger.h"
#include "sim/map.h"
#include "sim/plan.h"
#include "sim/settings.h"

struct notifier;

struct sim {
    const struct outside *outside;
    struct server *server;
    struct str public_url; /* where payers reach the pages; without a slash at its end */
    struct settings settings, settings_at_start;
    struct plan plan;
    struct ledger ledger;
    struct notifier *notifier;
    struct arena arena; /* until reset */
    unsigned resets;
    struct epay *epay;
    struct hyper *hyper;
};

/* Empty worlds; also the end of reset. */
void sim_begin(struct sim *sim);
int64_t sim_now_ms(const struct sim *sim);
/* `len` random letters and digits, or a random UUID. */
struct str sim_random_text(struct sim *sim, struct arena *arena, size_t len);
struct str sim_random_uuid(struct sim *sim, struct arena *arena);

/* Who did it: purser over the API, the payer on a page, an operator at the gateway. */
#define BY_MERCHANT "merchant"
#define BY_PAYER "payer"
#define BY_OUTSIDER "outsider"

/* One thing that happened to money (or, with `refused`, one that was asked for and was wrong). */
struct effect {
    const char *gateway;
    const char *kind;     /* authorize, capture, void, refund, refund_reversed */
    struct str reference; /* invoice or payment_id */
    struct str id;        /* the gateway's own */
    struct str second;    /* refund_id or externalID; may be empty */
    struct money amount;
    const char *by;
    enum wrong wrong;
};
void sim_record(struct sim *sim, const struct effect *effect);
/* Records what was wrong, and says whether it is carried out all the same. */
bool sim_lets_wrong_pass(struct sim *sim, const struct effect *effect);

/* Every request the server has. */
void sim_handle(void *self, struct server_request *request);

#endif
