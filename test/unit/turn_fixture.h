/* turn_fixture.h - turns over books in memory: what the executor does, without a
 * database, so that a rule can be tested as it is written. */
#ifndef TEST_UNIT_TURN_FIXTURE_H
#define TEST_UNIT_TURN_FIXTURE_H

#include "core/record.h"
#include "core/requests.h"

struct world {
    struct outside_fake fake;
    struct arena arena;
    struct id_maker ids;
    struct merchant_id merchant;
    struct run_id run;
    struct gateway gateway;              /* a copy that a test may change */
    const struct gateway *gateways[2];
    struct gateway_account account;
    struct gateway_account others[3];    /* the first `other_count` are there too */
    size_t other_count;
    int64_t even_since_ms;               /* given to turns */
    int64_t answer_took_ms;              /* from a call's beginning to its answer's turn */
    struct books *books;                 /* NULL before the first turn */
    struct event_list events;            /* all of them, in order */
    struct claim_list claims;            /* all of them */
    struct operation_list closed;        /* loaded only when a turn names one */
    struct customer *customer;           /* given to all turns, as is the next */
    const struct instrument *instrument;
    struct notice *notice;               /* given to turns that are about one */
    struct turn_input input;             /* of the turn before */
    struct turn turn;                    /* the turn before, with its effects */
};

void world_init(struct world *world);
void world_done(struct world *world);

/* Runs the handler over the books as they would be loaded: with open operations and
 * unanswered claims only. Takes its changes over when it succeeds. */
enum err world_turn(struct world *world, const struct turn_handler *handler, const void *ask);

/* The steps that most tests begin with. */
enum err world_create(struct world *world, enum capture_method capture_method,
                      int64_t amount_minor);
/* The gateway's answer to the last call that was ordered; an approval states the amount. */
enum err world_answer(struct world *world, enum gateway_outcome outcome);
enum err world_answer_with(struct world *world, const struct gateway_answer *answer);
/* The clock reaches the next due time and hands in what is due. */
enum err world_due(struct world *world);

struct payment *world_payment(struct world *world);
/* The types of all events so far: "invoice.created payment.created ..." */
const char *world_story(struct world *world);

#endif
