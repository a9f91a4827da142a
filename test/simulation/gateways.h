/* gateways.h - epayment.kz and Hyperswitch as purser-sim plays them, asked without its server, its
 * threads and its file: what they did is in memory.
 *
 * They refuse what is wrong, and tell on those who ask for it. One world at a time. Nothing of
 * the simulator's own headers is seen here: its words are not the engine's. */
#ifndef SIMULATION_GATEWAYS_H
#define SIMULATION_GATEWAYS_H

#include "base/outside.h"
#include "core/wire.h"

#define GATEWAYS_HOLDINGS_MAX 512
#define GATEWAYS_REFERENCE_MAX 64

/* What a gateway did for one payment, by its own books; `reference` is what they call it. */
struct holding {
    char gateway[16];
    char reference[GATEWAYS_REFERENCE_MAX];
    int64_t authorized_minor, captured_minor, refunded_minor;
    bool voided;
};

/* A callback or webhook that is to go out. Texts live until the call returns. */
struct telling {
    const char *gateway;
    struct str url, headers, body;   /* the headers are whole lines */
    int64_t tries;                   /* so many at most, a minute apart */
};

struct gateways_ears {
    void *self;
    void (*wrong)(void *self, struct str line);
    void (*tells)(void *self, const struct telling *telling);
};

/* Before anything else, and with nothing in their books. `webhook_url` is Hyperswitch's;
 * `partial_refund` is how epayment.kz shows what is partly refunded (sim/settings.def). */
void gateways_begin(const struct outside *outside, const struct gateways_ears *ears,
                    struct str webhook_url, const char *partial_refund);
/* The reply's texts are in the arena. */
void gateways_handle(const struct http_request *request, struct arena *arena,
                     struct http_reply *out);
/* NULL: it did nothing of that name. */
const struct holding *gateways_holding(struct str gateway, struct str reference);
const struct holding *gateways_holdings(size_t *count);

/* The payer who has that page before them: false when there is nothing to decide. */
bool gateways_payer(struct str gateway, struct str reference, bool confirms);
/* Those who may have a page before them: the n-th name of theirs, empty after the last. */
struct str gateways_page(size_t place, const char **gateway);

#endif
