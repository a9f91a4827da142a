/* sandbox_fixture.h - a sandbox with an empty ledger, spoken to in its own protocol. */
#ifndef SANDBOX_FIXTURE_H
#define SANDBOX_FIXTURE_H

#include "sandbox/sandbox.h"
#include "store_fixture.h"

#define GOOD_CARD "4242424242424242"
#define CHALLENGE_CARD "4000002500003155"

struct sandbox_fixture {
    struct store_fixture place;
    struct db *db;
    struct sandbox *sandbox;
};

void sandbox_fixture_open(struct sandbox_fixture *far, const struct store_engine *engine);
void sandbox_fixture_done(struct sandbox_fixture *far);
/* The two halves of a restart. */
void sandbox_fixture_disconnect(struct sandbox_fixture *far);
void sandbox_fixture_connect(struct sandbox_fixture *far);
void sandbox_fixture_reopen(struct sandbox_fixture *far);

/* A call as account ga_1: "capture" with its Idempotency-Key and the members of its body. */
struct http_request sandbox_request(struct sandbox_fixture *far, const char *call,
                                    const char *reference, struct str body);
struct str sandbox_card_body(struct sandbox_fixture *far, const char *number, int amount);
struct str sandbox_amount_body(struct sandbox_fixture *far, const char *charge, int amount);

/* What a reply says, in a line: "silence", "404 unknown_charge", or status, code and the
 * charge's sums: "approved 1000/1000/0", "refused not_captured 1000/0/0 released". */
const char *sandbox_said(struct sandbox_fixture *far, const struct http_reply *reply);

/* One call on its own, and what was said to it. The charge of all is "op_a" unless said. */
const char *sandbox_say(struct sandbox_fixture *far, const char *call, const char *reference,
                        struct str body);
const char *sandbox_authorize(struct sandbox_fixture *far, const char *reference,
                              const char *number, int amount);
const char *sandbox_capture(struct sandbox_fixture *far, const char *reference, int amount);
const char *sandbox_refund(struct sandbox_fixture *far, const char *reference, int amount);
const char *sandbox_void(struct sandbox_fixture *far, const char *reference);
const char *sandbox_enquire(struct sandbox_fixture *far, const char *reference);

/* A member of the JSON body. */
struct str sandbox_member(struct sandbox_fixture *far, const struct http_reply *reply,
                          const char *name);
/* The token of the challenge that the authorize "op_a" waits for. */
struct str sandbox_token(struct sandbox_fixture *far);

/* All movements of money in order, in a line each: "1 authorize op_a op_a 1000 EUR". */
const char *sandbox_ledger(struct sandbox_fixture *far);

/* Runs the tests for every engine; each gets a struct sandbox_fixture as *state. */
int sandbox_run(const char *group, const struct CMUnitTest *tests, size_t count);

#endif
